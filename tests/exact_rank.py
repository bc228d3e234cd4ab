"""Exact ranks of random circuits, by arithmetic modulo a prime, for tests of what is proved.

The rank modulo a prime at whole-number gates is at most the generic rank, and at random gates it
differs from it with a chance of about the dimension over the prime.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from qcircuit_adapt import Circuit, reference
from qcircuit_adapt.wires import split_ranks

PRIME = 67108859
"""The largest prime below 2^26, so that sums of 2^11 products stay below 2^63."""

Tensors = dict[str, np.ndarray]


def random_tensors(circuit: Circuit, rng: np.random.Generator, *, start: bool = False) -> Tensors:
    """Random residues for the gates and half-gates of a circuit; frozen diagonal gates are ones.

    With `start` all diagonal gates are ones, as before training.
    """
    return {
        gate.name: np.ones(gate.shape, dtype=np.int64)
        if gate.diagonal and (start or gate.frozen)
        else rng.integers(0, PRIME, gate.shape)
        for gate in split_ranks(circuit).gates
        if not gate.share
    }


def matrix_mod_p(circuit: Circuit, tensors: Tensors) -> np.ndarray:
    """The circuit's matrix modulo `PRIME`: gate by gate, each as `reference` has it."""
    circuit = split_ranks(circuit)
    state = np.eye(circuit.d_in, dtype=np.int64)
    for gate, before, after in zip(circuit.gates, circuit.stages, circuit.stages[1:], strict=False):
        alone = replace(gate, share=None)
        step = Circuit(before, [alone], outputs=[axis.name for axis in after])
        factor = reference.matrix(step, {gate.name: tensors[circuit.owner(gate).name]})
        state = factor @ state % PRIME
    last = Circuit(circuit.stages[-1], [], outputs=[axis.name for axis in circuit.outputs])
    return reference.matrix(last, {}) @ state % PRIME


def rank_mod_p(matrix: np.ndarray) -> int:
    """The rank modulo `PRIME`, by elimination."""
    rows = matrix.astype(np.int64) % PRIME
    rank = 0
    for column in range(rows.shape[1]):
        pivots = np.flatnonzero(rows[rank:, column])
        if not pivots.size:
            continue
        rows[[rank, rank + pivots[0]]] = rows[[rank + pivots[0], rank]]
        rows[rank] = rows[rank] * pow(int(rows[rank, column]), -1, PRIME) % PRIME
        below = rows[rank + 1 :]
        below -= np.outer(below[:, column], rows[rank]) % PRIME
        below %= PRIME
        rank += 1
        if rank == len(rows):
            break
    return rank


def generic_rank(circuit: Circuit, *, seed: int) -> int:
    """The rank of T at random gates."""
    return rank_mod_p(matrix_mod_p(circuit, random_tensors(circuit, np.random.default_rng(seed))))


def update_rank(circuit: Circuit, start: Tensors, *, seed: int) -> int:
    """The rank of T - S with the gates of S given, and those that are trained random in T."""
    halves = split_ranks(circuit)
    trained = {gate.name for gate in halves.gates if halves.trainable(gate)}
    tensors = random_tensors(circuit, np.random.default_rng(seed))
    tensors = {name: tensors[name] if name in trained else start[name] for name in start}
    return rank_mod_p(matrix_mod_p(circuit, tensors) - matrix_mod_p(circuit, start))
