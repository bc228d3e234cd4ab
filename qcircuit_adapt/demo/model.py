"""Loading a causal language model and its tokenizer, from a folder or by its name on the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from qcircuit_adapt.errors import ModelError, nearest


def load_model(
    source: str | Path, *, dtype: torch.dtype | None = None
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a model and its tokenizer; a folder is never looked up on the hub.

    Args:
        source: A folder that ``save_pretrained`` wrote, or a name on the hub.
        dtype: The weights' type; by default as they were saved.

    Raises:
        ModelError: There is no such model, it is not a causal language model, or a part of it is
            missing or damaged.
    """
    name = str(source)
    local = Path(name).expanduser().is_dir()
    name = str(Path(name).expanduser()) if local else name
    if not local and _looks_like_path(name):
        raise ModelError(f"there is no folder {name!r} with a model.", cure=_near_folder(name))
    if local and not (Path(name) / "config.json").is_file():
        what = "an adapter" if (Path(name) / "adapter_config.json").is_file() else "no model"
        raise ModelError(
            f"the folder {name!r} holds {what}: it has no config.json.",
            cure="Give the folder of a whole model, as save_pretrained writes it.",
        )
    config = _load("configuration", AutoConfig, name, local_files_only=local)
    _check_causal(name, config)
    tokenizer = _load("tokenizer", AutoTokenizer, name, local_files_only=local)
    model, report = _load(
        "weights",
        AutoModelForCausalLM,
        name,
        dtype=dtype or "auto",
        local_files_only=local,
        output_loading_info=True,
    )
    if missing := sorted(report["missing_keys"]):
        raise ModelError(
            f"the weights of {name!r} lack {len(missing)} tensors, the first {missing[0]!r}.",
            cause="They would be random numbers.",
            cure="Give a model whose files are all there.",
        )
    return model, tokenizer


def _load(part: str, loader: Any, name: str, **options: Any) -> Any:
    try:
        # Otherwise a model with code of its own would ask at the terminal whether to run it.
        return loader.from_pretrained(name, trust_remote_code=False, **options)
    # The libraries below raise whatever their files' formats raise.
    except Exception as error:
        lines = str(error).strip().splitlines() or [""]
        raise ModelError(
            f"cannot load the {part} of {name!r}.", cause=f"{type(error).__name__}: {lines[0]}"
        ) from error


def _check_causal(name: str, config: Any) -> None:
    causal = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get(config.model_type, ())
    classes = (causal,) if isinstance(causal, str) else tuple(causal)
    made_by = config.architectures or []
    if not classes or (made_by and not set(made_by) & set(classes)):
        is_a = made_by[0] if made_by else f"model of type {config.model_type!r}"
        raise ModelError(
            f"{name!r} is not a causal language model, but a {is_a}.",
            cure="Give a model that predicts the next token, such as a LLaMA, Qwen or GPT-2.",
        )


def _looks_like_path(name: str) -> bool:
    """Say whether a name cannot be one on the hub: ``owner/name`` or ``name``."""
    return name.startswith((".", "/", "~")) or "\\" in name or name.count("/") > 1


def _near_folder(name: str) -> str:
    path = Path(name).expanduser()
    folders = path.parent.iterdir() if path.parent.is_dir() else ()
    return nearest(path.name, sorted(one.name for one in folders if one.is_dir()), noun="folders")
