"""The one folder whose circuits the designer opens and saves; nothing outside it is touched."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.circuit_file import read_circuit, write_circuit
from qcircuit_adapt.errors import FileError

MAX_LISTED = 500
"""How many files are listed."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+-]{0,95}\.toml", re.ASCII)


@dataclass(frozen=True)
class Folder:
    """A folder of circuit files, each named by its file name alone.

    Attributes:
        path: The folder.
    """

    path: Path

    def list_files(self) -> tuple[str, ...]:
        """Return the names of the circuit files, in order; links are left out."""
        try:
            found = sorted(path.name for path in self.path.iterdir() if self._is_plain(path))
        except OSError as error:
            raise FileError(f"cannot list {self.path}: {error.strerror}.") from None
        return tuple(found[:MAX_LISTED])

    def read(self, name: str) -> Circuit:
        """Return the circuit of a file.

        Raises:
            FileError: The name is not one of a file in this folder.
            CircuitError: The file's circuit is wrong.
        """
        path = self._locate(name)
        if not self._is_plain(path):
            raise FileError(f"there is no circuit file {name!r} in the folder.")
        return read_circuit(path)

    def write(self, circuit: Circuit, name: str, *, overwrite: bool) -> bool:
        """Write a circuit to a file, whole or not at all.

        Returns:
            Whether it was written; False if the file is there and is not to be overwritten.

        Raises:
            FileError: The name cannot be one of a file in this folder, or writing fails.
        """
        path = self._locate(name)
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise FileError(
                f"{name!r} is a link or a folder, and is left alone.", cure="Choose another name."
            )
        if path.exists() and not overwrite:
            return False
        write_circuit(circuit, path)
        return True

    def _locate(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise FileError(
                f"{name[:120]!r} cannot name a circuit file here.",
                cure="Use letters, digits, spaces, '.', '_', '+' and '-', and end in \".toml\".",
            )
        return self.path / name

    @staticmethod
    def _is_plain(path: Path) -> bool:
        return bool(_NAME.fullmatch(path.name)) and path.is_file() and not path.is_symlink()
