"""A picture drawn by matplotlib, from the marks that an SVG is written from."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Patch, PathPatch
from matplotlib.path import Path as Outline

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.draw.layout import Layout, lay_out
from qcircuit_adapt.draw.marks import (
    HATCH,
    Area,
    Disc,
    Group,
    Mark,
    Path,
    Point,
    Scene,
    Stroke,
    Words,
    box,
)
from qcircuit_adapt.draw.scene import build_scene
from qcircuit_adapt.draw.style import apply_style

if TYPE_CHECKING:
    from qcircuit_adapt.analysis.certificate import Certificate
    from qcircuit_adapt.compiler.plan import Plan

_PIXELS = 96
"""How many pixels of a scene are an inch, in a figure of its own."""

_TYPE = 0.93
"""How large type is compared with that of an SVG: matplotlib's own font is wide."""

_DPI = 150

_SIDES = {"start": "left", "middle": "center", "end": "right"}

_CODES = {
    "M": [Outline.MOVETO],
    "L": [Outline.LINETO],
    "Q": [Outline.CURVE3] * 2,
    "C": [Outline.CURVE4] * 3,
    "Z": [Outline.CLOSEPOLY],
}


def draw_mpl(
    picture: Circuit | Layout,
    ax: Axes | None = None,
    *,
    certificate: Certificate | None = None,
    plan: Plan | None = None,
    theme: str = "light",
) -> Axes:
    """Draw a circuit with matplotlib.

    Neither pyplot nor the settings of matplotlib are touched. Widths of lines and type follow the
    size that the axes have now.

    Args:
        picture: The circuit, or its layout.
        ax: The axes to draw in, which become bare; by default those of a new figure.
        certificate: What is proved of the circuit; see `draw_svg`. A layout has its own.
        plan: How it is computed; see `draw_svg`. A layout has its own.
        theme: ``"light"`` or ``"dark"``.

    Returns:
        The axes; ``.figure`` is what to save.

    Raises:
        CircuitError: There is no such theme, or the certificate or the plan is of another circuit.

    Example:
        >>> ax = draw_mpl(Circuit.parse("a=4 b=2 | a b", name="tiny"))
        >>> [text.get_text() for text in ax.texts][:3]
        ['tiny', 'a', '4']
    """
    if isinstance(picture, Circuit):
        picture = lay_out(picture, certificate=certificate, plan=plan)
    with apply_style(theme) as colours:
        return draw_scene(build_scene(picture, colours), ax)


def render_image(scene: Scene, *, kind: str, theme: str) -> bytes:
    """Return a scene as a PNG or PDF file, the same bytes each time for one version of matplotlib.

    Args:
        scene: The scene.
        kind: ``"png"`` or ``"pdf"``.
        theme: The theme that the scene is drawn in.
    """
    options: dict[str, Any] = {"dpi": _DPI, "pil_kwargs": {"compress_level": 4}}
    if kind == "pdf":
        options = {"metadata": {"CreationDate": None}}
    with apply_style(theme):
        figure, file = _open_figure(scene), io.BytesIO()
        draw_scene(scene, figure.axes[0])
        figure.savefig(file, format=kind, facecolor=scene.ground, **options)
    return file.getvalue()


def draw_scene(scene: Scene, ax: Axes | None = None) -> Axes:
    """Draw a scene's marks into axes, or into a new figure that it fills.

    Artists carry what they show as their gid, such as ``gate-g1``.
    """
    if ax is None:
        ax = _open_figure(scene).axes[0]
    ax.set_axis_off()
    ax.set_aspect("equal")
    ax.set_xlim(0, scene.width)
    ax.set_ylim(scene.height, 0)
    bounds = ax.get_window_extent()
    dots = min(bounds.width / scene.width, bounds.height / scene.height)
    points = dots * 72 / ax.figure.dpi
    ground = Area(box(0, 0, scene.width, scene.height), scene.ground)
    _Canvas(ax, points).add((ground, *scene.marks))
    return ax


def _open_figure(scene: Scene) -> Figure:
    """Return a figure of a scene's size, with axes that fill it."""
    figure = Figure(figsize=(scene.width / _PIXELS, scene.height / _PIXELS))
    figure.add_axes((0.0, 0.0, 1.0, 1.0))
    return figure


class _Canvas:
    """Axes that marks are put on, each above those before it."""

    def __init__(self, ax: Axes, points: float) -> None:
        self.ax = ax
        self.points = points
        self.count = 0

    def add(self, marks: Iterable[Mark], *, at: Point = (0.0, 0.0), gid: str = "") -> None:
        """Put marks on the axes.

        Args:
            marks: The marks.
            at: By how much they are moved.
            gid: What they show.
        """
        for mark in marks:
            if isinstance(mark, Group):
                moved = (at[0] + mark.at[0], at[1] + mark.at[1])
                self.add(mark.marks, at=moved, gid=f"{mark.kind}-{mark.name}" if mark.kind else gid)
                continue
            artist = self._make(mark, at)
            self.count += 1
            artist.set_zorder(1 + self.count / 1e6)
            artist.set_gid(gid or None)

    def _make(self, mark: Stroke | Area | Disc | Words, at: Point) -> Artist:
        if isinstance(mark, Words):
            x, y = mark.at
            return self.ax.text(
                x + at[0],
                y + at[1],
                # A dollar sign would start mathematics.
                mark.text.replace("$", r"\$"),
                fontsize=mark.size * self.points * _TYPE,
                color=mark.colour,
                ha=_SIDES[mark.anchor],
                va="baseline",
                fontweight="bold" if mark.weight else "normal",
            )
        if isinstance(mark, Stroke):
            style: dict[str, Any] = {
                "facecolor": "none",
                "edgecolor": mark.colour,
                "linewidth": mark.thick * self.points,
                "capstyle": "butt",
            }
            if mark.dashes:
                # Matplotlib counts dashes in widths of the line.
                style["linestyle"] = (0, tuple(length / mark.thick for length in mark.dashes))
        else:
            style = self._paint(mark)
        if isinstance(mark, Disc):
            x, y = mark.centre
            patch: Patch = Circle((x + at[0], y + at[1]), mark.radius, **style)
        else:
            patch = PathPatch(_trace(mark.path, at), **style)
        patch.set_clip_on(False)
        # Unlike add_patch, this does not measure what the limits already hold.
        return self.ax.add_artist(patch)

    def _paint(self, mark: Area | Disc) -> dict[str, Any]:
        if mark.hatched:
            return {
                "facecolor": "none",
                "edgecolor": to_rgba(HATCH, mark.opacity),
                "linewidth": 0,
                "hatch": "//////",
            }
        thick = mark.thick if isinstance(mark, Area) else 1.0
        return {
            "facecolor": to_rgba(mark.fill, mark.opacity) if mark.fill else "none",
            "edgecolor": mark.edge or "none",
            "linewidth": thick * self.points if mark.edge else 0,
        }


def _trace(path: Path, at: Point) -> Outline:
    points, codes = list[Point](), list[Any]()
    for segment in path:
        # Closing needs a point, which is not looked at.
        points += [(x + at[0], y + at[1]) for x, y in segment.points or ((0.0, 0.0),)]
        codes += _CODES[segment.kind]
    return Outline(points, codes)
