"""Fusion: blocks joined where a training step is predicted to take less time so.

A joint block multiplies more, but reads and writes the activations once instead of twice. Where
multiplying is what takes the time, as on a processor, nothing is gained; where moving is, much.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import replace

from qcircuit_adapt.compiler.block import Blocks
from qcircuit_adapt.compiler.cost import Kernel, predict
from qcircuit_adapt.compiler.device import Device
from qcircuit_adapt.compiler.passes import MAX_BLOCKS, check_same, join_neighbours, order
from qcircuit_adapt.gate import Gate

MAX_FUSED = 1024
"""The most numbers that a block made of two may take, or give."""


def fuse(
    blocks: Blocks, device: Device, *, dtype: str, tokens: int, chunk: int | None = None
) -> Blocks:
    """Join neighbours, the best pair first, as long as the predicted time falls.

    Args:
        blocks: The blocks; above `MAX_BLOCKS` none are joined.
        device: The device.
        dtype: The type, by its full name.
        tokens: How many inputs a step of training has.
        chunk: How many of them go through the circuit at a time; None for all.

    Example:
        >>> from qcircuit_adapt.compiler.device import CPU, H200
        >>> from qcircuit_adapt.compiler.passes import simplify
        >>> from qcircuit_adapt.families import quanta
        >>> blocks = simplify(quanta((16, 8, 8, 4)), tokens=8192)
        >>> print(fuse(blocks, CPU, dtype="float32", tokens=8192, chunk=64))
        {g1} {g2} {g3} {g4} {g5} {g6}
        >>> print(fuse(blocks, H200, dtype="bfloat16", tokens=8192))
        {g1 g2 g4} {g3 g5} {g6}
    """
    if len(blocks.blocks) > MAX_BLOCKS:
        return blocks

    def cost(one: Blocks) -> float:
        return predict_blocks(one, device, dtype=dtype, tokens=tokens, chunk=chunk)

    fused = order(join_neighbours(blocks, cost, most=MAX_FUSED))
    check_same(blocks, fused)
    return fused


def predict_blocks(
    blocks: Blocks, device: Device, *, dtype: str, tokens: int, chunk: int | None = None
) -> float:
    """Return the seconds that blocks take, forward and backward, where no copies are needed.

    Args:
        blocks: The blocks.
        device: The device.
        dtype: The type, by its full name.
        tokens: How many inputs a step of training has.
        chunk: How many of them go through the circuit at a time; None for all.
    """
    whole, rest = divmod(tokens, chunk or tokens)
    seconds = 0.0
    for block, width in zip(blocks.blocks, blocks.widths, strict=True):
        seconds += whole * _apply(block.gate, width, chunk or tokens, device, dtype)
        if rest:
            seconds += _apply(block.gate, width, rest, device, dtype)
        for kernel in block.build:
            seconds += _build(kernel, device, dtype)
    return seconds


@functools.lru_cache(maxsize=4096)
def _apply(gate: Gate, width: int, count: int, device: Device, dtype: str) -> float:
    """Return the seconds of a gate on ``width`` numbers for each of so many tokens."""
    return sum(predict(kernel, device, dtype=dtype) for kernel in _list_kernels(gate, width, count))


def _list_kernels(gate: Gate, width: int, count: int) -> Iterator[Kernel]:
    """List what `cost.layout_kernels` does for a gate whose wires lie right."""
    if gate.diagonal:
        yield Kernel(0, 6 * count * width, calls=3)
        return
    given = width // gate.columns * gate.rows
    vectors = count * width // (gate.blocks * gate.columns)
    matrix = gate.blocks * gate.rows * gate.columns
    elements = count * (width + given)
    forward = Kernel(count * given * gate.columns, elements + matrix, gate.columns, vectors)
    yield forward
    yield replace(forward, depth=gate.rows)
    yield replace(
        forward, elements=elements + 2 * matrix, depth=vectors, width=gate.columns, calls=3
    )


def _build(kernel: Kernel, device: Device, dtype: str) -> float:
    """Return the seconds of a product of gates by einsum, which copies what it takes."""
    copies = Kernel(0, 2 * kernel.elements, calls=2)
    return 3 * predict(kernel, device, dtype=dtype) + predict(copies, device, dtype=dtype)
