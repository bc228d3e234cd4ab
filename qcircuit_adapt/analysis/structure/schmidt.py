"""Schmidt: an upper bound on the operator-Schmidt rank across any split of the open wires.

Put some of the input and output wires on one side and the rest on the other. The entries of T, as a
matrix from one side's indices to the other's, have at most the rank of every cut between the sides.
With all inputs on one side and all outputs on the other that is the rank of T.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import ClassVar

from qcircuit_adapt.analysis.bounds.cut import crossing
from qcircuit_adapt.analysis.bounds.flow import find_flow
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import CertificateError, WireError, nearest
from qcircuit_adapt.network import INPUT, OUTPUT, Bond, Network, build_network

MAX_SPLITS = 128
"""How many splits `find_narrowest_split` tries, those with few wires on one side first."""


@dataclass(frozen=True)
class SchmidtBound:
    """A cut between some of the open wires and the others.

    Attributes:
        bound: The product of the sizes of the bonds that are cut.
        most: The rank that almost all matrices have across this split.
        inputs: The input wires on the one side.
        outputs: The output wires on the one side.
        gates: The gates on the one side of the cut.
    """

    bound: int
    most: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    gates: tuple[str, ...]
    status: ClassVar[str] = "theorem"

    @property
    def statement(self) -> str:
        """What follows, in a sentence."""
        named = zip(("input", "output"), (self.inputs, self.outputs), strict=True)
        side = " and ".join(f"{kind} {' '.join(wires)}" for kind, wires in named if wires)
        only = f", while almost all matrices have {self.most:,}" if self.bound < self.most else ""
        return (
            f"between {side or 'nothing'} and the other open wires, T has operator-Schmidt rank at "
            f"most {self.bound:,}, for all gate values{only}."
        )

    def check(self, circuit: Circuit) -> None:
        """Multiply the bonds that cross, and compare.

        Raises:
            CertificateError: A gate or wire is not of the circuit, or a number differs.
        """
        network = split_network(build_network(circuit), self.inputs, self.outputs)
        if not {*self.gates} <= {*network.gates}:
            raise CertificateError("a gate of the cut is not in the circuit.")
        product = math.prod(bond.size for bond in crossing(network, self.gates))
        if (product, _count_most(circuit, self.inputs, self.outputs)) != (self.bound, self.most):
            raise CertificateError(
                f"the cut bonds multiply to {product:,}, but {self.bound:,} of {self.most:,} is "
                "claimed."
            )


def find_schmidt(
    circuit: Circuit, *, inputs: Iterable[str] = (), outputs: Iterable[str] = ()
) -> SchmidtBound:
    """Find a smallest cut between some of the open wires and the others.

    Args:
        circuit: The circuit.
        inputs: The names of the input wires on the one side.
        outputs: The names of the output wires on the one side.

    Raises:
        WireError: The circuit has no such wire.

    Example:
        >>> circuit = Circuit.parse("a=4 b=4 | a, b")
        >>> find_schmidt(circuit, inputs=["a"], outputs=["a"]).bound
        1
    """
    inputs, outputs = tuple(inputs), tuple(outputs)
    for asked, axes in ((inputs, circuit.inputs), (outputs, circuit.outputs)):
        names = [axis.name for axis in axes]
        for name in asked:
            if name not in names:
                raise WireError(
                    f"{circuit.label} has no open wire {name!r} there.",
                    cure=nearest(name, names, noun="wires"),
                )
    return _find(circuit, build_network(circuit), inputs, outputs)


def find_narrowest_split(circuit: Circuit) -> SchmidtBound | None:
    """Find the split across which T falls furthest below almost all matrices.

    Returns:
        The cut across it, or None if none of the splits that are tried is narrow.

    Example:
        >>> print(find_narrowest_split(Circuit.parse("a=4 b=4 | a, b")).statement)
        between input a and output a and the other open wires, T has operator-Schmidt rank at \
most 1, for all gate values, while almost all matrices have 16.
    """
    network = build_network(circuit)
    found = (
        _find(circuit, network, *split)
        for split in itertools.islice(list_splits(circuit), MAX_SPLITS)
    )
    best = min(found, key=lambda cut: Fraction(cut.bound, cut.most), default=None)
    return best if best and best.bound < best.most else None


def _find(
    circuit: Circuit, network: Network, inputs: tuple[str, ...], outputs: tuple[str, ...]
) -> SchmidtBound:
    network = split_network(network, inputs, outputs)
    flow = find_flow(network, lambda _, size: size)
    gates = tuple(gate for gate in network.gates if gate in flow.input_side)
    bound = math.prod(bond.size for bond in crossing(network, gates))
    return SchmidtBound(bound, _count_most(circuit, inputs, outputs), inputs, outputs, gates)


def list_splits(circuit: Circuit) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """List the ways to choose one side, each split once; wires of size 1 do not matter."""
    wires = [
        (kind, axis.name)
        for kind, axes in enumerate((circuit.inputs, circuit.outputs))
        for axis in axes
        if axis.size > 1
    ]
    for count in range(1, len(wires) // 2 + 1):
        for side in itertools.combinations(wires, count):
            if 2 * count == len(wires) and wires[0] not in side:
                continue
            inputs, outputs = (tuple(n for k, n in side if k == kind) for kind in (0, 1))
            yield inputs, outputs


def split_network(network: Network, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> Network:
    """Return the network with the one side's open wires at the input, the rest at the output."""

    def move(bond: Bond) -> Bond:
        ends = []
        for end in bond.ends:
            if end == INPUT:
                end = INPUT if bond.wire in inputs else OUTPUT
            elif end == OUTPUT:
                end = INPUT if bond.wire in outputs else OUTPUT
            ends.append(end)
        return replace(bond, ends=tuple(ends))

    return Network(network.gates, tuple(map(move, network.bonds)))


def _count_most(circuit: Circuit, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> int:
    sizes = [axis.size for axis in circuit.inputs if axis.name in inputs]
    sizes += [axis.size for axis in circuit.outputs if axis.name in outputs]
    side = math.prod(sizes)
    return min(side, circuit.d_in * circuit.d_out // side)
