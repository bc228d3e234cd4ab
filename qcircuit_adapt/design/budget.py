"""Budget: every family's circuits for a layer that fit a number of parameters, as rows."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from qcircuit_adapt.design.layouts import list_layouts
from qcircuit_adapt.design.row import FORMS, Row, measure
from qcircuit_adapt.design.score import find_front
from qcircuit_adapt.errors import DesignError, LimitError, nearest
from qcircuit_adapt.families import FAMILIES

FACTORISATIONS = 16
"""How many factorisations are tried for each number of axes, unless told."""

SORTS: dict[str, Callable[[Row], tuple[object, ...]]] = {
    "parameters": lambda row: (row.parameters, row.macs, row.spec),
    "freedom": lambda row: (-row.freedom[0], -row.freedom[1], row.macs, row.spec),
    "rank": lambda row: (-row.update_rank[0], row.parameters, row.macs, row.spec),
    "macs": lambda row: (row.macs, row.parameters, row.spec),
    "saved": lambda row: (row.saved, row.macs, row.spec),
}
"""The orders of rows: least cost or most expressed first."""


def find_rows(
    d_in: int,
    d_out: int,
    *,
    max_parameters: int,
    families: Sequence[str] | None = None,
    factorisations: int = FACTORISATIONS,
    ordered: bool = False,
    sort: str = "parameters",
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[Row, ...]:
    """Count and bound every family's circuits for a layer, within a budget of parameters.

    Args:
        d_in: The input dimension.
        d_out: The output dimension.
        max_parameters: The most parameters a circuit may have.
        families: The families; all by default.
        factorisations: How many factorisations are tried for each number of axes, up to six, the
            most balanced first.
        ordered: Whether other orders of the same sizes count as factorisations of their own.
        sort: One of `SORTS`.
        on_progress: Told how many circuits are done, of how many.

    Returns:
        The rows in order. Those that no other is proved to beat have `Row.front`.

    Raises:
        DesignError: A dimension, family or order is none, or no circuit fits the budget.

    Example:
        >>> rows = find_rows(64, 64, max_parameters=600, families=["lora", "quanta"])
        >>> [(row.spec, row.update_rank[0]) for row in rows if row.front][:2]
        [('lora(rank=1)', 1), ('quanta(axes=2-2-2-2-2-2)', 64)]
    """
    for what, number in (("d_in", d_in), ("d_out", d_out), ("max_parameters", max_parameters)):
        if type(number) is not int or number < 1:
            raise DesignError(f"{what} is {number!r}; it must be a whole number, 1 or more.")
    if sort not in SORTS:
        raise DesignError(
            f"rows cannot be sorted by {sort!r}.", cure=nearest(sort, SORTS, noun="orders")
        )
    listed = {
        (circuit, FORMS.get(family)): (spec, family)
        for family in families or FAMILIES
        for spec, circuit in list_layouts(
            family,
            d_in,
            d_out,
            max_parameters=max_parameters,
            limit=factorisations,
            ordered=ordered,
        )
    }
    if not listed:
        raise DesignError(
            f"no circuit from {d_in} to {d_out} has at most {max_parameters:,} parameters.",
            cure="Raise the budget, or name other families.",
        )
    rows = []
    for done, ((circuit, _), (spec, family)) in enumerate(listed.items(), 1):
        try:
            rows.append(measure(circuit, spec=spec, family=family, layer=(d_in, d_out)))
        except LimitError:  # more wires than a program can be written for
            continue
        finally:
            if on_progress:
                on_progress(done, len(listed))
    front = set(find_front([row.score for row in rows]))
    marked = (replace(row, front=position in front) for position, row in enumerate(rows))
    return tuple(sorted(marked, key=SORTS[sort]))


def to_csv(rows: Iterable[Row]) -> str:
    """Write rows as CSV, each bound in a column of its own."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in rows:
        bounds = (*row.freedom, *row.rank, *row.update_rank)
        ends = (row.macs, row.saved, int(row.joined), f"{row.share:.6g}", int(row.front))
        writer.writerow([row.spec, row.family, row.form, row.parameters, *bounds, *ends])
    return text.getvalue()


def to_json(rows: Iterable[Row]) -> str:
    """Write rows as a JSON list; bounds are pairs."""
    return json.dumps([row.to_dict() for row in rows], indent=2) + "\n"


_COLUMNS = (
    *("spec", "family", "form", "parameters", "freedom_lower", "freedom_upper"),
    *("rank_lower", "rank_upper", "update_rank_lower", "update_rank_upper"),
    *("macs", "saved", "joined", "share_of_dense", "front"),
)
