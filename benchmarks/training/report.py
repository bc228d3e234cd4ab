"""What was measured: as a table, and as plain data."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from typing import Any

import torch
from rich.table import Table

import qcircuit_adapt
from training.cases import Cell
from training.clock import Ratio
from training.count import Counts


@dataclass(frozen=True)
class Row:
    """A variant in a cell.

    Attributes:
        variant: Its name.
        parameters: How many numbers it trains.
        ratio: Its time over the frozen layer's.
        counts: What it does.
    """

    variant: str
    parameters: int
    ratio: Ratio
    counts: Counts


@dataclass(frozen=True)
class Result:
    """A cell measured.

    Attributes:
        cell: The cell.
        base: What a step of the frozen layer does.
        rows: The variants.
        left_out: Those that could not be measured, each with the reason.
    """

    cell: Cell
    base: Counts
    rows: tuple[Row, ...]
    left_out: tuple[tuple[str, str], ...]

    def per_token(self, row: Row) -> dict[str, float]:
        """Return what a variant does, counted in input vectors (rows) for each token."""
        unit = self.cell.row * self.cell.tokens
        counts, base = row.counts, self.base
        return {
            "saved_rows": counts.saved / unit,
            "peak_rows": counts.peak / unit,
            "rows_moved": (counts.moved - base.moved) / unit,
            "rows_moved_forward": (counts.moved_forward - base.moved_forward) / unit,
            "flops": counts.flops / base.flops,
        }


COLUMNS = ("parameters", "time", "saved", "peak", "moved", "calls", "flops")


def table(result: Result) -> Table:
    """Lay a cell out, fastest variant first."""
    keep_all, keep_x = result.cell.shape.floors
    floor = f"flops of a circuit at least {keep_all:.3f}, {keep_x:.3f} if only x is kept"
    caption = "\n".join([floor, *(f"left out: {name}: {why}" for name, why in result.left_out)])
    shown = Table(title=str(result.cell), caption=caption, title_justify="left")
    shown.caption_justify = "left"
    shown.add_column("layer", no_wrap=True)
    for column in COLUMNS:
        shown.add_column(column, justify="right", no_wrap=True)
    unit = result.cell.row * result.cell.tokens
    base = ("1.00", "0.00", f"{result.base.peak / unit:.2f}", "0.0", str(result.base.calls))
    shown.add_row("frozen", "0", *base, "1.000", end_section=True)
    for row in sorted(result.rows, key=lambda one: one.ratio.median):
        per = result.per_token(row)
        shown.add_row(
            row.variant,
            f"{row.parameters:,}",
            str(row.ratio),
            f"{per['saved_rows']:.2f}",
            f"{per['peak_rows']:.2f}",
            f"{per['rows_moved']:.1f}",
            str(row.counts.calls),
            f"{per['flops']:.3f}",
        )
    return shown


def to_data(results: list[Result], *, device: str) -> dict[str, Any]:
    """Return everything as plain data, with what it was measured on."""
    return {
        "qcircuit_adapt": qcircuit_adapt.__version__,
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name() if device == "cuda" else processor(),
        "threads": torch.get_num_threads(),
        "load": os.getloadavg() if hasattr(os, "getloadavg") else None,
        "cells": [
            {
                "shape": result.cell.shape.name,
                "circuit": result.cell.shape.circuit.text,
                "d_in": result.cell.shape.d_in,
                "d_out": result.cell.shape.d_out,
                "tokens": result.cell.tokens,
                "dtype": result.cell.dtype,
                "floors": result.cell.shape.floors,
                "base": asdict(result.base),
                "variants": [
                    {
                        "variant": row.variant,
                        "parameters": row.parameters,
                        "ratio": asdict(row.ratio),
                        "calls": row.counts.calls,
                        **result.per_token(row),
                    }
                    for row in result.rows
                ],
                "left_out": dict(result.left_out),
            }
            for result in results
        ],
    }


def processor() -> str:
    """Return the processor's name, as well as the system tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = (line.split(":", 1)[1].strip() for line in lines if "model name" in line)
            return next(names, "") or platform.processor()
    except OSError:
        return platform.processor()
