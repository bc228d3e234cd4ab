"""Loading an adapter's folder, checked before the model is touched."""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path
from typing import Any

from peft import PeftModel
from peft.utils import CONFIG_NAME, SAFETENSORS_WEIGHTS_NAME, WEIGHTS_NAME
from safetensors import SafetensorError, safe_open
from torch import nn

from qcircuit_adapt.errors import AdaptError, FileError
from qcircuit_adapt.hf.config import CircuitConfig, CircuitPeftType
from qcircuit_adapt.hf.model import unchanged_on_error
from qcircuit_adapt.hf.shapes import check_shapes

_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def load(
    model: nn.Module, folder: str | os.PathLike[str], adapter_name: str = "default", **options: Any
) -> PeftModel:
    """Put a saved adapter into a model, as `peft.PeftModel.from_pretrained` does.

    Args:
        model: The base model; left as it was if the folder is refused.
        folder: What ``save_pretrained`` wrote, or a name on the Hugging Face Hub.
        adapter_name: What to call the adapter in the model.
        **options: What else `peft.PeftModel.from_pretrained` takes, such as ``is_trainable``.

    Returns:
        The adapted model, in evaluation mode unless ``is_trainable``.

    Raises:
        FileError: Something is missing from the folder, is cut off, or is not ours.
        AdaptError: The model does not have the layers that the adapter is for.
    """
    if isinstance(model, PeftModel):
        raise AdaptError(
            "the model has an adapter already.",
            cure=f"Call model.load_adapter({os.fspath(folder)!r}, adapter_name=...) on it.",
        )
    path = Path(folder, options.get("subfolder") or "")
    # A name such as "someone/adapter" that is no folder here is looked up on the Hub by PEFT.
    if path.exists() or not (isinstance(folder, str) and _HUB_NAME.fullmatch(folder)):
        check_folder(path)
        file = path / SAFETENSORS_WEIGHTS_NAME
        check_shapes(model, file, CircuitConfig.from_pretrained(str(path)))
    with unchanged_on_error(model), warnings.catch_warnings():
        # Before 0.21, PEFT only warns of tensors that the file lacks.
        warnings.filterwarnings("error", "Found missing adapter keys", UserWarning)
        try:
            return PeftModel.from_pretrained(model, os.fspath(folder), adapter_name, **options)
        except (RuntimeError, UserWarning) as error:
            text = str(error)
            if "size mismatch" not in text and "missing adapter keys" not in text:
                raise
            raise FileError(
                f"the tensors in {str(path)!r} are not those of its circuits.",
                cause=text.splitlines()[-1].strip(),
                cure="Copy the folder again; its two files belong together.",
            ) from error


def check_folder(path: Path) -> None:
    """Check that a folder holds an adapter of ours, whole as far as can be told without a model.

    Raises:
        FileError: Something is missing from it, is cut off, or is not ours.
    """
    if not path.is_dir():
        raise FileError(f"there is no folder {str(path)!r}.")
    if not (path / CONFIG_NAME).is_file():
        inner = sorted(one.parent.name for one in path.glob(f"*/{CONFIG_NAME}"))
        raise FileError(
            f"{str(path)!r} holds no adapter: {CONFIG_NAME} is missing.",
            cure=f"Load one of the folders in it: {', '.join(map(repr, inner))}." if inner else "",
        )
    options = CircuitConfig.from_json_file(str(path / CONFIG_NAME))
    kind, ours = options.get("peft_type"), CircuitPeftType.QCIRCUIT.value
    if kind != ours:
        raise FileError(
            f"{str(path)!r} holds an adapter of type {kind!r}, not {ours!r}.",
            cure="Load it with peft.PeftModel.from_pretrained.",
        )
    CircuitConfig.check_kwargs(**options)
    weights = path / SAFETENSORS_WEIGHTS_NAME
    if weights.is_file():
        try:
            with safe_open(weights, framework="numpy"):
                return
        except SafetensorError as error:
            raise FileError(
                f"{str(weights)!r} is cut off or not a safetensors file: {error}.",
                cure="Copy it again from where it was saved.",
            ) from error
    pickled = (path / WEIGHTS_NAME).is_file()
    raise FileError(
        f"{str(path)!r} holds no weights: {SAFETENSORS_WEIGHTS_NAME} is missing.",
        cause="A pickled file can run any code, and is not opened." if pickled else "",
        cure="Save the adapter again with safe_serialization=True."
        if pickled
        else "Copy it from where the adapter was saved.",
    )
