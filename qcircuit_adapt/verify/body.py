"""Body: all that is claimed about one circuit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import CircuitError
from qcircuit_adapt.verify import rotation
from qcircuit_adapt.verify.claim import Claim, Kind, Kinds, Shown, check_claim
from qcircuit_adapt.verify.count import check_counts, check_quanta_bounds, count
from qcircuit_adapt.verify.freedom import check_tangent, check_tree
from qcircuit_adapt.verify.gauge import check_gauge
from qcircuit_adapt.verify.graph import Graph, build_graph
from qcircuit_adapt.verify.jacobian import check_jacobian, check_permuted
from qcircuit_adapt.verify.rank import (
    FACTORS,
    FORMS,
    check_nothing,
    check_rank,
    check_start,
    untrained,
)
from qcircuit_adapt.verify.read import Field
from qcircuit_adapt.verify.structure import (
    check_statements,
    list_rotation_statements,
    list_statements,
)
from qcircuit_adapt.verify.witness import Progress

HEAD = ("format", "version", "name", "digest")
KEYS = ("circuit", "counts", "quanta_bounds", "rank", "degrees_of_freedom", "statements")


@dataclass(frozen=True)
class Check:
    """A claim that holds.

    Attributes:
        claim: The claim.
        how: How it was checked, a line each.
    """

    claim: str
    how: tuple[str, ...]


def check_body(root: Field, *, progress: Progress | None) -> tuple[str, list[Check]]:
    """Check the certificate of one circuit; return its name and its claims."""
    body = root.keys((*HEAD, *KEYS), ("orthogonal", "update_rank", "start", "weight_rank"))
    graph = read_graph(body["circuit"])
    form = None
    if "update_rank" in body:
        form = read_form(body["update_rank"])
    elif "start" in body:
        body["start"].refuse("it is about an update, but 'update_rank' is missing.")
    checks, _, _ = check_claims(body, graph, form=form, progress=progress)
    return body["name"].text(), checks


def read_graph(field: Field) -> Graph:
    """Parse the circuit; its text must be as the package writes it."""
    try:
        circuit = Circuit.parse(field.text())
    except CircuitError as error:
        field.refuse("it is no circuit.", cause=error.problem)
    field.match(circuit.text, "the circuit, written out,")
    return build_graph(circuit)


def read_form(field: Field) -> str:
    """Return the form that a claim is about."""
    if not isinstance(field.value, dict) or "form" not in field.value:
        Field(None, f"{field.path}.form").refuse("the key is missing.")
    return Field(field.value["form"], f"{field.path}.form").among(FORMS, "form")


def check_claims(
    body: dict[str, Field], graph: Graph, *, form: str | None, progress: Progress | None
) -> tuple[list[Check], Claim, Claim]:
    """Check all that is claimed about a circuit; cheap things first.

    A base weight whose rank is the dimension of the circuit has an inverse on its side: the product
    with it has the rank of the other factor, and as many directions.

    Returns:
        The checks, and the claims on the update, or else on T, and on the degrees of freedom.
    """
    counts, turned = count(graph), "orthogonal" in body
    rank_of, freedom_of, start_of, statements = (
        check_rank,
        _check_freedom,
        _check_start,
        list_statements,
    )
    if turned:
        rotation.check_rotations(body["orthogonal"], graph, form)
        counts["parameters"] = rotation.count_angles(graph)
        rank_of, freedom_of = rotation.check_rank, rotation.check_freedom
        start_of, statements = rotation.check_start, list_rotation_statements
    factor = FACTORS.get(form or "", form)
    weight = check_weight(body, (graph.circuit.d_in, graph.circuit.d_out), [form])
    if weight and graph.circuit.d_in != graph.circuit.d_out:
        body["circuit"].refuse(f"form {form!r} needs a circuit with d_in = d_out.")
    checks = [
        Check(
            f"{counts['parameters']:,} parameters, {counts['macs_per_token']:,} MACs per token",
            (check_counts(body["counts"], counts),),
        ),
        Check("QuanTA's bounds", (check_quanta_bounds(body["quanta_bounds"], graph),)),
    ]
    if turned:
        checks.insert(0, Check("every gate is held orthogonal", ("every gate can be a rotation",)))
    update = rank = rank_of(body["rank"], graph, form=None, progress=progress)
    checks.append(report("rank of T", rank))
    if form:
        update = rank_of(body["update_rank"], graph, form=factor, progress=progress)
        checks.append(report(f"rank of the update in form {form!r}{weight}", update))
    freedom = freedom_of(body["degrees_of_freedom"], graph, progress)
    checks.append(report("degrees of freedom", freedom))
    if "start" in body:
        if read_form(body["start"]) != form:
            Field(form, "start.form").refuse(f"the update is of form {form!r}.")
        start = start_of(body["start"], graph, form=factor, progress=progress)
        checks.append(report(f"directions at the start{weight}", start))
    how = check_statements(body["statements"], graph, list(statements(graph)))
    checks.append(Check(f"{len(body['statements'].value)} statements", (how,)))
    return checks, update, freedom


def check_weight(
    body: dict[str, Field], shape: tuple[int, int], forms: Iterable[str | None]
) -> str:
    """Check the rank that the base weight is taken to have: the largest, if a form multiplies it.

    Returns:
        The assumption, to be put behind what is claimed.
    """
    if not any(form in FACTORS for form in forms):
        if "weight_rank" in body:
            body["weight_rank"].refuse("no form here multiplies the base weight.")
        return ""
    if "weight_rank" not in body:
        path = body["counts"].path.removesuffix("counts") + "weight_rank"
        Field(None, path).refuse("the key is missing, but a form multiplies the weight.")
    body["weight_rank"].match(min(shape), "the shape of the weight")
    return f", for every base weight of rank {min(shape):,},"


def report(what: str, claim: Claim) -> Check:
    """Say what was checked of a claim."""
    below = f"at least {claim.lower:,}: {claim.below.how}"
    above = f"at most {claim.upper:,}: {claim.above.how}"
    return Check(f"{what} {claim.numbers}, {claim.status}", (below, above))


def _check_freedom(field: Field, graph: Graph, progress: Progress | None) -> Claim:
    if not graph.trained:
        return check_claim(field, below=untrained(graph), above=untrained(graph))
    return check_claim(field, below=_find_lower(field, graph, progress), above=_find_upper(graph))


def _check_start(
    field: Field, graph: Graph, *, form: str | None, progress: Progress | None
) -> Claim:
    """Check in how many directions the update can move at first order when training starts.

    In form ``zero`` only the gate at zero moves it. Else it is the rank of the Jacobian where the
    gates start: that of generic gates, if they start there, and never more; at identities, which
    all gates of form ``residual`` are, a count.
    """
    if not graph.trained:
        kinds = untrained(graph)
        return check_claim(field, below=kinds, above=kinds, more=("form",))
    if form == "zero":
        return check_start(field, graph)
    below, above = dict(_find_lower(field, graph, progress)), dict(_find_upper(graph))
    trained = [tensor for tensor in graph.tensors if tensor.trained]
    if form == "residual" or any(tensor.special for tensor in trained):
        below = {name: below[name] for name in ("tangent", "no theorem")}
        if form != "residual" and any(tensor.init == "orthogonal" for tensor in trained):
            del below["tangent"]
    if form == "residual" and {*graph.names} == {*graph.free}:
        above["tangent"] = below["tangent"]
    return check_claim(field, below=below, above=above, more=("form",))


def _find_lower(claim: Field, graph: Graph, progress: Progress | None) -> Kinds:
    def tree(evidence: dict[str, Field]) -> Shown:
        return Shown(check_tree(evidence, graph))

    def tangent(evidence: dict[str, Field]) -> Shown:
        return Shown(check_tangent(evidence, graph))

    def jacobian(evidence: dict[str, Field]) -> Shown:
        most = claim.value["at_most"]["bound"]
        how, odds = check_jacobian(evidence, graph, most=most, progress=progress)
        return Shown(how, witness=True, odds=odds)

    def permuted(evidence: dict[str, Field]) -> Shown:
        return Shown(check_permuted(evidence, graph), witness=True)

    return {
        "tree": Kind((), tree),
        "tangent": Kind((), tangent),
        "jacobian": Kind(("rows", "seed", "odds"), jacobian),
        "permuted": Kind(("seed",), permuted),
        "no theorem": Kind((), check_nothing),
    }


def _find_upper(graph: Graph) -> Kinds:
    def gauge(evidence: dict[str, Field]) -> Shown:
        return Shown(check_gauge(evidence, graph))

    return {"gauge": Kind(("parameters", "blocks"), gauge)}
