"""Span: the dimension of a sum of product spaces."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

Space = Mapping[str, int]
"""A product of spaces, one for each name, with their dimensions; for other names it is scalars."""


def count_span(spaces: Iterable[Space]) -> int:
    """Return the dimension of the sum of product spaces.

    For each name the spaces must be nested, the smaller dimension inside the larger, and contain
    the scalars. Then what product spaces share with the sum of others is the sum of what they share
    with each, and that is a product again.

    Example:
        Functions f(a, b) + g(b, c), of 3, 4 and 5 values:

        >>> count_span([{"a": 3, "b": 4}, {"b": 4, "c": 5}])
        28
        >>> count_span([{}, {"a": 1}])
        1
    """
    larger = ({name: size for name, size in space.items() if size > 1} for space in spaces)
    return _count(frozenset(frozenset(space.items()) for space in larger))


def _count(spaces: frozenset[frozenset[tuple[str, int]]]) -> int:
    largest = [dict(space) for space in spaces]
    largest = [one for one in largest if not any(_is_within(one, other) for other in largest)]
    if not largest:
        return 0
    first, *rest = sorted(largest, key=lambda space: sorted(space.items()))
    shared = frozenset(frozenset(_intersect(first, other).items()) for other in rest)
    others = frozenset(frozenset(other.items()) for other in rest)
    return math.prod(first.values()) + _count(others) - _count(shared)


def _intersect(one: Space, other: Space) -> dict[str, int]:
    return {name: min(one[name], other[name]) for name in one.keys() & other.keys()}


def _is_within(one: Space, other: Space) -> bool:
    return one != other and all(size <= other.get(name, 1) for name, size in one.items())
