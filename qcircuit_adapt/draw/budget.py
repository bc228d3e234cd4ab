"""Rank and degrees of freedom against parameters: what circuits express for what they cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from qcircuit_adapt.analysis.certificate import Certificate
from qcircuit_adapt.draw.style import apply_style, choose_colour

_MARKERS = "osD^vP"


@dataclass(frozen=True)
class BudgetPoint:
    """A circuit's costs and what is proved of it.

    Attributes:
        name: What it is called.
        parameters: How many numbers are trained.
        rank: Bounds on the rank: of the update if the certificate has it, else of T.
        freedom: Bounds on the degrees of freedom.
    """

    name: str
    parameters: int
    rank: tuple[int, int]
    freedom: tuple[int, int]


def list_points(certificates: Iterable[Certificate]) -> tuple[BudgetPoint, ...]:
    """Take from certificates what is drawn, the fewest parameters first."""
    points = (
        BudgetPoint(
            one.circuit.name or one.circuit.text,
            one.parameters,
            (rank.lower, rank.upper),
            (one.degrees_of_freedom.lower, one.degrees_of_freedom.upper),
        )
        for one in certificates
        for rank in [one.update_rank or one.rank]
    )
    return tuple(sorted(points, key=lambda point: (point.parameters, point.name)))


def draw_budget(
    certificates: Iterable[Certificate],
    axes: tuple[Axes, Axes] | None = None,
    *,
    theme: str = "light",
) -> tuple[Axes, Axes]:
    """Draw the rank, and beside it the degrees of freedom, against the parameters of circuits.

    A mark is what is proved exact, a bar an interval, an open mark a bound from above alone.

    Args:
        certificates: What `prove` found.
        axes: The axes of the two plots; by default those of a new figure.
        theme: ``"light"`` or ``"dark"``.

    Returns:
        The two axes.
    """
    points = list_points(certificates)
    with apply_style(theme) as colours:
        left, right = axes or _open_axes(len(points))
        for number, point in enumerate(points):
            # Twice six before a colour comes with a marker it had.
            style: dict[str, Any] = {
                "color": choose_colour(number),
                "marker": _MARKERS[number // 6 % len(_MARKERS)],
            }
            for ax, (lower, upper) in ((left, point.rank), (right, point.freedom)):
                if 0 < lower < upper:
                    ax.plot([point.parameters] * 2, [lower, upper], lw=2, label=point.name, **style)
                else:
                    fill: dict[str, Any] = {} if lower == upper else {"markerfacecolor": "none"}
                    at = (max(point.parameters, 1), max(upper, 1))
                    ax.plot(*at, ls="", ms=7, label=point.name, **style, **fill)
        numbers = [max(point.parameters, 1) for point in points]
        if numbers:
            ends = [min(numbers), max(numbers)]
            right.plot(ends, ends, color=colours.faint, lw=1, ls=":", zorder=1)
        for ax, title in (
            (left, "Rank"),
            (right, "Degrees of freedom (dotted: one for each parameter)"),
        ):
            ax.set(xscale="log", yscale="log", xlabel="parameters", title=title)
            ax.grid(visible=True)
        handles, labels = left.get_legend_handles_labels()
        if axes is None and isinstance(left.figure, Figure):
            left.figure.legend(handles, labels, loc="outside right center", fontsize=8)
    return left, right


def _open_axes(count: int) -> tuple[Axes, Axes]:
    figure = Figure(figsize=(9.6, max(3.8, 0.24 * count)), layout="constrained")
    left, right = figure.subplots(1, 2)
    return left, right
