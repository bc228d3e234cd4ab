"""The shipped circuits, and how commands and configurations name a circuit."""

from __future__ import annotations

import contextlib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import cast

from qcircuit_adapt.adapter import FORMS, FORMS_ON_WEIGHT, Adapter, Form, Term
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.circuit_file import read_circuit
from qcircuit_adapt.errors import FamilyError, LibraryError, nearest
from qcircuit_adapt.families import call_family, is_family, resolve
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
    terms = split_terms(os.fspath(source), form=form)
    shape: list[int | None] = [None, None]
    for term in terms:
        circuit = _try_alone(term.circuit)
        if circuit and term.form != "output":
            shape[0] = shape[0] or circuit.d_in
        if circuit and term.form != "input":
            shape[1] = shape[1] or circuit.d_out
    # A layer is square where nothing says otherwise.
    d_in, d_out = shape[0] or shape[1], shape[1] or shape[0]
    return Adapter([_load_term(term, d_in, d_out) for term in terms])


def resolve_adapter(
    spec: str | Circuit | Adapter,
    d_in: int,
    d_out: int,
    *,
    form: Form = "difference",
    scale: float = 1.0,
) -> Adapter:
    """Return the adapter that a layer of given shape is to have.

    Args:
        spec: Terms as `load_adapter` takes them, a circuit, or an adapter.
        d_in: The layer's input dimension.
        d_out: The layer's output dimension.
        form: The form of terms that name none.
        scale: What every term's own scale is multiplied by.

    Raises:
        LibraryError: A term is no circuit.
        FamilyError: A circuit is of another shape than its form needs in this layer.
        CircuitError: A circuit is wrong, or its form or scale.

    Example:
        >>> adapter = resolve_adapter("input quanta(axes=2) + zero lora(rank=2)", 64, 32)
        >>> [(term.form, term.circuit.text) for term in adapter.terms]
        [('input', 'a=8 b=8 | a b'), ('zero', 'x=64 | x -> r=2, r -> y=32')]
    """
    if isinstance(spec, Circuit):
        terms: tuple[Term, ...] = (Term(spec, form),)
    elif isinstance(spec, Adapter):
        terms = spec.terms
    else:
        texts = split_terms(spec, form=form)
        terms = tuple(_load_term(text, d_in, d_out) for text in texts)
    for term in terms:
        _check_shape(term, d_in, d_out)
    return Adapter([replace(term, scale=scale * term.scale) for term in terms])


@dataclass(frozen=True)
class TermText:
    """A term of a sum as it is written.

    Attributes:
        circuit: What `load_circuit` takes.
        form: How it enters the weight.
        scale: The number its update is multiplied by.
    """

    circuit: str
    form: Form
    scale: float


def split_terms(text: str, *, form: Form = "difference") -> tuple[TermText, ...]:
    """Split a sum into its terms, which are not looked up.

    Args:
        text: Terms joined by ``" + "``, each ``[scale] [form] circuit``.
        form: The form of terms that name none.

    Example:
        >>> split_terms("lora(rank=8) + -0.5 zero lora(rank=2)")[1]
        TermText(circuit='lora(rank=2)', form='zero', scale=-0.5)
    """
    return tuple(_split_term(term, form) for term in text.split(" + "))


def _split_term(text: str, form: Form) -> TermText:
    """Take the scale and the form off a term."""
    scale, rest = 1.0, text.strip()
    first, _, after = rest.partition(" ")
    with contextlib.suppress(ValueError):
        scale, rest = float(first), after.strip()
    first, _, after = rest.partition(" ")
    if first in FORMS:
        form, rest = cast(Form, first), after.strip()
    return TermText(rest, form, scale)


def _try_alone(text: str) -> Circuit | None:
    """Return a term's circuit if it needs no dimensions."""
    if not is_family(text):
        return load_circuit(text)
    try:
        return call_family(text)
    except FamilyError:
        return None


def _load_term(term: TermText, d_in: int | None, d_out: int | None) -> Term:
    if d_in and d_out and is_family(term.circuit):
        d_in, d_out = _shape(term.form, d_in, d_out)
        circuit = call_family(term.circuit, d_in=d_in, d_out=d_out)
    else:
        circuit = load_circuit(term.circuit)
    return Term(circuit, term.form, term.scale)


def _check_shape(term: Term, d_in: int, d_out: int) -> None:
    if term.form not in FORMS_ON_WEIGHT:
        resolve(term.circuit, d_in, d_out)
        return
    size, found = _shape(term.form, d_in, d_out)[0], term.circuit
    if (found.d_in, found.d_out) != (size, size):
        raise FamilyError(
            f"{found.label} maps {found.d_in} to {found.d_out}, but form {term.form!r} in a layer "
            f"that maps {d_in} to {d_out} needs {size} to {size}.",
            cure='Use a family, which fits every shape: "quanta(axes=4)".',
        )


def _shape(form: Form, d_in: int, d_out: int) -> tuple[int, int]:
    """Return the shape that a circuit of a form has in a layer of a shape."""
    return {"input": (d_in, d_in), "output": (d_out, d_out)}.get(form, (d_in, d_out))
