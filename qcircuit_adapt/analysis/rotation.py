"""Rotation: what is proved if every gate is held orthogonal, and starts at the identity.

Each block of a gate is then a matrix of SO(n), by Cayley's formula. What bounds the rank for all
gate values bounds it here too. But no gate can be scaled, so lower bounds are shown by rotations.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from qcircuit_adapt.analysis.bounds.cut import Cut, Subject
from qcircuit_adapt.analysis.bounds.product import is_through
from qcircuit_adapt.analysis.field.rotation_witness import RotationWitness
from qcircuit_adapt.analysis.freedom.span import count_span
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import CertificateError
from qcircuit_adapt.network import INPUT, OUTPUT, build_network
from qcircuit_adapt.rotation import count_all_angles
from qcircuit_adapt.wires import follow_wires


@dataclass(frozen=True)
class Orthogonal:
    """Both bounds on the rank of T: a product of orthogonal matrices is invertible.

    Attributes:
        bound: The dimension of T.
    """

    bound: int

    @property
    def statement(self) -> str:
        """Why the bound holds, in a sentence."""
        return "T is orthogonal, as every gate is."

    def check(self, circuit: Circuit) -> None:
        """See that every gate can be a rotation, and compare the dimension."""
        _compare(self, Orthogonal(circuit.d_in), circuit)


@dataclass(frozen=True)
class Euler:
    """An upper bound on the rank of ``T - S``: in odd dimensions a rotation fixes a direction.

    For each value of the wires that no gate changes ``S^-1 T`` is a matrix of SO(m). If m is odd it
    has the eigenvalue 1 (Euler).

    Attributes:
        bound: The dimension of T, less `through`.
        through: The product of the sizes of the wires that no gate changes.
    """

    bound: int
    through: int
    subject: ClassVar[Literal["T - S"]] = "T - S"

    @property
    def statement(self) -> str:
        """Why the bound holds, in a sentence."""
        size = (self.bound + self.through) // self.through
        each = ", for each value of the wires that no gate changes" if self.through > 1 else ""
        return (
            f"S^-1 T is a rotation in {size:,} dimensions{each}, and in odd dimensions a rotation "
            "fixes a direction."
        )

    def check(self, circuit: Circuit) -> None:
        """See that the dimension is odd, and find the wires again."""
        _compare(self, find_euler(circuit), circuit)


@dataclass(frozen=True)
class Turned:
    """A lower bound on the generic rank of ``T - S``, from turning each wire by itself.

    Where gates keep their wires T can be a Kronecker product of a rotation for each wire. Its
    eigenvalues are the products of theirs, and generically 1 only where each is 1: in an odd wire
    one is, in an even one none. Where gates do not keep their wires one gate turns alone.

    Attributes:
        bound: The rank at generic such rotations.
    """

    bound: int

    @property
    def statement(self) -> str:
        """Why the bound holds, in a sentence."""
        if not self.bound:
            return "no gate can turn alone, as every tensor is used more than once."
        return "T - S has this rank where T turns each wire by itself, or one gate turns alone."

    def check(self, circuit: Circuit) -> None:
        """Find the rotations again."""
        _compare(self, find_turned(circuit), circuit)


@dataclass(frozen=True)
class Skew:
    """A lower bound on the degrees of freedom, from the gates all at the identity.

    There a gate moves T along any skew matrix on its wires, for each value of its control wires.
    Unconstrained gates move it along all matrices; of their span, less the diagonal matrices in it,
    one half is skew. Where gates do not keep their wires one gate moves alone.

    Attributes:
        bound: The dimension of the tangent space there.
    """

    bound: int

    @property
    def statement(self) -> str:
        """Why the bound holds, in a sentence."""
        return (
            "from the identity the angles of gates used once move T in "
            f"{self.bound:,} independent directions."
        )

    def check(self, circuit: Circuit) -> None:
        """Count the directions again."""
        _compare(self, find_skew(circuit), circuit)


@dataclass(frozen=True)
class Angles:
    """An upper bound on the degrees of freedom: the angles, less those that leave T as it is.

    On the bonds of k values between two gates any k x k rotation and its inverse can be slipped in,
    for each value of the control wires that both have. Given T and the other gates, only finitely
    many of them leave all gates as they are, since each gate is invertible. So each bond takes
    ``k (k - 1) / 2``.

    Attributes:
        bound: ``angles - gauge``, or `space` if that is less.
        angles: How many numbers are trained.
        gauge: What the bonds between gates take.
        space: The dimension of all rotations that are the identity, or diagonal, where T is.
    """

    bound: int
    angles: int
    gauge: int
    space: int

    @property
    def statement(self) -> str:
        """Why the bound holds, in a sentence."""
        if self.bound == self.space:
            return f"all rotations of the shape of T have dimension {self.space:,}."
        less = f", and bonds between gates take {self.gauge:,} of them" if self.gauge else ""
        return f"the number of angles is {self.angles:,}{less}."

    def check(self, circuit: Circuit) -> None:
        """Count again."""
        _compare(self, find_angles(circuit), circuit)


Turn = Mapping[str, int]
"""The sizes of wires, by name."""


def fits(evidence: object, *, subject: Subject, above: bool) -> bool:
    """Say whether evidence on a rank, if it is right, supports a bound where gates are rotations.

    Args:
        evidence: The evidence.
        subject: What has the rank.
        above: Whether it is to be an upper bound.
    """
    if subject == "T":
        return isinstance(evidence, Orthogonal)
    if above:
        return isinstance(evidence, Cut | Euler) and evidence.subject == subject
    return isinstance(evidence, Turned | RotationWitness)


def find_euler(circuit: Circuit) -> Euler | None:
    """Find the direction that rotations in odd dimensions fix; None if they are even.

    Example:
        >>> find_euler(Circuit.parse("a=3 b=3 c=3 | a b, b c, a c")).bound
        26
        >>> find_euler(Circuit.parse("a=3 b=4 | a")).bound
        8
    """
    through = math.prod(bond.size for bond in build_network(circuit).bonds if is_through(bond))
    odd = circuit.d_in // through % 2
    return Euler(circuit.d_in - through, through) if odd else None


def find_turned(circuit: Circuit) -> Turned:
    """Find the rank of ``T - S`` where T turns each wire by itself.

    Example:
        >>> find_turned(Circuit.parse("a=3 b=3 c=3 | a b, b c, a c"))
        Turned(bound=26)
        >>> find_turned(Circuit.parse("a=4 b=3 c=2 | b"))
        Turned(bound=16)
    """
    d, bounds = circuit.d_in, [0]
    for gates in _list_turns(circuit):
        wires = {name: size for turned, _ in gates for name, size in turned.items()}
        size = math.prod(wires.values())
        bounds.append(d - d // size if size % 2 else d)
    return Turned(max(bounds))


def find_skew(circuit: Circuit) -> Skew:
    """Count the directions in which rotations move T from the identity.

    Example:
        >>> find_skew(Circuit.parse("a=3 b=3 c=3 | a b, b c, a c"))
        Skew(bound=99)
    """
    bounds = [0]
    for gates in _list_turns(circuit):
        every = count_span(
            [{name: size**2 for name, size in on.items()} | dict(per) for on, per in gates]
        )
        diagonal = count_span([{**on, **per} for on, per in gates])
        bounds.append((every - diagonal) // 2)
    return Skew(max(bounds))


def find_angles(circuit: Circuit) -> Angles:
    """Count the angles, and those that leave T as it is.

    Example:
        >>> find_angles(Circuit.parse("a=3 b=3 c=3 | a b, b c, a c"))
        Angles(bound=99, angles=108, gauge=9, space=351)
    """
    bonds = build_network(circuit).bonds
    once = {name for name, count in _count_uses(circuit).items() if count == 1}
    between: dict[tuple[str, str], int] = {}
    for bond in bonds:
        if len(bond.ends) == 2 and once >= {*bond.ends}:
            pair = bond.ends[0], bond.ends[1]
            between[pair] = between.get(pair, 1) * bond.size
    gauge = 0
    for pair, size in between.items():
        common = (bond.size for bond in bonds if {*bond.ends[1:-1]} >= {*pair})
        gauge += math.prod(common) * _count_rotations(size)
    kept = math.prod(bond.size for bond in bonds if bond.ends == (INPUT, OUTPUT))
    seen = math.prod(bond.size for bond in bonds if is_through(bond)) // kept
    space = seen * _count_rotations(circuit.d_in // kept // seen)
    angles = count_all_angles(circuit)
    return Angles(min(angles - gauge, space), angles, gauge, space)


def has_whole_tangent(circuit: Circuit) -> bool:
    """Say whether `find_skew` counts all directions: gates keep their wires, and share nothing."""
    return keeps_wires(circuit) and all(count == 1 for count in _count_uses(circuit).values())


def keeps_wires(circuit: Circuit) -> bool:
    """Say whether gates give wires of the sizes that they take, one by one."""
    return all(
        [axis.size for axis in gate.on] == [axis.size for axis in gate.to] for gate in circuit.gates
    )


def _count_rotations(size: int) -> int:
    return size * (size - 1) // 2


def _count_uses(circuit: Circuit) -> Counter[str]:
    return Counter(circuit.owner(gate).name for gate in circuit.gates)


def _list_turns(circuit: Circuit) -> list[list[tuple[Turn, Turn]]]:
    """List choices of gates that turn while all others are the identity.

    Returns:
        For each choice its gates: the wires a gate acts on and its control wires, by the input
        wires that they continue, or by their own names where a gate is alone. Only gates are chosen
        whose tensor is used once.
    """
    uses, kept = _count_uses(circuit), keeps_wires(circuit)
    found: list[tuple[Turn, Turn]] = []
    for gate, names in zip(circuit.gates, follow_wires(circuit), strict=True):
        if uses[circuit.owner(gate).name] == 1:
            name = names.__getitem__ if kept else str
            on, per = ({name(axis.name): axis.size for axis in w} for w in (gate.on, gate.per))
            found.append((on, per))
    return [found] if kept else [[one] for one in found]


def _compare(claimed: object, derived: object, circuit: Circuit) -> None:
    for gate in circuit.gates:
        owner = circuit.owner(gate)
        if gate.rows != gate.columns or gate.rows == 1 or owner.rank or owner.frozen:
            raise CertificateError(f"gate {gate.name!r} cannot be a rotation.")
    if claimed != derived:
        raise CertificateError(f"rotations show {derived}, but {claimed} is claimed.")
