"""Commands that keep running: ``serve | demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qcircuit_adapt.adapter import FORMS
from qcircuit_adapt.cli.arguments import read_form


def serve(
    folder: Annotated[
        Path, typer.Option(help="The folder whose circuits are opened and saved.")
    ] = Path(),
    host: Annotated[
        str, typer.Option(help="The address to serve on; only this computer reaches the default.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port; 0 for any that is free.")
    ] = 8765,
    opens: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in a browser.")
    ] = True,
) -> None:
    """Serve the designer: edit a circuit in the browser, with its picture and proofs beside it."""
    from qcircuit_adapt.serve.run import serve as serve_designer

    serve_designer(folder=folder, host=host, port=port, opens=opens)


def demo(
    model: Annotated[
        str | None,
        typer.Option(help="A Hugging Face causal model to fine-tune, by name or folder."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help='The text to fine-tune on: a text file, or JSONL with a "text" field.'),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder for results.")] = Path(
        "qcircuit-demo"
    ),
    circuit: Annotated[
        str, typer.Option(help="The circuit or family to adapt with, or a sum: 'A + zero B'.")
    ] = "quanta(axes=4)",
    form: Annotated[
        str, typer.Option(help=f"Its form, if it names none: {', '.join(FORMS)}.")
    ] = "difference",
    steps: Annotated[int, typer.Option(min=1, help="Steps of each fine-tuning run.")] = 40,
    seed: Annotated[int, typer.Option(min=0, help="The seed of everything random.")] = 0,
    target: Annotated[
        list[str] | None,
        typer.Option(
            help="A module to adapt, such as q_proj; repeat for more. Default: PEFT's own."
        ),
    ] = None,
) -> None:
    """Fine-tune a small LLaMA, or a model of yours, with a circuit and with LoRA, and compare."""
    from qcircuit_adapt.demo import TuneRecipe, run_demo

    result = run_demo(
        output=output,
        model=model,
        data=data,
        circuit=circuit,
        form=read_form(form),
        targets=tuple(target) if target else None,
        recipe=TuneRecipe(steps=steps, seed=seed),
    )
    if not result.passed:
        raise typer.Exit(1)
