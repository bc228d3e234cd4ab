"""Split: a lower bound on the operator-Schmidt rank across a split of the open wires."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qcircuit_adapt.analysis.bounds.route import Routing, check_routing, route_network, settle
from qcircuit_adapt.analysis.claim import compare
from qcircuit_adapt.analysis.structure.schmidt import SchmidtBound, split_network
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import CertificateError
from qcircuit_adapt.network import Network, build_network
from qcircuit_adapt.wires import split_ranks

if TYPE_CHECKING:
    import numpy as np

MAX_ENTRIES = 2**20
"""Up to how many entries of T its rank across a split is computed."""


@dataclass(frozen=True)
class SplitRank:
    """A lower bound for almost all gate values.

    Attributes:
        bound: The operator-Schmidt rank is at least this.
        inputs: The input wires on the one side.
        outputs: The output wires on the one side.
        routing: Paths from the one side to the other; None if it is a rank modulo a prime.
        seed: What the gates are drawn from, where it is.
    """

    bound: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    routing: Routing | None = None
    seed: int = 0

    @property
    def status(self) -> str:
        """What kind of proof it is."""
        return "theorem" if self.routing else "proved by witness"

    def check(self, circuit: Circuit) -> None:
        """Follow the paths, or compute the rank again.

        Raises:
            CertificateError: The bound is not what they show.
        """
        if self.routing is None:
            compare("rank across the split", self.bound, self._derive(circuit))
            return
        network = _open(circuit, self.inputs, self.outputs)
        if network is None:
            raise CertificateError("no routing is defined here where a gate is not free.")
        check_routing(network, self.routing)
        compare("rank across the split", self.bound, self.routing.bound)

    def _derive(self, circuit: Circuit) -> int:
        matrix = draw_matrix(circuit, seed=self.seed)
        if matrix is None:
            raise CertificateError("no witness is defined where a gate is held orthogonal.")
        return rank_across(circuit, matrix, self.inputs, self.outputs)


def route_across(circuit: Circuit, split: SchmidtBound) -> SplitRank | None:
    """Find paths between the sides of a split; None where not all gates are free.

    Example:
        >>> from qcircuit_adapt.analysis.structure.schmidt import find_schmidt
        >>> circuit = Circuit.parse("a=4 b=4 | a b")
        >>> route_across(circuit, find_schmidt(circuit, inputs=["a"], outputs=["a"])).bound
        16
    """
    network = _open(circuit, split.inputs, split.outputs)
    if network is None:
        return None
    routing = route_network(network)
    return SplitRank(routing.bound, split.inputs, split.outputs, routing)


def draw_matrix(circuit: Circuit, *, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """Return T modulo the prime at drawn gates; None where a gate is held orthogonal."""
    from qcircuit_adapt.analysis.field.evaluate import Operator, evaluate
    from qcircuit_adapt.analysis.field.point import draw_points

    halves = split_ranks(circuit)
    points = draw_points(halves, form=None, seed=seed)
    return None if points is None else evaluate(Operator(halves, points[0]))


def rank_across(
    circuit: Circuit,
    matrix: np.ndarray[Any, np.dtype[np.float64]],
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
) -> int:
    """Return the rank modulo the prime of a T, ``(d_out, d_in)``, across a split."""
    from qcircuit_adapt.analysis.field.modular import find_rank

    sides = [axis.name in outputs for axis in circuit.outputs]
    sides += [axis.name in inputs for axis in circuit.inputs]
    sizes = [axis.size for axis in circuit.outputs + circuit.inputs]
    near = [place for place, side in enumerate(sides) if side]
    far = [place for place, side in enumerate(sides) if not side]
    rows = math.prod(sizes[place] for place in near)
    return find_rank(matrix.reshape(sizes).transpose([*near, *far]).reshape(rows, -1))


def _open(circuit: Circuit, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> Network | None:
    """Return the network between the two sides, if all gates can be chosen freely."""
    network = build_network(circuit)
    return (
        split_network(network, inputs, outputs) if settle(circuit, subject="T") == network else None
    )
