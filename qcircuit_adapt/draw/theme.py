"""The colours of pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qcircuit_adapt.errors import CircuitError, nearest


@dataclass(frozen=True)
class Theme:
    """The colours of a picture, as ``#rrggbb``.

    From `first` to `last` runs the scale that shows the order of gates: one hue after another, ever
    darker, or ever lighter on a dark ground, so that it stays a scale without colours.
    """

    ground: str
    ink: str
    faint: str
    wire: str
    gate: str
    edge: str
    frozen: str
    frozen_edge: str
    neck: str
    letter: str
    letter_ink: str
    cut: str
    first: str
    last: str
    added: str
    removed: str


# Blues and an orange after Okabe and Ito's palette (jfly.uni-koeln.de/color), told apart in every
# common form of colour blindness; and nothing is told by colour alone. Those of the light theme are
# all distinct, so that a page can turn its pictures dark.
THEMES: Mapping[str, Theme] = {
    "light": Theme(
        ground="#ffffff",
        ink="#16212e",
        faint="#5f6e80",
        wire="#5a6879",
        gate="#dbe9f6",
        edge="#0064a4",
        frozen="#eceff2",
        frozen_edge="#6b7786",
        neck="#cddff0",
        letter="#e69f00",
        letter_ink="#16212f",
        cut="#c8202f",
        first="#fdf3c0",
        last="#79b4d8",
        added="#00785a",
        removed="#c8202e",
    ),
    "dark": Theme(
        ground="#10161d",
        ink="#e8eef4",
        faint="#93a1b0",
        wire="#8d9cad",
        gate="#143a5a",
        edge="#56b4e9",
        frozen="#262d35",
        frozen_edge="#93a1b0",
        neck="#274764",
        letter="#e69f00",
        letter_ink="#10161d",
        cut="#ff7a7f",
        first="#14263c",
        last="#6b5c12",
        added="#3fcf9f",
        removed="#ff7a7f",
    ),
}


def find_theme(name: str) -> Theme:
    """Return a theme by its name.

    Raises:
        CircuitError: There is none of that name.
    """
    if name not in THEMES:
        raise CircuitError(
            f"there is no theme {name!r}.", cure=nearest(name, THEMES, noun="themes")
        )
    return THEMES[name]


def blend(first: str, last: str, share: float) -> str:
    """Return the colour at a share of the way from one colour to another.

    Example:
        >>> blend("#000000", "#ff8800", 0.5)
        '#804400'
    """
    ends = [[int(colour[n : n + 2], 16) for n in (1, 3, 5)] for colour in (first, last)]
    mixed = [round(a + share * (b - a)) for a, b in zip(*ends, strict=True)]
    return "#" + "".join(f"{part:02x}" for part in mixed)
