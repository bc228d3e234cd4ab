"""Kronecker products of matrices."""

from __future__ import annotations

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import FamilyError
from qcircuit_adapt.families.layout import (
    Sizes,
    check_count,
    check_positive,
    lay_gates,
    name_circuit,
)


def kronecker(axes: Sizes, *, to: Sizes | None = None) -> Circuit:
    """One gate on each axis: a Kronecker product of matrices.

    Example:
        >>> kronecker((64, 64), to=(32, 64)).text
        'a=64 b=64 | a -> a=32, b'

    Source: Edalati et al., "KronA", arXiv:2212.10650.
    """
    check_count("kronecker", axes, at_least=1)
    name = name_circuit("kronecker", axes, to)
    return lay_gates(name, axes, to, [(axis,) for axis in range(len(axes))])


def lokr(d_in: int, d_out: int, *, rank: int, factor: int | None = None, both: int = 0) -> Circuit:
    """A Kronecker product of a small matrix with a large one that is of bounded rank.

    A bound on the rank that would save no parameters is left out, as in the published code.

    Args:
        d_in: The input dimension.
        d_out: The output dimension.
        rank: The rank of the large matrix.
        factor: The size of the small matrix, if it divides the dimensions; else the largest size
            below it and below the root of the dimension. None for the root.
        both: 1 to bound the rank of the small matrix too.

    Example:
        >>> lokr(64, 48, rank=2, factor=4).text
        'a=4 b=16 | a, b -> b=12 {rank=2}'

    Source: Yeh et al., "LyCORIS", arXiv:2309.14859; sizes as PEFT's ``LoKrConfig`` chooses them.
    """
    check_positive("lokr", d_in=d_in, d_out=d_out, rank=rank)
    if factor is not None:
        check_positive("lokr", factor=factor)
    if both not in (0, 1):
        raise FamilyError(f"lokr has both={both}; expected 0 or 1.")
    axes, to = _split(d_in, factor), _split(d_out, factor)
    gates = []
    for axis, size, new, bounded in zip("ab", axes, to, (both, 1), strict=True):
        change = f"{axis} -> {axis}={new}" if new != size else axis
        thin = bounded and rank < max(size, new) / 2
        gates.append(f"{change} {{rank={rank}}}" if thin else change)
    name = name_circuit("lokr", axes, to, r=rank) + ("-both" if both else "")
    return Circuit(f"a={axes[0]} b={axes[1]}", gates, name=name)


def _split(dimension: int, factor: int | None) -> tuple[int, int]:
    """Write a dimension as a product of a small and a large factor."""
    if factor and dimension % factor == 0:
        return factor, dimension // factor
    limit = min(factor or dimension, dimension)
    small = max(n for n in range(1, limit + 1) if n * n <= dimension and dimension % n == 0)
    return small, dimension // small
