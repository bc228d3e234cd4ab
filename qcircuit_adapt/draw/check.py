"""What must hold of every layout, whichever circuit it shows."""

from __future__ import annotations

import itertools

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.draw.layout import Layout
from qcircuit_adapt.wires import layers


def check_layout(layout: Layout, circuit: Circuit) -> tuple[str, ...]:
    """Say what is wrong with a layout of a circuit; nothing if it is sound.

    Example:
        >>> from qcircuit_adapt.draw.layout import lay_out
        >>> circuit = Circuit.parse("a=2 b=3 | a b, b")
        >>> check_layout(lay_out(circuit), circuit)
        ()
    """
    return (*_check_columns(layout, circuit), *_check_rows(layout), *_check_wires(layout, circuit))


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
