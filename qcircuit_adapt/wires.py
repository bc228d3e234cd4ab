"""Who feeds whom, and which gates share a column."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from qcircuit_adapt.axes import Axis
from qcircuit_adapt.circuit import Circuit


def feeders(circuit: Circuit) -> tuple[dict[str, int | None], ...]:
    """Say, for each gate, which gate each of its wires comes from.

    Returns:
        For each gate a mapping from the names of its ``on`` and ``per`` wires to the index of the
        gate that last acted on them, or None for an input. A control wire counts as acted on.

    Example:
        >>> feeders(Circuit.parse("a=2 b=2 c=2 | a b, b c"))[1]
        {'b': 0, 'c': None}
    """
    last: dict[str, int | None] = {axis.name: None for axis in circuit.inputs}
    sources = []
    for index, gate in enumerate(circuit.gates):
        sources.append({axis.name: last.pop(axis.name) for axis in gate.on + gate.per})
        last |= {axis.name: index for axis in gate.to + gate.per}
    return tuple(sources)


def layers(circuit: Circuit) -> tuple[tuple[int, ...], ...]:
    """Group gates that act on different wires into layers, each gate as early as it can be.

    Gates that only share control wires commute, but stand in one layer only if they share no wire.

    Returns:
        For each layer the indices of its gates, in written order.

    Example:
        >>> layers(Circuit.parse("a=2 b=2 c=2 d=2 | a b, c d, b c"))
        ((0, 1), (2,))
    """
    depth: list[int] = []
    found: list[list[int]] = []
    for index, sources in enumerate(feeders(circuit)):
        depth.append(1 + max((depth[g] for g in sources.values() if g is not None), default=-1))
        if depth[-1] == len(found):
            found.append([])
        found[depth[-1]].append(index)
    return tuple(map(tuple, found))


def follow_wires(circuit: Circuit) -> tuple[dict[str, str], ...]:
    """Say, before each gate, which input wire each wire continues if gates keep theirs in order.

    A gate that takes and gives different numbers of wires has those at its end continue none.

    Example:
        >>> follow_wires(Circuit.parse("a=2 b=3 | a -> c=2, b c"))[1]
        {'b': 'b', 'c': 'a'}
    """
    line = {axis.name: axis.name for axis in circuit.inputs}
    found = []
    for gate in circuit.gates:
        found.append(dict(line))
        taken = [line.pop(axis.name, "") for axis in gate.on]
        line |= dict(zip((axis.name for axis in gate.to), taken, strict=False))
    return tuple(found)


@lru_cache(maxsize=64)
def split_ranks(circuit: Circuit) -> Circuit:
    """Write every gate of bounded rank as two half-gates joined by a bond.

    A gate ``g`` becomes ``g_in``, of shape ``(per..., rank, on...)``, and ``g_out``, of shape
    ``(per..., to..., rank)``; the product over the bond is the tensor of ``g``.

    Example:
        >>> split_ranks(Circuit.parse("a=4 b=3 | a b {rank=2}, b")).text
        'a=4 b=3 | a b -> g1_bond=2 {name=g1_in}, g1_bond -> a=4 b=3 {name=g1_out}, b {name=g2}'
    """
    if all(gate.rank is None for gate in circuit.gates):
        return circuit
    names = {gate.name for gate in circuit.gates}
    wires = {axis.name for stage in circuit.stages for axis in stage}
    gates = []
    for gate in circuit.gates:
        rank = circuit.owner(gate).rank
        if rank is None:
            gates.append(gate)
            continue
        bond = (Axis(_unused(f"{gate.name}_bond", wires), rank),)
        first, second = half_names(gate.name, names)
        shared = half_names(gate.share, names) if gate.share else (None, None)
        gates += [
            replace(gate, to=bond, name=first, share=shared[0], rank=None),
            replace(gate, on=bond, name=second, share=shared[1], rank=None),
        ]
    return Circuit(
        circuit.inputs,
        gates,
        outputs=[axis.name for axis in circuit.outputs],
        name=circuit.name,
    )


def half_names(name: str, taken: Iterable[str]) -> tuple[str, str]:
    """Return the names of the two half-gates of a gate.

    Args:
        name: The gate's name.
        taken: The names of all gates of its circuit.
    """
    taken = set(taken)
    return _unused(f"{name}_in", taken), _unused(f"{name}_out", taken)


def _unused(name: str, taken: set[str]) -> str:
    return name if name not in taken else _unused(f"{name}_", taken)
