"""From texts to checked gates: what a circuit's declaration means, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from qcircuit_adapt.axes import Axis, format_axes, parse_axes, product
from qcircuit_adapt.errors import (
    CircuitError,
    GateError,
    LimitError,
    NotationError,
    Place,
    SizeError,
    WireError,
    nearest,
)
from qcircuit_adapt.gate import INITS, Gate, Init
from qcircuit_adapt.notation import (
    GateText,
    WireText,
    check_gate_count,
    parse_gate,
    parse_wires,
)

MAX_PARAMETERS = 10**10
MAX_WIDTH = 2**24
MAX_WIRES = 24
"""Limits checked before any memory is taken: stored numbers, numbers per token, wires at a time."""

OPTIONS = ("name", "rank", "share", "init", "frozen")


def advance(wires: tuple[Axis, ...], gate: Gate) -> tuple[Axis, ...]:
    """Return the wires after a gate.

    A wire that keeps its name keeps its place. New wires stand where the first wire the gate takes
    stood, in the order written; if that wire keeps its name too, they stand around it as written.

    Example:
        >>> wires = parse_axes("a=4 b=2 c=3")
        >>> format_axes(advance(wires, Gate("b=2 c=3", to="r=5")))
        'a=4 r=5'
        >>> format_axes(advance(wires, Gate("b=2", to="b=2 x=7")))
        'a=4 b=2 x=7 c=3'
    """
    if gate.diagonal:
        return wires
    taken = {axis.name for axis in gate.on}
    given = {axis.name: axis for axis in gate.to}
    first = gate.on[0].name
    block = [axis for axis in gate.to if axis.name == first or axis.name not in taken]
    after: list[Axis] = []
    for wire in wires:
        if wire.name == first:
            after += block
        elif wire.name not in taken:
            after.append(wire)
        elif wire.name in given:
            after.append(given[wire.name])
    return tuple(after)


class Declaration:
    """Axes and gates as declared, read into checked gates with sizes.

    It keeps, while reading, what errors need to tell: where each wire came from and went.

    Attributes:
        inputs: The input axes.
        gates: The gates, with sizes and names.
        wires: The wires after the last gate, in order.
    """

    def __init__(self, axes: str | Iterable[Axis], gates: Iterable[str | Gate], name: str) -> None:
        if not isinstance(name, str) or not name.isprintable():
            raise NotationError(f"{name!r} cannot name a circuit; use one printable line of text.")
        if isinstance(gates, str):
            raise NotationError(
                f"the gates are one text, {gates!r}; expected a list with a text for each gate.",
                cure='Write ["a b", "b c"], or Circuit.parse(text) for a whole circuit.',
            )
        declared = tuple(gates)
        check_gate_count(len(declared), name=name)
        self.name = name
        self.count = len(declared)
        self.inputs = self._read_axes(axes)
        self.wires = self.inputs
        self.origin = {axis.name: "the axes" for axis in self.inputs}
        self.gone: dict[str, str] = {}
        self.parameters = 0
        self._check_width()
        built: list[Gate] = []
        for position, gate in enumerate(declared, 1):
            built.append(self._add(gate, position))
        self.gates = tuple(built)
        self._check_names()
        self._check_shares(declared)

    @property
    def _circuit(self) -> str:
        return f"circuit {self.name!r}" if self.name else "the circuit"

    def _read_axes(self, axes: str | Iterable[Axis]) -> tuple[Axis, ...]:
        if isinstance(axes, str):
            inputs = parse_axes(axes, label=f"{self._circuit}, axes")
        else:
            inputs = tuple(axes)
            parse_axes(format_axes(inputs), label=f"{self._circuit}, axes")
        if not inputs:
            raise NotationError(
                f"{self._circuit} has no axes.", cure='Name at least one: "a=16 b=8 | a b".'
            )
        return inputs

    def _label(self, position: int) -> str:
        return f"{self._circuit}, gate {position} of {self.count}"

    def _add(self, declared: str | Gate, position: int) -> Gate:
        """Check one gate against the wires as they stand, and step over it."""
        label = self._label(position)
        if isinstance(declared, str):
            text = parse_gate(declared, label=label)
        elif isinstance(declared, Gate):
            # Written out with all sizes, a Gate goes through the same checks as a text.
            text = parse_gate(_full_text(declared), label=label)
        else:
            raise NotationError(f"{label} is {declared!r}; expected a text or a Gate.")
        name = f"g{position}"
        for option in text.options:
            if option.word == "name" and option.value:
                name = option.value
        try:
            gate = self._resolve(text, name, label)
        except CircuitError as error:
            # Gate's own checks know no place; the whole gate is it.
            error.place = error.place or Place(label, text.text, 0, len(text.text))
            raise
        place = Place(label, text.text, 0, len(text.text))
        self.parameters += gate.parameters
        if self.parameters > MAX_PARAMETERS:
            raise LimitError(
                f"{self._circuit} has {self.parameters:,} parameters up to gate {name!r}; "
                f"at most {MAX_PARAMETERS:,} are allowed.",
                place=place,
                cure="Split the wires into smaller axes, or give the gate a rank.",
            )
        for wire in gate.on:
            self.origin.pop(wire.name, None)
            self.gone[wire.name] = name
        for wire in gate.to:
            self.gone.pop(wire.name, None)
            self.origin[wire.name] = f"gate {name!r}"
        self.wires = advance(self.wires, gate)
        self._check_width(place)
        return gate

    def _resolve(self, text: GateText, name: str, label: str) -> Gate:
        """Give a gate's text the sizes of the wires it acts on."""
        sizes = {wire.name: wire.size for wire in self.wires}
        on = tuple(self._find(wire, text, name, label) for wire in text.on)
        per = tuple(self._find(wire, text, name, label) for wire in text.per)
        taken = {axis.name: axis.size for axis in on}
        to = []
        for wire in on if text.to is None else text.to:
            if isinstance(wire, Axis):
                to.append(wire)
                continue
            place = Place(label, text.text, wire.start, wire.stop)
            if wire.name in sizes and wire.name not in taken:
                raise WireError(
                    f"gate {name!r} gives wire {wire.name!r}, which is there already.",
                    place=place,
                    cause=f"wire {wire.name!r} comes from {self.origin[wire.name]}.",
                    cure=f"Give it another name, or let gate {name!r} take {wire.name!r} too.",
                )
            if wire.size is None and wire.name not in taken:
                raise SizeError(
                    f"gate {name!r} gives a new wire {wire.name!r} without a size.",
                    place=place,
                    cure=f'Write "{wire.name}=8" after "->".',
                )
            to.append(Axis(wire.name, wire.size or taken[wire.name]))
        options = self._options(text, label)
        return Gate(on, to=to, per=per, **{**options, "name": name})

    def _find(self, wire: WireText, text: GateText, gate: str, label: str) -> Axis:
        """Return the wire a gate names, with the size it carries."""
        place = Place(label, text.text, wire.start, wire.stop)
        sizes = {axis.name: axis.size for axis in self.wires}
        if wire.name not in sizes:
            taker = self.gone.get(wire.name)
            raise WireError(
                f"gate {gate!r} acts on wire {wire.name!r}, which is not there.",
                place=place,
                cause=f"wire {wire.name!r} ends at gate {taker!r}." if taker else "",
                cure=nearest(wire.name, sizes, noun="wires"),
            )
        carried = sizes[wire.name]
        if wire.size not in (None, carried):
            origin = self.origin[wire.name]
            giver = origin if origin.startswith("gate") else "an earlier gate"
            raise SizeError(
                f"gate {gate!r} expects wire {wire.name!r} to have size {wire.size}, but it "
                f"carries {carried}.",
                place=place,
                cause=f"wire {wire.name!r} got size {carried} from {origin}.",
                cure=f'Let {giver} give "{wire.name}={wire.size}", or act with {gate!r} on size '
                f"{carried}.",
            )
        return Axis(wire.name, carried)

    def _options(self, text: GateText, label: str) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for option in text.options:
            place = Place(label, text.text, option.start, option.stop)
            if option.word not in OPTIONS:
                raise NotationError(
                    f"unknown option {option.word!r}.",
                    place=place,
                    cure=nearest(option.word, OPTIONS, noun="options"),
                )
            if option.word in values:
                raise NotationError(f"option {option.word!r} stands twice.", place=place)
            if (option.value is None) != (option.word == "frozen"):
                needs = "takes no value" if option.word == "frozen" else "needs a value"
                raise NotationError(
                    f"option {option.word!r} {needs}.",
                    place=place,
                    cure=f'Write "{{{_OPTION_EXAMPLES[option.word]}}}".',
                )
            values[option.word] = _OPTION_READERS[option.word](option.value or "")
            if values[option.word] is None:
                raise NotationError(
                    f"option {option.word!r} cannot be {option.value!r}.",
                    place=place,
                    cure=nearest(option.value or "", INITS, noun="inits")
                    if option.word == "init"
                    else f'Write "{{{_OPTION_EXAMPLES[option.word]}}}".',
                )
        return values

    def _check_width(self, place: Place | None = None) -> None:
        width = product(self.wires)
        if width > MAX_WIDTH:
            raise LimitError(
                f"{self._circuit} carries {width:,} numbers per token; at most {MAX_WIDTH:,} are "
                "allowed.",
                place=place,
                cure="Use smaller axes.",
            )
        if len(self.wires) > MAX_WIRES:
            raise LimitError(
                f"{self._circuit} has {len(self.wires)} wires at a time; at most {MAX_WIRES} are "
                "allowed.",
                place=place,
                cure="Merge some of the axes.",
            )

    def _check_names(self) -> None:
        seen: dict[str, int] = {}
        for position, gate in enumerate(self.gates, 1):
            if gate.name in seen:
                text = gate.format(default_name=f"g{position}")
                raise GateError(
                    f"two gates are called {gate.name!r}: gate {seen[gate.name]} and "
                    f"gate {position}.",
                    place=Place(self._label(position), text, 0, len(text)),
                    cure="Names are distinct; a gate without one is called g and its position.",
                )
            seen[gate.name] = position

    def _check_shares(self, declared: tuple[str | Gate, ...]) -> None:
        by_name = {gate.name: gate for gate in self.gates}
        for position, gate in enumerate(self.gates, 1):
            if not gate.share:
                continue
            text = gate.format(default_name=f"g{position}")
            start = text.index("share=")
            place = Place(self._label(position), text, start, start + 6 + len(gate.share))
            owner = by_name.get(gate.share)
            if owner is None:
                raise GateError(
                    f"gate {gate.name!r} shares the tensor of {gate.share!r}, which is not there.",
                    place=place,
                    cure=nearest(gate.share, set(by_name) - {gate.name}, noun="gates"),
                )
            if owner.share or owner is gate:
                raise GateError(
                    f"gate {gate.name!r} shares the tensor of {gate.share!r}, which has none of "
                    "its own.",
                    place=place,
                    cure=f"Share {owner.share!r}." if owner is not gate else "Remove 'share'.",
                )
            mine, theirs = (
                tuple(tuple(axis.size for axis in part) for part in (each.per, each.to, each.on))
                for each in (gate, owner)
            )
            if mine != theirs:
                # Where only the parts differ, the parts are printed.
                cut = gate.shape == owner.shape
                has, needs = (theirs, mine) if cut else (owner.shape, gate.shape)
                parts = "(per...), (to...), (on...)" if cut else "per..., to..., on..."
                raise SizeError(
                    f"gate {gate.name!r} shares the tensor of {owner.name!r}, which has shape "
                    f"{has}, but needs {needs}.",
                    place=place,
                    cause=f"Shapes count ({parts}).",
                    cure="Act on wires of the same sizes in the same order, or drop 'share'.",
                )

    def order_outputs(self, outputs: str | Iterable[str] | None) -> tuple[Axis, ...]:
        """Return the final wires in the stated order."""
        if outputs is None:
            return self.wires
        label = f"{self._circuit}, outputs"
        text = outputs if isinstance(outputs, str) else " ".join(outputs)
        sizes = {wire.name: wire for wire in self.wires}
        stated = parse_wires(text, label=label)
        for wire in stated:
            place = Place(label, text, wire.start, wire.stop)
            if wire.name not in sizes:
                taker = self.gone.get(wire.name)
                raise WireError(
                    f"output {wire.name!r} is not one of the last wires.",
                    place=place,
                    cause=f"wire {wire.name!r} ends at gate {taker!r}." if taker else "",
                    cure=nearest(wire.name, sizes, noun="wires"),
                )
            if wire.size not in (None, sizes[wire.name].size):
                raise SizeError(
                    f"output {wire.name!r} is said to have size {wire.size}, but it carries "
                    f"{sizes[wire.name].size}.",
                    place=place,
                    cure="Leave the size out: the gates decide it.",
                )
        names = [wire.name for wire in stated]
        if sorted(names) != sorted(sizes):
            missing = [name for name in sizes if name not in names]
            problem = f"leave out {missing[0]!r}" if missing else "name a wire twice"
            raise WireError(
                f"the outputs {problem}.",
                place=Place(label, text, 0, len(text)),
                cure=f'Name every last wire once: "-> {" ".join(sizes)}".',
            )
        return tuple(sizes[name] for name in names)


def _read_rank(value: str) -> int | None:
    return int(value) if value.isdigit() and len(value) <= 15 and int(value) > 0 else None


_OPTION_READERS: Mapping[str, Callable[[str], object]] = {
    "name": str,
    "share": str,
    "rank": _read_rank,
    "init": lambda value: cast(Init, value) if value in INITS else None,
    "frozen": lambda _: True,
}
_OPTION_EXAMPLES = {
    "name": "name=first",
    "share": "share=g1",
    "rank": "rank=4",
    "init": "init=orthogonal",
    "frozen": "frozen",
}


def _full_text(gate: Gate) -> str:
    """Write a gate with the size of every wire."""
    parts = [format_axes(gate.on)] if gate.on else []
    parts += ["->", format_axes(gate.to)] if gate.to != gate.on else []
    parts += ["per", format_axes(gate.per)] if gate.per else []
    text = gate.format()
    return " ".join(parts + ([text[text.index("{") :]] if "{" in text else []))
