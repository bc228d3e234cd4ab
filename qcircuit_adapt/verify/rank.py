"""Rank: which evidence there is for the rank of T, of an update, and of a start."""

from __future__ import annotations

from qcircuit_adapt.verify.bridge import check_bridge
from qcircuit_adapt.verify.claim import Claim, Kind, Kinds, Shown, check_claim, check_evidence
from qcircuit_adapt.verify.cut import check_cut, check_product, check_subject
from qcircuit_adapt.verify.graph import DIFFERENCE, Graph
from qcircuit_adapt.verify.matrix import find_subject
from qcircuit_adapt.verify.read import Field
from qcircuit_adapt.verify.route import check_routing, start_bonds
from qcircuit_adapt.verify.witness import Progress, check_witness

FORMS = ("difference", "residual", "zero", "input", "output")

FACTORS = {"input": "residual", "output": "residual"}
"""Of forms that multiply the base weight, the form whose update is the other factor."""


def check_rank(field: Field, graph: Graph, *, form: str | None, progress: Progress | None) -> Claim:
    """Check a claim on the rank of T, or of the update that a form makes of it."""
    subject = find_subject(form)
    if form and not graph.trained:
        return check_claim(field, below=untrained(graph), above=untrained(graph), more=("form",))

    def on_t(evidence: dict[str, Field]) -> Shown:
        inner = check_evidence(evidence["of"], _find_lower(graph, "T", None, progress))
        evidence["bound"].match(evidence["of"].value["bound"], "the evidence on T")
        return Shown(f"a trained gate can outgrow S, and on T {inner.how}", inner.witness)

    below = dict(_find_lower(graph, subject, form, progress))
    if subject == DIFFERENCE:
        del below["invertible"]
        below["scaled"] = Kind(("of",), on_t)
    if form == "residual":
        # S is the identity there, so its gates cannot be chosen.
        del below["routing"]
    return check_claim(
        field, below=below, above=_find_upper(graph, subject), more=("form",) if form else ()
    )


def check_start(field: Field, graph: Graph) -> Claim:
    """Check a claim on the rank of the map from the entries of the gate at zero to T."""
    removed = _find_zero(field, graph)
    names, bonds = [n for n in graph.names if n != removed], start_bonds(graph, removed)

    def follow(evidence: dict[str, Field]) -> Shown:
        check_subject(evidence, "start")
        return Shown(check_routing(evidence, graph, subject="start", removed=removed))

    def cut(evidence: dict[str, Field]) -> Shown:
        check_subject(evidence, "start")
        return Shown(check_cut(evidence, names, bonds))

    below = {"routing": Kind(("subject", "paths"), follow), "unproved": Kind((), check_nothing)}
    above = {"cut": Kind(("subject", "input_side"), cut)}
    return check_claim(field, below=below, above=above, more=("form",))


def _find_zero(field: Field, graph: Graph) -> str:
    """Return the tensor that starts at zero in form ``zero``: the marked gate, or the last trained.

    Of a gate of bounded rank it is the second half.
    """
    own = [tensor for tensor in graph.tensors if tensor.name == tensor.values and tensor.trained]
    marked = [gate for gate in graph.circuit.gates if gate.init == "zero"]
    zero = [tensor.name for tensor in own if tensor.init == "zero" or not marked][-1:]
    if len(marked) > 1 or not zero or graph.uses[zero[0]] > 1:
        field.refuse("it is not one trained gate, used once, that starts at zero.")
    return zero[0]


def untrained(graph: Graph) -> Kinds:
    """Return the one kind of evidence there is where nothing is trained."""

    def check(evidence: dict[str, Field]) -> Shown:
        if graph.trained:
            evidence["by"].refuse(f"gate {graph.trained[0]!r} is trained.")
        evidence["bound"].match(0, "no trained gate")
        return Shown("no gate is trained, so nothing changes")

    return {"untrained": Kind((), check)}


def _find_lower(graph: Graph, subject: str, form: str | None, progress: Progress | None) -> Kinds:
    def invert(evidence: dict[str, Field]) -> Shown:
        for gate in graph.circuit.gates:
            owner = graph.circuit.owner(gate)
            full = owner.rank is None or owner.rank >= gate.rows
            start = owner.init or "kaiming"
            singular = start == "zero" or (start == "ones" and bool(gate.on))
            kept = start in ("kaiming", "normal") or (owner.rank is None and not singular)
            if gate.rows != gate.columns or not full or not (graph.circuit.trainable(gate) or kept):
                evidence["by"].refuse(f"gate {gate.name!r} cannot be invertible.")
        evidence["bound"].match(graph.circuit.d_in, "the dimension of T")
        return Shown("every gate is square and can be invertible, so T can")

    def follow(evidence: dict[str, Field]) -> Shown:
        check_subject(evidence, subject)
        return Shown(check_routing(evidence, graph, subject=subject))

    def draw(evidence: dict[str, Field]) -> Shown:
        evidence["form"].match(form if subject == DIFFERENCE else None, "the claim")
        how, odds = check_witness(evidence, graph, progress=progress)
        return Shown(how, witness=True, odds=odds)

    return {
        "invertible": Kind((), invert),
        "routing": Kind(("subject", "paths"), follow),
        "witness": Kind(("form", "prime", "seed", "projection", "digest"), draw),
        "unproved": Kind((), check_nothing),
    }


def _find_upper(graph: Graph, subject: str) -> Kinds:
    bonds = graph.bonds_of(subject)

    def cut(evidence: dict[str, Field]) -> Shown:
        check_subject(evidence, subject)
        return Shown(check_cut(evidence, graph.names, bonds))

    def bridge(evidence: dict[str, Field]) -> Shown:
        check_subject(evidence, subject)
        return Shown(check_bridge(evidence, graph.names, bonds))

    def product(evidence: dict[str, Field]) -> Shown:
        check_subject(evidence, subject)
        return Shown(check_product(evidence, graph))

    kinds = {
        "cut": Kind(("subject", "input_side"), cut),
        "bridge": Kind(("subject", "input_side", "bridge", "direct", "blocks"), bridge),
    }
    if subject == DIFFERENCE:
        kinds["product"] = Kind(("through", "space", "subject", "factors"), product)
    return kinds


def check_nothing(evidence: dict[str, Field]) -> Shown:
    """See that the bound is 0."""
    evidence["bound"].match(0, "no proof")
    return Shown("nothing is claimed")
