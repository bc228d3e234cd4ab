"""Statement: what is claimed, how sure it is, and why; and how statements make up an argument."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from qcircuit_adapt.analysis.exposition.piece import Sentence
from qcircuit_adapt.analysis.exposition.source import Source

Kind = Literal["Theorem", "Proposition", "Remark"]


@dataclass(frozen=True)
class Listing:
    """Items, one to a line."""

    items: tuple[Sentence, ...]


Block = Sentence | Listing
"""A paragraph, or a list."""


@dataclass(frozen=True)
class Statement:
    """A claim with its proof.

    Attributes:
        kind: What it is headed by.
        topic: What it is about, in a few words.
        status: ``theorem``, ``proved by witness``, ``proved interval``, ``Monte Carlo (1 in n)``,
            or empty for a remark that claims nothing about the circuit.
        claim: What is claimed.
        proof: Why it holds, for this circuit; empty for a remark.
        sources: Whose results are used.
        number: Its place among all statements, from 1.
    """

    kind: Kind
    topic: str
    status: str
    claim: Sentence
    proof: tuple[Block, ...] = ()
    sources: tuple[Source, ...] = ()
    number: int = 0


@dataclass(frozen=True)
class Section:
    """Paragraphs, then statements.

    Attributes:
        title: Its title.
        paragraphs: What comes before the statements.
        statements: The statements.
    """

    title: str
    paragraphs: tuple[Sentence, ...] = ()
    statements: tuple[Statement, ...] = ()


@dataclass(frozen=True)
class Argument:
    """All that is proved about one subject.

    Attributes:
        title: Its title.
        sections: The sections in order; their statements are numbered through.
        sources: All that are cited, in the order of the first citations.
    """

    title: str
    sections: tuple[Section, ...]
    sources: tuple[Source, ...]
