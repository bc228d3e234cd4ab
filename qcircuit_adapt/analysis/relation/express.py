"""Express: whether a circuit gives every T that another gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from qcircuit_adapt.analysis.relation.containment import Containment, find_containment
from qcircuit_adapt.analysis.relation.obstruction import NotContained, find_obstruction
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import SizeError

if TYPE_CHECKING:
    from qcircuit_adapt.analysis.relation.fit import Fit


@dataclass(frozen=True)
class Open:
    """Neither a proof nor a refutation was found.

    Attributes:
        circuit: The circuit.
        target: The other, whose T are in question.
        evidence: What a numerical fit saw, or None where none was tried.
    """

    circuit: Circuit
    target: Circuit
    evidence: Fit | None = None
    status: ClassVar[str] = "open"

    @property
    def statement(self) -> str:
        """What is known, in a sentence."""
        return self.evidence.statement if self.evidence else "no proof is known here either way."

    def __str__(self) -> str:
        return f"may or may not contain: {self.statement}"


def express(
    circuit: Circuit, target: Circuit, *, witness: bool = False, fit: bool = True, seed: int = 0
) -> Containment | NotContained | Open:
    """Decide whether a circuit gives every T that another gives, where that can be decided.

    A proof that it does turns tensors of the other into tensors of the circuit; a proof that it
    does not excludes limits too. It is about T: what an adapter adds also depends on its form.

    Args:
        circuit: The circuit.
        target: The other, of the same dimensions; its axes may be cut otherwise.
        witness: Whether to spend up to a minute on ranks and Jacobians modulo a prime.
        fit: Whether to try numerical fits where nothing is proved and the circuits are small.
        seed: What all this is drawn from.

    Raises:
        SizeError: The circuits differ in dimensions.

    Example:
        >>> from qcircuit_adapt.families import lora, quanta
        >>> print(express(lora(64, 64, rank=16), lora(64, 64, rank=8)))
        contains: g1 does g1, g2 does g2.
        >>> print(express(quanta((16, 8, 8, 4)), lora(4096, 4096, rank=8)))
        does not contain: its T have at most 42,211 degrees of freedom, those of the other at \
least 65,472.
    """
    shapes = [(each.d_in, each.d_out) for each in (circuit, target)]
    if shapes[0] != shapes[1]:
        (given, made), (other_given, other_made) = shapes
        raise SizeError(
            f"cannot compare {circuit.label} with {target.label}: they map {given} to {made} and "
            f"{other_given} to {other_made}.",
            cure="Compare circuits of the same d_in and d_out.",
        )
    if found := find_containment(circuit, target):
        return found
    if excluded := find_obstruction(circuit, target, witness=witness, seed=seed):
        return excluded
    if found := find_containment(circuit, target, bent=True):
        return found
    if not fit:
        return Open(circuit, target)

    from qcircuit_adapt.analysis.relation.fit import find_fit

    return Open(circuit, target, find_fit(circuit, target, seed=seed))
