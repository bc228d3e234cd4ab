"""Total: a sum of circuits in words, and then each of its terms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from qcircuit_adapt.analysis.exposition.bound import join_sentences
from qcircuit_adapt.analysis.exposition.piece import (
    UPDATE,
    Code,
    Math,
    Part,
    Sentence,
    W,
    expr,
    interleave,
    number,
    rank,
    say,
)
from qcircuit_adapt.analysis.exposition.source import SCHWARTZ, SHAKE
from qcircuit_adapt.analysis.exposition.statement import Block, Kind, Section, Statement
from qcircuit_adapt.analysis.field.sum_witness import SumWitness
from qcircuit_adapt.analysis.sum_certificate import SumCertificate
from qcircuit_adapt.analysis.total import SumClaim, TermBound


def describe_sum(certificate: SumCertificate) -> Section:
    """Say what is added, and state what is proved of the sum."""
    names = [
        say("{name} in form {form}", name=Code(term.circuit.name or text), form=Code(term.form))
        for term in certificate.adapter.terms
        for text in [term.circuit.text]
    ]
    updates = [_update(n) for n in range(1, len(names) + 1)]
    listed: list[Sentence] = [
        say("{update} that of {name}", update=update, name=name)
        for update, name in zip(updates, names, strict=True)
    ]
    setting = say(
        "The weight is changed by {total}, a sum of the updates of circuits with gates of their "
        "own: {listed}. Statements on the sum come first, then those on each term, with the words "
        "explained there.",
        total=expr(UPDATE, "=", interleave("+", updates)),
        listed=join_sentences(listed),
    )
    paragraphs = [setting]
    if certificate.weight_rank:
        paragraphs.append(
            say(
                "The base weight {W} is any matrix of rank {n}, the largest that its shape allows. "
                "What is generic is so for each such {W}.",
                W=W,
                n=certificate.weight_rank,
            )
        )
    return Section("The sum", tuple(paragraphs), tuple(_state(certificate, updates)))


def name_term(section: Section, n: int) -> Section:
    """Say in a section's title which term it is about."""
    return replace(section, title=f"Term {n}: {section.title[0].lower()}{section.title[1:]}")


def _state(certificate: SumCertificate, updates: list[Math]) -> Iterator[Statement]:
    counts: list[Part] = [term.parameters for term in certificate.terms]
    macs: list[Part] = [term.macs_per_token for term in certificate.terms]
    yield Statement(
        "Proposition",
        "parameters and cost",
        "theorem",
        say(
            "The sum trains {parameters} numbers. One input vector takes {macs} "
            "multiply-accumulates, gate after gate.",
            parameters=expr(interleave("+", counts), "=", certificate.parameters),
            macs=expr(interleave("+", macs), "=", certificate.macs_per_token),
        ),
    )
    d_in, d_out = certificate.adapter.d_in, certificate.adapter.d_out
    ranks = [term.update_rank.upper for term in certificate.terms if term.update_rank]
    yield _state_claim(
        "rank of the sum", certificate.update_rank, rank(UPDATE), ranks, min(d_in, d_out)
    )
    freedoms = [term.degrees_of_freedom.upper for term in certificate.terms]
    yield _state_claim(
        "degrees of freedom of the sum",
        certificate.degrees_of_freedom,
        None,
        freedoms,
        d_in * d_out,
    )


def _state_claim(
    topic: str, claim: SumClaim, of: Math | None, uppers: list[int], most: int
) -> Statement:
    kind: Kind = "Theorem" if claim.exact else "Proposition"
    status = claim.status if claim.exact else "proved interval"
    sampled = isinstance(claim.below, SumWitness)
    sources = (SHAKE, SCHWARTZ) if sampled else ()
    return Statement(
        kind, topic, status, _claim(claim, of), tuple(_prove(claim, uppers, most)), sources
    )


def _claim(claim: SumClaim, of: Math | None) -> Sentence:
    if of is None:
        if claim.exact:
            return say("The sum has exactly {n} degrees of freedom.", n=claim.lower)
        return say(
            "The sum has at least {lower} and at most {upper} degrees of freedom.",
            lower=claim.lower,
            upper=claim.upper,
        )
    bound = expr(of, "<=", claim.upper)
    if claim.exact:
        return say("For all gate values {bound}, with equality generically.", bound=bound)
    return say(
        "For all gate values {bound}, and generically {lower}.",
        bound=bound,
        lower=expr(of, ">=", claim.lower),
    )


def _prove(claim: SumClaim, uppers: list[int], most: int) -> Iterator[Block]:
    added = expr(interleave("+", uppers), "=", sum(uppers))
    if sum(uppers) > most:
        yield say(
            "Upper bound. The shape of the weight allows no more than {most}; the terms add up to "
            "{added}.",
            most=most,
            added=added,
        )
    else:
        yield say("Upper bound. The terms add up to no more than {added}.", added=added)
    below = claim.below
    if isinstance(below, TermBound):
        yield say(
            "Lower bound. Let the gates of all terms but {term} stay as they start, where their "
            "updates are zero. What is generic of that term is then reached, {n}, and the largest "
            "value reached is the generic one.",
            term=_update(below.term + 1),
            n=number(below.bound),
        )
        return
    projected = (
        say(", projected to {n} dimensions on both sides,", n=below.projection)
        if below.projection
        else ()
    )
    yield say(
        "Lower bound, by witness. At gates drawn from seed {seed} as whole numbers modulo {p} the "
        "sum{projected} has rank {n} modulo {p}, by exact elimination. A minor that is not 0 "
        "modulo {p} is not 0, so the generic rank is no smaller.",
        seed=below.seed,
        p=below.prime,
        projected=projected,
        n=below.bound,
    )


def _update(n: int) -> Math:
    return Math(f"dW_{n}", rf"\Delta W_{{{n}}}")
