"""The outline of a gate's box: a rectangle, or slanted where wires shrink, grow, end or start."""

from __future__ import annotations

import math
from collections.abc import Sequence

from qcircuit_adapt.axes import Axis
from qcircuit_adapt.draw.layout import Pad
from qcircuit_adapt.draw.marks import Point

_NARROW, _WIDE = 0.45, 0.7
"""How high the smaller side of a trapezoid is at least and at most, as a share of the larger."""


def outline(
    pads: Sequence[Pad], *, x: Point, y: Point, half: float
) -> tuple[Point, Point, Point, Point]:
    """Return the corners of a box around pads on adjacent rows, clockwise from the top left.

    A pad whose wire changes its size is a trapezoid, as high on the side of the smaller wire as the
    sizes' logarithms say. A side without a wire counts as one of size 1.

    Args:
        pads: The pads, from top to bottom.
        x: The left and the right edge.
        y: The heights of the first and the last row.
        half: Half the height of a pad.

    Example:
        >>> outline([Pad(0, Axis("a", 16), Axis("a", 8))], x=(0, 9), y=(0, 0), half=10)
        ((0, -10.0), (9, -7.0), (9, 7.0), (0, 10.0))
    """
    (left, right), (top, bottom) = x, y
    upper, lower = _heights(pads[0]), _heights(pads[-1])
    return (
        (left, top - half * upper[0]),
        (right, top - half * upper[1]),
        (right, bottom + half * lower[1]),
        (left, bottom + half * lower[0]),
    )


def tapers(pad: Pad) -> bool:
    """Say whether a pad's wire changes its size there."""
    return len(set(_heights(pad))) > 1


def _heights(pad: Pad) -> Point:
    """Return the height of a pad's left and right edge, as shares of the larger."""
    left, right = _weight(pad.left), _weight(pad.right)
    if left == right:
        return 1.0, 1.0
    share = min(max(min(left, right) / max(left, right), _NARROW), _WIDE)
    return (1.0, share) if left > right else (share, 1.0)


def _weight(axis: Axis | None) -> float:
    return math.log2(axis.size) if axis else 0.0
