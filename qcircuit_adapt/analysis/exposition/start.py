"""Start: in how many directions the update can take its first step."""

from __future__ import annotations

from collections.abc import Iterator

from qcircuit_adapt.adapter import FORMS_FROM_IDENTITY, Form, Term
from qcircuit_adapt.analysis.bounds.cut import Cut
from qcircuit_adapt.analysis.bounds.route import Routing
from qcircuit_adapt.analysis.certificate import Certificate
from qcircuit_adapt.analysis.exposition.bound import write_bond
from qcircuit_adapt.analysis.exposition.piece import S, Sentence, T, expr, gate, interleave, say
from qcircuit_adapt.analysis.exposition.statement import Block, Statement
from qcircuit_adapt.analysis.freedom.start import Start
from qcircuit_adapt.analysis.rotation import Skew
from qcircuit_adapt.circuit import Circuit


def state_start(certificate: Certificate) -> Iterator[Statement]:
    """State the dimension of the update's tangent space where training starts, if it is known."""
    start, update = certificate.start, certificate.update_rank
    if start is None or update is None or update.form is None or not start.upper:
        return
    yield Statement(
        "Proposition",
        "first step",
        start.status if start.exact else "proved interval",
        _claim(start, update.form),
        tuple(_prove(start, update.form, certificate.circuit)),
    )


def _claim(start: Start, form: Form) -> Sentence:
    where = {
        "difference": "Where training starts, generically",
        "zero": "Where training starts, at generic values of the gates that do not start at zero,",
    }.get(form, "Where training starts")
    if start.exact:
        return say("{where} the update moves in {n} directions.", where=where, n=start.lower)
    return say(
        "{where} the update moves in at least {lower} and at most {upper} directions.",
        where=where,
        lower=start.lower,
        upper=start.upper,
    )


def _prove(start: Start, form: Form, circuit: Circuit) -> Iterator[Block]:
    if form == "difference":
        yield say(
            "Training starts at the gates of {S}, which are drawn at random. There the Jacobian "
            "generically has its largest rank, which is that of the preceding statement.",
            S=S,
        )
    elif isinstance(start.below, Skew):
        yield say(
            "Training starts with every gate an identity. The directions there are those that are "
            "counted for the lower bound of the preceding statement, and there are no others."
        )
    elif form in FORMS_FROM_IDENTITY:
        yield say(
            "Training starts with every gate an identity. Moving one then moves {T} along any "
            "matrix on the gate's wires, and the span of these directions has dimension {n}.",
            T=T,
            n=start.lower,
        )
    else:
        yield from _prove_zero(start, circuit)


def _prove_zero(start: Start, circuit: Circuit) -> Iterator[Block]:
    zero = Term(circuit, "zero").zero_gate
    yield say(
        "Gate {zero} starts at zero. So moving any other gate does not move {T} yet, and {T} is "
        "linear in {zero}.",
        zero=gate(zero),
        T=T,
    )
    if isinstance(start.above, Cut):
        sizes = [write_bond(bond) for bond in start.above.bonds]
        total = expr(interleave("*", [b.size for b in start.above.bonds] or [1]))
        yield say(
            "Upper bound. All that {T} sees of the entries of {zero} passes over the bonds "
            "{bonds}, which have {total} values.",
            T=T,
            zero=gate(zero),
            bonds=interleave(",", sizes or [1]),
            total=expr(total, "=", start.upper) if len(sizes) > 1 else start.upper,
        )
    if isinstance(start.below, Routing):
        widths = [path.width for path in start.below.paths] or [1]
        total = interleave("*", widths)
        yield say(
            "Lower bound. Gates that copy values along {count} from {zero} to open wires, and that "
            "are zero elsewhere, carry {total} entries of {zero} to different entries of {T}.",
            count=say("{n} paths", n=len(widths)) if len(widths) > 1 else say("a path"),
            zero=gate(zero),
            total=expr(total, "=", start.lower) if len(widths) > 1 else start.lower,
            T=T,
        )
    else:
        yield say("No lower bound is proved: a frozen gate stays at special values.")
