"""How commands show progress and print tables, JSON and files."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

_NAMES = ("module", "modules", "name", "shape")
_NUMBERS = ("MACs per token", "count", "energy", "error", "parameters", "rank")


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on a terminal for what takes longer than a moment."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def new_table(*columns: str) -> Table:
    """Return an empty table; columns of numbers are flush right, names stay in one line."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        number = column in _NUMBERS
        table.add_column(
            column, justify="right" if number else "left", no_wrap=column in _NAMES, overflow="fold"
        )
    return table


def print_circuits(circuits: Iterable[tuple[int, int, str]]) -> None:
    """Print every circuit of a table once, with its shape."""
    print()
    for d_in, d_out, text in dict.fromkeys(circuits):
        print(f"{d_in} → {d_out}: {text}")


def print_table(table: Table) -> None:
    """Print a table; what is no terminal gets its lines whole."""
    console = Console()
    Console(width=None if console.is_terminal else 240).print(table)


def print_json(data: Any) -> None:
    """Print plain data as JSON."""
    print(json.dumps(data, indent=2))


def report(output: Path | None, text: str) -> None:
    """Print what was made, or where it was written."""
    if output:
        print(f"Wrote {output}.", file=sys.stderr)
    else:
        print(text, end="" if text.endswith("\n") else "\n")
