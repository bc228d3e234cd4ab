"""The difference of two circuits: both pictures, with what was added and removed, and a table."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from pathlib import Path

from qcircuit_adapt.analysis.proof import prove
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.circuit_file import write_whole
from qcircuit_adapt.draw.layout import lay_out
from qcircuit_adapt.draw.marks import Group, Mark, Scene, Stroke, Words, polyline
from qcircuit_adapt.draw.scene import build_scene
from qcircuit_adapt.draw.stack import stack_scenes
from qcircuit_adapt.draw.svg import write_svg
from qcircuit_adapt.draw.theme import Theme, find_theme
from qcircuit_adapt.errors import FileError
from qcircuit_adapt.gate import Gate

_ENDINGS = (".svg", ".png", ".pdf")
_MARGIN, _LINE, _TOP = 24, 22, 22
_COLUMNS = (0, 190, 300, 410)


@dataclass(frozen=True)
class Change:
    """A number of both circuits; `before` and `after` may be intervals.

    Example:
        >>> Change("parameters", (200, 200), (150, 150)).ratio
        '−25 %'
    """

    noun: str
    before: tuple[int, int]
    after: tuple[int, int]

    @property
    def ratio(self) -> str:
        """By how much it changed, if both are exact."""
        (low, high), (lower, upper) = self.before, self.after
        if low != high or lower != upper:
            return ""
        if not low or low == lower:
            return "same" if low == lower else ""
        percent = 100 * (lower - low) / low
        return f"{'+' if percent > 0 else '−'}{abs(percent):,.3g} %"


@dataclass(frozen=True)
class Difference:
    """What two circuits do not have in common.

    Attributes:
        before: The first.
        after: The second.
        removed: The gates that only the first has, by name.
        added: The gates that only the second has, by name.
        changes: The numbers of both.
    """

    before: Circuit
    after: Circuit
    removed: tuple[str, ...]
    added: tuple[str, ...]
    changes: tuple[Change, ...]


def compare_circuits(before: Circuit, after: Circuit) -> Difference:
    """Find the gates that only one of two circuits has, and their numbers.

    Gates are the same if they stand in the same order and agree in everything but their names.

    Example:
        >>> one, two = Circuit("a=4 b=4", ["a b", "b"]), Circuit("a=4 b=4", ["a b", "a", "b"])
        >>> difference = compare_circuits(one, two)
        >>> difference.removed, difference.added, difference.changes[0].after
        ((), ('g2',), (288, 288))
    """
    keys = [[_key(circuit, gate) for gate in circuit.gates] for circuit in (before, after)]
    blocks = SequenceMatcher(None, keys[0], keys[1], autojunk=False).get_matching_blocks()
    kept = [{start[n] + m for *start, size in blocks for m in range(size)} for n in (0, 1)]
    removed, added = (
        tuple(gate.name for n, gate in enumerate(circuit.gates) if n not in same)
        for circuit, same in zip((before, after), kept, strict=True)
    )
    return Difference(before, after, removed, added, tuple(_list_changes(before, after)))


def _key(circuit: Circuit, gate: Gate) -> tuple[object, ...]:
    owner = circuit.owner(gate)
    return gate.on, gate.to, gate.per, owner.rank, owner.frozen, owner.init, bool(gate.share)


def _list_changes(before: Circuit, after: Circuit) -> Iterator[Change]:
    one, two = prove(before, witness=False), prove(after, witness=False)

    def exact(noun: str, first: int, second: int) -> Change:
        return Change(noun, (first, first), (second, second))

    yield exact("parameters", before.parameters, after.parameters)
    yield Change(
        "degrees of freedom",
        (one.degrees_of_freedom.lower, one.degrees_of_freedom.upper),
        (two.degrees_of_freedom.lower, two.degrees_of_freedom.upper),
    )
    yield Change("rank", (one.rank.lower, one.rank.upper), (two.rank.lower, two.rank.upper))
    yield exact("MACs per token", before.macs_per_token, after.macs_per_token)


def draw_difference(
    before: Circuit,
    after: Circuit,
    path: str | os.PathLike[str] | None = None,
    *,
    theme: str = "light",
) -> str:
    """Draw two circuits, one below the other, with a table of their numbers.

    Args:
        before: The first; its gates that the second does not have are marked with a minus.
        after: The second; its gates that the first does not have are marked with a plus.
        path: Where to write the picture, ``.svg``, ``.png`` or ``.pdf``; nowhere if None.
        theme: ``"light"`` or ``"dark"``.

    Returns:
        The picture as SVG.

    Raises:
        CircuitError: There is no such theme.
        FileError: The path has another ending, or cannot be written.
    """
    ending = ".svg" if path is None else Path(path).suffix.lower()
    if ending not in _ENDINGS:
        raise FileError(
            f"cannot draw a difference to {os.fspath(path or '')!r}.",
            cure=f"Known endings are {', '.join(_ENDINGS[:-1])} and {_ENDINGS[-1]}.",
        )
    scene = build_difference(compare_circuits(before, after), find_theme(theme))
    picture = write_svg(scene)
    if path is not None and ending != ".svg":
        from qcircuit_adapt.draw.mpl import render_image

        write_whole(path, render_image(scene, kind=ending[1:], theme=theme))
    elif path is not None:
        write_whole(path, picture)
    return picture


def build_difference(difference: Difference, theme: Theme) -> Scene:
    """Place both circuits and the table."""
    first, second = lay_out(difference.before), lay_out(difference.after)
    # The table has the other facts.
    first = replace(first, marked=difference.removed, mark="removed", facts=first.facts[:1])
    second = replace(second, marked=difference.added, mark="added", facts=second.facts[:1])
    table = _draw_table(difference, theme)
    scenes = [build_scene(layout, theme) for layout in (first, second)]
    return stack_scenes([*scenes, table], sign="", ink=theme.ink)


def _draw_table(difference: Difference, theme: Theme) -> Scene:
    marks: list[Mark] = []
    y = float(_TOP)
    rows = [("", "before", "after", "change")]
    rows += [
        (change.noun, _write(change.before), _write(change.after), change.ratio)
        for change in difference.changes
    ]
    for number, row in enumerate(rows):
        for column, text in zip(_COLUMNS, row, strict=True):
            colour = theme.ink if number and column else theme.faint
            at = (_MARGIN + column + (70 if column else 0), y)
            marks.append(
                Words(
                    text,
                    at,
                    12.5,
                    colour,
                    "end" if column else "start",
                    600 if number and column else 0,
                )
            )
        if not number:
            right = _MARGIN + _COLUMNS[-1] + 70
            marks.append(Stroke(polyline([(_MARGIN, y + 7), (right, y + 7)]), 1, theme.neck))
        y += _LINE
    told = "; ".join(
        f"{c.noun} {_write(c.before)} to {_write(c.after)}" for c in difference.changes
    )
    return Scene(
        key="q" + hashlib.sha256(told.encode()).hexdigest()[:8],
        title="changes",
        description=told,
        width=_MARGIN * 2 + _COLUMNS[-1] + 70,
        height=y + _MARGIN / 2,
        ground=theme.ground,
        marks=(Group(tuple(marks), kind="table", name="changes"),),
    )


def _write(interval: tuple[int, int]) -> str:
    lower, upper = interval
    return f"{upper:,}" if lower == upper else f"{lower:,}–{upper:,}" if lower else f"≤ {upper:,}"
