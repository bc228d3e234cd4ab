"""Suggest: one circuit for a layer and a budget, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qcircuit_adapt.design.budget import find_rows
from qcircuit_adapt.design.row import Row
from qcircuit_adapt.families import FAMILIES

NEAR = 9
"""Of ten of the most degrees of freedom, how many are enough to look at MACs instead."""


@dataclass(frozen=True)
class Suggestion:
    """A row chosen from others.

    Attributes:
        row: The circuit chosen.
        d_in: The layer's input dimension.
        d_out: Its output dimension.
        max_parameters: The budget.
        listed: How many circuits there were to choose from.
        full: How many of them have the update of most rank, and show no axis to be independent of
            another.
        near: How many of these have nearly the most degrees of freedom.
    """

    row: Row
    d_in: int
    d_out: int
    max_parameters: int
    listed: int
    full: int
    near: int

    @property
    def reasons(self) -> tuple[str, str, str]:
        """Why this one, in three lines."""
        row, dense = self.row, self.d_in * self.d_out
        least, most = row.freedom
        freedom = f"{most:,}" if least == most else f"at most {most:,}"
        joined = (
            "no output axis of theirs is independent of an input axis"
            if row.joined
            else "none joins all axes"
        )
        first = (
            f"{row.spec} has {row.parameters:,} of the {self.max_parameters:,} parameters allowed, "
            f"{row.share:.3%} of the layer's {dense:,}."
        )
        second = (
            f"Its update has rank {row.update_rank[0]:,}, proved, the most of {self.listed} "
            f"circuits listed; {self.full} have, and {joined}."
        )
        third = (
            f"Of those, {self.near} come within a tenth of the most degrees of freedom (here "
            f"{freedom}); it costs the fewest MACs: {row.macs:,}, {row.macs / dense:.1%} of the "
            "layer's."
        )
        return first, second, third

    @property
    def config(self) -> str:
        """The line of Python that adapts with it."""
        form = "" if self.row.form == "difference" else f', form="{self.row.form}"'
        return f'qa.CircuitConfig(circuit="{self.row.spec}"{form})'

    def __str__(self) -> str:
        return "\n".join((*self.reasons, "", self.config))


def suggest(
    d_in: int,
    d_out: int,
    *,
    max_parameters: int,
    families: Sequence[str] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Suggestion:
    """Choose a circuit for a layer: the most rank, then nearly the most freedom, then fewest MACs.

    Degrees of freedom are compared by their upper bounds, since for circuits whose gates change
    sizes no theorem gives a lower one.

    Args:
        d_in: The input dimension.
        d_out: The output dimension.
        max_parameters: The most parameters.
        families: The families to choose from; by default those whose update does not multiply the
            base weight.
        on_progress: Told how many circuits are done, of how many.

    Raises:
        DesignError: No circuit fits the budget.

    Example:
        >>> print(suggest(64, 64, max_parameters=1000, families=["lora", "quanta"]).config)
        qa.CircuitConfig(circuit="quanta(axes=4-4-4)")
    """
    rows = find_rows(
        d_in,
        d_out,
        max_parameters=max_parameters,
        families=families or [name for name in FAMILIES if not FAMILIES[name].square],
        on_progress=on_progress,
    )
    most = max(row.update_rank[0] for row in rows)
    full = [row for row in rows if row.update_rank[0] == most]
    full = [row for row in full if row.joined] or full
    best = max(row.freedom[1] for row in full)
    near = [row for row in full if 10 * row.freedom[1] >= NEAR * best]
    chosen = min(near, key=lambda row: (row.macs, -row.freedom[1], row.saved, row.spec))
    return Suggestion(chosen, d_in, d_out, max_parameters, len(rows), len(full), len(near))
