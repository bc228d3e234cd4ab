"""A circuit drawn in characters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from qcircuit_adapt.draw.caption import shorten, shorten_end
from qcircuit_adapt.draw.fold import fold
from qcircuit_adapt.draw.layout import Layout, Piece, Symbol

WIDTH = 80
_NAME = 10
_GATE = 9
_BARS = "─━═"
# What a neck looks like where a wire of each thickness passes over it.
_CUT = "╳"
_RAISED = str.maketrans("0123456789+", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺")
_CROSSINGS = {"─": "┼", "━": "┿", "═": "╪"}

# A character for each line and place that is not blank.
_Marks = dict[tuple[int, int], str]


def render_text(layout: Layout) -> str:
    """Draw a layout in lines of at most `WIDTH` characters.

    Wires are ``─``, ``━`` or ``═`` by the logarithm of their size, compared with the largest, and
    ``╳`` where they are cut; raised numbers tell in which step a gate is used.
    """
    picture = _Picture(layout)
    lines = [shorten_end(layout.title, WIDTH), ""]
    for strip in picture.strips:
        lines += [*picture.draw(strip), ""]
    return "\n".join(lines + list(_footer(layout)))


class _Picture:
    """A layout in characters: how wide things are, and where columns stand."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.heaviest = max(piece.weight for piece in layout.pieces)
        order = layout.order
        self.labels = {
            symbol.name: _gate_label(symbol) + (order.label(n).translate(_RAISED) if order else "")
            for n, symbol in enumerate(layout.symbols)
        }
        self.widths = [1] * len(layout.layers)
        for symbol in layout.symbols:
            width = len(self.labels[symbol.name])
            self.widths[symbol.column] = max(self.widths[symbol.column], width)
        self.gaps = [
            1 if layer == after else 2
            for layer, after in zip(layout.layers, [*layout.layers[1:], -1], strict=False)
        ]
        for piece in layout.pieces:
            if piece.label:
                self.gaps[piece.start] = max(self.gaps[piece.start], len(_label(piece)) + 2)
        self.lead = 4 + max(
            len(_name(piece)) + len(str(piece.axis.size)) for piece in layout.pieces
        )
        outputs = () if layout.note else layout.outputs
        self.tails = {piece: self._tail(place) for place, piece in enumerate(outputs, 1)}
        room = WIDTH - self.lead - max(map(len, self.tails.values()), default=1)
        columns = [width + gap for width, gap in zip(self.widths, self.gaps, strict=True)]
        self.strips = fold(columns, layout.layers, limit=max(room, 1))

    def _tail(self, place: int) -> str:
        """Return an output's size, with its name and place where they do not go without saying."""
        outputs = self.layout.outputs
        piece = outputs[place - 1]
        first = {piece.row: piece.axis.name for piece in self.layout.pieces if piece.start == -1}
        named = any(first.get(output.row) != output.axis.name for output in outputs)
        tail = f"{piece.axis.size}" + (f" {_name(piece)}" if named or self.layout.permuted else "")
        return tail + (f" #{place}" if self.layout.permuted else "")

    def draw(self, strip: range) -> list[str]:
        """Return the lines of one strip of columns."""
        layout, marks = self.layout, _Marks()
        # Where wires of each column meet; outside the strip, where they enter and leave it.
        meets, x = {}, self.lead
        cuts = {-1: x - 1} if strip.start == 0 else {}
        for column in strip:
            cuts[2 * column] = meets[column] = x + (self.widths[column] - 1) // 2
            x += self.widths[column] + self.gaps[column]
            cuts[2 * column + 1] = x - 1
        for piece in layout.pieces:
            if piece.start < strip.stop and piece.stop >= strip.start:
                self._draw_piece(marks, piece, meets, right=x)
        for symbol in layout.symbols:
            if symbol.column in strip:
                self._draw_symbol(marks, symbol, meets[symbol.column])
        for cross in layout.cut.crosses if layout.cut else ():
            if cross.spot in cuts and not cross.gate:
                _write(marks, 2 * cross.row, cuts[cross.spot], _CUT)
        return _join(marks)

    def _draw_piece(
        self, marks: _Marks, piece: Piece, meets: Mapping[int, int], *, right: int
    ) -> None:
        line, bar = 2 * piece.row, self._bar(piece)
        left, stop = meets.get(piece.start, self.lead), meets.get(piece.stop, right)
        _write(marks, line, left, bar * (stop - left))
        if piece.start not in meets:
            start = f"{_name(piece)} {bar}{piece.axis.size}"
            _write(marks, line, 0, start + bar * (self.lead - len(start)))
        elif piece.label:
            after = left + self.widths[piece.start] // 2 + 1
            _write(marks, line, after + 1, _label(piece))
        if piece.stop not in meets:
            _write(marks, line, right, self.tails.get(piece, "…"))

    def _draw_symbol(self, marks: _Marks, symbol: Symbol, x: int) -> None:
        label = self.labels[symbol.name]
        start = x - (len(label) - 1) // 2
        # A diagonal gate's name stands beside its dots, and they are what the neck joins.
        x = x if symbol.pads else start
        for line in range(2 * symbol.rows[0] + 1, 2 * symbol.rows[-1]):
            marks[line, x] = _CROSSINGS.get(marks.get((line, x), ""), "│")
        for pad in symbol.pads:
            _write(marks, 2 * pad.row, start, label)
        for row in symbol.dots:
            _write(marks, 2 * row, x, "●" if symbol.pads else label)

    def _bar(self, piece: Piece) -> str:
        share = piece.weight / self.heaviest if self.heaviest else 0
        return _BARS[(share > 0.6) + (share > 0.8)]


def _gate_label(symbol: Symbol) -> str:
    label = shorten(symbol.name, _GATE)
    label = f"{label}:{symbol.letter}" if symbol.letter else label
    label = f"{label}*" if symbol.frozen else label
    return label if symbol.pads else f"●{label}"


def _name(piece: Piece) -> str:
    return shorten(piece.axis.name, _NAME)


def _label(piece: Piece) -> str:
    return piece.label.replace(piece.axis.name, _name(piece))


def _write(marks: _Marks, line: int, x: int, text: str) -> None:
    for offset, mark in enumerate(text):
        marks[line, x + offset] = mark


def _join(marks: _Marks) -> list[str]:
    height = 1 + max(line for line, _ in marks)
    width = 1 + max(x for _, x in marks)
    return [
        "".join(marks.get((line, x), " ") for x in range(width)).rstrip() for line in range(height)
    ]


def _footer(layout: Layout) -> Iterable[str]:
    parts = [str(fact) for fact in layout.facts]
    if any(symbol.letter for symbol in layout.symbols):
        parts.append(":A same tensor as every other :A")
    if any(symbol.frozen for symbol in layout.symbols):
        parts.append("* frozen")
    if layout.permuted:
        parts.append("#1 first output")
    if layout.cut:
        parts.append(f"{_CUT} cut: {layout.cut.label}")
    if layout.order:
        parts.append("raised: order of contraction")
    if layout.note:
        parts.append(layout.note)
    line = parts[0]
    for part in parts[1:]:
        if len(f"{line} · {part}") > WIDTH:
            yield line
            line = part
        else:
            line = f"{line} · {part}"
    yield line
