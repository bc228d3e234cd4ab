"""Composition: whether applying a circuit twice, with other tensors, gives more than once."""

from __future__ import annotations

from dataclasses import dataclass, replace

from qcircuit_adapt.analysis.relation.containment import Containment
from qcircuit_adapt.analysis.relation.express import express
from qcircuit_adapt.analysis.relation.obstruction import NotContained
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import CertificateError


@dataclass(frozen=True)
class Composition:
    """The products of two T of a circuit, each with tensors of its own, beside its T.

    Attributes:
        of: The proof that the circuit gives all of them, or that it does not.
    """

    of: Containment | NotContained

    @property
    def closed(self) -> bool:
        """Whether the product of any two T is a T."""
        return isinstance(self.of, Containment)

    @property
    def status(self) -> str:
        """What kind of proof it is."""
        return self.of.status

    @property
    def statement(self) -> str:
        """What follows, in a sentence."""
        if self.closed:
            return "the product of any two T is again a T of the circuit."
        because = self.of.statement.replace("of the other", "of two passes")
        return f"almost no product of two T is a T of the circuit, or a limit: {because}"

    def __str__(self) -> str:
        return self.statement

    def check(self, circuit: Circuit) -> None:
        """Check the proof.

        Raises:
            CertificateError: It does not hold, or is about other circuits.
        """
        if (self.of.circuit, self.of.target) != (circuit, repeat(circuit)):
            raise CertificateError("the proof is not about the circuit and two passes of it.")
        self.of.check()


def find_composition(
    circuit: Circuit, *, witness: bool = False, seed: int = 0
) -> Composition | None:
    """Find out whether products of two T of a circuit are T of it.

    Args:
        circuit: The circuit.
        witness: Whether to spend up to a minute on ranks and Jacobians modulo a prime.
        seed: What these are drawn from.

    Returns:
        A proof of one or the other; None where none is found, or the circuit cannot follow itself.

    Example:
        >>> from qcircuit_adapt.families import kronecker, lora, tensor_train
        >>> for circuit in (lora(64, 64, rank=4), kronecker((8, 8)), tensor_train((8, 8), rank=4)):
        ...     print(circuit.name, find_composition(circuit).closed)
        lora-64-r4 True
        kronecker-8-8 True
        tensor-train-8-8-r4 False
    """
    if [axis.size for axis in circuit.inputs] != [axis.size for axis in circuit.outputs]:
        return None
    found = express(circuit, repeat(circuit), witness=witness, fit=False, seed=seed)
    return Composition(found) if isinstance(found, Containment | NotContained) else None


def repeat(circuit: Circuit) -> Circuit:
    """Return two passes of a circuit: trained tensors differ, frozen ones are the same.

    Example:
        >>> repeat(Circuit.parse("a=2 | a, a {frozen}")).text
        'a=2 | a, a {frozen}, a, a {share=g2}'
    """
    twice, count = circuit >> circuit, len(circuit.gates)
    gates = list(twice.gates)
    for place, gate in enumerate(circuit.gates, count):
        owner = circuit.owner(gate)
        if owner.frozen:
            gates[place] = replace(
                gates[place], share=owner.name, rank=None, init=None, frozen=False
            )
    outputs = [axis.name for axis in twice.outputs]
    return Circuit(twice.inputs, gates, outputs=outputs, name=twice.name)
