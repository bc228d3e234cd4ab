"""Loading the model that an experiment adapts, and its tokenizer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from qcircuit_adapt.demo.model import load_model
from qcircuit_adapt.demo.training import OnStep
from qcircuit_adapt.errors import ModelError
from qcircuit_adapt.experiments.model_shape import SMALL, find_shape
from qcircuit_adapt.experiments.processes import processes
from qcircuit_adapt.experiments.small import small_base


def find_model(
    name: str,
    *,
    tiny: bool = False,
    say: Callable[[str], None] = lambda _: None,
    on_step: OnStep = lambda _, __: None,
) -> str:
    """Return where a model is: a folder of the cache, or its name on the hub.

    Args:
        name: Its name in experiment files.
        tiny: Of a small one, one that is only good for tests.
        say: Called with a sentence about what was found or done.
        on_step: Called after each step of pretraining.
    """
    if name not in SMALL:
        return find_shape(name).hub
    with processes().main_process_first():
        return str(small_base(name, tiny=tiny, say=say, on_step=on_step))


def load_base(
    source: str, *, dtype: torch.dtype, labels: int = 0
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a model and its tokenizer.

    Args:
        source: A folder, or a name on the hub.
        dtype: The type of its numbers.
        labels: 0 for a model that predicts tokens; else one that classifies, with a new head.

    Raises:
        ModelError: It cannot be loaded.
    """
    if not labels:
        return load_model(source, dtype=dtype)
    options: dict[str, Any] = {"trust_remote_code": False}
    options["local_files_only"] = Path(source).is_dir()
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, **options)
        model = AutoModelForSequenceClassification.from_pretrained(
            source, num_labels=labels, dtype=dtype, **options
        )
    # The libraries below raise whatever their files' formats raise.
    except Exception as error:
        lines = str(error).strip().splitlines() or [""]
        raise ModelError(
            f"cannot load {source!r} as a classifier.",
            cause=f"{type(error).__name__}: {lines[0]}",
        ) from error
    return model, tokenizer
