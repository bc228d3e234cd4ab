"""Gauge: changes of the gates that leave the circuit's matrix as it is, counted exactly.

On a bond of size k between two gates any invertible k x k matrix and its inverse may be slipped in,
and gates may be scaled against each other. Where nothing else of this kind does nothing, an upper
bound on the degrees of freedom is the number of parameters minus ``k^2 - 1`` for every bond and 1
for every gate but one. `settle_edges` bounds what does nothing.

The count may be taken of any circuit that expresses at least as much. So gates may be merged into
blocks first, each a dense tensor on the bonds that leave it: one block for the whole circuit gives
``d_in * d_out``, two blocks joined by a cut of size c give ``c (d_in + d_out - c)``.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from qcircuit_adapt.analysis.claim import compare
from qcircuit_adapt.analysis.freedom.span import count_span
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import CertificateError
from qcircuit_adapt.network import Network, build_network
from qcircuit_adapt.wires import split_ranks

Blocks = tuple[tuple[str, ...], ...]
"""Gates and half-gates, by name, that are merged; each gate is in one block at most."""

Pair = tuple[int, int]
"""Two blocks that share bonds, by index, the smaller first."""

MAX_SPLIT = 10
"""Of how many bonds at one block every division into two groups is tried."""


@dataclass(frozen=True)
class Blocking:
    """A circuit as a network of dense tensors, one for each block.

    Attributes:
        outside: For each block the product of the sizes of the bonds that only it has, or that it
            has with gates outside all blocks.
        edges: For pairs of blocks the product of the sizes of the bonds that only they have; at
            most what the other bonds at either block multiply to.
        controls: For each block the bonds it has with other blocks that also have a further end,
            with their sizes. Their index has one value at all ends, as a control wire's.
        apart: The parameters of trained gates outside all blocks, each shared tensor once.
    """

    outside: tuple[int, ...]
    edges: Mapping[Pair, int]
    controls: tuple[Mapping[str, int], ...]
    apart: tuple[int, ...] = ()

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many parameters each block has."""
        return tuple(
            self.outside[n] * math.prod(self.edges_at(n).values()) * math.prod(held.values())
            for n, held in enumerate(self.controls)
        )

    @property
    def parameters(self) -> int:
        """How many parameters there are, in blocks and apart."""
        return sum(self.sizes) + sum(self.apart)

    @property
    def gauge(self) -> int:
        """What is proved to leave the matrix as it is, in dimensions."""
        return self.bases + self.scales - self.stabilizer

    @property
    def bases(self) -> int:
        """How many dimensions the bases of all edges have, scales aside."""
        return sum(self.repeats(pair) * (size**2 - 1) for pair, size in self.edges.items())

    @property
    def scales(self) -> int:
        """How many ways there are to scale blocks, depending on their controls, that cancel."""
        scales = sum(math.prod(held.values()) for held in self.controls) + len(self.apart)
        return scales - (count_span([*self.controls, {}]) if scales else 0)

    @property
    def stabilizer(self) -> int:
        """How many dimensions of these changes may change no block at all."""
        return sum(step.loss for step in settle_edges(self))

    def edges_at(self, block: int) -> dict[Pair, int]:
        """Return the edges of a block."""
        return {pair: size for pair, size in self.edges.items() if block in pair}

    def common(self, pair: Pair) -> set[str]:
        """Return the controls that both blocks of an edge have: its basis may depend on them."""
        first, second = pair
        return self.controls[first].keys() & self.controls[second].keys()

    def repeats(self, pair: Pair) -> int:
        """Return for how many values of the common controls an edge has a basis of its own."""
        held = self.controls[pair[0]]
        return math.prod(held[name] for name in self.common(pair))


@dataclass(frozen=True)
class Gauge:
    """An upper bound on the degrees of freedom, for any values of frozen gates.

    Attributes:
        bound: The parameters of the blocks, and of gates outside all, minus the gauge.
        blocks: The gates that each block merges, half-gates by their own names. Gates in no block
            are frozen, or share their tensor.
        parameters: The number of parameters before the gauge is taken off.
    """

    bound: int
    blocks: Blocks
    parameters: int

    @property
    def statement(self) -> str:
        """Why the bound holds, in a sentence."""
        gauge = self.parameters - self.bound
        merged = " and ".join(" ".join(block) for block in self.blocks if len(block) > 1)
        start = f"if {merged} become one gate each, " if merged else ""
        if not gauge:
            return f"{start}{'they' if merged else 'the gates'} have {self.bound:,} parameters."
        return (
            f"{start}of {self.parameters:,} parameters {gauge:,} only change bases of bonds, or "
            "scale gates against each other."
        )

    def check(self, circuit: Circuit) -> None:
        """Count again.

        Raises:
            CertificateError: The blocks are not blocks of the circuit, or the count differs.
        """
        blocking = copy_pencils(build_blocking(circuit, self.blocks))
        compare("number of parameters", self.parameters, blocking.parameters)
        compare("bound", self.bound, blocking.parameters - blocking.gauge)


