"""Freedom: how many independent directions a circuit's matrix can move in.

The degrees of freedom are the dimension of the set of all matrices T. Subtracting fixed initial
gates only shifts the set, so they are those of every update too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qcircuit_adapt.analysis.claim import Untrained, compare, is_trained
from qcircuit_adapt.analysis.freedom.coarsen import find_gauge
from qcircuit_adapt.analysis.freedom.gauge import Gauge
from qcircuit_adapt.analysis.freedom.jacobian import Jacobian, find_jacobian
from qcircuit_adapt.analysis.freedom.permutation import Permuted, find_permuted
from qcircuit_adapt.analysis.freedom.tangent import Tangent, find_tangent
from qcircuit_adapt.analysis.freedom.tree import Tree, find_tree
from qcircuit_adapt.analysis.interval import Interval
from qcircuit_adapt.analysis.rotation import Angles, Skew, find_angles, find_skew
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import CertificateError

MAX_JACOBIAN = 10**8
"""Up to how many entries the Jacobian is computed at drawn gates: it takes a minute."""


@dataclass(frozen=True)
class NoTheorem:
    """The lower bound that needs no proof."""

    bound: int = 0

    @property
    def statement(self) -> str:
        """Why there is no better bound, in a sentence."""
        return "no theorem here tells more; a witness would."

    def check(self, circuit: Circuit) -> None:
        """See that the bound is zero, whatever the circuit is."""
        compare("bound", self.bound, 0)


Below = Tree | Tangent | Jacobian | Permuted | NoTheorem | Skew | Untrained
Above = Angles | Gauge | Untrained


@dataclass(frozen=True)
class Freedom(Interval[Below, Above]):
    """Bounds on the degrees of freedom of T, and of every update.

    Attributes:
        lower: They are at least this; frozen gates count as generic, unless at the identity.
        upper: They are at most this, whatever frozen gates hold.
        below: The evidence for `lower`.
        above: The evidence for `upper`.
        orthogonal: Whether every gate is held orthogonal; evidence is then of other kinds.
    """

    orthogonal: bool = False

    def check(self, circuit: Circuit) -> None:
        """Check both sides on a circuit.

        Raises:
            CertificateError: A bound is not what its evidence shows, or the evidence is about
                something else.
        """
        kinds = (isinstance(self.below, Skew), isinstance(self.above, Angles))
        if kinds != (self.orthogonal, self.orthogonal):
            raise CertificateError("the degrees of freedom are those of other gates.")
        self.below.check(circuit)
        self.above.check(circuit)
        compare("lower bound", self.lower, self.below.bound)
        compare("upper bound", self.upper, self.above.bound)


def find_freedom(
    circuit: Circuit, *, witness: bool = False, largest: int = MAX_JACOBIAN, seed: int = 0
) -> Freedom:
    """Bound the degrees of freedom: by theorems, and by a witness where they leave a gap.

    Args:
        circuit: The circuit.
        witness: Whether to compute a Jacobian where there is a gap; it may take a minute.
        largest: Up to how many entries. Beyond `MAX_JACOBIAN` it is computed at permutations.
        seed: What the witness is drawn from.

    Example:
        >>> freedom = find_freedom(Circuit.parse("x=64 | x -> r=4, r -> y=64"))
        >>> freedom.lower, freedom.upper, freedom.status
        (496, 496, 'theorem')
    """
    if not is_trained(circuit):
        return Freedom(0, 0, Untrained(), Untrained())
    below: Below = max(_apply_theorems(circuit), key=lambda evidence: evidence.bound)
    above = find_gauge(circuit, target=below.bound)
    if witness and below.bound < above.bound:
        found = _compute_witness(circuit, rows=above.bound, largest=largest, seed=seed)
        if found and found.bound > below.bound:
            below = found
    return Freedom(below.bound, above.bound, below, above)


def find_rotation_freedom(circuit: Circuit) -> Freedom:
    """Bound the degrees of freedom if every gate is held orthogonal.

    Example:
        >>> freedom = find_rotation_freedom(Circuit.parse("a=3 b=3 c=3 | a b, b c, a c"))
        >>> freedom.lower, freedom.upper, freedom.status
        (99, 99, 'theorem')
    """
    below, above = find_skew(circuit), find_angles(circuit)
    return Freedom(below.bound, above.bound, below, above, orthogonal=True)


def _apply_theorems(circuit: Circuit) -> Iterator[Below]:
    for evidence in (find_tree(circuit), find_tangent(circuit), NoTheorem()):
        if evidence:
            yield evidence


def _compute_witness(
    circuit: Circuit, *, rows: int, largest: int, seed: int
) -> Jacobian | Permuted | None:
    """Compute the Jacobian, or where it is too large that at permutations."""
    entries = rows * circuit.parameters
    if entries <= largest:
        return find_jacobian(circuit, rows=rows, seed=seed)
    return find_permuted(circuit, seed=seed) if entries > MAX_JACOBIAN <= largest else None
