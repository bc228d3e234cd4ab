"""Tables: rows and what a search found, for a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table

from qcircuit_adapt.design.found import Assessed
from qcircuit_adapt.design.row import Row
from qcircuit_adapt.design.score import Bounds


def tabulate_rows(rows: Iterable[Row]) -> Table:
    """Lay out rows; a star marks the front, a dash between two numbers what is open."""
    table = _open_table("circuit", "")
    for title in ("parameters", "of dense", "freedom", "rank T", "rank dW", "MACs", "saved"):
        table.add_column(title, justify="right")
    table.add_column("joined")
    for row in rows:
        table.add_row(
            row.spec,
            "*" if row.front else "",
            f"{row.parameters:,}",
            f"{row.share:.3%}",
            *map(format_bounds, (row.freedom, row.rank, row.update_rank)),
            f"{row.macs:,}",
            f"{row.saved:,}",
            "yes" if row.joined else "no",
        )
    return table


def tabulate_found(front: Iterable[Assessed]) -> Table:
    """Lay out the layouts of a front, as texts that `load_circuit` reads."""
    table = _open_table("circuit")
    for title in ("parameters", "freedom", "rank T", "MACs"):
        table.add_column(title, justify="right")
    for one in front:
        if one.score:
            bounds = map(format_bounds, (one.score.freedom, one.score.rank))
            table.add_row(
                one.layout.circuit.text,
                f"{one.score.parameters:,}",
                *bounds,
                f"{one.score.macs:,}",
            )
    return table


def format_bounds(bounds: Bounds) -> str:
    """Write bounds: one number where they meet.

    Example:
        >>> format_bounds((4, 4)), format_bounds((0, 4096))
        ('4', '0-4,096')
    """
    lower, upper = bounds
    return f"{upper:,}" if lower == upper else f"{lower:,}-{upper:,}"


def _open_table(*titles: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold")
    return table
