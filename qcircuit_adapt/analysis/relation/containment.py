"""Containment: the proof that a circuit gives every T that another gives."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from qcircuit_adapt.analysis.bounds.cut import Cut, find_cut
from qcircuit_adapt.analysis.relation.align import Aligned, align, reshape_tensors
from qcircuit_adapt.analysis.relation.bend import Bent, bend
from qcircuit_adapt.analysis.relation.canonical import find_renaming
from qcircuit_adapt.analysis.relation.embed import find_embedding
from qcircuit_adapt.analysis.relation.embedding import Embedding
from qcircuit_adapt.analysis.relation.renaming import Renaming
from qcircuit_adapt.axes import Axis
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import CertificateError
from qcircuit_adapt.gate import Gate
from qcircuit_adapt.wires import split_ranks

MAX_BENT, BENT_STEPS = 64, 200
"""How many pairs of bent circuits are tried, and how many fillings of gates on each."""


@dataclass(frozen=True)
class Containment:
    """A way to turn tensors of one circuit into tensors of another with the same T.

    Attributes:
        circuit: The circuit that gives every T.
        target: The circuit whose T it gives.
        how: The target's gates by other names, or how those of the circuit do their work.
        cut: If set, T of the target factors through this cut, and the circuit gives every matrix
            that does: `how` is about the circuit of two dense gates with as many values between.
        bonds: The sizes of the wires between these two gates.
        roots: If set, `how` is about the bent circuits, whose wires lead to these two gates: one
            of this circuit, one of the other; see `bend.bend`.
    """

    circuit: Circuit
    target: Circuit
    how: Renaming | Embedding
    cut: Cut | None = None
    bonds: tuple[int, ...] = ()
    roots: tuple[str, str] | None = None
    status: ClassVar[str] = "theorem"

    @property
    def middle(self) -> Circuit:
        """The circuit that `how` is about: the target, or that of two dense gates."""
        return self.target if self.cut is None else write_product(self.circuit, self.bonds)

    @property
    def statement(self) -> str:
        """What follows, in a sentence."""
        if isinstance(self.how, Renaming):
            frozen = any(gate.frozen for gate in self.circuit.gates)
            values = ", if frozen gates hold the same values" if frozen else ""
            return f"the circuits are the same up to names and commuting gates{values}."
        if self.cut:
            reach = math.prod(self.bonds)
            full = reach >= min(self.circuit.d_in, self.circuit.d_out)
            every = "every matrix" if full else f"every matrix of rank up to {reach:,}"
            here = "" if full else f", and here T has rank at most {self.cut.bound:,}"
            return f"it gives {every} of its shape{here}."
        parts = [
            f"{filling.gate} does {' '.join(filling.does)}"
            for filling in self.how.fillings
            if filling.does
        ]
        idle = len(parts) < len(self.how.fillings)
        rest = (
            "the other gates pass on what they get" if parts else "all gates pass on what they get"
        )
        bent = f"with all wires led to {self.roots[0]}, " if self.roots else ""
        return f"{bent}{', '.join([*parts, *([rest] if idle or not parts else [])])}."

    def __str__(self) -> str:
        return f"contains: {self.statement}"

    def tensors(self, tensors: Mapping[str, Any]) -> dict[str, Any]:
        """Turn tensors of the target into those with which the circuit gives the same T.

        Args:
            tensors: For each gate of the target that shares no other's tensor its own, of shape
                ``(per..., to..., on...)``.

        Returns:
            The same for the circuit. Whole numbers stay whole unless something of bounded rank has
            to be factored.
        """
        import numpy as np

        from qcircuit_adapt import reference
        from qcircuit_adapt.analysis.relation.halves import (
            factor_matrix,
            join_tensors,
            split_tensors,
        )

        if isinstance(self.how, Renaming):
            return self.how.tensors({name: np.asarray(tensors[name]) for name in tensors})
        middle = self.middle
        if self.cut:
            matrix = reference.matrix(self.target, tensors)
            both = factor_matrix(matrix, rank=math.prod(self.bonds))
            pairs = zip(middle.gates, both, strict=True)
            tensors = {gate.name: factor.reshape(gate.shape) for gate, factor in pairs}
        aligned = _align(self.circuit, middle)
        arrays = {name: np.asarray(tensor) for name, tensor in tensors.items()}
        halves = split_tensors(aligned.other, reshape_tensors(arrays, aligned.other))
        one, other = split_ranks(aligned.one), split_ranks(aligned.other)
        if self.roots:
            ours, theirs = _bend(one, other, self.roots)
            halves = theirs.bend_tensors(halves)
            bent = self.how.tensors(ours.circuit, theirs.circuit, halves)
            filled = join_tensors(aligned.one, ours.unbend_tensors(bent))
        else:
            filled = join_tensors(aligned.one, self.how.tensors(one, other, halves))
        return reshape_tensors(filled, self.circuit)

    def check(self) -> None:
        """Follow the target's gates and wires through the circuit.

        Raises:
            CertificateError: They are not where they are said to be.
        """
        if isinstance(self.how, Renaming):
            self.how.check()
            if (self.how.one, self.how.other) != (self.target, self.circuit):
                raise CertificateError("the renaming is about other circuits.")
            if not self.how.keeps_axes:
                raise CertificateError("the renaming changes the order of open axes.")
            return
        if self.cut:
            self.cut.check(self.target)
            if math.prod(self.bonds) < self.cut.bound:
                raise CertificateError("the two dense gates have too few values between them.")
        aligned = _align(self.circuit, self.middle)
        if not _can_split(aligned.one):
            raise CertificateError("a frozen gate of bounded rank cannot be filled.")
        one, other = split_ranks(aligned.one), split_ranks(aligned.other)
        if self.roots:
            bent = _bend(one, other, self.roots)
            one, other = bent[0].circuit, bent[1].circuit
        self.how.check(one, other)


def find_containment(
    circuit: Circuit, target: Circuit, *, bent: bool = False
) -> Containment | None:
    """Look for a proof that a circuit gives every T that another gives.

    Args:
        circuit: The circuit.
        target: The other.
        bent: Whether to look among the bent circuits, which takes longer, rather than follow the
            wires from inputs to outputs.

    Returns:
        The proof, or None if none is found, which proves nothing.

    Example:
        >>> circuit = Circuit.parse("a=4 b=4 | a b, a, a b")
        >>> find_containment(circuit, Circuit.parse("x=16 | x -> r=3, r -> x=16")).statement
        'g1 does g1 g2, the other gates pass on what they get.'
    """
    if renaming := find_renaming(target, circuit):
        return Containment(circuit, target, renaming)
    if found := _embed(circuit, target, bent=bent):
        return Containment(circuit, target, found[0], roots=found[1])
    cut, ours = find_cut(target), find_cut(circuit)
    bonds = tuple(bond.size for bond in ours.bonds if bond.size > 1) or (1,)
    if cut.bound > ours.bound:
        return None
    if found := _embed(circuit, write_product(circuit, bonds), bent=bent):
        return Containment(circuit, target, found[0], cut, bonds, found[1])
    return None


def write_product(circuit: Circuit, bonds: tuple[int, ...]) -> Circuit:
    """Return two dense gates with wires of given sizes between, of a circuit's shape.

    Example:
        >>> write_product(Circuit.parse("a=4 b=4 | a b -> a=4"), (2, 3)).text
        'x=16 | x -> r1=2 r2=3, r1 r2 -> x=4'
    """
    middle = [Axis(f"r{n}", size) for n, size in enumerate(bonds, 1)]
    given, made = Axis("x", circuit.d_in), Axis("x", circuit.d_out)
    return Circuit([given], [Gate([given], to=middle), Gate(middle, to=[made])])


def _embed(
    circuit: Circuit, target: Circuit, *, bent: bool
) -> tuple[Embedding, tuple[str, str] | None] | None:
    aligned = align(circuit, target)
    if aligned is None or not _can_split(aligned.one):
        return None
    one, other = split_ranks(aligned.one), split_ranks(aligned.other)
    if not bent:
        found = find_embedding(one, other)
        return (found, None) if found else None
    ours, theirs = (
        [way for gate in each.gates if (way := bend(each, root=gate.name))] for each in (one, other)
    )
    for here, there in itertools.islice(itertools.product(ours, theirs), MAX_BENT):
        if found := find_embedding(here.circuit, there.circuit, steps=BENT_STEPS):
            return found, (here.circuit.gates[-1].name, there.circuit.gates[-1].name)
    return None


def _bend(one: Circuit, other: Circuit, roots: tuple[str, str]) -> tuple[Bent, Bent]:
    for each, root in zip((one, other), roots, strict=True):
        if root not in (gate.name for gate in each.gates):
            raise CertificateError(f"there is no gate {root!r} to bend a circuit to.")
    ours, theirs = bend(one, root=roots[0]), bend(other, root=roots[1])
    if ours is None or theirs is None:
        raise CertificateError("a circuit cannot be bent.")
    return ours, theirs


def _can_split(circuit: Circuit) -> bool:
    return not any(gate.frozen and gate.rank for gate in circuit.gates)


def _align(circuit: Circuit, target: Circuit) -> Aligned:
    aligned = align(circuit, target)
    if aligned is None:
        raise CertificateError("the open axes of the circuits have no common factors.")
    return aligned
