"""A circuit drawn as SVG; the same circuit always gives the same characters."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from qcircuit_adapt.draw.caption import Fact, shorten, shorten_end
from qcircuit_adapt.draw.fold import fold
from qcircuit_adapt.draw.layout import Layout, Piece, Symbol
from qcircuit_adapt.draw.outline import Point, number, outline, pair, rounded, tapers
from qcircuit_adapt.draw.theme import Theme

_FONT = "Inter, 'Segoe UI', 'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', sans-serif"
# Two pictures in one page have their ids in common: this colour has to serve both themes.
_HATCH = "#8794a3"

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


def render_svg(layout: Layout, theme: Theme) -> str:
    """Draw a layout as an SVG document.

    Every gate and every piece of wire has an id, and a ``<title>`` that browsers show on hovering.
    """
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


class _Picture:
    """A layout in pixels, and the ids given so far."""

    def __init__(self, layout: Layout, theme: Theme) -> None:
        self.layout = layout
        self.theme = theme
        self.prefix = "q" + hashlib.sha256(repr(layout).encode()).hexdigest()[:8]
        self.ids: dict[str, int] = {}
        self.passed: dict[Piece, list[int]] = {}
        for symbol in layout.symbols:
            for piece in layout.crossings(symbol):
                self.passed.setdefault(piece, []).append(symbol.column)
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
                gap = _width(_label(piece), _SMALL) + 10
                self.gaps[piece.start] = max(self.gaps[piece.start], gap)
        self.names = 8 + max(_width(_short(piece.axis.name), _LARGE) for piece in layout.pieces)
        self.sizes = 14 + max(_width(str(piece.axis.size), _SMALL) for piece in layout.pieces)
        self.braid = 30 + 8 * len(layout.outputs) if layout.permuted else 0

    def draw(self) -> str:
        """Return the whole document."""
        layout, strips = self.layout, list(self._place_strips(_MARGIN + 58))
        width = max(strip.right for strip in strips) + self._tail()
        bottom = strips[-1].y(layout.rows - 1) + _HALF
        footer, height = self._draw_footer(bottom + 24, width)
        heading = shorten_end(layout.title, int((width - 2 * _MARGIN) / 8.5))
        told = [*map(str, layout.facts), *self._legend(), layout.note]
        parts = [
            _tag("title", escape(layout.title), id=f"{self.prefix}-title"),
            _tag("desc", escape(". ".join(filter(None, told))), id=f"{self.prefix}-desc"),
            self._hatching(),
            _tag("rect", width=width, height=height, rx=6, fill=self.theme.ground),
            self._text(heading, (_MARGIN, _MARGIN + 12), 15, self.theme.ink, weight=600),
            *(self._draw_strip(strip) for strip in strips),
            footer,
        ]
        document = _tag(
            "svg",
            _lines(parts),
            xmlns="http://www.w3.org/2000/svg",
            width=width,
            height=height,
            viewBox=f"0 0 {number(width)} {number(height)}",
            role="img",
            aria_labelledby=f"{self.prefix}-title {self.prefix}-desc",
            font_family=_FONT,
        )
        return f"{document}\n"

    def _hatching(self) -> str:
        if not any(symbol.frozen for symbol in self.layout.symbols):
            return ""
        pattern = _tag(
            "pattern",
            _tag("path", d="M0 0V7", stroke=_HATCH, stroke_width=2),
            id=f"{self.prefix}-hatch",
            width=7,
            height=7,
            patternUnits="userSpaceOnUse",
            patternTransform="rotate(45)",
        )
        return _tag("defs", pattern)

    def _place_strips(self, top: float) -> Iterator[_Strip]:
        left = _MARGIN + self.names
        start = left + self.sizes
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
            top += self.layout.rows * _PITCH + 22

    def _tail(self) -> float:
        """Return how much room the outputs need to the right of the columns."""
        return self.braid + self.sizes + self.names + _MARGIN

    def _draw_strip(self, strip: _Strip) -> str:
        here = strip.middles
        symbols = [symbol for symbol in self.layout.symbols if symbol.column in here]
        first, last = min(here, default=0), max(here, default=-1)
        pieces = [p for p in self.layout.pieces if p.start <= last and p.stop >= first]
        parts = [self._draw_necks(symbol, strip) for symbol in symbols]
        parts += [self._draw_piece(piece, strip) for piece in pieces]
        parts += [self._draw_gate(symbol, strip) for symbol in symbols]
        return _tag("g", _lines(parts))

    def _draw_necks(self, symbol: Symbol, strip: _Strip) -> str:
        """Return the bars that join a gate's boxes and dots; they lie under the wires."""
        if not symbol.necks:
            return ""
        x = strip.middles[symbol.column] - _NECK / 2
        bars = [
            _tag("rect", x=x, y=strip.y(upper), width=_NECK, height=(lower - upper) * _PITCH)
            for upper, lower in symbol.necks
        ]
        return _tag(
            "g",
            _title(symbol.title) + "".join(bars),
            id=self._id("neck", symbol.name),
            fill=self.theme.neck,
        )

    def _draw_piece(self, piece: Piece, strip: _Strip) -> str:
        """Return what a strip shows of a piece of wire; the gates at its ends will lie over it."""
        theme, y, thick = self.theme, strip.y(piece.row), _thickness(piece)
        enters, leaves = piece.start not in strip.middles, piece.stop not in strip.middles
        left = strip.left if enters else strip.middles[piece.start]
        right = strip.right if leaves else strip.middles[piece.stop]
        parts = [
            self._stroke(f"M{pair((x - _NECK, y))}h{2 * _NECK}", thick + 5, theme.ground)
            for x in (strip.middles.get(column) for column in self.passed.get(piece, ()))
            if x is not None
        ]
        parts.append(self._wire(piece, f"M{pair((left, y))}H{number(right)}"))
        above = y - thick / 2 - 4.5
        if enters:
            name = _short(piece.axis.name)
            parts.append(self._text(name, (left - 8, y + 4.5), _LARGE, theme.ink, anchor="end"))
            size = str(piece.axis.size)
            parts.append(self._text(size, (left + 1, above), _SMALL, theme.faint))
        elif piece.label:
            x = left + self.widths[piece.start] / 2 + 4
            parts.append(self._text(_label(piece), (x, above), _SMALL, theme.faint))
        if leaves and strip.final:
            parts += self._draw_output(piece, strip)
        elif leaves:
            onward = f"M{pair((right + 2, y))}h14"
            parts.append(self._stroke(onward, thick, theme.wire, dashes="2 3"))
        return _tag("g", _title(piece.title) + "".join(parts), id=self._id("wire", piece.axis.name))

    def _draw_output(self, piece: Piece, strip: _Strip) -> Iterable[str]:
        """Return the way to an output's place: a curve where outputs and rows differ in order."""
        rows = sorted(output.row for output in self.layout.outputs)
        # It overlaps the wire by a pixel, or a hairline shows between them.
        start = (strip.right - 1, strip.y(piece.row))
        y = strip.y(rows[self.layout.outputs.index(piece)])
        middle, turn = strip.right + self.braid / 2, strip.right + self.braid
        right = turn + self.sizes
        path = f"M{pair(start)}"
        if self.braid:
            path += f"C{pair((middle, start[1]))} {pair((middle, y))} {pair((turn, y))}"
            yield self._stroke(path, _thickness(piece) + 5, self.theme.ground)
        yield self._wire(piece, f"{path}H{number(right)}")
        above = (right - 1, y - _thickness(piece) / 2 - 4.5)
        yield self._text(str(piece.axis.size), above, _SMALL, self.theme.faint, anchor="end")
        yield self._text(_short(piece.axis.name), (right + 8, y + 4.5), _LARGE, self.theme.ink)

    def _draw_gate(self, symbol: Symbol, strip: _Strip) -> str:
        """Return a gate's boxes and dots, with its name and the letter of a shared tensor."""
        theme, x = self.theme, strip.middles[symbol.column]
        half = self.widths[symbol.column] / 2
        edge = theme.frozen_edge if symbol.frozen else theme.edge
        name, parts = _short(symbol.name), [_title(symbol.title)]
        for box in symbol.boxes:
            sides = (x - half, x + half)
            rows = strip.y(box[0].row), strip.y(box[-1].row)
            parts.append(
                self._face(rounded(outline(box, x=sides, y=rows, half=_HALF), _ROUND), symbol)
            )
            for pad in box:
                if len(box) > 1 and tapers(pad):
                    row = strip.y(pad.row)
                    wedge = rounded(outline([pad], x=sides, y=(row, row), half=_HALF), _ROUND)
                    parts.append(_tag("path", d=wedge, fill=edge, fill_opacity=0.13))
            parts += self._name(name, (x, sum(rows) / 2), symbol)
        for row in symbol.dots:
            parts += self._dot(symbol, x, strip.y(row))
        if not symbol.pads:
            above = (x, strip.y(symbol.rows[0]) - _DOT - 6)
            parts.append(self._text(name, above, _MIDDLE, theme.ink, anchor="middle", weight=600))
        if symbol.letter:
            corner = (half - 1, _HALF - 1) if symbol.pads else (_DOT + 6, _DOT + 3)
            parts += self._badge(
                symbol.letter, (x + corner[0], strip.y(symbol.rows[0]) - corner[1])
            )
        return _tag("g", "".join(parts), id=self._id("gate", symbol.name))

    def _dot(self, symbol: Symbol, x: float, y: float) -> Iterator[str]:
        theme = self.theme
        fill = theme.frozen_edge if symbol.frozen else theme.edge
        yield _tag("circle", cx=x, cy=y, r=_DOT, fill=fill, stroke=theme.ground)
        if symbol.frozen and not symbol.pads:
            yield _tag("circle", cx=x, cy=y, r=_DOT, fill=theme.frozen, fill_opacity=0.6)
            yield _tag("circle", cx=x, cy=y, r=_DOT, fill=f"url(#{self.prefix}-hatch)")

    def _face(self, path: str, symbol: Symbol) -> str:
        theme = self.theme
        if not symbol.frozen:
            return _tag("path", d=path, fill=theme.gate, stroke=theme.edge, stroke_width=1.4)
        plain = _tag("path", d=path, fill=theme.frozen, stroke=theme.frozen_edge, stroke_width=1.4)
        return plain + _tag("path", d=path, fill=f"url(#{self.prefix}-hatch)", fill_opacity=0.45)

    def _name(self, name: str, middle: Point, symbol: Symbol) -> Iterator[str]:
        x, y = middle
        if symbol.frozen:
            width = _width(name, _MIDDLE) + 6
            yield _tag(
                "rect",
                x=x - width / 2,
                y=y - 9,
                width=width,
                height=18,
                rx=3,
                fill=self.theme.frozen,
            )
        yield self._text(name, (x, y + 4.5), _MIDDLE, self.theme.ink, anchor="middle", weight=600)

    def _badge(self, letter: str, middle: Point) -> Iterator[str]:
        x, y = middle
        theme = self.theme
        yield _tag("circle", cx=x, cy=y, r=7.5, fill=theme.letter, stroke=theme.ground)
        yield self._text(letter, (x, y + 3.5), 10, theme.letter_ink, anchor="middle", weight=700)

    def _draw_footer(self, top: float, width: float) -> tuple[str, float]:
        """Return the strip of facts below the picture, and the height of the whole."""
        theme, right = self.theme, width - _MARGIN
        parts = [self._stroke(f"M{pair((_MARGIN, top))}H{number(right)}", 1, theme.neck)]
        x, y = float(_MARGIN), top + 24
        for fact in self.layout.facts:
            wide = _fact_width(fact)
            if x > _MARGIN and x + wide > right + 1:
                x, y = float(_MARGIN), y + 42
            value = fact.value.replace("->", "→")
            parts.append(self._text(value, (x, y), _LARGE, theme.ink, weight=600))
            parts.append(self._text(_below(fact), (x, y + 16), _SMALL, theme.faint))
            x += wide + _APART
        y += 16
        if legend := self._legend():
            y += 22
            parts.append(self._text(" · ".join(legend), (_MARGIN, y), _SMALL, theme.faint))
        if self.layout.note:
            y += 24
            parts.append(self._text(self.layout.note, (_MARGIN, y), _MIDDLE, theme.ink, weight=600))
        return _tag("g", _lines(parts)), y + _MARGIN

    def _facts_width(self) -> float:
        facts = self.layout.facts
        return 2 * _MARGIN + sum(map(_fact_width, facts)) + _APART * (len(facts) - 1)

    def _legend(self) -> list[str]:
        symbols = self.layout.symbols
        legend = ["same letter: same tensor"] if any(symbol.letter for symbol in symbols) else []
        return legend + (["hatched: frozen"] if any(symbol.frozen for symbol in symbols) else [])

    def _wire(self, piece: Piece, path: str) -> str:
        dashes = "4 3" if piece.axis.size == 1 else ""
        return self._stroke(path, _thickness(piece), self.theme.wire, dashes=dashes)

    def _stroke(self, path: str, thick: float, colour: str, *, dashes: str = "") -> str:
        style = {"stroke_dasharray": dashes} if dashes else {}
        return _tag("path", d=path, fill="none", stroke=colour, stroke_width=thick, **style)

    def _text(
        self, text: str, at: Point, size: float, colour: str, *, anchor: str = "", weight: int = 0
    ) -> str:
        style = {"text_anchor": anchor} if anchor else {}
        style |= {"font_weight": str(weight)} if weight else {}
        x, y = at
        return _tag("text", escape(text), x=x, y=y, font_size=size, fill=colour, **style)

    def _id(self, kind: str, name: str) -> str:
        """Return an id that is the picture's alone and the same each time."""
        base = f"{self.prefix}-{kind}-{name}"
        count = self.ids[base] = self.ids.get(base, 0) + 1
        return base if count == 1 else f"{base}-{count}"


def _tag(tag: str, content: str = "", **attributes: str | float) -> str:
    written = "".join(
        f" {name.replace('_', '-')}={quoteattr(value if isinstance(value, str) else number(value))}"
        for name, value in attributes.items()
    )
    return f"<{tag}{written}>{content}</{tag}>" if content else f"<{tag}{written}/>"


def _title(text: str) -> str:
    return _tag("title", escape(text))


def _lines(parts: Iterable[str]) -> str:
    return "\n" + "\n".join(filter(None, parts)) + "\n"


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


def _width(text: str, size: float) -> float:
    """Guess how wide a text is: fonts differ, and which one is there is not known."""
    return 0.57 * size * len(text)
