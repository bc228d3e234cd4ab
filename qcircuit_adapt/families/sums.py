"""Sums over blocks of features before a trained matrix, and repetitions after it.

A frozen gate of ones sums what it takes, and repeats what it gives.
"""

from __future__ import annotations

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.families.layout import check_divides, check_positive, name_circuit


def miss(d_in: int, d_out: int, *, rank: int) -> Circuit:
    """The blocks of the input are added up, and one matrix acts on the sum.

    Args:
        d_in: The input dimension.
        d_out: The output dimension.
        rank: The size of a block.

    Example:
        >>> miss(64, 32, rank=8).text
        'a=8 b=8 | a -> a=1 {init=ones frozen}, a b -> y=32'

    Source: Kang and Yin, "MiSS", arXiv:2409.15371.
    """
    check_positive("miss", d_out=d_out)
    check_divides("miss", "rank", rank, d_in=d_in)
    return Circuit(
        f"a={d_in // rank} b={rank}",
        ["a -> a=1 {frozen init=ones}", f"a b -> y={d_out}"],
        name=name_circuit("miss", (d_in,), (d_out,), r=rank),
    )


def mora(d_in: int, d_out: int, *, size: int) -> Circuit:
    """The blocks of the input are added up, a square matrix acts, and its result is repeated.

    MoRA names several ways to shrink the input and to widen the output without parameters; this is
    the one that shares rows and columns. A LoRA of as many parameters has rank
    ``size ** 2 / (d_in + d_out)``.

    Args:
        d_in: The input dimension.
        d_out: The output dimension.
        size: The size of the square matrix.

    Example:
        >>> mora(64, 32, size=16).text
        'a=4 b=16 | a -> a=1 {init=ones frozen}, b, a -> a=2 {init=ones frozen}'

    Source: Jiang et al., "MoRA", arXiv:2405.12130.
    """
    check_divides("mora", "size", size, d_in=d_in, d_out=d_out)
    return Circuit(
        f"a={d_in // size} b={size}",
        ["a -> a=1 {frozen init=ones}", "b", f"a -> a={d_out // size} {{frozen init=ones}}"],
        name=name_circuit("mora", (d_in,), (d_out,), s=size),
    )
