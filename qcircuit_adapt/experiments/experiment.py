"""Experiment: a model, what it is trained and tested on, and the methods that are compared."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Literal

from qcircuit_adapt.errors import ExperimentError, nearest
from qcircuit_adapt.experiments.method import Method


@dataclass(frozen=True)
class Data:
    """Which rows of which tasks.

    Attributes:
        train: The tasks whose training rows are joined.
        test: The tasks that are tested on; by default those trained on.
        train_rows: The most rows to train on, in all; 0 for no limit.
        validation_rows: The most rows that choose a learning rate or a checkpoint. They are taken
            from the same splits as those trained on, before them.
        test_rows: The most rows to test on, of each task; 0 for no limit.
        seed: Decides which rows are taken, and nothing else.
    """

    train: tuple[str, ...]
    test: tuple[str, ...] = ()
    train_rows: int = 0
    validation_rows: int = 0
    test_rows: int = 0
    seed: int = 0

    @property
    def tests(self) -> tuple[str, ...]:
        """The tasks that are tested on."""
        return self.test or self.train


@dataclass(frozen=True)
class Training:
    """How a method is trained.

    Attributes:
        rates: Learning rates; of several, the one with the best validation score is taken.
        epochs: How often each row is seen.
        steps: Optimizer steps; if not 0, in the place of ``epochs``.
        batch: Rows of one optimizer step, on all devices together.
        micro_batch: Rows that a device takes at once; gradients are added up for the rest.
        schedule: What becomes of the learning rate after the warmup.
        warmup: The share of the steps over which the learning rate grows.
        weight_decay: AdamW's.
        max_length: The most tokens of a row; a longer prompt loses its start.
        precision: The type of the base model's numbers and of the products.
        checkpointing: Whether to compute activations twice rather than to keep them.
        save_every: Steps between checkpoints; 0 for none.
        keep_best: Whether to end with the checkpoint of the least validation loss.
    """

    rates: tuple[float, ...]
    epochs: float = 3.0
    steps: int = 0
    batch: int = 16
    micro_batch: int = 1
    schedule: Literal["linear", "cosine", "constant_with_warmup"] = "linear"
    warmup: float = 0.0
    weight_decay: float = 0.0
    max_length: int = 512
    precision: Literal["bf16", "fp32"] = "bf16"
    checkpointing: bool = True
    save_every: int = 500
    keep_best: bool = False


@dataclass(frozen=True)
class Teacher:
    """A teacher whose weights differ from the base model's by an update of chosen rank.

    Attributes:
        rank: The update's rank in each layer; 0 for as high as it can be.
        modules: The ends of the names of the layers that differ.
        size: The norm of each update, as a fraction of the norm of its weight.
        seed: Decides the update.
    """

    rank: int
    modules: tuple[str, ...] = ("q_proj", "o_proj")
    size: float = 0.5
    seed: int = 0


@dataclass(frozen=True)
class Experiment:
    """What one file declares.

    Attributes:
        name: The file's name without its ending.
        title: What to call it in tables and pictures.
        model: A shipped model's name, see `model_shape.shapes`.
        seeds: Each method is trained once with each.
        data: The rows.
        training: How methods are trained that do not say otherwise.
        methods: The methods.
        teacher: For the task ``"imitate"``.
    """

    name: str
    title: str
    model: str
    seeds: tuple[int, ...]
    data: Data
    training: Training
    methods: tuple[Method, ...]
    teacher: Teacher | None = None

    def method(self, name: str) -> Method:
        """Return the method of a name.

        Raises:
            ExperimentError: There is none.
        """
        for method in self.methods:
            if method.name == name:
                return method
        raise ExperimentError(
            f"experiment {self.name!r} has no method {name!r}.",
            cure=nearest(name, (method.name for method in self.methods), noun="methods"),
        )

    def training_of(self, method: Method) -> Training:
        """Return how a method is trained."""
        return replace(self.training, **dict(method.training))

    def digest(self, method: Method) -> str:
        """Return a number in hexadecimal that changes with all that decides a method's score."""
        training = asdict(self.training_of(method))
        del training["rates"]  # Each run names its own.
        parts = {
            "model": self.model,
            "data": asdict(self.data),
            "training": training,
            "teacher": asdict(self.teacher) if self.teacher else None,
            "method": [method.name, type(method.kind).__name__, asdict(method.kind)],
        }
        text = json.dumps(parts, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
