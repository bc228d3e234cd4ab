"""State: what a circuit has made of many columns by the time a gate acts.

A gate is a stack of matrices, one for each value of its control wires. To apply it, wires are moved
so that it is a stack of products of matrices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qcircuit_adapt.axes import Axis
from qcircuit_adapt.gate import Gate

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class State:
    """Columns with their rows split into wires.

    Attributes:
        wires: The wires, in the order of the array's axes.
        array: Of shape ``(sizes of the wires..., columns)``.
    """

    wires: tuple[Axis, ...]
    array: Array

    @classmethod
    def open(cls, matrix: Array, wires: Sequence[Axis]) -> State:
        """Split the rows of a matrix into wires."""
        sizes = [axis.size for axis in wires]
        return cls(tuple(wires), matrix.reshape([*sizes, matrix.shape[1]]))

    def close(self, wires: Sequence[Axis]) -> Array:
        """Join wires, in a given order, to the rows of a matrix."""
        array = self._order(tuple(wires))
        return array.reshape(math.prod(axis.size for axis in wires), -1)

    def stack(self, taken: Sequence[Axis], per: Sequence[Axis]) -> tuple[Array, tuple[Axis, ...]]:
        """Arrange the array as a gate needs it.

        Args:
            taken: The wires that the gate takes.
            per: Its control wires.

        Returns:
            An array of shape ``(per, taken, rest)``, and the wires of the rest.
        """
        rest = tuple(axis for axis in self.wires if axis not in (*taken, *per))
        array = self._order((*per, *taken, *rest))
        sizes = (math.prod(axis.size for axis in axes) for axes in (per, taken))
        return array.reshape(*sizes, -1), rest

    def apply(self, gate: Gate, tensor: Array) -> State:
        """Apply a gate.

        Args:
            gate: The gate.
            tensor: Of shape ``(blocks, rows, columns)``.

        Example:
            >>> gate = Gate("a=2", to="c=3")
            >>> state = State.open(np.eye(4), [Axis("a", 2), Axis("b", 2)])
            >>> [str(axis) for axis in state.apply(gate, np.ones((1, 3, 2))).wires]
            ['c=3', 'b=2']
        """
        stacked, rest = self.stack(gate.on, gate.per)
        wires = (*gate.per, *gate.to, *rest)
        sizes = [axis.size for axis in wires]
        return State(wires, (tensor @ stacked).reshape([*sizes, self.array.shape[-1]]))

    def _order(self, wires: tuple[Axis, ...]) -> Array:
        order = [self.wires.index(axis) for axis in wires]
        return self.array.transpose([*order, len(order)])
