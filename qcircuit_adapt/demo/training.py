"""Training: transformers' Trainer on blocks of tokens, silent, reporting each step's loss."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from transformers import (
    PreTrainedModel,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.utils import logging

OnStep = Callable[[int, float], None]
"""Called after each step with its number, from 1, and its training loss."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train: AdamW, a tenth of the steps warming up, then a cosine.

    Attributes:
        steps: Optimizer steps.
        batch: Blocks per step.
        rate: The highest learning rate.
        seed: Decides the order of the blocks.
    """

    steps: int
    batch: int
    rate: float
    seed: int


def train(
    model: torch.nn.Module, blocks: torch.Tensor, schedule: Schedule, *, on_step: OnStep
) -> None:
    """Train a model on blocks of tokens, in place.

    Args:
        model: A causal language model, adapted or not, on the device it is to train on.
        blocks: Token numbers of shape ``(blocks, length)``.
        schedule: Steps, batch size, learning rate and seed.
        on_step: Called after each step.
    """
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            max_steps=schedule.steps,
            per_device_train_batch_size=schedule.batch,
            learning_rate=schedule.rate,
            lr_scheduler_type="cosine",
            warmup_steps=-(-schedule.steps // 10),
            weight_decay=0.0,
            seed=schedule.seed,
            use_cpu=next(model.parameters()).device.type == "cpu",
            logging_steps=1,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            dataloader_pin_memory=False,
            label_names=["labels"],
        )
        # On several devices, one step would take several batches.
        arguments._n_gpu = min(arguments.n_gpu, 1)
        dataset: Any = [{"input_ids": block, "labels": block} for block in blocks]
        trainer = Trainer(
            model=model,
            args=arguments,
            train_dataset=dataset,
            callbacks=[_Reporter(on_step)],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()


@torch.no_grad()
def mean_loss(model: torch.nn.Module, blocks: torch.Tensor, *, batch: int) -> float:
    """Return a model's loss per token, in nats, over blocks of shape ``(blocks, length)``."""
    training, device = model.training, next(model.parameters()).device
    model.eval()
    total = 0.0
    for part in torch.split(blocks, batch):
        tokens = part.to(device)
        total += model(input_ids=tokens, labels=tokens).loss.item() * len(part)
    model.train(training)
    return total / len(blocks)


@torch.no_grad()
def logits(model: PreTrainedModel | torch.nn.Module, blocks: torch.Tensor) -> torch.Tensor:
    """Return a model's logits, of shape ``(blocks, length, vocabulary)``, on the CPU."""
    model.eval()
    result: torch.Tensor = model(input_ids=blocks.to(next(model.parameters()).device)).logits
    return result.cpu()


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep transformers' own messages, bars and deprecations off the console for a while."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        with warnings.catch_warnings():
            # What these libraries are about to rename is not the user's business.
            for category in (DeprecationWarning, FutureWarning):
                warnings.filterwarnings("ignore", category=category, module="transformers|peft")
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


class _Reporter(TrainerCallback):
    """Passes each step's loss on."""

    def __init__(self, on_step: OnStep) -> None:
        self.on_step = on_step

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        # The last log sums the run up, and has no loss of a step.
        if logs and "loss" in logs:
            self.on_step(state.global_step, logs["loss"])
