"""Sum certificate: what is proved about an adapter of several circuits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qcircuit_adapt.adapter import Adapter
from qcircuit_adapt.analysis.certificate import Certificate
from qcircuit_adapt.analysis.claim import RankClaim
from qcircuit_adapt.analysis.total import Bounds, SumClaim, find_weight_rank
from qcircuit_adapt.errors import CertificateError


@dataclass(frozen=True)
class SumCertificate:
    """Numbers of a sum of circuits with what proves them. Printing it is the report.

    Attributes:
        adapter: The adapter.
        terms: What is proved about each term.
        update_rank: The rank of the whole update.
        degrees_of_freedom: The dimension of the set of all updates.
    """

    adapter: Adapter
    terms: tuple[Certificate, ...]
    update_rank: SumClaim
    degrees_of_freedom: SumClaim

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum(term.parameters for term in self.terms)

    @property
    def frozen_parameters(self) -> int:
        """How many numbers are stored but not trained."""
        return sum(term.frozen_parameters for term in self.terms)

    @property
    def macs_per_token(self) -> int:
        """Multiply-accumulates for one input vector, each circuit counted once."""
        return sum(term.macs_per_token for term in self.terms)

    @property
    def weight_rank(self) -> int | None:
        """The rank that the base weight is taken to have; None if no term multiplies it."""
        return find_weight_rank(self.adapter)

    def check(self) -> None:
        """Derive every number again, those on ranks from their evidence.

        Raises:
            CertificateError: A number differs, or the evidence is no evidence.
        """
        claimed = [(term.circuit, update.form) for term, update in self._updates()]
        if claimed != [(term.circuit, term.form) for term in self.adapter.terms]:
            raise CertificateError("the terms are not those of the adapter, in its forms.")
        for term in self.terms:
            term.check()
        find_weight_rank(self.adapter)
        d_in, d_out = self.adapter.d_in, self.adapter.d_out
        ranks, freedoms = bound_ranks(self.terms), bound_freedoms(self.terms)
        self.update_rank.check(self.adapter, ranks, most=min(d_in, d_out))
        self.degrees_of_freedom.check(self.adapter, freedoms, most=d_in * d_out)

    def _updates(self) -> list[tuple[Certificate, RankClaim]]:
        return [(term, term.update_rank) for term in self.terms if term.update_rank]

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain data, as ``qcircuit prove --json`` prints them."""
        numbers = {
            "name": " + ".join(term.circuit.name or "circuit" for term in self.terms),
            "d_in": self.adapter.d_in,
            "d_out": self.adapter.d_out,
            "parameters": self.parameters,
            "frozen_parameters": self.frozen_parameters,
            "macs_per_token": self.macs_per_token,
            "update_rank": self.update_rank.to_dict(),
            "degrees_of_freedom": self.degrees_of_freedom.to_dict(),
            "terms": [
                {"scale": term.scale} | proved.to_dict()
                for term, proved in zip(self.adapter.terms, self.terms, strict=True)
            ],
        }
        return numbers | ({"weight_rank": self.weight_rank} if self.weight_rank else {})

    def __str__(self) -> str:
        from qcircuit_adapt.analysis.report import report_sum

        return report_sum(self)


def bound_ranks(terms: tuple[Certificate, ...]) -> Bounds:
    """Return the bounds on the ranks of the terms' updates."""
    return tuple((t.update_rank.lower, t.update_rank.upper) for t in terms if t.update_rank)


def bound_freedoms(terms: tuple[Certificate, ...]) -> Bounds:
    """Return the bounds on the terms' degrees of freedom."""
    return tuple((t.degrees_of_freedom.lower, t.degrees_of_freedom.upper) for t in terms)
