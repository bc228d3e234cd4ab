"""The command line: ``qcircuit list | show | prove | ...``.

Exit codes: 0, 1 for what failed, 2 for a command that is not one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from qcircuit_adapt.cli import (
    design,
    experiments,
    look,
    models,
    plans,
    proofs,
    runs,
    trained,
)
from qcircuit_adapt.errors import CircuitError

__all__ = ["COMMANDS", "app", "main"]

app = typer.Typer(
    name="qcircuit",
    help="Fine-tuning adapters as tensor-network circuits.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

COMMANDS: dict[str, Callable[..., None]] = {
    "list": look.list_circuits,
    "show": look.show,
    "prove": proofs.prove,
    "verify": proofs.verify,
    "relate": proofs.relate,
    "draw": look.draw,
    "compile": plans.compile_circuit,
    "emit": plans.emit,
    "params": models.params,
    "import": models.import_folder,
    "export": models.export_folder,
    "budget": design.budget,
    "search": design.search,
    "suggest": design.suggest,
    "inspect": trained.inspect,
    "fit": trained.fit,
    "serve": runs.serve,
    "demo": runs.demo,
}
for name, command in COMMANDS.items():
    app.command(name)(command)
app.add_typer(experiments.app, name="experiment")


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks (in any place).")] = False,
) -> None:
    """Read the options that stand before the command."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line.

    Raises:
        SystemExit: Always, with code 0, 1 or 2.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a line-drawing character still shows the rest.
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        app(args=[word for word in given if word != "--debug"], prog_name="qcircuit")
    except CircuitError as error:
        if debug:
            raise
        _fail(f"{type(error).__name__}: {error}")
    except BrokenPipeError:
        # The reader (such as `head`) has seen enough; keep Python from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        _fail("Interrupted.")
    except Exception as error:
        if debug:
            raise
        _fail(f"{type(error).__name__}: {error}\n  This is not expected; --debug shows where.")


def _fail(message: str) -> None:
    print(message, file=sys.stderr)
    sys.exit(1)
