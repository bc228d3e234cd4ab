"""Structure: what the graph of a circuit says about every matrix it gives.

Every statement here is a theorem about all gate values. Which inputs reach an output forward in
time is no such statement: an output may depend on inputs that no forward path joins to it, since
gates need not preserve norms.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from qcircuit_adapt.analysis.structure.determinant import (
    DeterminantSign,
    RankGap,
    Rotation,
    find_rank_gap,
    find_rotation,
    find_sign,
)
from qcircuit_adapt.analysis.structure.schmidt import SchmidtBound, find_narrowest_split
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import CertificateError
from qcircuit_adapt.network import INPUT, OUTPUT, Network, build_network


@dataclass(frozen=True)
class Untouched:
    """Wires that no gate acts on.

    Attributes:
        wires: Their names.
    """

    wires: tuple[str, ...]
    status: ClassVar[str] = "theorem"

    @property
    def statement(self) -> str:
        """What follows, in a sentence."""
        return f"no gate acts on {' '.join(self.wires)}, so T is an identity there."

    def check(self, circuit: Circuit) -> None:
        """Find the wires again."""
        _compare(self, find_untouched(circuit))


@dataclass(frozen=True)
class BlockDiagonal:
    """Wires that gates see but do not change.

    Attributes:
        wires: Their names.
    """

    wires: tuple[str, ...]
    status: ClassVar[str] = "theorem"

    @property
    def statement(self) -> str:
        """What follows, in a sentence."""
        wires = " ".join(self.wires)
        return f"gates have {wires} only as control wires, so T is block-diagonal there."

    def check(self, circuit: Circuit) -> None:
        """Find the wires again."""
        _compare(self, find_block_diagonal(circuit))


@dataclass(frozen=True)
class Factors:
    """The factors of T that the graph shows.

    Attributes:
        wires: The input and the output wires of each, those of size 1 aside.
    """

    wires: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    status: ClassVar[str] = "theorem"

    @property
    def statement(self) -> str:
        """What follows, in a sentence."""
        if len(self.wires) == 1:
            return (
                "bonds of more than one value join all open wires, so the graph splits T into no "
                "Kronecker product; it shows no output to be independent of an input."
            )
        named = (f"{' '.join(given) or 1} -> {' '.join(made) or 1}" for given, made in self.wires)
        return (
            f"T is a Kronecker product of {len(self.wires)} factors, up to the order of wires, as "
            f"no bond of more than one value joins {'; '.join(named)}."
        )

    def check(self, circuit: Circuit) -> None:
        """Find the factors again."""
        _compare(self, find_factors(circuit))


@dataclass(frozen=True)
class Dimension:
    """A bound on the dimension of the set of all T, and on how many passes could fill the space.

    Gates on the same wires form a group, from which factors on single wires can be moved to the
    gates before it, so what counts of a gate on wires of sizes ``d_w`` is
    ``prod d_w^2 - 1 - sum (d_w^2 - 1)``; the factors on single wires and one scale count once.

    Attributes:
        space: The dimension of the space of all matrices of the shape of T.
        once: What counts once, however many passes.
        each: What counts for each pass.
        passes: At least so many passes, with gates of their own, are needed to reach almost all
            matrices; None if no number of them does, or if T cannot follow itself.
    """

    space: int
    once: int
    each: int
    passes: int | None
    status: ClassVar[str] = "theorem"

    @property
    def reached(self) -> int:
        """The set of all T has at most this dimension."""
        return min(self.space, self.once + self.each)

    @property
    def statement(self) -> str:
        """What follows, in a sentence."""
        fills = (
            f"all T together have dimension at most {self.reached:,} of the {self.space:,} of all "
            "matrices"
        )
        if self.passes is None or self.passes == 1:
            return f"{fills}."
        return f"{fills}; at least {self.passes:,} passes are needed to reach almost all."

    def check(self, circuit: Circuit) -> None:
        """Count again."""
        _compare(self, find_dimension(circuit))


Statement = (
    Untouched
    | BlockDiagonal
    | Factors
    | Dimension
    | SchmidtBound
    | DeterminantSign
    | RankGap
    | Rotation
)


def find_structure(circuit: Circuit, *, orthogonal: bool = False) -> tuple[Statement, ...]:
    """Find all that the graph says about every matrix of a circuit.

    Args:
        circuit: The circuit.
        orthogonal: Whether every gate is held orthogonal. What is then clear is left out: that T
            has one rank and one determinant, and that no number of passes reaches all matrices.

    Example:
        >>> for statement in find_structure(Circuit.parse("a=2 b=2 c=2 | a b, b c, a c")):
        ...     print(statement.status, statement.statement)
        theorem bonds of more than one value join all open wires, so the graph splits T into no \
