"""Generate: what products of gates on the wires of a circuit's gates reach, however many there are.

Gates on some wires, of positive determinant, are products of exponentials, so all products of such
gates are a connected group. If the gates' wires hang together, its Lie algebra is that of all
matrices: brackets of matrices on overlapping wires give those on the union. So the group is that of
all real matrices of positive determinant.

A determinant of a gate of r rows enters that of a product by the power ``d / r``, and a singular
gate costs at least ``d / r`` of the rank. So what is missed even so can be read off these powers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import CertificateError


@dataclass(frozen=True)
class Generated:
    """What finite products reach of real gates on the same wires as the gates of a circuit.

    Attributes:
        dimension: The number of rows of T.
        gap: How much the rank of a product is below the dimension at least, if it is.
        positive: Whether only matrices of positive determinant are reached among the invertible
            ones; otherwise all are.
    """

    dimension: int
    gap: int
    positive: bool
    status: ClassVar[str] = "theorem"

    @property
    def statement(self) -> str:
        """What follows, in a sentence."""
        which = "those of positive determinant" if self.positive else "all"
        singular = (
            f", and of the singular ones none of a rank above {self.dimension - self.gap:,}"
            if self.gap > 1
            else ""
        )
        return (
            f"finite products of real gates on these wires reach, of the invertible matrices, "
            f"{which}{singular}."
        )

    def check(self, circuit: Circuit) -> None:
        """Derive it again.

        Raises:
            CertificateError: The wires do not hang together, or something else is reached.
        """
        if find_generated(circuit) != self:
            raise CertificateError("products of gates on these wires reach something else.")


def find_generated(circuit: Circuit) -> Generated | None:
    """Find what products of gates on a circuit's wires reach.

    Returns:
        It, or None where a gate changes wires, has control wires or a low rank, or where the gates
        do not join all wires.

    Example:
        >>> find_generated(Circuit.parse("a=16 b=8 c=8 d=4 | c d, b d, a d, b c, a c, a b"))
        Generated(dimension=4096, gap=32, positive=True)
        >>> find_generated(Circuit.parse("a=4 b=3 c=2 | a b, a c"))
        Generated(dimension=24, gap=2, positive=False)
    """
    groups = [{axis.name} for axis in circuit.inputs if axis.size > 1]
    for gate in circuit.gates:
        rank = circuit.owner(gate).rank
        if {*gate.on} != {*gate.to} or gate.per or (rank is not None and rank < gate.rows):
            return None
        wires = {axis.name for axis in gate.on if axis.size > 1}
        joined = [group for group in groups if group & wires]
        groups = [group for group in groups if group not in joined]
        groups += [set().union(*joined)] if joined else []
    powers = [circuit.d_in // gate.rows for gate in circuit.gates]
    touched = {axis.name for gate in circuit.gates for axis in gate.on if axis.size > 1}
    if not powers or len(groups) > 1 or any(group - touched for group in groups):
        return None
    return Generated(circuit.d_in, min(powers), all(power % 2 == 0 for power in powers))
