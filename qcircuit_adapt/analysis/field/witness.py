"""Witness: a lower bound on the generic rank, by the rank modulo a prime at drawn gates.

With whole numbers for gates a circuit's matrix has at most its generic rank, and modulo a prime no
larger one, since a minor that is 0 stays 0. So what is found is proved, whatever was drawn; only
that it falls short of the generic rank seldom is a matter of chance, see `chance.bound_miss`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from qcircuit_adapt.adapter import Form, strip_weight
from qcircuit_adapt.analysis.bounds.cut import Subject
from qcircuit_adapt.analysis.field.chance import PRIME, bound_miss
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import CertificateError
from qcircuit_adapt.wires import split_ranks

# numpy is imported by functions: most certificates hold no witness, and take milliseconds.

Progress = Callable[[int, int], None]
"""Called with how many columns have been built or eliminated, and of how many."""


@dataclass(frozen=True)
class Witness:
    """The rank modulo a prime at gates drawn from a seed; see `point.draw_points`.

    Attributes:
        bound: The rank.
        form: The form of the adapter whose update ``T - S`` this is about; None for T, which is
            the update of form ``zero`` too.
        prime: The modulus.
        seed: What the residues are drawn from.
        projection: How many rows and columns are left when the matrix is multiplied by drawn ones
            from both sides; None if it is taken as it is.
        digest: The SHA-256 digest of the matrix; see `residues.digest_residues`.
        odds: Over random seeds, the rank is lower than the largest modulo the prime at most once in
            so many; see `chance.bound_miss`. 0 if that says nothing.
    """

    bound: int
    form: Form | None
    prime: int
    seed: int
    projection: int | None
    digest: str
    odds: int

    @property
    def subject(self) -> Subject:
        """The matrix whose rank it is."""
        return "T" if self.form is None else "T - S"

    @property
    def statement(self) -> str:
        """Why the bound holds, in a sentence."""
        size = self.projection
        projected = f", projected to {size:,} x {size:,}," if size else ""
        return (
            f"{self.subject} of gates drawn from seed {self.seed}{projected} has rank "
            f"{self.bound:,} modulo {self.prime:,}, and no rank grows modulo a prime."
        )

    def check(self, circuit: Circuit, *, on_progress: Progress | None = None) -> None:
        """Draw the gates again, and compute the rank again.

        Args:
            circuit: The circuit.
            on_progress: Told how far the computation is.

        Raises:
            CertificateError: A field has no valid value, or another matrix or rank comes out.
        """
        if self.prime != PRIME:
            raise CertificateError(f"the modulus must be {PRIME:,}, not {self.prime!r}.")
        if self.form not in (None, "difference", "residual"):
            raise CertificateError(f"no witness is defined for form {self.form!r}.")
        if not _is_whole(self.seed, least=0):
            raise CertificateError(f"seed {self.seed!r} is not a whole number, 0 or more.")
        size, most = self.projection, min(circuit.d_in, circuit.d_out)
        if size is not None and not (_is_whole(size, least=1) and size <= most):
            raise CertificateError(f"projection {size!r} is not a whole number from 1 to {most:,}.")
        derived = _derive(circuit, self.form, self.seed, size, on_progress)
        if derived is None:
            raise CertificateError("no witness is defined where a gate is held orthogonal.")
        if derived.digest != self.digest:
            raise CertificateError(
                f"the matrix at seed {self.seed} is another than the witness was made of."
            )
        if derived.bound != self.bound:
            raise CertificateError(
                f"the rank modulo {PRIME:,} is {derived.bound:,}, but {self.bound:,} is claimed."
            )
        if derived.odds != self.odds:
            raise CertificateError(
                f"the odds of a lower rank are 1 in {derived.odds:,}, not 1 in {self.odds!r}."
            )


def find_witness(
    circuit: Circuit,
    *,
    form: Form | None = None,
    target: int | None = None,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> Witness | None:
    """Compute the rank of T, or of an update, at random gates modulo a prime.

    Takes seconds for 4,096 dimensions, and memory for two such matrices. Nothing is kept if it is
    interrupted.

    Args:
        circuit: The circuit.
        form: The form of an adapter, for its update, or the factor of it beside the base weight;
            None for T.
        target: A proved upper bound. If it is small, random projections to so many rows and columns
            have the same rank in all likelihood, and take less time.
        seed: What to draw from.
        on_progress: Told how far the computation is.

    Returns:
        The witness, or None where a gate is held orthogonal, for which none is defined, and in form
        ``zero`` where nothing is trained.

    Example:
        >>> circuit = Circuit.parse("a=12 b=8 | a {rank=5}, b {rank=3}")
        >>> find_witness(circuit, target=15).bound, find_witness(circuit, form="difference").bound
        (15, 30)
    """
    if form == "zero" and not any(map(circuit.trainable, circuit.gates)):
        return None
    size = choose_projection(circuit, target=target)
    drawn = None if form == "zero" else strip_weight(form)
    return _derive(circuit, drawn, seed, size, on_progress)


def choose_projection(circuit: Circuit, *, target: int | None) -> int | None:
    """Return to how many rows and columns to project a matrix; None if that would not pay.

    Args:
        circuit: The circuit.
        target: What the rank is known not to exceed, or None.
    """
    pays = target and 2 * target <= min(circuit.d_in, circuit.d_out)
    return target if pays else None


def _derive(
    circuit: Circuit,
    form: Form | None,
    seed: int,
    projection: int | None,
    on_progress: Progress | None,
) -> Witness | None:
    """Build the matrix in bands of columns, take its digest, and eliminate."""
    from qcircuit_adapt.analysis.field.evaluate import Operator, evaluate
    from qcircuit_adapt.analysis.field.modular import find_rank
    from qcircuit_adapt.analysis.field.point import draw_points
    from qcircuit_adapt.analysis.field.residues import digest_residues

    halves = split_ranks(circuit)
    points = draw_points(halves, form=form, seed=seed)
    if points is None:
        return None
    gates, initial = points
    advance = count_columns(on_progress, 2 * (projection or circuit.d_in))
    matrix = evaluate(
        Operator(halves, gates),
        minus=None if initial is None else Operator(halves, initial),
        projection=projection,
        seed=seed,
        on_columns=advance,
    )
    digest = digest_residues(matrix)
    rank = find_rank(matrix, on_columns=advance)
    # A rank that fills the projection says nothing of larger ones.
    factors = len(halves.gates) + (2 if projection else 0)
    odds = 0 if rank == projection else bound_miss(rank, factors=factors)
    return Witness(rank, form, PRIME, seed, projection, digest, odds)


def count_columns(on_progress: Progress | None, total: int) -> Callable[[int], None]:
    """Return a function to call with how many more columns are done."""
    done = 0

    def advance(columns: int) -> None:
        nonlocal done
        done += columns
        if on_progress:
            on_progress(done, total)

    return advance


def _is_whole(value: object, *, least: int) -> bool:
    return type(value) is int and value >= least
