"""Source: the folder of an adapter of another method, read without running anything in it."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peft.utils import CONFIG_NAME, SAFETENSORS_WEIGHTS_NAME
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from qcircuit_adapt.errors import FileError
from qcircuit_adapt.hf.config import matches

Tensors = Mapping[str, Tensor]

_PREFIX = "base_model.model."
_OFF: tuple[object, ...] = (None, False, 0, "none")
# Options that say where an adapter belongs or how it was trained, not what it computes.
_HARMLESS = (
    "auto_mapping",
    "base_model_name_or_path",
    "exclude_modules",
    "fan_in_fan_out",
    "inference_mode",
    "layers_pattern",
    "layers_to_transform",
    "modules_to_save",
    "peft_type",
    "peft_version",
    "revision",
    "target_modules",
    "task_type",
)


@dataclass(frozen=True)
class Source:
    """An adapter of another method.

    Attributes:
        folder: Where it was read from.
        options: What its configuration says.
        tensors: Its tensors, by their whole names.
    """

    folder: Path
    options: Mapping[str, Any]
    tensors: Tensors

    def modules(self, names: Collection[str]) -> dict[str, dict[str, Tensor]]:
        """Sort the tensors of the method by module.

        Args:
            names: What the method calls its tensors.

        Returns:
            For each adapted module its tensors, by those names.

        Raises:
            FileError: There are none, or a tensor belongs neither to the method nor to a module
                that is saved whole.
        """
        found: dict[str, dict[str, Tensor]] = {}
        key = re.compile(rf"{re.escape(_PREFIX)}(.+)\.({'|'.join(map(re.escape, names))})")
        for name, tensor in self.tensors.items():
            if match := key.fullmatch(name):
                found.setdefault(match[1], {})[match[2]] = tensor
            elif not self.is_whole(name):
                raise FileError(
                    f"{str(self.folder)!r} holds the tensor {name!r}, which is no part of a linear "
                    "layer's update.",
                    cause="Left out, it would make the adapter another one.",
                )
        if not found:
            raise FileError(f"{str(self.folder)!r} holds no tensors of its method.")
        return found

    def is_whole(self, name: str) -> bool:
        """Say whether a tensor is of a module that is saved whole."""
        parts = name.removeprefix(_PREFIX).split(".")
        return any(module in parts for module in self.options.get("modules_to_save") or ())

    def number(self, option: str, module: str, *, pattern: str) -> float:
        """Return an option's number for a module, which a pattern may change."""
        for key, value in (self.options.get(pattern) or {}).items():
            if matches(key, module):
                return float(value)
        return float(self.options[option])

    def require(self, *options: str) -> None:
        """Refuse a configuration that lacks an option.

        Raises:
            FileError: It does.
        """
        for option in options:
            if option not in self.options:
                raise FileError(f"{self._config} lacks {option!r}.")

    def check_options(self, *, known: Iterable[str], refused: Mapping[str, str]) -> None:
        """Refuse an adapter that does what is not known here.

        Args:
            known: The options that are understood, besides those of every method.
            refused: Why some others are not.

        Raises:
            FileError: An option is set that is neither known nor harmless.
        """
        for option, value in self.options.items():
            if option in known or option in _HARMLESS or value in _OFF or value in ({}, []):
                continue
            raise FileError(
                f"{self._config} says {option}={value!r}, which cannot be imported.",
                cause=refused.get(option, "What it does to the weights is not known here."),
                cure="Merge the adapter with peft instead: merge_and_unload().",
            )

    @property
    def _config(self) -> str:
        return repr(str(self.folder / CONFIG_NAME))


def read_source(folder: Path) -> Source:
    """Read the folder of an adapter of another method.

    Raises:
        FileError: Something is missing from it, is cut off, or is pickled.
    """
    path = folder / CONFIG_NAME
    if not path.is_file():
        raise FileError(f"{str(folder)!r} holds no adapter: {CONFIG_NAME} is missing.")
    try:
        options = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise FileError(f"{str(path)!r} is cut off or not JSON: {error}.") from None
    if not isinstance(options, dict) or not isinstance(options.get("peft_type"), str):
        raise FileError(f"{str(path)!r} does not say of which method the adapter is (peft_type).")
    weights = folder / SAFETENSORS_WEIGHTS_NAME
    if not weights.is_file():
        raise FileError(
            f"{str(folder)!r} has no {SAFETENSORS_WEIGHTS_NAME}.",
            cause="Only safetensors files are read: a pickled file can run any code.",
            cure="Where you trust it, load it with torch and save it with "
            "safetensors.torch.save_file.",
        )
    try:
        return Source(folder, options, load_file(weights))
    except SafetensorError as error:
        raise FileError(
            f"{str(weights)!r} is cut off or not a safetensors file: {error}.",
            cure="Copy it again from where it was saved.",
        ) from None


def expect_shapes(module: str, tensors: Tensors, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse a module's tensors unless they have these names and shapes.

    Raises:
        FileError: One is missing, is left over, or has another shape.
    """
    for name, shape in shapes.items():
        if name not in tensors:
            raise FileError(f"module {module!r} lacks the tensor {name!r}.")
        if tuple(tensors[name].shape) != shape:
            raise FileError(
                f"{name!r} of module {module!r} has shape {tuple(tensors[name].shape)}; expected "
                f"{shape}."
            )
    for name in tensors:
        if name not in shapes:
            raise FileError(f"module {module!r} has a tensor {name!r} that does not belong there.")


def take_matrix(module: str, tensors: Tensors, name: str) -> Tensor:
    """Return a tensor with two axes.

    Raises:
        FileError: It is missing, or has another order.
    """
    if name not in tensors:
        raise FileError(f"module {module!r} lacks the tensor {name!r}.")
    if tensors[name].dim() != 2:
        raise FileError(
            f"{name!r} of module {module!r} has {tensors[name].dim()} axes; a linear layer's has 2."
        )
    return tensors[name]