def free_gates(circuit: Circuit) -> tuple[str, ...]:
    """Return the gates and half-gates that are trained and share their tensor with no other."""
    halves = split_ranks(circuit)
    uses = Counter(halves.owner(gate).name for gate in halves.gates)
    return tuple(
        gate.name
        for gate in halves.gates
        if halves.trainable(gate) and uses[halves.owner(gate).name] == 1
    )


def count_gauge(circuit: Circuit, blocks: Blocks | None = None) -> Gauge:
    """Count parameters minus gauge, with every free gate a block of its own unless told.

    Example:
        >>> count_gauge(Circuit.parse("x=64 | x -> r=4, r -> y=64")).bound
        496

    Source: Bernardi, De Lazzari and Gesmundo, "Dimension of tensor network varieties",
    arXiv:2101.03148, for the count without its stabilizer; here that is bounded as well.
    """
    blocks = tuple((name,) for name in free_gates(circuit)) if blocks is None else blocks
    blocking = copy_pencils(build_blocking(circuit, blocks))
    return Gauge(blocking.parameters - blocking.gauge, blocks, blocking.parameters)


def build_blocking(circuit: Circuit, blocks: Blocks) -> Blocking:
    """Merge the gates of each block, and narrow the edges.

    Raises:
        CertificateError: A block names what is no gate, or a gate is in two blocks.
    """
    return merge_blocks(split_ranks(circuit), build_network(circuit), blocks)


def merge_blocks(halves: Circuit, network: Network, blocks: Blocks) -> Blocking:
    """Merge gates of a circuit without bounded ranks, whose network is known.

    Raises:
        CertificateError: A block names what is no gate, or a gate is in two blocks.
    """
    block_of = {name: n for n, block in enumerate(blocks) for name in block}
    if not block_of.keys() <= set(network.gates) or len(block_of) != sum(map(len, blocks)):
        raise CertificateError("the blocks are not disjoint sets of gates of the circuit.")
    outside = [1] * len(blocks)
    edges: dict[Pair, int] = {}
    controls: list[dict[str, int]] = [{} for _ in blocks]
    for bond in network.bonds:
        ends = {block_of.get(end, end) for end in bond.ends}
        within = sorted(end for end in ends if isinstance(end, int))
        if len(ends) == 1:
            continue
        if len(within) == 1:
            outside[within[0]] *= bond.size
        elif len(within) == len(ends) == 2:
            pair = (within[0], within[1])
            edges[pair] = edges.get(pair, 1) * bond.size
        else:
            for end in within:
                controls[end][bond.name] = bond.size
    apart = {
        owner.name: owner.parameters
        for gate in halves.gates
        if halves.trainable(gate) and gate.name not in block_of
        for owner in (halves.owner(gate),)
    }
    return _narrow(Blocking(tuple(outside), edges, tuple(controls), tuple(apart.values())))


def _narrow(blocking: Blocking) -> Blocking:
    """Cut each edge down to what the other bonds at its ends multiply to, until none is wider.

    A wider edge carries no more: the block with fewer other indices maps them into it, and the
    other block can take that map over.
    """
    edges = dict(blocking.edges)
    narrowed = replace(blocking, edges=edges)
    changed = True
    while changed:
        changed = False
        for pair in edges:
            common = blocking.common(pair)
            for end in pair:
                others = (size for other, size in narrowed.edges_at(end).items() if other != pair)
                held = blocking.controls[end]
                room = math.prod(size for name, size in held.items() if name not in common)
                room *= blocking.outside[end] * math.prod(others)
                if edges[pair] > room:
                    edges[pair], changed = room, True
    return narrowed


