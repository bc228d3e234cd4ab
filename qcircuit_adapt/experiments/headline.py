"""The headline: where does LoRA stall, and a circuit does not? Small experiments, run anywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from qcircuit_adapt.demo.output import Output
from qcircuit_adapt.demo.training import OnStep, quiet_transformers
from qcircuit_adapt.experiments.experiment import Experiment
from qcircuit_adapt.experiments.learn import Place
from qcircuit_adapt.experiments.load import find_model
from qcircuit_adapt.experiments.method import Circuits
from qcircuit_adapt.experiments.result import read_results
from qcircuit_adapt.experiments.run import OnResult, run_experiments
from qcircuit_adapt.experiments.shipped import find_experiment
from qcircuit_adapt.experiments.table import TableRow, make_rows, to_markdown

METHODS = (
    "small-rank-1",
    "small-rank-8",
    "small-rank-64",
    "small-rank-full",
    "small-reasoning",
    "small-language",
)
"""The experiments that compare methods, a panel each."""

STARTS = ("small-initialisation",)
"""The experiment that compares how a circuit starts."""


@dataclass(frozen=True)
class Headline:
    """What the headline found.

    Attributes:
        rows: A row for each method of each experiment.
        files: The picture and the tables.
    """

    rows: tuple[TableRow, ...]
    files: tuple[Path, ...]


def run_headline(
    output: Path,
    *,
    tiny: bool = False,
    jobs: int = 2,
    write: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
    on_step: OnStep = lambda *_: None,
    on_result: OnResult = lambda *_: None,
) -> Headline:
    """Do all runs that are not done yet, and draw and tabulate what they found.

    Args:
        output: The folder of the results.
        tiny: Whether to go through all of it with next to no steps, as tests do.
        jobs: How many runs to do at once.
        write: The folder for pictures and tables; by default that of the results.
        say: Called with a sentence about what is being done.
        on_step: Called after each step of pretraining.
        on_result: Called after each run.

    Raises:
        CircuitError: A folder cannot be written.
    """
    from qcircuit_adapt.experiments.picture import draw_results

    experiments = [find_experiment(name) for name in (*METHODS, *STARTS)]
    if tiny:
        experiments = [shrink(one) for one in experiments]
    with quiet_transformers():
        for model in dict.fromkeys(one.model for one in experiments):
            find_model(model, tiny=tiny, say=say, on_step=on_step)
    place = Place(output, tiny=tiny, quiet=True)
    run_experiments(experiments, place, jobs=jobs, on_result=on_result)
    rows = make_rows(read_results(output))
    titles = {one.name: one.title for one in experiments}
    folder = Output(write or output)
    methods = [row for one in METHODS for row in rows if row.experiment == one]
    picture = folder.put("headline.svg", lambda path: draw_results(methods, path, titles=titles))
    ordered = [row for one in experiments for row in rows if row.experiment == one.name]
    table = to_markdown(ordered, titles=titles)
    tables = folder.put("tables.md", lambda path: path.write_text(table, encoding="utf-8"))
    return Headline(tuple(rows), (picture, tables))


def shrink(experiment: Experiment) -> Experiment:
    """Return an experiment of the same methods that is over in seconds, and says nothing."""
    training = replace(experiment.training, steps=2, batch=2, micro_batch=2, max_length=32)
    data = replace(experiment.data, validation_rows=4, test_rows=4)
    methods = tuple(
        replace(
            method,
            training=tuple(
                (key, value[:1] if key == "rates" else value) for key, value in method.training
            ),
        )
        for method in experiment.methods
        # A circuit's text is of one size.
        if not (isinstance(method.kind, Circuits) and "|" in method.kind.circuit)
    )
    rates = training.rates[:2] if len(methods) < 4 else training.rates[:1]
    return replace(
        experiment,
        seeds=(0,),
        data=data,
        training=replace(training, rates=rates),
        methods=methods,
    )
