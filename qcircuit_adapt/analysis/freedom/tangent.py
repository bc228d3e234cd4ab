"""Tangent: a lower bound on the degrees of freedom, from the gates all at the identity.

There a gate moves T by any matrix on its wires, diagonal on its control wires. Such matrices are
products, over the wires, of scalars and more, so what gates move together is a count of subsets.
For gates that share one wire at most with each other, it is all there is.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from qcircuit_adapt.analysis.bounds.route import can_be_identity, is_special
from qcircuit_adapt.analysis.claim import compare
from qcircuit_adapt.analysis.freedom.span import Space, count_span
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import CertificateError
from qcircuit_adapt.gate import Gate
from qcircuit_adapt.wires import follow_wires


@dataclass(frozen=True)
class Tangent:
    """A lower bound where every gate can be the identity.

    Attributes:
        bound: The dimension of the tangent space there.
    """

    bound: int

    @property
    def statement(self) -> str:
        """Why the bound holds, in a sentence."""
        return f"at identity gates T moves in {self.bound:,} independent directions."

    def check(self, circuit: Circuit) -> None:
        """Count the directions again.

        Raises:
            CertificateError: A gate cannot be the identity, or the count differs.
        """
        derived = find_tangent(circuit)
        if derived is None:
            raise CertificateError("not every gate of the circuit can be the identity.")
        compare("dimension of the tangent space", self.bound, derived.bound)


def find_tangent(circuit: Circuit) -> Tangent | None:
    """Count the directions in which T moves at identity gates.

    With all gates on pairs of wires it is ``1 + sum (a^2 - 1) + sum (a^2 - 1)(b^2 - 1)``, over the
    wires that are touched and over the pairs.

    Returns:
        The bound, or None where a gate changes sizes, has bounded rank, or is frozen elsewhere.

    Example:
        >>> find_tangent(Circuit.parse("a=16 b=8 c=8 d=4 | c d, b d, a d, b c, a c, a b")).bound
        42211
    """
    spaces = list_spaces(circuit)
    return None if spaces is None else Tangent(count_span(spaces))


def list_spaces(circuit: Circuit) -> list[Space] | None:
    """List the spaces of matrices along which T moves at identity gates, the scalars first.

    Returns:
        A space for each trained gate with a tensor of its own, by the input wire that its wires
        continue; None where not every gate can be the identity.
    """
    for gate in circuit.gates:
        if not (can_be_identity(circuit, gate) and is_known(circuit, gate)):
            return None
    uses = Counter(circuit.owner(gate).name for gate in circuit.gates)
    # The scalars: scaling any trained gate scales T.
    spaces: list[Space] = [{}] if any(map(circuit.trainable, circuit.gates)) else []
    for gate, line in zip(circuit.gates, follow_wires(circuit), strict=True):
        if circuit.trainable(gate) and uses[circuit.owner(gate).name] == 1:
            spaces.append(
                {line[axis.name]: axis.size**2 for axis in gate.on}
                | {line[axis.name]: axis.size for axis in gate.per}
            )
    return spaces


def is_known(circuit: Circuit, gate: Gate) -> bool:
    """Say whether a gate is trained, frozen at generic values, or frozen at the identity."""
    if circuit.trainable(gate) or not is_special(circuit, gate):
        return True
    return can_be_identity(circuit, gate) and circuit.owner(gate).init != "orthogonal"
