"""Which gates a module keeps tensors of, and how they start."""

from __future__ import annotations

from dataclasses import replace

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.gate import Gate, Init
from qcircuit_adapt.wires import half_names, split_ranks


def stored_gates(circuit: Circuit, *, zero: str = "") -> tuple[Gate, ...]:
    """Return the gates a module keeps tensors of, each with the rule by which it starts.

    Gates of bounded rank come as two half-gates that start by the same rule, except at zero: there
    only the second is zero, or neither would ever have a gradient. The default is ``kaiming``.

    Args:
        circuit: The circuit.
        zero: The name of a gate that starts at zero, whatever it says itself.

    Example:
        >>> circuit = Circuit.parse("a=4 b=4 | a b, a {rank=2 init=normal}, a {share=g2}")
        >>> [(gate.name, gate.init) for gate in stored_gates(circuit, zero="g1")]
        [('g1', 'zero'), ('g2_in', 'normal'), ('g2_out', 'normal')]
    """
    names = {gate.name for gate in circuit.gates}
    rules: dict[str, Init] = {}
    for gate in circuit.gates:
        rule: Init = "zero" if gate.name == zero else gate.init or "kaiming"
        if gate.rank:
            first, second = half_names(gate.name, names)
            rules |= {first: "kaiming" if rule == "zero" else rule, second: rule}
        else:
            rules[gate.name] = rule
    halves = split_ranks(circuit).gates
    return tuple(replace(gate, init=rules[gate.name]) for gate in halves if not gate.share)
