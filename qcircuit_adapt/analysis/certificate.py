"""Certificate: what is proved about a circuit, able to check itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qcircuit_adapt.adapter import FORMS_ON_WEIGHT
from qcircuit_adapt.analysis.claim import RankClaim, compare
from qcircuit_adapt.analysis.count import QuantaBounds, quanta_bounds
from qcircuit_adapt.analysis.freedom.claim import Freedom
from qcircuit_adapt.analysis.freedom.start import Start, find_start
from qcircuit_adapt.analysis.structure.statement import Statement, find_structure
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import CertificateError
from qcircuit_adapt.rotation import count_all_angles


@dataclass(frozen=True)
class Certificate:
    """Numbers of a circuit with what proves them. Printing it is the report.

    Attributes:
        circuit: The circuit.
        parameters: How many numbers are trained.
        frozen_parameters: How many numbers are stored but not trained.
        macs_per_token: Multiply-accumulates for one input vector, gate after gate.
        quanta_bounds: Bounds on the rank of T for all weights, if every gate has its full rank.
        rank: The rank of T. Frozen gates count as generic, unless their ``init`` says otherwise.
        degrees_of_freedom: The dimension of the set of all T, and of all updates.
        statements: What the graph says about every T.
        update_rank: The rank of the update that a form makes of T, or None.
        start: In how many directions the update can take its first step; None where no form is
            given, or nothing is proved.
    """

    circuit: Circuit
    parameters: int
    frozen_parameters: int
    macs_per_token: int
    quanta_bounds: QuantaBounds
    rank: RankClaim
    degrees_of_freedom: Freedom
    statements: tuple[Statement, ...] = ()
    update_rank: RankClaim | None = None
    start: Start | None = None

    @property
    def orthogonal(self) -> bool:
        """Whether every gate is held orthogonal, and starts at the identity."""
        return self.degrees_of_freedom.orthogonal

    @property
    def weight_rank(self) -> int | None:
        """The rank of the base weights that claims on the update are about.

        None if the form multiplies none. What is claimed then holds for each of them.
        """
        update = self.update_rank
        return self.circuit.d_in if update and update.form in FORMS_ON_WEIGHT else None

    def check(self) -> None:
        """Derive every number again, those on ranks from their evidence.

        Raises:
            CertificateError: A number differs, or the evidence is no evidence.
        """
        circuit, derived = self.circuit, quanta_bounds(self.circuit)
        trained = count_all_angles(circuit) if self.orthogonal else circuit.parameters
        compare("number of parameters", self.parameters, trained)
        compare("number of frozen parameters", self.frozen_parameters, circuit.frozen_parameters)
        compare("number of MACs per token", self.macs_per_token, circuit.macs_per_token)
        compare("lower of QuanTA's bounds", self.quanta_bounds.lower, derived.lower)
        compare("upper of QuanTA's bounds", self.quanta_bounds.upper, derived.upper)
        if self.rank.form is not None:
            raise CertificateError("the rank of T is claimed by evidence on an update.")
        updates = [self.update_rank] if self.update_rank or self.orthogonal else []
        for claim in (self.rank, *updates):
            if not claim or claim.orthogonal != self.orthogonal:
                raise CertificateError("some claims are about gates held orthogonal, others not.")
        self.rank.check(circuit)
        self.degrees_of_freedom.check(circuit)
        if self.statements != find_structure(circuit, orthogonal=self.orthogonal):
            raise CertificateError("the statements are not those that the graph makes.")
        self._check_update()

    def _check_update(self) -> None:
        start = None
        if self.update_rank:
            if self.update_rank.form is None:
                raise CertificateError("the rank of the update is claimed by evidence on T.")
            self.update_rank.check(self.circuit)
            start = find_start(self.circuit, self.update_rank.form, self.degrees_of_freedom)
        if self.start != start:
            raise CertificateError("the directions of the first step are not those of the circuit.")

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain data, as ``qcircuit prove --json`` prints them."""
        bounds, update = self.quanta_bounds, self.update_rank
        numbers: dict[str, Any] = {
            "name": self.circuit.name,
            "d_in": self.circuit.d_in,
            "d_out": self.circuit.d_out,
            **({"orthogonal": True} if self.orthogonal else {}),
            "parameters": self.parameters,
            "frozen_parameters": self.frozen_parameters,
            "macs_per_token": self.macs_per_token,
            "rank": self.rank.to_dict(),
            "quanta_bounds": {"lower": bounds.lower, "upper": bounds.upper},
        }
        if update:
            numbers["update_rank"] = {"form": update.form} | update.to_dict()
        if self.weight_rank:
            numbers["weight_rank"] = self.weight_rank
        numbers["degrees_of_freedom"] = self.degrees_of_freedom.to_dict()
        if update and self.start:
            numbers["start"] = {"form": update.form} | self.start.to_dict()
        numbers["statements"] = [
            {"status": each.status, "statement": each.statement} for each in self.statements
        ]
        return numbers

    def __str__(self) -> str:
        from qcircuit_adapt.analysis.report import report

        return report(self)
