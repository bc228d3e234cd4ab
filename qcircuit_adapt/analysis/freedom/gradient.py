"""Gradient: what moves ``u^T T v``, modulo the prime, for drawn vectors u and v.

Neither T nor its Jacobian is written out: v goes through the gates, u against them, and where they
meet is the gradient of a gate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from qcircuit_adapt.analysis.field.modular import Array, multiply, reduce
from qcircuit_adapt.analysis.field.residues import draw_residues
from qcircuit_adapt.analysis.freedom.step import list_steps, undo_outputs
from qcircuit_adapt.axes import product
from qcircuit_adapt.circuit import Circuit

MAX_NUMBERS = 2**21
"""How many numbers the states between gates hold at a time, unless one vector holds more."""


def list_gradients(
    circuit: Circuit, tensors: Mapping[str, Array], *, rows: int, seed: int
) -> Iterator[dict[str, Array]]:
    """Yield the gradients of some rows at a time.

    Args:
        circuit: A circuit without gates of bounded rank; see `wires.split_ranks`.
        tensors: Residues of shape ``(blocks, rows, columns)`` for each gate that shares none.
        rows: For how many pairs of vectors; drawn with labels ``in=FIRST`` and ``out=FIRST``, where
            FIRST counts the rows before.
        seed: What they are drawn from.

    Returns:
        Residues of shape ``(n, parameters)`` for each trained tensor.
    """
    widest = max(product(stage) for stage in circuit.stages)
    most = max(1, MAX_NUMBERS // (widest * len(circuit.stages)))
    for start in range(0, rows, most):
        count = min(most, rows - start)
        yield _find_gradients(
            circuit,
            tensors,
            draw_residues((count, circuit.d_in), seed=seed, label=f"in={start}"),
            draw_residues((count, circuit.d_out), seed=seed, label=f"out={start}"),
        )


def _find_gradients(
    circuit: Circuit, tensors: Mapping[str, Array], right: Array, left: Array
) -> dict[str, Array]:
    """Return the gradients for pairs of vectors, ``(n, d_in)`` and ``(n, d_out)``."""
    steps = list(list_steps(circuit))
    states = [right]
    for step in steps:
        tensor = tensors[circuit.owner(step.gate).name]
        states.append(step.scatter_given(multiply(tensor, step.gather_taken(states[-1]))))
    state = undo_outputs(circuit, left)
    gradients: dict[str, Array] = {}
    for step, forward in zip(reversed(steps), reversed(states[:-1]), strict=True):
        owner = circuit.owner(step.gate).name
        taken, given = step.gather_taken(forward), step.gather_given(state)
        if circuit.trainable(step.gate):
            gradient = multiply(given, taken.swapaxes(-1, -2)).reshape(len(state), -1)
            gradients[owner] = reduce(gradients.get(owner, 0) + gradient)
        state = step.scatter_taken(multiply(tensors[owner].swapaxes(-1, -2), given))
    return gradients
