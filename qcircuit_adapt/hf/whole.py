"""Folders that are written whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qcircuit_adapt.errors import FileError


@contextmanager
def write_folder(output: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a folder to write to, which becomes the output if the block succeeds.

    Args:
        output: A folder that is not there yet, or is empty.

    Raises:
        FileError: There is something at the output already, or it cannot be written. What was there
            is left as it was, and nothing half-written stays.
    """
    output = Path(output).absolute()
    if output.is_dir() and not any(output.iterdir()):
        pass
    elif output.exists():
        raise FileError(
            f"{str(output)!r} is there already.", cure="Give a folder that is new or empty."
        )
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=output.parent, prefix=f".{output.name}."))
    except OSError as error:
        raise FileError(f"cannot write {str(output)!r}: {error.strerror}.") from None
    try:
        yield draft
        # mkdtemp makes private folders, and safetensors private files; an adapter is not a secret.
        umask = os.umask(0)
        os.umask(umask)
        for file in draft.iterdir():
            file.chmod(0o666 & ~umask)
        draft.chmod(0o777 & ~umask)
        os.replace(draft, output)
    except OSError as error:
        raise FileError(f"cannot write {str(output)!r}: {error.strerror}.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
