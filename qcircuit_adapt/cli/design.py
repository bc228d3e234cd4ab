"""Commands that weigh and find layouts: ``budget | search | suggest``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from qcircuit_adapt.circuit_file import write_whole
from qcircuit_adapt.cli.arguments import (
    DIn,
    DOut,
    Families,
    Json,
    LayerIn,
    MaxParameters,
    Model,
    Output,
    Target,
    split_families,
)
from qcircuit_adapt.cli.output import new_table, print_json, print_table, progress
from qcircuit_adapt.design.amount import read_amount, read_range, read_sizes
from qcircuit_adapt.design.table import format_bounds
from qcircuit_adapt.errors import DesignError
from qcircuit_adapt.library import load_circuit

if TYPE_CHECKING:
    from qcircuit_adapt.design.row import Row
    from qcircuit_adapt.hf.model_budget import ModelBudget

MAX_PAGE = 100
"""How many circuits a page shows at most: it proves and draws each."""


def budget(
    d_in: LayerIn = None,
    d_out: DOut = None,
    model: Model = None,
    target: Target = None,
    max_parameters: MaxParameters = "100k",
    families: Families = None,
    factorisations: Annotated[
        int, typer.Option(min=1, help="Factorisations tried for each number of axes.")
    ] = 16,
    ordered: Annotated[
        bool, typer.Option("--ordered", help="Try other orders of the same axes, too.")
    ] = False,
    sort: Annotated[
        str, typer.Option(help="parameters, freedom, rank, macs or saved.")
    ] = "parameters",
    front: Annotated[
        bool, typer.Option("--front", help="List those only that no other is proved to beat.")
    ] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: Json = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Draw the rows: .svg, .png or .pdf; .html for a page with each circuit.",
        ),
    ] = None,
) -> None:
    """List what every family offers a layer for a budget of parameters, with what is proved.

    For a model: which circuit on which module.
    """
    from qcircuit_adapt.design import budget as design_budget
    from qcircuit_adapt.design.table import tabulate_rows

    if model:
        chosen = _choose_for_model(model, max_parameters, target, families)
        if output:
            suggestions = [choice.suggestion for choice in chosen.choices]
            _save_rows([(one.row, (one.d_in, one.d_out)) for one in suggestions], output)
        if as_csv:
            print(chosen.to_csv(), end="")
        elif as_json:
            print(chosen.to_json(), end="")
        else:
            print_table(_tabulate_choices(chosen))
            print(f"\n{chosen.total}")
        if output:
            print(f"Wrote {output}.", file=sys.stderr)
        return
    d_in = _need_layer(d_in)
    d_out = d_out or d_in
    with progress("Counting") as on_progress:
        rows = design_budget.find_rows(
            d_in,
            d_out,
            max_parameters=read_amount(max_parameters, dense=d_in * d_out),
            families=split_families(families),
            factorisations=factorisations,
            ordered=ordered,
            sort=sort,
            on_progress=on_progress,
        )
    shown = [row for row in rows if row.front or not front]
    if output:
        listed = shown if output.suffix == ".html" else rows
        _save_rows([(row, (d_in, d_out)) for row in listed], output)
    if as_csv:
        print(design_budget.to_csv(shown), end="")
    elif as_json:
        print(design_budget.to_json(shown), end="")
    else:
        print_table(tabulate_rows(shown))
        best = sum(row.front for row in rows)
        print(
            f"\n{len(rows)} circuits; no other is proved to beat the {best} marked * in "
            "parameters, rank dW, freedom and MACs."
        )
    if output:
        print(f"Wrote {output}.", file=sys.stderr)


def _save_rows(rows: Sequence[tuple[Row, tuple[int, int]]], output: Path) -> None:
    """Draw rows of layers of these shapes, or write a page of their circuits."""
    if output.suffix != ".html":
        from qcircuit_adapt.draw.front import save_front

        save_front([row for row, _ in rows], output)
        return
    from qcircuit_adapt.draw.html import to_html
    from qcircuit_adapt.families import resolve

    if len(rows) > MAX_PAGE:
        raise DesignError(
            f"{len(rows)} circuits are too many for a page, which shows {MAX_PAGE}.",
            cure="Add --front, a smaller --max-parameters, or --families.",
        )
    circuits = dict.fromkeys(resolve(row.spec, *shape) for row, shape in rows)
    write_whole(output, to_html(circuits))


def search(
    d_in: DIn,
    max_parameters: MaxParameters = "100k",
    max_macs: Annotated[
        int | None, typer.Option(min=1, help="The most MACs per token, gate after gate.")
    ] = None,
    axes: Annotated[
        str, typer.Option(help="Sizes such as 16-8-8-4, or 'any' for all factorisations.")
    ] = "any",
    max_axes: Annotated[int, typer.Option(min=1, max=16, help="With 'any': the most axes.")] = 5,
    gates: Annotated[int, typer.Option(min=1, max=64, help="The most gates.")] = 6,
    wires: Annotated[str, typer.Option(help="On how many axes a gate acts.")] = "2-3",
    ranks: Annotated[
        int, typer.Option(min=0, max=8, help="How often the rank of a gate may be halved.")
    ] = 0,
    min_rank: Annotated[
        int | None, typer.Option(min=1, help="The least rank of T; the dimension by default.")
    ] = None,
    joined: Annotated[
        bool, typer.Option(help="Whether gates have to join all axes to one another.")
    ] = True,
    against: Annotated[
        str | None,
        typer.Option(help="A circuit to beat: bounds parameters and MACs by its own."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="What the local search is drawn from.")] = 0,
    most: Annotated[int, typer.Option(min=1, help="The most layouts to look at.")] = 3000,
    witness: Annotated[
        int, typer.Option(min=0, help="For how many layouts to settle what theorems leave open.")
    ] = 0,
    workers: Annotated[int, typer.Option(help="The number of processes.")] = 1,
    dask: Annotated[
        str | None,
        typer.Option(help="A Dask scheduler, such as tcp://10.0.0.1:8786, whose workers search."),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Of how many layouts to print at most.")] = 30,
    output: Output = None,
    resume: Annotated[
        Path | None, typer.Option(help="A file that -o wrote: what it holds is not done again.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Search for layouts that no one listed: gates on any axes, in any order.

    Ctrl-C prints, and writes, what there is.
    """
    from qcircuit_adapt.design.found import Question, read_assessed, take_freest, write_found
    from qcircuit_adapt.design.row import measure
    from qcircuit_adapt.design.score import Score
    from qcircuit_adapt.design.search import search_layouts, settle
    from qcircuit_adapt.design.table import tabulate_found

    goal = None
    parameters = read_amount(max_parameters, dense=d_in * d_in)
    if against:
        row = measure(load_circuit(against))
        macs = load_circuit(against).macs_per_token
        goal = Score(row.parameters, macs, row.rank, row.freedom)
        parameters, max_macs = min(parameters, row.parameters), min(max_macs or macs, macs)
    question = Question(
        d=d_in,
        max_parameters=parameters,
        max_macs=max_macs,
        axes=() if axes == "any" else read_sizes(axes),
        max_axes=max_axes,
        max_gates=gates,
        wires=read_range(wires),
        ranks=ranks,
        min_rank=min_rank,
        joined=joined,
        seed=seed,
        most=most,
    )
    known = read_assessed(resume, question) if resume else None
    with progress("Searching") as on_progress:
        found = search_layouts(
            question, workers=workers, dask=dask, known=known, on_progress=on_progress
        )
    if witness and not found.interrupted:
        with progress("Settling") as on_progress:
            found = settle(found, most=witness, on_progress=on_progress)
    if output:
        write_found(found, output)
        print(f"Wrote {output}.", file=sys.stderr)
    if as_json:
        print_json({key: value for key, value in found.to_dict().items() if key != "assessed"})
    else:
        shown = found.beating(goal) if goal else found.front
        print_table(tabulate_found(take_freest(shown, count=top)))
        if goal:
            verb = "is" if len(shown) == 1 else "are"
            print(f"\n{len(shown) or 'None'} {verb} proved to beat {against}: {goal}.")
        else:
            print(f"\n{len(shown)} layouts are on the front.")
        print(found.coverage)
    if found.interrupted:
        raise typer.Exit(130)


