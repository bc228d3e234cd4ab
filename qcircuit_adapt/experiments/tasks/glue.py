"""Five tasks of GLUE.

Their validation splits are tested on: the answers of the test splits are not public.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from qcircuit_adapt.experiments.item import Pair
from qcircuit_adapt.experiments.scores import glue
from qcircuit_adapt.experiments.task import Row, Scores, Source, Task


def _reader(first: str, second: str = "") -> Callable[[Row], Iterator[Pair]]:
    def read(row: Row) -> Iterator[Pair]:
        if float(row["label"]) >= 0:
            yield Pair(row[first], row[second] if second else None, float(row["label"]))

    return read


def _task(
    name: str,
    title: str,
    read: Callable[[Row], Iterator[Pair]],
    metric: str,
    measure: Callable[[Sequence[float], Sequence[float]], Scores],
    *,
    labels: int = 2,
) -> Task:
    source = Source("nyu-mll/glue", name, test="validation")
    return Task(name, title, "classify", source, read, metric, labels=labels, measure=measure)


SST2 = _task("sst2", "SST-2", _reader("sentence"), "accuracy", glue.accuracy)
MRPC = _task("mrpc", "MRPC", _reader("sentence1", "sentence2"), "accuracy", glue.accuracy_and_f1)
COLA = _task("cola", "CoLA", _reader("sentence"), "mcc", glue.matthews)
RTE = _task("rte", "RTE", _reader("sentence1", "sentence2"), "accuracy", glue.accuracy)
STSB = _task("stsb", "STS-B", _reader("sentence1", "sentence2"), "mean", glue.correlation, labels=1)
