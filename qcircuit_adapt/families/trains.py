"""Tensor trains: chains of gates joined by bonds of one size."""

from __future__ import annotations

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.families.layout import (
    Sizes,
    axis_names,
    check_count,
    check_positive,
    name_circuit,
    output_sizes,
    write_axes,
)


def tensor_train(axes: Sizes, *, rank: int, to: Sizes | None = None) -> Circuit:
    """A matrix product operator: one core for each axis, joined by bonds of one size.

    With two axes it is a sum of ``rank`` Kronecker products.

    Example:
        >>> tensor_train((16, 16, 16), rank=4).text
        'a=16 b=16 c=16 | a -> a r1=4, b r1 -> b r2=4, c r2 -> c'

    Source: Oseledets, "Tensor-train decomposition", SIAM J. Sci. Comput. 33 (2011).
    """
    check_count("tensor_train", axes, at_least=2)
    check_positive("tensor_train", rank=rank)
    names, given = axis_names(axes), output_sizes("tensor_train", axes, to)
    gates = []
    for index, (name, size) in enumerate(zip(names, given, strict=True)):
        on = name if index == 0 else f"{name} r{index}"
        bond = f" r{index + 1}={rank}" if index + 1 < len(axes) else ""
        gates.append(f"{on} -> {name}={size}{bond}")
    return Circuit(write_axes(axes), gates, name=name_circuit("tensor-train", axes, to, r=rank))


def tt_lora(axes: Sizes, *, rank: int, to: Sizes | None = None) -> Circuit:
    """One chain through all input axes, then all output axes: a core for each of them.

    Where `tensor_train` has a core for each pair of an input and an output axis, here one bond
    parts the input from the output, and the rank is at most its size.

    Example:
        >>> tt_lora((16, 8), rank=4, to=(8, 4)).text
        'a=16 b=8 | a -> r1=4, r1 b -> r2=4, r2 -> a=8 r3=4, r3 -> b=4'

    Source: "TT-LoRA", arXiv:2408.01008.
    """
    check_count("tt_lora", axes, at_least=1)
    check_positive("tt_lora", rank=rank)
    names, given = axis_names(axes), output_sizes("tt_lora", axes, to)
    gates = []
    for index, name in enumerate(names):
        on = name if index == 0 else f"r{index} {name}"
        gates.append(f"{on} -> r{index + 1}={rank}")
    for index, (name, size) in enumerate(zip(names, given, strict=True), len(axes)):
        bond = f" r{index + 1}={rank}" if index + 1 < 2 * len(axes) else ""
        gates.append(f"r{index} -> {name}={size}{bond}")
    return Circuit(write_axes(axes), gates, name=name_circuit("tt-lora", axes, to, r=rank))
