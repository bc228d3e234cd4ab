"""Relation: how two circuits of the same dimensions relate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from qcircuit_adapt.analysis.relation.canonical import find_renaming
from qcircuit_adapt.analysis.relation.containment import Containment
from qcircuit_adapt.analysis.relation.express import Open, express
from qcircuit_adapt.analysis.relation.obstruction import NotContained
from qcircuit_adapt.analysis.relation.renaming import Renaming
from qcircuit_adapt.circuit import Circuit

Verdict = Containment | NotContained | Open


@dataclass(frozen=True)
class Relation:
    """Whether two circuits are the same, and which gives every T of the other.

    Attributes:
        one: The one circuit.
        other: The other.
        renaming: How they are the same, if they are, at least up to the order of open axes.
        forward: Whether the one gives every T of the other.
        backward: Whether the other gives every T of the one.
    """

    one: Circuit
    other: Circuit
    renaming: Renaming | None
    forward: Verdict
    backward: Verdict

    @property
    def same(self) -> bool:
        """Whether both are one circuit, written in two ways."""
        return self.renaming is not None and self.renaming.keeps_axes

    @property
    def statement(self) -> str:
        """What follows, in a sentence."""
        first, second = _call(self.one, self.other)
        if self.same:
            return f"{first} and {second} are the same circuit."
        contains = [isinstance(each, Containment) for each in (self.forward, self.backward)]
        lacks = [isinstance(each, NotContained) for each in (self.forward, self.backward)]
        if all(contains):
            return f"{first} and {second} give the same T."
        if all(lacks):
            return f"each of {first} and {second} gives T that the other does not."
        for holds, fails, (large, little) in zip(
            contains, reversed(lacks), ((first, second), (second, first)), strict=True
        ):
            if holds:
                more = ", and more" if fails else ""
                return f"{large} gives every T of {little}{more}."
        for fails, (little, large) in zip(lacks, ((first, second), (second, first)), strict=True):
            if fails:
                return f"{little} does not give every T of {large}; the converse is open."
        return f"whether {first} or {second} gives every T of the other is open."

    def __str__(self) -> str:
        return "\n".join(self._report())

    def _report(self) -> Iterator[str]:
        yield self.statement
        if self.renaming is not None:
            word = "same" if self.same else "alike"
            yield f"  {word} ({self.renaming.status}): {self.renaming}"
        if self.same:
            return
        first, second = _call(self.one, self.other)
        for verdict, names in ((self.forward, (first, second)), (self.backward, (second, first))):
            verb, _, reason = str(verdict).partition(": ")
            yield f"  {names[0]} {verb} {names[1]} ({verdict.status}): {reason}"

    def check(self) -> None:
        """Check all proofs.

        Raises:
            CertificateError: One does not hold.
        """
        for proof in (self.renaming, self.forward, self.backward):
            if proof is not None and not isinstance(proof, Open):
                proof.check()

    def to_dict(self) -> dict[str, Any]:
        """Return ``statement``, ``same``, and ``forward`` and ``backward`` as a program reads them.

        ``contains`` is true, false, or null where it is open.
        """
        return {
            "statement": self.statement,
            "same": self.same,
            "forward": _describe(self.forward),
            "backward": _describe(self.backward),
        }


def relate(one: Circuit, other: Circuit, *, witness: bool = False, seed: int = 0) -> Relation:
    """Find out how two circuits relate.

    Args:
        one: The one circuit.
        other: The other, of the same dimensions.
        witness: Whether to spend up to a minute on ranks and Jacobians modulo a prime.
        seed: What these, and numerical fits, are drawn from.

    Raises:
        SizeError: The circuits differ in dimensions.

    Example:
        >>> from qcircuit_adapt.families import kronecker, quanta
        >>> print(relate(quanta((16, 8, 8, 4)), kronecker((16, 8, 8, 4))))
        quanta-16-8-8-4 gives every T of kronecker-16-8-8-4, and more.
          quanta-16-8-8-4 contains kronecker-16-8-8-4 (theorem): g1 does g3 g4, g2 does g2, g3 \
does g1, the other gates pass on what they get.
          kronecker-16-8-8-4 does not contain quanta-16-8-8-4 (theorem): its T have at most 397 \
degrees of freedom, those of the other at least 42,211.
    """
    renaming = find_renaming(one, other) or find_renaming(one, other, up_to_axes=True)
    forward = express(one, other, witness=witness, seed=seed)
    return Relation(one, other, renaming, forward, express(other, one, witness=witness, seed=seed))


def _call(one: Circuit, other: Circuit) -> tuple[str, str]:
    if one.name and other.name and one.name != other.name:
        return one.name, other.name
    return "the first", "the second"


def _describe(verdict: Verdict) -> dict[str, Any]:
    contains = {Containment: True, NotContained: False}.get(type(verdict))
    return {"contains": contains, "status": verdict.status, "statement": verdict.statement}
