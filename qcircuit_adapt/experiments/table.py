"""Tables of results: mean and spread over seeds."""

from __future__ import annotations

import csv
import io
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from qcircuit_adapt.experiments.result import Result, best_rate
from qcircuit_adapt.experiments.tasks import TASKS

_COLUMNS = (
    "experiment", "method", "parameters", "share", "rate", "task", "metric", "mean", "deviation",
    "runs", "failed",
)  # fmt: skip


@dataclass(frozen=True)
class Spread:
    """A score over seeds.

    Attributes:
        mean: Its mean.
        deviation: The standard deviation of single runs; 0 for one.
        count: How many runs there are.
        failed: How many more ended without a score, as one that diverged does.
    """

    mean: float
    deviation: float
    count: int
    failed: int = 0

    @classmethod
    def of(cls, values: Sequence[float | None]) -> Spread:
        """Sum scores up."""
        found = [value for value in values if value is not None]
        if not found:
            return cls(math.nan, 0.0, 0, len(values))
        deviation = statistics.stdev(found) if len(found) > 1 else 0.0
        return cls(statistics.fmean(found), deviation, len(found), len(values) - len(found))

    def format(self, *, percent: bool) -> str:
        """Write mean and spread, such as ``61.2 ± 0.4``."""
        if not self.count:
            return "no score"
        factor, digits = (100, 1) if percent else (1, 3)
        text = f"{factor * self.mean:.{digits}f}"
        if self.count > 1:
            text += f" ± {factor * self.deviation:.{digits}f}"
        return text + (f" ({self.failed} failed)" if self.failed else "")


@dataclass(frozen=True)
class TableRow:
    """A method of an experiment, at its chosen learning rate.

    Attributes:
        experiment: The experiment's name.
        method: The method's name.
        curve: The curve of a picture that it belongs to.
        parameters: How many numbers it trains.
        share: The same as a share of the model's.
        rate: The learning rate.
        seeds: How many seeds there are.
        scores: The main score of each task.
    """

    experiment: str
    method: str
    curve: str
    parameters: int
    share: float
    rate: float
    seeds: int
    scores: dict[str, Spread]


def make_rows(results: Iterable[Result], *, experiment: str = "") -> list[TableRow]:
    """Sum results up, method by method.

    Of a method whose settings were changed, only the runs with the latest settings count. Of one
    with several learning rates, only those at the rate that its validation loss chooses.

    Args:
        results: The results.
        experiment: The only experiment that counts, if given.
    """
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        if experiment in ("", result.experiment):
            groups.setdefault((result.experiment, result.method), []).append(result)
    rows = []
    for (name, method), group in groups.items():
        latest = [one for one in group if one.digest == group[-1].digest]
        rate = best_rate(_find_swept(latest))
        if rate is None:
            rate = latest[-1].rate
        chosen = [one for one in latest if one.rate == rate]
        scores = {
            task: Spread.of([one.scores[task].get(metric(task)) for one in chosen])
            for task in chosen[-1].scores
        }
        last = chosen[-1]
        rows.append(
            TableRow(
                name, method, last.curve, last.parameters, last.share, rate, len(chosen), scores
            )
        )
    return sorted(rows, key=lambda row: row.experiment)


def _find_swept(results: Sequence[Result]) -> list[Result]:
    """Return the runs by which a rate was chosen: those of the seed that has the most rates."""
    seeds: dict[int, list[Result]] = {}
    for one in results:
        seeds.setdefault(one.seed, []).append(one)
    return max(seeds.values(), key=len)


def metric(task: str) -> str:
    """Return the name of a task's main score."""
    return TASKS[task].metric


def is_percentage(task: str) -> bool:
    """Say whether a task's main score is written in percent."""
    return metric(task) != "loss"


def to_markdown(rows: Sequence[TableRow], *, titles: Mapping[str, str] | None = None) -> str:
    """Write rows as Markdown, a table for each experiment.

    Args:
        rows: The rows.
        titles: The experiments' titles by name; the name alone where there is none.
    """
    tables = []
    for name in dict.fromkeys(row.experiment for row in rows):
        mine = [row for row in rows if row.experiment == name]
        tasks = list(dict.fromkeys(task for row in mine for task in row.scores))
        header = ["method", "parameters", "% of model", "rate", "seeds"]
        header += [f"{TASKS[task].title} ({metric(task)})" for task in tasks]
        header += ["mean"] if len(tasks) > 1 else []
        lines = [header, ["---", *["---:"] * (len(header) - 1)]]
        for row in mine:
            cells = [
                row.method,
                f"{row.parameters:,}",
                f"{100 * row.share:.4g}",
                f"{row.rate:g}",
                str(row.seeds),
            ]
            cells += [_cell(row, task) for task in tasks]
            if len(tasks) > 1:
                cells.append(f"{100 * statistics.fmean(s.mean for s in row.scores.values()):.1f}")
            lines.append(cells)
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        title = f"**{titles[name]}** (`{name}`)" if titles else f"**{name}**"
        tables.append(f"{title}\n\n{table}\n")
    return "\n".join(tables)


def to_csv(rows: Sequence[TableRow]) -> str:
    """Write rows as CSV, a line for each task of each method."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in rows:
        start = [row.experiment, row.method, row.parameters, row.share, row.rate]
        for task, one in row.scores.items():
            numbers = [one.mean, one.deviation, one.count, one.failed]
            writer.writerow([*start, task, metric(task), *numbers])
    return text.getvalue()


def _cell(row: TableRow, task: str) -> str:
    if task not in row.scores:
        return ""
    return row.scores[task].format(percent=is_percentage(task))
