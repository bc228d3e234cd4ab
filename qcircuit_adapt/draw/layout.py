"""Where everything in a picture of a circuit stands: in which column, on which row.

Columns are grouped in layers: the gates of a layer touch different wires, and stand in as few
columns as keep their necks apart. Every wire has a row. From top to bottom the wires stand in the
order that `Circuit.stages` gives, so a new wire gets a row between its neighbours: one that is free
there, or else one of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from qcircuit_adapt.axes import Axis
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.draw.caption import Fact, describe_gate, list_facts, note_rest, shorten_end
from qcircuit_adapt.draw.cut import CutLine, place_cut
from qcircuit_adapt.draw.order import Order, read_order
from qcircuit_adapt.errors import CertificateError, CircuitError
from qcircuit_adapt.gate import Gate
from qcircuit_adapt.wires import layers

if TYPE_CHECKING:
    from qcircuit_adapt.analysis.certificate import Certificate
    from qcircuit_adapt.compiler.plan import Plan

MAX_DRAWN = 200
"""How many gates are drawn; of a longer circuit the first ones are, and a note says so."""

MAX_TITLE = 200
"""How many characters a title has; a circuit's text may have a million."""


@dataclass(frozen=True)
class Pad:
    """Where a gate meets a row: the wire that comes in from the left, and the one that goes out.

    Attributes:
        row: The row.
        left: The wire taken there, or None.
        right: The wire given there, or None.
    """

    row: int
    left: Axis | None
    right: Axis | None


@dataclass(frozen=True)
class Symbol:
    """A gate as drawn.

    Attributes:
        name: The gate's name.
        column: Its column.
        pads: Its pads, from top to bottom.
        dots: The rows of its control wires, from top to bottom.
        frozen: Whether its tensor keeps the values it started with.
        letter: The letter of the tensor it shares with other gates, or an empty text.
        title: What is told on hovering.
    """

    name: str
    column: int
    pads: tuple[Pad, ...]
    dots: tuple[int, ...]
    frozen: bool
    letter: str
    title: str

    @cached_property
    def rows(self) -> tuple[int, ...]:
        """The rows it touches, from top to bottom."""
        return tuple(sorted([pad.row for pad in self.pads] + list(self.dots)))

    @cached_property
    def boxes(self) -> tuple[tuple[Pad, ...], ...]:
        """Its pads, those on adjacent rows fused."""
        boxes: list[list[Pad]] = []
        for pad in self.pads:
            if boxes and boxes[-1][-1].row == pad.row - 1:
                boxes[-1].append(pad)
            else:
                boxes.append([pad])
        return tuple(map(tuple, boxes))

    @cached_property
    def necks(self) -> tuple[tuple[int, int], ...]:
        """The pairs of neighbouring rows that a neck joins, rather than a box."""
        fused = {pad.row for box in self.boxes for pad in box[:-1]}
        return tuple(
            (upper, lower)
            for upper, lower in zip(self.rows, self.rows[1:], strict=False)
            if upper not in fused
        )


@dataclass(frozen=True)
class Piece:
    """A piece of wire: from the gate that gives it, or an input, to the next gate that touches it.

    Attributes:
        axis: The wire's name and size.
        row: Its row.
        start: The column of the gate it comes from, or -1.
        stop: The column of the gate it goes to, or the number of columns.
        label: What is new where it starts: nothing, the size, or name and size.
        title: What is told on hovering.
    """

    axis: Axis
    row: int
    start: int
    stop: int
    label: str
    title: str

    @property
    def weight(self) -> float:
        """How thick it is drawn: log2 of its size."""
        return math.log2(self.axis.size)


