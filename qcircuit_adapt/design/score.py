"""Score: what circuits are compared by, and which of them no other is proved to beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qcircuit_adapt.adapter import Form
from qcircuit_adapt.analysis import claim_rank, find_cut, find_freedom
from qcircuit_adapt.analysis.claim import is_invertible, is_trained
from qcircuit_adapt.analysis.freedom.gauge import count_gauge
from qcircuit_adapt.analysis.freedom.tangent import find_tangent
from qcircuit_adapt.analysis.freedom.tree import find_tree
from qcircuit_adapt.circuit import Circuit

Bounds = tuple[int, int]
"""What a number is at least and at most."""


@dataclass(frozen=True)
class Score:
    """Two costs, and two numbers of which more is better.

    Attributes:
        parameters: How many numbers are trained.
        macs: Multiply-accumulates for one token.
        rank: Bounds on the rank.
        freedom: Bounds on the degrees of freedom.
    """

    parameters: int
    macs: int
    rank: Bounds
    freedom: Bounds

    def __str__(self) -> str:
        low, high = self.freedom
        freedom = f"{high:,}" if low == high else f"{low:,} to {high:,}"
        return f"{self.parameters:,} parameters, {freedom} degrees of freedom, {self.macs:,} MACs"

    def beats(self, other: Score) -> bool:
        """Say whether this is proved at least as good in everything, and better in something.

        Example:
            >>> fine = Score(10, 20, rank=(4, 4), freedom=(9, 9))
            >>> fine.beats(Score(10, 20, rank=(4, 4), freedom=(0, 8)))
            True
            >>> fine.beats(Score(10, 20, rank=(4, 4), freedom=(0, 10)))
            False
        """
        gains = (
            other.parameters - self.parameters,
            other.macs - self.macs,
            self.rank[0] - other.rank[1],
            self.freedom[0] - other.freedom[1],
        )
        return min(gains) >= 0 < max(gains)


def find_front(scores: Sequence[Score]) -> tuple[int, ...]:
    """Return the positions of the scores that no other is proved to beat (Pareto front).

    Example:
        >>> cheap, good = Score(1, 1, (2, 2), (1, 1)), Score(9, 9, (4, 4), (9, 9))
        >>> find_front([good, cheap, Score(9, 9, (4, 4), (8, 8))])
        (0, 1)
    """

    def key(position: int) -> tuple[int, ...]:
        one = scores[position]
        return (one.parameters, one.macs, -one.rank[0], -one.freedom[0])

    kept: list[int] = []
    # What beats another has no more parameters, and what beats that beats the other as well.
    for position in sorted(range(len(scores)), key=key):
        one = scores[position]
        if not any(scores[other].beats(one) for other in kept):
            kept = [other for other in kept if not one.beats(scores[other])]
            kept.append(position)
    return tuple(sorted(kept))


def bound_rank(circuit: Circuit, form: Form | None = None) -> Bounds:
    """Bound the rank of T, or of the update of a form, by theorems alone.

    Example:
        >>> bound_rank(Circuit.parse("x=64 | x -> r=4, r -> y=64"), "difference")
        (8, 8)
    """
    if is_invertible(circuit) and (form is None or is_trained(circuit)):
        return circuit.d_in, circuit.d_in  # as `claim_rank` finds too, with evidence
    claim = claim_rank(circuit, form=form, witness=False)
    return claim.lower, claim.upper


def bound_freedom(circuit: Circuit, *, coarsen: int = 0) -> Bounds:
    """Bound the degrees of freedom by theorems alone.

    Args:
        circuit: The circuit.
        coarsen: Up to how many gates the upper bound is also looked for with gates merged, which
            takes up to a second for a dozen.

    Example:
        >>> bound_freedom(Circuit.parse("a=16 b=8 c=8 d=4 | c d, b d, a d, b c, a c, a b"))
        (42211, 42211)
    """
    if len(circuit.gates) <= coarsen or not is_trained(circuit):
        found = find_freedom(circuit)
        return found.lower, found.upper
    upper = count_gauge(circuit).bound
    tangent = find_tangent(circuit)
    lower = tangent.bound if tangent else 0
    if lower < upper:
        tree = find_tree(circuit)
        lower = max(lower, tree.bound if tree else 0)
        cut, d_in, d_out = find_cut(circuit).bound, circuit.d_in, circuit.d_out
        upper = min(upper, cut * (d_in + d_out - cut))
    return lower, upper
