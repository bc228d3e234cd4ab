"""Pictures of results: score against trainable parameters, a curve for each kind of method."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from qcircuit_adapt.errors import ExperimentError
from qcircuit_adapt.experiments.table import TableRow, is_percentage, metric
from qcircuit_adapt.experiments.tasks import TASKS

# Okabe and Ito's colours, which colour-blind readers can tell apart, then greys.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")
MARKERS = "os^Dv<P*X>p"


def draw_results(
    rows: Sequence[TableRow], path: Path, *, titles: Mapping[str, str] | None = None
) -> None:
    """Draw a panel for each experiment and task into a file: .svg, .png or .pdf.

    Args:
        rows: What to draw.
        path: The file.
        titles: What to write above the panels of an experiment, by its name.

    Raises:
        ExperimentError: There is nothing to draw, or the file cannot be written.
    """
    panels = list(dict.fromkeys((row.experiment, task) for row in rows for task in row.scores))
    if not panels:
        raise ExperimentError("there are no results to draw.")
    curves = list(dict.fromkeys(row.curve for row in rows))
    columns = min(3, len(panels))
    lines = math.ceil(len(panels) / columns)
    figure = Figure(figsize=(4.2 * columns, 3.3 * lines + 0.7), layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False).flat
    handles: dict[str, Any] = {}
    for place, (experiment, task) in zip(axes, panels, strict=False):
        mine = [row for row in rows if row.experiment == experiment and task in row.scores]
        handles |= _draw_panel(place, mine, task, curves)
        title = (titles or {}).get(experiment, experiment)
        several = len([panel for panel in panels if panel[0] == experiment]) > 1
        place.set_title(f"{title}: {TASKS[task].title}" if several else title, fontsize=10)
    for place in list(axes)[len(panels) :]:
        place.axis("off")
    figure.legend(
        [handles[name] for name in curves if name in handles],
        [name for name in curves if name in handles],
        loc="outside lower center",
        ncols=min(len(curves), 3 * columns),
        frameon=False,
        fontsize=9,
    )
    try:
        # Equal results give equal files.
        with matplotlib.rc_context({"svg.hashsalt": "qcircuit"}):
            figure.savefig(
                path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else None
            )
    except (OSError, ValueError) as error:
        raise ExperimentError(f"cannot draw into {str(path)!r}: {error}.") from error


def _draw_panel(
    place: Any, rows: Sequence[TableRow], task: str, curves: Sequence[str]
) -> dict[str, Any]:
    factor = 100 if is_percentage(task) else 1
    handles = {}
    for index, curve in enumerate(curves):
        points = sorted(
            (row.parameters, factor * score.mean, factor * score.deviation)
            for row in rows
            if row.curve == curve and (score := row.scores[task]).count
        )
        if not points:
            continue
        x, y, deviation = zip(*points, strict=True)
        handles[curve] = place.errorbar(
            x,
            y,
            yerr=deviation,
            color=COLOURS[index % len(COLOURS)],
            marker=MARKERS[index % len(MARKERS)],
            markersize=5,
            linewidth=1.5,
            capsize=2,
        )
    unit = " (%)" if is_percentage(task) else ""
    lower = "" if TASKS[task].higher else ", less is better"
    place.set_xscale("log")
    place.set_xlabel("trained parameters", fontsize=9)
    place.set_ylabel(f"{metric(task)}{unit}{lower}", fontsize=9)
    place.tick_params(labelsize=8)
    place.spines[["top", "right"]].set_visible(False)
    place.grid(alpha=0.25)
    return handles
