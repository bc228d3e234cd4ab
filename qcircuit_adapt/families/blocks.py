"""Block-diagonal gates, each with a block for every value of other axes."""

from __future__ import annotations

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.families.layout import (
    Sizes,
    check_count,
    check_divides,
    lay_blocks,
    name_circuit,
)


def butterfly(axes: Sizes, *, to: Sizes | None = None) -> Circuit:
    """A block-diagonal gate on each axis in turn, with blocks for all values of the other axes.

    Example:
        >>> butterfly((2, 2, 2)).text
        'a=2 b=2 c=2 | c per a b, b per a c, a per b c'

    Source: Dao et al., "Learning fast algorithms for linear transforms using butterfly
    factorizations", arXiv:1903.05895.
    """
    check_count("butterfly", axes, at_least=2)
    return lay_blocks(name_circuit("butterfly", axes, to), "butterfly", axes, to)


def monarch(axes: Sizes, *, to: Sizes | None = None) -> Circuit:
    """Two block-diagonal gates, each with a block for every value of the other's axis.

    Example:
        >>> monarch((64, 64)).text
        'a=64 b=64 | b per a, a per b'

    Source: Dao et al., "Monarch", arXiv:2204.00595.
    """
    check_count("monarch", axes, at_least=2, at_most=2)
    return lay_blocks(name_circuit("monarch", axes, to), "monarch", axes, to)


def gralora(d_in: int, d_out: int, *, rank: int, blocks: int = 2) -> Circuit:
    """A grid of blocks, each a product of two thin matrices of rank ``rank / blocks``.

    The first gate has a matrix for each block of the input, the second for each block of the
    output; it is a Monarch matrix whose inner sizes are small.

    Args:
        d_in: The input dimension.
        d_out: The output dimension.
        rank: The rank of a LoRA of as many parameters.
        blocks: How many blocks the input and the output are cut into.

    Example:
        >>> gralora(64, 32, rank=8, blocks=4).text
        'a=4 b=16 | b -> c=4 s=2 per a, a s -> d=8 per c, -> c d'

    Source: Jung et al., "GraLoRA", arXiv:2505.20355.
    """
    check_divides("gralora", "blocks", blocks, rank=rank, d_in=d_in, d_out=d_out)
    return Circuit(
        f"a={blocks} b={d_in // blocks}",
        [f"b -> c={blocks} s={rank // blocks} per a", f"a s -> d={d_out // blocks} per c"],
        outputs="c d",
        name=name_circuit("gralora", (d_in,), (d_out,), r=rank, k=blocks),
    )
