"""Align: two circuits with their open axes cut into factors of the same sizes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from qcircuit_adapt.analysis.relation.wiring import trace_wires
from qcircuit_adapt.axes import Axis
from qcircuit_adapt.circuit import Circuit

Sizes = tuple[int, ...]


@dataclass(frozen=True)
class Aligned:
    """Two circuits whose open axes have the same sizes, those of 1 aside.

    Both give the same T as before: tensors are only reshaped.

    Attributes:
        one: The one circuit; its gates have the names they had.
        other: The other.
    """

    one: Circuit
    other: Circuit


def align(one: Circuit, other: Circuit) -> Aligned | None:
    """Cut open axes into as few factors as it takes.

    Returns:
        The circuits, or None where an axis of the one overlaps an axis of the other such that no
        whole number of values is shared, or gates that share a tensor would have to differ.

    Example:
        >>> one, other = Circuit.parse("a=4 b=2 | a b"), Circuit.parse("x=8 | x -> r=3, r -> y=8")
        >>> align(one, other).other.text
        'x_1=4 x_2=2 | x_1 x_2 -> r=3, r -> y_1=4 y_2=2'
    """
    if (one.d_in, one.d_out) != (other.d_in, other.d_out):
        return None
    circuits = (one, other)
    cuts: list[set[int]] = [set(), set()]
    count = -1
    while count < sum(map(len, cuts)):
        count = sum(map(len, cuts))
        for circuit in circuits:
            ends = circuit.inputs, circuit.outputs
            for axes, points in zip(ends, cuts, strict=True):
                points |= {stop for _, stop in _spans(axes)}
                if not _divide(points):
                    return None
            # What no gate takes is one wire: its ends are cut alike.
            wiring = trace_wires(circuit)
            spans = [
                dict(zip(pieces, _spans(axes), strict=True))
                for pieces, axes in zip((wiring.inputs, wiring.outputs), ends, strict=True)
            ]
            for piece in spans[0].keys() & spans[1].keys():
                (start, stop), (begin, end) = spans[0][piece], spans[1][piece]
                here = {point * begin // start for point in cuts[0] if start <= point <= stop}
                there = {point * start // begin for point in cuts[1] if begin <= point <= end}
                cuts[1] |= here
                cuts[0] |= there
    split = [_split(circuit, cuts) for circuit in circuits]
    return Aligned(split[0], split[1]) if split[0] and split[1] else None


def reshape_tensors(tensors: Mapping[str, Any], circuit: Circuit) -> dict[str, Any]:
    """Bring tensors of an aligned circuit, or of the original, to the shapes of the other one."""
    return {
        gate.name: tensors[gate.name].reshape(gate.shape)
        for gate in circuit.gates
        if not gate.share
    }


def _spans(axes: Sequence[Axis]) -> list[tuple[int, int]]:
    """Return for each axis the products of the sizes before it and up to it."""
    stops = list(itertools.accumulate((axis.size for axis in axes), lambda one, two: one * two))
    return list(zip([1, *stops], stops, strict=False))


def _divide(points: set[int]) -> bool:
    return all(stop % start == 0 for start, stop in itertools.pairwise(sorted(points)))


def _factors(span: tuple[int, int], points: set[int]) -> Sizes:
    inside = sorted(point for point in points | {*span} if span[0] <= point <= span[1])
    return tuple(stop // start for start, stop in itertools.pairwise(inside)) or (1,)


def _split(circuit: Circuit, cuts: Sequence[set[int]]) -> Circuit | None:
    """Cut the open wires, in all gates that have them."""
    wiring = trace_wires(circuit)
    factors: dict[str, Sizes] = {piece: (size,) for piece, size in wiring.sizes.items()}
    for pieces, axes, points in (
        (wiring.inputs, circuit.inputs, cuts[0]),
        (wiring.outputs, circuit.outputs, cuts[1]),
    ):
        for piece, span in zip(pieces, _spans(axes), strict=True):
            factors[piece] = _factors(span, points)
    if not _agree(circuit, factors):
        return None
    taken = {axis.name for stage in circuit.stages for axis in stage}
    parts = {piece: list(_name_factors(piece, factors[piece], taken)) for piece in factors}

    def spread(pieces: Sequence[str]) -> tuple[Axis, ...]:
        return tuple(axis for piece in pieces for axis in parts[piece])

    gates = []
    for gate in circuit.gates:
        per, to, on = map(spread, wiring.gates[gate.name])
        gates.append(replace(gate, on=on, to=to, per=per))
    outputs = [axis.name for axis in spread(wiring.outputs)]
    return Circuit(spread(wiring.inputs), gates, outputs=outputs, name=circuit.name)


def _name_factors(piece: str, sizes: Sizes, taken: set[str]) -> Iterator[Axis]:
    wire = piece.partition(":")[2]
    if len(sizes) == 1:
        yield Axis(wire, sizes[0])
        return
    for size in sizes:
        name = next(f"{wire}_{n}" for n in itertools.count(1) if f"{wire}_{n}" not in taken)
        taken.add(name)
        yield Axis(name, size)


def _agree(circuit: Circuit, factors: Mapping[str, Sizes]) -> bool:
    """Say whether gates that share a tensor have its axes cut alike."""
    wiring = trace_wires(circuit)
    seen: dict[str, list[Sizes]] = {}
    for gate in circuit.gates:
        pieces = itertools.chain(*wiring.gates[gate.name])
        cut = [factors[piece] for piece in pieces]
        if seen.setdefault(circuit.owner(gate).name, cut) != cut:
            return False
    return True
