"""Folding a wide picture into strips, one below the other."""

from __future__ import annotations

from collections.abc import Sequence


def fold(widths: Sequence[int], layers: Sequence[int], *, limit: int) -> tuple[range, ...]:
    """Divide columns into as few strips as fit a width: equally wide, between layers if possible.

    Args:
        widths: How wide each column is, with the space after it.
        layers: For each column the layer it belongs to.
        limit: How wide a strip may be. A column that is wider stands alone.

    Example:
        >>> fold([4, 4, 4, 4, 4], [0, 1, 2, 3, 4], limit=16)
        (range(0, 3), range(3, 5))
        >>> fold([4, 4, 4, 4], [0, 1, 1, 2], limit=8)
        (range(0, 1), range(1, 3), range(3, 4))
    """
    strips = _fill(widths, layers, limit)
    low, high = 1, limit
    while low < high:
        middle = (low + high) // 2
        if len(_fill(widths, layers, middle)) <= len(strips):
            high = middle
        else:
            low = middle + 1
    return _fill(widths, layers, high)


def _fill(widths: Sequence[int], layers: Sequence[int], limit: int) -> tuple[range, ...]:
    strips, start = [], 0
    while start < len(widths):
        stop, width = start + 1, widths[start]
        while stop < len(widths) and width + widths[stop] <= limit:
            width += widths[stop]
            stop += 1
        whole = stop
        while start < whole < len(widths) and layers[whole] == layers[whole - 1]:
            whole -= 1
        stop = whole if whole > start else stop
        strips.append(range(start, stop))
        start = stop
    return tuple(strips) or (range(0),)
