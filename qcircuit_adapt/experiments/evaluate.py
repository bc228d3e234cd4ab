"""Evaluation: a trained model's scores on a task, shared among the processes there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from accelerate.utils import gather_object
from torch import nn
from transformers import PreTrainedTokenizerBase

from qcircuit_adapt.experiments.encode import IGNORED, Collator, Features, by_length, encode_answer
from qcircuit_adapt.experiments.encode import encode_items as encode
from qcircuit_adapt.experiments.item import Choice, Item, Pair, Question
from qcircuit_adapt.experiments.processes import processes
from qcircuit_adapt.experiments.task import Scores, Task

T = TypeVar("T")


@torch.no_grad()
def evaluate(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    task: Task,
    items: Sequence[Item],
    *,
    batch: int,
    max_length: int,
) -> Scores:
    """Return the scores of a model on a task whose answers are written, chosen or classes.

    Args:
        model: The model, adapted and on its device; sharded or not.
        tokenizer: Its tokenizer.
        task: The task.
        items: Its items.
        batch: Items at once.
        max_length: The most tokens of a prompt.
    """
    model.eval()
    options: dict[str, Any] = {"batch": batch, "max_length": max_length}
    if task.kind == "generate":
        questions = [item for item in items if isinstance(item, Question)]
        answers = write_answers(model, tokenizer, questions, new_tokens=task.new_tokens, **options)
        assert task.score is not None
        return _mean([task.score(*pair) for pair in zip(answers, questions, strict=True)])
    if task.kind == "choose":
        choices = [item for item in items if isinstance(item, Choice)]
        chosen = choose_options(model, tokenizer, choices, **options)
        return {"accuracy": _share([c.right == i for c, i in zip(choices, chosen, strict=True)])}
    pairs = [item for item in items if isinstance(item, Pair)]
    predicted = classify(model, tokenizer, pairs, scores=task.labels == 1, **options)
    assert task.measure is not None
    return task.measure(predicted, [pair.label for pair in pairs])


def write_answers(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    questions: Sequence[Question],
    *,
    new_tokens: int,
    batch: int,
    max_length: int,
) -> list[str]:
    """Return the most likely continuations of prompts, token after token."""
    rows = [
        {"input_ids": tokenizer(one.prompt, verbose=False).input_ids[-max_length:]}
        for one in questions
    ]
    collate = Collator.of(tokenizer, left=True)

    def write(features: list[Features]) -> list[str]:
        tokens = _move(collate(features), model)
        generate: Any = model.generate
        written = generate(
            **tokens,
            max_new_tokens=new_tokens,
            do_sample=False,
            num_beams=1,
            temperature=None,
            top_p=None,
            top_k=None,
            pad_token_id=collate.pad,
            # A shard's weights are gathered by all processes together.
            synced_gpus=processes().num_processes > 1,
        )
        new = written[:, tokens["input_ids"].shape[1] :]
        return [str(text) for text in tokenizer.batch_decode(new, skip_special_tokens=True)]

    return _share_out(rows, write, batch=batch)


def choose_options(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    choices: Sequence[Choice],
    *,
    batch: int,
    max_length: int,
) -> list[int]:
    """Return the index of the most likely option after each prompt."""
    rows = [
        encode_answer(choice.prompt, option, tokenizer, max_length=max_length)
        for choice in choices
        for option in choice.options
    ]
    collate = Collator.of(tokenizer)

    def weigh(features: list[Features]) -> list[float]:
        tokens = _move(collate(features), model)
        labels = tokens.pop("labels")[:, 1:]
        logits = model(**tokens).logits[:, :-1].float()
        picked = logits.log_softmax(-1).gather(-1, labels.clamp(min=0).unsqueeze(-1)).squeeze(-1)
        found: list[float] = (picked * (labels != IGNORED)).sum(-1).tolist()
        return found

    weights = iter(_share_out(rows, weigh, batch=batch))
    chosen = []
    for choice in choices:
        likely = [next(weights) for _ in choice.options]
        chosen.append(likely.index(max(likely)))
    return chosen


def classify(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    pairs: Sequence[Pair],
    *,
    scores: bool,
    batch: int,
    max_length: int,
) -> list[float]:
    """Return the class of each pair of sentences, or its score."""
    rows = encode(pairs, tokenizer, max_length=max_length)
    collate = Collator.of(tokenizer, scores=scores)

    def decide(features: list[Features]) -> list[float]:
        tokens = _move(collate(features), model)
        del tokens["labels"]
        logits = model(**tokens).logits.float()
        found: list[float] = (logits.squeeze(-1) if scores else logits.argmax(-1)).tolist()
        return [float(one) for one in found]

    return _share_out(rows, decide, batch=batch)


def _share_out(
    rows: Sequence[Features], work: Callable[[list[Features]], list[T]], *, batch: int
) -> list[T]:
    """Do all rows, each process its share of the batches; each gets all results, in order."""
    state = processes()
    batches = by_length([len(row["input_ids"]) for row in rows], batch=batch)
    found: dict[int, T] = {}
    # Every process makes as many calls, since the weights of a shard need all of them.
    for start in range(0, len(batches), state.num_processes):
        mine = batches[min(start + state.process_index, len(batches) - 1)]
        found.update(zip(mine, work([rows[index] for index in mine]), strict=True))
    if state.num_processes > 1:
        found = {index: one for part in gather_object([found]) for index, one in part.items()}
    return [found[index] for index in range(len(rows))]


def _move(batch: dict[str, torch.Tensor], model: nn.Module) -> dict[str, torch.Tensor]:
    device = next(model.parameters()).device
    return {name: tensor.to(device) for name, tensor in batch.items()}


def _mean(scores: Sequence[Scores]) -> Scores:
    sums: defaultdict[str, float] = defaultdict(float)
    for one in scores:
        for name, value in one.items():
            sums[name] += value / len(scores)
    return dict(sums)


def _share(hits: Sequence[bool]) -> float:
    return sum(hits) / len(hits)
