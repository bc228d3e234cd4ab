"""Commands on trained numbers: ``inspect | fit``."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from qcircuit_adapt.cli.arguments import Json, Output, read_form
from qcircuit_adapt.cli.output import print_json, progress
from qcircuit_adapt.families import resolve


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
