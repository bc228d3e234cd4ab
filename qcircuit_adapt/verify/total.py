"""Total: all that is claimed about a sum of circuits."""

from __future__ import annotations

import math
from fractions import Fraction

from qcircuit_adapt.verify.body import (
    HEAD,
    KEYS,
    Check,
    check_claims,
    check_weight,
    read_form,
    read_graph,
    report,
)
from qcircuit_adapt.verify.claim import Claim, Kind, Kinds, Shown, check_claim
from qcircuit_adapt.verify.count import check_counts, count
from qcircuit_adapt.verify.graph import Graph
from qcircuit_adapt.verify.rank import FACTORS, FORMS
from qcircuit_adapt.verify.read import Field
from qcircuit_adapt.verify.witness import Progress, check_sum_witness

Terms = list[tuple[Graph, str, Fraction]]


def check_sum(root: Field, *, progress: Progress | None) -> tuple[str, list[Check]]:
    """Check the certificate of a sum; return its name and its claims."""
    body = root.keys(
        (*HEAD, "terms", "counts", "update_rank", "degrees_of_freedom"), ("weight_rank",)
    )
    terms: Terms = []
    checks: list[Check] = []
    updates, freedoms = [], []
    for number, item in enumerate(body["terms"].items()):
        term = item.keys((*KEYS, "name", "form", "scale", "update_rank"), ("start", "weight_rank"))
        name = term["name"].text()
        form = term["form"].among(FORMS, "form")
        graph = read_graph(term["circuit"])
        if read_form(term["update_rank"]) != form:
            term["update_rank"].refuse(f"the term is of form {form!r}.")
        terms.append((graph, form, _read_scale(term["scale"])))
        _find_shape(terms, term["circuit"])
        found, update, freedom = check_claims(term, graph, form=form, progress=progress)
        checks += [Check(f"term {number} {name}: {one.claim}", one.how) for one in found]
        updates.append(update)
        freedoms.append(freedom)
    if not terms:
        body["terms"].refuse("a sum has at least one term.")
    derived = [count(graph) for graph, _, _ in terms]
    total = {key: sum(counts[key] for counts in derived) for key in derived[0]}
    shape = _find_shape(terms, body["terms"])
    total |= {"d_in": shape[0], "d_out": shape[1]}
    how = check_counts(body["counts"], total)
    checks.append(Check(f"{total['parameters']:,} parameters in all", (how,)))

    def witness(evidence: dict[str, Field]) -> Shown:
        how, odds = check_sum_witness(evidence, terms, progress=progress)
        return Shown(how, witness=True, odds=odds)

    below = dict(_find_lower(updates, terms))
    most = min(shape)
    weight = check_weight(body, shape, [form for _, form, _ in terms])
    for number, (graph, form, _) in enumerate(terms):
        if form in FACTORS and graph.circuit.d_in > most:
            Field(None, f"terms[{number}].form").refuse(
                f"a weight of rank {most:,} loses some of its {graph.circuit.d_in:,} dimensions."
            )
    if not weight:
        below["sum witness"] = Kind(("prime", "seed", "projection", "digest"), witness)
    update = check_claim(body["update_rank"], below=below, above=_find_upper(updates, most))
    space = shape[0] * shape[1]
    freedom = check_claim(
        body["degrees_of_freedom"],
        below=_find_lower(freedoms, terms),
        above=_find_upper(freedoms, space),
    )
    for what, claim in (("rank of the update", update), ("degrees of freedom", freedom)):
        checks.append(report(f"{what}{weight}", claim))
    return body["name"].text(), checks


def _find_shape(terms: Terms, field: Field) -> tuple[int, int]:
    """Return d_in and d_out of the weight, on which all terms must agree.

    A circuit before the weight leaves d_out to it, one behind it d_in; what no term says is the
    dimension of the first circuit.
    """
    found = []
    for side, name, free in ((0, "d_in", "output"), (1, "d_out", "input")):
        shapes = [((g.circuit.d_in, g.circuit.d_out)[side], form) for g, form, _ in terms]
        said = [size for size, form in shapes if form != free] or [shapes[0][0]]
        if len({*said}) > 1:
            field.refuse(f"its {name} is {said[-1]:,}, that of terms before {said[0]:,}.")
        found.append(said[0])
    return found[0], found[1]


def _read_scale(field: Field) -> Fraction:
    if type(field.value) not in (int, float) or not math.isfinite(field.value):
        field.refuse(f"expected a number, not {field.value!r}.")
    return Fraction(field.value)


def _find_lower(claims: list[Claim], terms: Terms) -> Kinds:
    """Let one term show what the sum does at least: that, where the others stay as they are."""

    def check(evidence: dict[str, Field]) -> Shown:
        number = evidence["term"].whole()
        if number >= len(terms):
            evidence["term"].refuse(f"there are only {len(terms)} terms.")
        if not terms[number][2]:
            evidence["term"].refuse("its scale is 0.")
        claim = claims[number]
        evidence["bound"].match(claim.lower, f"term {number}")
        return Shown(f"term {number} does it alone", claim.below.witness)

    return {"term": Kind(("term",), check)}


def _find_upper(claims: list[Claim], most: int) -> Kinds:
    def check(evidence: dict[str, Field]) -> Shown:
        bound = min(most, sum(claim.upper for claim in claims))
        evidence["bound"].match(bound, "the sum of the terms")
        return Shown("the terms were added up")

    return {"sum": Kind((), check)}
