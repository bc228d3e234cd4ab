"""TeX: an argument as LaTeX."""

from __future__ import annotations

from collections.abc import Iterator

from qcircuit_adapt.analysis.certificate import Certificate
from qcircuit_adapt.analysis.exposition.argument import argue
from qcircuit_adapt.analysis.exposition.piece import Code, Math, Piece, Sentence
from qcircuit_adapt.analysis.exposition.statement import Argument, Listing, Statement
from qcircuit_adapt.analysis.sum_certificate import SumCertificate

PACKAGES = (r"\usepackage{amsmath}", r"\usepackage{amsthm}")

THEOREMS = (
    r"\newtheorem{theorem}{Theorem}",
    r"\newtheorem{proposition}[theorem]{Proposition}",
    r"\theoremstyle{remark}",
    r"\newtheorem{remark}[theorem]{Remark}",
)

ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "_": r"\_",
    "%": r"\%",
    "&": r"\&",
    "#": r"\#",
    "$": r"\$",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "-": "{-}",
}
"""How characters are written that LaTeX takes for something else, in names and texts."""


def to_tex(certificate: Certificate | SumCertificate, *, document: bool = False) -> str:
    """Write a certificate as LaTeX, with a theorem and a proof for every claim.

    Args:
        certificate: The certificate.
        document: Whether to write a whole document; otherwise a fragment, with a comment that says
            what it needs.

    Example:
        >>> from qcircuit_adapt.analysis import prove
        >>> from qcircuit_adapt.circuit import Circuit
        >>> tex = to_tex(prove(Circuit.parse("x=64 | x -> r=4, r -> y=64")))
        >>> tex.splitlines()[0]
        '% Needs in the preamble:'
    """
    return write_tex(argue(certificate), document=document)


def write_tex(argument: Argument, *, document: bool = False) -> str:
    """Write an argument as LaTeX."""
    body = list(_write(argument))
    if document:
        start = (r"\documentclass{article}", r"\usepackage[utf8]{inputenc}", *PACKAGES, *THEOREMS)
        lines = [
            *start,
            r"\emergencystretch=5em",
            "",
            r"\begin{document}",
            *body,
            r"\end{document}",
        ]
    else:
        lines = ["% Needs in the preamble:", *(f"%   {line}" for line in (*PACKAGES, *THEOREMS))]
        lines += body
    return "\n".join(lines) + "\n"


def _write(argument: Argument) -> Iterator[str]:
    yield rf"\section*{{{escape(' '.join(argument.title.split()))}}}"
    for section in argument.sections:
        yield ""
        yield rf"\subsection*{{{escape(section.title)}}}"
        for paragraph in section.paragraphs:
            yield ""
            yield flatten(paragraph)
        for statement in section.statements:
            yield ""
            yield from _write_statement(statement)
    if argument.sources:
        yield ""
        yield r"\subsection*{Sources}"
        yield r"\begin{description}"
        for source in argument.sources:
            yield rf"\item[{{[{escape(source.label)}]}}] {escape(source.entry)}"
        yield r"\end{description}"


def _write_statement(statement: Statement) -> Iterator[str]:
    kind = statement.kind.lower()
    topic = statement.topic + (f"; {statement.status}" if statement.status else "")
    yield rf"\begin{{{kind}}}[{escape(topic)}]"
    yield flatten(statement.claim)
    yield rf"\end{{{kind}}}"
    cited = ", ".join(f"[{source.label}]" for source in statement.sources)
    if not (statement.proof or cited):
        return
    yield r"\begin{proof}[Reasons]" if kind == "remark" else r"\begin{proof}"
    for place, block in enumerate(statement.proof):
        if isinstance(block, Listing):
            yield r"\begin{itemize}"
            yield from (rf"\item {flatten(item)}" for item in block.items)
            yield r"\end{itemize}"
            continue
        if place and not isinstance(statement.proof[place - 1], Listing):
            yield ""
        yield flatten(block)
    if cited:
        yield f"See {escape(cited)}."
    yield r"\end{proof}"


def flatten(sentence: Sentence) -> str:
    """Write a sentence in one line."""
    return "".join(map(_write_piece, sentence))


def _write_piece(piece: Piece) -> str:
    if isinstance(piece, Math):
        return f"${piece.tex}$"
    if isinstance(piece, Code):
        return rf"\texttt{{{escape(' '.join(piece.text.split()))}}}"
    return escape(piece)


def escape(text: str) -> str:
    r"""Write a text such that LaTeX sets it as it is; what is not Latin-1 by its code point.

    Example:
        >>> print(escape("50 % of a_b"))
        50 \% of a\_b
    """
    return "".join(ESCAPES.get(letter) or _spell(letter) for letter in text)


def _spell(letter: str) -> str:
    plain = " " <= letter <= "~" or ("\u00c0" <= letter <= "\u00ff" and letter.isalpha())
    return letter if plain else f"[U+{ord(letter):04X}]"
