"""How often the bounds meet, on circuits drawn from a seed; the run prints the numbers."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from qcircuit_adapt import Circuit, prove
from qcircuit_adapt.axes import Axis, product
from qcircuit_adapt.declaration import advance
from qcircuit_adapt.gate import Gate

COUNT = 2000
MAX_WIDTH = 64
MAX_PARAMETERS = 1500


def draw_circuit(rng: np.random.Generator) -> Circuit:
    """Two to five gates on wires of sizes 1 to 5, changing sizes, of bounded rank, or frozen."""
    while True:
        sizes = rng.integers(1, 6, rng.integers(2, 5)).tolist()
        inputs = wires = tuple(Axis(name, size) for name, size in zip("abcd", sizes, strict=False))
        gates: list[Gate] = []
        for position in range(rng.integers(2, 6)):
            gates.append(draw_gate(rng, wires, position))
            wires = advance(wires, gates[-1])
        widest = max(map(product, Circuit(inputs, gates).stages))
        circuit = Circuit(inputs, gates)
        if widest <= MAX_WIDTH and 0 < circuit.parameters <= MAX_PARAMETERS:
            return circuit


def draw_gate(rng: np.random.Generator, wires: tuple[Axis, ...], position: int) -> Gate:
    chosen = rng.permutation(len(wires))[: rng.integers(1, min(3, len(wires)) + 1)]
    on = tuple(wires[n] for n in chosen)
    to = on
    if rng.random() < 0.4:
        count = int(rng.integers(1, 3))
        to = tuple(Axis(f"w{position}{letter}", int(rng.integers(1, 6))) for letter in "xy"[:count])
    full = min(product(on), product(to))
    rank = int(rng.integers(1, full + 1)) if rng.random() < 0.3 else None
    return Gate(on, to=to, name=f"g{position}", rank=rank, frozen=rng.random() < 0.1)


def test_the_bounds_meet(record_property: Callable[[str, object], None]) -> None:
    rng = np.random.default_rng(2406)
    rank = update = freedom = quick = 0
    for _ in range(COUNT):
        circuit = draw_circuit(rng)
        certificate = prove(circuit, form="difference", witness=True)
        assert certificate.update_rank
        rank += certificate.rank.exact
        update += certificate.update_rank.exact
        freedom += certificate.degrees_of_freedom.exact
        quick += certificate.rank.status == "theorem"
    record_property(
        "audit",
        f"{COUNT:,} circuits: rank of T exact in {rank / COUNT:.2%} ({quick / COUNT:.2%} without "
        f"arithmetic), of the update in {update / COUNT:.2%}, degrees of freedom in "
        f"{freedom / COUNT:.2%}",
    )
    assert rank >= math.ceil(0.999 * COUNT)
    assert update >= math.ceil(0.995 * COUNT)
    assert freedom >= math.ceil(0.98 * COUNT)
