"""Fine-tuning: one arm at each learning rate, the best chosen on text that is not reported."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import torch
from peft import PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from transformers import PreTrainedModel, PreTrainedTokenizerBase, set_seed

from qcircuit_adapt.demo.arms import Arm
from qcircuit_adapt.demo.text import Text
from qcircuit_adapt.demo.tokens import to_blocks
from qcircuit_adapt.demo.training import Schedule, mean_loss, train


@dataclass(frozen=True)
class TuneRecipe:
    """How each arm is trained: the same for all of them.

    Attributes:
        steps: Optimizer steps.
        batch: Blocks per step.
        length: Tokens per block.
        rates: The learning rates to try.
        validation: The most blocks for choosing among them.
        held_out: The most blocks for the reported loss.
        checks: How often the validation loss is measured on the way.
        seed: Decides the order of the blocks and the adapters' initial numbers.
    """

    steps: int = 40
    batch: int = 8
    length: int = 128
    rates: tuple[float, ...] = (3e-3, 1e-2, 3e-2, 1e-1)
    validation: int = 16
    held_out: int = 128
    checks: int = 5
    seed: int = 0


@dataclass(frozen=True)
class Blocks:
    """A text as tokens, each part of shape ``(blocks, length)``."""

    train: torch.Tensor
    validation: torch.Tensor
    held_out: torch.Tensor

    @classmethod
    def of(cls, text: Text, tokenizer: PreTrainedTokenizerBase, recipe: TuneRecipe) -> Blocks:
        """Tokenize a text, as much of it as the recipe uses.

        Raises:
            DataError: A part of the text does not fill one block.
        """
        wanted = (
            (text.train, recipe.steps * recipe.batch),
            (text.validation, recipe.validation),
            (text.held_out, recipe.held_out),
        )
        return cls(
            *(to_blocks(part, tokenizer, length=recipe.length, most=most) for part, most in wanted)
        )


@dataclass(frozen=True)
class Run:
    """One arm trained at one learning rate.

    Attributes:
        rate: The learning rate.
        losses: The training loss of each step.
        curve: Step and validation loss, from step 0 to the last.
        seconds: The time training took, measuring losses aside.
        state: The adapter's tensors after training.
    """

    rate: float
    losses: tuple[float, ...]
    curve: tuple[tuple[int, float], ...]
    seconds: float
    state: dict[str, torch.Tensor] = field(repr=False, compare=False)

    @property
    def validation(self) -> float:
        """The validation loss after training; infinite where training diverged."""
        last = self.curve[-1][1]
        return math.inf if math.isnan(last) else last


def finetune(
    base: PreTrainedModel,
    arm: Arm,
    blocks: Blocks,
    recipe: TuneRecipe,
    *,
    on_step: Callable[[], None],
) -> tuple[Run, ...]:
    """Train an arm once at each learning rate; the base model is left as it was."""
    return tuple(_run(base, arm, blocks, recipe, rate, on_step=on_step) for rate in recipe.rates)


def adapt(base: PreTrainedModel, arm: Arm, *, seed: int = 0, run: Run | None = None) -> PeftModel:
    """Adapt a base model for an arm, with the tensors of a run if there is one."""
    set_seed(seed)
    model = get_peft_model(base, copy.deepcopy(arm.config))
    assert isinstance(model, PeftModel)
    if run is not None:
        set_peft_model_state_dict(model, run.state)
    return model


def held_out_loss(
    base: PreTrainedModel, arm: Arm, run: Run, blocks: Blocks, *, batch: int
) -> float:
    """Return the loss of a trained arm on the text that chose nothing."""
    model = adapt(base, arm, run=run)
    loss = mean_loss(model, blocks.held_out, batch=batch)
    model.unload()
    return loss


def best_run(runs: Iterable[Run]) -> Run:
    """Return the run with the least validation loss."""
    return min(runs, key=lambda run: run.validation)


def _run(
    base: PreTrainedModel,
    arm: Arm,
    blocks: Blocks,
    recipe: TuneRecipe,
    rate: float,
    *,
    on_step: Callable[[], None],
) -> Run:
    model = adapt(base, arm, seed=recipe.seed)
    every = max(1, recipe.steps // recipe.checks)
    losses: list[float] = []
    curve = [(0, mean_loss(model, blocks.validation, batch=recipe.batch))]
    checking = 0.0

    def after_step(step: int, loss: float) -> None:
        nonlocal checking
        losses.append(loss)
        if step % every == 0 or step == recipe.steps:
            start = time.perf_counter()
            curve.append((step, mean_loss(model, blocks.validation, batch=recipe.batch)))
            checking += time.perf_counter() - start
        on_step()

    start = time.perf_counter()
    schedule = Schedule(recipe.steps, recipe.batch, rate, recipe.seed)
    train(model, blocks.train, schedule, on_step=after_step)
    seconds = time.perf_counter() - start - checking
    state = get_peft_model_state_dict(model, save_embedding_layers=False)
    state = {name: tensor.detach().cpu().clone() for name, tensor in state.items()}
    model.unload()
    return Run(rate, tuple(losses), tuple(curve), seconds, state)
