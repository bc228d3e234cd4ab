"""Obstruction: the proof that a circuit does not give, even in limits, all that another gives."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from qcircuit_adapt.analysis.claim import RankClaim, is_invertible
from qcircuit_adapt.analysis.field.witness import Witness
from qcircuit_adapt.analysis.freedom.claim import Freedom, find_freedom
from qcircuit_adapt.analysis.freedom.jacobian import Jacobian
from qcircuit_adapt.analysis.freedom.permutation import Permuted
from qcircuit_adapt.analysis.proof import claim_rank
from qcircuit_adapt.analysis.relation.align import align
from qcircuit_adapt.analysis.relation.split import (
    MAX_ENTRIES,
    SplitRank,
    draw_matrix,
    rank_across,
    route_across,
)
from qcircuit_adapt.analysis.relation.wiring import trace_wires
from qcircuit_adapt.analysis.structure.determinant import (
    DeterminantSign,
    find_powers,
    find_sign,
)
from qcircuit_adapt.analysis.structure.schmidt import (
    MAX_SPLITS,
    SchmidtBound,
    find_schmidt,
    list_splits,
)
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import CertificateError

MAX_DRAWN = 16
"""Across how many splits the rank of a drawn T is computed."""


@dataclass(frozen=True)
class HigherRank:
    """The target has T of a rank that the circuit does not reach.

    Attributes:
        above: The bound on the rank of the circuit's T.
        below: The bound on that of almost all T of the target.
    """

    above: RankClaim
    below: RankClaim

    @property
    def status(self) -> str:
        """What kind of proof it is."""
        return "proved by witness" if isinstance(self.below.below, Witness) else "theorem"

    @property
    def statement(self) -> str:
        """Why, in a sentence."""
        return (
            f"its T has rank at most {self.above.upper:,}, almost all T of the other at least "
            f"{self.below.lower:,}."
        )

    def check(self, circuit: Circuit, target: Circuit) -> None:
        """Check both bounds, and compare them.

        Raises:
            CertificateError: A bound does not hold, or they do not exclude each other.
        """
        if self.above.form is not None or self.below.form is not None:
            raise CertificateError("the ranks must be those of T.")
        self.above.check(circuit)
        self.below.check(target)
        _check_order(self.above.upper, self.below.lower)


@dataclass(frozen=True)
class MoreFreedom:
    """The target's T form a set of higher dimension.

    Attributes:
        above: The bound on the degrees of freedom of the circuit.
        below: The bound on those of the target.
    """

    above: Freedom
    below: Freedom

    @property
    def status(self) -> str:
        """What kind of proof it is."""
        witness = isinstance(self.below.below, Jacobian | Permuted)
        return "proved by witness" if witness else "theorem"

    @property
    def statement(self) -> str:
        """Why, in a sentence."""
        return (
            f"its T have at most {self.above.upper:,} degrees of freedom, those of the other at "
            f"least {self.below.lower:,}."
        )

    def check(self, circuit: Circuit, target: Circuit) -> None:
        """Check both bounds, and compare them.

        Raises:
            CertificateError: A bound does not hold, or they do not exclude each other.
        """
        self.above.check(circuit)
        self.below.check(target)
        _check_order(self.above.upper, self.below.lower)


@dataclass(frozen=True)
class WiderSplit:
    """Across a split of the open wires the target has a higher rank.

    The wires are those of `align.align`: both circuits with open axes of the same sizes.

    Attributes:
        above: The bound on the operator-Schmidt rank of the circuit's T.
        below: The bound on that of almost all T of the target.
    """

    above: SchmidtBound
    below: SplitRank

    @property
    def status(self) -> str:
        """What kind of proof it is."""
        return self.below.status

    @property
    def statement(self) -> str:
        """Why, in a sentence."""
        named = zip(("input", "output"), (self.above.inputs, self.above.outputs), strict=True)
        side = " and ".join(f"{kind} {' '.join(wires)}" for kind, wires in named if wires)
        return (
            f"between {side} and the other open wires its T has operator-Schmidt rank at most "
            f"{self.above.bound:,}, almost all T of the other at least {self.below.bound:,}."
        )

    def check(self, circuit: Circuit, target: Circuit) -> None:
        """Check both bounds, and compare them.

        Raises:
            CertificateError: A bound does not hold, or they do not exclude each other.
        """
        aligned = align(circuit, target)
        if aligned is None:
            raise CertificateError("the open axes of the circuits have no common factors.")
        self.above.check(aligned.one)
        self.below.check(aligned.other)
        twin = _carry_over(self.above, aligned.one, aligned.other)
        if (twin.inputs, twin.outputs) != (self.below.inputs, self.below.outputs):
            raise CertificateError("the bounds are about different splits.")
        _check_order(self.above.bound, self.below.bound)


@dataclass(frozen=True)
class OtherSign:
    """The determinant of the circuit's T has one sign, that of the target's not.

    Attributes:
        above: The sign in the circuit.
    """

    above: DeterminantSign
    status: ClassVar[str] = "theorem"

    @property
    def statement(self) -> str:
        """Why, in a sentence."""
        sign = ">=" if self.above.sign > 0 else "<="
        return f"its real T have det T {sign} 0, but some of the other the opposite sign."

    def check(self, circuit: Circuit, target: Circuit) -> None:
        """Derive the signs again.

        Raises:
            CertificateError: The circuit's sign is another, or the target has the same.
        """
        if find_other_sign(circuit, target) != self:
            raise CertificateError("the signs of the determinants exclude nothing.")


@dataclass(frozen=True)
class OffDiagonal:
    """The circuit's T is block-diagonal on wires that no gate of it changes, the target's not.

    Attributes:
        input: The input wire, as `align.align` names it.
        output: The output wire that it is.
        seed: What the gates of the target are drawn from.
    """

    input: str
    output: str
    seed: int = 0
    status: ClassVar[str] = "proved by witness"

    @property
    def statement(self) -> str:
        """Why, in a sentence."""
        return f"its gates do not change wire {self.input}, but those of the other do."

    def check(self, circuit: Circuit, target: Circuit) -> None:
        """Follow the wire, and draw T of the target again.

        Raises:
            CertificateError: A gate of the circuit takes the wire, or T is block-diagonal.
        """
        if self not in _list_off_diagonal(circuit, target, seed=self.seed):
            raise CertificateError(f"both circuits are block-diagonal on wire {self.input}.")


Reason = HigherRank | MoreFreedom | WiderSplit | OtherSign | OffDiagonal


@dataclass(frozen=True)
class NotContained:
    """A proof that some T of one circuit is not even a limit of those of another.

    Attributes:
        circuit: The circuit that does not give every T of the target.
        target: The target.
        reason: Why.
    """

    circuit: Circuit
    target: Circuit
    reason: Reason

    @property
    def status(self) -> str:
        """What kind of proof it is."""
        return self.reason.status

    @property
    def statement(self) -> str:
        """Why, in a sentence."""
        return self.reason.statement

    def __str__(self) -> str:
        return f"does not contain: {self.statement}"

    def check(self) -> None:
        """Check the reason.

        Raises:
            CertificateError: It does not hold.
        """
        self.reason.check(self.circuit, self.target)


def find_obstruction(
    circuit: Circuit, target: Circuit, *, witness: bool = False, seed: int = 0
) -> NotContained | None:
    """Look for a proof that a circuit does not give every T of another.

    Args:
        circuit: The circuit.
        target: The other.
        witness: Whether to spend up to a minute on ranks and Jacobians modulo a prime.
        seed: What these are drawn from.

    Returns:
        The proof, or None if none is found, which proves nothing.

    Example:
        >>> circuit = Circuit.parse("a=4 b=4 | a, b")
        >>> find_obstruction(circuit, Circuit.parse("a=4 b=4 | b, a b")).statement
        'its T have at most 31 degrees of freedom, those of the other at least 256.'
    """
    small = circuit.d_in * circuit.d_out <= MAX_ENTRIES
    reason: Reason | None = _compare_freedom(circuit, target, witness=False, seed=seed)
    reason = reason or _compare_ranks(circuit, target, witness=witness or small)
    reason = reason or find_other_sign(circuit, target)
    if small and not reason:
        reason = next(_list_off_diagonal(circuit, target, seed=seed), None)
    reason = reason or _compare_splits(circuit, target, drawn=small, seed=seed)
    if reason is None and witness:
        reason = _compare_freedom(circuit, target, witness=True, seed=seed)
    return NotContained(circuit, target, reason) if reason else None


def find_other_sign(circuit: Circuit, target: Circuit) -> OtherSign | None:
    """Find out whether the target has determinants of a sign that the circuit's never have."""
    sign = find_sign(circuit)
    if sign is None or not sign.sign or not is_invertible(target):
        return None
    other, powers = find_sign(target), find_powers(target)
    both = any(
        powers[owner.name] % 2 for owner in map(target.owner, target.gates) if not owner.frozen
    )
    opposite = other is not None and other.sign == -sign.sign
    return OtherSign(sign) if both or opposite else None


