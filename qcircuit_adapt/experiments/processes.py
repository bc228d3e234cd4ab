"""The processes that a launcher started; without one there is one."""

from __future__ import annotations

import torch
from accelerate import PartialState


def processes() -> PartialState:
    """Return what accelerate knows of them: how many there are, and which one this is.

    Without a GPU it has to be told that there is none, or it takes each process for the only one.
    """
    return PartialState(cpu=not torch.cuda.is_available())
