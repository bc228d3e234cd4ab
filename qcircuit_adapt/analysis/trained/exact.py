"""Exact: a lower bound on the rank that given gates have in exact arithmetic.

A float is a whole number times a power of two, and so has a residue modulo an odd prime. The rank
modulo the prime of what such gates multiply to is at most that of their exact product: nothing is
rounded. A matrix computed in floats, or merged into a weight, is rounded and may have another rank.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from qcircuit_adapt.analysis.field.dyadic import to_residues
from qcircuit_adapt.analysis.field.evaluate import Operator, evaluate
from qcircuit_adapt.analysis.field.modular import find_rank
from qcircuit_adapt.analysis.field.witness import Progress, choose_projection, count_columns
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import TensorError, nearest
from qcircuit_adapt.wires import half_names, split_ranks


def certified_rank(
    circuit: Circuit,
    tensors: Mapping[str, Any],
    *,
    minus: Mapping[str, Any] | None = None,
    target: int | None = None,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> int:
    """Bound from below the exact rank of T, or of T - S, at gates given as floats.

    It is the rank modulo a prime of 21 bits, which for gates that training left is in all
    likelihood the exact rank.

    Args:
        circuit: The circuit.
        tensors: The gates of T: for each gate's name an array of shape ``(per..., to..., on...)``,
            of floats of at most 64 bits or whole numbers; bfloat16 is to be widened first. A gate
            of bounded rank is given as its two half-gates, or as one array, which may have been
            rounded to a higher rank. A gate that shares another's tensor needs none.
        minus: The gates of S, likewise.
        target: A proved upper bound, which makes it faster if it is small.
        seed: What projections are drawn from.
        on_progress: Told how far the computation is.

    Returns:
        The bound. A scale of the update does not change it.

    Raises:
        TensorError: A tensor is missing, has another shape than its gate, or holds something that
            has no exact value.

    Example:
        >>> circuit = Circuit.parse("x=3 | x -> r=2, r -> y=3")
        >>> certified_rank(circuit, {"g1": np.full((2, 3), 0.1), "g2": np.eye(3, 2)})
        1
    """
    projection = choose_projection(circuit, target=target)
    advance = count_columns(on_progress, 2 * (projection or circuit.d_in))
    matrix = evaluate(
        _read(circuit, tensors),
        minus=None if minus is None else _read(circuit, minus),
        projection=projection,
        seed=seed,
        on_columns=advance,
    )
    return find_rank(matrix, on_columns=advance)


def _read(circuit: Circuit, tensors: Mapping[str, Any]) -> Operator:
    """Take the tensors that a circuit needs, and halve only the gates that come in halves."""
    names = {gate.name for gate in circuit.gates}
    gates = [
        replace(gate, rank=None)
        if gate.rank and not set(half_names(gate.name, names)) <= set(tensors)
        else gate
        for gate in circuit.gates
    ]
    outputs = [axis.name for axis in circuit.outputs]
    read = split_ranks(Circuit(circuit.inputs, gates, outputs=outputs, name=circuit.name))
    point = {}
    for gate in read.gates:
        if gate.share:
            continue
        if gate.name not in tensors:
            raise TensorError(
                f"there is no tensor for gate {gate.name!r}.",
                cure=nearest(gate.name, tensors, noun="tensors"),
            )
        if np.shape(tensors[gate.name]) != gate.shape:
            raise TensorError(
                f"the tensor of gate {gate.name!r} has shape {np.shape(tensors[gate.name])}, but "
                f"must have {gate.shape}.",
                cause="Shapes count (per..., to..., on...).",
            )
        try:
            point[gate.name] = to_residues(tensors[gate.name])
        except TensorError as error:
            problem = f"the tensor of gate {gate.name!r} has no exact value: {error.problem}"
            raise TensorError(problem, cure=error.cure) from None
    return Operator(read, point)
