"""Text: an argument as plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from qcircuit_adapt.analysis.certificate import Certificate
from qcircuit_adapt.analysis.exposition.argument import argue
from qcircuit_adapt.analysis.exposition.piece import TIE, Code, Math, Piece, Sentence
from qcircuit_adapt.analysis.exposition.statement import Argument, Listing, Statement
from qcircuit_adapt.analysis.sum_certificate import SumCertificate

WIDTH = 100
"""How many columns a line has at most, unless it is one name or formula that cannot be broken."""

SHORT = 16
"""Math of up to so many characters stays on one line."""


def explain(certificate: Certificate | SumCertificate) -> str:
    """Write a certificate as prose, with a proof of every claim.

    Returns:
        Lines of up to 100 columns, and a line break at the end.

    Example:
        >>> from qcircuit_adapt.analysis import prove
        >>> from qcircuit_adapt.circuit import Circuit
        >>> text = explain(prove(Circuit.parse("x=64 | x -> r=4, r -> y=64", name="lora")))
        >>> text.splitlines()[0]
        'What is proved about lora'
    """
    return write_text(argue(certificate))


def write_text(argument: Argument) -> str:
    """Write an argument as plain text."""
    lines = (line.replace(TIE, " ").rstrip() for line in _write(argument))
    return "\n".join(lines) + "\n"


def _write(argument: Argument) -> Iterator[str]:
    title = " ".join(argument.title.split())
    yield from _wrap(title)
    yield "=" * min(len(title), WIDTH)
    for place, section in enumerate(argument.sections, 1):
        heading = f"{place}. {section.title}"
        yield from ("", heading, "-" * len(heading))
        for paragraph in section.paragraphs:
            yield ""
            yield from _wrap(flatten(paragraph))
        for statement in section.statements:
            yield ""
            yield from _write_statement(statement)
    if argument.sources:
        yield from ("", "Sources", "-------")
        for source in argument.sources:
            yield from _wrap(f"[{source.label}] {source.entry}", indent="", later="    ")


def _write_statement(statement: Statement) -> Iterator[str]:
    topic = statement.topic + (f"; {statement.status}" if statement.status else "")
    cited = ", ".join(f"[{source.label}]" for source in statement.sources)
    head = f"{statement.kind} {statement.number} ({topic})."
    yield from _wrap(f"{head} {flatten(statement.claim)}")
    for place, block in enumerate(statement.proof):
        if isinstance(block, Listing):
            for item in block.items:
                yield from _wrap(flatten(item), indent="      - ", later="        ")
            continue
        start = "" if place else "Why. " if statement.kind == "Remark" else "Proof. "
        yield from _wrap(start + flatten(block), indent="    ", later="    ")
    if cited:
        yield from _wrap(f"See {cited}.", indent="    ", later="    ")


def flatten(sentence: Sentence) -> str:
    """Write a sentence in one line; it may be broken at its plain spaces."""
    return "".join(map(_write_piece, sentence))


def _write_piece(piece: Piece) -> str:
    if isinstance(piece, Math):
        return piece.text.replace(" ", TIE) if len(piece.text) <= SHORT else piece.text
    if isinstance(piece, Code):
        return '"' + " ".join(piece.text.split()) + '"'
    return piece


def _wrap(text: str, *, indent: str = "", later: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )
