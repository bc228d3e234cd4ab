"""Model shapes: what an experiment's model is called, and its sizes, shipped as numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from qcircuit_adapt.errors import ExperimentError, nearest

_FOLDER = Path(__file__).parent / "models"
SMALL = ("small", "small-reader")
"""Models that are pretrained here, in a minute: see `small`."""


@dataclass(frozen=True)
class ModelShape:
    """A model of the hub.

    Attributes:
        name: Its name in experiment files.
        hub: Its name on the Hugging Face Hub.
        source: Where the sizes are from.
        config: What transformers builds it of.
    """

    name: str
    hub: str
    source: str
    config: Mapping[str, Any]


@cache
def shapes() -> Mapping[str, ModelShape]:
    """Return the shipped shapes by name.

    Example:
        >>> shapes()["llama2-7b"].config["hidden_size"]
        4096
    """
    found = {}
    for file in sorted(_FOLDER.glob("*.json")):
        found[file.stem] = ModelShape(file.stem, **json.loads(file.read_text(encoding="utf-8")))
    return found


def find_shape(name: str) -> ModelShape:
    """Return a shape by its name.

    Raises:
        ExperimentError: There is none.
    """
    if name not in shapes():
        raise ExperimentError(
            f"there is no model {name!r}.", cure=nearest(name, [*shapes(), *SMALL], noun="models")
        )
    return shapes()[name]
