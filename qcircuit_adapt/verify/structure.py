"""Structure: what the graph says about every matrix of a circuit, all of it derived again."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.verify.graph import IN, OUT, Bond, Graph, connect, cross
from qcircuit_adapt.verify.narrow import find_least_cut
from qcircuit_adapt.verify.read import Field

MAX_SPLITS = 128
"""How many splits of the open wires are tried, those with few wires on one side first."""

Statement = dict[str, Any]


def check_statements(field: Field, graph: Graph, derived: Sequence[Statement]) -> str:
    """See that the statements are those that the graph shows, all of them, in their order."""
    items = field.items()
    for item, right in zip(items, derived, strict=False):
        right = {"status": "theorem", **right}
        if not isinstance(item.value, dict) or item.value.get("by") != right["by"]:
            item.refuse(f"the graph shows {right['by']!r} here.")
        statement = item.keys([*right, "gates"] if right["by"] == "schmidt" else right)
        if right["by"] == "schmidt":
            side = statement["gates"].gates(graph.names)
            bonds = split_bonds(graph, (right["inputs"], right["outputs"]))
            if cross(bonds, side) != right["bound"]:
                statement["gates"].refuse(
                    f"this cut shows {cross(bonds, side):,}, not {right['bound']:,}."
                )
        for key, value in right.items():
            statement[key].match(value, "the graph")
    if len(items) != len(derived):
        field.refuse(f"the graph shows {len(derived)} statements, not {len(items)}.")
    return "derived from the graph, which shows no other"


def list_statements(graph: Graph) -> Iterator[Statement]:
    """Derive all statements."""
    yield from _list_factors(graph)
    yield {"by": "dimension", **bound_dimension(graph)}
    yield from _list_splits(graph)
    yield from _list_determinant(graph)


def list_rotation_statements(graph: Graph) -> Iterator[Statement]:
    """Derive all statements about a circuit of rotations, which have determinant 1."""
    yield from _list_factors(graph)
    yield from _list_splits(graph)
    yield {"by": "rotation", "sign": find_permutation_sign(graph)}


def _list_factors(graph: Graph) -> Iterator[Statement]:
    open_ends = {IN, OUT}
    if untouched := [bond.wire for bond in graph.bonds if bond.ends == (IN, OUT)]:
        yield {"by": "untouched", "wires": untouched}
    if seen := [bond.wire for bond in graph.bonds if open_ends < {*bond.ends}]:
        yield {"by": "block diagonal", "wires": seen}
    yield {"by": "factors", "wires": find_factors(graph)}


def _list_splits(graph: Graph) -> Iterator[Statement]:
    if (split := find_narrowest(graph)) is not None:
        yield {"by": "schmidt", **split}


def _list_determinant(graph: Graph) -> Iterator[Statement]:
    if powers := find_powers(graph.circuit):
        circuit = graph.circuit
        odd = [gate for gate in circuit.gates if powers[circuit.owner(gate).name] % 2]
        if not any(map(circuit.trainable, odd)):
            sign = 0 if odd else find_permutation_sign(graph)
            yield {"by": "determinant sign", "sign": sign}
        gap = min(circuit.d_in // (gate.blocks * gate.rows) for gate in circuit.gates)
        if gap > 1:
            yield {"by": "rank gap", "dimension": circuit.d_in, "gap": gap}


def find_factors(graph: Graph) -> list[list[list[str]]]:
    """Group the open wires that bonds of more than one value join: T is their Kronecker product."""
    wide = [bond for bond in graph.bonds if bond.size > 1]
    found = []
    for part in connect(graph.names, wide):
        bonds = [bond for bond in wide if bond.name in part]
        ends = [[bond.wire for bond in bonds if end in bond.ends] for end in (IN, OUT)]
        if any(ends):
            found.append(ends)
    return sorted(found) or [[[], []]]


def bound_dimension(graph: Graph) -> Statement:
    """Bound the dimension of all T, and how many passes could fill the space of matrices.

    All parameters count. Where gates keep their wires, factors on single wires can be moved from
    gate to gate, so they count once, as does one scale.
    """
    circuit = graph.circuit
    trained = {t.values: t.parameters for t in graph.tensors if t.trained}
    counts = [(0, sum(trained.values()))]
    if all({*gate.on} == {*gate.to} for gate in circuit.gates):
        each = 0
        for gate in circuit.gates:
            squares = [axis.size**2 for axis in (*gate.on, *gate.per)]
            each += math.prod(squares) - 1 - sum(square - 1 for square in squares)
        counts.append((1 + sum(axis.size**2 - 1 for axis in circuit.inputs), each))
    space = circuit.d_in * circuit.d_out
    once, each = min(counts, key=lambda count: (sum(count), count))
    passes: int | None = None
    if [axis.size for axis in circuit.inputs] == [axis.size for axis in circuit.outputs]:
        needed = []
        for start, step in counts:
            full = start + step >= space
            needed.append(1 if full else math.ceil(Fraction(space - start, step)) if step else None)
        passes = None if None in needed else max(n for n in needed if n is not None)
    return {"space": space, "once": once, "each": each, "passes": passes}


def find_narrowest(graph: Graph) -> Statement | None:
    """Find the first split of the open wires whose least cut is smallest beside what could be."""
    circuit, best, least = graph.circuit, None, Fraction(1)
    sizes = [{axis.name: axis.size for axis in axes} for axes in (circuit.inputs, circuit.outputs)]
    wires = [(end, name) for end in (0, 1) for name, size in sizes[end].items() if size > 1]
    splits = (
        side
        for count in range(1, len(wires) // 2 + 1)
        for side in itertools.combinations(wires, count)
        # Of a split into halves one side is enough: the one with the first wire.
        if 2 * count < len(wires) or wires[0] in side
    )
    for side in itertools.islice(splits, MAX_SPLITS):
        names = [name for end, name in side if end == 0], [name for end, name in side if end == 1]
        near = math.prod(sizes[end][name] for end, name in side)
        most = min(near, circuit.d_in * circuit.d_out // near)
        bound = find_least_cut(graph.names, split_bonds(graph, names))
        if Fraction(bound, most) < least:
            least = Fraction(bound, most)
            best = {"bound": bound, "most": most, "inputs": names[0], "outputs": names[1]}
    return best


def split_bonds(graph: Graph, names: tuple[list[str], list[str]]) -> list[Bond]:
    """Return the bonds with some open wires at the input, and the others at the output."""
    found = []
    for bond in graph.bonds:
        ends = {IN: IN if bond.wire in names[0] else OUT, OUT: IN if bond.wire in names[1] else OUT}
        found.append(
            Bond(bond.giver, bond.wire, bond.size, tuple(ends.get(end, end) for end in bond.ends))
        )
    return found


def find_powers(circuit: Circuit) -> Counter[str]:
    """Return the power of each tensor's determinants in det T; nothing if a gate has none."""
    powers: Counter[str] = Counter()
    for gate in circuit.gates:
        owner = circuit.owner(gate)
        if gate.rows != gate.columns or (owner.rank is not None and owner.rank < gate.rows):
            return Counter()
        powers[owner.name] += circuit.d_in // (gate.blocks * gate.rows)
    return powers


def find_permutation_sign(graph: Graph) -> int:
    """Return det T where all blocks are identities: the sign of a permutation, by its cycles."""
    circuit = graph.circuit
    axes = [axis.name for axis in circuit.inputs]
    array = np.arange(circuit.d_in).reshape([axis.size for axis in circuit.inputs])
    for gate in circuit.gates:
        touched = [axis.name for axis in gate.on]
        rest = [name for name in axes if name not in touched]
        array = array.transpose([axes.index(name) for name in [*touched, *rest]])
        sizes = array.shape[len(touched) :]
        axes = [*(axis.name for axis in gate.to), *rest]
        array = array.reshape([*(axis.size for axis in gate.to), *sizes])
    array = array.transpose([axes.index(axis.name) for axis in circuit.outputs])
    step = array.ravel()
    smallest = np.arange(circuit.d_in)
    # After n rounds each entry knows the smallest of the next 2^n on its cycle.
    for _ in range(circuit.d_in.bit_length()):
        smallest = np.minimum(smallest, smallest[step])
        step = step[step]
    cycles = int(np.count_nonzero(smallest == np.arange(circuit.d_in)))
    return -1 if (circuit.d_in - cycles) % 2 else 1
