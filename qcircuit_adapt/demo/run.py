"""The demonstration from start to end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from qcircuit_adapt.adapter import Form
from qcircuit_adapt.demo.arms import Arm, make_arms
from qcircuit_adapt.demo.finetune import Blocks, TuneRecipe, best_run, finetune, held_out_loss
from qcircuit_adapt.demo.merging import MergeCheck, save_and_merge
from qcircuit_adapt.demo.model import load_model
from qcircuit_adapt.demo.output import Output
from qcircuit_adapt.demo.pretrain import BaseRecipe, cached_base, untrained
from qcircuit_adapt.demo.report import ArmResult, draw_losses, make_table
from qcircuit_adapt.demo.text import Text, documentation, library_source, read_file
from qcircuit_adapt.demo.training import mean_loss, quiet_transformers

CHECKED_BLOCKS = 4

Plan = Callable[[PreTrainedModel], tuple[Arm, ...]]
Planned = tuple[PreTrainedModel, PreTrainedTokenizerBase, tuple[Arm, ...]]


@dataclass(frozen=True)
class DemoResult:
    """What the demonstration found, and where its files are.

    Attributes:
        arms: The circuit, LoRA at an equal number of parameters, LoRA at a larger one.
        merge: How the reloaded and the merged adapter compare with the trained one.
        folder: The folder with ``adapter/``, ``circuits/``, ``losses.png`` and ``results.json``.
    """

    arms: tuple[ArmResult, ...]
    merge: MergeCheck
    folder: Path

    @property
    def passed(self) -> bool:
        """Whether the reloaded and the merged adapter compute what the trained one did."""
        return self.merge.passed


def run_demo(
    *,
    output: Path,
    model: str | None = None,
    data: Path | None = None,
    circuit: str = "quanta(axes=4)",
    form: Form = "difference",
    targets: tuple[str, ...] | str | None = None,
    larger_rank: int = 16,
    recipe: TuneRecipe | None = None,
    base: BaseRecipe | None = None,
    console: Console | None = None,
) -> DemoResult:
    """Fine-tune a model with a circuit and, in the same way, with LoRA; compare, merge and report.

    Args:
        output: The folder for the results.
        model: A folder with a causal language model, or a name on the hub; by default a small LLaMA
            that is pretrained on Python's documentation the first time.
        data: A text file, or a ``.jsonl`` file with a ``text`` field in each line; by default the
            source of Python's standard library.
        circuit: A family, a shipped name, a file or a circuit's text.
        form: The form in which the circuit enters the weights.
        targets: The layers to adapt, as PEFT's ``target_modules``; by default those that PEFT
            adapts with LoRA in this architecture.
        larger_rank: The least rank of the larger LoRA.
        recipe: How each arm is trained.
        base: The small LLaMA and its pretraining.
        console: Where to report.

    Raises:
        CircuitError: The circuit, the model, the data or the folder cannot be used.
    """
    recipe, console, clock = recipe or TuneRecipe(), console or Console(), _Clock()
    text = read_file(data) if data else library_source()
    place = Output(output)
    plan = partial(make_arms, circuit=circuit, form=form, targets=targets, larger_rank=larger_rank)
    with quiet_transformers(), _progress(console) as progress:
        say = partial(console.print, soft_wrap=True, highlight=False, markup=False)
        if model is None:
            network, tokenizer, arms = _own_model(base or BaseRecipe(), plan, progress, say)
        else:
            network, tokenizer, arms = _given_model(model, plan)
        clock.lap("base model")
        say(_describe(text))
        blocks = Blocks.of(text, tokenizer, recipe)
        before = mean_loss(network, blocks.held_out, batch=recipe.batch)
        results = []
        for arm in arms:
            step = _bar(progress, arm.name, total=len(recipe.rates) * recipe.steps)
            runs = finetune(network, arm, blocks, recipe, on_step=step)
            after = held_out_loss(network, arm, best_run(runs), blocks, batch=recipe.batch)
            results.append(ArmResult(arm, arm.ranks(), before, after, runs))
            say(_sum_up(results[-1]))
            clock.lap(arm.name)
        checked = blocks.held_out[:CHECKED_BLOCKS]
        merge = save_and_merge(network, arms[0], results[0].best, checked, place)
        clock.lap("saving and merging")

    result = DemoResult(tuple(results), merge, place.path)
    for name, drawing in arms[0].drawings().items():
        place.put(f"circuits/{name}.svg", drawing.draw)
    place.put("losses.png", lambda path: draw_losses(results, path))
    settings = {"model": model or "small LLaMA", "text": text.name, "form": form, **asdict(recipe)}
    numbers = _numbers(result, settings=settings, laps=clock.laps)
    place.put("results.json", lambda path: path.write_text(numbers, encoding="utf-8"))

    console.print(make_table(results, title=f"Fine-tuning on: {text.name}"))
    say(_verdict(merge))
    say(f"Written to {place.path}: adapter/, circuits/, losses.png, results.json")
    return result


def _own_model(
    recipe: BaseRecipe, plan: Plan, progress: Progress, say: Callable[[str], None]
) -> Planned:
    # A circuit that does not fit is found here, before a minute of pretraining.
    arms = plan(untrained(recipe))
    text = documentation()
    say(_describe(text))
    folder = cached_base(
        text, recipe, say=say, on_step=_bar(progress, "pretraining", total=recipe.steps)
    )
    network, tokenizer = load_model(folder, dtype=torch.float32)
    return network, tokenizer, arms


def _given_model(model: str, plan: Plan) -> Planned:
    network, tokenizer = load_model(model)
    # The small model stays on the CPU, where equal seeds give equal tables.
    if torch.cuda.is_available():
        network.to("cuda")  # type: ignore[arg-type]
    return network, tokenizer, plan(network)


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TextColumn("steps, left:"), TimeRemainingColumn(), console=console)


def _bar(progress: Progress, label: str, *, total: int) -> Callable[..., None]:
    """Return a function that moves a bar by one step; the bar appears with the first."""
    tasks: list[Any] = []

    def step(*_: object) -> None:
        if not tasks:
            tasks.append(progress.add_task(label, total=total))
        progress.advance(tasks[0])

    return step


def _describe(text: Text) -> str:
    parts = [f"{sum(map(len, part)):,}" for part in (text.train, text.validation, text.held_out)]
    return (
        f"{text.name}: {len(text.documents)} documents; characters to train on {parts[0]}, "
        f"for validation {parts[1]}, held out {parts[2]}."
    )


def _sum_up(result: ArmResult) -> str:
    losses = ", ".join(f"{run.validation:.3f} at {run.rate:g}" for run in result.runs)
    return f"{result.arm.name}: validation loss by learning rate: {losses}."


def _verdict(merge: MergeCheck) -> str:
    loaded = "equal" if merge.reloaded else "NOT EQUAL"
    within = "within" if merge.difference <= merge.tolerance else "BEYOND"
    modules = "no module" if merge.clean else "MODULES"
    return (
        f"Saved and loaded again: logits {loaded} to the bit.\n"
        f"Merged: logits differ by {merge.difference:.1e} of their size, {within} rounding "
        f"({merge.tolerance:.1e}); the adapter itself changed them by {merge.change:.1e}.\n"
        f"The merged model has {modules} beyond the base model's."
    )


def _numbers(
    result: DemoResult, *, settings: dict[str, Any], laps: dict[str, dict[str, float]]
) -> str:
    packages = ("torch", "transformers", "peft")
    numbers = {
        "settings": settings,
        "arms": [arm.to_dict() for arm in result.arms],
        "merge": asdict(result.merge) | {"passed": result.passed},
        "time": laps,
        "versions": {name: version(name) for name in packages},
    }
    return json.dumps(numbers, indent=2)


class _Clock:
    """Wall and CPU seconds of each phase."""

    def __init__(self) -> None:
        self.laps: dict[str, dict[str, float]] = {}
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def lap(self, phase: str) -> None:
        """Note the time since the last lap under a name."""
        wall, cpu = time.perf_counter(), time.process_time()
        self.laps[phase] = {
            "seconds": round(wall - self.wall, 2),
            "cpu_seconds": round(cpu - self.cpu, 2),
        }
        self.wall, self.cpu = wall, cpu
