"""Chance: the prime, and how seldom a rank modulo it falls short."""

from __future__ import annotations

PRIME = 2097143
"""The largest prime below ``2**21``."""

LARGEST_WEIGHT = 2**32 // PRIME + 1
"""How many of the ``2**32`` words that residues are drawn from give the same residue, at most."""


def bound_miss(rank: int, *, factors: int) -> int:
    """Return n such that a drawn point misses a larger rank with a chance of at most 1 in n.

    A minor of one row more than the rank is a polynomial in what is drawn, of a degree that is at
    most that many rows times the number of factors. This is about the largest rank modulo the
    prime.

    Args:
        rank: The rank that was found.
        factors: Of how many drawn tensors each entry of the matrix is a product, at most.

    Returns:
        A whole number; 0 and 1 say nothing.

    Example:
        >>> bound_miss(4096, factors=6)
        85

    Source: Schwartz, "Fast probabilistic algorithms for verification of polynomial identities",
    J. ACM 27 (1980).
    """
    return 2**32 // ((rank + 1) * max(factors, 1) * LARGEST_WEIGHT)
