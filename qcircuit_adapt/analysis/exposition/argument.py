"""Argument: a certificate as numbered statements with their proofs."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace

from qcircuit_adapt.analysis.certificate import Certificate
from qcircuit_adapt.analysis.exposition.cost import state_cost
from qcircuit_adapt.analysis.exposition.freedom import state_freedom
from qcircuit_adapt.analysis.exposition.rank import state_ranks
from qcircuit_adapt.analysis.exposition.reach import state_reach
from qcircuit_adapt.analysis.exposition.setting import describe_setting
from qcircuit_adapt.analysis.exposition.statement import Argument, Section
from qcircuit_adapt.analysis.exposition.total import describe_sum, name_term
from qcircuit_adapt.analysis.exposition.use import describe_use
from qcircuit_adapt.analysis.sum_certificate import SumCertificate


def argue(certificate: Certificate | SumCertificate) -> Argument:
    """Put in words all that a certificate proves.

    Example:
        >>> from qcircuit_adapt.analysis import prove
        >>> from qcircuit_adapt.circuit import Circuit
        >>> argument = argue(prove(Circuit.parse("x=64 | x -> r=4, r -> y=64")))
        >>> for section in argument.sections:
        ...     for statement in section.statements:
        ...         print(statement.number, statement.kind, statement.topic)
        1 Proposition parameters and cost
        2 Proposition QuanTA's bounds
        3 Theorem rank of the circuit
        4 Theorem degrees of freedom
        5 Proposition dimension
        6 Remark rank is not effective rank
        7 Remark checking
    """
    if isinstance(certificate, SumCertificate):
        return _argue_sum(certificate)
    name = certificate.circuit.name or "a circuit"
    form = certificate.update_rank.form if certificate.update_rank else None
    use = describe_use(form, orthogonal=certificate.orthogonal)
    sections = (*_list_sections(certificate), use)
    return arrange(f"What is proved about {name}", sections)


def _argue_sum(certificate: SumCertificate) -> Argument:
    names = " + ".join(term.circuit.name or "a circuit" for term in certificate.terms)
    sections = [describe_sum(certificate)]
    for place, term in enumerate(certificate.terms, 1):
        sections += [name_term(section, place) for section in _list_sections(term)]
    return arrange(f"What is proved about {names}", (*sections, describe_use(None)))


def _list_sections(certificate: Certificate) -> tuple[Section, ...]:
    """Return what is said about one circuit."""
    return (
        describe_setting(certificate),
        state_cost(certificate),
        state_ranks(certificate),
        state_freedom(certificate),
        state_reach(certificate),
    )


def arrange(title: str, sections: Iterable[Section]) -> Argument:
    """Number the statements of sections, drop empty sections, and collect the sources."""
    count = itertools.count(1)
    kept = tuple(
        replace(
            section,
            statements=tuple(replace(one, number=next(count)) for one in section.statements),
        )
        for section in sections
        if section.paragraphs or section.statements
    )
    statements = (one for section in kept for one in section.statements)
    sources = dict.fromkeys(source for one in statements for source in one.sources)
    return Argument(title, kept, tuple(sources))
