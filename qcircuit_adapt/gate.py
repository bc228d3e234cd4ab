"""Gate: one tensor acting on chosen wires."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, get_args

from qcircuit_adapt.axes import Axis, format_axes, parse_axes, product
from qcircuit_adapt.errors import GateError, WireError, nearest
from qcircuit_adapt.notation import is_name, parse_wires

Init = Literal["kaiming", "orthogonal", "identity", "normal", "ones", "zero"]
"""How a gate starts, where the form of the adapter does not say so itself (see `nn/init.py`)."""

INITS: tuple[str, ...] = get_args(Init)


@dataclass(frozen=True, init=False, repr=False)
class Gate:
    """A tensor that takes the wires ``on`` and gives the wires ``to``, for each value of ``per``.

    Its tensor has shape ``(per..., to..., on...)``, each in the order written. ``on`` and ``to``
    are both empty in a diagonal gate, which multiplies every entry of its control wires ``per`` by
    a number of its own.

    Attributes:
        on: The wires it consumes.
        to: The wires it gives; by default the same as ``on``. Written as text, a wire that keeps
            its size needs none.
        per: Control wires: the gate is block-diagonal on them, and they pass unchanged.
        name: A Python identifier; a circuit calls its n-th gate ``gn`` if this is empty.
        rank: If set, the tensor is a product of two half-gates through a bond of this size.
        share: If set, the name of the gate whose tensor this gate uses again.
        init: If set, how the tensor starts.
        frozen: Whether the tensor keeps the values it started with.

    Raises:
        WireError: A wire is named twice.
        GateError: The options contradict each other.

    Example:
        >>> gate = Gate("a=16 b=8", to="a=4 b", per="c=3", rank=2)
        >>> gate.shape, gate.parameters
        ((3, 4, 8, 16, 8), 960)
        >>> gate
        Gate('a=16 b=8', to='a=4 b=8', per='c=3', rank=2)
    """

    on: tuple[Axis, ...]
    to: tuple[Axis, ...]
    per: tuple[Axis, ...]
    name: str = ""
    rank: int | None = None
    share: str | None = None
    init: Init | None = None
    frozen: bool = False

    def __init__(
        self,
        on: str | Iterable[Axis],
        *,
        to: str | Iterable[Axis] | None = None,
        per: str | Iterable[Axis] = (),
        name: str = "",
        rank: int | None = None,
        share: str | None = None,
        init: Init | None = None,
        frozen: bool = False,
    ) -> None:
        on = _axes(on, label="on")
        if to is None:
            to = on
        fields = {
            "on": on,
            "to": _fill_sizes(to, on) if isinstance(to, str) else tuple(to),
            "per": _axes(per, label="per"),
            "name": name,
            "rank": rank,
            "share": share,
            "init": init,
            "frozen": frozen,
        }
        for field, value in fields.items():
            object.__setattr__(self, field, value)
        self._check()

    def _check(self) -> None:
        label = f"gate {self.name!r}" if self.name else "the gate"
        for wires, noun in ((self.on + self.per, "takes"), (self.to + self.per, "gives")):
            names = [wire.name for wire in wires]
            for name in names:
                if names.count(name) > 1:
                    raise WireError(
                        f"{label} {noun} wire {name!r} twice.",
                        cure="Name each wire once; a control wire (per) is not also acted on.",
                    )
        if bool(self.on) != bool(self.to) or not (self.on or self.per):
            raise WireError(
                f"{label} must take and give at least one wire each, or be diagonal (per only).",
                cure='Use a wire of size 1 to start or end one: "a -> a=1".',
            )
        if self.name and not is_name(self.name):
            raise GateError(
                f"{self.name!r} cannot name a gate.",
                cure="Use letters, digits and '_', starting with a letter; 'per' is a keyword.",
            )
        if self.rank is not None and (type(self.rank) is not int or self.rank < 1):
            raise GateError(f"{label} has rank {self.rank!r}; a rank is a whole number, 1 or more.")
        if self.rank is not None and self.diagonal:
            raise GateError(f"{label} is diagonal and cannot have a rank.", cure="Remove the rank.")
        if self.init is not None and self.init not in INITS:
            raise GateError(
                f"{label} has unknown init {self.init!r}.",
                cure=nearest(str(self.init), INITS, noun="inits"),
            )
        if self.share and (self.rank is not None or self.init is not None or self.frozen):
            raise GateError(
                f"{label} shares the tensor of {self.share!r} and cannot have options of its own.",
                cure=f"Give rank, init and frozen to {self.share!r}.",
            )

    @property
    def rows(self) -> int:
        """The product of the sizes it gives."""
        return product(self.to)

    @property
    def columns(self) -> int:
        """The product of the sizes it takes."""
        return product(self.on)

    @property
    def blocks(self) -> int:
        """The product of the sizes of its control wires: how many matrices it holds."""
        return product(self.per)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape ``(per..., to..., on...)`` of its tensor."""
        return tuple(axis.size for axis in self.per + self.to + self.on)

    @property
    def parameters(self) -> int:
        """How many numbers it stores, trained or frozen; 0 if it shares another gate's tensor."""
        if self.share:
            return 0
        if self.rank:
            return self.blocks * self.rank * (self.rows + self.columns)
        return self.blocks * self.rows * self.columns

    @property
    def diagonal(self) -> bool:
        """Whether it acts on its control wires alone."""
        return not self.on

    def transpose(self) -> Gate:
        """Return the gate with ``on`` and ``to`` exchanged; each of its blocks is transposed."""
        return replace(self, on=self.to, to=self.on)

    def format(self, *, default_name: str = "") -> str:
        """Write the gate as a circuit's text has it.

        Args:
            default_name: The name that goes without saying.

        Example:
            >>> Gate("a=16 b=8", to="a=4 b", name="g1", rank=2).format(default_name="g1")
            'a b -> a=4 b {rank=2}'
        """
        kept = set(self.on)
        parts = [" ".join(wire.name for wire in self.on)] if self.on else []
        if self.to != self.on:
            parts += ["->", " ".join(wire.name if wire in kept else str(wire) for wire in self.to)]
        if self.per:
            parts += ["per", " ".join(wire.name for wire in self.per)]
        options = [] if self.name == default_name else [f"name={self.name}"]
        options += [f"rank={self.rank}"] if self.rank else []
        options += [f"share={self.share}"] if self.share else []
        options += [f"init={self.init}"] if self.init else []
        options += ["frozen"] if self.frozen else []
        return " ".join(parts + ([f"{{{' '.join(options)}}}"] if options else []))

    def __repr__(self) -> str:
        parts = [repr(format_axes(self.on))]
        parts += [f"to={format_axes(self.to)!r}"] if self.to != self.on else []
        parts += [f"per={format_axes(self.per)!r}"] if self.per else []
        for field in ("name", "rank", "share", "init", "frozen"):
            if value := getattr(self, field):
                parts.append(f"{field}={value!r}")
        return f"Gate({', '.join(parts)})"


def _axes(wires: str | Iterable[Axis], *, label: str) -> tuple[Axis, ...]:
    return parse_axes(wires, label=label) if isinstance(wires, str) else tuple(wires)


def _fill_sizes(text: str, on: tuple[Axis, ...]) -> tuple[Axis, ...]:
    """Read wires that may leave out the sizes that the wires ``on`` of the same name have."""
    sizes = {axis.name: axis.size for axis in on}
    wires = parse_wires(text, label="to")
    if any(wire.size is None and wire.name not in sizes for wire in wires):
        return parse_axes(text, label="to")
    return tuple(Axis(wire.name, wire.size or sizes[wire.name]) for wire in wires)
