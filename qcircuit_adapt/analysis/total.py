"""Total: what is proved about an adapter that is a sum of circuits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from qcircuit_adapt.adapter import FORMS_ON_WEIGHT, Adapter
from qcircuit_adapt.analysis.claim import compare
from qcircuit_adapt.analysis.field.sum_witness import SumWitness
from qcircuit_adapt.analysis.interval import Interval
from qcircuit_adapt.errors import CertificateError, GateError

Bounds = tuple[tuple[int, int], ...]
"""The lower and upper bound of every term."""


@dataclass(frozen=True)
class TermBound:
    """The lower bound that one term gives: the updates of the others may stay zero.

    Attributes:
        bound: The same as that on the term.
        term: Its number, from 0.
    """

    bound: int
    term: int

    @property
    def statement(self) -> str:
        """Why the bound holds, in a sentence."""
        return f"term {self.term + 1} alone reaches it while the others stay as they start."

    def check(self, bounds: Bounds) -> None:
        """Compare with the term."""
        if not 0 <= self.term < len(bounds):
            raise CertificateError(f"the adapter has no term {self.term + 1}.")
        compare("lower bound of the term", self.bound, bounds[self.term][0])


@dataclass(frozen=True)
class SumBound:
    """The upper bound that all terms give: neither ranks nor dimensions exceed their sum.

    Attributes:
        bound: The sum of the terms' upper bounds, or what the shape allows if that is less.
    """

    bound: int

    @property
    def statement(self) -> str:
        """Why the bound holds, in a sentence."""
        return "the terms add up to no more, and the shape of the weight allows no more."

    def check(self, bounds: Bounds, *, most: int) -> None:
        """Add up again."""
        compare("sum of the upper bounds", self.bound, min(most, sum(b for _, b in bounds)))


@dataclass(frozen=True)
class SumClaim(Interval[TermBound | SumWitness, SumBound]):
    """Bounds on a number that an adapter's update has."""

    def check(self, adapter: Adapter, bounds: Bounds, *, most: int) -> None:
        """Check both sides, given what is proved of the terms.

        Raises:
            CertificateError: A bound is not what its evidence shows.
        """
        if isinstance(self.below, TermBound):
            self.below.check(bounds)
        else:
            self.below.check(adapter)
        self.above.check(bounds, most=most)
        compare("lower bound", self.lower, self.below.bound)
        compare("upper bound", self.upper, self.above.bound)


def find_weight_rank(adapter: Adapter) -> int | None:
    """Return the rank that proofs take the base weight to have; None if no term multiplies it.

    It is the largest that the shape of the weight allows. A term then has the bounds that its
    circuit has alone, if that rank is the circuit's dimension.

    Raises:
        GateError: It is less for a term, of which too little is known.
    """
    terms = [term for term in adapter.terms if term.form in FORMS_ON_WEIGHT]
    most = min(adapter.d_in, adapter.d_out)
    for term in terms:
        if term.circuit.d_in > most:
            raise GateError(
                f"in this sum the base weight maps {adapter.d_in} to {adapter.d_out}, which leaves "
                f"form {term.form!r} of {term.circuit.label} no bounds.",
                cause=f"Multiplying {term.circuit.d_in} dimensions by a weight of rank {most} "
                "loses some of them.",
                cure="Prove the terms one by one; analysis.multiply_bounds bounds the rank of such "
                "a product.",
            )
    return most if terms else None


def add_up(
    bounds: Bounds, *, most: int, find_witness: Callable[[int], SumWitness | None] | None = None
) -> SumClaim:
    """Put the bounds of terms together.

    Args:
        bounds: The terms' bounds.
        most: What the shape of the weight allows.
        find_witness: Called with the upper bound if they leave an interval.
    """
    above = SumBound(min(most, sum(upper for _, upper in bounds)))
    term = max(range(len(bounds)), key=lambda n: (bounds[n][0], -n))
    below: TermBound | SumWitness = TermBound(bounds[term][0], term)
    if find_witness and below.bound < above.bound:
        found = find_witness(above.bound)
        if found and found.bound > below.bound:
            below = found
    return SumClaim(below.bound, above.bound, below, above)
