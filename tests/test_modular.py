"""Arithmetic modulo the prime: exact at the largest numbers that occur, and ranks as elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from exact_rank import rank_mod_p
from hypothesis import given
from hypothesis import strategies as st

from qcircuit_adapt.analysis.field.chance import PRIME
from qcircuit_adapt.analysis.field.modular import (
    BAND,
    MAX_RESIDUE,
    MAX_TERMS,
    find_rank,
    multiply,
    reduce,
    subtract_product,
)
from qcircuit_adapt.factors import prime_factors

LARGEST = MAX_TERMS * MAX_RESIDUE**2 + 2 * MAX_RESIDUE
"""The largest number that is ever reduced: a full sum, and a residue it is added to."""


def random_residues(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.integers(-MAX_RESIDUE, MAX_RESIDUE, shape, endpoint=True).astype(np.float64)


def extremes(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.choice([-MAX_RESIDUE, MAX_RESIDUE], shape).astype(np.float64)


def is_equal(residues: np.ndarray, numbers: np.ndarray) -> bool:
    return not np.any((residues.astype(np.int64) - numbers) % PRIME)


def test_the_prime_and_the_bounds() -> None:
    assert prime_factors(PRIME) == (PRIME,)
    assert all(len(prime_factors(n)) > 1 for n in range(PRIME + 1, 2**21))
    assert LARGEST <= 2**53


@given(
    st.integers(-LARGEST, LARGEST)
    | st.builds(
        lambda multiple, offset: max(-LARGEST, min(LARGEST, multiple * PRIME + offset)),
        st.integers(-LARGEST // PRIME, LARGEST // PRIME),
        st.sampled_from([-1, 0, 1, PRIME // 2, PRIME // 2 + 1]),
    )
)
def test_reduce(number: int) -> None:
    residue = int(reduce(np.array([float(number)]))[0])
    assert (residue - number) % PRIME == 0
    assert abs(residue) <= MAX_RESIDUE
    assert (residue == 0) == (number % PRIME == 0)


@pytest.mark.parametrize(
    "terms", [0, 1, MAX_TERMS - 1, MAX_TERMS, MAX_TERMS + 1, 2 * MAX_TERMS + 3]
)
def test_products_are_exact_at_the_largest_residues(terms: int) -> None:
    rng = np.random.default_rng(terms)
    same = np.full((2, terms), float(MAX_RESIDUE))
    for left, right in (
        (same, same.T),
        (extremes(rng, 5, terms), extremes(rng, terms, 3)),
        (random_residues(rng, 2, 4, terms), random_residues(rng, 2, terms, 3)),
    ):
        # Sums of 2^15 products of 2^20 by 2^20 stay below 2^63.
        exact = left.astype(np.int64) @ right.astype(np.int64)
        product = multiply(left, right)
        assert is_equal(product, exact)
        assert np.all(abs(product) <= MAX_RESIDUE)
        if left.ndim == 2:
            matrix = extremes(rng, *exact.shape)
            before = matrix.astype(np.int64)
            subtract_product(matrix, left, right)
            assert is_equal(matrix, before - exact)
            assert np.all(abs(matrix) <= MAX_RESIDUE)


def test_products_are_subtracted_in_all_bands() -> None:
    rng = np.random.default_rng(0)
    matrix, left, right = (
        random_residues(rng, *shape) for shape in ((900, 1500), (900, 2), (2, 1500))
    )
    assert matrix.size > BAND
    before = matrix.astype(np.int64)
    subtract_product(matrix, left, right)
    assert is_equal(matrix, before - left.astype(np.int64) @ right.astype(np.int64))


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 2**32 - 1))
def test_the_rank_is_that_modulo_another_prime(
    rows: int, columns: int, inner: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    # Small entries, often 0, so that pivots are not where they are looked for first, and so that
    # hardly a minor is a multiple of either prime.
    matrix = rng.integers(-2, 3, (rows, inner)) @ rng.integers(-2, 3, (inner, columns))
    matrix *= rng.integers(0, 2, (rows, 1))
    assert find_rank(matrix.astype(np.float64)) == rank_mod_p(matrix)


@pytest.mark.parametrize(
    ("rows", "columns", "rank"),
    [(64, 64, 64), (100, 37, 37), (37, 100, 37), (80, 90, 41), (5, 7, 0)],
)
def test_ranks_of_random_residues(rows: int, columns: int, rank: int) -> None:
    rng = np.random.default_rng(rows)
    matrix = multiply(random_residues(rng, rows, rank), random_residues(rng, rank, columns))
    kept = matrix.copy()
    assert find_rank(matrix) == rank
    assert np.array_equal(matrix, kept)
    if rank:
        # Rows that only differ by multiples of the prime are the same.
        assert find_rank(np.vstack([matrix, matrix - PRIME * np.sign(matrix)])) == rank


def test_columns_are_counted() -> None:
    done: list[int] = []
    assert find_rank(np.eye(6), on_columns=done.append) == 6
    assert sum(done) == 6
