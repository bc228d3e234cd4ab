"""Laws that hold for every circuit."""

from __future__ import annotations

import copy
import pickle

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from strategies import circuits, tensors_for

from qcircuit_adapt import Axis, Circuit, Gate, reference  # noqa: F401  (eval needs the names)
from qcircuit_adapt.circuit_file import dumps, loads
from qcircuit_adapt.wires import split_ranks

SEEDS = st.integers(0, 2**16)


def whole(circuit: Circuit, seed: int) -> dict[str, np.ndarray]:
    """Small whole numbers, so that the laws hold exactly."""
    return tensors_for(circuit, np.random.default_rng(seed), low=2)


@given(circuits())
def test_text_repr_file_and_pickle_come_back(circuit: Circuit) -> None:
    assert Circuit.parse(circuit.text, name=circuit.name) == circuit
    assert eval(repr(circuit)) == circuit
    assert hash(eval(repr(circuit))) == hash(circuit)
    assert loads(dumps(circuit)) == circuit
    assert dumps(loads(dumps(circuit))) == dumps(circuit)
    assert pickle.loads(pickle.dumps(circuit)) == circuit
    assert copy.deepcopy(circuit) == circuit
    for gate in circuit.gates:
        assert eval(repr(gate)) == gate


@given(circuits(max_gates=3, max_width=20), circuits(max_gates=3, max_width=20), SEEDS)
def test_side_by_side_is_the_kronecker_product(c: Circuit, d: Circuit, seed: int) -> None:
    both = c | d
    left, right = whole(c, seed), whole(d, seed + 1)
    tensors = dict(
        zip(
            [gate.name for gate in both.gates if not gate.share],
            [*left.values(), *right.values()],
            strict=True,
        )
    )
    expected = np.kron(reference.matrix(c, left), reference.matrix(d, right))
    np.testing.assert_array_equal(reference.matrix(both, tensors), expected)


@given(circuits(max_gates=3), st.data(), SEEDS)
def test_composition_is_the_matrix_product(c: Circuit, data: st.DataObject, seed: int) -> None:
    # Names of its own, some of them those of c: composing renames.
    taken = tuple(Axis(name, axis.size) for name, axis in zip("cabdefgh", c.outputs, strict=False))
    d = data.draw(circuits(max_gates=3, inputs=taken))
    chain = c >> d
    left, right = whole(c, seed), whole(d, seed + 1)
    names = [gate.name for gate in chain.gates if not gate.share]
    tensors = dict(zip(names, [*left.values(), *right.values()], strict=True))
    expected = reference.matrix(d, right) @ reference.matrix(c, left)
    np.testing.assert_array_equal(reference.matrix(chain, tensors), expected)
    assert chain.parameters == c.parameters + d.parameters
    assert chain.macs_per_token == c.macs_per_token + d.macs_per_token


@given(circuits(), SEEDS)
def test_reversal_is_the_transpose(circuit: Circuit, seed: int) -> None:
    tensors = whole(circuit, seed)
    turned = {
        gate.name: np.moveaxis(
            tensors[gate.name],
            range(len(gate.per), len(gate.per) + len(gate.to)),
            range(len(gate.per) + len(gate.on), len(gate.shape)),
        )
        for gate in circuit.gates
        if not gate.share
    }
    back = circuit.reverse()
    np.testing.assert_array_equal(
        reference.matrix(back, turned), reference.matrix(circuit, tensors).T
    )
    assert back.reverse() == circuit


@given(circuits(), SEEDS)
def test_half_gates_multiply_to_the_gate(circuit: Circuit, seed: int) -> None:
    halves = split_ranks(circuit)
    tensors = whole(halves, seed)
    joined = {}
    for gate in circuit.gates:
        if gate.share:
            continue
        if gate.rank is None:
            joined[gate.name] = tensors[gate.name]
            continue
        second = tensors[f"{gate.name}_out"].reshape(gate.blocks, gate.rows, gate.rank)
        first = tensors[f"{gate.name}_in"].reshape(gate.blocks, gate.rank, gate.columns)
        joined[gate.name] = (second @ first).reshape(gate.shape)
    np.testing.assert_array_equal(
        reference.matrix(halves, tensors), reference.matrix(circuit, joined)
    )
    assert halves.parameters == circuit.parameters
    assert halves.macs_per_token == circuit.macs_per_token


@given(circuits(), SEEDS)
def test_the_matrix_is_multilinear_in_each_gate(circuit: Circuit, seed: int) -> None:
    tensors = whole(circuit, seed)
    matrix = reference.matrix(circuit, tensors)
    for name in tensors:
        uses = sum(name in (gate.name, gate.share) for gate in circuit.gates)
        scaled = reference.matrix(circuit, {**tensors, name: 3 * tensors[name]})
        np.testing.assert_array_equal(scaled, 3**uses * matrix)