@dataclass(frozen=True)
class Layout:
    """A circuit, placed.

    Attributes:
        title: The circuit's name, or its text.
        layers: For each column the layer it belongs to.
        rows: How many rows there are.
        symbols: The gates, in written order.
        pieces: The pieces of wire, in the order in which gates take them.
        outputs: The pieces that leave on the right, in the order of the output axes.
        facts: The footer.
        note: What is not drawn, or an empty text.
        cut: The cut that bounds the rank, if it is asked for and says more than the shape does.
        order: When each gate is used, if it is asked for.
        marked: Beside another circuit: the names of the gates that are not in it.
        mark: What happened to them.
    """

    title: str
    layers: tuple[int, ...]
    rows: int
    symbols: tuple[Symbol, ...]
    pieces: tuple[Piece, ...]
    outputs: tuple[Piece, ...]
    facts: tuple[Fact, ...]
    note: str
    cut: CutLine | None = None
    order: Order | None = None
    marked: tuple[str, ...] = ()
    mark: Literal["added", "removed"] = "added"

    @property
    def permuted(self) -> bool:
        """Whether the outputs are in another order than their rows."""
        rows = [piece.row for piece in self.outputs]
        return rows != sorted(rows)

    def crossings(self, symbol: Symbol) -> tuple[Piece, ...]:
        """Return the pieces that pass over a gate's necks."""
        return tuple(
            piece
            for piece in self.pieces
            if piece.start < symbol.column < piece.stop
            and any(upper < piece.row < lower for upper, lower in symbol.necks)
        )


def lay_out(
    circuit: Circuit, *, certificate: Certificate | None = None, plan: Plan | None = None
) -> Layout:
    """Place a circuit's gates and wires.

    Args:
        circuit: The circuit.
        certificate: What is proved of it: gives the cut, the rank and the degrees of freedom.
        plan: How it is computed: gives the order of the gates, and what training keeps.

    Raises:
        CertificateError: The certificate is of another circuit.
        CircuitError: The plan is.
    """
    if certificate and certificate.circuit != circuit:
        raise CertificateError("the certificate is of another circuit.", cure="Prove this one.")
    if plan and plan.circuit != circuit:
        raise CircuitError("the plan is of another circuit.", cure="Compile this one.")
    gates = circuit.gates[:MAX_DRAWN]
    depth = {index: n for n, layer in enumerate(layers(circuit)) for index in layer}
    rows = _place_rows(circuit, len(gates), depth)
    spans = [_span(gate, rows[n], rows[n + 1]) for n, gate in enumerate(gates)]
    columns, column_layers = _place_columns(spans, depth)
    pieces = tuple(_trace_pieces(circuit, columns, rows, stop=len(column_layers)))
    last = {piece.axis: piece for piece in pieces if piece.stop == len(column_layers)}
    whole = len(gates) == len(circuit.gates)
    order = read_order(plan, drawn=len(gates)) if plan else None
    symbols = tuple(_draw_gates(circuit, columns, rows, order))
    cut = None
    if certificate and whole:
        cut = place_cut(
            circuit, certificate.rank, symbols=symbols, pieces=pieces, columns=len(column_layers)
        )
    return Layout(
        title=shorten_end(circuit.name or circuit.text, MAX_TITLE),
        layers=column_layers,
        rows=1 + max(row for stage in rows for row in stage.values()),
        symbols=symbols,
        pieces=pieces,
        outputs=tuple(
            last[axis] for axis in (circuit.outputs if whole else circuit.stages[len(gates)])
        ),
        facts=list_facts(circuit, certificate=certificate, plan=plan),
        note=note_rest(len(gates) + 1, len(circuit.gates)),
        cut=cut,
        order=order,
    )


def _place_rows(
    circuit: Circuit, count: int, depth: Mapping[int, int]
) -> tuple[dict[str, int], ...]:
    """Return the row of every wire, by name, before each of the first gates and after the last."""
    order = list(range(len(circuit.inputs)))
    live = {axis.name: row for row, axis in enumerate(circuit.inputs)}
    stages = [live]
    # Columns need not follow the written order, so a row is free only to gates of later layers than
    # that of the gate that ended its wire.
    free: dict[int, int] = {}
    for index, gate in enumerate(circuit.gates[:count]):
        given = {axis.name for axis in gate.to}
        ended = {live[axis.name] for axis in gate.on if axis.name not in given}
        live = {name: row for name, row in live.items() if row not in ended}
        after = [axis.name for axis in circuit.stages[index + 1]]
        for position, name in enumerate(after):
            if name in live:
                continue
            upper = order.index(live[after[position - 1]]) + 1 if position else 0
            lower = next((live[other] for other in after[position:] if other in live), None)
            between = order[upper : None if lower is None else order.index(lower)]
            usable = [row for row in between if row in ended]
            usable += [row for row in between if free.get(row, depth[index]) < depth[index]]
            if not usable:
                usable = [len(order)]
                order.insert(upper, len(order))
            live[name] = usable[0]
            ended.discard(usable[0])
            free.pop(usable[0], None)
        free |= dict.fromkeys(ended, depth[index])
        stages.append(live)
    place = {row: n for n, row in enumerate(order)}
    return tuple({name: place[row] for name, row in stage.items()} for stage in stages)


