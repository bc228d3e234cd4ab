"""Circuits in files: one TOML file each, exact both ways. Reading executes nothing."""

from __future__ import annotations

import json
import os
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import CircuitError, FileError, nearest
from qcircuit_adapt.notation import MAX_TEXT

FORMAT = 1
"""The version of the file format this package writes."""

_KEYS = ("format", "name", "axes", "gates", "outputs")


def dumps(circuit: Circuit) -> str:
    """Write a circuit as TOML.

    Example:
        >>> print(dumps(Circuit.parse("a=2 b=3 | a b", name="tiny")), end="")
        format = 1
        name = "tiny"
        axes = "a=2 b=3"
        gates = [
          "a b",
        ]
    """
    axes, gates, outputs = circuit.declaration
    lines = [f"format = {FORMAT}", f"name = {json.dumps(circuit.name)}", f'axes = "{axes}"']
    lines += ["gates = [", *(f'  "{gate}",' for gate in gates), "]"]
    lines += [f'outputs = "{outputs}"'] if outputs else []
    return "\n".join(lines) + "\n"


def loads(text: str, *, source: str = "the text") -> Circuit:
    """Read a circuit from TOML.

    Args:
        text: The file's text.
        source: What to call it in errors.

    Raises:
        FileError: The text is not TOML, has an unknown key or type, or is of a later format.
        CircuitError: The circuit itself is wrong, as in `Circuit`.

    Example:
        >>> circuit = Circuit.parse("a=2 b=3 | a b, -> b a", name="tiny")
        >>> loads(dumps(circuit)) == circuit
        True
    """
    if len(text) > MAX_TEXT:
        raise FileError(f"{source} has {len(text):,} characters; at most {MAX_TEXT:,} are read.")
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FileError(f"{source} is not TOML: {error}.") from None
    _check(data, source)
    return Circuit(
        data["axes"], data["gates"], outputs=data.get("outputs"), name=data.get("name", "")
    )


def _check(data: dict[str, Any], source: str) -> None:
    version = data.get("format")
    if type(version) is not int:
        raise FileError(
            f"{source} is not a circuit file: it has no whole number 'format'.",
            cure=f'A circuit file begins with "format = {FORMAT}".',
        )
    if not 1 <= version <= FORMAT:
        raise FileError(
            f"{source} is of format {version}; this version reads up to {FORMAT}.",
            cure="Install a later version of qcircuit_adapt.",
        )
    for key in data:
        if key not in _KEYS:
            raise FileError(
                f"{source} has an unknown key {key!r}.", cure=nearest(key, _KEYS, noun="keys")
            )
    for key, kind in (("axes", str), ("gates", list), ("outputs", str), ("name", str)):
        if key in ("axes", "gates") and key not in data:
            raise FileError(f"{source} has no {key!r}.", cure=_SHAPE)
        if key in data and not isinstance(data[key], kind):
            raise FileError(f"{source} has a {key!r} of another type.", cure=_SHAPE)
    if not all(isinstance(gate, str) for gate in data["gates"]):
        raise FileError(f"{source} has a gate that is not a text.", cure=_SHAPE)


_SHAPE = 'Write axes = "a=16 b=8" and gates = ["a b", "b"].'


def read_circuit(path: str | os.PathLike[str]) -> Circuit:
    """Read a circuit from a TOML file.

    Raises:
        FileError: The file cannot be read, or is not a circuit file.
        CircuitError: The circuit itself is wrong; the error names the file.
    """
    path = Path(path)
    try:
        if path.stat().st_size > 4 * MAX_TEXT:
            raise FileError(f"{path} is too large for a circuit file.")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise FileError(f"{path} is not a text file.") from None
    try:
        return loads(text, source=str(path))
    except CircuitError as error:
        if not isinstance(error, FileError):
            error.cause = error.cause or f"The circuit is read from {path}."
        raise


def write_circuit(circuit: Circuit, path: str | os.PathLike[str]) -> None:
    """Write a circuit to a TOML file, whole or not at all.

    Raises:
        FileError: The file cannot be written; a file that was there stays as it was.
    """
    write_whole(path, dumps(circuit))


def write_whole(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a file, by way of a temporary one, so that a failure leaves the old file.

    Args:
        path: The file.
        content: What will be in it; a text is written as UTF-8.

    Raises:
        FileError: The file cannot be written.
    """
    path = Path(path)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise FileError(f"cannot write {path}: {error.strerror}.") from None
    try:
        with open(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        # mkstemp makes private files; a circuit or a picture is not a secret.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)
        os.replace(name, path)
    except BaseException as error:  # an interrupt, too, leaves no temporary file
        Path(name).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise FileError(f"cannot write {path}: {error.strerror}.") from None
        raise
