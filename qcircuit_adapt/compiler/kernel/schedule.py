"""In which order a kernel holds the wires of a circuit, gate after gate."""

from __future__ import annotations

import math
from dataclasses import dataclass

from qcircuit_adapt.axes import Axis
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.gate import Gate
from qcircuit_adapt.wires import split_ranks

MAX_HELD = 8192
"""Numbers a program of the forward kernel holds of one stage, as far as one token allows: 64 KB in
float32 with what is multiplied, a quarter of the registers of a multiprocessor."""
MAX_TILE = 64


@dataclass(frozen=True)
class Stage:
    """A gate, as a kernel runs it on the tokens of one program.

    Attributes:
        gate: The gate, without control wires.
        owner: The name of the gate whose tensor it uses.
        trained: Whether the tensor is trained.
        shape: The sizes of the wires as the stage before leaves them.
        order: Their places in the order in which this gate takes them: its own wires last.
        rest: How many numbers of each token are multiplied by the same entry of the gate.
    """

    gate: Gate
    owner: str
    trained: bool
    shape: tuple[int, ...]
    order: tuple[int, ...]
    rest: int


@dataclass(frozen=True)
class Schedule:
    """The stages of a circuit and how they end.

    Attributes:
        circuit: The circuit, gates of bounded rank as half-gates.
        stages: One for each gate.
        shape: The sizes of the wires as the last stage leaves them.
        order: Their places in the order of the outputs.
        tile: How many tokens a program of the forward kernel holds.
        tile_back: Those of the backward kernel, which holds the input of every gate.
    """

    circuit: Circuit
    stages: tuple[Stage, ...]
    shape: tuple[int, ...]
    order: tuple[int, ...]
    tile: int
    tile_back: int

    @property
    def owners(self) -> tuple[Gate, ...]:
        """The gates whose tensors the kernels take, in order."""
        return tuple(gate for gate in self.circuit.gates if not gate.share)


def schedule(circuit: Circuit) -> Schedule:
    """Lay out the kernels of a circuit: each gate moves its own wires last and leaves them there.

    Args:
        circuit: A circuit that has gates and none with control wires.
    """
    circuit = split_ranks(circuit)
    wires, stages = circuit.inputs, []
    for gate in circuit.gates:
        rest = tuple(axis for axis in wires if axis not in gate.on)
        stages.append(
            Stage(
                gate=gate,
                owner=circuit.owner(gate).name,
                trained=circuit.trainable(gate),
                shape=sizes(wires),
                order=tuple(wires.index(axis) for axis in rest + gate.on),
                rest=math.prod(sizes(rest)),
            )
        )
        wires = rest + gate.to
    held = widest(circuit)
    return Schedule(
        circuit=circuit,
        stages=tuple(stages),
        shape=sizes(wires),
        order=tuple(wires.index(axis) for axis in circuit.outputs),
        tile=_tile(held),
        tile_back=_tile(2 * held),
    )


def widest(circuit: Circuit) -> int:
    """Return how many numbers of one token there are at most, between any two gates."""
    return max(math.prod(sizes(stage)) for stage in split_ranks(circuit).stages)


def sizes(axes: tuple[Axis, ...]) -> tuple[int, ...]:
    """Return the sizes of axes."""
    return tuple(axis.size for axis in axes)


def _tile(held: int) -> int:
    return min(max(1, MAX_HELD // held), MAX_TILE)
