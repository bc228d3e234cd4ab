"""The order in which a plan contracts a circuit's gates, as a picture shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qcircuit_adapt.wires import half_names

if TYPE_CHECKING:
    from qcircuit_adapt.compiler.plan import Plan


@dataclass(frozen=True)
class Order:
    """When each gate is used.

    Attributes:
        steps: For each gate drawn the numbers, from 1, of the steps that take it: one for a gate,
            perhaps two where its rank is bounded, since its halves are taken one by one.
        count: How many steps there are.
        bands: Gates that are multiplied with each other before the input meets them, as positions
            in the circuit.
    """

    steps: tuple[tuple[int, ...], ...]
    count: int
    bands: tuple[tuple[int, ...], ...]

    def share(self, index: int) -> float:
        """Say how late a gate is first used, from 0 to 1."""
        return (self.steps[index][0] - 1) / max(1, self.count - 1)

    def label(self, index: int) -> str:
        """Return a gate's number, or its numbers."""
        return "+".join(map(str, self.steps[index]))

    def describe(self, index: int) -> str:
        """Say when a gate is used, in words."""
        numbers = self.steps[index]
        noun = "step" if len(numbers) == 1 else "steps"
        return f"{noun} {' and '.join(map(str, numbers))} of {self.count}"


def read_order(plan: Plan, *, drawn: int) -> Order:
    """Read from a plan when the first gates of its circuit are used.

    Args:
        plan: The plan.
        drawn: How many gates are drawn.
    """
    gates = plan.circuit.gates
    names = {gate.name for gate in gates}
    owner: dict[str, int] = {}
    for index, gate in enumerate(gates):
        halves = half_names(gate.name, names) if plan.circuit.owner(gate).rank else ()
        owner |= dict.fromkeys((gate.name, *halves), index)
    steps: list[set[int]] = [set() for _ in gates]
    held = {
        source.name: frozenset([owner[source.name]] if source.kind == "gate" else [])
        for source in plan.apply.sources
    }
    with_x = {source.name for source in plan.apply.sources if source.kind == "input"}
    bands = []
    for number, step in enumerate(plan.apply.steps, 1):
        gates_of = {name: held[name] for name in step.operands}
        for name in step.operands:
            if name in owner and name not in with_x:
                steps[owner[name]].add(number)
        meets_x = bool(with_x & set(step.operands))
        held[step.result] = frozenset().union(*gates_of.values())
        if meets_x:
            bands += [
                tuple(sorted(found))
                for name, found in gates_of.items()
                if name not in with_x and len(found) > 1
            ]
            with_x.add(step.result)
    return Order(
        steps=tuple(tuple(sorted(numbers)) for numbers in steps[:drawn]),
        count=len(plan.apply.steps),
        bands=tuple(band for band in bands if max(band) < drawn),
    )
