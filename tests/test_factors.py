"""How dimensions are cut into axes."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qcircuit_adapt.errors import FamilyError
from qcircuit_adapt.factors import factorize, match_factors, prime_factors


def ordered_products(number: int, count: int) -> list[tuple[int, ...]]:
    """Every way to write a number as an ordered product, by trying all."""
    divisors = [d for d in range(1, number + 1) if number % d == 0]
    return [t for t in itertools.product(divisors, repeat=count) if math.prod(t) == number]


@given(st.integers(1, 300), st.integers(1, 4))
def test_balanced_factors_have_the_least_sum(number: int, count: int) -> None:
    choices = [t for t in ordered_products(number, count) if min(t) > 1]
    if not choices:
        with pytest.raises(FamilyError):
            factorize(number, count=count)
        return
    factors = factorize(number, count=count)
    assert math.prod(factors) == number
    assert list(factors) == sorted(factors, reverse=True)
    assert sum(factors) == min(map(sum, choices))


@given(st.integers(1, 200), st.lists(st.integers(1, 9), min_size=1, max_size=3))
def test_matched_factors_change_the_fewest_axes(number: int, axes: list[int]) -> None:
    def cost(factors: tuple[int, ...]) -> tuple[int, Fraction]:
        changed = [(f, a) for f, a in zip(factors, axes, strict=True) if f != a]
        return len(changed), sum((Fraction(max(p), min(p)) for p in changed), Fraction())

    factors = match_factors(number, axes=tuple(axes))
    assert math.prod(factors) == number
    assert cost(factors) == min(map(cost, ordered_products(number, len(axes))))


@pytest.mark.parametrize(
    ("number", "count", "factors"),
    [
        (768, 3, (12, 8, 8)),
        (1024, 3, (16, 8, 8)),
        (4096, 4, (8, 8, 8, 8)),
        (5120, 3, (20, 16, 16)),
        (8192, 4, (16, 8, 8, 8)),
        (11008, 3, (43, 16, 16)),
        (14336, 4, (16, 14, 8, 8)),
    ],
)
def test_sizes_of_real_layers(number: int, count: int, factors: tuple[int, ...]) -> None:
    assert factorize(number, count=count) == factors


def test_a_prime_cannot_be_cut() -> None:
    with pytest.raises(FamilyError) as caught:
        factorize(50257, count=4)
    assert str(caught.value) == (
        "50257 = 29 * 1733 cannot be cut into 4 axes larger than 1.\n"
        "  Use at most 2 axes, or a family without axes: lora(rank=8)."
    )


@given(st.integers(1, 10**6))
def test_prime_factors_multiply_back(number: int) -> None:
    assert math.prod(prime_factors(number)) == number
