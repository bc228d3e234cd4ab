"""Learning: one run by transformers' Trainer, from loading the model to its scores."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import kl_div, linear
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PrinterCallback,
    Trainer,
    TrainingArguments,
    set_seed,
)
from transformers.trainer_utils import get_last_checkpoint

from qcircuit_adapt.errors import ExperimentError
from qcircuit_adapt.experiments.adapt import adapt, count_trained
from qcircuit_adapt.experiments.cell import Cell
from qcircuit_adapt.experiments.encode import Collator, Features, encode_items
from qcircuit_adapt.experiments.evaluate import evaluate
from qcircuit_adapt.experiments.experiment import Training
from qcircuit_adapt.experiments.item import Item
from qcircuit_adapt.experiments.load import find_model, load_base
from qcircuit_adapt.experiments.method import Full, Prefix
from qcircuit_adapt.experiments.parts import load_parts
from qcircuit_adapt.experiments.processes import processes
from qcircuit_adapt.experiments.result import Result
from qcircuit_adapt.experiments.task import Scores, Task
from qcircuit_adapt.experiments.tasks import find_task
from qcircuit_adapt.experiments.teacher import teach


@dataclass(frozen=True)
class Place:
    """Where a run finds what it needs, and leaves what it makes.

    Attributes:
        output: The folder of results and checkpoints.
        data: The folder with the rows, where they are not loaded from the hub.
        model: A folder or name of the hub, in the place of the experiment's model.
        tiny: Whether the small models are to be those for tests.
        keep: Whether to keep the trained weights, as ``trained/LABEL``.
        quiet: Whether to show nothing.
        report_to: What Trainer reports to, such as ``("tensorboard",)``.
    """

    output: Path
    data: Path | None = None
    model: str | None = None
    tiny: bool = False
    keep: bool = False
    quiet: bool = False
    report_to: tuple[str, ...] = ()


def learn(cell: Cell, place: Place) -> Result:
    """Train a cell and score it; one that was interrupted goes on from its last checkpoint.

    Raises:
        CircuitError: The model, the rows or the method cannot be had.
    """
    experiment, training = cell.experiment, cell.training
    tasks = [find_task(name) for name in experiment.data.tests]
    parts = load_parts(experiment.data, folder=place.data)
    model, tokenizer = _load(cell, place, tasks[0])
    limit = training.steps * training.batch
    rows = encode_items(parts.train, tokenizer, max_length=training.max_length, most=limit)
    # Of passages, the number of rows says how many blocks there are.
    tests = {
        name: _encode(items, tokenizer, training, most=experiment.data.test_rows)
        for name, items in parts.tests.items()
        if find_task(name).kind in ("predict", "imitate")
    }
    most = experiment.data.validation_rows
    validation = _encode(parts.validation, tokenizer, training, most=most)
    head = None
    if experiment.teacher is not None:
        head = _teach(cell, place, [rows, validation, *tests.values()])
    adapted = adapt(model, cell.method.kind, classify=bool(tasks[0].labels), seed=cell.seed)
    trained = count_trained(adapted)
    collate = Collator.of(tokenizer, scores=tasks[0].labels == 1)
    arguments = _arguments(cell, place, rows=len(rows), validate=bool(validation), task=tasks[0])
    trainer = Learner(
        model=adapted,
        args=arguments,
        train_dataset=rows,
        eval_dataset=validation or None,
        data_collator=collate,
        teacher_head=head,
        mean_of_rows=tasks[0].kind in ("classify", "imitate"),
    )
    if place.quiet:
        trainer.remove_callback(PrinterCallback)
    before = (
        {name: _loss(trainer, test) for name, test in tests.items()} if head is not None else {}
    )
    folder = Path(str(arguments.output_dir))
    start = time.perf_counter()
    trainer.train(resume_from_checkpoint=_last_checkpoint(folder))
    seconds = time.perf_counter() - start

    scores = {}
    for task in tasks:
        if task.name in tests:
            scores[task.name] = _loss_scores(task, _loss(trainer, tests[task.name]), before)
        else:
            scores[task.name] = evaluate(
                trainer.model,  # type: ignore[arg-type]
                tokenizer,
                task,
                parts.tests[task.name],
                batch=8 * training.micro_batch,
                max_length=training.max_length,
            )
    chooses = validation and len(training.rates) > 1
    loss = _loss(trainer, validation) if chooses else None
    if place.keep:
        trainer.save_model(str(place.output / "trained" / cell.label))
    if processes().is_main_process:
        shutil.rmtree(folder, ignore_errors=True)
    return Result(
        experiment=experiment.name,
        method=cell.method.name,
        seed=cell.seed,
        rate=cell.rate,
        digest=cell.digest,
        curve=cell.method.curve,
        parameters=trained.parameters,
        share=trained.share,
        validation=loss,
        scores={name: {k: _finite(v) for k, v in one.items()} for name, one in scores.items()},
        seconds=round(seconds, 2),
        more={
            "steps": arguments.max_steps,
            "head": trained.head,
            "processes": processes().num_processes,
            "model": place.model or experiment.model,
            "versions": {name: version(name) for name in ("torch", "transformers", "peft")},
        },
    )


def _last_checkpoint(folder: Path) -> str | None:
    if not folder.is_dir():
        return None
    found: str | None = get_last_checkpoint(str(folder))  # type: ignore[no-untyped-call]
    return found


class Learner(Trainer):
    """Trainer, with two losses that it does not have.

    Args:
        teacher_head: The teacher's last layer, for rows with what it is given: the loss is then the
            Kullback-Leibler divergence of the student's predictions from the teacher's.
        mean_of_rows: Whether the loss is a mean over rows; otherwise it is one over tokens, which
            Trainer adds up over the batches of a step.
    """

    def __init__(self, *, teacher_head: Tensor | None, mean_of_rows: bool, **options: Any) -> None:
        super().__init__(**options)
        self.teacher_head = teacher_head
        if mean_of_rows:
            self.model_accepts_loss_kwargs = False

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """Return the loss of a batch, and the model's outputs if asked for."""
        if self.teacher_head is None:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        outputs = model(input_ids=inputs["input_ids"])
        head = self.teacher_head.to(outputs.logits.device)
        target = linear(inputs["teacher"], head).float().log_softmax(-1).flatten(0, 1)
        predicted = outputs.logits.float().log_softmax(-1).flatten(0, 1)
        loss = kl_div(predicted, target, log_target=True, reduction="batchmean")
        return (loss, outputs) if return_outputs else loss


