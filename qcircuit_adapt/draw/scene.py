"""From a layout to marks: every box, wire and word at its place, in its colour."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from qcircuit_adapt.draw.caption import Fact, shorten, shorten_end
from qcircuit_adapt.draw.cut import CutLine, cut_runs
from qcircuit_adapt.draw.fold import fold
from qcircuit_adapt.draw.layout import Layout, Piece, Symbol
from qcircuit_adapt.draw.marks import (
    Area,
    Disc,
    Group,
    Mark,
    Point,
    Scene,
    Segment,
    Stroke,
    Words,
    box,
    polyline,
    rounded,
)
from qcircuit_adapt.draw.order import Order
from qcircuit_adapt.draw.outline import outline, tapers
from qcircuit_adapt.draw.theme import Theme, blend

# Lengths in pixels.
_WIDTH = 960
_MARGIN = 24
_PITCH = 44
_PAD = 38
_HALF = 15  # of a pad's height
_ROUND = 4
_NECK = 9
_DOT = 6.5
_SMALL = 10.5  # type of a wire's size
_MIDDLE = 12.5  # type of a gate's name
_LARGE = 14  # type of a wire's name at its ends
_APART = 26  # of the facts below
_LETTERS = 12  # of a name before it is shortened
_CUT = 16  # the room that a cut takes in a gap
_BADGE = 7.5


def build_scene(layout: Layout, theme: Theme) -> Scene:
    """Place a layout in pixels, in the colours of a theme."""
    return _Picture(layout, theme).draw()


@dataclass(frozen=True)
class _Strip:
    """Where one strip of columns stands; only the final one leads to the outputs."""

    middles: Mapping[int, float]
    left: float
    right: float
    top: float
    final: bool

    def y(self, row: int) -> float:
        return self.top + row * _PITCH

    @property
    def columns(self) -> range:
        return range(min(self.middles, default=0), max(self.middles, default=-1) + 1)


class _Picture:
    """A layout in pixels."""

    def __init__(self, layout: Layout, theme: Theme) -> None:
        self.layout = layout
        self.theme = theme
        self.passed: dict[Piece, list[int]] = {}
        for symbol in layout.symbols:
            for piece in layout.crossings(symbol):
                self.passed.setdefault(piece, []).append(symbol.column)
        # Labels keep clear of the bands around gates.
        self.clear = 6 if layout.order and layout.order.bands else 0
        self.widths = [float(_PAD)] * len(layout.layers)
        for symbol in layout.symbols:
            width = _width(_short(symbol.name), _MIDDLE) + 18
            self.widths[symbol.column] = max(self.widths[symbol.column], width)
        following = [*layout.layers[1:], -1]
        self.gaps = [
            12.0 if a == b else 26.0 for a, b in zip(layout.layers, following, strict=False)
        ]
        for piece in layout.pieces:
            if piece.label:
                gap = _width(_label(piece), _SMALL) + 10 + self.clear
                self.gaps[piece.start] = max(self.gaps[piece.start], gap)
        if layout.order:
            self.gaps = [gap + _BADGE for gap in self.gaps]
        spots = _list_spots(layout.cut)
        for column in range(len(self.gaps)):
            self.gaps[column] += _CUT if 2 * column + 1 in spots else 0
        self.names = 8 + max(_width(_short(piece.axis.name), _LARGE) for piece in layout.pieces)
        self.sizes = 14 + max(_width(str(piece.axis.size), _SMALL) for piece in layout.pieces)
        self.before = _CUT if -1 in spots else 0
        self.braid = 30 + 8 * len(layout.outputs) if layout.permuted else 0

    def draw(self) -> Scene:
        """Return the whole picture."""
        layout, strips = self.layout, list(self._place_strips(_MARGIN + 58))
        width = max(strip.right for strip in strips) + self._tail()
        bottom = strips[-1].y(layout.rows - 1) + _HALF
        footer, height = self._draw_footer(bottom + 24, width)
        heading = shorten_end(layout.title, int((width - 2 * _MARGIN) / 8.5))
        told = [*map(str, layout.facts), *self._legend(), layout.note]
        title = Words(heading, (_MARGIN, _MARGIN + 12), 15, self.theme.ink, weight=600)
        return Scene(
            key="q" + hashlib.sha256(repr(layout).encode()).hexdigest()[:8],
            title=layout.title,
            description=". ".join(filter(None, told)),
            width=width,
            height=height,
            ground=self.theme.ground,
            marks=(title, *(self._draw_strip(strip) for strip in strips), footer),
        )

    def _place_strips(self, top: float) -> Iterator[_Strip]:
        left = _MARGIN + self.names
        start = left + self.sizes + self.before
        columns = [math.ceil(pad + gap) for pad, gap in zip(self.widths, self.gaps, strict=True)]
        strips = fold(columns, self.layout.layers, limit=max(1, int(_WIDTH - start - self._tail())))
        # A narrow picture is drawn wider, so that the facts below it fit.
        spare = self._facts_width() - start - sum(columns) - self._tail()
        more = max(0.0, spare / (len(columns) + 1)) if len(strips) == 1 else 0.0
        for here in strips:
            middles, x = {}, start + more
            for column in here:
                middles[column] = x + self.widths[column] / 2
                x += self.widths[column] + self.gaps[column] + more
            final = here.stop == len(columns) and not self.layout.note
            yield _Strip(middles, left, x, top, final)
            top += self.layout.rows * _PITCH + (22 if not self.layout.cut else 34)

    def _tail(self) -> float:
        """Return how much room the outputs need to the right of the columns."""
        return self.braid + self.sizes + self.names + _MARGIN

    def _draw_strip(self, strip: _Strip) -> Group:
        here, order = strip.middles, self.layout.order
        numbered = [
            (n, symbol) for n, symbol in enumerate(self.layout.symbols) if symbol.column in here
        ]
        columns = strip.columns
        pieces = [
            piece
            for piece in self.layout.pieces
            if piece.start < columns.stop and piece.stop >= columns.start
        ]
        marks: list[Mark] = [
            self._draw_necks(symbol, strip) for _, symbol in numbered if symbol.necks
        ]
        marks += [self._draw_piece(piece, strip) for piece in pieces]
        cut = self.layout.cut
        # The line passes behind a gate that is cut inside; it meets no other.
        marks += self._draw_line(cut, strip) if cut else ()
        marks += [self._draw_gate(n, symbol, strip) for n, symbol in numbered]
        if order:
            marks += [mark for band in order.bands for mark in self._draw_band(band, order, strip)]
        marks += self._draw_crosses(cut, strip) if cut else ()
        return Group(tuple(marks))

    def _draw_necks(self, symbol: Symbol, strip: _Strip) -> Group:
        """Return the bars that join a gate's boxes and dots; they lie under the wires."""
        x = strip.middles[symbol.column]
        bars = (
            Area(
                box(x - _NECK / 2, strip.y(upper), x + _NECK / 2, strip.y(lower)),
                fill=self.theme.neck,
            )
            for upper, lower in symbol.necks
        )
        return Group(tuple(bars), kind="neck", name=symbol.name, title=symbol.title)

    def _draw_piece(self, piece: Piece, strip: _Strip) -> Group:
        """Return what a strip shows of a piece of wire; the gates at its ends will lie over it."""
        theme, y, thick = self.theme, strip.y(piece.row), _thickness(piece)
        enters, leaves = piece.start not in strip.middles, piece.stop not in strip.middles
        left = strip.left if enters else strip.middles[piece.start]
        right = strip.right if leaves else strip.middles[piece.stop]
        marks: list[Mark] = [
            Stroke(polyline([(x - _NECK, y), (x + _NECK, y)]), thick + 5, theme.ground)
            for x in (strip.middles.get(column) for column in self.passed.get(piece, ()))
            if x is not None
        ]
        marks.append(self._wire(piece, *polyline([(left, y), (right, y)])))
        above = y - thick / 2 - 4.5
        if enters:
            name = _short(piece.axis.name)
            marks.append(Words(name, (left - 8, y + 4.5), _LARGE, theme.ink, "end"))
            marks.append(Words(str(piece.axis.size), (left + 1, above), _SMALL, theme.faint))
        elif piece.label:
            x = left + self.widths[piece.start] / 2 + 4 + self.clear
            marks.append(Words(_label(piece), (x, above), _SMALL, theme.faint))
        if leaves and strip.final:
            marks += self._draw_output(piece, strip)
        elif leaves:
            onward = polyline([(right + 2, y), (right + 16, y)])
            marks.append(Stroke(onward, thick, theme.wire, dashes=(2, 3)))
        return Group(tuple(marks), kind="wire", name=piece.axis.name, title=piece.title)

    def _draw_output(self, piece: Piece, strip: _Strip) -> Iterable[Mark]:
        """Return the way to an output's place: a curve where outputs and rows differ in order."""
        rows = sorted(output.row for output in self.layout.outputs)
        # It overlaps the wire by a pixel, or a hairline shows between them.
        start = (strip.right - 1, strip.y(piece.row))
        y = strip.y(rows[self.layout.outputs.index(piece)])
        middle, turn = strip.right + self.braid / 2, strip.right + self.braid
        right = turn + self.sizes
        path = polyline([start])
        if self.braid:
            path += (Segment("C", ((middle, start[1]), (middle, y), (turn, y))),)
            yield Stroke(path, _thickness(piece) + 5, self.theme.ground)
        yield self._wire(piece, *path, Segment("L", ((right, y),)))
        above = (right - 1, y - _thickness(piece) / 2 - 4.5)
        yield Words(str(piece.axis.size), above, _SMALL, self.theme.faint, "end")
        yield Words(_short(piece.axis.name), (right + 8, y + 4.5), _LARGE, self.theme.ink)

    def _draw_gate(self, index: int, symbol: Symbol, strip: _Strip) -> Group:
        """Return a gate's boxes and dots, with its name and the letter of a shared tensor."""
        theme, x = self.theme, strip.middles[symbol.column]
        half = self.widths[symbol.column] / 2
        edge = theme.frozen_edge if symbol.frozen else theme.edge
        name, marks = _short(symbol.name), list[Mark]()
        for pads in symbol.boxes:
            sides = (x - half, x + half)
            rows = strip.y(pads[0].row), strip.y(pads[-1].row)
            corners = outline(pads, x=sides, y=rows, half=_HALF)
            marks += self._face(index, corners, symbol)
            for pad in pads:
                if len(pads) > 1 and tapers(pad):
                    row = strip.y(pad.row)
                    wedge = rounded(outline([pad], x=sides, y=(row, row), half=_HALF), _ROUND)
                    marks.append(Area(wedge, fill=edge, opacity=0.13))
            marks += self._name(name, (x, sum(rows) / 2), symbol)
        for row in symbol.dots:
            marks += self._dot(symbol, (x, strip.y(row)))
        top = strip.y(symbol.rows[0])
        if not symbol.pads:
            above = (x, top - _DOT - 6)
            marks.append(Words(name, above, _MIDDLE, theme.ink, "middle", 600))
        # Beside the name of a gate that has no box.
        aside = _width(name, _MIDDLE) / 2 + _BADGE + 2
        corner = (half - 1, _HALF - 1) if symbol.pads else (aside, _DOT + 10.5)
        if symbol.letter:
            at = (x + corner[0], top - corner[1])
            marks += self._badge(symbol.letter, at, theme.letter, theme.letter_ink)
        if self.layout.order:
            at = (x - corner[0], top - corner[1])
            marks += self._badge(self.layout.order.label(index), at, theme.ink, theme.ground)
        if symbol.name in self.layout.marked:
            marks += self._mark_change(symbol, strip)
        return Group(tuple(marks), kind="gate", name=symbol.name, title=symbol.title)

    def _dot(self, symbol: Symbol, centre: Point) -> Iterator[Mark]:
        theme = self.theme
        fill = theme.frozen_edge if symbol.frozen else theme.edge
        yield Disc(centre, _DOT, fill, theme.ground)
        if symbol.frozen and not symbol.pads:
            yield Disc(centre, _DOT, theme.frozen, opacity=0.6)
            yield Disc(centre, _DOT, hatched=True)

    def _face(self, index: int, corners: Iterable[Point], symbol: Symbol) -> Iterator[Mark]:
        theme, path = self.theme, rounded(tuple(corners), _ROUND)
        plain, order = theme.frozen if symbol.frozen else theme.gate, self.layout.order
        fill = blend(theme.first, theme.last, order.share(index)) if order else plain
        edge = theme.frozen_edge if symbol.frozen else theme.edge
        yield Area(path, fill, edge, 1.4)
        if symbol.frozen:
            yield Area(path, opacity=0.45, hatched=True)

    def _name(self, name: str, middle: Point, symbol: Symbol) -> Iterator[Mark]:
        x, y = middle
        if symbol.frozen:
            half = _width(name, _MIDDLE) / 2 + 3
            yield Area(box(x - half, y - 9, x + half, y + 9, radius=3), self.theme.frozen)
        yield Words(name, (x, y + 4.5), _MIDDLE, self.theme.ink, "middle", 600)

    def _mark_change(self, symbol: Symbol, strip: _Strip) -> Iterator[Mark]:
        """Return the line around a gate that another circuit does not have, with its sign."""
        added = self.layout.mark == "added"
        colour = self.theme.added if added else self.theme.removed
        x, half = strip.middles[symbol.column], self.widths[symbol.column] / 2 + 5
        top = strip.y(symbol.rows[0]) - _HALF - 5
        bottom = strip.y(symbol.rows[-1]) + _HALF + 5
        ring = box(x - half, top, x + half, bottom, radius=7)
        yield Stroke(ring, 2, colour, () if added else (5.0, 3.0))
        corner = (x + half - 2, bottom - 2)
        yield from self._badge("+" if added else "−", corner, colour, self.theme.ground)

    def _badge(self, text: str, centre: Point, fill: str, ink: str) -> Iterator[Mark]:
        (x, y), half = centre, max(_BADGE, _width(text, 9.5) / 2 + 4)
        ring = box(x - half, y - _BADGE, x + half, y + _BADGE, radius=_BADGE)
        yield (
            Disc(centre, _BADGE, fill, self.theme.ground)
            if half == _BADGE
            else Area(ring, fill, self.theme.ground)
        )
        yield Words(text, (x, y + 3.5), 9.5, ink, "middle", 700)

    def _draw_band(self, band: tuple[int, ...], order: Order, strip: _Strip) -> Iterator[Mark]:
        """Return the dotted line around gates that are multiplied before the input meets them.

        Around all at once where no other gate is in between, else around each.
        """
        inside = [self.layout.symbols[n] for n in band]
        rows = [row for symbol in inside for row in symbol.rows]
        columns = range(
            min(symbol.column for symbol in inside), max(symbol.column for symbol in inside) + 1
        )
        alone = not any(
            symbol.column in columns
            and symbol.rows[0] <= max(rows)
            and symbol.rows[-1] >= min(rows)
            for n, symbol in enumerate(self.layout.symbols)
            if n not in band
        )
        hulls = [(columns, min(rows), max(rows))] if alone else []
        hulls = hulls or [
            (range(one.column, one.column + 1), one.rows[0], one.rows[-1]) for one in inside
        ]
        names = ", ".join(symbol.name for symbol in inside)
        marks = []
        for across, upper, lower in hulls:
            here = [column for column in across if column in strip.middles]
            if here:
                left = strip.middles[here[0]] - self.widths[here[0]] / 2 - 7
                right = strip.middles[here[-1]] + self.widths[here[-1]] / 2 + 7
                bare = any(not one.pads and one.rows[0] == upper for one in inside)
                top = strip.y(upper) - _HALF - (14 if bare else 7)
                bottom = strip.y(lower) + _HALF + 7
                path = box(left, top, right, bottom, radius=9)
                marks.append(Stroke(path, 1.6, self.theme.ink, dashes=(1.6, 3.4)))
        if marks:
            title = f"{names}: multiplied with each other before the input meets them"
            yield Group(tuple(marks), kind="band", name=str(order.bands.index(band)), title=title)

    def _draw_line(self, cut: CutLine, strip: _Strip) -> Iterator[Mark]:
        """Return the line that separates inputs from outputs, with what it proves above it."""
        red, marks = self.theme.cut, list[Mark]()
        for run in cut_runs(cut, strip.columns):
            points: list[Point] = []
            for row in run:
                x, y = self._spot(cut.spots[row], strip), strip.y(row)
                points += [(x, y - _PITCH / 2), (x, y + _PITCH / 2)]
            if run[0] == 0:
                x, y = points[0]
                points[0] = (x, y - 6)
                marks.append(Words(cut.label, (x, y - 10), _MIDDLE, red, "middle", 600))
            points = [p for n, p in enumerate(points) if n == 0 or p != points[n - 1]]
            marks.append(Stroke(polyline(points), 1.8, red, () if cut.exact else (6.0, 4.0)))
        if marks:
            yield Group(tuple(marks), kind="cut", name="line", title=f"{cut.label}\n{cut.title}")

    def _draw_crosses(self, cut: CutLine, strip: _Strip) -> Iterator[Mark]:
        for cross in cut.crosses:
            if _in_strip(cross.spot, strip.columns):
                # Of a gate that is cut inside the edge is crossed: its name stands in the middle.
                x = self._spot(cross.spot, strip)
                y = strip.y(cross.row) + (_HALF if cross.gate else 0)
                marks = []
                for sign in (1, -1):
                    ends = polyline([(x - 5, y - 5 * sign), (x + 5, y + 5 * sign)])
                    marks += [Stroke(ends, 4.5, self.theme.ground)]
                    marks += [Stroke(ends, 2.2, self.theme.cut)]
                title = f"cut: {cross.bond}"
                yield Group(tuple(marks), kind="cut", name=cross.bond.wire, title=title)

    def _spot(self, spot: int, strip: _Strip) -> float:
        """Return where a spot of a cut is: in a gap at its right end, past the sizes in it."""
        if spot % 2 == 0:
            return strip.middles[spot // 2]
        following = (spot + 1) // 2
        if following in strip.middles:
            left = strip.middles[following] - self.widths[following] / 2
            return left - 5 - _CUT / 2 - (_BADGE if self.layout.order else 0)
        return strip.right - _CUT / 2

    def _draw_footer(self, top: float, width: float) -> tuple[Group, float]:
        """Return the strip of facts below the picture, and the height of the whole."""
        theme, right = self.theme, width - _MARGIN
        marks: list[Mark] = [Stroke(polyline([(_MARGIN, top), (right, top)]), 1, theme.neck)]
        facts, y = self.layout.facts, top + 24
        columns = _fit_columns(facts, right - _MARGIN + 1)
        for n, fact in enumerate(facts):
            column = n % len(columns)
            y += 42 if n and not column else 0
            x = _MARGIN + sum(columns[:column]) + column * _APART
            value = fact.value.replace("->", "→")
            marks.append(Words(value, (x, y), _LARGE, theme.ink, weight=600))
            marks.append(Words(_below(fact), (x, y + 16), _SMALL, theme.faint))
        y += 16
        if legend := self._legend():
            y += 22
            marks.append(Words(" · ".join(legend), (_MARGIN, y), _SMALL, theme.faint))
        if self.layout.note:
            y += 24
            marks.append(Words(self.layout.note, (_MARGIN, y), _MIDDLE, theme.ink, weight=600))
        return Group(tuple(marks)), y + _MARGIN

    def _facts_width(self) -> float:
        """Return how wide the facts are side by side, or in two lines if they are many."""
        facts = self.layout.facts
        lines = 1 if len(facts) <= 4 else 2
        columns = _list_columns(facts, -(-len(facts) // lines))
        return 2 * _MARGIN + sum(columns) + _APART * (len(columns) - 1)

    def _legend(self) -> list[str]:
        symbols, order = self.layout.symbols, self.layout.order
        legend = ["same letter: same tensor"] if any(symbol.letter for symbol in symbols) else []
        legend += ["hatched: frozen"] if any(symbol.frozen for symbol in symbols) else []
        legend += ["numbers: order of contraction"] if order else []
        return legend + (["dotted: multiplied first"] if order and order.bands else [])

    def _wire(self, piece: Piece, *path: Segment) -> Stroke:
        dashes = (4.0, 3.0) if piece.axis.size == 1 else ()
        return Stroke(path, _thickness(piece), self.theme.wire, dashes)


def _list_spots(cut: CutLine | None) -> frozenset[int]:
    if cut is None:
        return frozenset()
    return frozenset([*cut.spots, *(cross.spot for cross in cut.crosses)])


def _in_strip(spot: int, columns: range) -> bool:
    return 2 * columns.start - (columns.start == 0) <= spot < 2 * columns.stop


def _thickness(piece: Piece) -> float:
    return 1 + 0.9 * piece.weight


def _short(name: str) -> str:
    return shorten(name, _LETTERS)


def _label(piece: Piece) -> str:
    return piece.label.replace(piece.axis.name, _short(piece.axis.name))


def _below(fact: Fact) -> str:
    return f"{fact.noun}, {fact.note}" if fact.note else fact.noun


def _fact_width(fact: Fact) -> float:
    return max(_width(fact.value, _LARGE), 0.9 * _width(_below(fact), _SMALL))


def _fit_columns(facts: Sequence[Fact], room: float) -> list[float]:
    """Return the widths of as many columns of facts as fit side by side."""
    for count in range(len(facts), 1, -1):
        columns = _list_columns(facts, count)
        if sum(columns) + _APART * (count - 1) <= room:
            return columns
    return _list_columns(facts, 1)


def _list_columns(facts: Sequence[Fact], count: int) -> list[float]:
    return [max(map(_fact_width, facts[n::count])) for n in range(count)]


def _width(text: str, size: float) -> float:
    """Guess how wide a text is: fonts differ, and which one is there is not known."""
    return 0.57 * size * len(text)
