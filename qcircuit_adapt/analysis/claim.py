"""Claim: bounds on a rank, each with evidence that can be checked."""

from __future__ import annotations

from dataclasses import dataclass

from qcircuit_adapt.adapter import FORMS_FROM_IDENTITY, FORMS_ON_WEIGHT, Form, strip_weight
from qcircuit_adapt.analysis.bounds.bridge import BridgeBound
from qcircuit_adapt.analysis.bounds.cut import Cut, Subject
from qcircuit_adapt.analysis.bounds.product import ProductBound
from qcircuit_adapt.analysis.bounds.route import Routing
from qcircuit_adapt.analysis.field.rotation_witness import RotationWitness
from qcircuit_adapt.analysis.field.witness import Witness
from qcircuit_adapt.analysis.interval import Interval
from qcircuit_adapt.analysis.rotation import Euler, Orthogonal, Turned, fits
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import CertificateError
from qcircuit_adapt.gate import Gate


@dataclass(frozen=True)
class Invertible:
    """The lower bound of a circuit whose gates are all square and of full rank.

    ``det T`` is, up to sign, the product of ``det(A)^(d / d_A)`` over its gates A of ``d_A`` rows:
    T is invertible exactly when every gate is. This holds for shared and frozen gates too.

    Attributes:
        bound: The dimension of T.
    """

    bound: int

    @property
    def statement(self) -> str:
        """Why the bound holds, in a sentence."""
        return "every gate is square, and T is invertible exactly when every gate is."

    def check(self, circuit: Circuit) -> None:
        """See that every gate is square and can be invertible."""
        if not is_invertible(circuit):
            raise CertificateError("not every gate of the circuit can be invertible.")
        compare("bound", self.bound, circuit.d_in)


@dataclass(frozen=True)
class Scaled:
    """The lower bound on the rank of ``T - S`` that T gives, whatever S is.

    Let one trained gate grow by a factor c: ``T - S = c (T' - S / c)``. A rank cannot drop under
    small enough changes, so for large c this has at least the rank of ``T'``.

    Attributes:
        bound: The same as that on T.
        of: The evidence on T.
    """

    bound: int
    of: Invertible | Routing | Witness

    @property
    def statement(self) -> str:
        """Why the bound holds, in a sentence."""
        return f"a trained gate can be scaled until T outgrows S; {self.of.statement}"

    def check(self, circuit: Circuit) -> None:
        """See that a gate is trained, and check the evidence on T."""
        if not is_trained(circuit):
            raise CertificateError("no gate of the circuit is trained, so none can be scaled.")
        self.of.check(circuit)
        compare("bound", self.bound, self.of.bound)


@dataclass(frozen=True)
class Untrained:
    """Either bound on the update where nothing is trained."""

    bound: int = 0

    @property
    def statement(self) -> str:
        """Why the bound holds, in a sentence."""
        return "no gate is trained, so the update stays zero."

    def check(self, circuit: Circuit) -> None:
        """See that no gate is trained."""
        if is_trained(circuit):
            raise CertificateError("a gate of the circuit is trained.")
        compare("bound", self.bound, 0)


@dataclass(frozen=True)
class Unproved:
    """The lower bound that needs no proof."""

    bound: int = 0

    @property
    def statement(self) -> str:
        """Why there is no better bound, in a sentence."""
        return "a frozen gate stays at special values, for which nothing better is proved."

    def check(self, circuit: Circuit) -> None:
        """See that the bound is zero, whatever the circuit is."""
        compare("bound", self.bound, 0)


Below = (
    Invertible
    | Orthogonal
    | RotationWitness
    | Routing
    | Scaled
    | Turned
    | Unproved
    | Untrained
    | Witness
)
Above = BridgeBound | Cut | Euler | Orthogonal | ProductBound | Untrained


