"""Commands on trained numbers: ``inspect | fit``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from qcircuit_adapt.adapter import FORMS_ON_WEIGHT
from qcircuit_adapt.cli.arguments import Json, Output, read_form
from qcircuit_adapt.cli.output import print_json, print_table, progress
from qcircuit_adapt.families import resolve

if TYPE_CHECKING:
    from qcircuit_adapt.analysis.trained.spectrum import Spectrum
    from qcircuit_adapt.hf.inspection import InspectedLayer


def inspect(
    folder: Annotated[
        Path,
        typer.Argument(help="The folder of an adapter, trained or not.", show_default=False),
    ],
    only: Annotated[
        str | None, typer.Option(help="A pattern for the modules to inspect, such as q_proj.")
    ] = None,
    split: Annotated[
        list[str] | None,
        typer.Option(
            help="Wires on one side of T, inputs before and outputs after an arrow: 'a b -> a'; "
            "repeat for more. Default: each axis."
        ),
    ] = None,
    base: Annotated[
        str | None, typer.Option(help="The base model's configuration, as for 'import'.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Draw them: .svg, .png or .pdf.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure the updates of a trained adapter, layer by layer, beside what is proved.

    Reads adapters of circuits, and of the methods that 'import' takes.
    """
    from qcircuit_adapt.draw.figure import find_kind
    from qcircuit_adapt.hf.inspection import inspect_adapter

    if output:
        find_kind(output)  # before the work
    with progress("Inspecting") as on_progress:
        layers = tuple(
            inspect_adapter(folder, modules=only, splits=split, base=base, on_progress=on_progress)
        )
    if output:
        from qcircuit_adapt.draw.inspection import save_inspection

        save_inspection(layers, output)
        print(f"Wrote {output}.", file=sys.stderr)
    if as_json:
        print_json(
            [{"module": one.module, "terms": [t.to_dict() for t in one.terms]} for one in layers]
        )
        return
    print_table(_tabulate_layers(layers))
    if any(term.splits for layer in layers for term in layer.terms):
        print()
        print_table(_tabulate_splits(layers))
    print(
        "\nproved: exact, for the stored gates, before rounding; bound: for all gates. The other "
        "numbers are\nmeasured in floating point: numerical rank, stable rank, condition number of "
        "what is not\nnumerically zero."
    )


def _tabulate_layers(layers: Iterable[InspectedLayer]) -> Table:
    """Lay out what is known of updates, and of T before and after training."""
    table = _open_table("module", "of")
    for title in ("proved", "bound", "numerical", "stable", "condition"):
        table.add_column(title, justify="right")
    for layer in layers:
        for number, term in enumerate(layer.terms, 1):
            name = layer.module + (f", term {number}" if len(layer.terms) > 1 else "")
            update = "T - I" if term.form in FORMS_ON_WEIGHT else "dW"
            table.add_row(name, update, f"{term.lower:,}", f"{term.upper:,}", *_tell(term.update))
            if term.start:
                table.add_row("", "T", "", "", *_tell(term.trained))
                table.add_row("", "T before", "", "", *_tell(term.start))
    return table


def _tabulate_splits(layers: Iterable[InspectedLayer]) -> Table:
    """Lay out operator-Schmidt ranks, measured and proved."""
    table = _open_table("module", "one side of T")
    for title in ("Schmidt rank", "bound", "almost all matrices"):
        table.add_column(title, justify="right")
    for layer in layers:
        for term in layer.terms:
            for split in term.splits:
                bound = split.bound
                numbers = (split.measured, bound.bound, bound.most)
                table.add_row(layer.module, split.side, *(f"{number:,}" for number in numbers))
    return table


def _tell(spectrum: Spectrum) -> tuple[str, str, str]:
    return (
        f"{spectrum.numerical_rank:,}",
        f"{spectrum.stable_rank:,.1f}",
        f"{spectrum.condition_number:.1e}",
    )


def _open_table(*titles: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in titles:
        table.add_column(title, no_wrap=True)
    return table


def fit(
    matrix: Annotated[
        Path,
        typer.Argument(
            help="The update: a .npy or .safetensors file, or a checkpoint's folder.",
            show_default=False,
        ),
    ],
    circuit: Annotated[
        str, typer.Option(help="The circuit to fit: as for other commands, or a family.")
    ],
    minus: Annotated[
        Path | None, typer.Option(help="What to subtract: the checkpoint before training.")
    ] = None,
    tensor: Annotated[
        str | None, typer.Option(help="The name of the tensor, where files hold several.")
    ] = None,
    form: Annotated[str, typer.Option(help="zero, difference or residual.")] = "zero",
    sweeps: Annotated[int, typer.Option(min=0, help="The most sweeps over all gates.")] = 50,
    starts: Annotated[int, typer.Option(min=1, help="From how many draws to start.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="What the first start is drawn from.")] = 0,
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Fit a circuit to a matrix, such as a trained update, and compare it with LoRA.

    Ctrl-C prints, and writes, what there is.
    """
    from qcircuit_adapt.design.fit import fit_circuit
    from qcircuit_adapt.design.fit_file import write_fit
    from qcircuit_adapt.nn.difference import read_difference

    wanted = read_difference(matrix, minus, tensor=tensor)
    d_out, d_in = wanted.shape
    chosen = resolve(circuit, d_in, d_out)
    with progress("Fitting") as on_progress:
        found = fit_circuit(
            wanted,
            chosen,
            form=read_form(form),
            sweeps=sweeps,
            starts=starts,
            seed=seed,
            on_progress=on_progress,
        )
    if output:
        write_fit(found, output)
        print(f"Wrote {output}.", file=sys.stderr)
    if as_json:
        print_json(
            {
                "circuit": chosen.text,
                "form": found.form,
                "parameters": chosen.parameters,
                "error": found.error,
                "errors": found.errors,
                "seed": found.seed,
                "lora": [asdict(found.below), asdict(found.above)],
                "interrupted": found.interrupted,
            }
        )
    else:
        print(found)
    if found.interrupted:
        raise typer.Exit(130)
