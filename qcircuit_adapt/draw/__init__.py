"""Pictures of circuits: one layout, and renderers that know only boxes and wires."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from qcircuit_adapt.adapter import Adapter
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.circuit_file import write_whole
from qcircuit_adapt.draw.html import to_html
from qcircuit_adapt.draw.latex import write_latex
from qcircuit_adapt.draw.layout import Layout, lay_out
from qcircuit_adapt.draw.marks import Scene
from qcircuit_adapt.draw.scene import build_scene
from qcircuit_adapt.draw.stack import stack_scenes
from qcircuit_adapt.draw.svg import render_svg, write_svg
from qcircuit_adapt.draw.text import render_text
from qcircuit_adapt.draw.theme import find_theme
from qcircuit_adapt.errors import CircuitError, FileError

if TYPE_CHECKING:
    from qcircuit_adapt.analysis.certificate import Certificate
    from qcircuit_adapt.compiler.plan import Plan

_ENDINGS = (".svg", ".png", ".pdf", ".tex", ".html", ".txt")


def draw_text(
    circuit: Circuit, *, certificate: Certificate | None = None, plan: Plan | None = None
) -> str:
    """Draw a circuit in lines of at most 80 characters.

    Wires are thicker the larger they are, with their sizes at both ends and after each change. A
    gate's name stands on every wire it acts on, and ``●`` on its control wires.

    Args:
        circuit: The circuit.
        certificate: What is proved of it: tells the rank and the degrees of freedom.
        plan: How it is computed: tells the order of the gates.

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
    return render_text(lay_out(circuit, certificate=certificate, plan=plan))


def draw_svg(
    circuit: Circuit,
    *,
    theme: str = "light",
    certificate: Certificate | None = None,
    plan: Plan | None = None,
) -> str:
    """Draw a circuit as an SVG document, the same characters each time.

    Args:
        circuit: The circuit.
        theme: ``"light"`` or ``"dark"``.
        certificate: What is proved of it: adds the cut that bounds the rank, where it says more
            than the shape does, and the rank and the degrees of freedom below.
        plan: How it is computed: adds the order in which gates are used, and what training keeps.

    Raises:
        CircuitError: There is no such theme, or the certificate or the plan is of another circuit.
    """
    chosen = find_theme(theme)
    return render_svg(lay_out(circuit, certificate=certificate, plan=plan), chosen)


def draw(
    subject: Circuit | Adapter,
    path: str | os.PathLike[str] | None = None,
    *,
    certificate: Certificate | None = None,
    plan: Plan | None = None,
    theme: str = "light",
) -> str:
    """Draw a circuit, or the sum of circuits of an adapter, and write it to a file if one is named.

    Args:
        subject: The circuit or the adapter.
        path: A path that ends in ``.svg``, ``.png``, ``.pdf``, ``.tex``, ``.html`` or
            ``.txt``, or None.
        certificate: What is proved of the circuit; see `draw_svg`.
        plan: How it is computed; see `draw_svg`.
        theme: ``"light"`` or ``"dark"``, for ``.svg``, ``.png`` and ``.pdf``.

    Returns:
        The picture: SVG for an ``.svg`` path, LaTeX for ``.tex``, a page for ``.html``, characters
        otherwise.

    Raises:
        CircuitError: There is no such theme, or the certificate or the plan is of something else.
        FileError: The path has another ending, or cannot be written; a file that is there stays
            as it was.
    """
    target = None if path is None else Path(path)
    ending = target.suffix.lower() if target else ""
    if target and ending not in _ENDINGS:
        problem = f"{ending!r} is not a kind of picture" if ending else "it has no ending"
        raise FileError(
            f"cannot draw to {str(target)!r}: {problem}.",
            cure=f"Known endings are {', '.join(_ENDINGS[:-1])} and {_ENDINGS[-1]}.",
        )
    layouts = _lay_out(subject, certificate, plan)
    if ending == ".tex":
        picture = write_latex(layouts)
    elif ending == ".html":
        picture = to_html(_list_circuits(subject))
    elif ending == ".svg":
        picture = write_svg(_build(layouts, theme))
    else:
        picture = "\n\n+\n\n".join(map(render_text, layouts))
    if target and ending in (".png", ".pdf"):
        from qcircuit_adapt.draw.mpl import render_image

        write_whole(target, render_image(_build(layouts, theme), kind=ending[1:], theme=theme))
    elif target:
        write_whole(target, picture.rstrip("\n") + "\n")
    return picture


def _list_circuits(subject: Circuit | Adapter) -> list[Circuit]:
    if isinstance(subject, Circuit):
        return [subject]
    return [term.circuit for term in subject.terms]


def _lay_out(
    subject: Circuit | Adapter, certificate: Certificate | None, plan: Plan | None
) -> tuple[Layout, ...]:
    if isinstance(subject, Circuit):
        return (lay_out(subject, certificate=certificate, plan=plan),)
    if certificate or plan:
        raise CircuitError(
            "a certificate and a plan are of one circuit, but an adapter is drawn.",
            cure="Draw adapter.terms[0].circuit with them.",
        )
    layouts = ((lay_out(term.circuit), term) for term in subject.terms)
    return tuple(
        replace(layout, title=f"{layout.title} · form {term.form}, scale {term.scale:g}")
        for layout, term in layouts
    )


def _build(layouts: Sequence[Layout], theme: str) -> Scene:
    chosen = find_theme(theme)
    scenes = [build_scene(layout, chosen) for layout in layouts]
    return scenes[0] if len(scenes) == 1 else stack_scenes(scenes, sign="+", ink=chosen.ink)
