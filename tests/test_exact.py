"""Exact: floats have residues, and gates given as floats have a certified rank."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from exact_rank import rank_mod_p
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from strategies import circuits, tensors_for

from qcircuit_adapt import Circuit, families, reference
from qcircuit_adapt.analysis.field.chance import PRIME
from qcircuit_adapt.analysis.field.dyadic import to_residues
from qcircuit_adapt.analysis.field.modular import MAX_RESIDUE
from qcircuit_adapt.analysis.trained.exact import certified_rank
from qcircuit_adapt.errors import TensorError

SEEDS = st.integers(0, 2**16)
FLOATS = [np.float16, np.float32, np.float64]


@given(
    st.sampled_from(FLOATS).flatmap(
        lambda dtype: arrays.arrays(
            dtype,
            arrays.array_shapes(max_dims=2, max_side=3),
            elements={"allow_nan": False, "allow_infinity": False},
        )
    )
)
def test_floats_have_exact_residues(numbers: np.ndarray) -> None:
    residues = to_residues(numbers)
    assert residues.shape == numbers.shape
    for number, residue in zip(numbers.ravel().tolist(), residues.ravel().tolist(), strict=True):
        exact = Fraction(number)
        assert (int(residue) * exact.denominator - exact.numerator) % PRIME == 0
        assert abs(residue) <= MAX_RESIDUE


@pytest.mark.parametrize("dtype", FLOATS)
def test_the_extreme_floats_have_residues(dtype: Any) -> None:
    kind = np.finfo(dtype)
    for number in (kind.max, kind.tiny, kind.smallest_subnormal, -kind.max, dtype(1) - kind.epsneg):
        exact = Fraction(float(number))
        residue = int(to_residues(number))
        assert (residue * exact.denominator - exact.numerator) % PRIME == 0


@pytest.mark.parametrize(
    "dtype", [bool, np.int8, np.uint8, np.int16, np.int32, np.int64, np.uint64]
)
def test_whole_numbers_have_residues(dtype: Any) -> None:
    ends = [0, 1] if dtype is bool else [np.iinfo(dtype).min, np.iinfo(dtype).max]
    for number in ends:
        assert (int(to_residues(np.array([number], dtype))[0]) - int(number)) % PRIME == 0


@given(circuits(max_gates=4, max_axes=3), SEEDS, st.sampled_from(FLOATS), st.integers(-9, 5))
def test_the_rank_is_that_of_the_reference(
    circuit: Circuit, seed: int, dtype: Any, power: int
) -> None:
    rng = np.random.default_rng(seed)
    whole, other = (tensors_for(circuit, rng, low=2) for _ in range(2))
    matrix = reference.matrix(circuit, spread(circuit, whole))
    # Scaled by a power of two the gates have fractions, and the same rank.
    tensors = {name: np.ldexp(tensor, power).astype(dtype) for name, tensor in whole.items()}
    assert certified_rank(circuit, tensors) == rank_mod_p(matrix)
    assert certified_rank(circuit, tensors, minus=tensors) == 0
    difference = matrix - reference.matrix(circuit, spread(circuit, other))
    assert certified_rank(circuit, whole, minus=other) == rank_mod_p(difference)


def spread(circuit: Circuit, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {gate.name: tensors[circuit.owner(gate).name] for gate in circuit.gates}


@pytest.mark.parametrize("target", [None, 16])
def test_a_dead_column_is_found(target: int | None) -> None:
    circuit = families.lora(80, 48, rank=16)
    rng = np.random.default_rng(0)
    tensors = {
        "g1": rng.standard_normal((16, 80), dtype=np.float32),
        "g2": rng.standard_normal((48, 16), dtype=np.float32),
    }
    assert certified_rank(circuit, tensors, target=target) == 16
    tensors["g2"][:, 3] = 0
    assert certified_rank(circuit, tensors, target=target) == 15


def bfloat16(numbers: np.ndarray) -> np.ndarray:
    """Cut float32 to the numbers that bfloat16 has."""
    return (numbers.astype(np.float32).view(np.uint32) & 0xFFFF0000).view(np.float32)


def test_bfloat16_gates_of_full_rank() -> None:
    circuit = families.quanta((6, 4, 4))
    rng = np.random.default_rng(0)
    gates = [
        {name: bfloat16(tensor) for name, tensor in tensors_for(circuit, rng).items()}
        for _ in range(2)
    ]
    assert certified_rank(circuit, gates[0]) == 96
    assert certified_rank(circuit, gates[0], minus=gates[1]) == 96


def test_half_gates_keep_the_rank_that_their_rounded_product_loses() -> None:
    circuit = Circuit.parse("x=40 | x {rank=4}")
    rng = np.random.default_rng(0)
    first, second = (rng.standard_normal(s, dtype=np.float32) for s in ((4, 40), (40, 4)))
    assert certified_rank(circuit, {"g1_in": first, "g1_out": second}) == 4
    assert certified_rank(circuit, {"g1": second @ first}) == 40
    whole = {"g1": second.astype(np.float64) @ first}
    assert certified_rank(circuit, {"g1_in": first, "g1_out": second}, minus=whole) > 4


def test_progress_is_told() -> None:
    told: list[tuple[int, int]] = []
    circuit = Circuit.parse("x=6 | x")
    certified_rank(circuit, {"g1": np.eye(6)}, on_progress=lambda *done: told.append(done))
    assert told[-1] == (12, 12)


PLAIN = Circuit.parse("x=3 | x {name=first}")


@pytest.mark.parametrize(
    ("circuit", "tensors", "lines"),
    [
        (
            PLAIN,
            {"frist": np.eye(3)},
            ["there is no tensor for gate 'first'.", "  Did you mean 'frist'?"],
        ),
        (
            PLAIN,
            {"first": np.eye(2)},
            [
                "the tensor of gate 'first' has shape (2, 2), but must have (3, 3).",
                "  Shapes count (per..., to..., on...).",
            ],
        ),
        (
            PLAIN,
            {"first": np.full((3, 3), np.nan)},
            [
                "the tensor of gate 'first' has no exact value: there is a number that is infinite "
                "or not a number."
            ],
        ),
        (
            PLAIN,
            {"first": np.eye(3, dtype=complex)},
            [
                "the tensor of gate 'first' has no exact value: numbers of type complex128 have no "
                "residues here.",
                "  Give float64, a shorter float, or whole numbers.",
            ],
        ),
    ],
)
def test_what_has_no_rank(circuit: Circuit, tensors: dict[str, Any], lines: list[str]) -> None:
    with pytest.raises(TensorError) as error:
        certified_rank(circuit, tensors)
    assert str(error.value).splitlines() == lines


def test_a_gate_of_bounded_rank_needs_both_halves_or_itself() -> None:
    circuit = Circuit.parse("x=3 | x {rank=2}, x {share=g1}")
    halves = {"g1_in": np.eye(2, 3), "g1_out": np.eye(3, 2)}
    assert (
        certified_rank(circuit, halves) == certified_rank(circuit, {"g1": np.diag([1, 1, 0])}) == 2
    )
    with pytest.raises(TensorError, match="there is no tensor for gate 'g1'"):
        certified_rank(circuit, {"g1_in": halves["g1_in"]})
    assert replace(circuit.gates[0], rank=None).shape == (3, 3)
