"""The shipped experiments, and how commands name an experiment."""

from __future__ import annotations

from pathlib import Path

from qcircuit_adapt.errors import ExperimentError, nearest
from qcircuit_adapt.experiments.experiment import Experiment
from qcircuit_adapt.experiments.experiment_file import read_experiment

_FOLDER = Path(__file__).parent / "files"


def names() -> tuple[str, ...]:
    """Return the names of the shipped experiments.

    Example:
        >>> "llama2-7b-drop" in names()
        True
    """
    return tuple(sorted(file.stem for file in _FOLDER.glob("*.toml")))


def find_experiment(source: str) -> Experiment:
    """Return the experiment a user means: a shipped one by name, or that of a file.

    Raises:
        ExperimentError: It is neither, or the file is wrong.
    """
    if source in names():
        return read_experiment(_FOLDER / f"{source}.toml")
    if source.endswith(".toml"):
        return read_experiment(Path(source))
    raise ExperimentError(
        f"{source!r} is no shipped experiment and no file.",
        cure=nearest(source, names(), noun="shipped experiments"),
    )
