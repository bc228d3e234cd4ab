"""Where the cut that bounds a rank passes through a picture.

A spot is a place along a row in halves of a column: ``2 n`` is column n, ``2 n + 1`` the gap after
it, and ``-1`` the gap before the first.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from qcircuit_adapt.analysis.bounds.cut import Cut
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.network import INPUT, Bond
from qcircuit_adapt.wires import half_names

if TYPE_CHECKING:
    from qcircuit_adapt.analysis.claim import RankClaim
    from qcircuit_adapt.draw.layout import Piece, Symbol

# What it costs the line to miss a wire that is cut, to leave a gate or a neck on the wrong side;
# to step aside by half a column costs 1.
_MISSED, _GATE, _NECK = 10_000, 500, 50


@dataclass(frozen=True)
class Cross:
    """A bond that is cut.

    Attributes:
        row: Its row.
        spot: Where on the row.
        bond: The bond.
        gate: The gate of bounded rank that is cut between its halves, or an empty text.
    """

    row: int
    spot: int
    bond: Bond
    gate: str = ""


@dataclass(frozen=True)
class CutLine:
    """A cut as drawn.

    Attributes:
        spots: Where the line passes each row, from the first.
        crosses: The bonds that are cut.
        bound: The product of their sizes, which the rank is at most.
        exact: Whether the rank is proved to be that.
        title: What is told on hovering.
    """

    spots: tuple[int, ...]
    crosses: tuple[Cross, ...]
    bound: int
    exact: bool
    title: str

    @property
    def label(self) -> str:
        """What it proves, in short."""
        return f"rank {'=' if self.exact else '≤'} {self.bound:,}"


def place_cut(
    circuit: Circuit,
    claim: RankClaim,
    *,
    symbols: Sequence[Symbol],
    pieces: Sequence[Piece],
    columns: int,
) -> CutLine | None:
    """Place the cut that a claim on T rests on.

    Args:
        circuit: The circuit, all of it drawn.
        claim: What is claimed.
        symbols: The gates as drawn.
        pieces: The pieces of wire as drawn.
        columns: How many columns there are.

    Returns:
        The line; None if the bound says no more than the matrix's shape, or is not that of a cut.
    """
    cut = claim.above
    if not isinstance(cut, Cut) or cut.bound >= min(circuit.d_in, circuit.d_out):
        return None
    tensors = _name_tensors(circuit)
    chains = {bond: _find_chain(bond, tensors, symbols, pieces) for bond in cut.bonds}
    first = {tensors[symbol.name][0]: symbol for symbol in symbols}
    inner = {bond: first[bond.ends[0]] for bond in cut.bonds if not chains[bond]}
    sides = {
        symbol.name: _name_side(symbol, cut, tensors, split=symbol in inner.values())
        for symbol in symbols
    }
    rows = 1 + max(piece.row for piece in pieces)
    spots = _choose_spots(symbols, sides, chains.values(), rows=rows, columns=columns)
    crosses = []
    for bond, chain in chains.items():
        if not chain:
            symbol = inner[bond]
            crosses.append(Cross(symbol.rows[-1], 2 * symbol.column, bond, symbol.name))
            continue
        spot = spots[chain[0].row]
        spot = spot if _is_on(chain, spot) else 2 * chain[0].start + 1
        crosses.append(Cross(chain[0].row, spot, bond))
    return CutLine(spots, tuple(crosses), cut.bound, claim.exact, cut.statement)


def _name_tensors(circuit: Circuit) -> dict[str, tuple[str, ...]]:
    """Return what each gate is called in the network: itself, or its two halves."""
    names = {gate.name for gate in circuit.gates}
    return {
        gate.name: half_names(gate.name, names) if circuit.owner(gate).rank else (gate.name,)
        for gate in circuit.gates
    }


def _find_chain(
    bond: Bond,
    tensors: Mapping[str, tuple[str, ...]],
    symbols: Sequence[Symbol],
    pieces: Sequence[Piece],
) -> tuple[Piece, ...]:
    """Return a bond's pieces of wire, in order: control wires pass gates; none if inside a gate."""
    starting = {(piece.row, piece.start): piece for piece in pieces}
    dotted = {(row, symbol.column) for symbol in symbols for row in symbol.dots}
    if bond.ends[0] == INPUT:
        chain = [piece for piece in pieces if piece.start == -1 and piece.axis.name == bond.wire]
    else:
        chain = [
            starting[pad.row, symbol.column]
            for symbol in symbols
            if tensors[symbol.name][-1] == bond.ends[0]
            for pad in symbol.pads
            if pad.right and pad.right.name == bond.wire
        ]
    while chain and (chain[-1].row, chain[-1].stop) in dotted:
        chain.append(starting[chain[-1].row, chain[-1].stop])
    return tuple(chain)


