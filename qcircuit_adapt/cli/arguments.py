"""Arguments and options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import typer

from qcircuit_adapt.adapter import FORMS, Form
from qcircuit_adapt.errors import GateError, nearest

Source = Annotated[
    str,
    typer.Argument(
        metavar="CIRCUIT",
        help="A shipped name (see 'qcircuit list'), a TOML file, a text such as "
        '"a=16 b=8 | a b, b", or a family: "quanta(axes=16-8-8-4)".',
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Tokens = Annotated[int, typer.Option(min=1, max=2**31, help="Tokens per step to plan for.")]
DType = Annotated[str, typer.Option("--dtype", help="The type to predict costs for: fp32, bf16.")]
Device = Annotated[str, typer.Option("--device", help="The device to predict for: cpu, h200.")]
Strategy = Annotated[str, typer.Option("--strategy", help="How to train; auto takes the fastest.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="The file to write; printed if not given."),
]

DIn = Annotated[int, typer.Option(min=1, help="The layer's input dimension.")]
LayerIn = Annotated[int | None, typer.Option("--d-in", min=1, help="The layer's input dimension.")]
DOut = Annotated[
    int | None, typer.Option(min=1, help="Its output dimension; that of the input by default.")
]
MaxParameters = Annotated[
    str, typer.Option(help='The budget: "43008", "100k", "1.5M", or "0.05%" of the dense layer.')
]
Model = Annotated[
    str | None,
    typer.Option(
        help="Instead of a layer a model: its config.json or its folder, an architecture, or a "
        "name on the Hugging Face Hub. The budget is then for all of it."
    ),
]
Target = Annotated[
    list[str] | None,
    typer.Option(
        help="With --model: a module to adapt, such as q_proj, or all-linear; repeat for more."
    ),
]
Families = Annotated[
    str | None, typer.Option(help="Families, separated by commas; all by default.")
]


def split_families(text: str | None) -> list[str] | None:
    """Return the names in a list of families; None for all."""
    return [name.strip() for name in text.split(",")] if text else None


def read_form(word: str) -> Form:
    """Return a form by its name.

    Raises:
        GateError: There is no such form.
    """
    if word not in FORMS:
        raise GateError(f"unknown form {word!r}.", cure=nearest(word, FORMS, noun="forms"))
    return cast(Form, word)
