"""Rotation witness: a lower bound on the generic rank, by the rank modulo a prime at rotations.

Cayley's formula has whole numbers in it and a division, so it makes sense modulo a prime that does
not divide the determinant of ``1 - K``. Entries of T are quotients of polynomials in the entries of
the K, so a minor that is not 0 modulo the prime is not 0 for almost all K.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from qcircuit_adapt.analysis.field.chance import PRIME
from qcircuit_adapt.analysis.field.witness import Progress, count_columns
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import CertificateError

# numpy is imported by functions: most certificates hold no witness, and take milliseconds.

MAX_ROWS = 512
"""Up to how many rows of a gate a rotation is drawn; it takes an inverse modulo the prime."""


@dataclass(frozen=True)
class RotationWitness:
    """The rank of ``T - S`` modulo a prime, at rotations drawn from a seed.

    Attributes:
        bound: The rank.
        prime: The modulus.
        seed: What the numbers above the diagonal of each K are drawn from; see `draw_rotations`.
        digest: The SHA-256 digest of the matrix; see `residues.digest_residues`.
    """

    bound: int
    prime: int
    seed: int
    digest: str
    subject: ClassVar[Literal["T - S"]] = "T - S"

    @property
    def statement(self) -> str:
        """Why the bound holds, in a sentence."""
        return (
            f"T - S at rotations drawn from seed {self.seed} has rank {self.bound:,} modulo "
            f"{self.prime:,}, and no rank grows modulo a prime."
        )

    def check(self, circuit: Circuit) -> None:
        """Draw the rotations again, and compute the rank again.

        Raises:
            CertificateError: A field has no valid value, or another matrix or rank comes out.
        """
        if type(self.seed) is not int or self.seed < 0:
            raise CertificateError(f"seed {self.seed!r} is not a whole number, 0 or more.")
        if find_rotation_witness(circuit, seed=self.seed) != self:
            raise CertificateError(f"the rotations of seed {self.seed} show something else.")


def find_rotation_witness(
    circuit: Circuit, *, seed: int = 0, on_progress: Progress | None = None
) -> RotationWitness | None:
    """Compute the rank of ``T - S`` at random rotations modulo a prime.

    Args:
        circuit: A circuit of square gates.
        seed: What to draw from.
        on_progress: Told how far the computation is.

    Returns:
        The witness, or None where a gate has more than `MAX_ROWS` rows.

    Example:
        >>> find_rotation_witness(Circuit.parse("a=2 b=2 | a {name=g}, b {share=g}")).bound
        2
    """
    from qcircuit_adapt.analysis.field.evaluate import Operator, evaluate
    from qcircuit_adapt.analysis.field.modular import find_rank
    from qcircuit_adapt.analysis.field.point import draw_rotations
    from qcircuit_adapt.analysis.field.residues import digest_residues

    if any(gate.rows > MAX_ROWS for gate in circuit.gates):
        return None
    gates, identities = draw_rotations(circuit, seed=seed)
    advance = count_columns(on_progress, 2 * circuit.d_in)
    matrix = evaluate(
        Operator(circuit, gates), minus=Operator(circuit, identities), on_columns=advance
    )
    digest = digest_residues(matrix)
    return RotationWitness(find_rank(matrix, on_columns=advance), PRIME, seed, digest)