def _span(gate: Gate, before: Mapping[str, int], after: Mapping[str, int]) -> tuple[int, int]:
    rows = [before[axis.name] for axis in gate.on + gate.per] + [
        after[axis.name] for axis in gate.to
    ]
    return min(rows), max(rows)


def _place_columns(
    spans: Sequence[tuple[int, int]], depth: Mapping[int, int]
) -> tuple[list[int], tuple[int, ...]]:
    """Return the column of each gate, and the layer of each column.

    Gates of a layer whose spans overlap stand in neighbouring columns of it, so that no neck
    crosses another gate's pads. Taken from the top down, that needs the fewest columns.
    """
    columns = [0] * len(spans)
    column_layers: list[int] = []
    bottoms: list[int] = []
    for index in sorted(range(len(spans)), key=lambda index: (depth[index], *spans[index])):
        top, bottom = spans[index]
        first = next((n for n, layer in enumerate(column_layers) if layer == depth[index]), None)
        fits = (n for n in range(first or 0, len(bottoms)) if bottoms[n] < top)
        column = None if first is None else next(fits, None)
        if column is None:
            column = len(column_layers)
            column_layers.append(depth[index])
            bottoms.append(bottom)
        bottoms[column] = bottom
        columns[index] = column
    return columns, tuple(column_layers)


def _draw_gates(
    circuit: Circuit,
    columns: Sequence[int],
    rows: Sequence[Mapping[str, int]],
    order: Order | None,
) -> Iterator[Symbol]:
    letters = _letters(circuit)
    for index, column in enumerate(columns):
        gate = circuit.gates[index]
        left = {rows[index][axis.name]: axis for axis in gate.on}
        right = {rows[index + 1][axis.name]: axis for axis in gate.to}
        yield Symbol(
            name=gate.name,
            column=column,
            pads=tuple(Pad(row, left.get(row), right.get(row)) for row in sorted({*left, *right})),
            dots=tuple(sorted(rows[index][axis.name] for axis in gate.per)),
            frozen=not circuit.trainable(gate),
            letter=letters.get(circuit.owner(gate).name, ""),
            title=describe_gate(
                circuit,
                gate,
                macs=circuit.gate_macs[index],
                step=order.describe(index) if order else "",
            ),
        )


def _trace_pieces(
    circuit: Circuit, columns: Sequence[int], rows: Sequence[Mapping[str, int]], *, stop: int
) -> Iterator[Piece]:
    """Follow every wire from gate to gate."""
    started: dict[str, tuple[Axis, int, str, str]] = {
        axis.name: (axis, -1, "", "the input") for axis in circuit.inputs
    }

    def finish(name: str, row: int, stop: int, taker: str) -> Piece:
        axis, start, label, giver = started.pop(name)
        title = f"wire {name}, size {axis.size:,}\nfrom {giver} to {taker}"
        return Piece(axis, row, start, stop, label, title)

    for index, column in enumerate(columns):
        gate = circuit.gates[index]
        for axis in gate.on + gate.per:
            yield finish(axis.name, rows[index][axis.name], column, gate.name)
        taken = {axis.name: axis for axis in gate.on}
        for axis in gate.to + gate.per:
            kept = axis in gate.on + gate.per
            label = "" if kept else str(axis.size) if axis.name in taken else str(axis)
            started[axis.name] = (axis, column, label, gate.name)
    whole = len(columns) == len(circuit.gates)
    for name in tuple(started):
        yield finish(name, rows[-1][name], stop, "the output" if whole else "a gate not drawn")


def _letters(circuit: Circuit) -> dict[str, str]:
    """Return a letter for each gate whose tensor others share, by its name."""
    shared = {gate.share for gate in circuit.gates if gate.share}
    names = dict.fromkeys(circuit.owner(gate).name for gate in circuit.gates)
    return {name: _letter(n) for n, name in enumerate(name for name in names if name in shared)}


def _letter(number: int) -> str:
    return (_letter(number // 26 - 1) if number >= 26 else "") + chr(ord("A") + number % 26)
