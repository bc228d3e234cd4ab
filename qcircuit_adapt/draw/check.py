"""What must hold of every layout, whichever circuit it shows."""

from __future__ import annotations

import itertools
import math

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.draw.layout import Layout, Piece
from qcircuit_adapt.wires import layers


def check_layout(layout: Layout, circuit: Circuit) -> tuple[str, ...]:
    """Say what is wrong with a layout of a circuit; nothing if it is sound.

    Example:
        >>> from qcircuit_adapt.draw.layout import lay_out
        >>> circuit = Circuit.parse("a=2 b=3 | a b, b")
        >>> check_layout(lay_out(circuit), circuit)
        ()
    """
    return (
        *_check_columns(layout, circuit),
        *_check_rows(layout),
        *_check_wires(layout, circuit),
        *_check_cut(layout, circuit),
        *_check_order(layout, circuit),
    )


def _check_columns(layout: Layout, circuit: Circuit) -> list[str]:
    wrong = []
    drawn = [symbol.name for symbol in layout.symbols]
    if drawn != [gate.name for gate in circuit.gates[: len(drawn)]]:
        wrong.append("the gates drawn are not the first of the circuit, each once")
    if bool(layout.note) != (len(drawn) < len(circuit.gates)):
        wrong.append("the note does not say whether gates are left out")
    depth = {index: n for n, layer in enumerate(layers(circuit)) for index in layer}
    for index, symbol in enumerate(layout.symbols):
        if layout.layers[symbol.column] != depth[index]:
            wrong.append(f"gate {symbol.name} does not stand in its layer")
    if list(layout.layers) != sorted(layout.layers):
        wrong.append("the columns are not in the order of their layers")
    for one, other in itertools.combinations(layout.symbols, 2):
        apart = one.rows[-1] < other.rows[0] or other.rows[-1] < one.rows[0]
        if one.column == other.column and not apart:
            wrong.append(f"gates {one.name} and {other.name} overlap")
    return wrong


def _check_rows(layout: Layout) -> list[str]:
    wrong = [
        f"wire {piece.axis.name} runs from {piece.start} to {piece.stop}"
        for piece in layout.pieces
        if not -1 <= piece.start < piece.stop <= len(layout.layers)
    ]
    ordered = sorted(layout.pieces, key=lambda piece: (piece.row, piece.start))
    for one, other in itertools.pairwise(ordered):
        if one.row == other.row and other.start < one.stop:
            wrong.append(f"wires {one.axis.name} and {other.axis.name} overlap in row {one.row}")
    used = {piece.row for piece in layout.pieces}
    if used != set(range(layout.rows)):
        wrong.append("a row holds no wire, or a wire no row")
    return wrong


def _check_wires(layout: Layout, circuit: Circuit) -> list[str]:
    """Replay the circuit on the drawing: gates must join the pieces that carry their wires."""
    wrong = []
    starting = {(piece.row, piece.start): piece for piece in layout.pieces}
    live = sorted(
        (piece for piece in layout.pieces if piece.start == -1), key=lambda piece: piece.row
    )
    seen = len(live)
    for gate, symbol, stage in zip(circuit.gates, layout.symbols, circuit.stages, strict=False):
        if tuple(piece.axis for piece in live) != stage:
            wrong.append(
                f"before gate {gate.name} the wires from top to bottom are not the circuit's"
            )
        touched = {piece.row: piece for piece in live if piece.row in symbol.rows}
        if any(piece.stop != symbol.column for piece in touched.values()):
            wrong.append(f"a wire does not end at gate {gate.name}")
        left = {pad.row: pad.left for pad in symbol.pads if pad.left}
        right = {pad.row: pad.right for pad in symbol.pads if pad.right}
        if {row: piece.axis for row, piece in touched.items() if row not in symbol.dots} != left:
            wrong.append(f"gate {gate.name} is not joined to the wires on its left")
        if sorted(map(str, left.values())) != sorted(map(str, gate.on)):
            wrong.append(f"gate {gate.name} does not take its wires")
        if sorted(map(str, right.values())) != sorted(map(str, gate.to)):
            wrong.append(f"gate {gate.name} does not give its wires")
        dotted = [touched[row].axis for row in symbol.dots if row in touched]
        if sorted(map(str, dotted)) != sorted(map(str, gate.per)):
            wrong.append(f"gate {gate.name} does not have its control wires")
        right |= {row: touched[row].axis for row in symbol.dots if row in touched}
        given = {row: starting.get((row, symbol.column)) for row in right}
        if {row: piece and piece.axis for row, piece in given.items()} != right:
            wrong.append(f"gate {gate.name} is not joined to the wires on its right")
        live = [piece for piece in live if piece not in touched.values()]
        live += [piece for piece in given.values() if piece]
        live.sort(key=lambda piece: piece.row)
        seen += len(given)
    if seen != len(layout.pieces):
        wrong.append("there are wires that no gate gives")
    if any(piece.stop != len(layout.layers) for piece in live):
        wrong.append("an output does not reach the right edge")
    outputs = circuit.stages[len(layout.symbols)] if layout.note else circuit.outputs
    if tuple(piece.axis for piece in layout.outputs) != outputs:
        wrong.append("the outputs are not in the circuit's order")
    if {piece.row for piece in layout.outputs} != {piece.row for piece in live}:
        wrong.append("the outputs are not the last wires")
    return wrong


