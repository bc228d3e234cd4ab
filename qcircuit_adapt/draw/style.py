"""The shipped matplotlib styles, applied only where a picture is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from qcircuit_adapt.draw.theme import Theme, find_theme
from qcircuit_adapt.locate import shared_folder


@contextmanager
def apply_style(theme: str) -> Iterator[Theme]:
    """Draw in a theme's style; matplotlib's own settings are afterwards as they were before.

    Raises:
        CircuitError: There is no such theme.
    """
    colours = find_theme(theme)
    path = shared_folder("viz") / "styles" / f"qcircuit-{theme}.mplstyle"
    with matplotlib.style.context(str(path)):
        yield colours


def choose_axes(ax: Axes | None, *, width: float, height: float) -> Axes:
    """Return the axes given, or those of a new figure that pyplot does not know.

    Args:
        ax: Axes to draw in.
        width: How wide a new figure is, in inches.
        height: How high.
    """
    if ax is not None:
        return ax
    return Figure(figsize=(width, height), layout="constrained").subplots()


def choose_colour(number: int) -> str:
    """Return the colour of a series in the style that is applied.

    Colours named ``C0`` would be looked up later, when the style is no longer applied.
    """
    colours = matplotlib.rcParams["axes.prop_cycle"].by_key()["color"]
    return str(colours[number % len(colours)])
