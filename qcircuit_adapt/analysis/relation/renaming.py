"""Renaming: the proof that two circuits are the same up to names and the order of writing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from qcircuit_adapt.analysis.relation.wiring import Wiring, trace_wires
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import CertificateError
from qcircuit_adapt.gate import Gate

if TYPE_CHECKING:
    import numpy as np

Pairs = tuple[tuple[str, str], ...]
"""Names in the one circuit, each with the name in the other."""


@dataclass(frozen=True)
class Moved:
    """Where a gate's tensor goes.

    Attributes:
        source: The gate of the one circuit that holds the tensor.
        target: The gate of the other that does.
        order: For each axis of the target's tensor that of the source's.
    """

    source: str
    target: str
    order: tuple[int, ...]


@dataclass(frozen=True)
class Renaming:
    """A map from the gates and wires of a circuit to those of another that is the same.

    Gates may commute where no wire leads from one to the other, and may list their wires in another
    order; what is frozen, shared, or bounded in rank, and how gates start, is the same.

    Attributes:
        one: The one circuit.
        other: The other.
        gates: The names of the gates.
        wires: The pieces of wire, named ``giver:wire`` as in `wiring.Wiring`.
        moves: Where the tensors go.
        inputs: For each input axis of the other circuit that of the one.
        outputs: Likewise for output axes.
    """

    one: Circuit
    other: Circuit
    gates: Pairs
    wires: Pairs
    moves: tuple[Moved, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    status: ClassVar[str] = "theorem"

    @property
    def keeps_axes(self) -> bool:
        """Whether all input and output axes stay in place; then both have the same T."""
        return _in_order(self.inputs) and _in_order(self.outputs)

    @property
    def statement(self) -> str:
        """What follows, in a sentence."""
        kept = "" if self.keeps_axes else ", up to the order of its input and output axes"
        return f"both give the same T{kept}, once gates and wires are renamed."

    def __str__(self) -> str:
        named = [f"{one} is {other}" for one, other in self.gates if one != other]
        return self.statement.removesuffix(".") + (f": {', '.join(named)}." if named else ".")

    def tensors(self, tensors: Mapping[str, Any]) -> dict[str, Any]:
        """Turn tensors of the one circuit into those with which the other gives the same T.

        Args:
            tensors: For each gate of the one circuit that shares no other's tensor its own, of
                shape ``(per..., to..., on...)``.

        Returns:
            The same for the other circuit; views where the tensors are arrays.
        """
        return {move.target: tensors[move.source].transpose(move.order) for move in self.moves}

    def permute(self, matrix: np.ndarray[Any, np.dtype[Any]]) -> np.ndarray[Any, np.dtype[Any]]:
        """Bring a T of the one circuit, ``(d_out, d_in)``, to the order of the other's axes."""
        sizes = [axis.size for axis in self.one.outputs + self.one.inputs]
        first = len(self.outputs)
        places = [*self.outputs, *(first + place for place in self.inputs)]
        return matrix.reshape(sizes).transpose(places).reshape(matrix.shape)

    def check(self) -> None:
        """Compare the circuits gate by gate and wire by wire.

        Raises:
            CertificateError: A gate, a wire or an axis is not what it is said to be.
        """
        if self != build_renaming(self.one, self.other, dict(self.gates), dict(self.wires)):
            raise CertificateError("the tensors or the axes go elsewhere than the wires say.")


def build_renaming(
    one: Circuit, other: Circuit, gates: Mapping[str, str], wires: Mapping[str, str]
) -> Renaming:
    """Build the renaming that maps gates and pieces of wire as told.

    Raises:
        CertificateError: It does not make the one circuit the other.
    """
    here, there = trace_wires(one), trace_wires(other)
    _check_cover("gate", gates, here.gates, there.gates)
    _check_cover("wire", wires, here.sizes, there.sizes)
    for piece, size in here.sizes.items():
        if there.sizes[wires[piece]] != size:
            raise CertificateError(f"{piece} and {wires[piece]} differ in size.")
    moves: dict[str, Moved] = {}
    by_name = {gate.name: gate for gate in other.gates}
    for gate in one.gates:
        move = _match(one, other, gate, by_name[gates[gate.name]], here, there, wires)
        if moves.setdefault(move.source, move) != move:
            raise CertificateError(f"{gate.name!r} does not share its tensor as its twin does.")
    if len({move.target for move in moves.values()}) != len(moves):
        raise CertificateError("two tensors are one in the other circuit.")
    return Renaming(
        one,
        other,
        tuple(gates.items()),
        tuple(wires.items()),
        tuple(moves.values()),
        _find_order([wires[piece] for piece in here.inputs], there.inputs, "input"),
        _find_order([wires[piece] for piece in here.outputs], there.outputs, "output"),
    )


def _match(
    one: Circuit,
    other: Circuit,
    gate: Gate,
    twin: Gate,
    here: Wiring,
    there: Wiring,
    wires: Mapping[str, str],
) -> Moved:
    """Say where the tensor of a gate goes, seen from this use of it."""
    owners = one.owner(gate), other.owner(twin)
    options = [(owner.rank, owner.init, owner.frozen) for owner in owners]
    if options[0] != options[1]:
        raise CertificateError(f"{gate.name!r} and {twin.name!r} differ in their options.")
    order: list[int] = []
    for pieces, twins in zip(here.gates[gate.name], there.gates[twin.name], strict=True):
        mapped, start = [wires[piece] for piece in pieces], len(order)
        if sorted(mapped) != sorted(twins):
            raise CertificateError(f"{gate.name!r} and {twin.name!r} act on different wires.")
        order += [start + mapped.index(piece) for piece in twins]
    return Moved(owners[0].name, owners[1].name, tuple(order))


def _check_cover(
    kind: str, pairs: Mapping[str, str], ours: Iterable[str], theirs: Iterable[str]
) -> None:
    if set(pairs) != set(ours) or sorted(pairs.values()) != sorted(theirs):
        raise CertificateError(f"not every {kind} has exactly one twin.")


def _find_order(mapped: list[str], pieces: tuple[str, ...], kind: str) -> tuple[int, ...]:
    if sorted(mapped) != sorted(pieces):
        raise CertificateError(f"an {kind} axis is none in the other circuit.")
    return tuple(mapped.index(piece) for piece in pieces)


def _in_order(places: tuple[int, ...]) -> bool:
    return places == tuple(range(len(places)))
