"""A picture written as SVG; the same circuit always gives the same characters."""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from qcircuit_adapt.draw.layout import Layout
from qcircuit_adapt.draw.marks import HATCH, Area, Disc, Group, Mark, Path, Scene, Stroke, Words
from qcircuit_adapt.draw.scene import build_scene
from qcircuit_adapt.draw.theme import Theme

_FONT = "Inter, 'Segoe UI', 'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', sans-serif"


def render_svg(layout: Layout, theme: Theme) -> str:
    """Draw a layout as an SVG document.

    Every gate and every piece of wire has an id, and a ``<title>`` that browsers show on hovering.
    """
    return write_svg(build_scene(layout, theme))


def write_svg(scene: Scene) -> str:
    """Write a scene as an SVG document."""
    return _Writer(scene).write()


class _Writer:
    """A scene, and the ids given so far."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.ids: dict[str, int] = {}

    def write(self) -> str:
        """Return the whole document."""
        scene = self.scene
        parts = [
            _tag("title", escape(scene.title), id=f"{scene.key}-title"),
            _tag("desc", escape(scene.description), id=f"{scene.key}-desc"),
            self._hatching(),
            _tag("rect", width=scene.width, height=scene.height, rx=6, fill=scene.ground),
            *map(self._mark, scene.marks),
        ]
        document = _tag(
            "svg",
            _lines(parts),
            xmlns="http://www.w3.org/2000/svg",
            width=scene.width,
            height=scene.height,
            viewBox=f"0 0 {number(scene.width)} {number(scene.height)}",
            role="img",
            aria_labelledby=f"{scene.key}-title {scene.key}-desc",
            font_family=_FONT,
        )
        return f"{document}\n"

    def _hatching(self) -> str:
        if not any(isinstance(m, Area | Disc) and m.hatched for m in self.scene.flatten()):
            return ""
        pattern = _tag(
            "pattern",
            _tag("path", d="M0 0V7", stroke=HATCH, stroke_width=2),
            id=f"{self.scene.key}-hatch",
            width=7,
            height=7,
            patternUnits="userSpaceOnUse",
            patternTransform="rotate(45)",
        )
        return _tag("defs", pattern)

    def _mark(self, mark: Mark) -> str:
        match mark:
            case Group():
                return self._group(mark)
            case Stroke():
                style: dict[str, str | float] = {"stroke_width": mark.thick}
                if mark.dashes:
                    style["stroke_dasharray"] = " ".join(map(number, mark.dashes))
                return _tag("path", d=_path(mark.path), fill="none", stroke=mark.colour, **style)
            case Area():
                return _tag("path", d=_path(mark.path), **self._paint(mark, mark.thick))
            case Disc():
                x, y = mark.centre
                return _tag("circle", cx=x, cy=y, r=mark.radius, **self._paint(mark, 1.0))
            case Words():
                x, y = mark.at
                style = {"text_anchor": mark.anchor} if mark.anchor != "start" else {}
                style |= {"font_weight": str(mark.weight)} if mark.weight else {}
                text = escape(mark.text)
                return _tag("text", text, x=x, y=y, font_size=mark.size, fill=mark.colour, **style)

    def _group(self, group: Group) -> str:
        attributes = {"id": self._id(group.kind, group.name)} if group.kind else {}
        if group.at != (0.0, 0.0):
            attributes["transform"] = f"translate({number(group.at[0])} {number(group.at[1])})"
        parts = [_tag("title", escape(group.title))] if group.title else []
        parts += map(self._mark, group.marks)
        return _tag("g", "".join(parts) if group.kind else _lines(parts), **attributes)

    def _paint(self, mark: Area | Disc, thick: float) -> dict[str, str | float]:
        fill = f"url(#{self.scene.key}-hatch)" if mark.hatched else mark.fill or "none"
        style: dict[str, str | float] = {"fill": fill}
        if mark.opacity != 1.0:
            style["fill_opacity"] = f"{mark.opacity:g}"
        if mark.edge:
            style["stroke"] = mark.edge
            if thick != 1.0:
                style["stroke_width"] = thick
        return style

    def _id(self, kind: str, name: str) -> str:
        """Return an id that is the picture's alone and the same each time."""
        base = f"{self.scene.key}-{kind}-{name}"
        count = self.ids[base] = self.ids.get(base, 0) + 1
        return base if count == 1 else f"{base}-{count}"


def _path(path: Path) -> str:
    """Write a path.

    Example:
        >>> from qcircuit_adapt.draw.marks import polyline, rounded
        >>> _path(polyline([(1.0, 2.25), (3, 4)]))
        'M1 2.2L3 4'
        >>> _path(rounded([(0, 0), (10, 0), (10, 10)], 1))
        'M0.7 0.7Q0 0 1 0L9 0Q10 0 10 1L10 9Q10 10 9.3 9.3Z'
    """
    return "".join(
        segment.kind + " ".join(f"{number(x)} {number(y)}" for x, y in segment.points)
        for segment in path
    )


def number(value: float) -> str:
    """Write a length to a tenth of a pixel.

    Example:
        >>> number(3.0), number(2.46), number(-0.01)
        ('3', '2.5', '0')
    """
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")


def _tag(tag: str, content: str = "", /, **attributes: str | float) -> str:
    written = "".join(
        f" {name.replace('_', '-')}={quoteattr(value if isinstance(value, str) else number(value))}"
        for name, value in attributes.items()
    )
    return f"<{tag}{written}>{content}</{tag}>" if content else f"<{tag}{written}/>"


def _lines(parts: Iterable[str]) -> str:
    return "\n" + "\n".join(filter(None, parts)) + "\n"
