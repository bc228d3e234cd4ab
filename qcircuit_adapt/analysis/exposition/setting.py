"""Setting: the circuit, its matrices, and what the words mean."""

from __future__ import annotations

from collections.abc import Iterator

from qcircuit_adapt.adapter import Form
from qcircuit_adapt.analysis.bounds.route import is_special
from qcircuit_adapt.analysis.certificate import Certificate
from qcircuit_adapt.analysis.exposition.bound import join_sentences
from qcircuit_adapt.analysis.exposition.piece import (
    DIFFERENCE,
    TIE,
    UPDATE,
    Code,
    Math,
    S,
    Sentence,
    T,
    W,
    expr,
    gate,
    gates,
    listing,
    say,
)
from qcircuit_adapt.analysis.exposition.rotation import describe_rotations
from qcircuit_adapt.analysis.exposition.statement import Section
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.wires import half_names

SCALE = Math("s", "s")
SCALED = Math(f"s{TIE}(T -{TIE}S)", "s (T - S)")

FORMS: dict[Form, Sentence] = {
    "difference": say(
        "{update}, where {S} is {T} at its initial gates, which are kept",
        update=expr(UPDATE, "=", SCALED),
        S=S,
        T=T,
    ),
    "residual": say(
        "{update}, where {S} is {T} with every gate a (partial) identity",
        update=expr(UPDATE, "=", SCALED),
        S=S,
        T=T,
    ),
    "zero": say(
        "{update}, and one gate starts at zero",
        update=expr(UPDATE, "=", Math(f"s{TIE}T", "s T")),
    ),
    "input": say(
        "{update}, where {W} is the base weight and {S} is {T} with (partial) identities for gates",
        update=expr(UPDATE, "=", Math(f"s{TIE}W{TIE}(T -{TIE}S)", "s W (T - S)")),
        W=W,
        S=S,
        T=T,
    ),
    "output": say(
        "{update}, where {W} is the base weight and {S} is {T} with (partial) identities for gates",
        update=expr(UPDATE, "=", Math(f"s{TIE}(T -{TIE}S){TIE}W", "s (T - S) W")),
        W=W,
        S=S,
        T=T,
    ),
}
"""How each form changes the weight."""

WHY: dict[str, Sentence] = {
    "input": say("the columns of {W} are independent, so it has a left inverse", W=W),
    "output": say("the rows of {W} are independent, so it has a right inverse", W=W),
}
"""Why a base weight of the largest rank changes no rank and no dimension."""


def describe_setting(certificate: Certificate) -> Section:
    """Say what the circuit is, what T, S and the update are, and what is meant by generic."""
    return Section("Setting and notation", tuple(_describe(certificate)))


def _describe(certificate: Certificate) -> Iterator[Sentence]:
    circuit, update = certificate.circuit, certificate.update_rank
    yield say(
        "The circuit is {text}. It maps vectors of {d_in} numbers to vectors of {d_out}; {T} is "
        "its matrix. Each gate is a real tensor on the wires it names, beside an identity on all "
        "others, and {T} is their product in the order written.",
        text=Code(circuit.text),
        d_in=circuit.d_in,
        d_out=circuit.d_out,
        T=T,
    ) + _name_gates(circuit)
    if update and update.form:
        yield say(
            "The adapter has the form {form}: the weight is changed by {what}. The number {s} is "
            "not 0 and changes no rank. Training starts at {start}.",
            form=Code(update.form),
            what=FORMS[update.form],
            s=SCALE,
            start=expr(UPDATE, "=", 0),
        )
    if certificate.weight_rank:
        yield say(
            "Unless a statement says otherwise, {W} is any matrix of rank {n}, as every invertible "
            "one is. It is fixed; what is generic is so for each {W}, with the same exceptions. "
            "Multiplying {difference} by such a {W} loses nothing: {what}. So the updates have the "
            "ranks, the degrees of freedom and the first step of {difference}.",
            W=W,
            n=certificate.weight_rank,
            difference=DIFFERENCE,
            what=WHY[update.form] if update and update.form else "",
        )
    if certificate.orthogonal:
        yield describe_rotations()
    yield from _describe_generic(
        circuit, update.form if update else None, orthogonal=certificate.orthogonal
    )
    yield say(
        "Every statement says how sure it is. A theorem is proved by the argument below it; where "
        "it was proved by witness, an exact computation with whole numbers is part of the proof, "
        "and can be repeated. In a proved interval both ends are proved. What is marked Monte "
        "Carlo is not proved."
    )


def _name_gates(circuit: Circuit) -> Sentence:
    if not circuit.gates:
        return say(" There are no gates: {T} only puts wires into another order.", T=T)
    names = [gate.name for gate in circuit.gates]
    called = say(
        " The gates are {names}." if len(names) > 1 else " The gate is {names}.", names=gates(names)
    )
    ranked = [one.name for one in circuit.gates if circuit.owner(one).rank]
    if ranked:
        first, second = half_names(ranked[0], names)
        called += say(
            " A gate of bounded rank ({names}) is the product of two half-gates through a bond of "
            "the size of the rank. Those of {one} are called {first} and {second}.",
            names=gates(ranked),
            one=gate(ranked[0]),
            first=Code(first),
            second=Code(second),
        )
    shared = [one for one in circuit.gates if one.share]
    if shared:
        pairs = [
            say("{a} has that of {b}", a=gate(one.name), b=gate(one.share or "")) for one in shared
        ]
        called += say(" Tensors are used again: {pairs}.", pairs=join_sentences(pairs))
    return called


def _describe_generic(
    circuit: Circuit, form: Form | None, *, orthogonal: bool
) -> Iterator[Sentence]:
    of = say(" of {T} and of {S}", T=T, S=S) if form == "difference" else ()
    sentence = say(
        "Something holds for all gate values if there is no exception. It holds generically if the "
        "exceptions are zeros of a polynomial in the {entries}{what} that is not "
        "zero everywhere. Such values have measure zero. A generic rank is the largest rank that "
        "occurs, since a rank only falls in limits.",
        entries="angles" if orthogonal else "entries of the gates",
        what=of,
    )
    frozen = [one for one in circuit.gates if not circuit.trainable(one)]
    random = [one.name for one in frozen if not is_special(circuit, one)]
    if random:
        sentence += say(
            " The values of frozen gates ({names}) count among these entries.", names=gates(random)
        )
    held = [
        one
        for one in circuit.gates
        if is_special(circuit, one)
        and not one.share
        and (form == "difference" or not circuit.trainable(one))
    ]
    if held:
        kinds = [
            Code(f"{one.name}: {'ones' if one.diagonal and one.init != 'zero' else one.init}")
            for one in held
        ]
        where = say(" in {S} and where they are frozen", S=S) if form == "difference" else ()
        sentence += say(
            " Gates that start at special values keep these{where}: {kinds}.",
            where=where,
            kinds=listing(kinds),
        )
    yield sentence
