"""Task: where the rows of a data set are, what becomes of each, and how answers are scored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from qcircuit_adapt.experiments.item import Item, Question

Row = Mapping[str, Any]
Part = Literal["train", "test"]
Kind = Literal["generate", "choose", "classify", "predict", "imitate"]
Scores = dict[str, float]


@dataclass(frozen=True)
class Source:
    """A published data set.

    Attributes:
        hub: Its name on the Hugging Face Hub; empty for one that has to be given as files.
        config: The configuration to load, if it has several.
        train: The split to train on.
        test: The split to test on, one whose answers are public.
    """

    hub: str
    config: str = ""
    train: str = "train"
    test: str = "test"


@dataclass(frozen=True)
class Task:
    """A task.

    Attributes:
        name: Its name in experiment files, and that of its folder.
        title: Its name in tables.
        kind: What the model does: write an answer, choose among options, classify sentences,
            predict the next token, or imitate a teacher's predictions.
        source: The published data set, or a function that makes rows for a part.
        read: Turns a row into items; a row may hold none or several.
        metric: The score of its tables.
        higher: Whether more is better.
        labels: For ``classify``: how many classes; 1 for a score.
        new_tokens: For ``generate``: the most tokens of an answer.
        score: For ``generate``: scores an answer.
        measure: For ``classify``: scores all predictions, given them and the labels.
    """

    name: str
    title: str
    kind: Kind
    source: Source | Callable[[Part], Iterable[Row]]
    read: Callable[[Row], Iterable[Item]]
    metric: str
    higher: bool = True
    labels: int = 0
    new_tokens: int = 0
    score: Callable[[str, Question], Scores] | None = field(default=None, compare=False)
    measure: Callable[[Sequence[float], Sequence[float]], Scores] | None = field(
        default=None, compare=False
    )
