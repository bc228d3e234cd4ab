"""Marks: what a picture is made of once every place and colour is settled.

Lengths are pixels, y grows downwards, colours are ``#rrggbb``. A renderer needs to know nothing
else: neither gates nor wires nor themes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Point = tuple[float, float]


@dataclass(frozen=True)
class Segment:
    """A piece of a path: move, line, quadratic or cubic curve, or closing line.

    Attributes:
        kind: The letter that SVG writes for it.
        points: Where it leads to, with the control points of a curve before.
    """

    kind: Literal["M", "L", "Q", "C", "Z"]
    points: tuple[Point, ...]


Path = tuple[Segment, ...]


@dataclass(frozen=True)
class Stroke:
    """A line along a path; `dashes` are lengths drawn and left out in turn."""

    path: Path
    thick: float
    colour: str
    dashes: tuple[float, ...] = ()


@dataclass(frozen=True)
class Area:
    """The inside of a closed path, filled, edged, or hatched.

    Attributes:
        path: The path.
        fill: The colour inside; nothing is filled if empty.
        edge: The colour of the line around it; there is none if empty.
        thick: How thick that line is.
        opacity: Of the inside, from 0 to 1.
        hatched: Whether it is hatched, in `HATCH`, rather than filled.
    """

    path: Path
    fill: str = ""
    edge: str = ""
    thick: float = 1.0
    opacity: float = 1.0
    hatched: bool = False


@dataclass(frozen=True)
class Disc:
    """A filled circle, edged, or hatched; as `Area`."""

    centre: Point
    radius: float
    fill: str = ""
    edge: str = ""
    opacity: float = 1.0
    hatched: bool = False


@dataclass(frozen=True)
class Words:
    """A line of text.

    Attributes:
        text: The text.
        at: Where it stands: on the base line, at its start, middle or end.
        size: How high its type is.
        colour: Its colour.
        anchor: Which point of the text stands there.
        weight: How bold it is, as fonts count it; 0 is regular.
    """

    text: str
    at: Point
    size: float
    colour: str
    anchor: Literal["start", "middle", "end"] = "start"
    weight: int = 0


@dataclass(frozen=True)
class Group:
    """Marks that belong together.

    Attributes:
        marks: The marks, the lowest first.
        kind: What they show, such as ``gate``; an empty text if nothing by itself.
        name: Which one.
        title: What is told on hovering.
        at: By how much they are moved.
    """

    marks: tuple[Mark, ...]
    kind: str = ""
    name: str = ""
    title: str = ""
    at: Point = (0.0, 0.0)


Mark = Stroke | Area | Disc | Words | Group


@dataclass(frozen=True)
class Scene:
    """A whole picture.

    Attributes:
        key: What its ids start with: the same each time, and another for another picture.
        title: What it shows.
        description: What it says, in words.
        width: How wide it is.
        height: How high.
        ground: The colour of the ground.
        marks: The marks, the lowest first.
    """

    key: str
    title: str
    description: str
    width: float
    height: float
    ground: str
    marks: tuple[Mark, ...]

    def flatten(self) -> Iterator[Mark]:
        """Yield every mark, groups before what is in them."""
        queue = list(reversed(self.marks))
        while queue:
            mark = queue.pop()
            yield mark
            if isinstance(mark, Group):
                queue += reversed(mark.marks)


# Two pictures in one page have their ids in common: this colour has to serve both themes.
HATCH = "#8794a3"


def polyline(points: Sequence[Point]) -> Path:
    """Return the path of straight lines through points.

    Example:
        >>> [segment.kind for segment in polyline([(0, 0), (1, 0), (1, 1)])]
        ['M', 'L', 'L']
    """
    first, *others = points
    return (Segment("M", (first,)), *(Segment("L", (point,)) for point in others))


def box(left: float, top: float, right: float, bottom: float, *, radius: float = 0.0) -> Path:
    """Return the path of a rectangle, its corners rounded if there is a radius."""
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    return rounded(corners, radius) if radius else (*polyline(corners), Segment("Z", ()))


def rounded(corners: Sequence[Point], radius: float) -> Path:
    """Return the path of a polygon with its corners rounded.

    Example:
        >>> rounded([(0, 0), (10, 0), (10, 10)], 1)[1].points
        ((0, 0), (1.0, 0.0))
    """
    path: list[Segment] = []
    before = (corners[-1], *corners[:-1])
    after = (*corners[1:], corners[0])
    for previous, corner, following in zip(before, corners, after, strict=True):
        enter, leave = _towards(corner, previous, radius), _towards(corner, following, radius)
        path += [Segment("L" if path else "M", (enter,)), Segment("Q", (corner, leave))]
    return (*path, Segment("Z", ()))


def _towards(start: Point, end: Point, distance: float) -> Point:
    length = ((end[0] - start[0]) ** 2 + (end[1] - start[1]) ** 2) ** 0.5
    share = min(0.5, distance / length) if length else 0.0
    return start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])
