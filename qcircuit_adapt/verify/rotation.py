"""Rotation: claims about circuits whose gates are all held orthogonal, starting as identities.

Each block of a gate is ``(1 + K) (1 - K)^-1 = 2 (1 - K)^-1 - 1`` with K skew; the numbers above the
diagonal of K are trained.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np

from qcircuit_adapt.verify.claim import Claim, Kind, Kinds, Shown, check_claim
from qcircuit_adapt.verify.cut import check_cut, check_subject
from qcircuit_adapt.verify.field import PRIME, Array, draw, reduce
from qcircuit_adapt.verify.gauge import measure_span
from qcircuit_adapt.verify.graph import DIFFERENCE, IN, OUT, Graph, Tensor
from qcircuit_adapt.verify.matrix import MAX_ENTRIES, Operator
from qcircuit_adapt.verify.read import Field
from qcircuit_adapt.verify.witness import Progress, check_terms

FORMS = ("residual", "input", "output")
"""The forms in which all gates start as identities."""

MAX_ROWS = 512
"""Up to how many rows of a gate a rotation is drawn."""


def check_rotations(field: Field, graph: Graph, form: str | None) -> None:
    """See that all gates can be rotations away from the identity, in this form."""
    field.match(True, "the key, where there is one,")
    if form not in FORMS:
        known = ", ".join(FORMS)
        field.refuse(f"gates are rotations in forms {known}, and there is no such form here.")
    for tensor in graph.tensors:
        _, rows, columns = tensor.shape
        if rows != columns or rows == 1 or tensor.bounded or not tensor.trained:
            field.refuse(f"gate {tensor.name!r} cannot be a rotation.")


def count_angles(graph: Graph) -> int:
    """Count what is trained: ``n (n - 1) / 2`` numbers for each block of n rows."""
    own = [tensor.shape for tensor in graph.tensors if tensor.name == tensor.values]
    return sum(blocks * math.comb(rows, 2) for blocks, rows, _ in own)


def check_rank(field: Field, graph: Graph, *, form: str | None, progress: Progress | None) -> Claim:
    """Check a claim on the rank of T, or of the update."""
    if not form:
        kinds = {"orthogonal": Kind((), lambda evidence: _see_orthogonal(evidence, graph))}
        return check_claim(field, below=kinds, above=kinds)

    def cut(evidence: dict[str, Field]) -> Shown:
        check_subject(evidence, DIFFERENCE)
        return Shown(check_cut(evidence, graph.names, graph.bonds_of(DIFFERENCE)))

    below = {
        "turned": Kind((), lambda evidence: _turn(evidence, graph)),
        "rotation witness": Kind(
            ("prime", "seed", "digest"), lambda evidence: _draw_again(evidence, graph, progress)
        ),
    }
    above = {
        "euler": Kind(("through",), lambda evidence: _fix(evidence, graph)),
        "cut": Kind(("subject", "input_side"), cut),
    }
    return check_claim(field, below=below, above=above, more=("form",))


def check_freedom(field: Field, graph: Graph, progress: Progress | None) -> Claim:
    """Check a claim on the degrees of freedom."""
    keys = ("angles", "gauge", "space")
    above = {"angles": Kind(keys, lambda evidence: _count_freedom(evidence, graph))}
    return check_claim(field, below=_find_skew(graph), above=above)


def check_start(
    field: Field, graph: Graph, *, form: str | None, progress: Progress | None
) -> Claim:
    """Check in how many directions identities can move T; all are counted, or nothing is known."""
    if not all(tensor.same for tensor in graph.tensors) or len({*graph.free}) < len(graph.names):
        field.refuse("gates are shared or do not keep their wires, so not all directions count.")
    return check_claim(field, below=_find_skew(graph), above=_find_skew(graph), more=("form",))


def _see_orthogonal(evidence: dict[str, Field], graph: Graph) -> Shown:
    evidence["bound"].match(graph.circuit.d_in, "the dimension of T")
    return Shown("a product of orthogonal matrices has an inverse")


def _fix(evidence: dict[str, Field], graph: Graph) -> Shown:
    """A rotation in odd dimensions fixes a direction, for each index of what gates only see."""
    d = graph.circuit.d_in
    through = math.prod(bond.size for bond in graph.bonds if {IN, OUT} <= {*bond.ends})
    if d // through % 2 == 0:
        evidence["by"].refuse(f"a rotation in {d // through:,} dimensions need fix no direction.")
    evidence["through"].match(through, "the graph")
    evidence["bound"].match(d - through, "one direction less for each index")
    return Shown(f"rotations in {d // through:,} dimensions, an odd number, fix a direction")


def _turn(evidence: dict[str, Field], graph: Graph) -> Shown:
    """Compute the rank where each wire that a chosen gate acts on turns by itself.

    Of a product of rotations an eigenvalue is generically 1 only if it is 1 in each of them.
    """
    d, most = graph.circuit.d_in, 0
    for chosen in _choose(graph):
        size = math.prod({name: n for on, _ in chosen for name, n in on.items()}.values())
        most = max(most, d - size % 2 * (d // size))
    evidence["bound"].match(most, "turning wires one by one, or one gate,")
    return Shown("the eigenvalues of rotations of single wires, or of one gate, were counted")


def _find_skew(graph: Graph) -> Kinds:
    def check(evidence: dict[str, Field]) -> Shown:
        """Count skew matrices: half of a span that transposing keeps, less what is diagonal."""
        most = 0
        for chosen in _choose(graph):
            full = [{name: n * n for name, n in on.items()} | per for on, per in chosen]
            most = max(most, measure_span(full) - measure_span([on | per for on, per in chosen]))
        evidence["bound"].match(most // 2, "the count at identity gates")
        return Shown("the skew matrices in the spaces of the gates were counted")

    return {"skew": Kind((), check)}


def _count_freedom(evidence: dict[str, Field], graph: Graph) -> Shown:
    """Subtract from the angles the rotations that can be slipped in between two gates."""
    sizes, shared, gauge = graph.sizes, {*graph.names} - {*graph.free}, 0
    ends = {bond.name: bond.ends for bond in graph.bonds}
    for one, other in itertools.combinations(graph.tensors, 2):
        names = [name for name in one.to if name in other.on and len(ends[name]) == 2]
        if names and not shared & {one.name, other.name}:
            common = math.prod(sizes[name] for name in one.per if name in other.per)
            gauge += common * math.comb(math.prod(sizes[name] for name in names), 2)
    untouched = math.prod(bond.size for bond in graph.bonds if bond.ends == (IN, OUT))
    seen = math.prod(b.size for b in graph.bonds if {IN, OUT} < {*b.ends})
    space = seen * math.comb(graph.circuit.d_in // untouched // seen, 2)
    evidence["angles"].match(count_angles(graph), "the count")
    evidence["gauge"].match(gauge, "the count of rotations between gates")
    evidence["space"].match(space, "the dimension of all such rotations")
    evidence["bound"].match(min(count_angles(graph) - gauge, space), "the lesser of both")
    return Shown(
        f"of {count_angles(graph):,} angles {gauge:,} do nothing; T has room for {space:,}"
    )


Turn = dict[str, int]


def _choose(graph: Graph) -> Iterator[list[tuple[Turn, Turn]]]:
    """Yield gates that may turn, by the inputs that their wires continue, while the rest stays.

    That is all that are not shared where gates keep their wires, and else each alone.
    """
    sizes, line, found = graph.sizes, {name: name for name in graph.inputs}, []
    kept = all(tensor.same for tensor in graph.tensors)
    for tensor in graph.tensors:
        if tensor.name in graph.free:
            wires = [{line.get(n, n): sizes[n] for n in names} for names in (tensor.on, tensor.per)]
            found.append((wires[0], wires[1]))
        if kept:
            line |= {new: line[old] for old, new in zip(tensor.on, tensor.to, strict=True)}
    yield from [found] if kept else [[one] for one in found]


def _draw_again(evidence: dict[str, Field], graph: Graph, progress: Progress | None) -> Shown:
    own = [tensor for tensor in graph.tensors if tensor.name == tensor.values]
    for tensor in own:
        if tensor.shape[1] > MAX_ROWS:
            evidence["by"].refuse(
                f"gate {tensor.name!r} has {tensor.shape[1]:,} rows; the limit is {MAX_ROWS}."
            )
    total = sum(tensor.parameters for tensor in own)
    if total > MAX_ENTRIES:
        evidence["by"].refuse(f"the gates have {total:,} values; the limit is {MAX_ENTRIES:,}.")
    seed = evidence["seed"].whole()
    now = Operator(graph, {tensor.name: _draw(tensor, seed) for tensor in own})
    first = Operator(graph, {t.name: np.broadcast_to(np.eye(t.shape[1]), t.shape) for t in own})
    evidence = {**evidence, "projection": Field(None)}
    how, _ = check_terms(evidence, [(1, now), (-1, first)], len(graph.tensors), progress)
    return Shown(how, witness=True)


def _draw(tensor: Tensor, seed: int) -> Array:
    """Draw the blocks of a rotation; all again while one of them has ``1 - K`` without inverse."""
    blocks, rows, _ = tensor.shape
    for again in itertools.count():
        label = f"angles={tensor.name}" + (f"|again={again}" if again else "")
        numbers = draw((blocks, math.comb(rows, 2)), seed=seed, label=label)
        inverses = [_invert(_subtract_skew(above, rows)) for above in numbers]
        if all(inverse is not None for inverse in inverses):
            break
    return np.stack([reduce(2 * one - np.eye(rows)) for one in inverses if one is not None])


def _subtract_skew(above: Array, rows: int) -> Array:
    """Return ``1 - K``, given what is above the diagonal of K, row by row."""
    matrix = np.eye(rows)
    places = itertools.combinations(range(rows), 2)
    for (row, column), value in zip(places, above, strict=True):
        matrix[row, column], matrix[column, row] = PRIME - value, value
    return matrix


def _invert(matrix: Array) -> Array | None:
    """Solve for the identity by elimination, one column after the other; None if one is empty."""
    rows = len(matrix)
    solved = np.concatenate((matrix, np.eye(rows)), axis=1)
    for place in range(rows):
        found = [row for row in range(place, rows) if solved[row, place] % PRIME]
        if not found:
            return None
        pivot = reduce(solved[found[0]] * pow(int(solved[found[0], place]), -1, PRIME))
        solved[found[0]] = solved[place]
        solved[place] = 0
        solved = reduce(solved - solved[:, place : place + 1] * pivot)
        solved[place] = pivot
    return solved[:, rows:]
