"""Who feeds whom, layers, and half-gates."""

from __future__ import annotations

from hypothesis import given
from strategies import circuits

from qcircuit_adapt import Circuit
from qcircuit_adapt.wires import feeders, layers, split_ranks


@given(circuits())
def test_layers_hold_every_gate_once_and_touch_no_wire_twice(circuit: Circuit) -> None:
    found = layers(circuit)
    assert sorted(index for layer in found for index in layer) == list(range(len(circuit.gates)))
    depth = {index: n for n, layer in enumerate(found) for index in layer}
    for index, sources in enumerate(feeders(circuit)):
        before = [depth[source] for source in sources.values() if source is not None]
        # Left-justified: a gate stands right after the latest gate that feeds it.
        assert depth[index] == max(before, default=-1) + 1
    for layer in found:
        touched = [
            axis.name
            for index in layer
            for axis in (*circuit.gates[index].on, *circuit.gates[index].per)
        ]
        assert len(touched) == len(set(touched))


def test_a_renamed_wire_is_fed_by_the_gate_that_made_it() -> None:
    circuit = Circuit.parse("a=2 b=3 | a b -> r=4, r -> a=2 b=2, b per a")
    assert feeders(circuit) == (
        {"a": None, "b": None},
        {"r": 0},
        {"b": 1, "a": 1},
    )


def test_half_gates_take_free_names() -> None:
    circuit = Circuit.parse(
        "g1_bond=4 | g1_bond {rank=2 name=g1}, g1_bond {name=g1_in}, g1_bond {share=g1}"
    )
    assert split_ranks(circuit).text == (
        "g1_bond=4 | g1_bond -> g1_bond_=2 {name=g1_in_}, g1_bond_ -> g1_bond=4 {name=g1_out}, "
        "g1_bond {name=g1_in}, g1_bond -> g3_bond=2 {name=g3_in share=g1_in_}, "
        "g3_bond -> g1_bond=4 {name=g3_out share=g1_out}"
    )


@given(circuits())
def test_no_ranks_are_left(circuit: Circuit) -> None:
    halves = split_ranks(circuit)
    assert all(gate.rank is None for gate in halves.gates)
    assert (halves.inputs, halves.outputs) == (circuit.inputs, circuit.outputs)
