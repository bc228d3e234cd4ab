"""Certificate: what is proved about a circuit, able to check itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from qcircuit_adapt.adapter import Form
from qcircuit_adapt.analysis.bounds.bridge import find_bridge
from qcircuit_adapt.analysis.bounds.cut import find_cut
from qcircuit_adapt.analysis.bounds.product import find_product
from qcircuit_adapt.analysis.bounds.route import Routing, find_routing
from qcircuit_adapt.analysis.claim import (
    Above,
    Below,
    Invertible,
    RankClaim,
    Scaled,
    Unproved,
    Untrained,
    compare,
    find_subject,
    is_invertible,
    is_trained,
)
from qcircuit_adapt.analysis.count import QuantaBounds, quanta_bounds
from qcircuit_adapt.analysis.field.witness import find_witness
from qcircuit_adapt.analysis.freedom.claim import Freedom, find_freedom
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import CertificateError


@dataclass(frozen=True)
class Certificate:
    """Numbers of a circuit with what proves them. Printing it is the report.

    Attributes:
        circuit: The circuit.
        parameters: How many numbers are trained.
        frozen_parameters: How many numbers are stored but not trained.
        macs_per_token: Multiply-accumulates for one input vector, gate after gate.
        quanta_bounds: Bounds on the rank of T for all weights, if every gate has its full rank.
        rank: The rank of T. Frozen gates count as generic, unless their ``init`` says otherwise.
        degrees_of_freedom: The dimension of the set of all T, and of all updates.
        update_rank: The rank of the update that a form makes of T, or None.
    """

    circuit: Circuit
    parameters: int
    frozen_parameters: int
    macs_per_token: int
    quanta_bounds: QuantaBounds
    rank: RankClaim
    degrees_of_freedom: Freedom
    update_rank: RankClaim | None = None

    def check(self) -> None:
        """Derive every number again, those on ranks from their evidence.

        Raises:
            CertificateError: A number differs, or the evidence is no evidence.
        """
        circuit, derived = self.circuit, quanta_bounds(self.circuit)
        compare("number of parameters", self.parameters, circuit.parameters)
        compare("number of frozen parameters", self.frozen_parameters, circuit.frozen_parameters)
        compare("number of MACs per token", self.macs_per_token, circuit.macs_per_token)
        compare("lower of QuanTA's bounds", self.quanta_bounds.lower, derived.lower)
        compare("upper of QuanTA's bounds", self.quanta_bounds.upper, derived.upper)
        if self.rank.form is not None:
            raise CertificateError("the rank of T is claimed by evidence on an update.")
        self.rank.check(circuit)
        self.degrees_of_freedom.check(circuit)
        if self.update_rank:
            if self.update_rank.form is None:
                raise CertificateError("the rank of the update is claimed by evidence on T.")
            self.update_rank.check(circuit)

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain data, as ``qcircuit prove --json`` prints them."""
        bounds, update = self.quanta_bounds, self.update_rank
        numbers = {
            "name": self.circuit.name,
            "d_in": self.circuit.d_in,
            "d_out": self.circuit.d_out,
            "parameters": self.parameters,
            "macs_per_token": self.macs_per_token,
            "rank": self.rank.to_dict(),
            "quanta_bounds": {"lower": bounds.lower, "upper": bounds.upper},
            "degrees_of_freedom": self.degrees_of_freedom.to_dict(),
        }
        if update:
            numbers["update_rank"] = {"form": update.form} | update.to_dict()
        return numbers

    def __str__(self) -> str:
        return "\n".join(_report(self))


def prove(circuit: Circuit, *, form: Form | None = None, witness: bool = True) -> Certificate:
    """Count a circuit's costs and bound its rank, without running it.

    Args:
        circuit: The circuit.
        form: The form of an adapter, to bound the rank of its update as well.
        witness: Whether to compute the rank of the circuit at drawn gates, modulo a prime, where
            theorems leave an interval. Takes seconds at 4,096 dimensions.

    Returns:
        The numbers with their evidence.

    Raises:
        GateError: The form is unknown.

    Example:
        >>> certificate = prove(Circuit.parse("x=64 | x -> r=4, r -> y=64", name="lora"))
        >>> print(certificate.rank.above.statement)
        T factors through the bonds r=4 from g1.
        >>> certificate.rank.exact, certificate.rank.upper, certificate.degrees_of_freedom.upper
        (True, 4, 496)
        >>> certificate.check()
    """
    return Certificate(
        circuit=circuit,
        parameters=circuit.parameters,
        frozen_parameters=circuit.frozen_parameters,
        macs_per_token=circuit.macs_per_token,
        quanta_bounds=quanta_bounds(circuit),
        rank=claim_rank(circuit, witness=witness),
        degrees_of_freedom=find_freedom(circuit),
        update_rank=None if form is None else claim_rank(circuit, form=form, witness=witness),
    )


