"""Adapting a model by a method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from peft import LoraConfig, PeftConfig, PrefixTuningConfig, get_peft_model
from torch import nn
from transformers import PreTrainedModel, set_seed

from qcircuit_adapt.experiments.bottleneck import add_bottlenecks, is_head
from qcircuit_adapt.experiments.method import Bottleneck, Circuits, Full, Kind, Lora, Prefix
from qcircuit_adapt.hf import CircuitConfig


@dataclass(frozen=True)
class Trained:
    """How many numbers are trained.

    Attributes:
        parameters: Those of the method.
        head: Those of a classifier that every method trains.
        total: All of the model, the method's left out.
    """

    parameters: int
    head: int
    total: int

    @property
    def share(self) -> float:
        """The method's numbers as a share of the model's."""
        return self.parameters / self.total


def adapt(
    model: PreTrainedModel, kind: Kind, *, classify: bool = False, seed: int = 0
) -> nn.Module:
    """Adapt a model; nothing changes before the first step, prefixes aside.

    Args:
        model: The model; it is changed.
        kind: How.
        classify: Whether it is a classifier, with a head that is new.
        seed: Decides the numbers that a method starts with.

    Raises:
        AdaptError: The model cannot be adapted so.
        ExperimentError: Likewise.
    """
    set_seed(seed)
    if isinstance(kind, Full):
        return model
    if isinstance(kind, Bottleneck):
        add_bottlenecks(model, kind)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(parameter.requires_grad or is_head(name))
        return model
    return get_peft_model(model, _configure(kind, "SEQ_CLS" if classify else "CAUSAL_LM"))


def count_trained(model: nn.Module) -> Trained:
    """Count the numbers that are trained; those of shards as those of the whole."""
    parameters = head = total = 0
    for name, parameter in model.named_parameters():
        if is_head(name):
            head += parameter.numel() if parameter.requires_grad else 0
        else:
            parameters += parameter.numel() if parameter.requires_grad else 0
            total += parameter.numel()
    # A method that does not train the model itself has added to it.
    return Trained(parameters, head, total if parameters == total else total - parameters)


def _configure(kind: Lora | Prefix | Circuits, task_type: Any) -> PeftConfig:
    if isinstance(kind, Lora):
        return LoraConfig(
            r=kind.rank,
            lora_alpha=kind.alpha or 2 * kind.rank,  # type: ignore[arg-type]
            use_dora=kind.dora,
            lora_dropout=kind.dropout,
            target_modules=list(kind.targets),
            task_type=task_type,
        )
    if isinstance(kind, Prefix):
        return PrefixTuningConfig(num_virtual_tokens=kind.tokens, task_type=task_type)
    return CircuitConfig(
        circuit=kind.circuit,
        form=kind.form,
        scale=kind.scale,
        dropout=kind.dropout,
        target_modules=list(kind.targets),
        task_type=task_type,
    )
