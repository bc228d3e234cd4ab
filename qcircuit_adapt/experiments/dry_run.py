"""Dry runs: all of an experiment that can be checked without its weights, rows and machine."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import nn
from transformers import CONFIG_MAPPING, AutoModelForCausalLM, AutoModelForSequenceClassification

from qcircuit_adapt.demo.pretrain import BaseRecipe, untrained
from qcircuit_adapt.demo.tokens import train_tokenizer
from qcircuit_adapt.experiments.adapt import adapt, count_trained
from qcircuit_adapt.experiments.bottleneck import BottleneckLinear, remove_bottlenecks
from qcircuit_adapt.experiments.encode import Collator, encode_items
from qcircuit_adapt.experiments.experiment import Experiment
from qcircuit_adapt.experiments.item import Item, Pair, Passage
from qcircuit_adapt.experiments.method import Bottleneck, Circuits, Kind, Lora
from qcircuit_adapt.experiments.model_shape import SMALL, find_shape
from qcircuit_adapt.experiments.task import Source, Task
from qcircuit_adapt.experiments.tasks import find_task
from qcircuit_adapt.experiments.tasks.samples import SAMPLES


@dataclass(frozen=True)
class DryMethod:
    """What a method would train.

    Attributes:
        method: Its name.
        parameters: How many numbers.
        share: The same as a share of the model's.
        modules: How many layers it adapts; 0 where it adapts none by itself.
        rates: The learning rates.
    """

    method: str
    parameters: int
    share: float
    modules: int
    rates: tuple[float, ...]


@dataclass(frozen=True)
class DryRun:
    """What was checked of an experiment.

    Attributes:
        experiment: Its name.
        model: Its model's.
        model_parameters: How many numbers the model has.
        methods: What each method would train.
        batch: The shape of each tensor of a batch of one row of each task.
    """

    experiment: str
    model: str
    model_parameters: int
    methods: tuple[DryMethod, ...]
    batch: dict[str, tuple[int, ...]]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def dry_run(experiment: Experiment) -> DryRun:
    """Build the model without memory, adapt it by each method, and collate a batch.

    Raises:
        CircuitError: The file says what this version cannot do.
    """
    tasks = [find_task(name) for name in (*experiment.data.train, *experiment.data.tests)]
    labels = tasks[0].labels
    total = sum(p.numel() for p in build_model(experiment.model, labels).parameters())
    methods = []
    for method in experiment.methods:
        key = experiment.model, labels, method.kind
        parameters, share, modules = _count(*key)
        rates = experiment.training_of(method).rates
        methods.append(DryMethod(method.name, parameters, share, modules, rates))
    batch = _collate(tasks, max_length=experiment.training.max_length)
    return DryRun(experiment.name, experiment.model, total, tuple(methods), batch)


@lru_cache(maxsize=2)
def build_model(name: str, labels: int = 0) -> nn.Module:
    """Build a model on the meta device, of shipped numbers.

    Raises:
        ExperimentError: There is no such model.
    """
    with torch.device("meta"):
        if name in SMALL:
            return untrained(BaseRecipe())
        shape = dict(find_shape(name).config)
        config = CONFIG_MAPPING[shape.pop("model_type")](**shape)
        if labels:
            config.num_labels = labels
        auto: Any = AutoModelForSequenceClassification if labels else AutoModelForCausalLM
        model: nn.Module = auto.from_config(config)
        return model


@lru_cache(maxsize=256)
def _count(name: str, labels: int, kind: Kind) -> tuple[int, float, int]:
    """Adapt a model for a moment, and count its trained numbers and its adapted layers."""
    model: Any = build_model(name, labels)
    model.requires_grad_(True)
    with warnings.catch_warnings(), torch.device("meta"):
        # peft asks transformers by an old name.
        warnings.filterwarnings("ignore", ".is_gradient_checkpointing", FutureWarning)
        adapted: Any = adapt(model, kind, classify=bool(labels))
    trained = count_trained(adapted)
    kinds = (BaseTunerLayer, BottleneckLinear)
    layers = sum(isinstance(module, kinds) for module in adapted.modules())
    if isinstance(kind, Bottleneck):
        remove_bottlenecks(adapted)
    elif isinstance(kind, (Lora, Circuits)):
        adapted.unload()
    return trained.parameters, trained.share, layers


def _collate(tasks: list[Task], *, max_length: int) -> dict[str, tuple[int, ...]]:
    items = [item for task in tasks for item in _samples(task)]
    tokenizer = train_tokenizer([_text(item) for item in items], vocabulary=300)
    rows = encode_items(items, tokenizer, max_length=min(max_length, 64), most=2)
    batch = Collator.of(tokenizer, scores=tasks[0].labels == 1)(rows)
    return {name: tuple(tensor.shape) for name, tensor in batch.items()}


def _samples(task: Task) -> Iterator[Item]:
    if isinstance(task.source, Source):
        yield from task.read(SAMPLES[task.name])
    elif task.kind in ("predict", "imitate"):
        yield Passage("A text that stands for others, long enough to fill a block. " * 20)
    else:
        yield from task.read(next(iter(task.source("test"))))


def _text(item: Item) -> str:
    if isinstance(item, Passage):
        return item.text
    return item.first if isinstance(item, Pair) else item.prompt
