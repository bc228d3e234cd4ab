"""The meaning of a circuit, written slowly: its dense matrix.

Everything faster is compared with this file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qcircuit_adapt.axes import Axis
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import TensorError, nearest

Array = np.ndarray[Any, np.dtype[Any]]


def matrix(circuit: Circuit, tensors: Mapping[str, Any]) -> Array:
    """Return the matrix of a circuit.

    Args:
        circuit: The circuit.
        tensors: For each gate's name an array of shape ``(per..., to..., on...)``. A gate that
            shares another's tensor needs none.

    Returns:
        An array of shape ``(d_out, d_in)``.

    Raises:
        TensorError: A tensor is missing, or has another shape than its gate.

    Example:
        >>> circuit = Circuit.parse("a=2 b=3 | b per a")
        >>> matrix(circuit, {"g1": np.ones((2, 3, 3))}).astype(int)[0]
        array([1, 1, 1, 0, 0, 0])
    """
    columns = (
        "column"  # one more index, which no gate touches: a column of the matrix for each input
    )
    wires = [axis.name for axis in circuit.inputs]
    state = np.eye(circuit.d_in, dtype=int).reshape([*map(_size, circuit.inputs), circuit.d_in])
    for gate in circuit.gates:
        tensor = _tensor(circuit.owner(gate).name, gate.shape, tensors)
        kept, on, to = (list(map(_name, axes)) for axes in (gate.per, gate.on, gate.to))
        rest = [wire for wire in wires if wire not in on]
        new = rest + to
        # Labels are numbers to einsum: an output wire may have the name of the input it replaces.
        label = {name: n for n, name in enumerate([*wires, columns])}
        given = {name: len(label) + n for n, name in enumerate(to)}
        state = np.einsum(
            tensor,
            [label[name] for name in kept]
            + [given[name] for name in to]
            + [label[name] for name in on],
            state,
            [label[name] for name in [*wires, columns]],
            [label[name] for name in rest] + [given[name] for name in to] + [label[columns]],
        )
        wires = new
    order = [wires.index(axis.name) for axis in circuit.outputs]
    return state.transpose([*order, len(order)]).reshape(circuit.d_out, circuit.d_in)


def _name(axis: Axis) -> str:
    return axis.name


def _size(axis: Axis) -> int:
    return axis.size


def _tensor(name: str, shape: tuple[int, ...], tensors: Mapping[str, Any]) -> Array:
    if name not in tensors:
        raise TensorError(
            f"there is no tensor for gate {name!r}.", cure=nearest(name, tensors, noun="tensors")
        )
    tensor = np.asarray(tensors[name])
    if tensor.shape != shape:
        raise TensorError(
            f"the tensor of gate {name!r} has shape {tensor.shape}, but must have {shape}.",
            cause="Shapes count (per..., to..., on...).",
        )
    return tensor
