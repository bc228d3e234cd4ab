"""Rows of data sets: from the Hugging Face Hub, or the same fields from files."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qcircuit_adapt.errors import ExperimentError
from qcircuit_adapt.experiments.task import Part, Row, Source, Task

ENDINGS = (".jsonl", ".json", ".csv", ".parquet")
_INSTALL = 'Install it: pip install "qcircuit-adapt[experiments]".'


def read_rows(task: Task, part: Part, *, folder: Path | None = None) -> list[Row]:
    """Return the rows of a task.

    Args:
        task: The task.
        part: Those to train on, or those to test on.
        folder: Has ``TASK/SPLIT.jsonl`` (or ``.json``, ``.csv``, ``.parquet``), with the data set's
            own names of splits and fields; without it the data set is loaded from the hub.

    Raises:
        ExperimentError: They are not there, or cannot be read.
    """
    if not isinstance(task.source, Source):
        return list(task.source(part))
    split = task.source.train if part == "train" else task.source.test
    if folder is None:
        return _from_hub(task.name, task.source, split)
    places = [f"{task.name}/{split}{ending}" for ending in ENDINGS]
    for place in places:
        if (folder / place).is_file():
            return list(read_file(folder / place))
    raise ExperimentError(
        f"there are no rows of {task.name!r} in {str(folder)!r}.",
        cause=f"None of {', '.join(places)} is there.",
    )


def read_file(file: Path) -> Iterator[Row]:
    """Yield the rows of a file; of JSON the objects of a list, or the values of one object.

    Raises:
        ExperimentError: It is not of the format that its ending says.
    """
    try:
        if file.suffix == ".parquet":
            yield from _parquet(file)
        elif file.suffix == ".csv":
            with file.open(encoding="utf-8", newline="") as lines:
                for row in csv.DictReader(lines):
                    yield {key: _plain(value) for key, value in row.items()}
        elif file.suffix == ".jsonl":
            with file.open(encoding="utf-8") as lines:
                yield from (json.loads(line) for line in lines if line.strip())
        else:
            data = json.loads(file.read_text(encoding="utf-8"))
            yield from data.values() if isinstance(data, dict) else data
    except (ValueError, OSError, csv.Error) as error:
        raise ExperimentError(f"cannot read the rows of {str(file)!r}: {error}.") from error


def _plain(value: Any) -> Any:
    """Return a value of CSV, which has lists and tables as JSON."""
    if isinstance(value, str) and value[:1] in "[{" and value:
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _parquet(file: Path) -> Iterator[Row]:
    try:
        from pyarrow import parquet
    except ImportError:
        raise ExperimentError("reading Parquet needs pyarrow.", cure=_INSTALL) from None
    with parquet.ParquetFile(file) as opened:
        for batch in opened.iter_batches():
            yield from batch.to_pylist()


def _from_hub(name: str, source: Source, split: str) -> list[Row]:
    if not source.hub:
        raise ExperimentError(
            f"the data set {name!r} is not on the hub.",
            cure=f"Give the folder that has {name}/{split}.json: --data FOLDER.",
        )
    try:
        import datasets
    except ImportError:
        raise ExperimentError(
            "loading data sets from the hub needs the package datasets.",
            cure=f"{_INSTALL} Or give files: --data FOLDER.",
        ) from None
    try:
        return list(datasets.load_dataset(source.hub, source.config or None, split=split))
    # The hub, the network and the formats raise what they like.
    except Exception as error:
        lines = str(error).strip().splitlines() or [""]
        raise ExperimentError(
            f"cannot load {source.hub!r} from the hub.",
            cause=f"{type(error).__name__}: {lines[0]}",
            cure=f"Give files: --data FOLDER, with {name}/{split}.jsonl.",
        ) from error
