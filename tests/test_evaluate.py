"""Evaluating: a circuit's matrix modulo the prime is what `reference` says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import circuits, tensors_for

from qcircuit_adapt import Circuit, reference
from qcircuit_adapt.analysis.field import evaluate as module
from qcircuit_adapt.analysis.field.chance import PRIME
from qcircuit_adapt.analysis.field.evaluate import Operator, evaluate
from qcircuit_adapt.analysis.field.modular import MAX_RESIDUE, multiply
from qcircuit_adapt.analysis.field.residues import draw_residues

SEEDS = st.integers(0, 2**16)


def without_ranks(circuit: Circuit) -> Circuit:
    gates = [replace(gate, rank=None) for gate in circuit.gates]
    return Circuit(circuit.inputs, gates, outputs=[axis.name for axis in circuit.outputs])


def draw(circuit: Circuit, seed: int) -> tuple[Operator, np.ndarray]:
    """A circuit at small whole numbers, and its matrix."""
    tensors = tensors_for(circuit, np.random.default_rng(seed), low=3)
    owned = {gate.name: tensors[circuit.owner(gate).name] for gate in circuit.gates}
    point = {name: tensor.astype(np.float64) for name, tensor in tensors.items()}
    return Operator(circuit, point), reference.matrix(circuit, owned | tensors)


@given(circuits().map(without_ranks), SEEDS, st.sampled_from([1, 50, 2**21]))
def test_the_matrix_is_the_reference(circuit: Circuit, seed: int, numbers: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MAX_NUMBERS", numbers)
        (operator, matrix), (minus, other) = draw(circuit, seed), draw(circuit, seed + 1)
        done: list[int] = []
        found = evaluate(operator, on_columns=done.append)
        assert not np.any((found - matrix) % PRIME)
        assert np.all(abs(found) <= MAX_RESIDUE)
        assert sum(done) == circuit.d_in
        found = evaluate(operator, minus=minus)
        assert not np.any((found - (matrix - other)) % PRIME)
        left = draw_residues((2, circuit.d_out), seed=seed, label="project=left")
        right = draw_residues((circuit.d_in, 2), seed=seed, label="project=right")
        projected = evaluate(operator, minus=minus, projection=2, seed=seed)
        assert not np.any((projected - multiply(multiply(left, found), right)) % PRIME)
