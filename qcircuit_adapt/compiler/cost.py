"""Cost: what a training step of an adapted layer is predicted to take, beside the frozen layer.

A pure function of circuit, tokens, type and device: nothing is run. A kernel takes as long as its
multiplications or its memory traffic, whichever is longer, and a launch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.compiler.device import DTYPES, Device
from qcircuit_adapt.compiler.layout import Layout, Move, Product, Scaling
from qcircuit_adapt.compiler.lower import Program


@dataclass(frozen=True)
class Kernel:
    """One operation of a step, for all tokens.

    Attributes:
        macs: Multiply-accumulates.
        elements: Elements read and written.
        depth: How many products each sum has; 0 where nothing is multiplied.
        width: How many columns the narrower side of a product has.
        cached: Whether what it reads and writes is in the cache.
        calls: How many operations it is.
    """

    macs: int
    elements: int
    depth: int = 0
    width: int = 1 << 30
    cached: bool = True
    calls: int = 1


@dataclass(frozen=True)
class Candidate:
    """A strategy and what it is predicted to cost.

    Attributes:
        strategy: Its name.
        predicted: A training step over one of the frozen base layer alone.
        saved_rows: Kept for backward beyond x and the weights, in inputs ``(d_in)`` for each token.
        peak_rows: The most that is alive beyond x and the weights, in the same unit.
        rows_moved: Read and written beyond what the base layer does, in the same unit.
        calls: Operations beyond those of the base layer.
        lost: Why it is not chosen; empty for the one that is.
        blocks: The gates that are applied one after another, those joined to one in braces.
    """

    strategy: str
    predicted: float
    saved_rows: float
    peak_rows: float
    rows_moved: float
    calls: int
    lost: str = ""
    blocks: str = ""


def predict(kernel: Kernel, device: Device, *, dtype: str) -> float:
    """Return the seconds that a kernel takes."""
    bandwidth = device.cache_bandwidth if kernel.cached else device.bandwidth
    seconds = kernel.elements * DTYPES[dtype] / bandwidth
    if kernel.macs:
        narrow = min(1.0, kernel.width / device.full_width)
        rate = device.macs(dtype) * device.efficiency(dtype, kernel.depth) * narrow
        seconds = max(seconds, kernel.macs / rate)
    return seconds + kernel.calls * device.launch


def base_kernels(circuit: Circuit, tokens: int) -> Iterator[Kernel]:
    """List the kernels of the frozen layer: its product, and that for the gradient of x."""
    d_in, d_out = circuit.d_in, circuit.d_out
    for depth in (d_in, d_out):
        elements = d_in * d_out + tokens * (d_in + d_out)
        yield Kernel(tokens * d_in * d_out, elements, depth, cached=False)


def layout_kernels(layout: Layout, tokens: int, *, chunk: int, keep: bool) -> list[Kernel]:
    """List the kernels of a layout, forward and backward, for every chunk."""
    d_in, d_out = math.prod(layout.inputs), math.prod(layout.sizes)
    sizes = [min(chunk, tokens - start) for start in range(0, tokens, chunk)]
    gates = [action for action in layout.actions if not isinstance(action, Move)]
    kernels: list[Kernel] = []
    for count, times in ((size, sizes.count(size)) for size in sorted(set(sizes))):
        enter = 2 if layout.major == "feature" else 0
        kernels += [
            _repeat(Kernel(0, enter * count * d_in, calls=enter // 2), times),
            _repeat(Kernel(0, 3 * count * d_out), times),
            _repeat(Kernel(0, 2 * count * d_out), times),
            _repeat(Kernel(0, enter * count * d_in, calls=enter // 2), times),
            _repeat(Kernel(0, 3 * count * d_in), times),
        ]
        for action in layout.actions:
            again = not keep and action is not gates[-1]
            kernels += [
                _repeat(one, times) for one in _action_kernels(action, layout, count, again)
            ]
    return kernels


def _action_kernels(
    action: Move | Product | Scaling, layout: Layout, count: int, again: bool
) -> list[Kernel]:
    if isinstance(action, Move):
        copy = Kernel(0, 2 * count * math.prod(action.sizes))
        return [copy] * (2 + again)
    if isinstance(action, Scaling):
        pass_ = Kernel(0, 2 * count * math.prod(action.sizes))
        return [pass_] * (3 + again)
    spread = action.matrices * action.before * action.after
    taken, given = spread * action.columns, spread * action.rows
    macs = count * given * action.columns
    width = action.after * count if layout.major == "feature" else action.rows
    matrix = action.matrices * action.rows * action.columns
    forward = Kernel(macs, count * (taken + given) + matrix, action.columns, width)
    back = replace(forward, depth=action.rows)
    partial = 2 * (action.before if layout.major == "feature" else 1) * matrix
    gradient = Kernel(macs, count * (taken + given) + partial, width, action.columns, calls=3)
    return [forward] * (1 + again) + [back, gradient]


def einsum_kernels(program: Program, d_out: int, *, cached: bool) -> list[Kernel]:
    """List the kernels of a program run by einsum, forward and backward, and of two sums."""
    add = Kernel(0, 3 * program.tokens * d_out, cached=cached)
    return [*_step_kernels(program, times=1, cached=cached), add, add]


def matrix_kernels(build: Program, tokens: int, *, dtype: str, cache: float) -> list[Kernel]:
    """List what it takes beyond the base layer to build the matrix, add it and train it.

    The matrix is built forward and once more backward, where its gradient is a further product of
    all tokens. In 16 bits it is not added to the base weight, and has products of its own.
    """
    d_out, d_in = math.prod(build.rows), math.prod(build.columns)
    entries = d_out * d_in
    cached = entries * DTYPES[dtype] <= cache
    product = Kernel(tokens * entries, entries + tokens * (d_in + d_out), tokens, cached=False)
    apart = DTYPES[dtype] == 2
    products = [product] + (
        [replace(product, depth=d_in), replace(product, depth=d_out)] if apart else []
    )
    add = Kernel(0, 3 * (tokens * max(d_in, d_out) if apart else entries), cached=cached)
    return [*_step_kernels(build, times=2, cached=cached), *products, add, add]


def fused_kernels(circuit: Circuit, tokens: int) -> list[Kernel]:
    """List the two kernels that take all gates in one pass, and two sums."""
    d_in, d_out = circuit.d_in, circuit.d_out
    macs = tokens * circuit.macs_per_token
    least = min(gate.columns for gate in circuit.gates)
    return [
        Kernel(macs, tokens * (d_in + d_out), least),
        Kernel(3 * macs, tokens * (2 * d_in + d_out), least),
        Kernel(0, 3 * tokens * d_out),
        Kernel(0, 3 * tokens * d_in),
    ]


def _step_kernels(program: Program, *, times: int, cached: bool) -> list[Kernel]:
    """List the kernels of the steps; einsum copies what it takes before each product.

    Args:
        program: The steps.
        times: How often they are run forward; backward has a product for each of two gradients.
        cached: Whether what they read and write is in the cache.
    """
    elements = {one.name: math.prod(one.shape) for one in program.sources}
    for source in program.sources:
        elements[source.name] *= program.tokens if source.kind == "input" else 1
    kernels = []
    for step in program.steps:
        taken = sum(elements[name] for name in step.operands)
        elements[step.result] = step.elements
        copy = Kernel(0, 2 * taken, cached=cached)
        depth = step.macs // step.elements
        product = Kernel(step.macs, taken + step.elements, depth, cached=cached)
        kernels += [copy, product] * times + [copy, product, product]
    return kernels


def _repeat(kernel: Kernel, times: int) -> Kernel:
    """Return one kernel for several equal ones."""
    return replace(
        kernel,
        macs=kernel.macs * times,
        elements=kernel.elements * times,
        calls=kernel.calls * times,
    )
