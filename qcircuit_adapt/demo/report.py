"""The report: a table for the console, a picture of the losses, and the numbers as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.markup import escape
from rich.table import Table

from qcircuit_adapt.demo.arms import Arm, Rank
from qcircuit_adapt.demo.finetune import Run, best_run

# Okabe and Ito's colours, which colour-blind readers can tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73")
MARKERS = ("o", "s", "^")


@dataclass(frozen=True)
class ArmResult:
    """What is known of an arm at the end.

    Attributes:
        arm: The arm.
        ranks: The proved rank of its update, for each kind of layer.
        before: The held-out loss before training.
        after: The held-out loss after the best run.
        runs: One run for each learning rate.
    """

    arm: Arm
    ranks: tuple[Rank, ...]
    before: float
    after: float
    runs: tuple[Run, ...]

    @property
    def best(self) -> Run:
        """The run with the least validation loss."""
        return best_run(self.runs)

    @property
    def at_the_edge(self) -> bool:
        """Whether the best learning rate is the least or the greatest that was tried."""
        rates = [run.rate for run in self.runs]
        return len(rates) > 1 and self.best.rate in (min(rates), max(rates))

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers as plain data; a loss that is not finite is null."""
        return {
            "method": self.arm.name,
            "trainable_parameters": self.arm.parameters,
            "update_rank": [vars(rank) for rank in self.ranks],
            "macs_per_token": self.arm.macs_per_token,
            "learning_rate": self.best.rate,
            "held_out_loss_before": self.before,
            "held_out_loss_after": _finite(self.after),
            "seconds": round(self.best.seconds, 2),
            "runs": [
                {
                    "learning_rate": run.rate,
                    "validation_losses": [[step, _finite(loss)] for step, loss in run.curve],
                    "training_losses": [_finite(loss) for loss in run.losses],
                    "seconds": round(run.seconds, 2),
                }
                for run in self.runs
            ],
        }


def make_table(results: Sequence[ArmResult], *, title: str) -> Table:
    """Return the table of all arms, a row each."""
    table = Table(
        title=escape(title),
        title_justify="left",
        caption=escape(_caption(results)),
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        collapse_padding=True,
    )
    table.add_column("\nmethod", overflow="fold", min_width=14)
    for heading in (
        "trainable\nparameters",
        "update's\nrank",
        "MACs per\ntoken",
        "\nrate",
        "loss\nbefore",
        "loss\nafter",
        "\nseconds",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for result in results:
        table.add_row(
            escape(result.arm.name),
            f"{result.arm.parameters:,}",
            "\n".join(map(str, result.ranks)),
            f"{result.arm.macs_per_token:,}",
            f"{result.best.rate:g}",
            f"{result.before:.4f}",
            f"{result.after:.4f}",
            f"{result.best.seconds:.1f}",
        )
    return table


def draw_losses(results: Sequence[ArmResult], path: Path) -> None:
    """Draw the losses in training, and the loss by learning rate, into a PNG file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.2), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    for result, colour, marker in zip(results, COLOURS, MARKERS, strict=True):
        best, style = result.best, {"color": colour, "marker": marker, "markersize": 5}
        left.plot(range(1, len(best.losses) + 1), best.losses, color=colour, alpha=0.25, lw=1)
        label = f"{result.arm.name}: {result.arm.parameters:,} parameters"
        left.plot(*zip(*best.curve, strict=True), label=label, lw=2, **style)
        runs = sorted(result.runs, key=lambda run: run.rate)
        right.plot([run.rate for run in runs], [run.validation for run in runs], lw=2, **style)
    left.set(
        xlabel="step", ylabel="loss per token (nats)", title="Validation loss (pale: training)"
    )
    right.set(xscale="log", xlabel="learning rate", title="Validation loss at the last step")
    rates = [run.rate for run in results[0].runs]
    right.set_xticks(rates, [f"{rate:g}" for rate in rates])
    right.set_xticks([], minor=True)
    figure.legend(loc="outside lower center", ncols=len(results), frameon=False)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    figure.savefig(path)


def _caption(results: Sequence[ArmResult]) -> str:
    rates = ", ".join(f"{run.rate:g}" for run in results[0].runs)
    lines = [
        "Update's rank: proved for each kind of layer.",
        "MACs: what the updates add until they are merged; then nothing is added.",
        f"Rate: the learning rate, of {rates} the best by validation loss.",
        "Loss: nats per token of held-out text. With one seed, small differences mean little.",
    ]
    edge = [result.arm.name for result in results if result.at_the_edge]
    if edge:
        lines.append(f"The best rate may lie outside the range tried for: {', '.join(edge)}.")
    return "\n".join(lines)


def _finite(loss: float) -> float | None:
    return loss if math.isfinite(loss) else None
