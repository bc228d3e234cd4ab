"""Evaluate: a circuit's matrix modulo the prime, gate by gate, on some columns at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qcircuit_adapt.analysis.field.modular import Array, multiply, reduce
from qcircuit_adapt.analysis.field.residues import draw_residues
from qcircuit_adapt.axes import Axis, product
from qcircuit_adapt.circuit import Circuit

MAX_NUMBERS = 2**21
"""How many numbers a band of columns holds between two gates, unless one column holds more."""

Point = Mapping[str, Array]
"""Residues of shape ``(per..., to..., on...)`` for each gate that shares no other's."""


@dataclass(frozen=True)
class Operator:
    """A circuit at chosen gates.

    Attributes:
        circuit: A circuit without gates of bounded rank; see `wires.split_ranks`.
        point: Its gates.
    """

    circuit: Circuit
    point: Point

    def apply(self, state: Array) -> Array:
        """Multiply with residues of shape ``(d_in, n)``; a gate moves its wires to the front."""
        wires: Sequence[Axis] = self.circuit.inputs
        for gate in self.circuit.gates:
            taken = (*gate.per, *gate.on)
            rest = tuple(wire for wire in wires if wire not in taken)
            stack = _reorder(state, wires, taken + rest).reshape(gate.blocks, gate.columns, -1)
            tensor = self.point[self.circuit.owner(gate).name]
            tensor = tensor.reshape(gate.blocks, gate.rows, gate.columns)
            # Many products of one term each are slow as matrix products.
            stack = multiply(tensor, stack) if gate.columns > 1 else reduce(tensor * stack)
            wires, state = (*gate.per, *gate.to, *rest), stack.reshape(-1, state.shape[1])
        return _reorder(state, wires, self.circuit.outputs)


def evaluate(
    operator: Operator,
    *,
    minus: Operator | None = None,
    projection: int | None = None,
    seed: int = 0,
    on_columns: Callable[[int], None] | None = None,
) -> Array:
    """Compute the matrix of a circuit, or the difference of two.

    Args:
        operator: The matrix.
        minus: What to subtract, if anything; its circuit takes and gives as many numbers.
        projection: To how many rows and columns to multiply it by residues from the left and from
            the right, drawn with labels ``project=left`` and ``project=right``.
        seed: What these are drawn from.
        on_columns: Called with how many columns more are done.

    Returns:
        Residues, of shape ``(d_out, d_in)`` or ``(projection, projection)``.
    """
    rows, columns = operator.circuit.d_out, operator.circuit.d_in
    left = right = None
    if projection:
        left = draw_residues((projection, rows), seed=seed, label="project=left")
        right = draw_residues((columns, projection), seed=seed, label="project=right")
        rows = columns = projection
    operators = [operator, minus] if minus else [operator]
    stages = (stage for each in operators for stage in each.circuit.stages)
    step = max(1, MAX_NUMBERS // max(map(product, stages)))
    matrix = np.empty((rows, columns))
    for start in range(0, columns, step):
        count = min(step, columns - start)
        band = slice(start, start + count)
        state = np.eye(columns, count, -start) if right is None else right[:, band]
        values = operator.apply(state)
        if minus:
            values = reduce(values - minus.apply(state))
        matrix[:, band] = values if left is None else multiply(left, values)
        if on_columns:
            on_columns(count)
    return matrix


def _reorder(state: Array, wires: Sequence[Axis], order: Sequence[Axis]) -> Array:
    """Permute the rows of a state as its wires are put into another order."""
    columns = state.shape[1]
    places = [wires.index(wire) for wire in order]
    tensor = state.reshape([*(wire.size for wire in wires), columns])
    return tensor.transpose([*places, len(places)]).reshape(-1, columns)
