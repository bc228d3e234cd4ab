"""Fit: evidence, by a numerical fit, on whether a circuit gives a drawn T of another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from qcircuit_adapt import reference
from qcircuit_adapt.analysis.freedom.step import list_steps, undo_outputs
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.wires import split_ranks

Array = np.ndarray[Any, np.dtype[np.float64]]

MAX_ENTRIES = 4096
MAX_PARAMETERS = 2000
MAX_WORK = 3 * 10**8
"""Up to what size a fit is tried: entries of T, parameters, and entries times their square."""

STARTS = 3
STEPS = 60
MET = 1e-10
"""How many fits of how many steps are tried, and from which distance on T counts as met."""


@dataclass(frozen=True)
class Fit:
    """How near a circuit came to a drawn T of another. It proves nothing.

    Attributes:
        distance: The norm of the difference over that of the drawn T, of the best fit.
        starts: How many fits were tried.
        seed: What T and the starts are drawn from.
    """

    distance: float
    starts: int
    seed: int = 0

    @property
    def met(self) -> bool:
        """Whether T was met but for rounding."""
        return self.distance <= MET

    @property
    def statement(self) -> str:
        """What was seen, in a sentence."""
        if self.met:
            return (
                f"a drawn T of the other was met to a relative distance of {self.distance:.0e} "
                "(evidence, not proof)."
            )
        return (
            f"the best of {self.starts} fits to a drawn T of the other stayed at a relative "
            f"distance of {self.distance:.1g} (evidence, not proof)."
        )


def find_fit(circuit: Circuit, target: Circuit, *, seed: int = 0) -> Fit | None:
    """Fit a circuit's T to one drawn T of another, in float64.

    Returns:
        How near it came, or None where either has frozen gates or is too large.

    Example:
        >>> circuit = Circuit.parse("a=2 b=2 | a b -> r=2, r -> a=2 b=2")
        >>> find_fit(circuit, Circuit.parse("x=4 | x {rank=2}")).met
        True

    Source: Levenberg, Q. Appl. Math. 2 (1944); Marquardt, J. SIAM 11 (1963).
    """
    entries = circuit.d_in * circuit.d_out
    large = entries > MAX_ENTRIES or circuit.parameters > MAX_PARAMETERS
    large = large or entries * circuit.parameters**2 > MAX_WORK
    frozen = any(gate.frozen for gate in circuit.gates + target.gates)
    if large or frozen or not circuit.parameters:
        return None
    rng = np.random.default_rng(seed)
    halves = split_ranks(circuit)
    wanted = reference.matrix(split_ranks(target), _draw(split_ranks(target), rng))
    wanted = wanted / np.linalg.norm(wanted)
    best, starts = np.inf, 0
    while starts < STARTS and not best <= MET:
        starts += 1
        best = min(best, _descend(halves, wanted, rng))
    return Fit(float(best), starts, seed)


def _draw(circuit: Circuit, rng: np.random.Generator) -> dict[str, Array]:
    """Draw tensors that keep the size of what they act on."""
    return {
        gate.name: rng.standard_normal(gate.shape) / np.sqrt(gate.columns)
        for gate in circuit.gates
        if not gate.share
    }


def _descend(circuit: Circuit, wanted: Array, rng: np.random.Generator) -> float:
    """Step towards the least distance, damped until each step comes nearer."""
    tensors, damping = _draw(circuit, rng), 1e-2
    error = reference.matrix(circuit, tensors) - wanted
    for _ in range(STEPS):
        slope = _differentiate(circuit, tensors)
        normal, gradient = slope.T @ slope, slope.T @ error.ravel()
        scale = np.trace(normal) / len(normal)
        while damping < 1e8:
            damped = normal + damping * scale * np.eye(len(normal))
            trial = _move(tensors, -np.linalg.solve(damped, gradient))
            found = reference.matrix(circuit, trial) - wanted
            if np.linalg.norm(found) < np.linalg.norm(error):
                tensors, error, damping = trial, found, max(damping / 8, 1e-14)
                break
            damping *= 4
        else:
            break
        if np.linalg.norm(error) <= MET / 100:
            break
    return float(np.linalg.norm(error))


def _move(tensors: Mapping[str, Array], step: Array) -> dict[str, Array]:
    moved, start = {}, 0
    for name, tensor in tensors.items():
        moved[name] = tensor + step[start : start + tensor.size].reshape(tensor.shape)
        start += tensor.size
    return moved


def _differentiate(circuit: Circuit, tensors: Mapping[str, Array]) -> Array:
    """Return the Jacobian of T, ``(d_out * d_in, parameters)``."""
    steps = list(list_steps(circuit))
    matrices = {
        gate.name: tensors[circuit.owner(gate).name].reshape(gate.blocks, gate.rows, gate.columns)
        for gate in circuit.gates
    }
    states = [np.eye(circuit.d_in)]
    for step in steps:
        taken = step.gather_taken(states[-1])
        given = np.einsum("brc,nbcs->nbrs", matrices[step.gate.name], taken)
        states.append(step.scatter_given(given))
    slopes = {
        name: np.zeros((circuit.d_out, circuit.d_in, *tensor.shape))
        for name, tensor in tensors.items()
    }
    back = undo_outputs(circuit, np.eye(circuit.d_out))
    for step, state in reversed(list(zip(steps, states, strict=False))):
        gate = step.gate
        given, taken = step.gather_given(back), step.gather_taken(state)
        slope = np.einsum("obrs,ibcs->oibrc", given, taken, optimize=True)
        owner = circuit.owner(gate).name
        slopes[owner] += slope.reshape(slopes[owner].shape)
        back = step.scatter_taken(np.einsum("brc,nbrs->nbcs", matrices[gate.name], given))
    count = circuit.d_out * circuit.d_in
    return np.concatenate([slope.reshape(count, -1) for slope in slopes.values()], axis=1)
