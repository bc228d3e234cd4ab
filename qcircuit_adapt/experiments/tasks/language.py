"""Text that every Python brings along: its next tokens, or a teacher's predictions of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qcircuit_adapt.experiments.item import Passage
from qcircuit_adapt.experiments.task import Part, Row, Task

if TYPE_CHECKING:
    from qcircuit_adapt.demo.text import Text


def source_rows(part: Part) -> Iterator[Row]:
    """Return the source files of the standard library."""
    # The demonstration's package needs torch, which tables of results do not.
    from qcircuit_adapt.demo.text import library_source

    yield from _make_rows(library_source(), part)


def documentation_rows(part: Part) -> Iterator[Row]:
    """Return the topics of the language reference, some of which the small model has seen."""
    from qcircuit_adapt.demo.text import documentation

    yield from _make_rows(documentation(), part)


def _make_rows(text: Text, part: Part) -> Iterator[Row]:
    return ({"text": one} for one in (text.train if part == "train" else text.held_out))


def read_row(row: Row) -> Iterator[Passage]:
    """Read ``text``."""
    yield Passage(row["text"])


LANGUAGE = Task(
    name="language",
    title="Python source",
    kind="predict",
    source=source_rows,
    read=read_row,
    metric="loss",
    higher=False,
)
IMITATE = Task(
    name="imitate",
    title="imitating a teacher",
    kind="imitate",
    source=documentation_rows,
    read=read_row,
    metric="left",
    higher=False,
)
