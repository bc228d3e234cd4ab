"""The output folder: whole files only, each moved into place when it is finished."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from qcircuit_adapt.errors import FileError


class Output:
    """A folder that results are put into.

    Args:
        path: The folder; it is made if it is not there. What it holds stays, file by file, until a
            result of the same name is finished.

    Raises:
        FileError: The folder cannot be made, or cannot be written into.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.exists() and not path.is_dir():
            raise FileError(
                f"the results cannot go into {str(path)!r}: it is a file, not a folder.",
                cure="Name another folder: --output FOLDER.",
            )
        try:
            path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".making-", dir=path):
                pass
        except OSError as error:
            raise self._error(error) from error

    def put(self, name: str, write: Callable[[Path], object]) -> Path:
        """Write a file, or a folder of files, and move it into place.

        Args:
            name: Its path below this folder.
            write: Writes to the path that it is given.

        Returns:
            Where the result is.

        Raises:
            FileError: It cannot be written.
        """
        try:
            with tempfile.TemporaryDirectory(prefix=".making-", dir=self.path) as made:
                part = Path(made) / name
                part.parent.mkdir(parents=True, exist_ok=True)
                write(part)
                for file in sorted(Path(made).rglob("*")):
                    if file.is_file():
                        target = self.path / file.relative_to(made)
                        target.parent.mkdir(parents=True, exist_ok=True)
                        file.replace(target)
        except OSError as error:
            raise self._error(error) from error
        return self.path / name

    def _error(self, error: OSError) -> FileError:
        return FileError(
            f"cannot write into {str(self.path)!r}: {error.strerror or error}.",
            cure="Name another folder: --output FOLDER.",
        )
