"""The ratios as a picture: a panel for each layer and type, tokens from left to right."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from training.report import Result

_MARKS = "osD^v<>Pp*Xh"


def draw(results: list[Result], path: Path) -> None:
    """Draw all cells into one file; the ending of its name says the format."""
    panels: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        panels.setdefault((result.cell.shape.name, result.cell.dtype), []).append(result)
    names = list(dict.fromkeys(row.variant for result in results for row in result.rows))
    columns = min(len(panels), 3)
    lines = -(-len(panels) // columns)
    figure, grid = plt.subplots(
        lines,
        columns,
        figsize=(4.2 * columns + 2.2, 3.4 * lines),
        squeeze=False,
        layout="constrained",
    )
    for axes, ((shape, dtype), some) in zip(grid.flat, panels.items(), strict=False):
        _draw_panel(axes, some, names)
        axes.set_title(f"{shape}, {dtype}", fontsize=10)
    for axes in list(grid.flat)[len(panels) :]:
        axes.axis("off")
    handles, labels = _legend(list(grid.flat))
    figure.legend(handles, labels, loc="outside right upper", fontsize=8, frameon=False)
    figure.supylabel("training step / frozen layer's", fontsize=10)
    figure.supxlabel("tokens", fontsize=10)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _draw_panel(axes: Axes, some: list[Result], names: list[str]) -> None:
    colours = plt.colormaps["tab20"]
    for n, name in enumerate(names):
        points = [
            (result.cell.tokens, row.ratio)
            for result in some
            for row in result.rows
            if row.variant == name
        ]
        if not points:
            continue
        # Side by side, so that quartiles can be told apart.
        shift = 1.03 ** (n - len(names) / 2)
        axes.errorbar(
            [tokens * shift for tokens, _ in points],
            [ratio.median for _, ratio in points],
            yerr=[
                [ratio.median - ratio.low for _, ratio in points],
                [ratio.high - ratio.median for _, ratio in points],
            ],
            label=name,
            marker=_MARKS[n % len(_MARKS)],
            markersize=4,
            linewidth=1.8 if name.startswith("ours") else 0.9,
            linestyle="-" if name.startswith("ours") else "--",
            elinewidth=0.8,
            color=colours(n % 20),
        )
    floor = some[0].cell.shape.floors[0]
    axes.axhline(floor, color="0.4", linewidth=0.8, linestyle=":", label="flops of a circuit")
    axes.axhline(1, color="0", linewidth=0.8)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    tokens = sorted({result.cell.tokens for result in some})
    axes.set_xticks(tokens, [f"{one:,}" for one in tokens])
    axes.set_xlim(tokens[0] / 2, tokens[-1] * 2)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="y", linewidth=0.4, color="0.85")


def _legend(panels: list[Axes]) -> tuple[list[object], list[str]]:
    found: dict[str, object] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    return list(found.values()), list(found)
