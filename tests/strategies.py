"""Hypothesis strategies: axes, gates that fit the wires, circuits; and tensors for them."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from hypothesis import strategies as st

from qcircuit_adapt.adapter import FORMS, FORMS_ON_WEIGHT
from qcircuit_adapt.axes import Axis, product
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.declaration import advance
from qcircuit_adapt.gate import Gate

SIZES = st.integers(min_value=1, max_value=5)
MAX_WIDTH = 120
"""Numbers per token at most, so that dense matrices stay small."""

FORMS_ALONE = tuple(form for form in FORMS if form not in FORMS_ON_WEIGHT)
"""The forms whose update is the circuit's own, and not a product with the base weight."""


@st.composite
def axes(draw: st.DrawFn, *, max_axes: int = 4, max_width: int = MAX_WIDTH) -> tuple[Axis, ...]:
    sizes = draw(st.lists(SIZES, min_size=1, max_size=max_axes))
    while math.prod(sizes) > max_width:
        sizes.remove(max(sizes))
    return tuple(Axis(name, size) for name, size in zip("abcdefgh", sizes, strict=False))


@st.composite
def gates(
    draw: st.DrawFn,
    wires: tuple[Axis, ...],
    *,
    position: int,
    earlier: Iterable[Gate] = (),
    max_width: int = MAX_WIDTH,
) -> Gate:
    """A gate that fits: dense, size-changing, merging, splitting, controlled or diagonal."""
    shuffled = draw(st.permutations(wires))
    touched = draw(st.integers(min_value=1, max_value=min(3, len(wires))))
    split = draw(st.integers(min_value=0, max_value=touched))
    on, per = tuple(shuffled[:split]), tuple(shuffled[split:touched])
    to = on
    if on and draw(st.booleans()):
        count = draw(st.integers(min_value=1, max_value=min(3, len(on) + 1)))
        free = [f"w{position}{letter}" for letter in "xyz"]
        names = draw(st.permutations([*(axis.name for axis in on), *free]))[:count]
        to = tuple(Axis(name, draw(SIZES)) for name in names)
        room = max_width // (product(wires) // product(on))
        if product(to) > room:
            to = on
    rank = draw(st.none() | st.integers(1, 3)) if on else None
    frozen = draw(st.integers(0, 9)) == 0
    gate = Gate(on, to=to, per=per, name=f"g{position}", rank=rank, frozen=frozen)
    twins = [
        other.name for other in earlier if not other.share and sizes_of(other) == sizes_of(gate)
    ]
    if twins and draw(st.booleans()):
        return Gate(on, to=to, per=per, name=gate.name, share=draw(st.sampled_from(twins)))
    return gate


def sizes_of(gate: Gate) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(a.size for a in part) for part in (gate.per, gate.to, gate.on))


@st.composite
def circuits(
    draw: st.DrawFn,
    *,
    max_gates: int = 5,
    max_axes: int = 4,
    max_width: int = MAX_WIDTH,
    inputs: tuple[Axis, ...] | None = None,
) -> Circuit:
    """A circuit of up to `max_gates` gates; it may have none, and its outputs may be permuted."""
    wires = inputs = inputs or draw(axes(max_axes=max_axes, max_width=max_width))
    built: list[Gate] = []
    for position in range(1, draw(st.integers(0, max_gates)) + 1):
        gate = draw(gates(wires, position=position, earlier=built, max_width=max_width))
        built.append(gate)
        wires = advance(wires, gate)
    outputs = [axis.name for axis in wires]
    if draw(st.booleans()):
        outputs = draw(st.permutations(outputs))
    return Circuit(inputs, built, outputs=outputs, name=draw(st.sampled_from(["", "random"])))


def square(circuit: Circuit) -> Circuit:
    """The circuit, followed by a gate that brings it back to its inputs if it is not square."""
    if circuit.d_in == circuit.d_out:
        return circuit
    taken, made = (" ".join(a.name for a in axes) for axes in (circuit.outputs, circuit.inputs))
    given = " ".join(f"{axis.name}={axis.size}" for axis in circuit.inputs)
    return circuit >> Circuit(circuit.outputs, [f"{taken} -> {given}"], outputs=made.split())


def fit(circuit: Circuit, form: str | None) -> Circuit:
    """The circuit, made square if a form needs that."""
    return square(circuit) if form in FORMS_ON_WEIGHT else circuit


def tensors_for(
    circuit: Circuit, rng: np.random.Generator, *, low: int | None = None
) -> dict[str, np.ndarray]:
    """Random tensors of a circuit, standard normal, or whole numbers from ``-low`` to ``low``.

    Those of bounded rank are products of two random halves.
    """

    def draw(shape: tuple[int, ...]) -> np.ndarray:
        return rng.standard_normal(shape) if low is None else rng.integers(-low, low + 1, shape)

    tensors = {}
    for gate in circuit.gates:
        if gate.share:
            continue
        if gate.rank:
            first = draw((gate.blocks, gate.rows, gate.rank))
            second = draw((gate.blocks, gate.rank, gate.columns))
            tensors[gate.name] = (first @ second).reshape(gate.shape)
        else:
            tensors[gate.name] = draw(gate.shape)
    return tensors


@st.composite
def rotations(draw: st.DrawFn, *, max_gates: int = 4, max_width: int = 18) -> Circuit:
    """A circuit of gates that can be held orthogonal: square ones, on two dimensions or more.

    They may have control wires, share tensors, split wires in other ways, and exchange wires.
    """
    wires = inputs = draw(axes(max_axes=3, max_width=max_width).filter(lambda a: product(a) > 1))
    built: list[Gate] = []
    for number in range(1, draw(st.integers(1, max_gates)) + 1):
        order = draw(st.permutations(wires))
        count = draw(st.integers(1, len(order)))
        on = tuple(order[:count])
        if product(on) == 1:
            on = tuple(order)
        rest = [wire for wire in order if wire not in on]
        per = tuple(rest[: draw(st.integers(0, len(rest)))])
        to = draw(st.sampled_from([on, on, on[::-1], (Axis(f"w{number}", product(on)),)]))
        gate = Gate(on, to=to, per=per, name=f"g{number}")
        twins = [one.name for one in built if not one.share and sizes_of(one) == sizes_of(gate)]
        if twins and draw(st.booleans()):
            gate = Gate(on, to=to, per=per, name=gate.name, share=draw(st.sampled_from(twins)))
        built.append(gate)
        wires = advance(wires, gate)
    outputs = draw(st.permutations([wire.name for wire in wires]))
    return Circuit(inputs, built, outputs=outputs)
