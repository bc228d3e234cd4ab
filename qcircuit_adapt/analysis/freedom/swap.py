"""Swap: which entries of T each entry of a gate moves, where every gate permutes."""

from __future__ import annotations

import numpy as np

from qcircuit_adapt.analysis.bounds.route import is_special
from qcircuit_adapt.analysis.field.residues import draw_residues
from qcircuit_adapt.analysis.freedom.sparse import Equations, Whole
from qcircuit_adapt.analysis.freedom.step import list_steps, undo_outputs
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.gate import Gate


def write_equations(circuit: Circuit, *, seed: int) -> Equations:
    """Write an equation for each entry of T, in which the entries of gates are the unknowns.

    Args:
        circuit: A circuit of square gates, of which at least one is trained.
        seed: What the permutations are drawn from; gates frozen at the identity stay there.
    """
    steps = list(list_steps(circuit))
    orders = [
        _draw_order(circuit, circuit.owner(step.gate), seed)[None, :, :, None] for step in steps
    ]
    # From which entry of the input, and to which of the output, each entry of a state goes.
    sources = [np.arange(circuit.d_in)[None]]
    for step, order in zip(steps, orders, strict=True):
        taken = step.gather_taken(sources[-1])
        sources.append(step.scatter_given(np.take_along_axis(taken, order, axis=2)))
    target = undo_outputs(circuit, np.arange(circuit.d_in)[None])
    trained = [gate for gate in circuit.gates if not gate.share and not gate.frozen]
    starts = np.cumsum([0, *(gate.parameters for gate in trained)])
    first = dict(zip((gate.name for gate in trained), starts.tolist(), strict=False))
    rows, columns = [], []
    for step, order, source in reversed(list(zip(steps, orders, sources, strict=False))):
        given, owner = step.gather_given(target), circuit.owner(step.gate).name
        if owner in first:
            entries = given[0, :, :, None] * circuit.d_in + step.gather_taken(source)[0, :, None]
            moving = first[owner] + np.arange(entries[..., 0].size)
            rows.append(entries.ravel())
            columns.append(np.repeat(moving, entries.shape[-1]))
        inverse = np.argsort(order, axis=2)
        target = step.scatter_taken(np.take_along_axis(given, inverse, axis=2))
    count = sum(map(len, rows))
    return Equations(np.concatenate(rows), np.concatenate(columns), np.ones(count, dtype=np.int64))


def _draw_order(circuit: Circuit, owner: Gate, seed: int) -> Whole:
    """Return for each block, and for each value it gives, which value that comes from."""
    shape = (owner.blocks, owner.rows)
    numbers = draw_residues(shape, seed=seed, label=f"permutation={owner.name}")
    if owner.frozen and is_special(circuit, owner):
        numbers = np.broadcast_to(np.arange(owner.rows), shape)
    return np.argsort(numbers, axis=1, kind="stable")