@dataclass(frozen=True)
class RankClaim(Interval[Below, Above]):
    """Bounds on a rank: of T, or of the update that an adapter's form makes of it.

    Where the form multiplies the base weight W, evidence is on the other factor, ``T - S``. Both
    have the same rank for every W whose rank is the dimension of T, as that of every invertible
    one is; see `sylvester.multiply_bounds` for other W.

    Attributes:
        lower: The generic rank is at least this: the rank for all values of the gates, and of S
            where it is chosen at random, outside a set of measure zero.
        upper: The rank is at most this, for all gate values.
        below: The evidence for `lower`.
        above: The evidence for `upper`.
        form: The form whose update this is about; None for T itself.
        orthogonal: Whether every gate is held orthogonal; evidence is then of other kinds.
    """

    form: Form | None = None
    orthogonal: bool = False

    @property
    def subject(self) -> Subject:
        """The matrix whose rank it is, up to the base weight."""
        return find_subject(self.form)

    def check(self, circuit: Circuit) -> None:
        """Check both sides on a circuit.

        Raises:
            CertificateError: A bound is not what its evidence shows, or the evidence is about
                something else.
        """
        if self.form in FORMS_ON_WEIGHT and circuit.d_in != circuit.d_out:
            raise CertificateError(f"form {self.form!r} does not allow d_in other than d_out.")
        for evidence in (self.below, self.above):
            if not self._fits(evidence, circuit):
                raise CertificateError(
                    f"{type(evidence).__name__} is no evidence for this bound on {self.subject}."
                )
            evidence.check(circuit)
        compare("lower bound", self.lower, self.below.bound)
        compare("upper bound", self.upper, self.above.bound)

    def _fits(self, evidence: Below | Above, circuit: Circuit) -> bool:
        """Say whether evidence, if it is right, supports its side of this claim."""
        if self.orthogonal:
            return fits(evidence, subject=self.subject, above=evidence is self.above)
        if self.form is not None and not is_trained(circuit):
            return isinstance(evidence, Untrained)
        if evidence is self.above:
            bounds = BridgeBound | Cut | ProductBound
            return isinstance(evidence, bounds) and evidence.subject == self.subject
        if isinstance(evidence, Scaled):
            of = evidence.of
            return self.subject == "T - S" and (isinstance(of, Invertible) or of.subject == "T")
        if isinstance(evidence, Witness):
            same_form = evidence.form == strip_weight(self.form)
            return evidence.subject == self.subject and (self.subject == "T" or same_form)
        if isinstance(evidence, Routing):
            # There S is the identity, so its gates cannot be chosen.
            return evidence.subject == self.subject and self.form not in FORMS_FROM_IDENTITY
        return isinstance(evidence, Unproved) or (
            isinstance(evidence, Invertible) and self.subject == "T"
        )


def find_subject(form: Form | None) -> Subject:
    """Return the matrix whose rank the update of a form has: ``T`` for ``zero``."""
    return "T" if form in (None, "zero") else "T - S"


def is_trained(circuit: Circuit) -> bool:
    """Say whether a circuit has a gate that is trained."""
    return any(map(circuit.trainable, circuit.gates))


def is_invertible(circuit: Circuit) -> bool:
    """Say whether every gate is square and can be invertible."""
    return all(_can_be_invertible(gate, circuit.owner(gate)) for gate in circuit.gates)


def _can_be_invertible(gate: Gate, owner: Gate) -> bool:
    full = owner.rank is None or owner.rank >= gate.rows
    generic = not owner.frozen or owner.init in ("kaiming", "normal")
    singular = owner.init == "zero" or (owner.init == "ones" and not gate.diagonal)
    kept = owner.rank is None and not singular
    return gate.rows == gate.columns and full and (generic or kept)


def compare(what: str, claimed: int, derived: int) -> None:
    """Refuse a number that is not the one derived again.

    Raises:
        CertificateError: They differ.
    """
    if claimed != derived:
        raise CertificateError(f"the {what} is {derived:,}, but {claimed:,} is claimed.")