def _load(cell: Cell, place: Place, task: Task) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load the model; what all methods train whole is kept in float32, as are all adapters."""
    half = cell.training.precision == "bf16" and not isinstance(cell.method.kind, Full)
    source = place.model or find_model(cell.experiment.model, tiny=place.tiny)
    set_seed(cell.seed)  # A classifier's head is new.
    return load_base(source, dtype=torch.bfloat16 if half else torch.float32, labels=task.labels)


def _teach(cell: Cell, place: Place, parts: Sequence[list[Features]]) -> Tensor:
    """Note in each row what the teacher's head is given; return that head."""
    experiment = cell.experiment
    assert experiment.teacher is not None
    source = place.model or find_model(experiment.model, tiny=place.tiny)
    together = [row for rows in parts for row in rows]
    blocks = tuple(tuple(row["input_ids"]) for row in together)
    lesson = teach(source, experiment.teacher, seed=cell.seed, blocks=blocks)
    for row, states in zip(together, lesson.states, strict=True):
        row["teacher"] = states
        del row["labels"]
    return lesson.head


def _encode(
    items: Sequence[Item], tokenizer: PreTrainedTokenizerBase, training: Training, *, most: int
) -> list[Features]:
    if not items:
        return []
    return encode_items(items, tokenizer, max_length=training.max_length, most=most)


def _arguments(
    cell: Cell, place: Place, *, rows: int, validate: bool, task: Task
) -> TrainingArguments:
    training = cell.training
    count = processes().num_processes
    accumulation, rest = divmod(training.batch, training.micro_batch * count)
    if rest or not accumulation:
        raise ExperimentError(
            f"a batch of {training.batch} cannot be made of {count} processes with "
            f"{training.micro_batch} rows each.",
            cause=f"in {cell.experiment.name}",
            cure="Choose batch as a multiple of micro_batch times the number of processes.",
        )
    steps = training.steps or math.ceil(rows / training.batch * training.epochs)
    cuda = torch.cuda.is_available()
    saves = training.save_every > 0
    best = training.keep_best and validate and saves
    checkpointing = training.checkpointing and not isinstance(cell.method.kind, Prefix)
    arguments = TrainingArguments(
        output_dir=str(place.output / "checkpoints" / f"{cell.label}-{cell.digest}"),
        max_steps=steps,
        per_device_train_batch_size=training.micro_batch,
        per_device_eval_batch_size=4 * training.micro_batch,
        gradient_accumulation_steps=accumulation,
        gradient_checkpointing=checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False} if checkpointing else None,
        learning_rate=cell.rate,
        lr_scheduler_type=training.schedule,
        warmup_steps=math.ceil(training.warmup * steps),
        weight_decay=training.weight_decay,
        bf16=training.precision == "bf16",
        seed=cell.seed,
        use_cpu=not cuda,
        eval_strategy="steps" if best else "no",
        eval_steps=training.save_every if best else None,
        save_strategy="steps" if saves else "no",
        save_steps=training.save_every or 500,
        save_total_limit=1,
        load_best_model_at_end=best,
        metric_for_best_model="eval_loss" if best else None,
        logging_steps=10,
        report_to=list(place.report_to),
        run_name=cell.label,
        disable_tqdm=place.quiet,
        prediction_loss_only=True,
        remove_unused_columns=False,
        dataloader_pin_memory=cuda,
        label_names=["teacher" if task.kind == "imitate" else "labels"],
    )
    if count == 1:
        # On several devices without a launcher, one step would take several batches.
        arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


def _loss(trainer: Trainer, rows: list[Features]) -> float | None:
    return _finite(trainer.evaluate(rows)["eval_loss"])  # type: ignore[arg-type]


def _loss_scores(task: Task, loss: float | None, before: dict[str, float | None]) -> Scores:
    value = math.nan if loss is None else loss
    if task.kind == "predict":
        return {"loss": value}
    # What is left of the distance there was before training.
    return {"kl": value, "left": value / (before[task.name] or math.nan)}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
