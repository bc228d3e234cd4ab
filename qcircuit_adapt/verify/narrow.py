"""Narrow: the least product of bonds that separates the input from the output, exactly.

A largest flow has the value of a smallest cut, also where what flows side by side multiplies: the
positive rationals under multiplication are an ordered group, and augmenting needs no more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from fractions import Fraction

from qcircuit_adapt.verify.graph import IN, OUT, Bond


def find_least_cut(names: Sequence[str], bonds: Iterable[Bond]) -> int:
    """Return the product of the sizes of the bonds of a smallest cut.

    Along each bond a value may go in at any end, through its size once, and out at any end.

    Example:
        >>> find_least_cut(["g1"], [Bond(IN, "a", 6, (IN, "g1")), Bond("g1", "b", 4, ("g1", OUT))])
        4
    """
    room: dict[tuple[str, str], Fraction | None] = {}
    after: dict[str, list[str]] = {name: [] for name in (IN, OUT, *names)}

    def link(tail: str, head: str, size: Fraction | None) -> None:
        for one, other, amount in ((tail, head, size), (head, tail, Fraction(1))):
            after.setdefault(one, [])
            if (one, other) not in room:
                after[one].append(other)
                room[one, other] = amount

    for number, bond in enumerate(bonds):
        mouth, tail = f"{number} in", f"{number} out"
        link(mouth, tail, Fraction(bond.size))
        for end in dict.fromkeys(bond.ends):
            link(end, mouth, None)
            link(tail, end, None)
    value = Fraction(1)
    while path := _search(after, room):
        sizes = [room[arc] for arc in path]
        width = min(size for size in sizes if size is not None)
        for (one, other), size in zip(path, sizes, strict=True):
            back = room[other, one]
            room[one, other] = None if size is None else size / width
            room[other, one] = None if back is None else back * width
        value *= width
    return value.numerator


def _search(
    after: dict[str, list[str]], room: dict[tuple[str, str], Fraction | None]
) -> list[tuple[str, str]]:
    """Return the arcs of a shortest path with room on it from the input to the output, or none."""
    before, queue = {IN: IN}, deque([IN])
    while queue and OUT not in before:
        one = queue.popleft()
        for other in after[one]:
            size = room[one, other]
            if other not in before and (size is None or size > 1):
                before[other] = one
                queue.append(other)
    if OUT not in before:
        return []
    path, node = [], OUT
    while node != IN:
        path.append((before[node], node))
        node = before[node]
    return path[::-1]
