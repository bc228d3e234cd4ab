"""The rank of a product lies between Sylvester's bounds, and reaches both."""

from __future__ import annotations

import numpy as np
import pytest
from exact_rank import rank_mod_p
from hypothesis import given
from hypothesis import strategies as st

from qcircuit_adapt.analysis import multiply_bounds

SIZES = st.integers(1, 6)


def draw_of_rank(rng: np.random.Generator, rows: int, columns: int, rank: int) -> np.ndarray:
    return rng.integers(-9, 10, (rows, rank)) @ rng.integers(-9, 10, (rank, columns))


@given(SIZES, SIZES, st.integers(0, 6), st.integers(0, 6), st.integers(0, 99))
def test_the_rank_lies_between(d: int, d_out: int, first: int, second: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    update, weight = draw_of_rank(rng, d, d, first), draw_of_rank(rng, d_out, d, second)
    rank = rank_mod_p(update)
    lower, upper = multiply_bounds((rank, rank), weight_rank=rank_mod_p(weight), dimension=d)
    assert lower <= rank_mod_p(weight @ update) <= upper


@pytest.mark.parametrize(("shift", "expected"), [(0, 3), (2, 1), (3, 0)])
def test_every_value_is_reached(shift: int, expected: int) -> None:
    """Of 6 coordinates the update keeps the first 3, the weight 3 from the shift on."""
    update = np.diag([1, 1, 1, 0, 0, 0])
    weight = np.roll(np.diag([1, 1, 1, 0, 0, 0]), shift, axis=(0, 1))
    assert rank_mod_p(weight @ update) == expected
    lower, upper = multiply_bounds((3, 3), weight_rank=3, dimension=6)
    assert lower == 0
    assert upper == 3
