"""Exact degrees of freedom of small circuits, by arithmetic modulo another prime than the proofs'.

T is linear in each gate, so what an entry of a gate moves is T with that gate all zero but for a
one; where a tensor is used several times, the sum of that over its uses.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from exact_rank import PRIME, Tensors, matrix_mod_p, random_tensors, rank_mod_p

from qcircuit_adapt import Circuit
from qcircuit_adapt.wires import split_ranks


def count_freedom(circuit: Circuit, *, seed: int) -> int:
    """The rank of the Jacobian at random gates."""
    return count_directions(circuit, random_tensors(circuit, np.random.default_rng(seed)))


def count_directions(circuit: Circuit, drawn: Tensors) -> int:
    """The rank of the Jacobian at gates and half-gates that are given."""
    halves = split_ranks(circuit)
    alone = Circuit(
        halves.inputs,
        [replace(gate, share=None) for gate in halves.gates],
        outputs=[axis.name for axis in halves.outputs],
    )
    tensors = {gate.name: drawn[halves.owner(gate).name] for gate in halves.gates}
    moves: dict[tuple[str, int], np.ndarray] = {}
    for gate in halves.gates:
        if not halves.trainable(gate):
            continue
        for entry in range(drawn[halves.owner(gate).name].size):
            one = np.zeros(gate.shape, dtype=np.int64)
            one.flat[entry] = 1
            moved = matrix_mod_p(alone, tensors | {gate.name: one}).ravel()
            key = (halves.owner(gate).name, entry)
            moves[key] = (moves.get(key, 0) + moved) % PRIME
    return rank_mod_p(np.array(list(moves.values()))) if moves else 0
