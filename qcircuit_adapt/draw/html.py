"""Circuits as one page that needs nothing else: pictures to point at, step through and compare."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.draw.caption import shorten_end
from qcircuit_adapt.draw.layout import MAX_DRAWN, lay_out
from qcircuit_adapt.draw.svg import render_svg
from qcircuit_adapt.draw.theme import THEMES
from qcircuit_adapt.locate import shared_folder

_TITLE = "<title>qcircuit</title>"
_TEXT = 2_000
_HOLE = '<script type="text/plain" id="data">'


def to_html(circuits: Circuit | Iterable[Circuit], *, title: str = "") -> str:
    """Return a page that shows circuits: a whole HTML document, which fetches nothing.

    Args:
        circuits: One circuit or several, in the order in which the page lists them.
        title: The page's title; that of the circuit, or their number, if empty.

    Example:
        >>> page = to_html(Circuit.parse("x=64 | x -> r=4, r -> y=64", name="lora"))
        >>> page.startswith("<!doctype html>"), "<title>lora</title>" in page
        (True, True)
    """
    shown = (circuits,) if isinstance(circuits, Circuit) else tuple(circuits)
    first = shown[0].name or "circuit" if len(shown) == 1 else f"{len(shown)} circuits"
    return fill_page({"circuits": [describe(one) for one in shown]}, title=title or first)


def describe(circuit: Circuit, *, quick: bool = False) -> dict[str, Any]:
    """Return what the page is told of a circuit: its survey, and its picture."""
    from qcircuit_adapt.survey import survey

    return survey(circuit, quick=quick).to_dict() | {
        "svg": render_svg(lay_out(circuit), THEMES["light"])
    }


def fill_page(data: Mapping[str, Any], *, title: str) -> str:
    """Put data into the page.

    Args:
        data: What the page shows, as JSON can hold it.
        title: The page's title.
    """
    page = (shared_folder("viz") / "viewer.html").read_text(encoding="utf-8")
    head, hole, tail = page.partition(_HOLE)
    head = head.replace(_TITLE, f"<title>{escape(title)}</title>")
    return head + hole + pack({**data, "dark": map_colours()}) + tail


def pack(data: Mapping[str, Any]) -> str:
    """Return data as the page unpacks it: JSON, deflated, in base64.

    Pictures of circuits shrink to a tenth, and nothing in base64 can end the element it stands in.
    """
    told = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    return base64.b64encode(zlib.compress(told, 9)).decode()


def map_colours() -> dict[str, str]:
    """Return the dark theme's colour for each of the light theme's, with which pictures come."""
    light, dark = vars(THEMES["light"]), vars(THEMES["dark"])
    return {light[role]: dark[role] for role in light}


def to_figure(circuit: Circuit) -> str:
    """Return what notebooks show: the picture, what is proved, and the text; no script.

    Example:
        >>> "rank of T" in to_figure(Circuit.parse("x=64 | x -> r=4, r -> y=64"))
        True
    """
    picture = render_svg(lay_out(circuit), THEMES["light"])
    proved = f"{_tell_proved(circuit)}<br>" if len(circuit.gates) <= MAX_DRAWN else ""
    text = escape(shorten_end(circuit.text, _TEXT))
    return (
        f'<figure style="margin:0;overflow-x:auto">{picture}'
        f"<figcaption>{proved}<code>{text}</code></figcaption></figure>"
    )


def _tell_proved(circuit: Circuit) -> str:
    from qcircuit_adapt.survey import Bounds, survey

    def tell(bounds: Bounds) -> str:
        return f"{bounds.upper:,}" if bounds.exact else f"{bounds.lower:,} to {bounds.upper:,}"

    found = survey(circuit, quick=True)
    numbers = [("rank of T", found.rank), ("rank of T − S", found.update_rank)]
    numbers += [("degrees of freedom", found.freedom)] if found.freedom else []
    return " · ".join(f"{noun} <b>{tell(bounds)}</b>" for noun, bounds in numbers)
