"""Sum witness: the rank of a sum of updates modulo the prime, at drawn gates; see `witness`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qcircuit_adapt.adapter import FORMS_ON_WEIGHT, Adapter, Term
from qcircuit_adapt.analysis.field.chance import PRIME, bound_miss
from qcircuit_adapt.analysis.field.witness import Progress, choose_projection, count_columns
from qcircuit_adapt.errors import CertificateError
from qcircuit_adapt.wires import split_ranks

# numpy is imported by functions: most certificates hold no witness, and take milliseconds.


@dataclass(frozen=True)
class SumWitness:
    """The rank modulo the prime of an adapter's update, at gates drawn from a seed.

    The residues of term i, from 0, have labels that begin with ``term=i|``; its scale is taken as
    the fraction that the float is. Attributes are those of `witness.Witness`.
    """

    bound: int
    prime: int
    seed: int
    projection: int | None
    digest: str
    odds: int

    @property
    def statement(self) -> str:
        """Why the bound holds, in a sentence."""
        size = self.projection
        projected = f", projected to {size:,} x {size:,}," if size else ""
        return (
            f"the update of gates drawn from seed {self.seed}{projected} has rank {self.bound:,} "
            f"modulo {self.prime:,}, and no rank grows modulo a prime."
        )

    def check(self, adapter: Adapter, *, on_progress: Progress | None = None) -> None:
        """Draw the gates again, and compute the rank again.

        Raises:
            CertificateError: Another matrix or rank comes out, or none is defined.
        """
        if self.prime != PRIME:
            raise CertificateError(f"the modulus must be {PRIME:,}, not {self.prime!r}.")
        derived = find_sum_witness(
            adapter, target=self.projection, seed=self.seed, on_progress=on_progress
        )
        if derived != self:
            raise CertificateError(f"seed {self.seed} gives {derived}, but {self} is claimed.")


def find_sum_witness(
    adapter: Adapter,
    *,
    target: int | None = None,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> SumWitness | None:
    """Compute the rank of an adapter's update at random gates modulo the prime.

    Args:
        adapter: The adapter.
        target: A proved upper bound; see `witness.find_witness`.
        seed: What to draw from.
        on_progress: Told how far the computation is.

    Returns:
        The witness, or None where a gate is held orthogonal, or a term multiplies the base weight:
        a drawn one would say nothing of the others.

    Example:
        >>> from qcircuit_adapt.families import lora
        >>> two = Adapter(lora(9, 9, rank=2)) + Adapter(lora(9, 9, rank=3), form="zero")
        >>> find_sum_witness(two).bound
        7
    """
    import numpy as np

    from qcircuit_adapt.analysis.field.modular import find_rank, reduce
    from qcircuit_adapt.analysis.field.residues import digest_residues

    if any(term.form in FORMS_ON_WEIGHT for term in adapter.terms):
        return None
    size = choose_projection(adapter.terms[0].circuit, target=target)
    columns = size or adapter.d_in
    advance = count_columns(on_progress, columns * (1 + len(adapter.terms)))
    total = np.zeros((size or adapter.d_out, columns))
    for number, term in enumerate(adapter.terms):
        matrix = _evaluate(term, number, seed, size)
        if matrix is None:
            return None
        total = reduce(total + matrix)
        advance(columns)
    factors = max(len(split_ranks(term.circuit).gates) for term in adapter.terms)
    rank = find_rank(total, on_columns=advance)
    odds = 0 if rank == size else bound_miss(rank, factors=factors + (2 if size else 0))
    return SumWitness(rank, PRIME, seed, size, digest_residues(total), odds)


def _evaluate(term: Term, number: int, seed: int, projection: int | None) -> Any:
    """Return the residues of a term's update, or None."""
    import numpy as np

    from qcircuit_adapt.analysis.field.dyadic import to_residues
    from qcircuit_adapt.analysis.field.evaluate import Operator, evaluate
    from qcircuit_adapt.analysis.field.modular import reduce
    from qcircuit_adapt.analysis.field.point import draw_points

    halves = split_ranks(term.circuit)
    form = None if term.form == "zero" else term.form
    points = draw_points(halves, form=form, seed=seed, prefix=f"term={number}|")
    if points is None:
        return None
    gates, initial = points
    minus = None if initial is None else Operator(halves, initial)
    matrix = evaluate(Operator(halves, gates), minus=minus, projection=projection, seed=seed)
    return reduce(matrix * to_residues(np.array(term.scale)))