def _name_side(
    symbol: Symbol, cut: Cut, tensors: Mapping[str, tuple[str, ...]], *, split: bool
) -> Literal["input", "output", "split"]:
    if split:
        return "split"
    return "input" if tensors[symbol.name][0] in cut.input_side else "output"


def _is_on(chain: Sequence[Piece], spot: int) -> bool:
    return any(2 * piece.start < spot < 2 * piece.stop for piece in chain)


def _choose_spots(
    symbols: Sequence[Symbol],
    sides: Mapping[str, str],
    chains: Iterable[Sequence[Piece]],
    *,
    rows: int,
    columns: int,
) -> tuple[int, ...]:
    """Choose the spots of the line, row by row, so that it costs least."""
    split = {2 * symbol.column for symbol in symbols if sides[symbol.name] == "split"}
    spots = sorted({*range(-1, 2 * columns, 2), *split})
    whole = [chain for chain in chains if chain]
    best: dict[int, tuple[int, tuple[int, ...]]] = dict.fromkeys(spots, (0, ()))
    for row in range(rows):
        if row:
            best = _step_aside(best)
        costs = dict.fromkeys(spots, 0)
        for chain in whole:
            if chain[0].row == row:
                for spot in spots:
                    costs[spot] += 0 if _is_on(chain, spot) else _MISSED
        for symbol in symbols:
            if symbol.rows[0] <= row <= symbol.rows[-1]:
                weight, place = _GATE if row in symbol.rows else _NECK, 2 * symbol.column
                for spot in spots:
                    costs[spot] += 0 if _is_right(sides[symbol.name], place, spot) else weight
        best = {spot: (total + costs[spot], (*path, spot)) for spot, (total, path) in best.items()}
    return min(best.values())[1]


def _is_right(side: str, place: int, spot: int) -> bool:
    """Say whether a gate at a place is on its side of a line at a spot."""
    if side == "split":
        return spot == place
    return place < spot if side == "input" else spot < place


def _step_aside(
    best: Mapping[int, tuple[int, tuple[int, ...]]],
) -> dict[int, tuple[int, tuple[int, ...]]]:
    """Let the line come to each spot from where that costs least, between two rows."""
    found = dict(best)
    for spots in (list(best), list(best)[::-1]):
        for before, spot in itertools.pairwise(spots):
            total, path = found[before]
            found[spot] = min(found[spot], (total + abs(spot - before), path))
    return found


def cut_runs(line: CutLine, strip: range) -> Iterator[tuple[int, ...]]:
    """Yield the neighbouring rows that a line passes in a strip of columns.

    Args:
        line: The line.
        strip: The columns; the gap before the first column of all belongs to the first strip.
    """
    low, high = 2 * strip.start - (1 if strip.start == 0 else 0), 2 * strip.stop - 1
    run: list[int] = []
    for row, spot in enumerate(line.spots):
        if low <= spot <= high:
            run.append(row)
        elif run:
            yield tuple(run)
            run = []
    if run:
        yield tuple(run)
