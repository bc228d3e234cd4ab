"""Read: a certificate file as fields that know where they stand and refuse what is not right."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from qcircuit_adapt.errors import CertificateError

FORMAT, VERSION = "qcircuit certificate", 1

MAX_BYTES = 2**24
"""How large a file may be."""

MAX_WHOLE = 2**63 - 1
"""How large a number may be that is not only compared."""


@dataclass(frozen=True)
class Field:
    """A value in the file.

    Attributes:
        value: What JSON has there.
        path: Where it is, for example ``rank.at_most.input_side[2]``.
    """

    value: Any
    path: str = "the file"

    def refuse(self, problem: str, *, cause: str = "") -> NoReturn:
        """Raise `CertificateError`, naming the place."""
        raise CertificateError(f"{self.path}: {problem}", cause=cause)

    def match(self, derived: Any, how: str) -> None:
        """Refuse the value unless it is the one derived here; ``true`` is not 1."""
        if json.dumps(self.value) != json.dumps(derived):
            self.refuse(f"{how} shows {_show(derived)}, not {_show(self.value)}.")

    def keys(self, required: Iterable[str], optional: Iterable[str] = ()) -> dict[str, Field]:
        """Return the fields of an object that has all required keys and none that is unknown."""
        if not isinstance(self.value, dict):
            self.refuse(f"expected an object, not {_show(self.value)}.")
        required = list(required)
        inside = "" if self.path == "the file" else f"{self.path}."
        for key in required:
            if key not in self.value:
                Field(None, inside + key).refuse("the key is missing.")
        for key in self.value:
            if key not in {*required, *optional}:
                Field(None, inside + key).refuse("the key is unknown.")
        return {key: Field(value, inside + key) for key, value in self.value.items()}

    def items(self) -> list[Field]:
        """Return the fields of a list."""
        if not isinstance(self.value, list):
            self.refuse(f"expected a list, not {_show(self.value)}.")
        return [Field(value, f"{self.path}[{n}]") for n, value in enumerate(self.value)]

    def whole(self, *, least: int = 0) -> int:
        """Return a whole number."""
        if type(self.value) is not int or not least <= self.value <= MAX_WHOLE:
            self.refuse(
                f"expected a whole number from {least} to {MAX_WHOLE:,}, not {_show(self.value)}."
            )
        return self.value

    def text(self) -> str:
        """Return a text."""
        if type(self.value) is not str:
            self.refuse(f"expected a text, not {_show(self.value)}.")
        return self.value

    def among(self, names: Iterable[str], noun: str) -> str:
        """Return a text that is one of these."""
        known = list(names)
        if self.text() not in known:
            allowed = ", ".join(map(repr, known)) or "none"
            self.refuse(f"{self.value!r} is no {noun} here; expected one of: {allowed}.")
        return self.text()

    def gates(self, names: Iterable[str], *, ordered: bool = True) -> tuple[str, ...]:
        """Return distinct names of gates, in the order in which the circuit has them."""
        order = {name: n for n, name in enumerate(names)}
        listed: list[str] = []
        for item in self.items():
            name = item.among(order, "gate")
            if name in listed:
                item.refuse(f"{name!r} is listed twice.")
            if ordered and listed and order[name] < order[listed[-1]]:
                item.refuse(f"{name!r} stands before {listed[-1]!r} in the circuit, not after it.")
            listed.append(name)
        return tuple(listed)


def read_file(certificate: str | Path | Mapping[str, Any]) -> Field:
    """Read a certificate, and see that its format and digest are right.

    Raises:
        CertificateError: It cannot be read, is of another format, or was changed after writing.
    """
    root = Field(_load(certificate))
    if not isinstance(root.value, dict):
        root.refuse("a certificate is a JSON object.")
    for key, expected in (("format", FORMAT), ("version", VERSION)):
        if key not in root.value:
            Field(None, key).refuse("the key is missing.")
        Field(root.value[key], key).match(expected, "this checker, which reads one format,")
    rest = {key: value for key, value in root.value.items() if key != "digest"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    if "digest" not in root.value:
        Field(None, "digest").refuse("the key is missing.")
    derived = hashlib.sha256(text.encode("ascii")).hexdigest()
    Field(root.value["digest"], "digest").match(derived, "the rest of the file")
    return root


def _load(certificate: str | Path | Mapping[str, Any]) -> Any:
    try:
        if isinstance(certificate, Mapping):
            text = json.dumps(dict(certificate), allow_nan=False)
        else:
            path = Path(certificate)
            if path.stat().st_size > MAX_BYTES:
                raise CertificateError(f"the file has more than {MAX_BYTES:,} bytes.")
            text = path.read_text(encoding="utf-8")
        return json.loads(text, object_pairs_hook=_distinct, parse_constant=_refuse_constant)
    except (OSError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, CertificateError):
            raise
        what = "the certificate" if isinstance(certificate, Mapping) else str(certificate)
        cause = error.strerror if isinstance(error, OSError) else f"It is not JSON: {error}"
        raise CertificateError(
            f"{what} cannot be read.",
            cause=f"{cause}.",
            cure="Give a file that 'qcircuit prove -o' wrote.",
        ) from None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise CertificateError(f"the file has the key {key!r} twice in one object.")
        found[key] = value
    return found


def _refuse_constant(word: str) -> NoReturn:
    raise CertificateError(f"the file has {word}, which is no number.")


def _show(value: Any) -> str:
    if type(value) is int:
        return f"{value:,}"
    text = json.dumps(value)
    return text if len(text) <= 200 else f"{text[:200]}..."
