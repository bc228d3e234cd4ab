"""Fit: the gates of a circuit whose update is nearest to a given matrix.

With the other gates fixed, T is linear in each gate, so that the best one is the solution of linear
least squares. Going through the gates again and again never makes the error larger (alternating
least squares). The problem of all gates has other minima than the best: fits start several times.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qcircuit_adapt.adapter import FORMS_ON_WEIGHT, Adapter, Form
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.compiler.storage import stored_gates
from qcircuit_adapt.design.state import Array, State
from qcircuit_adapt.errors import DesignError
from qcircuit_adapt.gate import Gate
from qcircuit_adapt.wires import split_ranks

Tensors = Mapping[str, Array]

STEPS = 4
"""Steps of conjugate gradients for one gate; what is left is for the next sweep."""

CUTOFF = 1e-10
"""Relative: directions weaker than this change nothing in T but rounding, and are left alone."""

EXACT = 1e-12
"""An error that is one of rounding: no other start is tried."""


@dataclass(frozen=True)
class LowRank:
    """The nearest matrix of a rank, as LoRA stores it.

    Attributes:
        rank: The rank.
        parameters: How many numbers LoRA has.
        error: The Frobenius norm of what is lost, relative to that of the matrix.
    """

    rank: int
    parameters: int
    error: float


@dataclass(frozen=True)
class Fit:
    """Gates of a circuit, fitted to a matrix.

    Attributes:
        circuit: The circuit.
        form: The form in which it enters the weight.
        tensors: For each stored gate its values: of shape ``(per..., to..., on...)``; gates of
            bounded rank are two half-gates.
        start: What the form subtracts, likewise; nothing in form ``zero``.
        errors: The Frobenius norm of what is lost, relative to that of the matrix: at the start,
            and after each sweep.
        seed: What the start was drawn from.
        below: The best LoRA of no more parameters.
        above: The best LoRA of one rank more.
        interrupted: Whether it was stopped; the numbers are what there was by then.
    """

    circuit: Circuit
    form: Form
    tensors: Tensors
    start: Tensors
    errors: tuple[float, ...]
    seed: int
    below: LowRank
    above: LowRank
    interrupted: bool = False

    @property
    def error(self) -> float:
        """The error after the last sweep."""
        return self.errors[-1]

    def __str__(self) -> str:
        loras = "; ".join(
            f"rank {one.rank:,}, {one.parameters:,} parameters: {one.error:.4%}"
            for one in (self.below, self.above)
        )
        return (
            f"{self.circuit.label}, form {self.form!r}, {self.circuit.parameters:,} parameters: "
            f"{self.error:.4%} of the matrix's norm is lost, after {len(self.errors) - 1} sweeps "
            f"from seed {self.seed}.\nThe best LoRA loses, of {loras}."
        )


def fit_circuit(
    matrix: Any,
    circuit: Circuit,
    *,
    form: Form = "zero",
    sweeps: int = 100,
    starts: int = 3,
    seed: int = 0,
    tolerance: float = 1e-6,
    on_progress: Callable[[int, int], None] | None = None,
) -> Fit:
    """Fit a circuit's update to a matrix by alternating least squares.

    Args:
        matrix: The update to fit, of shape ``(d_out, d_in)``; computed in float64.
        circuit: The circuit. Frozen gates keep what they are drawn to.
        form: ``"zero"`` fits T, ``"difference"`` T - S with S drawn, ``"residual"`` T - I.
        sweeps: How often the gates are gone through, at most.
        starts: From how many draws; the best fit is returned. Form ``"residual"`` has one.
        seed: What the first is drawn from; the next ones follow.
        tolerance: A sweep that lowers the error by less than this part of it is the last.
        on_progress: Told how many sweeps are done, of at most how many.

    Returns:
        The best fit; on Ctrl-C what there is.

    Raises:
        DesignError: The matrix has another shape than T or is not finite or zero, two gates share a
            tensor, or the form multiplies a base weight.
        CircuitError: The form cannot train the circuit.

    Example:
        >>> from qcircuit_adapt.families import lora
        >>> fit = fit_circuit(np.diag([2.0, 1.0, 0.0]), lora(3, 3, rank=1))
        >>> round(fit.error, 6), fit.below.rank, round(fit.below.error, 6)
        (0.447214, 1, 0.447214)

    Source: Holtz, Rohwedder, Schneider, "The alternating linear scheme for tensor optimization in
    the tensor train format", SIAM J. Sci. Comput. 34 (2012).
    """
    wanted = _check(matrix, circuit, form)
    below, above = find_low_rank(wanted, circuit.parameters)
    starts = 1 if form == "residual" else starts
    best: Fit | None = None
    for number in range(starts):
        rng = np.random.default_rng(seed + number)
        start = {gate.name: _draw(gate, form, rng) for gate in stored_gates(circuit)}
        walk = _Walk(circuit, wanted, start, subtract=form != "zero")
        errors, interrupted = [walk.error], False
        try:
            for sweep in range(1, sweeps + 1):
                walk.sweep()
                errors.append(walk.error)
                if on_progress:
                    on_progress(number * sweeps + sweep, starts * sweeps)
                if errors[-2] - errors[-1] <= tolerance * errors[-2]:
                    break
        except KeyboardInterrupt:
            interrupted = True
        if best is None or walk.error < best.error:
            first = {} if form == "zero" else walk.shape(start)
            errors[-1] = walk.error  # a sweep that was interrupted counts as far as it came
            found = (walk.shape(walk.values), first, tuple(errors), seed + number)
            best = Fit(circuit, form, *found, below, above)
        if interrupted:
            return replace(best, interrupted=True)
        if best.error <= EXACT:
            break
    assert best
    return best


def find_low_rank(matrix: Array, parameters: int) -> tuple[LowRank, LowRank]:
    """Find the best LoRA of at most so many parameters, and that of one rank more.

    Source: Eckart and Young, "The approximation of one matrix by another of lower rank",
    Psychometrika 1 (1936).
    """
    values = np.linalg.svd(matrix, compute_uv=False)
    # Summed from the smallest, so that what is lost is accurate.
    lost = np.sqrt(np.append(np.cumsum(values[::-1] ** 2)[::-1], 0.0))
    rank = min(parameters // sum(matrix.shape), len(values))
    return tuple(  # type: ignore[return-value]
        LowRank(one, one * sum(matrix.shape), float(lost[min(one, len(values))] / lost[0]))
        for one in (rank, rank + 1)
    )


def _check(matrix: Any, circuit: Circuit, form: Form) -> Array:
    if form in FORMS_ON_WEIGHT:
        raise DesignError(
            f"form {form!r} multiplies the base weight, so that there is no T to fit.",
            cure="Use 'zero', 'difference' or 'residual'.",
        )
    Adapter(circuit, form=form)  # refuses what the form cannot train
    wanted: Array = np.asarray(matrix, dtype=np.float64)
    if wanted.shape != (circuit.d_out, circuit.d_in):
        raise DesignError(
            f"the matrix has shape {wanted.shape}, but {circuit.label} maps {circuit.d_in} to "
            f"{circuit.d_out}: its matrix has shape ({circuit.d_out}, {circuit.d_in}).",
        )
    if not np.isfinite(wanted).all():
        raise DesignError("the matrix holds numbers that are not finite.")
    if not wanted.any():
        raise DesignError("the matrix is zero: there is nothing to fit.")
    for gate in circuit.gates:
        if gate.share:
            raise DesignError(
                f"gate {gate.name!r} of {circuit.label} shares the tensor of {gate.share!r}.",
                cause="T is not linear in a tensor that stands in it twice.",
                cure=f"Fit the circuit without 'share={gate.share}'.",
            )
    return wanted


def _draw(gate: Gate, form: Form, rng: np.random.Generator) -> Array:
    """Draw a gate's start: of shape ``(blocks, rows, columns)``.

    Where T itself is fitted no gate may start at zero, or the others could not move.
    """
    shape = gate.blocks, gate.rows, gate.columns
    if form == "residual" or gate.init == "identity":
        return np.broadcast_to(np.eye(*shape[1:]), shape).copy()
    if gate.init == "ones" and gate.frozen:
        return np.ones(shape)
    return rng.standard_normal(shape) / math.sqrt(gate.columns)


class _Walk:
    """A fit under way."""

    def __init__(self, circuit: Circuit, wanted: Array, start: Tensors, *, subtract: bool) -> None:
        split = split_ranks(circuit)
        self.gates = split.gates
        self.inputs, self.outputs = split.inputs, split.outputs
        self.values = dict(start)
        self.norm = float(np.linalg.norm(wanted))
        self.first = State.open(np.eye(split.d_in), self.inputs)
        matrix = self.run(self.first, 0).close(self.outputs)
        self.wanted = wanted + matrix if subtract else wanted
        if self.is_chain:
            self.values = _factor(self.wanted, *self.gates)
            matrix = self.run(self.first, 0).close(self.outputs)
        self.residual = float(np.linalg.norm(self.wanted - matrix))

    @property
    def is_chain(self) -> bool:
        """Whether the gates are LoRA's, for which there is a best fit in closed form."""
        if len(self.gates) != 2 or any(gate.frozen or gate.per for gate in self.gates):
            return False
        first, second = self.gates
        ends = (first.on, first.to, second.to)
        return ends == (self.inputs, second.on, self.outputs)

    @property
    def error(self) -> float:
        return self.residual / self.norm

    def shape(self, values: Tensors) -> Tensors:
        """Return tensors in the shapes of their gates."""
        return {gate.name: values[gate.name].reshape(gate.shape) for gate in self.gates}

    def run(self, state: State, position: int) -> State:
        """Apply the gates from a position on."""
        for gate in self.gates[position:]:
            state = state.apply(gate, self.values[gate.name])
        return state

    def run_back(self, state: State, position: int) -> State:
        """Apply the transposes of the gates from the last back to a position."""
        for gate in reversed(self.gates[position:]):
            state = state.apply(gate.transpose(), self.values[gate.name].transpose(0, 2, 1))
        return state

    def sweep(self) -> None:
        """Improve every trained gate once, in order."""
        behind = self.look_back()
        state = self.first
        for position, gate in enumerate(self.gates):
            if not gate.frozen:
                self.improve(position, state, behind[position])
            state = state.apply(gate, self.values[gate.name])

    def look_back(self) -> list[State]:
        """Return, for each gate, what the gates after it make of each output."""
        size = math.prod(axis.size for axis in self.outputs)
        state = State.open(np.eye(size), self.outputs)
        found = [state]
        for gate in reversed(self.gates[1:]):
            state = state.apply(gate.transpose(), self.values[gate.name].transpose(0, 2, 1))
            found.append(state)
        return found[::-1]

    def improve(self, position: int, state: State, behind: State) -> None:
        """Lower the error by one gate, by conjugate gradients on the normal equations.

        The preconditioner is what the normal equations would be if what comes before the gate had
        nothing to do with what comes after; for the first and the last gate that is exact.
        """
        gate = self.gates[position]
        before, rest = state.stack(gate.on, gate.per)
        after, _ = behind.stack(gate.to, gate.per)
        left, right = _invert(after), _invert(before)

        def forward(values: Array) -> Array:
            return self.run(state.apply(gate, values), position + 1).close(self.outputs)

        def adjoint(matrix: Array) -> Array:
            back = self.run_back(State.open(matrix, self.outputs), position + 1)
            # The wires that the gate leaves alone stand in the same order on both sides.
            order = (*gate.per, *gate.to, *rest)
            ordered = State(order, back.close(order).reshape([*(a.size for a in order), -1]))
            return ordered.stack(gate.to, gate.per)[0] @ before.transpose(0, 2, 1)

        values = self.values[gate.name]
        residual = self.wanted - forward(values)
        gradient = adjoint(residual)
        changed = left @ gradient @ right
        direction, power = changed, float((gradient * changed).sum())
        for _ in range(STEPS):
            if not power > 0:
                break
            moved = forward(direction)
            length = power / float((moved * moved).sum() or math.inf)
            values = values + length * direction
            residual = residual - length * moved
            gradient = adjoint(residual)
            changed = left @ gradient @ right
            last, power = power, float((gradient * changed).sum())
            if power <= 1e-24 * self.norm * self.norm or power <= 1e-20 * last:
                break
            direction = changed + (power / last) * direction
        error = float(np.linalg.norm(self.wanted - forward(values)))
        if error < self.residual:  # as it is but for rounding
            self.values[gate.name], self.residual = values, error


def _factor(matrix: Array, first: Gate, second: Gate) -> dict[str, Array]:
    """Return the two gates whose product is nearest to a matrix, from its singular values."""
    U, values, V = np.linalg.svd(matrix, full_matrices=False)
    rank = min(first.rows, len(values))
    A, B = np.zeros((1, first.rows, first.columns)), np.zeros((1, second.rows, second.columns))
    roots = np.sqrt(values[:rank])
    A[0, :rank], B[0, :, :rank] = roots[:, None] * V[:rank], U[:, :rank] * roots
    return {first.name: A, second.name: B}


def _invert(stacked: Array) -> Array:
    """Return the pseudoinverses of ``M M^T`` for a stack of matrices."""
    squares = stacked @ stacked.transpose(0, 2, 1)
    return np.asarray(np.linalg.pinv(squares, rcond=CUTOFF, hermitian=True), dtype=np.float64)
