"""Saved adapters of ours without their model: the update of each layer."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import PeftModel, get_peft_model_state_dict
from peft.utils import SAFETENSORS_WEIGHTS_NAME
from safetensors.torch import load_file
from torch import Tensor

from qcircuit_adapt.adapter import FORMS_ON_WEIGHT, Adapter
from qcircuit_adapt.errors import AdaptError, FileError, nearest
from qcircuit_adapt.hf.config import CircuitConfig
from qcircuit_adapt.hf.folder import check_folder
from qcircuit_adapt.nn.update import Update

_KEY = re.compile(r"base_model\.model\.(.+)\.qcircuit_delta\.(\w+)")


@dataclass(frozen=True)
class SavedAdapter:
    """What ``save_pretrained`` writes.

    Attributes:
        config: The configuration.
        layers: The tensors of each adapted module, by the names that `Update` gives them.
        rest: Every other tensor, by its whole name: those of modules that are saved whole.
    """

    config: CircuitConfig
    layers: Mapping[str, Mapping[str, Tensor]]
    rest: Mapping[str, Tensor]

    def updates(
        self, *, dtype: torch.dtype = torch.float32, on_weight: bool = False
    ) -> Iterator[tuple[str, Update]]:
        """Yield each adapted module's name and its update.

        Args:
            dtype: The type to compute in.
            on_weight: Whether updates may multiply the base weight, which is not here.

        Raises:
            FileError: A module's tensors are not those of its circuit, or do not tell its update.
        """
        for module, tensors in self.layers.items():
            update = self._build(module, tensors, dtype)
            if not on_weight and any(t.form in FORMS_ON_WEIGHT for t in update.adapter.terms):
                raise FileError(
                    f"the update of {module!r} is a product with the base weight, which is not in "
                    "the adapter.",
                    cure="Merge it into the model instead: merge_and_unload().",
                )
            yield module, update

    def _build(self, module: str, tensors: Mapping[str, Tensor], dtype: torch.dtype) -> Update:
        """Find the layer's shape, which no file states, among those that its circuit was for."""
        for option, alone in (
            ("use_dora", self.config.use_dora),
            ("save_reference", not self.config.save_reference),
        ):
            if alone:
                raise FileError(
                    f"the update of {module!r} cannot be told from the adapter alone, as {option}="
                    f"{getattr(self.config, option)}.",
                    cure="Merge it into the model instead: merge_and_unload().",
                )
        wanted = {name: tensor.shape for name, tensor in tensors.items()}
        fitting: list[Adapter] = []
        for shape in list(self.config.resolved.get(self.config.spec_for(module), {})):
            d_in, d_out = map(int, shape.split("->"))
            adapter = self.config.adapter_for(module, d_in, d_out)
            empty = Update(adapter, device="meta", orthogonal=self.config.orthogonal)
            state = empty.state_dict()
            fits = {name: tensor.shape for name, tensor in state.items()} == wanted
            # In form 'input' layers that differ in what they give have one circuit.
            if fits and adapter not in fitting:
                fitting.append(adapter)
        if len(fitting) != 1:
            raise FileError(
                f"the tensors of {module!r} fit {len(fitting) or 'none'} of the circuits that "
                "adapter_config.json has for it.",
                cure="Copy the folder again; its two files belong together.",
            )
        update = Update(fitting[0], dtype=dtype, orthogonal=self.config.orthogonal)
        update.load_state_dict(dict(tensors))
        return update


def read_adapter(folder: str | os.PathLike[str]) -> SavedAdapter:
    """Read an adapter's folder.

    Raises:
        FileError: Something is missing from the folder, is cut off, or is not ours.
    """
    path = Path(folder)
    check_folder(path)
    config = CircuitConfig.from_pretrained(str(path))
    return _sort(config, load_file(path / SAFETENSORS_WEIGHTS_NAME))


def open_adapter(
    adapter: str | os.PathLike[str] | PeftModel, adapter_name: str | None = None
) -> SavedAdapter:
    """Return an adapter for another method, from its folder or a model that has it.

    Raises:
        FileError: The folder cannot be read, or the adapter trains biases.
        AdaptError: The model has no such adapter.
    """
    if isinstance(adapter, PeftModel):
        saved = take_adapter(adapter, adapter_name)
    else:
        saved = read_adapter(adapter)
    if saved.config.bias != "none":
        raise FileError(
            f"the adapter trains biases too (bias={saved.config.bias!r}).",
            cause="They are no part of a weight's update.",
            cure="Merge it into the model instead: merge_and_unload().",
        )
    if not saved.layers:
        raise FileError("the adapter holds no circuits.")
    return saved


def take_adapter(model: PeftModel, adapter_name: str | None = None) -> SavedAdapter:
    """Take an adapter out of a model, which is left as it is.

    Args:
        model: The adapted model.
        adapter_name: Which of its adapters; by default the active one.

    Raises:
        AdaptError: The model has no such adapter of ours.
    """
    name = adapter_name or model.active_adapter
    config = model.peft_config.get(name)
    if not isinstance(config, CircuitConfig):
        ours = [key for key, one in model.peft_config.items() if isinstance(one, CircuitConfig)]
        raise AdaptError(
            f"the model has no adapter {name!r} of circuits.",
            cure=nearest(str(name), ours, noun="adapters"),
        )
    return _sort(config, get_peft_model_state_dict(model, adapter_name=name))


def _sort(config: CircuitConfig, tensors: Mapping[str, Tensor]) -> SavedAdapter:
    layers: dict[str, dict[str, Tensor]] = {}
    rest: dict[str, Tensor] = {}
    for key in sorted(tensors):
        if match := _KEY.fullmatch(key):
            layers.setdefault(match[1], {})[match[2]] = tensors[key]
        else:
            rest[key] = tensors[key]
    return SavedAdapter(config, layers, rest)