def suggest(
    budget: Annotated[
        str,
        typer.Option(help='Parameters: "43008", "100k", or "0.05%" of the layer or model.'),
    ],
    d_in: LayerIn = None,
    d_out: DOut = None,
    model: Model = None,
    target: Target = None,
    families: Families = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="With --model: the folder to write adapter_config.json to."
        ),
    ] = None,
) -> None:
    """Suggest a circuit for a layer, or for each module of a model, and say why."""
    from qcircuit_adapt.design.suggest import suggest as suggest_circuit

    if model:
        chosen = _choose_for_model(model, budget, target, families)
        print(chosen)
        print(f"\n{chosen.code}")
        if output:
            chosen.config.save_pretrained(str(output))
            print(f"Wrote {output / 'adapter_config.json'}.", file=sys.stderr)
        return
    d_in = _need_layer(d_in)
    if output:
        raise DesignError(
            "-o is for the configuration of a model.", cure="Copy the line that is printed."
        )
    with progress("Counting") as on_progress:
        suggestion = suggest_circuit(
            d_in,
            d_out or d_in,
            max_parameters=read_amount(budget, dense=d_in * (d_out or d_in)),
            families=split_families(families),
            on_progress=on_progress,
        )
    print(suggestion)


def _need_layer(d_in: int | None) -> int:
    if d_in is None:
        raise DesignError(
            "neither a layer nor a model is given.", cure="Give --d-in 4096, or --model CONFIG."
        )
    return d_in


def _choose_for_model(
    model: str, budget: str, target: list[str] | None, families: str | None
) -> ModelBudget:
    from qcircuit_adapt.hf.meta import read_model_config
    from qcircuit_adapt.hf.model_budget import find_model_budget

    with progress("Counting") as on_progress:
        return find_model_budget(
            read_model_config(model),
            read_budget=lambda parameters: read_amount(budget, dense=parameters),
            targets=target,
            families=split_families(families),
            on_progress=on_progress,
        )


def _tabulate_choices(chosen: ModelBudget) -> Table:
    """Lay out the choices for a model."""
    table = new_table(
        "modules", "count", "shape", "circuit", "parameters", "freedom", "rank", "MACs per token"
    )
    for one in chosen.choices:
        found, row = one.suggestion, one.suggestion.row
        numbers = (f"{row.parameters:,}", format_bounds(row.freedom))
        more = (format_bounds(row.update_rank), f"{row.macs:,}")
        shape = f"{found.d_in} → {found.d_out}"
        table.add_row(one.modules, str(one.count), shape, one.spec, *numbers, *more)
    return table
