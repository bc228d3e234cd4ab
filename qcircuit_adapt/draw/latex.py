"""A circuit written as LaTeX, for the quantikz library of TikZ.

Source of the library: Kay, "Tutorial on the quantikz package", arXiv:1809.03842.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qcircuit_adapt.draw.caption import shorten, shorten_end
from qcircuit_adapt.draw.fold import fold
from qcircuit_adapt.draw.layout import Layout, Pad, Piece, Symbol
from qcircuit_adapt.draw.theme import THEMES, blend

_HEAD = r"""
\documentclass[border=4pt,varwidth=\maxdimen]{standalone}
\usepackage{tikz}
\usetikzlibrary{quantikz}
\begin{document}
""".strip()

_COLUMNS = 14
"""How many columns stand side by side before a picture is folded."""

_LETTERS = 12
_LINE = 100

_ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "|": r"\textbar{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "≤": r"$\le$",
        "→": r"$\to$",
        "·": r"$\cdot$",
        "×": r"$\times$",
        "…": r"\ldots{}",
        "\n": " ",
        **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    }
)

# The texts of cells by row and column of the table that quantikz makes a picture of.
_Cells = dict[tuple[int, int], str]


def write_latex(layouts: Sequence[Layout]) -> str:
    """Write circuits, with a plus between them, as a LaTeX document that compiles by itself.

    Sizes of wires are written on them, and a gate's boxes are joined by lines; a change of size
    shows by its number alone. The cut of a rank is drawn where it is a straight line.
    """
    bodies = [line for layout in layouts for line in (*_write(layout), r"\par\bigskip $+$")]
    return "\n".join([_HEAD, *bodies[:-1], r"\end{document}"]) + "\n"


def escape(text: str) -> str:
    r"""Write a text so that LaTeX shows it.

    Example:
        >>> print(escape("100 % of g_1"))
        100 \% of g\_1
    """
    return text.translate(_ESCAPES)


def _write(layout: Layout) -> Iterator[str]:
    yield rf"\par\textbf{{{escape(shorten_end(layout.title, _LINE))}}}\par\medskip"
    columns = [1 + bool(_labels(layout, column)) for column in range(len(layout.layers))]
    for strip in fold(columns, layout.layers, limit=_COLUMNS):
        yield r"\begin{quantikz}[row sep=0.25cm, column sep=0.3cm]"
        cells = _Strip(layout, strip).fill()
        width = 1 + max(column for _, column in cells)
        for row in range(layout.rows):
            texts = [cells.get((row, column), "") for column in range(width)]
            yield " & ".join(texts).rstrip() + (r" \\" if row < layout.rows - 1 else "")
        yield r"\end{quantikz}\par\medskip"
    told = [*map(str, layout.facts), *_legend(layout), layout.note]
    yield r"{\footnotesize "
    yield " \\\\\n".join(escape(text) for text in told if text) + "}"


def _legend(layout: Layout) -> Iterator[str]:
    if any(symbol.letter for symbol in layout.symbols):
        yield "same index: same tensor"
    if any(symbol.frozen for symbol in layout.symbols):
        yield "grey: frozen"
    if layout.order:
        yield "in brackets: order of contraction"


def _labels(layout: Layout, column: int) -> dict[int, Piece]:
    """Return the pieces that start in a column with something new, by row."""
    return {p.row: p for p in layout.pieces if p.start == column and p.label}


class _Strip:
    """The table of one strip of columns."""

    def __init__(self, layout: Layout, strip: range) -> None:
        self.layout = layout
        self.strip = strip
        self.cells = _Cells()
        # The names and sizes of wires take the first two columns.
        self.places: dict[int, int] = {}
        self.stop = 2
        for column in strip:
            self.places[column] = self.stop
            self.stop += 1 + bool(_labels(layout, column))

    def fill(self) -> _Cells:
        """Return the text of every cell that has one."""
        layout, strip = self.layout, self.strip
        for piece in layout.pieces:
            if piece.start < strip.stop and piece.stop >= strip.start:
                self._fill_piece(piece)
        for index, symbol in enumerate(layout.symbols):
            if symbol.column in self.places:
                self._fill_symbol(index, symbol)
        self._fill_cut()
        return self.cells

    def _fill_piece(self, piece: Piece) -> None:
        row, name = piece.row, _name(piece.axis.name)
        start = self.places.get(piece.start, -1)
        stop = self.places.get(piece.stop, self.stop)
        for column in range(start + 1, stop):
            self.cells[row, column] = r"\qw"
        if start < 0:
            self.cells[row, 0] = rf"\lstick{{${name}$}}"
            self.cells[row, 1] = rf"\push{{\scriptstyle {piece.axis.size}}}"
        elif piece.label:
            label = f"{piece.axis.size}" if "=" not in piece.label else f"{name}={piece.axis.size}"
            self.cells[row, start + 1] = rf"\push{{\scriptstyle {label}}}"
        if piece.stop not in self.places:
            end = r"\cdots"
            if piece in self.layout.outputs and piece.stop == self.strip.stop:
                end = f"{name}={piece.axis.size}"
                place = self.layout.outputs.index(piece) + 1
                end += rf"\ (\#{place})" if self.layout.permuted else ""
            self.cells[row, stop] = rf"\qw\rstick{{${end}$}}"

    def _fill_symbol(self, index: int, symbol: Symbol) -> None:
        column = self.places[symbol.column]
        for box in symbol.boxes:
            options = self._style(index, symbol, box)
            self.cells[box[0].row, column] = rf"\gate[{options}]{{{self._label(index, symbol)}}}"
            for pad in box[1:]:
                self.cells[pad.row, column] = ""
        for row in symbol.dots:
            self.cells[row, column] = r"\control{}"
        if not symbol.pads:
            label = self._label(index, symbol)
            self.cells[symbol.rows[0], column] = rf"\phase{{{label}}}"
        for upper, lower in symbol.necks:
            self.cells[upper, column] += rf"\vqw{{{lower - upper}}}"

    def _label(self, index: int, symbol: Symbol) -> str:
        label = _name(shorten(symbol.name, _LETTERS))
        label += f"_{{{symbol.letter}}}" if symbol.letter else ""
        order = self.layout.order
        return label + (rf"\,{{\scriptstyle({order.label(index)})}}" if order else "")

    def _style(self, index: int, symbol: Symbol, box: Sequence[Pad]) -> str:
        options = [f"wires={len(box)}"]
        started = [str(n) for n, pad in enumerate(box, 1) if pad.left is None]
        options += [f"nwires={{{','.join(started)}}}"] if started else []
        order, theme = self.layout.order, THEMES["light"]
        if symbol.frozen:
            options.append("style={fill=black!12}")
        elif order:
            colour = blend(theme.first, theme.last, order.share(index))
            red, green, blue = (int(colour[n : n + 2], 16) for n in (1, 3, 5))
            options.append(f"style={{fill={{rgb,255:red,{red};green,{green};blue,{blue}}}}}")
        return ",".join(options)

    def _fill_cut(self) -> None:
        cut = self.layout.cut
        if cut is None or len(set(cut.spots)) > 1 or cut.spots[0] % 2 == 0:
            return
        column = (cut.spots[0] - 1) // 2
        if column not in self.places and not (column == -1 and 0 in self.places):
            return
        place = 1 if column < 0 else self.places[column] + bool(_labels(self.layout, column))
        sign = "=" if cut.exact else r"\le"
        style = "solid" if cut.exact else "dashed"
        text = rf"$\mathrm{{rank}} {sign} {cut.bound}$"
        self.cells[0, place] = (
            self.cells.get((0, place), "") + rf"\slice[style={{red,{style}}}]{{{text}}}"
        )


def _name(name: str) -> str:
    short = shorten(name, _LETTERS).replace("_", r"\_").replace("…", r"\ldots ")
    return short if len(short) == 1 else rf"\mathrm{{{short}}}"
