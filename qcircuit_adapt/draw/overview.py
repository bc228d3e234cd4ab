"""Which modules of a model got which circuit, and what share of the parameters that is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

from qcircuit_adapt.adapter import Adapter
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.draw.caption import shorten
from qcircuit_adapt.draw.style import apply_style, choose_axes, choose_colour
from qcircuit_adapt.errors import AdaptError

_LETTERS = 44


@dataclass(frozen=True)
class OverviewRow:
    """Modules that differ in the number of their layer alone, and have the same circuit.

    Attributes:
        modules: Their name, with a star for the number.
        count: How many there are.
        circuit: What the circuit is called.
        d_in: The input dimension.
        d_out: The output dimension.
        parameters: How many numbers are trained, in all of them.
    """

    modules: str
    count: int
    circuit: str
    d_in: int
    d_out: int
    parameters: int


def list_rows(adapted: Mapping[str, Circuit | Adapter] | Any) -> tuple[OverviewRow, ...]:
    """Group the adapted modules of a model.

    Args:
        adapted: What each module got, by the module's name; or a model that PEFT adapted.

    Raises:
        AdaptError: Nothing is adapted.

    Example:
        >>> circuit = Circuit.parse("a=4 b=2 | a b", name="tiny")
        >>> list_rows({"layers.0.q": circuit, "layers.1.q": circuit})[0].modules
        'layers.*.q'
    """
    found = dict(adapted if isinstance(adapted, Mapping) else _read_model(adapted))
    if not found:
        raise AdaptError("no module is adapted.", cause="There is nothing to draw.")
    rows: dict[tuple[str, str, int, int], list[int]] = {}
    for name, one in found.items():
        key = (re.sub(r"\.\d+(?=\.|$)", ".*", name), _label(one), one.d_in, one.d_out)
        rows.setdefault(key, []).append(one.parameters)
    return tuple(
        OverviewRow(modules, len(counts), circuit, d_in, d_out, sum(counts))
        for (modules, circuit, d_in, d_out), counts in rows.items()
    )


def _read_model(model: Any) -> Iterator[tuple[str, Adapter]]:
    """Yield what an adapted model's layers carry; their class is not imported to know them."""
    for name, module in model.named_modules():
        updates = getattr(module, "qcircuit_delta", {})
        for adapter_name in updates:
            shown = name.removeprefix("base_model.model.")
            shown += "" if adapter_name == "default" else f" ({adapter_name})"
            yield shown, updates[adapter_name].adapter


def _label(one: Circuit | Adapter) -> str:
    if isinstance(one, Circuit):
        return one.name or one.text
    return " + ".join(_label(term.circuit) for term in one.terms)


def draw_overview(
    adapted: Mapping[str, Circuit | Adapter] | Any, ax: Axes | None = None, *, theme: str = "light"
) -> Axes:
    """Draw a bar for each kind of module: how many numbers its circuits train.

    Args:
        adapted: What each module got, by the module's name; or a model that PEFT adapted.
        ax: The axes to draw in; by default those of a new figure.
        theme: ``"light"`` or ``"dark"``.

    Returns:
        The axes; ``.figure`` is what to save.

    Raises:
        AdaptError: Nothing is adapted.
    """
    rows = list_rows(adapted)
    total = sum(row.parameters for row in rows)
    circuits = list(dict.fromkeys(row.circuit for row in rows))
    with apply_style(theme) as colours:
        ax = choose_axes(ax, width=8.4, height=1.2 + 0.62 * len(rows))
        for place, row in enumerate(rows):
            share = row.parameters / total if total else 0.0
            colour = choose_colour(circuits.index(row.circuit))
            ax.barh(place, row.parameters, height=0.34, color=colour)
            times = f" × {row.count}" if row.count > 1 else ""
            head = f"{shorten(row.modules, _LETTERS)}{times}"
            tail = f"{shorten(row.circuit, _LETTERS)}, {row.d_in} → {row.d_out}"
            style: dict[str, Any] = {
                "xycoords": ax.get_yaxis_transform(),
                "textcoords": "offset points",
            }
            ax.annotate(head, (0, place), xytext=(2, 12), weight="bold", size=9, **style)
            ax.annotate(
                tail, (1, place), xytext=(0, 12), ha="right", size=8, color=colours.faint, **style
            )
            number = f" {row.parameters:,} ({share:.0%})"
            ax.annotate(number, (row.parameters, place), va="center", size=8)
        ax.set_title(f"{total:,} trained parameters in {sum(row.count for row in rows)} modules")
        ax.set_ylim(len(rows) - 0.6, -0.75)
        ax.set_xlim(0, 1.3 * max(1, *(row.parameters for row in rows)))
        ax.set_yticks([])
        ax.spines["left"].set_visible(False)
        ax.set_xlabel("parameters")
    return ax
