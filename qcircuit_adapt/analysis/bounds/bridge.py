"""Bridge: an upper bound on the rank where blocks of gates are joined by few values.

Give each gate to the input's side, the output's side, or one of some blocks between them. Then the
matrix factors through a sum of Kronecker products with one term for each value of the bonds
between the blocks. All factors of one block together are a representation of the Kronecker quiver,
with an arrow for each term, and almost every one is a direct sum of the same smaller ones. Hence
the sum of products falls apart as well, and each piece has at most as large a rank as it has rows
or columns. What holds for almost all values bounds the rank for all, since ranks do not grow in
limits.

Source: Kac, "Infinite root systems, representations of graphs and invariant theory", Invent. Math.
56 (1980), and Schofield, "General representations of quivers", Proc. London Math. Soc. 65 (1992),
for the canonical decomposition; the bound is derived here.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

from qcircuit_adapt.analysis.bounds.cut import Subject, find_cut, select_network
from qcircuit_adapt.analysis.bounds.product import find_span, find_trained, loosen
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import CertificateError
from qcircuit_adapt.network import INPUT, OUTPUT, Network, build_network

MAX_TRIED = 5
"""Up to how many gates every way to give them to two blocks and two sides is tried."""

MAX_PAIRS = 16
"""From how many pairs of gates, as first members of two blocks, the search starts otherwise."""

MAX_GATES = 32
"""Beyond so many gates only the parts of a product are tried as blocks."""

MAX_BLOCKS = 8
"""How many blocks there may be: their pieces are put together in all ways."""

Piece = tuple[int, int, int]
"""How often a summand occurs, and its numbers of rows and columns."""

IN, OUT = -2, -1
"""The sides as regions; blocks are regions 0, 1, ..."""


@dataclass(frozen=True)
class Block:
    """Gates that make one factor of each Kronecker product.

    Attributes:
        gates: Their names.
        rows: The product of the sizes of the bonds to the output's side.
        columns: The product of the sizes of the bonds to the input's side.
        pieces: The canonical decomposition of its factors.
    """

    gates: tuple[str, ...]
    rows: int
    columns: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class BridgeBound:
    """Blocks between the input and the output, and the bonds that join them.

    Attributes:
        bound: What the pieces of the blocks add up to.
        input_side: The gates on the input's side; those named nowhere are on the output's.
        blocks: The blocks.
        bridge: The product of the sizes of the bonds between blocks: how many terms the sum has.
        direct: The product of the sizes of the bonds from one side to the other.
        subject: What the bound is on; ``T - S`` has one more bond, see `cut.select_network`.
    """

    bound: int
    input_side: tuple[str, ...]
    blocks: tuple[Block, ...]
    bridge: int
    direct: int
    subject: Subject = "T"

    @property
    def statement(self) -> str:
        """Why the bound holds, in a sentence."""
        shapes = " (x) ".join(f"({block.rows} x {block.columns})" for block in self.blocks)
        beside = f", beside an identity of size {self.direct:,}" if self.direct > 1 else ""
        return (
            f"{self.subject} factors through a sum of {self.bridge:,} products {shapes}{beside}, "
            "which falls apart by the canonical decomposition of its factors."
        )

    def check(self, circuit: Circuit) -> None:
        """Measure the blocks, decompose them, and add up again.

        Raises:
            CertificateError: A gate is in two places or none of the circuit's, or a number differs.
        """
        network = select_network(circuit, self.subject)
        sides = [*self.input_side, *(gate for block in self.blocks for gate in block.gates)]
        if len({*sides}) < len(sides) or not {*sides} <= {*network.gates}:
            raise CertificateError("the blocks are not of gates of the circuit, each in one place.")
        if len(self.blocks) > MAX_BLOCKS:
            raise CertificateError(f"there are more than {MAX_BLOCKS} blocks.")
        regions = dict.fromkeys(network.gates, OUT) | dict.fromkeys(self.input_side, IN)
        for number, block in enumerate(self.blocks):
            regions |= dict.fromkeys(block.gates, number)
        derived = _measure(network, regions, len(self.blocks), self.subject)
        if derived.bound != self.bound:
            raise CertificateError(
                f"the pieces of the blocks add up to {derived.bound:,}, but {self.bound:,} is "
                "claimed."
            )
        if (derived.bridge, derived.direct) != (self.bridge, self.direct):
            raise CertificateError("the bonds between the blocks or the sides have other sizes.")
        for block, right in zip(self.blocks, derived.blocks, strict=True):
            if (block.rows, block.columns, block.pieces) != (
                right.rows,
                right.columns,
                right.pieces,
            ):
                raise CertificateError("a block has another shape or decomposition.")


def canonical_decomposition(arrows: int, rows: int, columns: int) -> tuple[Piece, ...]:
    """Decompose almost all tuples of matrices of one shape, up to bases common to the tuple.

    Args:
        arrows: How many matrices a tuple has, at least 1.
        rows: How many rows each has.
        columns: How many columns each has.

    Returns:
        How often each shape of summand occurs; the shapes add up to ``(rows, columns)``.

    Example:
        >>> canonical_decomposition(2, 9, 5), canonical_decomposition(2, 3, 3)
        (((3, 2, 1), (1, 3, 2)), ((3, 1, 1),))
        >>> canonical_decomposition(3, 16, 44), canonical_decomposition(3, 5, 4)
        (((4, 1, 3), (4, 3, 8)), ((1, 5, 4),))
    """
    if rows < columns:
        pieces = canonical_decomposition(arrows, columns, rows)
        return tuple((count, columns, rows) for count, rows, columns in pieces)
    form = rows * rows + columns * columns - arrows * rows * columns
    if form < 0:
        return ((1, rows, columns),)
    if form == 0:
        return ((rows, 1, 1),) if rows else ()
    if arrows == 2:
        # The walk below, without its steps: rows exceed columns by 1 in each piece.
        count = rows - columns
        size, larger = divmod(columns, count)
        return _drop_empty(((count - larger, size + 1, size), (larger, size + 2, size + 1)))
    # Dimensions of indecomposables without parameters; two neighbours have determinant 1.
    first, second = (1, 0), (arrows, 1)
    while True:
        seconds = first[0] * columns - first[1] * rows
        firsts = second[1] * rows - second[0] * columns
        if firsts >= 0:
            return _drop_empty(((firsts, *first), (seconds, *second)))
        first, second = (
            second,
            (
                arrows * second[0] - first[0],
                arrows * second[1] - first[1],
            ),
        )


def _drop_empty(pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
    return tuple(piece for piece in pieces if piece[0])


def find_bridge(circuit: Circuit, *, subject: Subject = "T") -> BridgeBound | None:
    """Find blocks whose bound is below that of a smallest cut.

    Up to `MAX_TRIED` gates, two blocks are found by trying all; beyond, by changing one gate at a
    time.

    Returns:
        The blocks with the least bound that was found, or None if a cut is as good.

    Example:
        >>> circuit = Circuit.parse("x=5 y=9 | x -> u=9 k=2, y k -> v=5")
        >>> find_cut(circuit).bound, find_bridge(circuit).bound
        (45, 42)
    """
    cut = find_cut(circuit, subject=subject)
    network = select_network(circuit, subject)
    best: BridgeBound | None = None
    for regions, count in _starts(circuit, network, subject):
        found = _measure(network, regions, count, subject)
        if MAX_TRIED < len(network.gates) <= MAX_GATES:
            found = _improve(network, regions, found)
        if found.bound < (best.bound if best else cut.bound):
            best = found
    return best


def _starts(
    circuit: Circuit, network: Network, subject: Subject
) -> Iterator[tuple[dict[str, int], int]]:
    """Give every gate a region, in ways that may give a small bound."""
    if subject == "T - S":
        yield _separate_parts(circuit)
    if len(network.gates) <= MAX_TRIED:
        for choice in itertools.product((IN, OUT, 0, 1), repeat=len(network.gates)):
            if 0 in choice and 1 in choice:
                yield dict(zip(network.gates, choice, strict=True)), 2
        return
    if len(network.gates) > MAX_GATES:
        return
    gates = {*network.gates}
    pairs = (pair for bond in network.bonds for pair in itertools.combinations(bond.ends, 2))
    for pair in itertools.islice((p for p in dict.fromkeys(pairs) if gates >= {*p}), MAX_PAIRS):
        before = _find_earlier(network, pair)
        sides = {gate: IN if gate in before else OUT for gate in network.gates}
        yield sides | dict(zip(pair, (0, 1), strict=True)), 2


def _find_earlier(network: Network, gates: tuple[str, str]) -> set[str]:
    """Return these gates and all that feed them."""
    found = {*gates}
    for gate in reversed(network.gates):
        if any(bond.ends[0] == gate and found & {*bond.ends[1:]} for bond in network.bonds):
            found.add(gate)
    return found


def _improve(network: Network, regions: dict[str, int], found: BridgeBound) -> BridgeBound:
    """Move single gates to other regions as long as that lowers the bound."""
    count = len(found.blocks)
    better = True
    while better:
        better = False
        for gate, region in itertools.product(network.gates, (IN, OUT, *range(count))):
            moved = _measure(network, regions | {gate: region}, count, found.subject)
            if moved.bound < found.bound:
                regions, found, better = regions | {gate: region}, moved, True
    return found


def _separate_parts(circuit: Circuit) -> tuple[dict[str, int], int]:
    """Make a block of each part that has trained gates, less the frozen gates around it."""
    trained = find_trained(circuit)
    regions: dict[str, int] = {}
    count = 0
    for part in loosen(build_network(circuit)).parts():
        before, until = (find_span(part, trained, space=space) for space in ("rows", "columns"))
        changed = not trained.isdisjoint(part.gates)
        regions |= dict.fromkeys(part.gates, OUT)
        # Parts beyond the last block join it; its factors are then products themselves.
        regions |= dict.fromkeys(until, min(count, MAX_BLOCKS - 1) if changed else IN)
        regions |= dict.fromkeys(before, IN)
        count += changed
    return regions, min(count, MAX_BLOCKS)


def _measure(
    network: Network, regions: dict[str, int], count: int, subject: Subject
) -> BridgeBound:
    """Multiply the bonds between regions, and decompose the blocks.

    A bond that joins both sides is an index in which everything is block-diagonal. One that joins a
    side and several blocks enters by the first of them and reaches the others over the bridge.
    """
    where = {INPUT: IN, OUTPUT: OUT} | regions
    rows, columns, bridge, direct = [1] * count, [1] * count, 1, 1
    for bond in network.bonds:
        joined = {where[end] for end in bond.ends}
        inner = sorted(joined - {IN, OUT})
        if {IN, OUT} <= joined:
            direct *= bond.size
            continue
        if len(inner) > 1:
            bridge *= bond.size
        if inner and IN in joined:
            columns[inner[0]] *= bond.size
        if inner and OUT in joined:
            rows[inner[0]] *= bond.size
    shapes = zip(rows, columns, strict=True)
    pieces = [canonical_decomposition(bridge, *shape) for shape in shapes]
    bound = direct * sum(map(_bound_piece, itertools.product(*pieces)))
    blocks = tuple(
        Block(tuple(g for g in network.gates if regions[g] == n), rows[n], columns[n], pieces[n])
        for n in range(count)
    )
    side = tuple(gate for gate in network.gates if regions[gate] == IN)
    return BridgeBound(bound, side, blocks, bridge, direct, subject)


def _bound_piece(factors: tuple[Piece, ...]) -> int:
    """Return how often a product of pieces occurs times the rank it can have."""
    count, rows, columns = (math.prod(piece[n] for piece in factors) for n in range(3))
    return count * min(rows, columns)
