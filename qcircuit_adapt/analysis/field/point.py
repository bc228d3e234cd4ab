"""Point: residues for the gates of a circuit, drawn from a seed within what its gates may be."""

from __future__ import annotations

import itertools

import numpy as np

from qcircuit_adapt.adapter import Form
from qcircuit_adapt.analysis.bounds.route import is_special
from qcircuit_adapt.analysis.field.evaluate import Point
from qcircuit_adapt.analysis.field.modular import Array, invert, multiply
from qcircuit_adapt.analysis.field.residues import draw_residues
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.gate import Gate
from qcircuit_adapt.rotation import count_angles


def draw_points(
    circuit: Circuit, *, form: Form | None, seed: int, prefix: str = ""
) -> tuple[Point, Point | None] | None:
    """Draw the gates of T, and those of S where a form subtracts it.

    Trained gates of T, and all others that start at generic values, are drawn: in T and where they
    are frozen with label ``gate=NAME``, in S with ``initial=NAME``. The others are the (partial)
    identity, ones or zeros, as they start; in S of form ``residual`` all trained gates are.

    Args:
        circuit: A circuit without gates of bounded rank; see `wires.split_ranks`.
        form: ``difference`` or ``residual``; None for T alone.
        seed: What to draw from.
        prefix: What every label begins with.

    Returns:
        The gates of T, and of S or None; None in place of both where a gate is held orthogonal:
        the orthogonal matrices are two separate sets, and a point in one says nothing of the other.
    """
    gates: dict[str, Array] = {}
    initial: dict[str, Array] = {}
    for gate in circuit.gates:
        if gate.share:
            continue
        name, special = gate.name, is_special(circuit, gate)
        starts = gate.frozen or form == "difference"
        if starts and special and gate.init == "orthogonal" and not gate.diagonal:
            return None
        if gate.frozen and special:
            gates[name] = initial[name] = _start(gate)
            continue
        gates[name] = draw_residues(gate.shape, seed=seed, label=f"{prefix}gate={name}")
        if gate.frozen:
            initial[name] = gates[name]
        elif form == "residual":
            initial[name] = _identity(gate)
        elif form == "difference" and special:
            initial[name] = _start(gate)
        elif form == "difference":
            initial[name] = draw_residues(gate.shape, seed=seed, label=f"{prefix}initial={name}")
    return gates, (None if form is None else initial)


def draw_rotations(circuit: Circuit, *, seed: int) -> tuple[Point, Point]:
    """Draw a rotation for each gate, by Cayley's formula ``(1 + K) (1 - K)^-1``.

    The numbers above the diagonals, of shape ``(blocks, n(n-1)/2)``, are drawn with label
    ``angles=NAME``. If ``1 - K`` has no inverse in some block they are all drawn again, with label
    ``angles=NAME|again=1``, and so on.

    Args:
        circuit: A circuit of square gates.
        seed: What to draw from.

    Returns:
        The gates of T, and the identities, which are those of S.
    """
    own = [gate for gate in circuit.gates if not gate.share]
    return {gate.name: _draw_rotation(gate, seed) for gate in own}, {
        gate.name: _identity(gate) for gate in own
    }


def _draw_rotation(gate: Gate, seed: int) -> Array:
    rows, columns = np.triu_indices(gate.rows, 1)
    eye = np.eye(gate.rows)
    for again in itertools.count():
        label = f"angles={gate.name}" + (f"|again={again}" if again else "")
        drawn = draw_residues(count_angles(gate), seed=seed, label=label)
        blocks = []
        for above in drawn:
            skew = np.zeros_like(eye)
            skew[rows, columns] = above
            skew -= skew.T
            inverse = invert(eye - skew)
            if inverse is None:
                break
            blocks.append(multiply(eye + skew, inverse))
        else:
            return np.stack(blocks).reshape(gate.shape)
    raise AssertionError


def _start(gate: Gate) -> Array:
    """Return what a gate that is not drawn starts as."""
    match gate.init:
        case "zero":
            return np.zeros(gate.shape)
        case "ones":
            return np.ones(gate.shape)
    return _identity(gate)


def _identity(gate: Gate) -> Array:
    eye = np.eye(gate.rows, gate.columns)
    return np.broadcast_to(eye, (gate.blocks, *eye.shape)).reshape(gate.shape)
