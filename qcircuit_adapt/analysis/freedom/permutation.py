"""Permutation: a lower bound on the degrees of freedom where every gate permutes.

There an entry of a gate moves a few entries of T by 1 each and no other. So the Jacobian is sparse,
and can be eliminated for circuits far too large for `jacobian`; what is proved is of the same kind.
The point is a little special: the bound may stay below the degrees of freedom where axes are small.
"""

from __future__ import annotations

from dataclasses import dataclass

from qcircuit_adapt.analysis.claim import compare
from qcircuit_adapt.analysis.field.chance import PRIME
from qcircuit_adapt.analysis.freedom.tangent import is_known
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import CertificateError

# numpy is imported by functions: most certificates hold no Jacobian, and take milliseconds.

MAX_ENTRIES = 2**24
"""How many entries of the Jacobian that are not 0 are dealt with at most."""


@dataclass(frozen=True)
class Permuted:
    """A lower bound on the degrees of freedom.

    Attributes:
        bound: The rank of the Jacobian modulo 2097143.
        seed: What the permutations are drawn from.
    """

    bound: int
    seed: int = 0

    @property
    def statement(self) -> str:
        """Why the bound holds, in a sentence."""
        return (
            f"the Jacobian has rank {self.bound:,} modulo {PRIME:,} where the gates are the "
            f"permutations of seed {self.seed}."
        )

    def check(self, circuit: Circuit) -> None:
        """Compute the rank again.

        Raises:
            CertificateError: A gate cannot be a permutation, or the rank differs.
        """
        derived = find_permuted(circuit, seed=self.seed)
        if derived is None:
            raise CertificateError("not every gate of the circuit can be a permutation.")
        compare("rank of the Jacobian", self.bound, derived.bound)


def find_permuted(circuit: Circuit, *, seed: int = 0) -> Permuted | None:
    """Compute the rank of the Jacobian where all gates are random permutations.

    Returns:
        The bound, or None where a gate is not square, of bounded rank, or frozen at special values
        other than the identity, or where the Jacobian is too large.

    Example:
        >>> find_permuted(Circuit.parse("a=4 b=3 | a b, a, b")).bound
        144
    """
    for gate in circuit.gates:
        square = gate.rows == gate.columns and circuit.owner(gate).rank is None
        if not (square and is_known(circuit, gate)):
            return None
    moved = sum(
        gate.blocks * gate.rows**2 * (circuit.d_in // (gate.blocks * gate.rows))
        for gate in circuit.gates
        if circuit.trainable(gate)
    )
    if not 0 < moved <= MAX_ENTRIES:
        return None

    from qcircuit_adapt.analysis.freedom.sparse import find_sparse_rank
    from qcircuit_adapt.analysis.freedom.swap import write_equations

    rank = find_sparse_rank(write_equations(circuit, seed=seed), seed=seed)
    return None if rank is None else Permuted(rank, seed)
