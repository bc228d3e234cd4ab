"""Checks on a trained adapter: saved and loaded, then merged, the model computes the same."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import PeftModel
from peft.tuners.tuners_utils import BaseTunerLayer
from transformers import PreTrainedModel

from qcircuit_adapt.demo.arms import Arm
from qcircuit_adapt.demo.finetune import Run, adapt
from qcircuit_adapt.demo.output import Output
from qcircuit_adapt.demo.training import logits


@dataclass(frozen=True)
class MergeCheck:
    """How the logits of a merged model compare with those of the adapted one.

    Attributes:
        difference: The root mean square of their difference, as a fraction of that of the logits.
        tolerance: What rounding explains.
        change: The same fraction for the adapted model against the base model, for comparison.
        reloaded: Whether the adapter, loaded from its files, gives the same logits to the bit.
        clean: Whether the merged model has the base model's modules and no other.
    """

    difference: float
    tolerance: float
    change: float
    reloaded: bool
    clean: bool

    @property
    def passed(self) -> bool:
        """Whether all of it is as it must be."""
        return self.difference <= self.tolerance and self.reloaded and self.clean


def save_and_merge(
    base: PreTrainedModel, arm: Arm, run: Run, blocks: torch.Tensor, output: Output
) -> MergeCheck:
    """Save an arm's adapter, load it again, merge it, and compare the logits at each stage.

    Args:
        base: The base model; the adapter is merged into it at the end.
        arm: The arm.
        run: The run whose tensors to take.
        blocks: What to compute logits for, of shape ``(blocks, length)``.
        output: Where the adapter goes, as ``adapter/``.
    """
    modules = [name for name, _ in base.named_modules()]
    unadapted = logits(base, blocks)
    model = adapt(base, arm, run=run)
    adapted = logits(model, blocks)
    folder = output.put("adapter", lambda path: _save(model, path))
    model.unload()

    model = PeftModel.from_pretrained(base, folder)
    reloaded = torch.equal(logits(model, blocks), adapted)
    merged = model.merge_and_unload()
    clean = [name for name, _ in merged.named_modules()] == modules and not any(
        isinstance(module, BaseTunerLayer) for module in merged.modules()
    )
    return MergeCheck(
        difference=_distance(logits(merged, blocks), adapted),
        tolerance=rounding(next(base.parameters()).dtype, layers=len(arm.layers)),
        change=_distance(unadapted, adapted),
        reloaded=reloaded,
        clean=clean,
    )


def rounding(dtype: torch.dtype, *, layers: int) -> float:
    """Bound the relative difference that merging so many layers makes by rounding alone.

    Merging rounds each weight once, and spares the rounding of the update and of the sum: a few
    roundings of half a unit in the last place for each layer, which add up like random numbers.
    """
    return 8 * (torch.finfo(dtype).eps / 2) * math.sqrt(layers)


def _distance(one: torch.Tensor, other: torch.Tensor) -> float:
    one, other = one.double(), other.double()
    return float((one - other).norm() / other.norm())


def _save(model: PeftModel, path: Path) -> None:
    model.save_pretrained(str(path), save_embedding_layers=False)
