"""Cells: single runs of an experiment, and which of them are still to be done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qcircuit_adapt.experiments.experiment import Experiment, Training
from qcircuit_adapt.experiments.method import Method
from qcircuit_adapt.experiments.result import Result, best_rate


@dataclass(frozen=True)
class Cell:
    """A method, trained once.

    Attributes:
        experiment: The experiment.
        method: One of its methods.
        seed: Decides the order of the rows and the numbers that the method starts with.
        rate: The learning rate.
    """

    experiment: Experiment
    method: Method
    seed: int
    rate: float

    @property
    def training(self) -> Training:
        """How it is trained."""
        return self.experiment.training_of(self.method)

    @property
    def digest(self) -> str:
        """See `Experiment.digest`."""
        return self.experiment.digest(self.method)

    @property
    def key(self) -> tuple[str, str, str, int, float]:
        """What its result is found by."""
        return self.experiment.name, self.method.name, self.digest, self.seed, self.rate

    @property
    def label(self) -> str:
        """Its name in reports and of its folder."""
        return f"{self.experiment.name}-{self.method.name}-seed{self.seed}-rate{self.rate:g}"


def next_cells(
    experiment: Experiment,
    known: Sequence[Result],
    *,
    methods: Sequence[str] = (),
    seeds: Sequence[int] = (),
) -> list[Cell]:
    """Return the runs that can be done now.

    Of several learning rates all are tried with the experiment's first seed; the one with the least
    validation loss is taken for the other seeds, which come when those runs are done.

    Args:
        experiment: The experiment.
        known: What was done.
        methods: The names of the methods wanted; all by default.
        seeds: The seeds wanted; all of the experiment by default.
    """
    done = {result.key: result for result in known}
    cells = []
    for method in [experiment.method(name) for name in methods] or experiment.methods:
        rates = experiment.training_of(method).rates
        trials = [Cell(experiment, method, experiment.seeds[0], rate) for rate in rates]
        missing = [cell for cell in trials if cell.key not in done]
        if len(rates) > 1 and missing:
            cells += missing
            continue
        chosen = rates[0]
        if len(rates) > 1:
            chosen = best_rate([done[cell.key] for cell in trials]) or min(rates)
        wanted = [Cell(experiment, method, seed, chosen) for seed in seeds or experiment.seeds]
        cells += [cell for cell in wanted if cell.key not in done]
    return cells
