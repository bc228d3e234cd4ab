"""Tucker's and the canonical polyadic decomposition of a matrix on axes."""

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


def tucker(axes: Sizes, *, rank: int, to: Sizes | None = None) -> Circuit:
    """Every axis is reduced to a size, a dense core acts on them all, every axis is restored.

    Example:
        >>> tucker((16, 16), rank=4, to=(16, 8)).text
        'a=16 b=16 | a -> a=4, b -> b=4, a b, a -> a=16, b -> b=8'

    Source: Kolda and Bader, "Tensor decompositions and applications", SIAM Review 51 (2009).
    """
    check_count("tucker", axes, at_least=1)
    check_positive("tucker", rank=rank)
    names, given = axis_names(axes), output_sizes("tucker", axes, to)
    gates = [f"{name} -> {name}={rank}" for name in names]
    gates.append(" ".join(names))
    gates += [f"{name} -> {name}={size}" for name, size in zip(names, given, strict=True)]
    return Circuit(write_axes(axes), gates, name=name_circuit("tucker", axes, to, r=rank))


def cp(axes: Sizes, *, rank: int, to: Sizes | None = None) -> Circuit:
    """A weighted sum of ``rank`` outer products of one vector for each input and output axis.

    Example:
        >>> cp((32, 64), rank=8).text
        'a=32 b=64 | a -> r=8, b -> b=1 per r, per r, b -> b=64 per r, r -> a=32'

    Source: Kolda and Bader, "Tensor decompositions and applications", SIAM Review 51 (2009); as an
    adapter, arXiv:2606.00428.
    """
    check_count("cp", axes, at_least=1, at_most=17)
    check_positive("cp", rank=rank)
    names, given = axis_names(axes), output_sizes("cp", axes, to)
    first, *others = names
    gates = [f"{first} -> r={rank}", *(f"{name} -> {name}=1 per r" for name in others), "per r"]
    gates += [f"{n} -> {n}={size} per r" for n, size in zip(others, given[1:], strict=True)]
    gates.append(f"r -> {first}={given[0]}")
    return Circuit(write_axes(axes), gates, name=name_circuit("cp", axes, to, r=rank))
