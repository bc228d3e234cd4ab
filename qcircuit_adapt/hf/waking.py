"""Warn, once for a circuit, of trained numbers that have no gradient where training starts."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from functools import lru_cache

from qcircuit_adapt.adapter import FORMS_FROM_IDENTITY, Adapter, Term
from qcircuit_adapt.analysis.dead import find_dead_entries


def warn_of_dead_entries(adapters: Iterable[Adapter]) -> None:
    """Warn of what does not train, or not from the first step on.

    In form ``zero`` all gates but one wait for it by design, as in LoRA, which is not worth a word.
    """
    for term in dict.fromkeys(term for adapter in adapters for term in adapter.terms):
        if text := _describe(term):
            warnings.warn(text, stacklevel=2)


@lru_cache(maxsize=256)
def _describe(term: Term) -> str:
    if not _may_have_any(term):
        return ""
    found = find_dead_entries(term.circuit, term.form)
    never = sum(dead.always for dead in found)
    late = 0 if term.form == "zero" else sum(dead.at_start for dead in found) - never
    counts = f" of the {term.circuit.parameters:,} numbers of {term.circuit.text!r}"
    said = [f"{never:,}{counts} never have a gradient; they could be left out."] if never else []
    if late:
        said.append(
            f"{late:,}{counts} have no gradient at the first step in form {term.form!r}, but once "
            "others have moved. In form 'difference', or where the gate that makes the layer "
            "narrower comes first, all have one."
        )
    return " ".join(said)


def _may_have_any(term: Term) -> bool:
    """Say whether some gate starts at numbers that are not generic, and hides some of others."""
    return any(
        gate.frozen
        or gate.init in ("ones", "identity", "zero")
        or (term.form in FORMS_FROM_IDENTITY and gate.rows != gate.columns)
        for gate in term.circuit.gates
    )
