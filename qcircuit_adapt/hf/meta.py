"""Models without memory: built on the meta device from a configuration alone."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn
from transformers import (
    CONFIG_MAPPING,
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForSeq2SeqLM,
    PretrainedConfig,
)

from qcircuit_adapt.errors import ModelError, nearest

_LARGEST_FILE = 2**22


def read_model_config(source: str | os.PathLike[str]) -> PretrainedConfig:
    """Read a model's configuration; nothing of the model itself is read.

    Args:
        source: A ``config.json``, a folder that has one, an architecture such as ``"llama"`` for
            its defaults, or a name on the Hugging Face Hub such as ``"gpt2/gpt2"``.

    Raises:
        ModelError: It is none of these, or of an architecture that transformers does not have.
    """
    path = Path(source)
    file = path / "config.json" if path.is_dir() else path
    if file.is_file():
        return _read_file(file)
    name = os.fspath(source)
    if name in CONFIG_MAPPING:
        defaults: PretrainedConfig = CONFIG_MAPPING[name]()
        return defaults
    if path.is_dir() or name.endswith(".json"):
        raise ModelError(f"there is no file {str(file)!r}.")
    if name.count("/") == 1:
        try:
            found: PretrainedConfig = AutoConfig.from_pretrained(name)
            return found
        except (OSError, ValueError) as error:
            raise ModelError(
                f"the configuration of {name!r} cannot be loaded: {_join(error)}.",
                cure="Give its config.json.",
            ) from error
    raise ModelError(
        f"{name!r} is no file, no folder, and no architecture of transformers.",
        cure=nearest(name, CONFIG_MAPPING, noun="architectures"),
    )


def build_on_meta(config: PretrainedConfig) -> nn.Module:
    """Build a model that has shapes but no numbers.

    Args:
        config: The configuration. If it names no class of model that there is, the model that
            predicts tokens is built, or the one without a head.

    Raises:
        ModelError: transformers cannot build it.
    """
    kind = next((getattr(transformers, n, None) for n in config.architectures or ()), None)
    try:
        with torch.device("meta"):
            model: Any = kind(config) if kind else _choose(config).from_config(config)
    except Exception as error:  # whatever hundreds of models say of sizes that cannot be
        raise ModelError(
            f"no model can be built of the configuration of {config.model_type!r}: {_join(error)}.",
            cure="Give the config.json of a published model.",
        ) from error
    if not isinstance(model, nn.Module):
        raise ModelError(f"{config.architectures} names no model.")
    return model


def _choose(config: PretrainedConfig) -> Any:
    kinds: list[Any] = [AutoModelForMaskedLM, AutoModelForCausalLM]
    if config.is_encoder_decoder:
        kinds = [AutoModelForSeq2SeqLM]
    return next((kind for kind in kinds if type(config) in kind._model_mapping), AutoModel)


def _read_file(file: Path) -> PretrainedConfig:
    if file.stat().st_size > _LARGEST_FILE:
        raise ModelError(f"{str(file)!r} is too large for a configuration.")
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{str(file)!r} is not JSON: {error}.") from None
    kind = str(data.get("model_type")) if isinstance(data, dict) else ""
    if kind not in CONFIG_MAPPING:
        raise ModelError(
            f"{str(file)!r} is of model_type {kind!r}, which transformers "
            f"{transformers.__version__} does not have.",
            cure=nearest(kind, CONFIG_MAPPING, noun="architectures"),
        )
    try:
        config: PretrainedConfig = CONFIG_MAPPING[kind].from_dict(data)
    except Exception as error:  # as above
        raise ModelError(
            f"{str(file)!r} is no configuration of {kind!r}: {_join(error)}."
        ) from error
    return config


def _join(error: Exception) -> str:
    """Put the text of an error of others on one line."""
    return " ".join(str(error).split()).rstrip(".")
