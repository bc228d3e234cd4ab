"""The network has the circuit's meaning, and its graph the network's ends."""

from __future__ import annotations

import math

import networkx
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from strategies import circuits

from qcircuit_adapt import Circuit, reference
from qcircuit_adapt.network import INPUT, OUTPUT, Bond, Network, build_network
from qcircuit_adapt.wires import split_ranks


def contract(circuit: Circuit, tensors: dict[str, np.ndarray]) -> np.ndarray:
    """The matrix of a circuit, from its network alone: one sum over the indices of all bonds."""
    halves, network = split_ranks(circuit), build_network(circuit)
    taken = {(end, bond.wire): bond for bond in network.bonds for end in bond.ends[1:]}
    given = {(bond.ends[0], bond.wire): bond for bond in network.bonds}
    label = {bond: n for n, bond in enumerate(network.bonds)}
    operands: list[object] = []
    for gate in halves.gates:
        legs = [taken[gate.name, axis.name] for axis in gate.per]
        legs += [given[gate.name, axis.name] for axis in gate.to]
        legs += [taken[gate.name, axis.name] for axis in gate.on]
        operands += [tensors[halves.owner(gate).name], [label[bond] for bond in legs]]
    outer = []
    for n, axis in enumerate(circuit.outputs):
        # An index that is both a row's and a column's needs a label for each.
        outer.append(len(label) + n)
        operands += [np.eye(axis.size, dtype=int), [outer[-1], label[taken[OUTPUT, axis.name]]]]
    outer += [label[given[INPUT, axis.name]] for axis in circuit.inputs]
    return np.einsum(*operands, outer).reshape(circuit.d_out, circuit.d_in)


@given(circuits(max_gates=4, max_axes=3), st.integers(0, 2**16))
def test_the_network_contracts_to_the_matrix(circuit: Circuit, seed: int) -> None:
    rng, halves = np.random.default_rng(seed), split_ranks(circuit)
    tensors = {g.name: rng.integers(-2, 3, g.shape) for g in halves.gates if not g.share}
    np.testing.assert_array_equal(contract(circuit, tensors), reference.matrix(halves, tensors))


@given(circuits())
def test_the_graph_has_the_bonds_ends(circuit: Circuit) -> None:
    network = build_network(circuit)
    graph = network.graph()
    assert len(graph) == 2 + len(network.gates) + len(network.bonds)
    for bond in network.bonds:
        assert set(graph[bond.name]) == set(bond.ends)
        assert len(set(bond.ends)) == len(bond.ends) >= 2
        assert graph.nodes[bond.name] == {"kind": "bond", "size": bond.size}
    assert networkx.is_bipartite(graph)
    ends = {end: [b.size for b in network.bonds if end in b.ends] for end in (INPUT, OUTPUT)}
    assert math.prod(ends[INPUT]) == circuit.d_in
    assert math.prod(ends[OUTPUT]) == circuit.d_out


@given(circuits())
def test_the_parts_share_nothing_and_leave_out_nothing(circuit: Circuit) -> None:
    network = build_network(circuit)
    parts = network.parts()
    assert sorted(gate for part in parts for gate in part.gates) == sorted(network.gates)
    assert sorted(bond.name for part in parts for bond in part.bonds) == sorted(
        bond.name for bond in network.bonds
    )
    for part in parts:
        assert {end for bond in part.bonds for end in bond.ends} <= {*part.gates, INPUT, OUTPUT}


def test_parts_are_as_small_as_can_be() -> None:
    parts = build_network(Circuit.parse("a=2 b=3 c=5 d=7 | a, b c")).parts()
    assert sorted(part.gates for part in parts) == [(), ("g1",), ("g2",)]


def test_a_gate_of_bounded_rank_is_two_tensors_with_a_bond() -> None:
    network = build_network(Circuit.parse("a=4 | a {rank=2}"))
    assert network == Network(
        ("g1_in", "g1_out"),
        (
            Bond("a", 4, (INPUT, "g1_in")),
            Bond("g1_bond", 2, ("g1_in", "g1_out")),
            Bond("a", 4, ("g1_out", OUTPUT)),
        ),
    )
    assert [bond.name for bond in network.bonds] == ["<in>:a", "g1_in:g1_bond", "g1_out:a"]


def test_a_control_wire_is_one_bond_from_its_start_to_its_end() -> None:
    network = build_network(Circuit.parse("a=2 b=3 | b per a, per a b, a -> c=5"))
    assert network.bonds[0] == Bond("a", 2, (INPUT, "g1", "g2", "g3"))
    assert Bond("b", 3, ("g1", "g2", OUTPUT)) in network.bonds
