"""The tasks by name."""

from __future__ import annotations

from qcircuit_adapt.errors import ExperimentError, nearest
from qcircuit_adapt.experiments.task import Task
from qcircuit_adapt.experiments.tasks import (
    arithmetic,
    commonsense,
    drop,
    glue,
    language,
    reasoning,
)

_ALL = (
    drop.DROP,
    commonsense.BOOLQ,
    commonsense.PIQA,
    commonsense.SIQA,
    commonsense.HELLASWAG,
    commonsense.WINOGRANDE,
    commonsense.ARC_EASY,
    commonsense.ARC_CHALLENGE,
    commonsense.OPENBOOKQA,
    arithmetic.AQUA,
    arithmetic.GSM8K,
    arithmetic.MAWPS,
    arithmetic.SVAMP,
    arithmetic.MATH10K,
    arithmetic.COMMONSENSE170K,
    glue.SST2,
    glue.MRPC,
    glue.COLA,
    glue.RTE,
    glue.STSB,
    reasoning.REASONING,
    language.LANGUAGE,
    language.IMITATE,
)
TASKS: dict[str, Task] = {task.name: task for task in _ALL}


def find_task(name: str) -> Task:
    """Return a task by its name.

    Raises:
        ExperimentError: There is none.
    """
    if name not in TASKS:
        raise ExperimentError(
            f"there is no task {name!r}.", cure=nearest(name, TASKS, noun="tasks")
        )
    return TASKS[name]
