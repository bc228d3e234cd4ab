"""What circuits express and cost against their parameters, with those on the front marked."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from qcircuit_adapt.draw.figure import write_figure
from qcircuit_adapt.draw.style import apply_style, choose_colour

if TYPE_CHECKING:
    from qcircuit_adapt.design.row import Row

_MARKERS = "osD^vP"


def draw_front(rows: Iterable[Row], *, theme: str = "light") -> tuple[Axes, Axes]:
    """Draw degrees of freedom, and beside them MACs, against the parameters of rows.

    A family has one colour; filled marks are on the front. Where bounds on the degrees of freedom
    do not meet, the mark stands at the upper one, over a bar.

    Args:
        rows: What `design.find_rows` found.
        theme: ``"light"`` or ``"dark"``.

    Returns:
        The axes of the two plots.
    """
    listed = list(rows)
    with apply_style(theme) as colours:
        figure = Figure(figsize=(9.6, 4.2), layout="constrained")
        left, right = figure.subplots(1, 2)
        for number, family in enumerate(dict.fromkeys(row.family for row in listed)):
            colour = choose_colour(number)
            marker = _MARKERS[number // 6 % len(_MARKERS)]
            for front in (False, True):
                some = [row for row in listed if row.family == family and row.front == front]
                across = [row.parameters for row in some]
                for ax, up in (
                    (left, [row.freedom[1] for row in some]),
                    (right, [row.macs for row in some]),
                ):
                    ax.plot(
                        across,
                        up,
                        ls="",
                        marker=marker,
                        ms=5,
                        color=colour,
                        markerfacecolor=colour if front else "none",
                        alpha=1 if front else 0.5,
                        label=family if front else None,
                    )
                for row in some:
                    low, high = row.freedom
                    if low < high:
                        bar = [max(low, 1), high]
                        left.plot([row.parameters] * 2, bar, lw=0.8, color=colour, alpha=0.4)
        if listed:
            ends = [min(row.parameters for row in listed), max(row.parameters for row in listed)]
            left.plot(ends, ends, color=colours.faint, lw=1, ls=":", zorder=1)
        left.set_title("Degrees of freedom")
        left.set_ylabel("dotted: one for each parameter")
        right.set_title("MACs per token")
        least = min((row.freedom[1] for row in listed), default=1)
        left.set_ylim(bottom=max(least, 1) / 2)
        for ax in (left, right):
            ax.set(xscale="log", yscale="log", xlabel="parameters")
            ax.grid(visible=True)
        figure.legend(*right.get_legend_handles_labels(), loc="outside right center", fontsize=8)
    return left, right


def save_front(rows: Iterable[Row], path: str | os.PathLike[str], *, theme: str = "light") -> None:
    """Draw rows into a file, whole or not at all.

    Args:
        rows: What `design.find_rows` found.
        path: An ``.svg``, ``.png`` or ``.pdf`` file.
        theme: ``"light"`` or ``"dark"``.

    Raises:
        FileError: The file cannot be written, or has another ending.
    """
    left, _ = draw_front(rows, theme=theme)
    assert isinstance(left.figure, Figure)
    write_figure(left.figure, path)
