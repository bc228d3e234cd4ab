"""Route: a lower bound on a generic rank, by values that gates copy along disjoint paths.

At gates that are 1 where they copy the values of their paths, and 0 elsewhere, the matrix is a
partial permutation of as many values as the paths carry. Gates that cannot be chosen so, because
they share a tensor or stay at special values, are held at the identity wire by wire.
"""

from __future__ import annotations

import itertools
import math

from qcircuit_adapt.verify.graph import DIFFERENCE, IN, OUT, Bond, Graph, Merger
from qcircuit_adapt.verify.read import Field


def check_routing(
    evidence: dict[str, Field], graph: Graph, *, subject: str, removed: str = ""
) -> str:
    """Follow the paths, and compare what each bond carries with its size.

    Args:
        evidence: The evidence.
        graph: The graph.
        subject: The matrix whose rank is claimed.
        removed: For subject ``start``, the tensor that starts at zero.
    """
    bonds = {bond.name: bond for bond in hold(graph, evidence, subject=subject, removed=removed)}
    carried = dict.fromkeys(bonds, 1)
    paths = [item.keys(("width", "bonds", "gates")) for item in evidence["paths"].items()]
    for path in paths:
        width = path["width"].whole(least=1)
        stops = [IN, *(item.text() for item in path["gates"].items()), OUT]
        taken = path["bonds"].items()
        if len(taken) != len(stops) - 1:
            path["bonds"].refuse(f"{len(stops) - 1} bonds are needed, not {len(taken)}.")
        if len({*stops}) < len(stops):
            path["gates"].refuse("a path passes each gate once.")
        if len({item.text() for item in taken}) < len(taken):
            path["bonds"].refuse("a path takes each bond once.")
        for item, (start, stop) in zip(taken, itertools.pairwise(stops), strict=True):
            if item.text() not in bonds:
                item.refuse(f"there is no bond {item.text()!r} once gates are held.")
            if not {start, stop} <= {*bonds[item.text()].ends}:
                item.refuse(f"bond {item.text()!r} does not join {start} to {stop}.")
            carried[item.text()] *= width
    for name, amount in carried.items():
        if amount > bonds[name].size:
            evidence["paths"].refuse(
                f"they carry {amount:,} values over bond {name!r} of size {bonds[name].size:,}."
            )
    evidence["bound"].match(
        math.prod(path["width"].whole() for path in paths), "the product of the paths' widths"
    )
    return "every path was followed, and bonds have room for all they carry"


def hold(
    graph: Graph, evidence: dict[str, Field], *, subject: str, removed: str = ""
) -> list[Bond]:
    """Return the bonds that are left when gates that are not free are held at the identity.

    All bonds of such a gate become one, wire by wire; where it starts or ends a wire, that wire is
    held at its first value. In ``T - S`` trained gates stay at special values they start with, too.
    """
    uses = graph.uses
    tensors = [tensor for tensor in graph.tensors if tensor.name != removed]
    # Of a gate that starts at zero only the second half does; the first starts generic.
    zeros = [tensor.on for tensor in graph.tensors if tensor.name == removed and tensor.bounded]
    special = [
        tensor
        for tensor in tensors
        if tensor.special and (subject != "T" or not tensor.trained) and tensor.to not in zeros
    ]
    for tensor in special:
        if not tensor.wirewise:
            evidence["by"].refuse(f"gate {tensor.name!r} stays at values that are no identity.")
    held = [t for t in tensors if t in special or uses[t.values] > 1]
    names = {tensor.name for tensor in held}
    if subject == DIFFERENCE and {*graph.trained} <= names:
        evidence["by"].refuse("no trained gate is free, so T - S may be zero.")
    bonds = start_bonds(graph, removed) if subject == "start" else graph.bonds_of(subject)
    # A removed gate may change the names of bonds; what ends in the same place stays distinct.
    given = {bond.name: new for bond, new in zip(graph.bonds, bonds, strict=False)}
    merged, dropped = Merger(), set()
    for bond in bonds:
        merged.find(bond.name)
    for tensor in held:
        for before, after in zip(tensor.on, tensor.to, strict=False):
            merged.join(given[before].name, given[after].name)
        shorter = min(len(tensor.on), len(tensor.to))
        dropped |= {given[name].name for name in tensor.on[shorter:] + tensor.to[shorter:]}
    left = []
    for group in merged.groups():
        if group & dropped:
            continue
        chain = [bond for bond in bonds if bond.name in group]
        ends = [end for bond in chain for end in bond.ends if end not in names]
        size = min(bond.size for bond in chain)
        left.append(Bond(ends[0], chain[0].wire, size, tuple(dict.fromkeys(ends))))
    return left


def _find_partner(graph: Graph, removed: str) -> str:
    """Return the first half of the gate whose second half is removed, or an empty name.

    Where a gate of bounded rank starts at zero by its second half, the first one is drawn, whatever
    the gate says.
    """
    for before, tensor in itertools.pairwise(graph.tensors):
        if tensor.name == removed and tensor.bounded:
            return before.name
    return ""


def start_bonds(graph: Graph, removed: str) -> tuple[Bond, ...]:
    """Return the bonds of the map from the entries of a removed tensor to T.

    Where that tensor was is the input now; both the input and the output of T are the output.
    """
    ends_at = {removed: IN, IN: OUT}
    found = []
    for bond in graph.bonds:
        ends = tuple(ends_at.get(end, end) for end in bond.ends)
        found.append(Bond(ends[0], bond.wire, bond.size, ends))
    return tuple(found)
