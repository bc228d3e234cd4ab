"""Figures into files."""

from __future__ import annotations

import io
import os
from pathlib import Path

from matplotlib.figure import Figure

from qcircuit_adapt.circuit_file import write_whole
from qcircuit_adapt.errors import FileError

KINDS = ("svg", "png", "pdf")

_UNDATED = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
"""What keeps pictures of the same numbers the same."""


def find_kind(path: str | os.PathLike[str]) -> str:
    """Return the kind of picture that a file is to be, by its ending.

    Raises:
        FileError: It has another ending.

    Example:
        >>> find_kind("rows.SVG")
        'svg'
    """
    kind = Path(path).suffix.lower().removeprefix(".")
    if kind not in KINDS:
        raise FileError(
            f"{path} does not end in what a plot can be drawn to.", cure="Use .svg, .png or .pdf."
        )
    return kind


def write_figure(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure, whole or not at all.

    Raises:
        FileError: The file cannot be written, or has an ending of no picture.
    """
    kind, file = find_kind(path), io.BytesIO()
    figure.savefig(file, format=kind, metadata=_UNDATED.get(kind))
    write_whole(path, file.getvalue())