def claim_rank(circuit: Circuit, *, form: Form | None = None, witness: bool = True) -> RankClaim:
    """Bound the rank of T, or of the update that a form makes of it.

    What takes longer is done only while the bounds are apart: theorems, cuts and paths first, then
    the bounds of products and bridges, last the prime field.

    Example:
        >>> claim = claim_rank(Circuit.parse("x=64 | x -> r=4, r -> y=64"), form="difference")
        >>> claim.lower, claim.upper, claim.exact
        (8, 8, True)
        >>> claim_rank(Circuit.parse("a=9 b=9 | a {rank=3}, b {rank=6}"), form="difference").upper
        36
    """
    subject = find_subject(form)
    if form is not None and not is_trained(circuit):
        return RankClaim(0, 0, Untrained(), Untrained(), form)
    above: Above = find_cut(circuit, subject=subject)
    below = _find_evidence(circuit, form, target=above.bound)
    if below.bound < above.bound:
        bounds = [find_product(circuit)] if subject == "T - S" else []
        above = min((above, *bounds), key=lambda evidence: evidence.bound)
    if below.bound < above.bound:
        bridge = find_bridge(circuit, subject=subject)
        above = bridge if bridge and bridge.bound < above.bound else above
    if witness and below.bound < above.bound:
        drawn = find_witness(circuit, form=form, target=above.bound)
        below = drawn if drawn and drawn.bound > below.bound else below
    return RankClaim(below.bound, above.bound, below, above, form)


def _find_evidence(circuit: Circuit, form: Form | None, *, target: int) -> Below:
    """Find a lower bound: theorems first, then paths, and more paths only below the target."""
    on_t: Invertible | Routing | None = (
        Invertible(circuit.d_in) if is_invertible(circuit) else find_routing(circuit)
    )
    if on_t is None:
        return Unproved()
    if find_subject(form) == "T":
        return on_t
    if form == "difference" and on_t.bound < target:
        routing = find_routing(circuit, subject="T - S")
        if routing and routing.bound > on_t.bound:
            return routing
    return Scaled(on_t.bound, on_t)


_UPDATES: dict[Form, str] = {
    "zero": "the update is T, up to scale.",
    "difference": "the update is T - S, up to scale, and S is T with its initial gates.",
    "residual": "the update is T - S, up to scale, and S is T with identities for gates.",
}


def _report(certificate: Certificate) -> Iterator[str]:
    circuit, bounds = certificate.circuit, certificate.quanta_bounds
    dense = circuit.d_in * circuit.d_out
    frozen = certificate.frozen_parameters
    yield f"{circuit.name or 'circuit'}: {circuit.d_in} -> {circuit.d_out}"
    yield f"  parameters       {_share(certificate.parameters, dense)}" + (
        f", and {frozen:,} frozen" if frozen else ""
    )
    yield f"  MACs per token   {_share(certificate.macs_per_token, dense)}"
    yield (
        f"  QuanTA's bounds  {bounds.lower:,} <= rank T <= {bounds.upper:,}, for all weights, if "
        "every gate a has its full rank R_a"
    )
    yield from _report_claim("rank of T", certificate.rank)
    if update := certificate.update_rank:
        yield from _report_claim("rank of update", update)
    yield from _report_freedom(certificate.degrees_of_freedom)
    if frozen:
        yield "  Frozen gates count as generic, unless their init says otherwise."


def _report_claim(title: str, claim: RankClaim) -> Iterator[str]:
    if claim.exact:
        numbers = f"{claim.upper:,}, proved exact"
    else:
        numbers = f"{claim.lower:,} to {claim.upper:,}, proved interval"
    yield f"  {title:15}  {numbers}, for all gate values outside a set of measure zero"
    if claim.form:
        yield f"    form {claim.form!r}: {_UPDATES[claim.form]}"
    yield f"    at least {claim.lower:,}: {claim.below.statement}"
    yield f"    at most {claim.upper:,}: {claim.above.statement}"


def _report_freedom(freedom: Freedom) -> Iterator[str]:
    numbers = f"{freedom.upper:,}" if freedom.exact else f"{freedom.lower:,} to {freedom.upper:,}"
    yield f"  freedom          {numbers} degrees of freedom, {freedom.status}"
    yield f"    at least {freedom.lower:,}: {freedom.below.statement}"
    yield f"    at most {freedom.upper:,}: {freedom.above.statement}"


def _share(count: int, dense: int) -> str:
    return f"{count:,} ({100 * count / dense:.2f} % of the dense matrix)"
