"""Cut: an upper bound on the rank, for all weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from qcircuit_adapt.adapter import Term
from qcircuit_adapt.analysis.bounds.flow import find_flow
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import CertificateError
from qcircuit_adapt.network import INPUT, OUTPUT, Bond, Network, build_network
from qcircuit_adapt.wires import half_names, split_ranks

Subject = Literal["T", "T - S", "start"]
"""What has the rank: a circuit's matrix; its difference from the same circuit at its initial
values; or the map from the entries of the gate that starts at zero to the circuit's matrix."""


@dataclass(frozen=True)
class Cut:
    """A set of bonds that separates the input from the output.

    The matrix factors through the product of their sizes, whatever the gates hold. The gates on one
    side need not be the first in time.

    Attributes:
        bound: The product of the sizes of the bonds.
        bonds: The bonds that are cut.
        input_side: The gates left with the input.
        subject: What the bound is on; see `select_network`.
    """

    bound: int
    bonds: tuple[Bond, ...]
    input_side: tuple[str, ...]
    subject: Subject = "T"

    @property
    def statement(self) -> str:
        """Why the bound holds, in a sentence."""
        if self.subject == "start":
            sizes = ", ".join(f"{bond.wire}={bond.size}" for bond in self.bonds) or "of size 1"
            return f"the gate that starts at zero moves T through the bonds {sizes}."
        doubled = any(bond.wire == self.subject for bond in self.bonds)
        if not doubled and all(bond.ends[0] == INPUT for bond in self.bonds):
            return f"{self.subject} has {self.bound:,} columns."
        if not doubled and all(bond.ends[-1] == OUTPUT for bond in self.bonds):
            return f"{self.subject} has {self.bound:,} rows."
        bonds = ", ".join(str(bond) for bond in self.bonds if bond.wire != self.subject)
        twice = ", twice since both sides hold trained gates" if doubled else ""
        return f"{self.subject} factors through the bonds {bonds}{twice}."

    def check(self, circuit: Circuit) -> None:
        """Multiply the bonds that cross, and compare.

        Raises:
            CertificateError: The circuit has no such cut.
        """
        check_cut(select_network(circuit, self.subject), self)


def select_network(circuit: Circuit, subject: Subject) -> Network:
    """Return the network whose cuts bound a rank.

    For ``T - S`` one more bond, of size 2, joins all trained gates: it says whether they hold their
    values or their initial ones. For ``start`` the gate that starts at zero becomes the input, and
    all open wires the output.
    """
    network = build_network(circuit)
    halves = split_ranks(circuit)
    if subject == "T - S":
        trained = tuple(gate.name for gate in halves.gates if halves.trainable(gate))
        return Network(network.gates, (*network.bonds, Bond("T - S", 2, trained)))
    if subject == "start":
        zero = find_zero(circuit)
        ends = {INPUT: OUTPUT, zero: INPUT}
        bonds = (
            Bond(bond.wire, bond.size, tuple(ends.get(end, end) for end in bond.ends))
            for bond in network.bonds
        )
        return Network(tuple(gate for gate in network.gates if gate != zero), tuple(bonds))
    return network


def find_zero(circuit: Circuit) -> str:
    """Return the gate, or of a gate of bounded rank the half, that starts at zero in form ``zero``.

    Raises:
        GateError: The form cannot train this circuit.
    """
    zero = Term(circuit, "zero").zero_gate
    gate = next(gate for gate in circuit.gates if gate.name == zero)
    return half_names(zero, {gate.name for gate in circuit.gates})[1] if gate.rank else zero


def find_cut(circuit: Circuit, *, subject: Subject = "T") -> Cut:
    """Find a smallest cut.

    Example:
        >>> cut = find_cut(Circuit.parse("x=64 | x -> r=4, r -> y=64"))
        >>> cut.bound, cut.input_side
        (4, ('g1',))

    Source: the cut bound is the "quantum min-cut" of Cui et al., arXiv:1508.04644; exact integers.
    """
    network = select_network(circuit, subject)
    flow = find_flow(network, lambda _, size: size)
    side = tuple(gate for gate in network.gates if gate in flow.input_side)
    bonds = crossing(network, side)
    return Cut(math.prod(bond.size for bond in bonds), bonds, side, subject)


def crossing(network: Network, input_side: tuple[str, ...]) -> tuple[Bond, ...]:
    """Return the bonds with ends on both sides, given the gates on the input's."""
    side = {INPUT, *input_side}
    return tuple(bond for bond in network.bonds if len({end in side for end in bond.ends}) == 2)


def check_cut(network: Network, cut: Cut) -> None:
    """Multiply the sizes of the bonds that cross, and compare.

    Raises:
        CertificateError: The gates are not of the network, or other bonds cross.
    """
    if not set(cut.input_side) <= set(network.gates):
        raise CertificateError("a gate on the input side of the cut is not in the circuit.")
    bonds = crossing(network, cut.input_side)
    if bonds != cut.bonds:
        raise CertificateError("the bonds said to be cut are not those that cross.")
    product = math.prod(bond.size for bond in bonds)
    if product != cut.bound:
        raise CertificateError(
            f"the cut bonds multiply to {product:,}, but the cut claims {cut.bound:,}."
        )
