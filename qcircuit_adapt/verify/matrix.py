"""Matrix: what a circuit's tensors do to states modulo the prime, and the rows of its matrix.

A state is an array with a named axis for each bond, and one for what is done side by side.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qcircuit_adapt.verify.field import PRIME, Array, draw, multiply, reduce
from qcircuit_adapt.verify.graph import DIFFERENCE, Graph, Tensor
from qcircuit_adapt.verify.read import Field

BESIDE = "beside"
"""The axis of what is done side by side; no bond has this name."""

Numbers = np.ndarray[Any, np.dtype[Any]]

Values = Mapping[str, Array]
"""Residues ``(blocks, rows, columns)`` for each tensor that has values of its own."""

MAX_NUMBERS = 2**21
"""How many numbers a state has, unless one row of the matrix needs more."""

MAX_ENTRIES = 2**28
"""How many entries a matrix, or all tensors together, may have: 2 GiB."""


@dataclass(frozen=True)
class State:
    """An array with a name for each axis."""

    axes: tuple[str, ...]
    array: Numbers

    def group(self, *groups: Sequence[str]) -> Numbers:
        """Return the array with one axis for each group of axes."""
        sizes = dict(zip(self.axes, self.array.shape, strict=True))
        order = [self.axes.index(name) for names in groups for name in names]
        shape = [math.prod(sizes[name] for name in names) for names in groups]
        return self.array.transpose(order).reshape(shape)


@dataclass(frozen=True)
class Operator:
    """A circuit with values for its tensors."""

    graph: Graph
    values: Values

    def spread(self, axes: tuple[str, ...], array: Numbers) -> State:
        """Give an array an axis for each bond, and the last for what is done side by side."""
        sizes = self.graph.sizes
        return State((*axes, BESIDE), array.reshape([*(sizes[name] for name in axes), -1]))

    def act(self, tensor: Tensor, state: State, *, back: bool = False) -> State:
        """Apply a tensor to the bonds that it takes, or its transpose to those that it gives."""
        take, give = (tensor.to, tensor.on) if back else (tensor.on, tensor.to)
        rest = [name for name in state.axes if name not in {*tensor.per, *take, BESIDE}]
        matrices = self.values[tensor.values]
        matrices = matrices.swapaxes(1, 2) if back else matrices
        product = multiply(matrices, state.group(tensor.per, take, (*rest, BESIDE)))
        return self.spread((*tensor.per, *give, *rest), product)

    def rows(self, outputs: Array) -> Array:
        """Multiply ``(n, d_out)`` with the matrix: the tensors in reverse, each transposed."""
        state = self.spread(self.graph.outputs, outputs.T)
        for tensor in reversed(self.graph.tensors):
            state = self.act(tensor, state, back=True)
        return state.group((BESIDE,), self.graph.inputs)


def draw_values(
    graph: Graph, by: Field, *, form: str | None, seed: int, prefix: str = ""
) -> tuple[Operator, Operator | None]:
    """Draw the tensors of T, and those of S where a form subtracts it.

    What is trained, or frozen at generic values, is drawn: in T with label ``gate=NAME``, in S of
    form ``difference`` with ``initial=NAME``, frozen ones with ``gate=NAME`` in both. What starts
    elsewhere is there in S, and in T too if it is frozen: partial identities, ones, or zeros. In S
    of form ``residual`` all that is trained is a partial identity.

    Args:
        graph: The circuit.
        by: Where the evidence stands, for errors.
        form: ``difference`` or ``residual``; None for T alone.
        seed: What to draw from.
        prefix: What the labels start with.

    Raises:
        CertificateError: A tensor starts orthogonal, which no residues do, or all are too large.
    """
    total = sum(t.parameters for t in graph.tensors if t.name == t.values)
    if total > MAX_ENTRIES:
        by.refuse(f"the gates have {total:,} values; the limit is {MAX_ENTRIES:,}.")
    now: dict[str, Array] = {}
    first: dict[str, Array] = {}
    for tensor in graph.tensors:
        if tensor.name != tensor.values:
            continue
        fixed = tensor.special and (form == "difference" or not tensor.trained)
        if fixed and tensor.init == "orthogonal" and tensor.on:
            by.refuse(f"gate {tensor.name!r} is held orthogonal, where nothing is drawn.")
        name = tensor.name

        def drawn(label: str, tensor: Tensor = tensor) -> Array:
            return draw(tensor.shape, seed=seed, label=f"{prefix}{label}={tensor.name}")

        _, rows, columns = tensor.shape
        eye = np.broadcast_to(np.eye(rows, columns), tensor.shape)
        constants = {"zero": np.zeros, "ones": np.ones}
        start = constants[tensor.init](tensor.shape) if tensor.init in constants else eye
        if not tensor.trained:
            now[name] = first[name] = start if tensor.special else drawn("gate")
            continue
        now[name] = drawn("gate")
        if form == "residual":
            first[name] = eye
        elif form == "difference":
            first[name] = start if tensor.special else drawn("initial")
    return Operator(graph, now), Operator(graph, first) if form else None


def find_subject(form: str | None) -> str:
    """Return what an update is, up to scale: T - S, or in form ``zero`` T."""
    return "T" if form in (None, "zero") else DIFFERENCE


def list_rows(
    terms: Sequence[tuple[int, Operator]], *, left: Array | None, right: Array | None
) -> Iterator[Array]:
    """Yield the rows of a sum of circuits, some at a time.

    Args:
        terms: The circuits, each with a residue it is multiplied by.
        left: What to multiply the sum by from the left, if anything: ``(n, d_out)``.
        right: And from the right: ``(d_in, n)``.
    """
    circuit = terms[0][1].graph.circuit
    step = max(1, MAX_NUMBERS // max(operator.graph.widest for _, operator in terms))
    count = circuit.d_out if left is None else len(left)
    for start in range(0, count, step):
        size = min(step, count - start)
        given = np.eye(size, circuit.d_out, start) if left is None else left[start : start + size]
        band = np.zeros((size, circuit.d_in))
        for scale, operator in terms:
            rows = operator.rows(given)
            band = reduce(band + (rows if scale == 1 else scale % PRIME * rows))
        yield band if right is None else multiply(band, right)
