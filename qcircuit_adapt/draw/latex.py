"""A circuit written as LaTeX, for the quantikz library of TikZ."""

from __future__ import annotations

from collections.abc import Sequence

from qcircuit_adapt.draw.layout import Layout


def write_latex(layouts: Sequence[Layout]) -> str:
    return str(layouts)
