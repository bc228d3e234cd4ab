"""The shipped circuits, and how commands and configurations name a circuit."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.circuit_file import read_circuit
from qcircuit_adapt.errors import LibraryError, nearest
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
