"""Pictures of circuits: one layout, and renderers that know only boxes and wires."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.circuit_file import write_whole
from qcircuit_adapt.draw.html import to_html
from qcircuit_adapt.draw.layout import lay_out
from qcircuit_adapt.draw.svg import render_svg
from qcircuit_adapt.draw.text import render_text
from qcircuit_adapt.draw.theme import find_theme
from qcircuit_adapt.errors import FileError


def draw_text(circuit: Circuit) -> str:
    """Draw a circuit in lines of at most 80 characters.

    Wires are thicker the larger they are, with their sizes at both ends and after each change. A
    gate's name stands on every wire it acts on, and ``●`` on its control wires.

    Example:
        >>> from qcircuit_adapt.circuit import Circuit
        >>> print(draw_text(Circuit.parse("a=16 b=4 | b per a, a b -> a=8 b", name="small")))
        small
        <BLANKLINE>
        a ═16══●═══g2━8━8
               │   │
        b ─4───g1──g2───4
        <BLANKLINE>
        64 -> 32 features · 2,304 parameters (112 % of dense)
        2,304 MACs per token (112 % of dense)
    """
    return render_text(lay_out(circuit))


def draw_svg(circuit: Circuit, *, theme: str = "light") -> str:
    """Draw a circuit as an SVG document, the same characters each time.

    Args:
        circuit: The circuit.
        theme: ``"light"`` or ``"dark"``.

    Raises:
        CircuitError: There is no such theme.
    """
    return render_svg(lay_out(circuit), find_theme(theme))


_DRAWERS: Mapping[str, Callable[[Circuit], str]] = {
    ".svg": draw_svg,
    ".html": to_html,
    ".txt": draw_text,
}


def draw(circuit: Circuit, path: str | os.PathLike[str] | None = None) -> str:
    """Draw a circuit, and write the picture to a file if one is named.

    Args:
        circuit: The circuit.
        path: A path that ends in ``.svg``, ``.html`` or ``.txt``, or None.

    Returns:
        The picture: SVG for an ``.svg`` path, a page for ``.html``, characters otherwise.

    Raises:
        FileError: The path has another ending, or cannot be written; a file that is there stays
            as it was.
    """
    if path is None:
        return draw_text(circuit)
    target = Path(path)
    ending = target.suffix.lower()
    if ending not in _DRAWERS:
        problem = f"{ending!r} is not a kind of picture" if ending else "it has no ending"
        *known, last = _DRAWERS
        raise FileError(
            f"cannot draw to {str(target)!r}: {problem}.",
            cure=f"Known endings are {', '.join(known)} and {last}.",
        )
    picture = _DRAWERS[ending](circuit)
    write_whole(target, picture.rstrip("\n") + "\n")
    return picture
