"""Report: a certificate as text."""

from __future__ import annotations

from collections.abc import Iterator

from qcircuit_adapt.adapter import Form
from qcircuit_adapt.analysis.certificate import Certificate
from qcircuit_adapt.analysis.claim import RankClaim
from qcircuit_adapt.analysis.interval import Evidence, Interval
from qcircuit_adapt.analysis.rotation import Orthogonal
from qcircuit_adapt.analysis.sum_certificate import SumCertificate

AnyInterval = Interval[Evidence, Evidence]

_UPDATES: dict[Form, str] = {
    "zero": "the update is T, up to scale.",
    "difference": "the update is T - S, up to scale, and S is T with its initial gates.",
    "residual": "the update is T - S, up to scale, and S is T with identities for gates.",
    "input": "the update is W (T - S), up to scale, and S is T with identities for gates.",
    "output": "the update is (T - S) W, up to scale, and S is T with identities for gates.",
}


def report(certificate: Certificate) -> str:
    """Return what is proved about a circuit, line by line."""
    return "\n".join(_report(certificate))


def report_sum(certificate: SumCertificate) -> str:
    """Return what is proved about a sum of circuits, and then about each."""
    return "\n".join(_report_sum(certificate))


def _report(certificate: Certificate) -> Iterator[str]:
    circuit, bounds = certificate.circuit, certificate.quanta_bounds
    yield f"{circuit.name or 'circuit'}: {circuit.d_in} -> {circuit.d_out}"
    if certificate.orthogonal:
        yield "  Every gate is held orthogonal, and starts at the identity."
    yield from _report_costs(certificate, dense=circuit.d_in * circuit.d_out)
    yield (
        f"  QuanTA's bounds  {bounds.lower:,} <= rank T <= {bounds.upper:,}, for all weights, if "
        "every gate a has its full rank R_a"
    )
    yield from _report_rank("rank of T", certificate.rank)
    if update := certificate.update_rank:
        yield from _report_rank("rank of update", update)
        if update.form:
            yield f"    form {update.form!r}: {_UPDATES[update.form]}"
        if certificate.weight_rank:
            yield from _report_weight(update, certificate.weight_rank)
    yield from _report_dimension("freedom", "degrees of freedom", certificate.degrees_of_freedom)
    if start := certificate.start:
        yield from _report_dimension("first step", "independent directions", start)
    for statement in certificate.statements:
        yield f"  {statement.status:15}  {statement.statement}"
    if certificate.frozen_parameters:
        yield "  Frozen gates count as generic, unless their init says otherwise."


def _report_sum(certificate: SumCertificate) -> Iterator[str]:
    adapter = certificate.adapter
    names = [term.circuit.name or "circuit" for term in adapter.terms]
    yield f"{' + '.join(names)}: {adapter.d_in} -> {adapter.d_out}"
    yield from _report_costs(certificate, dense=adapter.d_in * adapter.d_out)
    yield from _report_rank("rank of update", certificate.update_rank)
    if certificate.weight_rank:
        yield (
            f"    for every base weight W of rank {certificate.weight_rank:,}, the largest for "
            "its shape; the degrees of freedom as well."
        )
    yield from _report_dimension("freedom", "degrees of freedom", certificate.degrees_of_freedom)
    for number, (term, proved) in enumerate(zip(adapter.terms, certificate.terms, strict=True), 1):
        yield ""
        yield f"term {number}, in form {term.form!r}, times {term.scale:g}"
        yield from _report(proved)


def _report_weight(update: RankClaim, dimension: int) -> Iterator[str]:
    """Say for which base weights the rank, degrees of freedom and first step are the update's."""
    yield (
        f"    for every base weight W of rank {dimension:,}, as every invertible one, updates have "
        "the rank, freedom and first step of T - S."
    )
    lost = dimension - update.lower
    if not lost:
        yield "    For W of a lower rank w, the update has rank w."
    elif update.upper:
        yield (
            f"    For W of a lower rank w, the update has rank at least w - {lost:,}, and at most "
            f"the lesser of w and {update.upper:,}."
        )


def _report_costs(certificate: Certificate | SumCertificate, *, dense: int) -> Iterator[str]:
    frozen = certificate.frozen_parameters
    yield f"  parameters       {_share(certificate.parameters, dense)}" + (
        f", and {frozen:,} frozen" if frozen else ""
    )
    yield f"  MACs per token   {_share(certificate.macs_per_token, dense)}"


def _report_rank(title: str, claim: AnyInterval) -> Iterator[str]:
    generic = "for all gate values outside a set of measure zero"
    if isinstance(claim.below, Orthogonal):
        generic = "for all gate values"
    yield f"  {title:15}  {_numbers(claim)}, {generic}; {claim.status}"
    yield from _report_evidence(claim)


def _report_dimension(title: str, noun: str, claim: AnyInterval) -> Iterator[str]:
    yield f"  {title:15}  {_numbers(claim)} {noun}; {claim.status}"
    yield from _report_evidence(claim)


def _report_evidence(claim: AnyInterval) -> Iterator[str]:
    if claim.exact and claim.below == claim.above:
        yield f"    exactly {claim.lower:,}: {claim.below.statement}"
        return
    yield f"    at least {claim.lower:,}: {claim.below.statement}"
    yield f"    at most {claim.upper:,}: {claim.above.statement}"


def _numbers(claim: AnyInterval) -> str:
    return f"{claim.upper:,}" if claim.exact else f"{claim.lower:,} to {claim.upper:,}"


def _share(count: int, dense: int) -> str:
    return f"{count:,} ({100 * count / dense:.2f} % of the dense matrix)"
