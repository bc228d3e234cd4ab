"""Encoding: items as tokens, and tokens as batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from qcircuit_adapt.demo.tokens import to_blocks
from qcircuit_adapt.experiments.item import Choice, Item, Pair, Passage, Question

Features = dict[str, Any]
IGNORED = -100
"""The label of tokens that are not learnt."""


def encode_items(
    items: Sequence[Item], tokenizer: PreTrainedTokenizerBase, *, max_length: int, most: int = 0
) -> list[Features]:
    """Encode items to train on, all of one kind.

    Args:
        items: The items; passages are joined and cut into blocks of ``max_length``.
        tokenizer: The model's tokenizer.
        max_length: The most tokens of each.
        most: The most of them, or of the blocks of passages; 0 for no limit.
    """
    if items and isinstance(items[0], Passage):
        texts = [item.text for item in items if isinstance(item, Passage)]
        blocks = to_blocks(texts, tokenizer, length=max_length, most=most or 10**9)
        return [{"input_ids": block.tolist(), "labels": block.tolist()} for block in blocks]
    return [_encode(item, tokenizer, max_length) for item in items[: most or None]]


def encode_answer(
    prompt: str, answer: str, tokenizer: PreTrainedTokenizerBase, *, max_length: int
) -> Features:
    """Encode a prompt and its answer; only the answer is learnt.

    What is too long loses the start of its prompt.
    """
    before = tokenizer(prompt, verbose=False).input_ids
    whole = tokenizer(f"{prompt} {answer}", verbose=False).input_ids
    # Tokenizers disagree on what a space belongs to; what both have in common is the prompt.
    shared = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(before, whole, strict=False))))
    shared = min(shared, len(whole) - 1)
    end = tokenizer.eos_token_id
    if end is not None and whole[-1] != end:
        whole = [*whole, end]
    labels = [IGNORED] * shared + whole[shared:]
    return {"input_ids": whole[-max_length:], "labels": labels[-max_length:]}


def _encode(item: Item, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Features:
    if isinstance(item, (Question, Choice)):
        return encode_answer(item.prompt, item.answer, tokenizer, max_length=max_length)
    assert isinstance(item, Pair)
    tokens = tokenizer(item.first, item.second, truncation=True, max_length=max_length)
    return {"input_ids": tokens.input_ids, "labels": item.label}


@dataclass(frozen=True)
class Collator:
    """Joins features to a batch, padded to the longest.

    Attributes:
        pad: The token to pad with.
        scores: Whether labels are scores, not classes.
        left: Whether to pad on the left, for generation.
    """

    pad: int
    scores: bool = False
    left: bool = False

    @classmethod
    def of(
        cls, tokenizer: PreTrainedTokenizerBase, *, scores: bool = False, left: bool = False
    ) -> Collator:
        """Return a collator that pads as a tokenizer does; without a padding token, by the end."""
        pad = tokenizer.pad_token_id
        return cls(int(tokenizer.eos_token_id or 0) if pad is None else int(pad), scores, left)

    def __call__(self, features: Sequence[Features]) -> dict[str, torch.Tensor]:
        """Return ``input_ids``, ``attention_mask``, and ``labels`` and ``teacher`` where given."""
        rows = [one["input_ids"] for one in features]
        batch = {
            "input_ids": self._stack(rows, self.pad),
            "attention_mask": self._stack([[1] * len(row) for row in rows], 0),
        }
        if "labels" in features[0]:
            labels = [one["labels"] for one in features]
            if isinstance(labels[0], list):
                batch["labels"] = self._stack(labels, IGNORED)
            else:
                batch["labels"] = torch.tensor(labels, dtype=None if self.scores else torch.long)
        if "teacher" in features[0]:
            batch["teacher"] = torch.stack([one["teacher"] for one in features])
        return batch

    def _stack(self, rows: Iterable[Sequence[int]], filling: int) -> torch.Tensor:
        rows = list(rows)
        length = max(map(len, rows))
        padded = []
        for row in rows:
            padding = [filling] * (length - len(row))
            padded.append([*padding, *row] if self.left else [*row, *padding])
        return torch.tensor(padded)


def by_length(lengths: Sequence[int], *, batch: int) -> list[list[int]]:
    """Group indices to batches of like lengths, the longest first, so that memory runs out early.

    Example:
        >>> by_length([3, 9, 4], batch=2)
        [[1, 2], [0]]
    """
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    cuts = [*range(0, len(order), batch), len(order)]
    return [order[start:stop] for start, stop in pairwise(cuts) if stop > start]
