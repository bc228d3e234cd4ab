"""The shipped circuits, and how commands and configurations name a circuit."""

from __future__ import annotations

import contextlib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

from qcircuit_adapt.adapter import FORMS, Adapter, Form, Term
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.circuit_file import read_circuit
from qcircuit_adapt.errors import FamilyError, LibraryError, nearest
from qcircuit_adapt.families import call_family, is_family
from qcircuit_adapt.locate import shared_folder


@dataclass(frozen=True)
class Entry:
    """What the library says of a shipped circuit.

    Attributes:
        name: The circuit's name, and its file's.
        family: The family call that builds it.
        use: What it is for.
        source: Where the layout comes from.
    """

    name: str
    family: str
    use: str
    source: str


@cache
def entries() -> Mapping[str, Entry]:
    """Return the shipped circuits' entries by name, in the order of the index.

    Raises:
        LibraryError: The folder of shipped circuits is not there.
    """
    index = tomllib.loads((shared_folder("circuits") / "index.toml").read_text(encoding="utf-8"))
    return {name: Entry(name, **fields) for name, fields in index.items()}


def names() -> tuple[str, ...]:
    """Return the names of the shipped circuits.

    Example:
        >>> "quanta-16-8-8-4" in names()
        True
    """
    return tuple(entries())


def load_circuit(source: str | os.PathLike[str]) -> Circuit:
    """Return the circuit a user means.

    Args:
        source: A shipped circuit's name, a TOML file, a circuit's text (which has a ``|``), or a
            family with its sizes, ``"quanta(axes=16-8-8-4)"``.

    Raises:
        LibraryError: It is none of these.
        CircuitError: The file, text or family is wrong.

    Example:
        >>> load_circuit("quanta-16-8-8-4").parameters
        43008
    """
    text = os.fspath(source)
    if "|" in text:
        return Circuit.parse(text)
    if text in entries():
        return read_circuit(shared_folder("circuits") / f"{text}.toml")
    if is_family(text):
        return call_family(text)
    if text.endswith(".toml") or Path(text).is_file():
        return read_circuit(text)
    raise LibraryError(
        f"{text!r} is no shipped circuit, no file, and no circuit's text.",
        cure=nearest(text, names(), noun="shipped circuits"),
    )


def load_adapter(source: str | os.PathLike[str], *, form: Form = "difference") -> Adapter:
    """Return the adapter a user means: circuits that are added.

    Args:
        source: Terms joined by ``" + "``, each ``[scale] [form] circuit``, where the circuit is
            what `load_circuit` takes. A family that needs dimensions takes those of the others.
        form: The form of terms that name none.

    Raises:
        LibraryError: A term is no circuit.
        CircuitError: A circuit is wrong, or its form or scale.

    Example:
        >>> adapter = load_adapter("quanta-16-8-8-4 + 2.0 zero lora(rank=8)")
        >>> [(term.circuit.name, term.form, term.scale) for term in adapter.terms]
        [('quanta-16-8-8-4', 'difference', 1.0), ('lora-4096-r8', 'zero', 2.0)]
    """
    texts = [_split_term(text) for text in os.fspath(source).split(" + ")]
    known = next((circuit for _, _, text in texts if (circuit := _try_alone(text))), None)
    sizes = (known.d_in, known.d_out) if known else None
    terms = [Term(_load_term(text, sizes), chosen or form, scale) for scale, chosen, text in texts]
    return Adapter(terms)


def _split_term(text: str) -> tuple[float, Form | None, str]:
    """Take the scale and the form off a term."""
    scale, form, rest = 1.0, None, text.strip()
    first, _, after = rest.partition(" ")
    with contextlib.suppress(ValueError):
        scale, rest = float(first), after.strip()
    first, _, after = rest.partition(" ")
    if first in FORMS:
        form, rest = cast(Form, first), after.strip()
    return scale, form, rest


def _try_alone(text: str) -> Circuit | None:
    """Return a term's circuit if it needs no dimensions."""
    if not is_family(text):
        return load_circuit(text)
    try:
        return call_family(text)
    except FamilyError:
        return None


def _load_term(text: str, sizes: tuple[int, int] | None) -> Circuit:
    if sizes and is_family(text):
        return call_family(text, d_in=sizes[0], d_out=sizes[1])
    return load_circuit(text)
