"""Export to the method that an adapter's circuits are of: LoKr, LoHa or OFT, without loss."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from peft import LoHaConfig, LoKrConfig, OFTConfig, PeftConfig, PeftModel
from peft.utils import SAFETENSORS_WEIGHTS_NAME
from safetensors.torch import save_file

from qcircuit_adapt.errors import FileError, OptionError, nearest
from qcircuit_adapt.hf.interchange.loha import write_loha
from qcircuit_adapt.hf.interchange.lokr import write_lokr
from qcircuit_adapt.hf.interchange.oft import write_oft
from qcircuit_adapt.hf.interchange.written import Written
from qcircuit_adapt.hf.saved import SavedAdapter, open_adapter
from qcircuit_adapt.hf.whole import write_folder
from qcircuit_adapt.nn.update import Update

_METHODS: Mapping[str, tuple[Any, Callable[[Update], tuple[Written, ...]]]] = {
    "LOHA": (LoHaConfig, write_loha),
    "LOKR": (LoKrConfig, write_lokr),
    "OFT": (OFTConfig, write_oft),
}
NATIVE_METHODS = tuple(_METHODS)
"""The methods that adapters are exported to besides LoRA, as ``peft_type`` names them."""

# Of the options that a module may have, those that it may have alone.
_PATTERNS = {"r": "rank_pattern", "alpha": "alpha_pattern"}


@dataclass(frozen=True)
class NativeLayer:
    """A layer as another method has it.

    Attributes:
        module: The module's name in the model.
        parameters: How many numbers are stored.
    """

    module: str
    parameters: int


@dataclass(frozen=True)
class NativeExport:
    """What was exported.

    Attributes:
        method: The method, as ``peft_type`` names it.
        layers: The layers.
    """

    method: str
    layers: tuple[NativeLayer, ...]

    @property
    def parameters(self) -> int:
        """How many numbers are stored."""
        return sum(layer.parameters for layer in self.layers)


def export_native(
    adapter: str | os.PathLike[str] | PeftModel,
    output: str | os.PathLike[str],
    *,
    method: str,
    adapter_name: str | None = None,
) -> NativeExport:
    """Write an adapter whose circuits are those of a method of PEFT as that method's, without loss.

    These are circuits that `import_adapter` made of it, or the families ``loha`` and ``lokr`` in
    form ``zero`` and ``oft`` in form ``input``, held orthogonal.

    Args:
        adapter: The adapter's folder, or a model that has it.
        output: The folder to write, new or empty.
        method: One of `NATIVE_METHODS`, in any case.
        adapter_name: Which adapter of the model; by default the active one.

    Raises:
        OptionError: There is no such method.
        FileError: A circuit is not of the method, layers differ in what the method has one option
            for, the folder cannot be read or written, or the adapter trains biases.
        AdaptError: The model has no such adapter.
    """
    kind = method.upper()
    if kind not in _METHODS:
        raise OptionError(
            f"{method!r} is no method to export to.",
            cure=nearest(kind, (*_METHODS, "LORA"), noun="methods"),
        )
    config_class, write = _METHODS[kind]
    saved = open_adapter(adapter, adapter_name)
    choices: dict[str, tuple[Written, ...]] = {}
    for module, update in saved.updates(on_weight=True):
        found = write(update)
        if not found:
            forms = " + ".join(f"{one.form} {one.circuit.text}" for one in update.adapter.terms)
            held = ", held orthogonal" if update.orthogonal else ""
            raise FileError(
                f"the circuit of {module!r} is not one of {kind}: {forms}{held}.",
                cure="Export it as LoRA, which any circuit can be, in part or whole.",
            )
        choices[module] = found
    written = _agree(choices)
    tensors = dict(saved.rest)
    for module, one in written.items():
        tensors |= {f"base_model.model.{module}.{name}": t for name, t in one.tensors.items()}
    config = _build_config(saved, config_class, written)
    with write_folder(output) as draft:
        config.save_pretrained(str(draft))
        weights = {name: tensor.cpu().contiguous().clone() for name, tensor in tensors.items()}
        save_file(weights, draft / SAFETENSORS_WEIGHTS_NAME, metadata={"format": "pt"})
    layers = (
        NativeLayer(module, sum(tensor.numel() for tensor in one.tensors.values()))
        for module, one in written.items()
    )
    return NativeExport(kind, tuple(layers))


def _agree(choices: Mapping[str, tuple[Written, ...]]) -> dict[str, Written]:
    """Choose for each layer the options that most layers can have in common."""

    def fixed(one: Written) -> tuple[tuple[str, Any], ...]:
        return tuple((name, v) for name, v in one.options.items() if name not in _PATTERNS)

    counts = Counter(fixed(one) for found in choices.values() for one in found)
    return {
        module: max(found, key=lambda one: counts[fixed(one)]) for module, found in choices.items()
    }


def _build_config(
    saved: SavedAdapter, config_class: Any, written: Mapping[str, Written]
) -> PeftConfig:
    options: dict[str, Any] = {}
    for option in next(iter(written.values())).options:
        values = {module: one.options[option] for module, one in written.items()}
        ((options[option], _),) = Counter(values.values()).most_common(1)
        others = {module: v for module, v in values.items() if v != options[option]}
        pattern = _PATTERNS.get(option, "") if hasattr(config_class(), "rank_pattern") else ""
        if others and not pattern:
            module, value = next(iter(others.items()))
            raise FileError(
                f"layers differ in {option}, of which {config_class.__name__} has one: {module!r} "
                f"has {value!r}, others {options[option]!r}.",
                cure="Export it as LoRA, or adapt these layers by adapters of their own.",
            )
        if pattern:
            options[pattern] = others
    config: PeftConfig = config_class(
        **options,
        target_modules=sorted(written),
        modules_to_save=saved.config.modules_to_save,
        base_model_name_or_path=saved.config.base_model_name_or_path,
        revision=saved.config.revision,
        task_type=saved.config.task_type,
        inference_mode=True,
    )
    return config
