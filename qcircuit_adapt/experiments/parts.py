"""Parts: the items that one run trains on, is chosen by, and is tested on."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from qcircuit_adapt.errors import ExperimentError
from qcircuit_adapt.experiments.experiment import Data
from qcircuit_adapt.experiments.item import Item
from qcircuit_adapt.experiments.rows import read_rows
from qcircuit_adapt.experiments.task import Part, Task
from qcircuit_adapt.experiments.tasks import find_task


@dataclass(frozen=True)
class Parts:
    """Items.

    Attributes:
        train: Those to train on.
        validation: Those that choose a learning rate or a checkpoint.
        tests: Those of each task that is tested on.
    """

    train: tuple[Item, ...]
    validation: tuple[Item, ...]
    tests: dict[str, tuple[Item, ...]]


@lru_cache(maxsize=4)
def load_parts(data: Data, *, folder: Path | None = None) -> Parts:
    """Load the items of an experiment.

    Raises:
        ExperimentError: There are none to train or to test on, or they cannot be read.
    """
    tasks = [find_task(name) for name in data.train]
    _check_kinds([*tasks, *(find_task(name) for name in data.tests)])
    everything: list[Item] = []
    for task in tasks:
        everything += _read(task, "train", folder)
    random.Random(f"rows {data.seed}").shuffle(everything)
    first = data.validation_rows
    last = first + data.train_rows if data.train_rows else len(everything)
    tests = {}
    for name in data.tests:
        items = _read(find_task(name), "test", folder)
        random.Random(f"rows {data.seed}").shuffle(items)
        tests[name] = tuple(items[: data.test_rows or None])
    parts = Parts(tuple(everything[first:last]), tuple(everything[:first]), tests)
    for label, part in {"train": parts.train, **parts.tests}.items():
        if not part:
            raise ExperimentError(
                f"no rows are left for {label!r}.",
                cause=f"{len(everything)} rows are there to train on; {first} of them go to "
                "validation first.",
            )
    return parts


def _read(task: Task, part: Part, folder: Path | None) -> list[Item]:
    items: list[Item] = []
    for number, row in enumerate(read_rows(task, part, folder=folder), 1):
        try:
            items += task.read(row)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            fields = ", ".join(map(repr, row)) if hasattr(row, "keys") else repr(row)[:60]
            raise ExperimentError(
                f"row {number} of {task.name!r} is not as in that data set: "
                f"{type(error).__name__} {error}.",
                cause=f"It has {fields}.",
            ) from error
    return items


def _check_kinds(tasks: Iterable[Task]) -> None:
    kinds = {"answer" if task.kind in ("generate", "choose") else task.kind for task in tasks}
    if len(kinds) > 1:
        raise ExperimentError(
            f"tasks of the kinds {', '.join(sorted(kinds))} cannot be trained on and tested in one "
            "experiment."
        )
