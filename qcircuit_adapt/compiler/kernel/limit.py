"""What the fused kernel cannot run."""

from __future__ import annotations

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.compiler.kernel.schedule import widest
from qcircuit_adapt.wires import split_ranks

DTYPES = ("float32", "bfloat16", "float16")
MAX_WIDTH = 16_384
"""Numbers of one token between two gates, which one program has to hold."""
MAX_ENTRIES = 128 * 128
"""Entries of a gate, whose gradient a program holds in float32."""


def why_unfit(circuit: Circuit, dtype: str) -> str | None:
    """Say why there is no fused kernel of a circuit, or return None if there is one.

    Example:
        >>> why_unfit(Circuit.parse("a=4 b=3 | a b"), "float32")
        "wire 'b' has size 3, which is no power of two."
    """
    if dtype not in DTYPES:
        return f"numbers of type {dtype}; it takes {', '.join(DTYPES)}."
    if not circuit.gates:
        return "the circuit has no gates."
    for gate in circuit.gates:
        if gate.per:
            return f"gate {gate.name!r} has control wires (per)."
    halves = split_ranks(circuit)
    for axis in (axis for stage in halves.stages for axis in stage):
        if axis.size & (axis.size - 1):
            return f"wire {axis.name!r} has size {axis.size}, which is no power of two."
    width = widest(circuit)
    if width > MAX_WIDTH:
        return f"{width:,} numbers of one token between two gates; a program holds {MAX_WIDTH:,}."
    for gate in halves.gates:
        if gate.rows * gate.columns > MAX_ENTRIES:
            return f"gate {gate.name!r} has {gate.rows} x {gate.columns} entries, too many for it."
    return None