def copy_pencils(blocking: Blocking) -> Blocking:
    """Make control wires of blocks that are two n x n matrices between two blocks with an edge.

    Up to bases, which the other blocks can take over, almost every such pair is diagonal: both its
    edges have the same value at a time, on which the basis of the others' edge may depend.
    """
    for block in range(len(blocking.outside)):
        for first, second in itertools.combinations(blocking.edges_at(block), 2):
            ends = {*first, *second}
            third = tuple(sorted(ends - {block}))
            size = blocking.edges[first]
            if size == blocking.edges[second] > 1 and third in blocking.edges:
                held = blocking.controls[block]
                values = blocking.sizes[block] // math.prod(held.values())
                shared = blocking.common(first) & blocking.common(second)
                if values == 2 * size**2 and held.keys() <= shared:
                    return copy_pencils(_copy(blocking, {first, second}, f"pencil {block}", size))
    return blocking


def _copy(blocking: Blocking, pair: set[Pair], name: str, size: int) -> Blocking:
    """Put a control wire in place of two edges of a block."""
    ends = {end for edge in pair for end in edge}
    return _narrow(
        replace(
            blocking,
            edges={edge: width for edge, width in blocking.edges.items() if edge not in pair},
            controls=tuple(
                {**held, name: size} if block in ends else held
                for block, held in enumerate(blocking.controls)
            ),
        )
    )


@dataclass(frozen=True)
class Settling:
    """A step of `settle_edges`.

    Attributes:
        block: The block that settles edges; None where one edge is given up instead.
        edges: The edges.
        loss: How many dimensions of changes may do nothing on these edges.
    """

    block: int | None
    edges: frozenset[Pair]
    loss: int


def settle_edges(blocking: Blocking) -> Iterator[Settling]:
    """Bound the dimension of what changes no tensor of any block, scalars aside, step by step.

    Such a change multiplies each edge by a matrix, infinitesimally. At a block whose other indices
    have R values it is an endomorphism of R generic matrices, a x b if the block's edges fall into
    groups of sizes a and b. Where these have none but scalars the block settles its edges, which
    then count among its other indices at their far end; else at most the dimension of the
    endomorphisms is lost. An edge may be settled by giving it up, too. The cheapest comes first.
    """
    open_edges = {pair for pair, size in blocking.edges.items() if size > 1}
    while open_edges:
        step = min(
            (
                Settling(block, frozenset(settled), loss)
                for block in range(len(blocking.outside))
                if any(block in pair for pair in open_edges)
                for loss, settled in [_settle(blocking, block, open_edges)]
            ),
            key=lambda step: (step.loss, sorted(step.edges)),
        )
        for pair in open_edges:
            dropped = _count_basis(blocking, pair)
            if dropped < step.loss:
                step = Settling(None, frozenset({pair}), dropped)
        yield step
        open_edges -= step.edges


def _count_basis(blocking: Blocking, pair: Pair) -> int:
    return blocking.repeats(pair) * (blocking.edges[pair] ** 2 - 1)


def _settle(blocking: Blocking, block: int, open_edges: set[Pair]) -> tuple[int, set[Pair]]:
    """Return what is lost at most when a block settles its open edges, and these."""
    edges = blocking.edges_at(block)
    mine = sorted(pair for pair in edges if pair in open_edges)
    held = blocking.controls[block]
    varying = set().union(*(blocking.common(pair) for pair in mine))
    copies = math.prod(held[name] for name in varying)
    arrows = blocking.outside[block] * math.prod(
        [size for name, size in held.items() if name not in varying]
        + [size for pair, size in edges.items() if pair not in open_edges]
    )
    sizes = [edges[pair] for pair in mine]
    total = math.prod(sizes)
    groups = {1}
    if len(sizes) <= MAX_SPLIT:
        for size in sizes:
            groups |= {group * size for group in groups}
    loss = min(count_endomorphisms(group, total // group, arrows=arrows) for group in groups) - 1
    return min(copies * loss, sum(_count_basis(blocking, pair) for pair in mine)), set(mine)


def count_endomorphisms(a: int, b: int, *, arrows: int) -> int:
    """Return the dimension of the pairs (X, Y) with ``X A = A Y`` for generic a x b matrices A.

    With R matrices the form ``q = a^2 + b^2 - R a b`` is that dimension where it is positive, since
    then almost all R-tuples are alike up to bases. Where it is not there are scalars only, except
    that two square matrices share eigenvectors in pairs.

    Example:
        >>> count_endomorphisms(1, 4, arrows=4), count_endomorphisms(3, 3, arrows=2)
        (1, 3)

    Source: Kac, "Infinite root systems, representations of graphs and invariant theory",
    Invent. Math. 56 (1980), for the quiver of R arrows between two points.
    """
    form = a * a + b * b - arrows * a * b
    if arrows == 2 and a == b:
        return a
    return max(form, 1)
