"""Teachers: a model whose weights differ by an update of chosen rank, and what it predicts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from qcircuit_adapt.errors import ExperimentError
from qcircuit_adapt.experiments.experiment import Teacher
from qcircuit_adapt.experiments.load import load_base


@torch.no_grad()
def make_teacher(model: PreTrainedModel, teacher: Teacher, *, seed: int) -> None:
    """Add to each weight an update whose singular values are equal, or 0 beyond its rank.

    Args:
        model: It is changed in place.
        teacher: Which weights, how much and of what rank.
        seed: Added to the teacher's own.

    Raises:
        ExperimentError: The model has no such layers.
    """
    draw = torch.Generator().manual_seed(1000 * teacher.seed + seed)
    found = 0
    for name, module in model.named_modules():
        if name.rpartition(".")[2] in teacher.modules:
            weight = module.weight
            assert isinstance(weight, Tensor)
            update = _draw_update(weight.shape, teacher.rank, draw)
            weight += (teacher.size * weight.norm() / update.norm() * update).to(weight.dtype)
            found += 1
    if not found:
        raise ExperimentError(f"the model has none of the teacher's modules {teacher.modules}.")


def _draw_update(shape: torch.Size, rank: int, draw: torch.Generator) -> Tensor:
    rank = min(rank or min(shape), *shape)
    left, right = (torch.linalg.qr(torch.randn(size, rank, generator=draw))[0] for size in shape)
    update: Tensor = left @ right.T
    return update


@dataclass(frozen=True)
class Lesson:
    """What a teacher predicts, as its last layer is given it.

    Attributes:
        states: What the layer is given, of shape ``(blocks, length, hidden)``.
        head: The layer's weight, of shape ``(vocabulary, hidden)``.
    """

    states: Tensor
    head: Tensor


@lru_cache(maxsize=8)
def teach(
    source: str, teacher: Teacher, *, seed: int, blocks: tuple[tuple[int, ...], ...]
) -> Lesson:
    """Return what a teacher predicts of blocks of tokens.

    Args:
        source: The folder or name of the model that the teacher is made of.
        teacher: The teacher.
        seed: See `make_teacher`.
        blocks: The blocks, all of one length.
    """
    model, _ = load_base(source, dtype=torch.float32)
    make_teacher(model, teacher, seed=seed)
    head: Any = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    return Lesson(hidden_states(model, torch.tensor(blocks)), head.weight.detach())


@torch.no_grad()
def hidden_states(model: PreTrainedModel, blocks: Tensor, *, batch: int = 16) -> Tensor:
    """Return what a model's head is given, of shape ``(blocks, length, hidden)``."""
    model.eval()  # type: ignore[no-untyped-call]
    body: Any = model.get_decoder()  # type: ignore[no-untyped-call]
    parts = torch.split(blocks, batch)
    return torch.cat([body(input_ids=part).last_hidden_state for part in parts])
