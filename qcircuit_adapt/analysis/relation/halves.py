"""Halves: the tensors of gates of bounded rank, taken apart and put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.wires import half_names, split_ranks

Array = np.ndarray[Any, np.dtype[Any]]


def split_tensors(circuit: Circuit, tensors: Mapping[str, Any]) -> dict[str, Array]:
    """Return tensors for `wires.split_ranks` of a circuit, given those of the circuit.

    Whole numbers stay whole where the bound on the rank is none; otherwise halves are rounded.
    """
    names = [gate.name for gate in circuit.gates]
    shapes = {gate.name: gate.shape for gate in split_ranks(circuit).gates}
    found = {}
    for gate in circuit.gates:
        if gate.share:
            continue
        tensor = np.asarray(tensors[gate.name])
        if gate.rank is None:
            found[gate.name] = tensor
            continue
        blocks = tensor.reshape(gate.blocks, gate.rows, gate.columns)
        parts = [factor_matrix(block, rank=gate.rank) for block in blocks]
        for half, name in enumerate(half_names(gate.name, names)):
            found[name] = np.stack([part[half] for part in parts]).reshape(shapes[name])
    return found


def join_tensors(circuit: Circuit, halves: Mapping[str, Array]) -> dict[str, Array]:
    """Return tensors of a circuit, given those of its `wires.split_ranks`."""
    names = [gate.name for gate in circuit.gates]
    found = {}
    for gate in circuit.gates:
        if gate.share:
            continue
        if gate.rank is None:
            found[gate.name] = halves[gate.name]
            continue
        first, second = (halves[name] for name in half_names(gate.name, names))
        product = second.reshape(gate.blocks, gate.rows, gate.rank) @ first.reshape(
            gate.blocks, gate.rank, gate.columns
        )
        found[gate.name] = product.reshape(gate.shape)
    return found


def factor_matrix(matrix: Array, *, rank: int) -> tuple[Array, Array]:
    """Factor a matrix ``(m, n)`` of at most a rank into ``(rank, n)`` and ``(m, rank)``.

    The second times the first is the matrix, exactly where the rank is no less than m or n.
    """
    rows, columns = matrix.shape
    if rank >= min(rows, columns):
        eye = np.eye(min(rows, columns), dtype=matrix.dtype)
        first, second = (eye, matrix) if columns <= rows else (matrix, eye)
    else:
        left, values, right = np.linalg.svd(matrix, full_matrices=False)
        first, second = right[:rank], left[:, :rank] * values[:rank]
    short = rank - len(first)
    return np.pad(first, ((0, short), (0, 0))), np.pad(second, ((0, 0), (0, short)))
