"""Jacobian: a lower bound on the degrees of freedom, by exact arithmetic modulo a prime.

The degrees of freedom are the generic rank of the Jacobian of ``T`` in the trained numbers. Its
rank modulo a prime, at gates that are whole numbers, is at most that: a proof, in which chance only
decides how good the bound is. A row of it is the gradient of ``u^T T v`` for drawn u and v.
"""

from __future__ import annotations

from dataclasses import dataclass

from qcircuit_adapt.analysis.claim import compare
from qcircuit_adapt.analysis.field.chance import PRIME, bound_miss
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import CertificateError
from qcircuit_adapt.wires import split_ranks

# numpy is imported by functions: most certificates hold no Jacobian, and take milliseconds.


@dataclass(frozen=True)
class Jacobian:
    """A lower bound on the degrees of freedom.

    Attributes:
        bound: The rank of the Jacobian's rows modulo 2097143.
        rows: How many rows were taken.
        seed: The gates, and the vectors u and v, are those of this seed.
        odds: If seeds are chosen at random, the rank is lower than for almost all residues at most
            once in so many: a larger minor has at most degree `bound + 1` times one more than the
            number of gates (Schwartz and Zippel). 0 if that says nothing.
    """

    bound: int
    rows: int
    seed: int = 0
    odds: int = 0

    @property
    def statement(self) -> str:
        """Why the bound holds, in a sentence."""
        return (
            f"{self.rows:,} rows of the Jacobian have rank {self.bound:,} modulo {PRIME:,}, at the "
            f"gates of seed {self.seed}."
        )

    def check(self, circuit: Circuit) -> None:
        """Compute the rank again.

        Raises:
            CertificateError: It differs, or gates have values at which nothing is proved.
        """
        derived = find_jacobian(circuit, rows=self.rows, seed=self.seed)
        if derived is None:
            raise CertificateError("a frozen gate has values at which no Jacobian is known.")
        compare("rank of the Jacobian", self.bound, derived.bound)
        compare("odds of a lower rank", self.odds, derived.odds)


def find_jacobian(circuit: Circuit, *, rows: int, seed: int = 0) -> Jacobian | None:
    """Compute the rank of rows of the Jacobian at random gates.

    Args:
        circuit: The circuit.
        rows: How many rows, which the bound cannot exceed: as many as an upper bound says.
        seed: Chooses gates and rows.

    Returns:
        The bound, or None where a frozen gate has special values, other than the identity.

    Example:
        >>> find_jacobian(Circuit.parse("x=9 | x -> r=2, r -> x=9"), rows=36).bound
        32
    """
    import numpy as np

    from qcircuit_adapt.analysis.field.modular import find_rank
    from qcircuit_adapt.analysis.field.point import draw_points
    from qcircuit_adapt.analysis.freedom.gradient import list_gradients

    halves = split_ranks(circuit)
    points = draw_points(halves, form=None, seed=seed)
    if points is None:
        return None
    owners = [gate for gate in halves.gates if not gate.share]
    tensors = {
        gate.name: points[0][gate.name].reshape(gate.blocks, gate.rows, gate.columns)
        for gate in owners
    }
    trained = [gate.name for gate in owners if not gate.frozen]
    if not trained or not rows:
        return Jacobian(0, rows, seed)
    matrix = np.concatenate(
        [
            np.concatenate([batch[name] for name in trained], axis=1)
            for batch in list_gradients(halves, tensors, rows=rows, seed=seed)
        ]
    )
    rank = find_rank(matrix.T if len(matrix) > matrix.shape[1] else matrix)
    odds = 0 if rank == rows else bound_miss(rank, factors=len(halves.gates) + 1)
    return Jacobian(rank, rows, seed, odds)
