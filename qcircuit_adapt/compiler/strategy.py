"""Strategy: ways to compute a circuit in training, and which of them is predicted the fastest."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.compiler.cost import (
    Candidate,
    Kernel,
    base_kernels,
    einsum_kernels,
    layout_kernels,
    predict,
)
from qcircuit_adapt.compiler.device import DTYPES, Device
from qcircuit_adapt.compiler.layout import Layout, Major, Product, Scaling, plan_layout
from qcircuit_adapt.compiler.lower import Program
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
STRATEGIES = ("einsum", *SEQUENCES)


def chunk_of(device: Device, dtype: str, tokens: int) -> int:
    """Return how many tokens go through a circuit at a time."""
    if device.chunk is None:
        return tokens
    return device.chunk[DTYPES[dtype] == 2]


def list_candidates(
    circuit: Circuit,
    apply: Program,
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
    found = [_price("einsum", circuit, apply, None, dtype, device, base)]
    for name, sequence in SEQUENCES.items():
        layout = plan_layout(circuit, sequence.major)
        if layout is not None and any(isinstance(a, Product | Scaling) for a in layout.actions):
            found.append(_price(name, circuit, apply, layout, dtype, device, base))
    found.sort(key=lambda one: one.predicted)
    names = [one.strategy for one in found]
    if strategy is not None and strategy not in names:
        raise GateError(
            f"{circuit.label} cannot be computed by {strategy!r}.",
            cause="It has no gates, or tokens stand first and a gate has control wires.",
            cure=f"Choose one of {', '.join(sorted(names))}.",
        )
    limit = math.inf if max_saved_rows is None else max_saved_rows
    fitting = [one for one in found if one.saved_rows <= limit]
    if not fitting and strategy is None:
        least = min(one.saved_rows for one in found)
        raise GateError(
            f"no strategy for {circuit.label} keeps at most {limit:g} rows; the least is {least:g}."
        )
    chosen = next(
        one for one in (found if strategy else fitting) if strategy in (None, one.strategy)
    )
    lost = [
        replace(one, lost=_explain(one, chosen, limit, asked=strategy is not None))
        for one in found
        if one is not chosen
    ]
    return (chosen, *lost)


def _explain(one: Candidate, chosen: Candidate, limit: float, *, asked: bool) -> str:
    if asked:
        return "another was asked for"
    if one.saved_rows > limit:
        return f"keeps {one.saved_rows:.2f} rows, more than {limit:g}"
    return f"{one.predicted / chosen.predicted - 1:.0%} slower"


def _price(
    name: str,
    circuit: Circuit,
    apply: Program,
    layout: Layout | None,
    dtype: str,
    device: Device,
    base: float,
) -> Candidate:
    tokens, d_in = apply.tokens, circuit.d_in
    unit = tokens * d_in
    outputs = circuit.d_out / d_in
    if layout is None:
        cached = unit * DTYPES[dtype] <= device.cache
        kernels: list[Kernel] = einsum_kernels(apply, circuit.d_out, cached=cached)
        saved = apply.saved_elements / unit
        peak = 1 + 2 * outputs + saved + 1
    else:
        keep = SEQUENCES[name].keep
        chunk = min(tokens, chunk_of(device, dtype, tokens))
        kernels = layout_kernels(layout, tokens, chunk=chunk, keep=keep)
        sizes = [
            action.matrices * action.before * action.columns * action.after
            if isinstance(action, Product)
            else math.prod(action.sizes)
            for action in layout.actions
            if isinstance(action, Product | Scaling)
        ]
        saved = sum(sizes[1:]) / d_in if keep else 0.0
        alive = (sum(sizes[:1]) if keep else sum(sizes)) + 2 * max(sizes)
        peak = 1 + outputs + saved + alive * chunk / unit
    seconds = sum(predict(one, device, dtype=dtype) for one in kernels)
    return Candidate(
        name,
        predicted=1 + seconds / base,
        saved_rows=saved,
        peak_rows=peak,
        rows_moved=sum(one.elements for one in kernels) / unit,
        calls=sum(one.calls for one in kernels),
    )


def report_candidates(candidates: tuple[Candidate, ...]) -> list[str]:
    """Lay out the candidates as a table, a line for each, the chosen one first."""
    lines = ["  strategy          step over base  saved  peak  moved  calls  why not"]
    lines += [
        f"  {one.strategy:<16}  {one.predicted:>14.2f}  {one.saved_rows:>5.2f}"
        f"  {one.peak_rows:>4.1f}  {one.rows_moved:>5.0f}  {one.calls:>5}  {one.lost}".rstrip()
        for one in candidates
    ]
    return lines
