"""Low-rank changes of gates: no update of such gates exceeds the bound."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from exact_rank import PRIME, matrix_mod_p, rank_mod_p
from hypothesis import given
from hypothesis import strategies as st
from strategies import circuits

from qcircuit_adapt import Circuit, families
from qcircuit_adapt.analysis import find_cut
from qcircuit_adapt.analysis.bounds.telescope import telescoped_bound
from qcircuit_adapt.errors import GateError

SEEDS = st.integers(0, 2**16)


def changed_rank(circuit: Circuit, deltas: dict[str, int], *, seed: int) -> int:
    """The rank of T - S at random gates and random changes of the given ranks."""
    rng = np.random.default_rng(seed)
    start, trained = {}, {}
    for gate in circuit.gates:
        if gate.share:
            continue
        start[gate.name] = rng.integers(0, PRIME, gate.shape)
        first = rng.integers(0, PRIME, (gate.blocks, gate.rows, deltas[gate.name]))
        second = rng.integers(0, PRIME, (gate.blocks, deltas[gate.name], gate.columns))
        change = sum(
            first[:, :, k : k + 1] * second[:, k : k + 1] % PRIME for k in range(first.shape[2])
        )
        moved = (
            start[gate.name]
            if gate.frozen
            else start[gate.name]
            + np.reshape(
                change + np.zeros((gate.blocks, gate.rows, gate.columns), dtype=np.int64),
                gate.shape,
            )
        )
        trained[gate.name] = moved % PRIME
    return rank_mod_p(matrix_mod_p(circuit, trained) - matrix_mod_p(circuit, start))


@pytest.mark.parametrize(
    ("axes", "delta", "bound", "rank"),
    [((4, 3, 2), 1, 9, 9), ((8, 4, 4), 2, 32, 32), ((4, 4, 2, 2), 1, 52, 51)],
)
def test_known_bounds(axes: tuple[int, ...], delta: int, bound: int, rank: int) -> None:
    circuit = families.quanta(axes)
    deltas = {gate.name: delta for gate in circuit.gates}
    assert telescoped_bound(circuit, deltas) == bound
    assert changed_rank(circuit, deltas, seed=0) == rank


@given(circuits(max_gates=4, max_axes=3, max_width=40), SEEDS, st.data())
def test_the_rank_is_no_larger(circuit: Circuit, seed: int, data: st.DataObject) -> None:
    outputs = [axis.name for axis in circuit.outputs]
    gates = [replace(gate, rank=None) for gate in circuit.gates]
    circuit = Circuit(circuit.inputs, gates, outputs=outputs)
    deltas = {g.name: data.draw(st.integers(0, 2)) for g in circuit.gates if not g.share}
    assert changed_rank(circuit, deltas, seed=seed) <= telescoped_bound(circuit, deltas)


def test_what_is_not_named_changes_as_it_will() -> None:
    circuit = Circuit.parse("a=4 b=3 | a {rank=1}, b")
    assert telescoped_bound(circuit, {"g2": 0}) == 6
    assert telescoped_bound(circuit, {}) == find_cut(circuit, subject="T - S").bound == 6
    assert telescoped_bound(Circuit.parse("a=4 | a {frozen}"), {}) == 0


@pytest.mark.parametrize(
    ("deltas", "problem"),
    [
        ({"g7": 1}, "no gate 'g7' owns a tensor of the circuit."),
        ({"g2": 1}, "no gate 'g2' owns a tensor of the circuit."),
        ({"g1": -1}, "the change of gate 'g1' has rank -1; it must be 0 or more."),
    ],
)
def test_what_cannot_be(deltas: dict[str, int], problem: str) -> None:
    with pytest.raises(GateError) as error:
        telescoped_bound(Circuit.parse("a=4 | a, a {share=g1}"), deltas)
    assert str(error.value).splitlines()[0] == problem
