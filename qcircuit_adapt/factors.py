"""Whole numbers as products: how a dimension is cut into axes."""

from __future__ import annotations

from fractions import Fraction
from functools import cache, lru_cache

from qcircuit_adapt.errors import FamilyError


def factorize(number: int, *, count: int) -> tuple[int, ...]:
    """Write a number as a product of so many factors above 1, as balanced as it goes.

    Balanced means: of least sum, and of those the one whose largest factors are smallest.

    Returns:
        The factors, largest first.

    Raises:
        FamilyError: The number has fewer prime factors than asked for.

    Example:
        >>> factorize(4096, count=3), factorize(5120, count=4), factorize(11008, count=4)
        ((16, 16, 16), (10, 8, 8, 8), (43, 8, 8, 4))
    """
    primes = prime_factors(number)
    factors = _balanced(number, count, number) if count >= 1 else None
    if factors is None:
        spelled = " * ".join(map(str, primes)) or str(number)
        raise FamilyError(
            f"{number} = {spelled} cannot be cut into {count} axes larger than 1.",
            cure=f"Use at most {len(primes)} axes, or a family without axes: lora(rank=8).",
        )
    return factors


def match_factors(number: int, *, axes: tuple[int, ...]) -> tuple[int, ...]:
    """Write a number as a product with a factor for each axis, changing as few axes as it can.

    Of those that change equally many the one is taken whose ratios are least, and which changes the
    earliest axes.

    Returns:
        One factor for each axis, in the order of the axes; a factor may be 1.

    Example:
        >>> match_factors(1024, axes=(16, 8, 8, 4)), match_factors(14336, axes=(8, 8, 8, 8))
        ((4, 8, 8, 4), (28, 8, 8, 8))
    """

    @cache
    def best(index: int, rest: int) -> tuple[int, Fraction, tuple[bool, ...], tuple[int, ...]]:
        """Return changed axes, sum of ratios, which are kept, and the factors, from an axis on."""
        choices = [rest] if index == len(axes) - 1 else _divisors(rest)
        options = []
        for factor in choices:
            kept = factor == axes[index]
            tail: tuple[int, Fraction, tuple[bool, ...], tuple[int, ...]] = (0, Fraction(), (), ())
            if index < len(axes) - 1:
                tail = best(index + 1, rest // factor)
            larger, smaller = max(factor, axes[index]), min(factor, axes[index])
            ratios = tail[1] + (0 if kept else Fraction(larger, smaller))
            options.append(((not kept) + tail[0], ratios, (kept, *tail[2]), (factor, *tail[3])))
        return min(options)

    return best(0, number)[3]


@lru_cache(maxsize=4096)
def prime_factors(number: int) -> tuple[int, ...]:
    """Return the prime factors of a number, smallest first.

    Example:
        >>> prime_factors(11008)
        (2, 2, 2, 2, 2, 2, 2, 2, 43)
    """
    factors, prime = [], 2
    while prime * prime <= number:
        while number % prime == 0:
            factors.append(prime)
            number //= prime
        prime += 1
    return tuple(factors + ([number] if number > 1 else []))


@lru_cache(maxsize=4096)
def _divisors(number: int) -> tuple[int, ...]:
    divisors = {1}
    for prime in prime_factors(number):
        divisors |= {prime * divisor for divisor in divisors}
    return tuple(sorted(divisors))


@lru_cache(maxsize=65536)
def _balanced(number: int, count: int, largest: int) -> tuple[int, ...] | None:
    """Return the balanced factors, largest first, none above a limit; None if there are none."""
    if count == 1:
        return (number,) if 1 < number <= largest else None
    options = []
    for factor in _divisors(number)[1:]:
        if factor > largest:
            break
        if tail := _balanced(number // factor, count - 1, factor):
            options.append((factor, *tail))
    return min(options, key=lambda factors: (sum(factors), factors), default=None)
