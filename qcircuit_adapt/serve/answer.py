"""What the designer is told of a text: the circuit it says, or what is wrong and where."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.draw.html import describe
from qcircuit_adapt.draw.layout import MAX_DRAWN
from qcircuit_adapt.errors import CircuitError, LimitError, NotationError, Place
from qcircuit_adapt.families import call_family, is_family
from qcircuit_adapt.serve.edit import add_gate, move_gate, place_gate, remove_gate

MAX_TYPED = 20_000
"""Characters of a text that is answered while it is typed."""

MAX_NAME = 100


def read_text(text: str, *, name: str) -> Circuit:
    """Return the circuit that a text says: a circuit's own, or a family with its sizes.

    Line ends count as spaces, so that a place in the text stays where it was.

    Raises:
        LimitError: It is too large to be answered while it is typed.
        CircuitError: It says no circuit.
    """
    if len(text) > MAX_TYPED:
        raise LimitError(
            f"the text has {len(text):,} characters; the designer takes at most {MAX_TYPED:,}.",
            cure="Work on large circuits in Python.",
        )
    if len(name) > MAX_NAME:
        raise LimitError(f"the name has {len(name):,} characters; at most {MAX_NAME} are allowed.")
    line = _join_lines(text)
    if "|" not in line and is_family(line.strip()):
        circuit = call_family(line.strip())
    else:
        circuit = Circuit.parse(line, name=name)
    if len(circuit.gates) > MAX_DRAWN:
        raise LimitError(
            f"the circuit has {len(circuit.gates):,} gates; the designer draws at most "
            f"{MAX_DRAWN}.",
            cure="Work on large circuits in Python.",
        )
    return circuit


def _join_lines(text: str) -> str:
    """Return a text on one line, each character where it was."""
    return text.translate(dict.fromkeys(map(ord, "\n\r\t"), " "))


def answer_text(text: str, *, name: str) -> dict[str, Any]:
    """Return ``{"circuit": ...}``, as the page shows it, or ``{"error": ...}``."""
    return _answer(text, lambda: read_text(text, name=name))


def answer_edit(text: str, *, name: str, edit: Mapping[str, Any]) -> dict[str, Any]:
    """Apply an edit to the circuit that a text says, and answer as `answer_text` does.

    Args:
        text: The text before the edit.
        name: The circuit's name.
        edit: ``kind``, which is ``add``, ``place``, ``earlier``, ``later`` or ``remove``; ``gate``
            by name; ``wires`` by name; ``position``, gates that stand before the place.
    """

    def apply() -> Circuit:
        circuit = read_text(text, name=name)
        gate, position = str(edit.get("gate", "")), edit.get("position", 0)
        wires = [str(wire) for wire in edit.get("wires", ())]
        if type(position) is not int or not 0 <= position <= len(circuit.gates):
            raise NotationError(f"{position!r} is no position among {len(circuit.gates)} gates.")
        match edit.get("kind"):
            case "add":
                return add_gate(circuit, wires, position=position)
            case "place":
                return place_gate(circuit, gate, wires, position=position)
            case "earlier" | "later" as side:
                return move_gate(circuit, gate, earlier=side == "earlier")
            case "remove":
                return remove_gate(circuit, gate)
            case kind:
                raise NotationError(f"{kind!r} is no kind of edit.")

    return _answer(text, apply, point=False)


def _answer(text: str, make: Callable[[], Circuit], *, point: bool = True) -> dict[str, Any]:
    try:
        return {"circuit": describe(make(), quick=True)}
    except CircuitError as error:
        return {"error": tell_error(error, text=text if point else None)}


def tell_error(error: CircuitError, *, text: str | None = None) -> dict[str, Any]:
    """Return an error as the page shows it.

    Args:
        error: The error.
        text: The whole text of the circuit, to find the place in.
    """
    place = error.place
    return {
        "kind": type(error).__name__,
        "text": str(error),
        "where": place.label if place else None,
        "span": find_span(text, place) if place and text is not None else None,
    }


def find_span(text: str, place: Place) -> tuple[int, int] | None:
    """Return where a place is in the whole text of a circuit, as characters from its start.

    A place speaks of a part of the text: the axes, one gate, the outputs. None if that part does
    not stand in the text as it is.

    Example:
        >>> text = "a=2 | a, bb"
        >>> find_span(text, Place("the circuit, gate 2 of 2", "bb", 0, 2))
        (9, 11)
    """
    line = _join_lines(text)
    start, end = _find_part(line, place.label)
    offset = line.find(place.text, start, end)
    if offset < 0 or (line.count("|") > 1 and place.label != "circuit text"):
        return None
    stop = max(place.stop, place.start + 1)
    return offset + place.start, min(offset + stop, len(text)) if place.text else offset + 1


def _find_part(line: str, label: str) -> tuple[int, int]:
    """Return where the part of a circuit's text that a label names starts and ends."""
    axes = line.find("|") + 1
    if label == "circuit text":
        return 0, len(line)
    if label.endswith("axes"):
        return 0, max(axes - 1, 0)
    pieces = line[axes:].split(",")
    _, _, words = label.rpartition(", ")
    number = words.split(" ")[1] if words.startswith("gate ") else str(len(pieces))
    before = pieces[: int(number) - 1]
    start = axes + sum(len(piece) + 1 for piece in before)
    return start, start + len(pieces[len(before)]) if len(before) < len(pieces) else len(line)
