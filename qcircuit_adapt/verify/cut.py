"""Cut: upper bounds on a rank from bonds that separate the input from the output."""

from __future__ import annotations

import math
from collections.abc import Sequence

from qcircuit_adapt.verify.graph import DIFFERENCE, IN, OUT, Bond, Graph, cross
from qcircuit_adapt.verify.read import Field


def check_cut(evidence: dict[str, Field], names: Sequence[str], bonds: Sequence[Bond]) -> str:
    """Multiply the sizes of the bonds that cross: the matrix factors through so many numbers."""
    side = evidence["input_side"].gates(names)
    evidence["bound"].match(cross(bonds, side), "the cut")
    return "the bonds of the cut were multiplied"


def check_product(evidence: dict[str, Field], graph: Graph) -> str:
    """Bound T - S, a Kronecker product of factors beside identities.

    T and S have rank ``prod r_i``, r_i the rank of a factor, and their images meet in at least
    ``prod (2 r_i - s_i)`` dimensions if factor i of both maps into one space of s_i dimensions: the
    bonds of a cut with all trained gates on its input side. Rows likewise. Factors without trained
    gates are the same in both and only multiply.
    """
    space = evidence["space"].among(("columns", "rows"), "space")
    trained, whole = {*graph.trained}, [bond for bond in graph.bonds if {IN, OUT} <= {*bond.ends}]
    bonds = [bond for bond in graph.bonds if bond.size > 1 and bond not in whole]
    through = math.prod(bond.size for bond in whole)
    evidence["through"].match(through, "the product of the wires that no gate changes")
    seen: set[str] = set()
    kept, ranks, shared, changed = through, 1, 1, False
    for item in evidence["factors"].items():
        factor = item.keys(("gates", "rank", "rank_side", "span", "span_side"))
        gates = factor["gates"].gates(graph.names)
        if seen & {*gates}:
            factor["gates"].refuse("a gate is in two factors.")
        seen |= {*gates}
        inside = [bond for bond in bonds if {*gates} & {*bond.ends}]
        for bond in inside:
            if not {*bond.ends} <= {*gates, IN, OUT}:
                factor["gates"].refuse(f"bond {bond.name} joins it to another factor.")
        span_side = factor["span_side"].gates(gates)
        wrong = {*gates} - {*span_side} if space == "columns" else {*span_side}
        if wrong & trained:
            factor["span_side"].refuse(f"trained gates must not stand before the {space} here.")
        span, rank = cross(inside, span_side), cross(inside, factor["rank_side"].gates(gates))
        factor["span"].match(span, "the cut")
        factor["rank"].match(rank, "the cut")
        rank = min(rank, span)
        if trained & {*gates}:
            changed, ranks, shared = True, ranks * rank, shared * max(0, 2 * rank - span)
        else:
            kept *= rank
    if missing := {*graph.names} - seen:
        evidence["factors"].refuse(f"gate {min(missing)!r} is in none of them.")
    evidence["bound"].match(kept * (2 * ranks - shared) if changed else 0, "the product")
    return "the cuts of the factors were multiplied and put together"


def check_subject(evidence: dict[str, Field], subject: str) -> None:
    """See that evidence is about the matrix whose rank is claimed."""
    claimed = evidence["subject"].among(("T", DIFFERENCE, "start"), "subject")
    if claimed != subject:
        evidence["subject"].refuse(f"evidence on {claimed} proves nothing about {subject}.")