def _check_cut(layout: Layout, circuit: Circuit) -> list[str]:
    """See that the cut separates inputs from outputs on the drawing, and multiplies to its bound.

    Gates and wires are walked as they are drawn; the analysis that found the cut is not asked.
    """
    cut = layout.cut
    if cut is None:
        return []
    wrong = []
    if len(cut.spots) != layout.rows:
        wrong.append("the cut does not pass every row")
    if not all(-1 <= spot < 2 * len(layout.layers) for spot in cut.spots):
        wrong.append("the cut leaves the picture")
    if math.prod(cross.bond.size for cross in cut.crosses) != cut.bound:
        wrong.append("the wires that are cut do not multiply to the bound")
    if cut.bound >= min(circuit.d_in, circuit.d_out):
        wrong.append("the cut says no more than the shape does")
    severed: set[object] = set()
    for cross in cut.crosses:
        if not cross.gate:
            on = [
                piece
                for piece in layout.pieces
                if piece.row == cross.row and 2 * piece.start < cross.spot < 2 * piece.stop
            ]
            if [piece.axis.size for piece in on] != [cross.bond.size]:
                wrong.append(f"the cross on {cross.bond} is not on its wire")
            severed.update(on)
        else:
            inside = [
                symbol
                for symbol in layout.symbols
                if (symbol.name, 2 * symbol.column) == (cross.gate, cross.spot)
                and cross.row in symbol.rows
            ]
            owners = [circuit.owner(gate) for gate in circuit.gates if gate.name == cross.gate]
            if not inside or [owner.rank for owner in owners] != [cross.bond.size]:
                wrong.append(f"the cross on {cross.bond} is not in its gate")
            severed.update(inside)
    if _reaches(layout, severed):
        wrong.append("a way leads from the inputs to the outputs past the cut")
    return wrong


def _reaches(layout: Layout, severed: set[object]) -> bool:
    """Walk from the left edge to the right: over gates in all directions, never over what is cut.

    What is cut is cut for a control wire's whole length, since its index is one at every gate; a
    gate that is cut inside keeps what is on its left from what is on its right.
    """
    joined: dict[object, set[object]] = {}

    def join(one: object, other: object) -> None:
        joined.setdefault(one, set()).add(other)
        joined.setdefault(other, set()).add(one)

    dotted = {(row, symbol.column) for symbol in layout.symbols for row in symbol.dots}
    taken = {(row, symbol.column): symbol for symbol in layout.symbols for row in symbol.rows}
    chain: dict[Piece, Piece] = {}
    for piece in sorted(layout.pieces, key=lambda piece: piece.start):
        before = [p for p in chain if (p.row, p.stop) == (piece.row, piece.start)]
        goes_on = (piece.row, piece.start) in dotted and before
        chain[piece] = chain[before[0]] if goes_on else piece
    closed = {chain[piece] for piece in severed if isinstance(piece, Piece)}
    for piece, first in chain.items():
        if first in closed:
            continue
        for end, side in ((piece.start, "right"), (piece.stop, "left")):
            symbol = taken.get((piece.row, end))
            if symbol is None:
                join(first, "inputs" if end == -1 else "outputs")
            else:
                join(first, (symbol, side if symbol in severed else ""))
    found: list[object] = ["inputs"]
    for here in found:
        found += [other for other in joined.get(here, ()) if other not in found]
    return "outputs" in found


def _check_order(layout: Layout, circuit: Circuit) -> list[str]:
    order = layout.order
    if order is None:
        return []
    wrong = []
    if len(order.steps) != len(layout.symbols):
        wrong.append("the order does not number every gate")
    for gate, numbers in zip(circuit.gates, order.steps, strict=False):
        halves = 2 if circuit.owner(gate).rank else 1
        if not 1 <= len(numbers) <= halves or not all(1 <= n <= order.count for n in numbers):
            wrong.append(f"gate {gate.name} is not used in one step of the order")
    for index, gate in enumerate(circuit.gates):
        halves = 2 if circuit.owner(gate).rank else 1
        if sum(index in band for band in order.bands) > halves:
            wrong.append(f"gate {gate.name} is in more bands than it has tensors")
    if any(len(set(band)) < 2 for band in order.bands):
        wrong.append("a band holds fewer than two gates")
    return wrong