def _compare_freedom(
    circuit: Circuit, target: Circuit, *, witness: bool, seed: int
) -> MoreFreedom | None:
    below = find_freedom(target)
    above = find_freedom(circuit)
    if witness and above.upper < below.upper and below.lower <= above.upper:
        below = find_freedom(target, witness=True, seed=seed)
    return MoreFreedom(above, below) if below.lower > above.upper else None


def _compare_ranks(circuit: Circuit, target: Circuit, *, witness: bool) -> HigherRank | None:
    above, below = claim_rank(circuit, witness=False), claim_rank(target, witness=False)
    if witness and below.lower <= above.upper < below.upper:
        below = claim_rank(target)
    return HigherRank(above, below) if below.lower > above.upper else None


def _list_off_diagonal(circuit: Circuit, target: Circuit, *, seed: int) -> Iterator[OffDiagonal]:
    """List the wires of the circuit that only the target changes, at drawn gates."""
    import numpy as np

    aligned = align(circuit, target)
    wiring = trace_wires(aligned.one) if aligned else None
    kept = [piece for piece in wiring.inputs if piece in wiring.outputs] if wiring else []
    matrix = draw_matrix(aligned.other, seed=seed) if aligned and kept else None
    if aligned is None or wiring is None or matrix is None:
        return
    sizes = [axis.size for axis in aligned.one.outputs + aligned.one.inputs]
    for piece in kept:
        row, column = wiring.outputs.index(piece), wiring.inputs.index(piece)
        entries = matrix.reshape(sizes)
        entries = np.moveaxis(entries, (row, len(wiring.outputs) + column), (0, 1))
        off = ~np.eye(wiring.sizes[piece], dtype=bool)
        if entries[off].any():
            names = aligned.one.inputs[column].name, aligned.one.outputs[row].name
            yield OffDiagonal(*names, seed)


