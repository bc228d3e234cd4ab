"""Results: one line of JSON for each finished run, in a file that survives crashes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from qcircuit_adapt.errors import ExperimentError

FILE = "results.jsonl"


@dataclass(frozen=True)
class Result:
    """What a run found.

    Attributes:
        experiment: The experiment's name.
        method: The method's name.
        seed: The run's seed.
        rate: Its learning rate.
        digest: Changes with all else that decides the scores; see `Experiment.digest`.
        curve: The curve of a picture that the method belongs to.
        parameters: How many numbers the method trains.
        share: The same as a share of the model's.
        validation: The loss that chooses a learning rate; None where nothing is to be chosen.
        scores: The scores of each task; None for one that is not finite.
        seconds: The time that training took.
        more: What else is to be kept: steps, processes, versions.
    """

    experiment: str
    method: str
    seed: int
    rate: float
    digest: str
    curve: str
    parameters: int
    share: float
    validation: float | None
    scores: Mapping[str, Mapping[str, float | None]]
    seconds: float
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str, int, float]:
        """What tells a run from all others."""
        return self.experiment, self.method, self.digest, self.seed, self.rate


def append_result(result: Result, folder: Path) -> None:
    """Add a line to the results of a folder; it is on the disk when this returns.

    Raises:
        ExperimentError: It cannot be written.
    """
    file = folder / FILE
    line = json.dumps(asdict(result), allow_nan=False).encode() + b"\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        number = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            # A line that a crash cut short is closed, and so stays alone.
            size = os.lseek(number, 0, os.SEEK_END)
            if size:
                os.lseek(number, size - 1, os.SEEK_SET)
                line = line if os.read(number, 1) == b"\n" else b"\n" + line
            os.write(number, line)
            os.fsync(number)
        finally:
            os.close(number)
    except OSError as error:
        raise ExperimentError(f"cannot write {str(file)!r}: {error.strerror}.") from error


def read_results(folder: Path) -> list[Result]:
    """Return the results of a folder, of runs done twice the later; torn lines are left out."""
    try:
        lines = (folder / FILE).read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    known = {one.name for one in fields(Result)}
    found: dict[Any, Result] = {}
    for line in lines:
        try:
            data = json.loads(line)
            result = Result(**{key: value for key, value in data.items() if key in known})
        except (ValueError, TypeError, AttributeError):
            continue
        found.pop(result.key, None)
        found[result.key] = result
    return list(found.values())


def best_rate(results: Iterable[Result]) -> float | None:
    """Return the learning rate of the least validation loss, or None if none was finite.

    Args:
        results: One run for each learning rate.
    """
    losses = {one.rate: one.validation for one in results if one.validation is not None}
    return min(losses, key=losses.__getitem__, default=None)
