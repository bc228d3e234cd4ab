"""Certificates as files, with parts exchanged and signed again."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from qcircuit_adapt import Adapter, Certificate, Circuit, Form, prove
from qcircuit_adapt.analysis import claim_rank, find_freedom
from qcircuit_adapt.analysis.freedom.start import find_start
from qcircuit_adapt.analysis.record import digest, to_record

Document = dict[str, Any]


def write_document(
    circuit: Circuit, *, form: Form | None = None, witness: bool = True, freedom: bool = True
) -> Document:
    """The certificate of a circuit; `freedom` says whether to compute a Jacobian."""
    return plain(to_record(_prove(circuit, form, witness, freedom)))


def _prove(circuit: Circuit, form: Form | None, witness: bool, freedom: bool) -> Certificate:
    quick = prove(circuit, form=form, witness=False)
    found = find_freedom(circuit, witness=freedom)
    return replace(
        quick,
        rank=claim_rank(circuit, witness=witness),
        degrees_of_freedom=found,
        update_rank=claim_rank(circuit, form=form, witness=witness) if form else None,
        start=find_start(circuit, form, found) if form else None,
    )


def write_sum(adapter: Adapter) -> Document:
    """The certificate of a sum."""
    return plain(to_record(prove(adapter)))


def sign(document: Document) -> Document:
    """Plain JSON data with the right digest of all the rest."""
    rest = {key: value for key, value in document.items() if key != "digest"}
    return plain(rest) | {"digest": digest(rest)}


def plain(document: Document) -> Document:
    """A copy that a file could have given."""
    copy: Document = json.loads(json.dumps(document))
    return copy
