"""Where the shipped circuits and drawings are: inside a wheel, or beside a source tree."""

from pathlib import Path
from typing import Literal

from qcircuit_adapt.errors import LibraryError

_PACKAGE = Path(__file__).resolve().parent
_SENTINEL = {"circuits": "index.toml", "viz": "README.md"}


def shared_folder(name: Literal["circuits", "viz"]) -> Path:
    """Find a folder that is shipped with the package and holds no Python.

    A folder counts only with its sentinel file in it, so that an unrelated folder of the same
    name next to an installed package is not taken for ours.

    Raises:
        LibraryError: Neither the wheel's place nor the source tree has the folder.

    Example:
        >>> (shared_folder("circuits") / "index.toml").is_file()
        True
    """
    sentinel = _SENTINEL[name]
    places = (_PACKAGE / "share" / name, _PACKAGE.parent / name)
    for place in places:
        if (place / sentinel).is_file():
            return place
    raise LibraryError(
        f"the shipped folder '{name}' was not found: no '{sentinel}' in either of its places.",
        cause=f"looked in '{places[0]}' (a wheel), then in '{places[1]}' (a source tree).",
        cure="Install qcircuit-adapt again, or run from a complete checkout.",
    )