Kronecker product; it shows no output to be independent of an input.
        theorem all T together have dimension at most 37 of the 64 of all matrices; at least 2 \
passes are needed to reach almost all.
        theorem det T >= 0 for all values of the trained gates, as each enters it by an even \
power; a real matrix of the other sign is not even a limit of T.
        theorem T has rank 8 or at most 6, for all gate values; matrices of a rank between are at \
best limits of T.
    """
    return tuple(_list(circuit, orthogonal))


def is_excluded(circuit: Circuit) -> bool:
    """Say whether a statement excludes that T reaches almost all real matrices of its shape.

    False means no more than that none of the conditions tested here fails.

    Example:
        >>> is_excluded(Circuit.parse("a=2 b=2 | a b")), is_excluded(Circuit.parse("a=2 b=2 | a"))
        (False, True)
    """
    dimension = find_dimension(circuit)
    return (
        dimension.reached < dimension.space
        or find_narrowest_split(circuit) is not None
        or find_sign(circuit) is not None
    )


def find_untouched(circuit: Circuit) -> Untouched | None:
    """Find the wires that no gate acts on."""
    network = build_network(circuit)
    wires = tuple(bond.wire for bond in network.bonds if bond.ends == (INPUT, OUTPUT))
    return Untouched(wires) if wires else None


def find_block_diagonal(circuit: Circuit) -> BlockDiagonal | None:
    """Find the wires that gates only have as control wires."""
    wires = tuple(
        bond.wire for bond in build_network(circuit).bonds if {INPUT, OUTPUT} < {*bond.ends}
    )
    return BlockDiagonal(wires) if wires else None


def find_factors(circuit: Circuit) -> Factors:
    """Find the factors of T; a bond of size 1 joins nothing."""
    network = build_network(circuit)
    wide = Network(network.gates, tuple(bond for bond in network.bonds if bond.size > 1))
    found = []
    for part in wide.parts():
        given = tuple(bond.wire for bond in part.bonds if INPUT in bond.ends)
        made = tuple(bond.wire for bond in part.bonds if OUTPUT in bond.ends)
        if given or made:
            found.append((given, made))
    return Factors(tuple(sorted(found)) or (((), ()),))


def find_dimension(circuit: Circuit) -> Dimension:
    """Bound the dimension of the set of all T.

    Example:
        >>> find_dimension(Circuit.parse("a=4 b=3 c=2 | a b, a c, b c"))
        Dimension(space=576, once=27, each=189, passes=3)
    """
    space = circuit.d_in * circuit.d_out
    closes = [axis.size for axis in circuit.inputs] == [axis.size for axis in circuit.outputs]
    counts = [(0, circuit.parameters)]
    if all({*gate.on} == {*gate.to} for gate in circuit.gates):
        local = sum(axis.size**2 - 1 for axis in circuit.inputs)
        each = 0
        for gate in circuit.gates:
            sizes = [axis.size**2 for axis in gate.on + gate.per]
            each += math.prod(sizes) - 1 - sum(size - 1 for size in sizes)
        counts.append((1 + local, each))
    once, each = min(counts, key=lambda count: (sum(count), count))
    passes = None
    if closes:
        needed = [_count_passes(space, *count) for count in counts]
        passes = None if None in needed else max(n for n in needed if n is not None)
    return Dimension(space, once, each, passes)


def _count_passes(space: int, once: int, each: int) -> int | None:
    """Return how many passes it takes until the counts reach the dimension of the space."""
    if once + each >= space:
        return 1
    return -((once - space) // each) if each else None


def _list(circuit: Circuit, orthogonal: bool) -> Iterator[Statement]:
    found = (
        find_untouched(circuit),
        find_block_diagonal(circuit),
        find_factors(circuit),
        None if orthogonal else find_dimension(circuit),
        find_narrowest_split(circuit),
        find_rotation(circuit) if orthogonal else find_sign(circuit),
        None if orthogonal else find_rank_gap(circuit),
    )
    return (statement for statement in found if statement is not None)


def _compare(claimed: Statement, derived: Statement | None) -> None:
    if claimed != derived:
        raise CertificateError(
            f"the circuit does not show that {claimed.statement.removesuffix('.')}."
        )
