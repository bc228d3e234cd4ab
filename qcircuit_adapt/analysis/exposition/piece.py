"""Piece: what sentences are made of, written once for plain text and for LaTeX.

A sentence is a tuple of pieces: words, names, and math in both its forms.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qcircuit_adapt.analysis.formula import Formula, Symbol

TIE = "\u00a0"
"""A space at which a line is not broken."""

SIGNS = {
    "=": "=",
    "<=": r"\le",
    ">=": r"\ge",
    "+": "+",
    "-": "-",
    "*": r"\cdot",
    "(x)": r"\otimes",
    "x": r"\times",
    "+-": r"\pm",
    "...": r"\dots",
    ",": ",",
    "(": "(",
    ")": ")",
}
"""Signs as plain text and as LaTeX."""


@dataclass(frozen=True)
class Math:
    """Math within a sentence.

    Attributes:
        text: As plain text; lines may break at its plain spaces.
        tex: As LaTeX, for math mode.
        numbers: The numbers it states.
    """

    text: str
    tex: str
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True)
class Code:
    """A name or a text as one would type it."""

    text: str


Piece = str | Math | Code
Sentence = tuple[Piece, ...]

Part = Math | int | str
"""What `expr` puts together: math, a whole number, or a sign of `SIGNS`."""

T, S, W = Math("T", "T"), Math("S", "S"), Math("W", "W")
DIFFERENCE = Math(f"T -{TIE}S", "T - S")
UPDATE = Math("dW", r"\Delta W")


def say(template: str, **pieces: Piece | int | Sequence[Piece]) -> Sentence:
    """Write a sentence with pieces in the places ``{name}`` of a template.

    Example:
        >>> say("At most {n} columns.", n=4096)
        ('At most ', Math(text='4,096', tex='4{,}096', numbers=(4096,)), ' columns.')
    """
    found: list[Piece] = []
    for words, field, _, _ in string.Formatter().parse(template):
        if words:
            found.append(words)
        if field is not None:
            piece = pieces[field]
            if isinstance(piece, int):
                found.append(number(piece))
            elif isinstance(piece, str | Math | Code):
                found.append(piece)
            else:
                found.extend(piece)
    return tuple(found)


def number(value: int) -> Math:
    """Write a whole number, with a comma every three digits."""
    return Math(f"{value:,}", f"{value:,}".replace(",", "{,}"), (value,))


def expr(*parts: Part) -> Math:
    r"""Put math together; in plain text a line breaks only before a sign.

    Example:
        >>> expr(rank(T), "<=", 4096).tex
        '\\operatorname{rank} T \\le 4{,}096'
    """
    text = tex = ""
    numbers: tuple[int, ...] = ()
    opened = True
    for part in parts:
        if isinstance(part, str):
            before = "" if opened or part in ",)" else TIE if part == "*" else " "
            text += before + part
            tex += f" {SIGNS[part]}"
            opened = part == "("
            continue
        one = number(part) if isinstance(part, int) else part
        text += one.text if opened else f"{TIE}{one.text}"
        tex += f" {one.tex}"
        numbers += one.numbers
        opened = False
    return Math(text, tex.strip(), numbers)


def interleave(sign: str, parts: Iterable[Part]) -> Math:
    """Put a sign between parts.

    Example:
        >>> interleave("+", [2, 3, 5]).tex
        '2 + 3 + 5'
    """
    first, *rest = [expr(part) for part in parts]
    text, tex, numbers = first.text, first.tex, first.numbers
    for one in rest:
        text += f"{sign} {one.text}" if sign == "," else f" {sign}{TIE}{one.text}"
        tex += f" {SIGNS[sign]} {one.tex}"
        numbers += one.numbers
    return Math(text, tex, numbers)


def power(base: Part, exponent: int) -> Math:
    """Write a power; one of exponent 1 is the base."""
    one = expr(base)
    if exponent == 1:
        return one
    return Math(f"{one.text}^{exponent}", f"{one.tex}^{{{exponent}}}", (*one.numbers, exponent))


def group(inner: Math) -> Math:
    """Put math in parentheses."""
    return Math(f"({inner.text})", f"({inner.tex})", inner.numbers)


def rank(of: Math) -> Math:
    """Write the rank of a matrix."""
    inner = group(of) if {TIE, " "} & {*of.text} else of
    gap = "" if inner.text.startswith("(") else TIE
    return Math(f"rank{gap}{inner.text}", rf"\operatorname{{rank}} {inner.tex}")


def det(of: Math) -> Math:
    """Write the determinant of a matrix."""
    return Math(f"det({of.text})", rf"\det({of.tex})")


def indexed(letter: str, index: Math) -> Math:
    """Write a letter with an index."""
    return Math(f"{letter}_{index.text}", f"{letter}_{{{index.tex}}}")


def gate(name: str) -> Math:
    """Write the name of a gate, or of a half-gate, for its tensor."""
    return Math(name, rf"\mathtt{{{name}}}".replace("_", r"\_"))


def wire(name: str) -> Math:
    """Write the name of a wire."""
    symbol = Symbol(name, "", 1)
    return Math(name, symbol.tex())


def formula(polynomial: Formula) -> Math:
    """Write a formula; it states its value only."""
    text = str(polynomial).replace(" ", TIE)
    for sign in "+-":
        text = text.replace(f"{TIE}{sign}{TIE}", f" {sign}{TIE}")
    return Math(text, polynomial.tex())


def path(stops: Sequence[Math], wires: Sequence[str]) -> Math:
    """Write a way from stop to stop over wires, of which there are one fewer."""
    text, tex = stops[0].text, stops[0].tex
    for over, stop in zip(wires, stops[1:], strict=True):
        text += f" -{over}->{TIE}{stop.text}"
        tex += rf" \xrightarrow{{{wire(over).tex}}} {stop.tex}"
    return Math(text, tex)


def listing(items: Sequence[Piece]) -> Sentence:
    """Write items with commas, and "and" before the last."""
    found: list[Piece] = []
    for place, item in enumerate(items):
        if place:
            found.append(" and " if place == len(items) - 1 else ", ")
        found.append(item)
    return tuple(found)


def gates(names: Sequence[str]) -> Sentence:
    """List gates; from four on, consecutive ones by the first and the last.

    Example:
        >>> "".join(piece if isinstance(piece, str) else piece.text for piece in gates(
        ...     ["g1", "g2", "g3", "g4"]))
        'g1 to g4'
    """
    if len(names) > 3 and names[0][:1] == "g" and names[0][1:].isdigit():
        first = int(names[0][1:])
        if [*names] == [f"g{n}" for n in range(first, first + len(names))]:
            return (gate(names[0]), " to ", gate(names[-1]))
    return listing([gate(name) for name in names])
