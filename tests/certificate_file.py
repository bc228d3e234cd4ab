"""Certificates as the files that the checker reads, written from what the proofs find.

Fields of evidence are those of its dataclass, tuples as lists.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

from qcircuit_adapt import Circuit, Form
from qcircuit_adapt.adapter import Term
from qcircuit_adapt.analysis import (
    BridgeBound,
    Cut,
    Freedom,
    Invertible,
    ProductBound,
    RankClaim,
    Routing,
    Scaled,
    Unproved,
    Untrained,
    Witness,
    claim_rank,
    find_freedom,
    find_structure,
    quanta_bounds,
)
from qcircuit_adapt.analysis.freedom.claim import NoTheorem
from qcircuit_adapt.analysis.freedom.gauge import Gauge
from qcircuit_adapt.analysis.freedom.jacobian import Jacobian
from qcircuit_adapt.analysis.freedom.permutation import Permuted
from qcircuit_adapt.analysis.freedom.tangent import Tangent
from qcircuit_adapt.analysis.freedom.tree import Tree
from qcircuit_adapt.analysis.structure.determinant import DeterminantSign, RankGap
from qcircuit_adapt.analysis.structure.schmidt import SchmidtBound
from qcircuit_adapt.analysis.structure.statement import (
    BlockDiagonal,
    Dimension,
    Factors,
    Untouched,
)

Document = dict[str, Any]

KINDS: dict[type, str] = {
    Invertible: "invertible",
    Scaled: "scaled",
    Routing: "routing",
    Witness: "witness",
    Untrained: "untrained",
    Unproved: "unproved",
    Cut: "cut",
    ProductBound: "product",
    BridgeBound: "bridge",
    Tree: "tree",
    Tangent: "tangent",
    Jacobian: "jacobian",
    Permuted: "permuted",
    NoTheorem: "no theorem",
    Gauge: "gauge",
    Untouched: "untouched",
    BlockDiagonal: "block diagonal",
    Factors: "factors",
    Dimension: "dimension",
    SchmidtBound: "schmidt",
    DeterminantSign: "determinant sign",
    RankGap: "rank gap",
}


def write_evidence(evidence: Any) -> Document:
    found = {"by": KINDS[type(evidence)], **asdict(evidence)}
    if isinstance(evidence, Cut):
        del found["bonds"]
    if isinstance(evidence, Scaled):
        found["of"] = write_evidence(evidence.of)
    if isinstance(evidence, BridgeBound):
        found["blocks"] = [asdict(block) for block in evidence.blocks]
    return found


def write_claim(claim: RankClaim | Freedom, circuit: Circuit) -> Document:
    status = claim.status if isinstance(claim, Freedom) else rank_status(claim, circuit)
    found = {"form": claim.form} if isinstance(claim, RankClaim) and claim.form else {}
    return found | {
        "lower": claim.lower,
        "upper": claim.upper,
        "exact": claim.exact,
        "status": status,
        "at_least": write_evidence(claim.below),
        "at_most": write_evidence(claim.above),
    }


def rank_status(claim: RankClaim, circuit: Circuit) -> str:
    below = claim.below
    if claim.exact:
        drawn = isinstance(below.of if isinstance(below, Scaled) else below, Witness)
        return "proved by witness" if drawn else "theorem"
    if isinstance(below, Witness) and 2 * (chance := below.miss_chance(circuit)) <= 1:
        return f"Monte Carlo (1 in {int(1 / chance):,})"
    return "proved interval"


def write_body(
    circuit: Circuit, *, form: Form | None = None, witness: bool = True, freedom: bool = True
) -> Document:
    """All that is claimed of a circuit; `freedom` says whether to compute a Jacobian."""
    bounds = quanta_bounds(circuit)
    body = {
        "circuit": circuit.text,
        "counts": write_counts([circuit]),
        "quanta_bounds": {"lower": bounds.lower, "upper": bounds.upper},
        "rank": write_claim(claim_rank(circuit, witness=witness), circuit),
        "degrees_of_freedom": write_claim(find_freedom(circuit, witness=freedom), circuit),
        "statements": [
            {"status": one.status, **write_evidence(one)} for one in find_structure(circuit)
        ],
    }
    if form:
        claim = claim_rank(circuit, form=form, witness=witness)
        body["update_rank"] = write_claim(claim, circuit)
    return body


def write_counts(circuits: list[Circuit]) -> Document:
    names = ("parameters", "frozen_parameters", "macs_per_token")
    first = {"d_in": circuits[0].d_in, "d_out": circuits[0].d_out}
    return first | {name: sum(getattr(one, name) for one in circuits) for name in names}


def write_document(
    circuit: Circuit, *, form: Form | None = None, witness: bool = True, freedom: bool = True
) -> Document:
    """The certificate of a circuit."""
    body = write_body(circuit, form=form, witness=witness, freedom=freedom)
    return seal({"name": circuit.name, **body})


def write_term(term: Term) -> Document:
    body = write_body(term.circuit, form=term.form)
    return {"name": term.circuit.name, "form": term.form, "scale": term.scale, **body}


def seal(document: Document) -> Document:
    """Plain JSON data with format, version and digest as they should be."""
    return sign({"format": "qcircuit certificate", "version": 1, **document})


def sign(document: Document) -> Document:
    """Plain JSON data with the right digest of all the rest."""
    rest = {key: value for key, value in document.items() if key != "digest"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return json.loads(text) | {"digest": hashlib.sha256(text.encode()).hexdigest()}
