"""Record: a certificate as a small JSON file that anyone can check again.

`qcircuit_adapt.verify` checks such a file by other code. What it can derive from the circuit alone
is left out.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from qcircuit_adapt.analysis.bounds.bridge import BridgeBound
from qcircuit_adapt.analysis.bounds.cut import Cut
from qcircuit_adapt.analysis.bounds.product import ProductBound
from qcircuit_adapt.analysis.bounds.route import Routing
from qcircuit_adapt.analysis.certificate import Certificate
from qcircuit_adapt.analysis.claim import Invertible, Scaled, Unproved, Untrained
from qcircuit_adapt.analysis.field.rotation_witness import RotationWitness
from qcircuit_adapt.analysis.field.sum_witness import SumWitness
from qcircuit_adapt.analysis.field.witness import Witness
from qcircuit_adapt.analysis.freedom.claim import NoTheorem
from qcircuit_adapt.analysis.freedom.gauge import Gauge
from qcircuit_adapt.analysis.freedom.jacobian import Jacobian
from qcircuit_adapt.analysis.freedom.permutation import Permuted
from qcircuit_adapt.analysis.freedom.tangent import Tangent
from qcircuit_adapt.analysis.freedom.tree import Tree
from qcircuit_adapt.analysis.interval import Evidence, Interval
from qcircuit_adapt.analysis.rotation import (
    Angles,
    Euler,
    Orthogonal,
    Skew,
    Turned,
)
from qcircuit_adapt.analysis.structure.determinant import DeterminantSign, RankGap, Rotation
from qcircuit_adapt.analysis.structure.schmidt import SchmidtBound
from qcircuit_adapt.analysis.structure.statement import (
    BlockDiagonal,
    Dimension,
    Factors,
    Untouched,
)
from qcircuit_adapt.analysis.sum_certificate import SumCertificate
from qcircuit_adapt.analysis.total import SumBound, TermBound
from qcircuit_adapt.circuit_file import write_whole

FORMAT = "qcircuit certificate"
VERSION = 1

_KINDS: dict[type, str] = {
    Angles: "angles",
    BlockDiagonal: "block diagonal",
    BridgeBound: "bridge",
    Cut: "cut",
    DeterminantSign: "determinant sign",
    Dimension: "dimension",
    Euler: "euler",
    Factors: "factors",
    Gauge: "gauge",
    Invertible: "invertible",
    Jacobian: "jacobian",
    NoTheorem: "no theorem",
    Orthogonal: "orthogonal",
    Permuted: "permuted",
    ProductBound: "product",
    RankGap: "rank gap",
    Rotation: "rotation",
    RotationWitness: "rotation witness",
    Routing: "routing",
    Scaled: "scaled",
    SchmidtBound: "schmidt",
    Skew: "skew",
    SumBound: "sum",
    SumWitness: "sum witness",
    Tangent: "tangent",
    TermBound: "term",
    Tree: "tree",
    Turned: "turned",
    Unproved: "unproved",
    Untouched: "untouched",
    Untrained: "untrained",
    Witness: "witness",
}

_DERIVED = {(Cut, "bonds"), (Witness, "odds"), (SumWitness, "odds")}
"""What the file leaves out."""


def to_record(certificate: Certificate | SumCertificate) -> dict[str, Any]:
    """Return what the file of a certificate holds.

    Example:
        >>> from qcircuit_adapt import load_circuit, prove
        >>> record = to_record(prove(load_circuit("lora(d_in=64, rank=4)")))
        >>> record["rank"]["at_most"]
        {'by': 'cut', 'bound': 4, 'input_side': ['g1'], 'subject': 'T'}
    """
    head = {"format": FORMAT, "version": VERSION}
    body = (
        _write_sum(certificate)
        if isinstance(certificate, SumCertificate)
        else _write_circuit(certificate)
    )
    record = head | body
    return record | {"digest": digest(record)}


def digest(record: dict[str, Any]) -> str:
    """Return the SHA-256 digest of a record without one, in hexadecimal.

    It is that of its JSON with sorted keys, in ASCII, without spaces.
    """
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def write_certificate(
    certificate: Certificate | SumCertificate, path: str | os.PathLike[str]
) -> None:
    """Write the file of a certificate; a file that is there stays as it is if this fails."""
    text = json.dumps(to_record(certificate), indent=1, ensure_ascii=False)
    write_whole(Path(path), text + "\n")


def _write_circuit(certificate: Certificate) -> dict[str, Any]:
    circuit, bounds, update = certificate.circuit, certificate.quanta_bounds, None
    record: dict[str, Any] = {
        "name": circuit.name,
        "circuit": circuit.text,
        **({"orthogonal": True} if certificate.orthogonal else {}),
        "counts": _write_counts(certificate, circuit.d_in, circuit.d_out),
        "quanta_bounds": {"lower": bounds.lower, "upper": bounds.upper},
        "rank": _write_claim(certificate.rank),
        "degrees_of_freedom": _write_claim(certificate.degrees_of_freedom),
    }
    if update := certificate.update_rank:
        record["update_rank"] = {"form": update.form} | _write_claim(update)
        if certificate.start:
            record["start"] = {"form": update.form} | _write_claim(certificate.start)
    if certificate.weight_rank:
        record["weight_rank"] = certificate.weight_rank
    record["statements"] = [
        {"by": _KINDS[type(each)], "status": each.status} | _write_fields(each)
        for each in certificate.statements
    ]
    return record


def _write_sum(certificate: SumCertificate) -> dict[str, Any]:
    adapter = certificate.adapter
    terms = zip(adapter.terms, certificate.terms, strict=True)
    record = {
        "name": " + ".join(term.circuit.name for term in adapter.terms),
        "terms": [
            {"form": term.form, "scale": float(term.scale)} | _write_circuit(proved)
            for term, proved in terms
        ],
        "counts": _write_counts(certificate, adapter.d_in, adapter.d_out),
        "update_rank": _write_claim(certificate.update_rank),
        "degrees_of_freedom": _write_claim(certificate.degrees_of_freedom),
    }
    return record | ({"weight_rank": certificate.weight_rank} if certificate.weight_rank else {})


def _write_counts(certificate: Certificate | SumCertificate, d_in: int, d_out: int) -> Any:
    return {
        "d_in": d_in,
        "d_out": d_out,
        "parameters": certificate.parameters,
        "frozen_parameters": certificate.frozen_parameters,
        "macs_per_token": certificate.macs_per_token,
    }


def _write_claim(claim: Interval[Evidence, Evidence]) -> dict[str, Any]:
    return claim.to_dict() | {
        "at_least": write_evidence(claim.below),
        "at_most": write_evidence(claim.above),
    }


def write_evidence(evidence: Any) -> dict[str, Any]:
    """Return what the file holds of evidence: its kind, and its fields."""
    return {"by": _KINDS[type(evidence)]} | _write_fields(evidence)


def _write_fields(value: Any) -> dict[str, Any]:
    kind = type(value)
    return {
        field.name: _write_value(getattr(value, field.name))
        for field in fields(value)
        if (kind, field.name) not in _DERIVED
    }


def _write_value(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_write_value(item) for item in value]
    if is_dataclass(value):
        return write_evidence(value) if type(value) in _KINDS else _write_fields(value)
    return value
