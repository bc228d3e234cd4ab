"""Strategy: ways to compute a circuit in training, and which of them is predicted the fastest."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.compiler.block import Blocks
from qcircuit_adapt.compiler.cost import (
    Candidate,
    Kernel,
    base_kernels,
    einsum_kernels,
    fused_kernels,
    layout_kernels,
    matrix_kernels,
    predict,
)
from qcircuit_adapt.compiler.device import DTYPES, Device
from qcircuit_adapt.compiler.fusion import fuse
from qcircuit_adapt.compiler.kernel.limit import why_unfit
from qcircuit_adapt.compiler.layout import Layout, Major, Product, Scaling, plan_layout
from qcircuit_adapt.compiler.lower import Program
from qcircuit_adapt.compiler.passes import simplify
from qcircuit_adapt.errors import GateError, nearest


@dataclass(frozen=True)
class Sequence:
    """A strategy that takes gate after gate.

    Attributes:
        major: Where the tokens stand.
        keep: Whether what gates take is kept for backward, and not computed again.
    """

    major: Major
    keep: bool


SEQUENCES = {
    "feature-save-all": Sequence("feature", True),
    "feature-save-x": Sequence("feature", False),
    "token-save-all": Sequence("token", True),
    "token-save-x": Sequence("token", False),
}
STRATEGIES = ("einsum", *SEQUENCES, "materialised", "triton")

ON_REQUEST = {"triton": "only when asked for: not yet run on a GPU"}
"""Strategies that are never chosen by themselves, and why."""


def chunk_of(device: Device, dtype: str, tokens: int) -> int:
    """Return how many tokens go through a circuit at a time."""
    if device.chunk is None:
        return tokens
    return device.chunk[DTYPES[dtype] == 2]


@functools.lru_cache(maxsize=256)
def plan_blocks(circuit: Circuit, device: Device, *, dtype: str, tokens: int) -> Blocks:
    """Return the blocks that gates are joined into before they are taken one after another.

    Args:
        circuit: The circuit.
        device: The device.
        dtype: The type, by its full name.
        tokens: How many inputs a step has; counted as the next power of two.
    """
    tokens = 1 << (tokens - 1).bit_length()
    chunk = chunk_of(device, dtype, tokens)
    blocks = simplify(circuit, tokens=tokens)
    return fuse(blocks, device, dtype=dtype, tokens=tokens, chunk=min(chunk, tokens))


def list_candidates(
    circuit: Circuit,
    apply: Program,
    build: Program,
    *,
    dtype: str,
    device: Device,
    strategy: str | None,
    max_saved_rows: float | None,
) -> tuple[Candidate, ...]:
    """Predict every strategy and choose one.

    Args:
        circuit: The circuit.
        apply: Its einsum program, for the tokens of a step.
        build: The program that builds its matrix.
        dtype: The type, by its full name.
        device: The device.
        strategy: The one to choose; the fastest if None.
        max_saved_rows: The most inputs that may be kept for backward for each token; None for any.

    Returns:
        The candidates, the chosen one first, the others by predicted time.

    Raises:
        GateError: The strategy is unknown or cannot compute the circuit, or none keeps so little.
    """
    if strategy is not None and strategy not in STRATEGIES:
        raise GateError(
            f"{strategy!r} is no strategy.", cure=nearest(strategy, STRATEGIES, noun="strategies")
        )
    base = sum(predict(one, device, dtype=dtype) for one in base_kernels(circuit, apply.tokens))
    found = []
    for work in _list_work(circuit, apply, build, dtype, device):
        seconds = sum(predict(one, device, dtype=dtype) for one in work.kernels)
        unit = apply.tokens * circuit.d_in
        found.append(
            Candidate(
                work.strategy,
                predicted=1 + seconds / base,
                saved_rows=work.saved / unit,
                peak_rows=work.peak / unit,
                rows_moved=sum(one.elements for one in work.kernels) / unit,
                calls=sum(one.calls for one in work.kernels),
                blocks=work.blocks,
            )
        )
    found.sort(key=lambda one: one.predicted)
    names = [one.strategy for one in found]
    if strategy is not None and strategy not in names:
        raise GateError(
            f"{circuit.label} cannot be computed by {strategy!r}.",
            cause=_why_impossible(strategy, circuit, dtype, device),
            cure=f"Choose one of {', '.join(sorted(names))}.",
        )
    limit = math.inf if max_saved_rows is None else max_saved_rows
    usual = [one for one in found if one.strategy not in ON_REQUEST]
    fitting = [one for one in usual if one.saved_rows <= limit]
    if not fitting and strategy is None:
        least = min(one.saved_rows for one in usual)
        raise GateError(
            f"no strategy for {circuit.label} keeps at most {limit:g} rows; the least is {least:g}."
        )
    chosen = fitting[0] if strategy is None else found[names.index(strategy)]
    lost = [
        replace(one, lost=_explain(one, chosen, limit, asked=strategy is not None))
        for one in found
        if one is not chosen
    ]
    return (chosen, *lost)


@dataclass(frozen=True)
class _Work:
    """What a strategy does in a step, for all tokens.

    Attributes:
        strategy: Its name.
        kernels: Its operations beyond those of the base layer.
        saved: Elements kept for backward beyond x and the weights.
        peak: The most elements alive beyond these.
        blocks: As in `Candidate`.
    """

    strategy: str
    kernels: list[Kernel]
    saved: float
    peak: float
    blocks: str = ""


def _list_work(
    circuit: Circuit, apply: Program, build: Program, dtype: str, device: Device
) -> Iterator[_Work]:
    """Say what every strategy does that can compute a circuit."""
    tokens = apply.tokens
    x, y = tokens * circuit.d_in, tokens * circuit.d_out
    kernels = einsum_kernels(apply, circuit.d_out, cached=x * DTYPES[dtype] <= device.cache)
    yield _Work("einsum", kernels, apply.saved_elements, 2 * x + 2 * y + apply.saved_elements)
    blocks = plan_blocks(circuit, device, dtype=dtype, tokens=tokens)
    for name, sequence in SEQUENCES.items():
        layout = plan_layout(blocks.circuit, sequence.major)
        if layout is not None and blocks.blocks:
            yield _sequence_work(name, blocks, layout, tokens, chunk_of(device, dtype, tokens))
    entries = circuit.d_in * circuit.d_out
    made = 2 * sum(step.elements for step in build.steps) + entries
    kernels = matrix_kernels(build, tokens, dtype=dtype, cache=device.cache)
    yield _Work("materialised", kernels, 0, x + y + made)
    if device.launches_kernels and why_unfit(circuit, dtype) is None:
        yield _Work("triton", fused_kernels(circuit, tokens), 0, 2 * x + 2 * y)


def _sequence_work(name: str, blocks: Blocks, layout: Layout, tokens: int, chunk: int) -> _Work:
    keep, chunk = SEQUENCES[name].keep, min(tokens, chunk)
    build = [kernel for block in blocks.blocks for kernel in block.build]
    # Forward, and backward to both of what is multiplied.
    kernels = [*layout_kernels(layout, tokens, chunk=chunk, keep=keep), *build, *build, *build]
    # What each gate takes, for one token.
    sizes = [
        action.matrices * action.before * action.columns * action.after
        if isinstance(action, Product)
        else math.prod(action.sizes)
        for action in layout.actions
        if isinstance(action, Product | Scaling)
    ]
    saved = tokens * sum(sizes[1:]) if keep else 0
    alive = chunk * ((sizes[0] if keep else sum(sizes)) + 2 * max(sizes))
    ends = tokens * (math.prod(layout.inputs) + math.prod(layout.sizes))
    return _Work(name, kernels, saved, ends + saved + alive, str(blocks))


def _why_impossible(strategy: str, circuit: Circuit, dtype: str, device: Device) -> str:
    if strategy == "triton" and not device.launches_kernels:
        return f"It runs on a GPU, and the plan is for device {device.name!r}."
    if strategy == "triton":
        return f"There is no kernel for it: {why_unfit(circuit, dtype)}"
    return "It has no gates, or tokens stand first and a gate has control wires."


def _explain(one: Candidate, chosen: Candidate, limit: float, *, asked: bool) -> str:
    if asked:
        return "another was asked for"
    if one.strategy in ON_REQUEST:
        return ON_REQUEST[one.strategy]
    if one.saved_rows > limit:
        return f"keeps {one.saved_rows:.2f} rows, more than {limit:g}"
    return f"{one.predicted / chosen.predicted - 1:.0%} slower"


def report_candidates(candidates: tuple[Candidate, ...]) -> list[str]:
    """Lay out the candidates as a table, a line for each, the chosen one first."""
    lines = ["  strategy          step over base  saved  peak  moved  calls  why not"]
    lines += [
        f"  {one.strategy:<16}  {one.predicted:>14.2f}  {one.saved_rows:>5.2f}"
        f"  {one.peak_rows:>4.1f}  {one.rows_moved:>5.0f}  {one.calls:>5}  {one.lost}".rstrip()
        for one in candidates
    ]
    joined = candidates[0].blocks
    return [*lines, f"  gates, joined where that helps: {joined}"] if joined else lines
