"""The colours of pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qcircuit_adapt.errors import CircuitError, nearest


@dataclass(frozen=True)
class Theme:
    """The colours of a picture, as ``#rrggbb``."""

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