def _compare_splits(
    circuit: Circuit, target: Circuit, *, drawn: bool, seed: int
) -> WiderSplit | None:
    """Try splits, the narrowest first: by paths, and if need be at a drawn T."""
    aligned = align(circuit, target)
    if aligned is None:
        return None
    bounds = [
        find_schmidt(aligned.one, inputs=inputs, outputs=outputs)
        for inputs, outputs in itertools.islice(list_splits(aligned.one), MAX_SPLITS)
    ]
    bounds = sorted(
        (bound for bound in bounds if bound.bound < bound.most),
        key=lambda bound: Fraction(bound.bound, bound.most),
    )
    twins = [_carry_over(bound, aligned.one, aligned.other) for bound in bounds]
    for bound, twin in zip(bounds, twins, strict=True):
        routed = route_across(aligned.other, twin)
        if routed and routed.bound > bound.bound:
            return WiderSplit(bound, routed)
    matrix = draw_matrix(aligned.other, seed=seed) if drawn and bounds else None
    if matrix is None:
        return None
    for bound, twin in zip(bounds[:MAX_DRAWN], twins, strict=False):
        rank = rank_across(aligned.other, matrix, twin.inputs, twin.outputs)
        if rank > bound.bound:
            return WiderSplit(bound, SplitRank(rank, twin.inputs, twin.outputs, seed=seed))
    return None


def _carry_over(split: SchmidtBound, one: Circuit, other: Circuit) -> SchmidtBound:
    """Return the same split of the open wires of another circuit, those of size 1 aside."""
    sides = []
    for wires, ours, theirs in (
        (split.inputs, one.inputs, other.inputs),
        (split.outputs, one.outputs, other.outputs),
    ):
        wide = [[axis for axis in axes if axis.size > 1] for axes in (ours, theirs)]
        sides.append([b.name for a, b in zip(*wide, strict=True) if a.name in wires])
    return find_schmidt(other, inputs=sides[0], outputs=sides[1])


def _check_order(above: int, below: int) -> None:
    if below <= above:
        raise CertificateError(f"a bound of {above:,} does not exclude {below:,}.")
