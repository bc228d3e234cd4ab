"""Found: what a search looked at, and the best of it; files of it carry a search on."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qcircuit_adapt.circuit_file import write_whole
from qcircuit_adapt.design.layout import Layout
from qcircuit_adapt.design.score import Score, find_front
from qcircuit_adapt.errors import DesignError

FORMAT = 1
"""The version of the file format."""


@dataclass(frozen=True)
class Question:
    """What is searched for.

    Attributes:
        d: The dimension, in and out.
        max_parameters: The most parameters a layout may have.
        max_macs: The most multiply-accumulates for one token; None for any number.
        axes: The sizes of the axes; none for all factorisations into up to `max_axes`.
        max_axes: Into how many axes the dimension is cut at most.
        max_gates: The most gates.
        wires: On how many axes a gate acts, at least and at most.
        ranks: How often the rank of a gate may be halved; from 2 on a gate of bounded rank has
            fewer parameters than a dense one.
        min_rank: The least rank of T; by default the dimension.
        joined: Whether gates have to join all axes. Layouts whose do not are cheap, and full in
            rank, since T is an identity on what they leave out.
        seed: What the local search is drawn from.
        most: How many layouts are looked at, at most.
    """

    d: int
    max_parameters: int
    max_macs: int | None = None
    axes: tuple[int, ...] = ()
    max_axes: int = 5
    max_gates: int = 6
    wires: tuple[int, int] = (2, 3)
    ranks: int = 0
    min_rank: int | None = None
    joined: bool = True
    seed: int = 0
    most: int = 3000

    @property
    def target(self) -> int:
        """The least rank of T."""
        return self.d if self.min_rank is None else self.min_rank

    def allows(self, layout: Layout) -> bool:
        """Say whether a layout is within the budget, and no layout of fewer gates does as much."""
        affordable = layout.parameters <= self.max_parameters and (
            self.max_macs is None or layout.macs <= self.max_macs
        )
        return affordable and len(layout.moves) <= self.max_gates and layout.is_reduced

    def accepts(self, one: Assessed) -> bool:
        """Say whether a layout that was looked at answers the question."""
        enough = one.score is not None and one.score.rank[0] >= self.target
        return enough and (one.layout.is_joined or not self.joined)


@dataclass(frozen=True)
class Assessed:
    """A layout that was looked at.

    Attributes:
        layout: The layout.
        text: Its circuit, written as all circuits that differ from it in names alone.
        score: What it is compared by; none where a cut proves its rank to be too low.
    """

    layout: Layout
    text: str
    score: Score | None


@dataclass(frozen=True)
class Found:
    """The outcome of a search.

    Attributes:
        question: What was searched for.
        front: The layouts that none of those looked at is proved to beat, fewest parameters first.
        assessed: All layouts looked at; some are circuits that differ in the order of axes alone.
        complete: Whether these are all there are.
        interrupted: Whether the search was stopped.
    """

    question: Question
    front: tuple[Assessed, ...]
    assessed: tuple[Assessed, ...]
    complete: bool
    interrupted: bool = False

    @property
    def count(self) -> int:
        """How many circuits were looked at."""
        return len({one.text for one in self.assessed})

    @property
    def coverage(self) -> str:
        """What was looked at, and what was not, in a sentence."""
        count = f"{self.count:,} layouts"
        if self.complete:
            return f"all {count} were looked at: the front is proved."
        why = "stopped" if self.interrupted else "not exhaustive"
        asked = self.question
        return (
            f"{why}: {count} were looked at, those of fewest gates and what a local search from "
            f"seed {asked.seed} met; others of up to {asked.max_gates} gates were not."
        )

    def beating(self, score: Score) -> tuple[Assessed, ...]:
        """Return the layouts of the front that are proved to beat a score."""
        return tuple(one for one in self.front if one.score and one.score.beats(score))

    def to_dict(self) -> dict[str, Any]:
        """Return it as data that JSON can hold, from which `read_found` carries on."""
        return {
            "format": FORMAT,
            "question": dataclasses.asdict(self.question),
            "complete": self.complete,
            "front": [
                {"circuit": one.text} | dataclasses.asdict(one.score)
                for one in self.front
                if one.score
            ],
            "assessed": [_write(one) for one in self.assessed],
        }


def choose_front(assessed: tuple[Assessed, ...]) -> tuple[Assessed, ...]:
    """Return those that none is proved to beat, one of each score that is exact."""
    scored = sorted(
        ((one, one.score) for one in assessed if one.score),
        key=lambda pair: (pair[1].parameters, pair[1].macs, pair[1].freedom, pair[0].text),
    )
    first: dict[Score, tuple[Assessed, Score]] = {}
    by_text = {one.text: (one, score) for one, score in scored}  # the best proved of each
    for one, score in by_text.values():
        first.setdefault(score, (one, score))
    kept = list(first.values())
    return tuple(kept[position][0] for position in find_front([score for _, score in kept]))


def take_freest(some: Iterable[Assessed], *, count: int) -> tuple[Assessed, ...]:
    """Return those proved to have most degrees of freedom, most first."""
    scored = [(one.score, one) for one in some if one.score]
    scored.sort(
        key=lambda pair: ([-bound for bound in pair[0].freedom], pair[0].macs, pair[1].text)
    )
    return tuple(one for _, one in scored[:count])


def write_found(found: Found, path: str | os.PathLike[str]) -> None:
    """Write what was found, whole or not at all.

    Raises:
        FileError: The file cannot be written.
    """
    write_whole(path, json.dumps(found.to_dict(), separators=(",", ":")) + "\n")


def read_assessed(path: str | os.PathLike[str], question: Question) -> Mapping[Layout, Assessed]:
    """Read what an earlier search looked at; only its size, budget and rank need be the same.

    Raises:
        DesignError: The file is not of a search, or of one for something else.
    """
    cure = "Give a file that 'qcircuit search -o' wrote."
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
        asked = data["question"]
        keys = ("d", "max_parameters", "min_rank")
        other = next((key for key in keys if asked[key] != getattr(question, key)), None)
        assessed = [_read(one) for one in data["assessed"]]
        version = data["format"]
    except OSError as error:
        raise DesignError(f"cannot read {path}: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DesignError(f"{path} holds no search.", cure=cure) from None
    if version != FORMAT:
        raise DesignError(f"{path} is of format {version!r}; this version reads {FORMAT}.")
    if other:
        raise DesignError(
            f"{path} is of a search with {other} {asked[other]}, not {getattr(question, other)}.",
            cure="Ask the same again, or start anew without --resume.",
        )
    return {one.layout: one for one in assessed}


def _write(one: Assessed) -> list[object]:
    score = one.score
    numbers = score and [score.parameters, score.macs, list(score.rank), list(score.freedom)]
    return [one.layout.to_list(), one.text, numbers]


def _read(data: Any) -> Assessed:
    layout, text, numbers = data
    score = None
    if numbers is not None:
        parameters, macs, (low, high), (least, most) = numbers
        score = Score(parameters, macs, (low, high), (least, most))
    return Assessed(Layout.from_list(layout), text, score)
