"""Circuits made of circuits: one after another, side by side, transposed."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from dataclasses import replace

from qcircuit_adapt.axes import Axis
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import SizeError


def chain(first: Circuit, second: Circuit) -> Circuit:
    """Return ``first >> second``: the first is applied, then the second.

    Raises:
        SizeError: The first's output axes differ in size from the second's input axes.
    """
    given, taken = ([axis.size for axis in axes] for axes in (first.outputs, second.inputs))
    if given != taken:
        raise SizeError(
            f"cannot apply {second.label} after {first.label}: it takes axes of sizes "
            f"{_times(taken)}, but is given {_times(given)}.",
            cure="Compose circuits whose axes have the same sizes in the same order.",
        )
    pairs = zip(second.inputs, first.outputs, strict=True)
    names = {theirs.name: ours.name for theirs, ours in pairs}
    second = _rename(second, names, after=first)
    return Circuit(
        first.inputs,
        first.gates + second.gates,
        outputs=[axis.name for axis in second.outputs],
        name=_join_names(first, ">>", second),
    )


def put_beside(first: Circuit, second: Circuit) -> Circuit:
    """Return ``first | second``: the tensor product, the first's axes the more significant."""
    taken = {axis.name for stage in first.stages for axis in stage}
    names: dict[str, str] = {}
    for axis in itertools.chain(*second.stages):
        if axis.name not in names:
            names[axis.name] = _fresh(axis.name, taken)
            taken.add(names[axis.name])
    second = _rename(second, names, after=first)
    return Circuit(
        first.inputs + second.inputs,
        first.gates + second.gates,
        outputs=[axis.name for axis in first.outputs + second.outputs],
        name=_join_names(first, "|", second),
    )


def transpose(circuit: Circuit) -> Circuit:
    """Return the transposed circuit: gates transposed, in reverse order, names kept."""
    name = circuit.name
    return Circuit(
        circuit.outputs,
        [gate.transpose() for gate in reversed(circuit.gates)],
        outputs=[axis.name for axis in circuit.inputs],
        name=name.removesuffix("^T") if name.endswith("^T") or not name else f"{name}^T",
    )


def _rename(circuit: Circuit, names: Mapping[str, str], *, after: Circuit) -> Circuit:
    """Rename wires as told, and gates so that they can follow those of another circuit.

    Wires that are not told about keep their name, with a number where it is taken.
    """
    wires = dict(names)
    for axis in itertools.chain(*circuit.stages):
        if axis.name not in wires:
            wires[axis.name] = _fresh(axis.name, wires.values())
    offset, gates = len(after.gates), {}
    taken = {gate.name for gate in after.gates}
    for position, gate in enumerate(circuit.gates, 1):
        unnamed = gate.name == f"g{position}"
        gates[gate.name] = _fresh(f"g{offset + position}" if unnamed else gate.name, taken)
        taken.add(gates[gate.name])

    def renamed(axes: tuple[Axis, ...]) -> tuple[Axis, ...]:
        return tuple(Axis(wires[axis.name], axis.size) for axis in axes)

    return Circuit(
        renamed(circuit.inputs),
        [
            replace(
                gate,
                on=renamed(gate.on),
                to=renamed(gate.to),
                per=renamed(gate.per),
                name=gates[gate.name],
                share=gates[gate.share] if gate.share else None,
            )
            for gate in circuit.gates
        ],
        outputs=[wires[axis.name] for axis in circuit.outputs],
        name=circuit.name,
    )


def _fresh(name: str, taken: Collection[str]) -> str:
    """Return the name, with a number after it if it is taken."""
    if name not in taken:
        return name
    return next(new for n in itertools.count(2) if (new := f"{name}_{n}") not in taken)


def _join_names(first: Circuit, sign: str, second: Circuit) -> str:
    return f"{first.name} {sign} {second.name}" if first.name and second.name else ""


def _times(sizes: list[int]) -> str:
    return "*".join(map(str, sizes))
