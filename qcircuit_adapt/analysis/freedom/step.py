"""Step: a gate as a matrix product on the states before and after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from qcircuit_adapt.axes import Axis, product
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.gate import Gate

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Step:
    """A gate between two stages of its circuit.

    A state has shape ``(n, width)``, a row for each of n vectors over the wires of a stage.

    Attributes:
        gate: The gate.
        before: The wires before it.
        after: The wires after it.
    """

    gate: Gate
    before: tuple[Axis, ...]
    after: tuple[Axis, ...]

    def gather_taken(self, state: Array) -> Array:
        """Bring a state before the gate to ``(n, per, on, rest)``."""
        return _gather(state, self.before, self._order(self.before, self.gate.on), self.gate.blocks)

    def gather_given(self, state: Array) -> Array:
        """Bring a state after the gate to ``(n, per, to, rest)``."""
        return _gather(state, self.after, self._order(self.after, self.gate.to), self.gate.blocks)

    def scatter_taken(self, state: Array) -> Array:
        """Bring ``(n, per, on, rest)`` to a state before the gate."""
        return _scatter(state, self.before, self._order(self.before, self.gate.on))

    def scatter_given(self, state: Array) -> Array:
        """Bring ``(n, per, to, rest)`` to a state after the gate."""
        return _scatter(state, self.after, self._order(self.after, self.gate.to))

    def _order(self, wires: tuple[Axis, ...], acted: tuple[Axis, ...]) -> tuple[list[int], int]:
        """Return the places of the wires, ``per`` and those acted on first, and the size of these.

        The rest stands in the order before the gate, also in a state after it.
        """
        touched = self.gate.per + self.gate.on
        rest = [axis for axis in self.before if axis not in touched]
        places = {axis.name: place for place, axis in enumerate(wires)}
        return [places[axis.name] for axis in (*self.gate.per, *acted, *rest)], product(acted)


def list_steps(circuit: Circuit) -> Iterator[Step]:
    """List the gates with the wires before and after each."""
    for gate, before, after in zip(circuit.gates, circuit.stages, circuit.stages[1:], strict=False):
        yield Step(gate, before, after)


def undo_outputs(circuit: Circuit, state: Array) -> Array:
    """Bring a state over the output wires to the order of the last stage."""
    places = [1 + circuit.outputs.index(axis) for axis in circuit.stages[-1]]
    sizes = [axis.size for axis in circuit.outputs]
    return state.reshape(-1, *sizes).transpose(0, *places).reshape(state.shape)


def _gather(
    state: Array, wires: tuple[Axis, ...], order: tuple[list[int], int], blocks: int
) -> Array:
    places, acted = order
    spread = state.reshape(-1, *(axis.size for axis in wires))
    moved = spread.transpose(0, *(1 + place for place in places))
    return moved.reshape(len(state), blocks, acted, -1)


def _scatter(state: Array, wires: tuple[Axis, ...], order: tuple[list[int], int]) -> Array:
    places, _ = order
    spread = state.reshape(-1, *(wires[place].size for place in places))
    back = np.argsort([-1, *places])
    return spread.transpose(back).reshape(len(state), -1)
