"""Written: a layer in the tensors and options of another method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class Written:
    """What another method stores of a layer.

    Attributes:
        tensors: Its tensors, by the names that the method gives them.
        options: What its configuration has to say of the layer.
    """

    tensors: Mapping[str, Tensor]
    options: Mapping[str, Any]
