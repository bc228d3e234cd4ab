"""Count: the numbers of a circuit that follow from the sizes of its gates alone."""

from __future__ import annotations

import math

from qcircuit_adapt.verify.graph import Graph
from qcircuit_adapt.verify.read import Field

COUNTS = ("d_in", "d_out", "parameters", "frozen_parameters", "macs_per_token")


def count(graph: Graph) -> dict[str, int]:
    """Count dimensions, parameters, and multiply-accumulates for one vector, tensor by tensor."""
    sizes, macs = graph.sizes, 0
    now = {*graph.inputs}
    for tensor in graph.tensors:
        now -= {*tensor.on}
        beside = math.prod(sizes[name] for name in now)
        macs += beside * tensor.shape[1] * tensor.shape[2]
        now |= {*tensor.to}
    own = [tensor for tensor in graph.tensors if tensor.name == tensor.values]
    return {
        "d_in": math.prod(sizes[name] for name in graph.inputs),
        "d_out": math.prod(sizes[name] for name in graph.outputs),
        "parameters": sum(tensor.parameters for tensor in own if tensor.trained),
        "frozen_parameters": sum(tensor.parameters for tensor in own if not tensor.trained),
        "macs_per_token": macs,
    }


def check_counts(field: Field, derived: dict[str, int]) -> str:
    """Compare the counts."""
    counts = field.keys(COUNTS)
    for name, number in derived.items():
        counts[name].match(number, "the count")
    return "counted tensor by tensor"


def check_quanta_bounds(field: Field, graph: Graph) -> str:
    """Compare Sylvester's bounds: gate a of rank R_a beside s_a values has rank ``s_a R_a``.

    So has T at most, and at least the sum of these less the numbers between consecutive gates.
    """
    bounds = field.keys(("lower", "upper"))
    circuit, width = graph.circuit, graph.circuit.d_in
    ranks, widths = [], []
    for gate in circuit.gates:
        widths.append(width)
        full = min(gate.rows, gate.columns)
        ranks.append(width // gate.columns * min(full, circuit.owner(gate).rank or full))
        width = width // gate.columns * gate.rows
    bounds["lower"].match(sum(ranks) - sum(widths[1:]) if ranks else width, "the formula")
    bounds["upper"].match(min(ranks, default=width), "the formula")
    return "the ranks of the gates were put into Sylvester's inequality"
