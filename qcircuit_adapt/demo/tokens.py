"""Tokens: a tokenizer trained on a text, and texts as blocks of tokens."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from qcircuit_adapt.errors import DataError

END = "<|endoftext|>"


def train_tokenizer(documents: Iterable[str], *, vocabulary: int) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE tokenizer with at most this many tokens.

    Source: byte-level BPE as in GPT-2, by the `tokenizers` library.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(documents, trainer)
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, bos_token=END, eos_token=END, pad_token=END
    )


def to_blocks(
    documents: Iterable[str], tokenizer: PreTrainedTokenizerBase, *, length: int, most: int
) -> torch.Tensor:
    """Join documents, each closed by the tokenizer's end token, and cut them into blocks.

    Args:
        documents: The documents, used in order.
        tokenizer: Any tokenizer; one without an end token joins the documents as they are.
        length: Tokens per block.
        most: The most blocks to make; later documents are not looked at.

    Returns:
        Token numbers of shape ``(blocks, length)``; the rest that fills no block is left out.

    Raises:
        DataError: The documents do not fill one block.
    """
    end = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
    tokens: list[int] = []
    for document in documents:
        tokens += tokenizer(document, add_special_tokens=False, verbose=False).input_ids + end
        if len(tokens) >= most * length:
            break
    blocks = min(len(tokens) // length, most)
    if not blocks:
        raise DataError(
            f"the text is too short: a part of it has {len(tokens)} tokens, but one block takes "
            f"{length}.",
            cause="A tenth of the text is held out, and a tenth chooses the learning rate.",
            cure=f"Give a text of more than {20 * length} tokens.",
        )
    return torch.tensor(tokens[: blocks * length]).reshape(blocks, length)
