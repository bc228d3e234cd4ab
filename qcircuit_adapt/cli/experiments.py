"""Commands on experiments: ``experiment list | run | table``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from qcircuit_adapt.cli.arguments import Json
from qcircuit_adapt.cli.output import new_table, print_json

if TYPE_CHECKING:
    from qcircuit_adapt.experiments.experiment import Experiment
    from qcircuit_adapt.experiments.result import Result

app = typer.Typer(
    help="Rerun the experiments of papers, and your own, with every method in one harness.",
    no_args_is_help=True,
)

Folder = Annotated[Path, typer.Option("--output", "-o", help="The folder of the results.")]
DEFAULT_FOLDER = Path("qcircuit-results")


@app.command("list")
def list_experiments(as_json: Json = False) -> None:
    """List the shipped experiments."""
    from qcircuit_adapt.experiments.shipped import find_experiment, names

    found = [find_experiment(name) for name in names()]
    if as_json:
        rows = [
            {"name": one.name, "title": one.title, "methods": [m.name for m in one.methods]}
            for one in found
        ]
        print_json(rows)
        return
    table = new_table("name", "title", "methods")
    for one in found:
        table.add_row(one.name, one.title, ", ".join(method.name for method in one.methods))
    Console().print(table)


@app.command()
def run(
    experiment: Annotated[
        str, typer.Argument(help="A shipped experiment, or a TOML file.", show_default=False)
    ],
    method: Annotated[
        list[str] | None, typer.Option(help="A method; repeat for more. Default: all.")
    ] = None,
    seed: Annotated[
        list[int] | None, typer.Option(help="A seed; repeat for more. Default: the file's.")
    ] = None,
    output: Folder = DEFAULT_FOLDER,
    data: Annotated[
        Path | None,
        typer.Option(help="A folder with TASK/SPLIT.jsonl (.json, .csv, .parquet) for the rows."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="A folder or name of the hub, for the experiment's model.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Runs at once, on the CPU.")] = 1,
    report_to: Annotated[
        list[str] | None, typer.Option(help="What Trainer reports to, such as tensorboard.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the trained weights.")] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Check and count without weights, rows or the network."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Train and test the methods of an experiment; what is done already is not done again.

    On several devices: accelerate launch -m qcircuit_adapt experiment run ...
    """
    from qcircuit_adapt.experiments.shipped import find_experiment

    found = find_experiment(experiment)
    for name in method or []:
        found.method(name)
    if dry_run:
        _check(found, as_json=as_json)
        return
    from qcircuit_adapt.experiments.learn import Place
    from qcircuit_adapt.experiments.run import run_experiments

    results = run_experiments(
        [found],
        Place(output, data, model, keep=keep, quiet=jobs > 1, report_to=tuple(report_to or ())),
        methods=method or [],
        seeds=seed or [],
        jobs=jobs,
        on_result=say_result,
    )
    if as_json:
        from dataclasses import asdict

        print_json([asdict(result) for result in results])
    elif not results:
        print(f"All of it is done: see 'qcircuit experiment table -o {output}'.")


@app.command("table")
def tabulate(
    experiment: Annotated[
        str | None, typer.Argument(help="The only experiment to show.", show_default=False)
    ] = None,
    output: Folder = DEFAULT_FOLDER,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    picture: Annotated[
        Path | None, typer.Option(help="Draw score against parameters: .svg, .png or .pdf.")
    ] = None,
) -> None:
    """Print mean and spread over seeds, as Markdown or CSV."""
    from qcircuit_adapt.errors import ExperimentError
    from qcircuit_adapt.experiments.result import read_results
    from qcircuit_adapt.experiments.table import make_rows, to_csv, to_markdown

    rows = make_rows(read_results(output), experiment=experiment or "")
    if not rows:
        raise ExperimentError(
            f"there are no results in {str(output)!r}.",
            cure="Run an experiment first, or name its folder: --output FOLDER.",
        )
    print(to_csv(rows) if as_csv else to_markdown(rows), end="")
    if picture:
        from qcircuit_adapt.experiments.picture import draw_results

        draw_results(rows, picture)
        print(f"Wrote {picture}.", file=sys.stderr)


def say_result(result: Result, done: int, total: int) -> None:
    """Print a finished run; of several processes only the first does."""
    import os

    if os.environ.get("RANK", "0") != "0":
        return
    scores = "; ".join(
        f"{task}: " + ", ".join(f"{k} {_number(v)}" for k, v in found.items())
        for task, found in result.scores.items()
    )
    print(
        f"[{done}/{total}] {result.experiment} {result.method} seed {result.seed} "
        f"rate {result.rate:g}: {scores} ({result.seconds:.0f} s)",
        flush=True,
    )


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"


def _check(experiment: Experiment, *, as_json: bool) -> None:
    from qcircuit_adapt.experiments.dry_run import dry_run

    found = dry_run(experiment)
    if as_json:
        print_json(found.to_dict())
        return
    table = new_table("name", "parameters", "share", "modules", "rates")
    for one in found.methods:
        rates = ", ".join(f"{rate:g}" for rate in one.rates)
        table.add_row(
            one.method, f"{one.parameters:,}", f"{one.share:.4%}", str(one.modules or "-"), rates
        )
    Console().print(table)
    shapes = ", ".join(f"{name} {list(shape)}" for name, shape in found.batch.items())
    print(f"\n{found.model}: {found.model_parameters:,} parameters. A batch: {shapes}.")


@app.command()
def headline(
    output: Folder = DEFAULT_FOLDER,
    write: Annotated[
        Path | None, typer.Option(help="The folder for pictures and tables, if another.")
    ] = None,
    scale: Annotated[
        str, typer.Option(help="small: the whole; tiny: a rehearsal of a minute.")
    ] = "small",
    jobs: Annotated[int, typer.Option(min=1, help="Runs at once.")] = 2,
) -> None:
    """Compare the methods on small models, here: where does LoRA stall and a circuit does not?

    Ctrl-C stops; the same command goes on from there.
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from qcircuit_adapt.errors import ExperimentError, nearest
    from qcircuit_adapt.experiments.headline import run_headline

    scales = ("small", "tiny")
    if scale not in scales:
        raise ExperimentError(
            f"unknown scale {scale!r}.", cure=nearest(scale, scales, noun="scales")
        )
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    times = (TimeElapsedColumn(), TextColumn("left:"), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, *times, console=console) as bar:
        first = bar.add_task("pretraining, steps", total=None)
        second = bar.add_task("runs", total=None)
        found = run_headline(
            output,
            tiny=scale == "tiny",
            jobs=jobs,
            write=write,
            say=lambda text: console.print(text, highlight=False, markup=False),
            on_step=lambda step, _: bar.update(first, completed=step),
            on_result=lambda _, done, total: bar.update(second, completed=done, total=total),
        )
    for file in found.files:
        print(f"Wrote {file}.", file=sys.stderr)
