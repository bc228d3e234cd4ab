"""The singular values of an adapter's layers, as one picture for all of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from qcircuit_adapt.draw.figure import write_figure
from qcircuit_adapt.draw.style import apply_style

if TYPE_CHECKING:
    from qcircuit_adapt.analysis.trained.spectrum import Spectrum
    from qcircuit_adapt.hf.inspection import InspectedLayer

_MAP = "viridis"


@dataclass(frozen=True)
class Line:
    """The singular values of one layer over the largest.

    Attributes:
        label: The layer.
        spectrum: Its singular values.
    """

    label: str
    spectrum: Spectrum


@dataclass(frozen=True)
class Panel:
    """What is drawn in one pair of axes.

    Attributes:
        modules: What the modules are called, such as ``q_proj``.
        ranks: The bounds on the rank of each update, the least lower and the largest upper.
        update: The updates.
        trained: T after training.
        start: T before it; fewer where that is not stored.
    """

    modules: str
    ranks: tuple[int, int]
    update: tuple[Line, ...]
    trained: tuple[Line, ...]
    start: tuple[Line, ...]


def list_panels(layers: Iterable[InspectedLayer]) -> tuple[Panel, ...]:
    """Sort layers by the last part of their names; terms of a sum count apart."""
    sorted_: dict[str, list[tuple[str, int]]] = {}
    listed = list(layers)
    for number, layer in enumerate(listed):
        for place in range(len(layer.terms)):
            name = layer.module.rpartition(".")[2]
            name += f", term {place + 1}" if len(layer.terms) > 1 else ""
            sorted_.setdefault(name, []).append((layer.module, number))
    panels = []
    for name, members in sorted_.items():
        place = int(name.rpartition(" ")[2]) - 1 if ", term " in name else 0
        terms = [(module, listed[number].terms[place]) for module, number in members]
        panels.append(
            Panel(
                name,
                (min(one.lower for _, one in terms), max(one.upper for _, one in terms)),
                tuple(Line(module, one.update) for module, one in terms),
                tuple(Line(module, one.trained) for module, one in terms),
                tuple(Line(module, one.start) for module, one in terms if one.start),
            )
        )
    return tuple(panels)


def draw_inspection(layers: Iterable[InspectedLayer], *, theme: str = "light") -> Figure:
    """Draw singular values: a row for modules of one name, the update beside T; early layers dark.

    A dot is where the numerical rank ends, a red line the proved upper bound on the rank of the
    update, dotted lines T before training.

    Args:
        layers: What `inspect_adapter` found.
        theme: ``"light"`` or ``"dark"``.
    """
    panels = list_panels(layers)
    with apply_style(theme) as colours:
        rows = max(len(panels), 1)
        figure = Figure(figsize=(9.6, 0.6 + 2.5 * rows), layout="constrained")
        for axes, panel in zip(figure.subplots(rows, 2, squeeze=False), panels, strict=False):
            left, right = axes
            _draw_lines(left, panel.update)
            _draw_lines(right, panel.start, style=":", dots=False)
            _draw_lines(right, panel.trained)
            lower, upper = panel.ranks
            left.axvline(upper, color=colours.cut, lw=1, ls="--", zorder=1)
            proved = f"{upper:,}" if lower == upper else f"{lower:,} to {upper:,}"
            left.set_title(f"{panel.modules}: update, rank {proved} (proved)")
            right.set_title("T, after training" + (" (dotted: before)" if panel.start else ""))
            for ax in axes:
                ax.set(yscale="log", ylabel="over the largest")
                ax.set_xlim(left=0)
                ax.set_ylim(bottom=min(ax.get_ylim()[0], 1e-2))
                ax.xaxis.set_major_locator(MaxNLocator(integer=True))
                ax.grid(visible=True, axis="y")
        for ax in figure.axes[-2:]:
            ax.set_xlabel("number of the singular value (measured)")
        figure.suptitle("Singular values; the darkest line is the first layer", fontsize=9)
    return figure


def _draw_lines(ax: Axes, lines: Sequence[Line], *, style: str = "-", dots: bool = True) -> None:
    colours = matplotlib.colormaps[_MAP]
    for number, line in enumerate(lines):
        found = line.spectrum
        values = found.singular_values
        heights = [v / values[0] for v in values if v > found.tolerance * values[0] / 10]
        if not heights:
            continue
        colour = colours(0.85 * number / max(len(lines) - 1, 1))
        across = range(1, len(heights) + 1)
        ax.plot(across, heights, ls=style, lw=1.2, color=colour, label=line.label)
        rank = found.numerical_rank
        if dots and rank:
            ax.plot(rank, heights[rank - 1], "o", ms=4, color=colour)


def save_inspection(
    layers: Iterable[InspectedLayer], path: str | os.PathLike[str], *, theme: str = "light"
) -> None:
    """Draw layers into a file, whole or not at all.

    Args:
        layers: What `inspect_adapter` found.
        path: An ``.svg``, ``.png`` or ``.pdf`` file.
        theme: ``"light"`` or ``"dark"``.

    Raises:
        FileError: The file cannot be written, or has another ending.
    """
    write_figure(draw_inspection(layers, theme=theme), path)
