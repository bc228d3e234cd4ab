"""Import: an adapter of another method, as an adapter of circuits that computes the same."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft.utils import SAFETENSORS_WEIGHTS_NAME
from safetensors.torch import save_file
from torch import Tensor, nn

from qcircuit_adapt.errors import AdaptError, FileError, nearest
from qcircuit_adapt.hf.config import CircuitConfig, CircuitPeftType, write_pattern
from qcircuit_adapt.hf.interchange.layer import Layer
from qcircuit_adapt.hf.interchange.loha import read_loha
from qcircuit_adapt.hf.interchange.lokr import read_lokr
from qcircuit_adapt.hf.interchange.lora import read_lora
from qcircuit_adapt.hf.interchange.oft import read_oft
from qcircuit_adapt.hf.interchange.quanta import read_quanta
from qcircuit_adapt.hf.interchange.source import Source, read_source
from qcircuit_adapt.hf.layer import dimensions
from qcircuit_adapt.hf.meta import build_on_meta, read_model_config
from qcircuit_adapt.hf.saved import read_adapter
from qcircuit_adapt.hf.whole import write_folder
from qcircuit_adapt.nn.update import Update
from qcircuit_adapt.nn.weight import Weight

Base = str | os.PathLike[str] | nn.Module | None

METHODS = ("LORA", "LOKR", "LOHA", "OFT", "QUANTA")
"""The methods whose adapters are imported, as ``peft_type`` names them."""

PROBES = 8
"""On how many random vectors each layer is compared with its source."""

_BASE_WEIGHT = "It multiplies the base weight, which the adapter's files do not hold."
_NONLINEAR = "Its update is not multilinear in what it trains, so that it is no circuit."
_PROMPT = "It does not change weights."
_REFUSED = {
    "BOFT": "It rotates what a layer takes and scales what it gives, around the base weight.",
    **dict.fromkeys(("HRA", "IA3", "ROAD", "PSOFT", "GLORA", "HIRA"), _BASE_WEIGHT),
    **dict.fromkeys(("DELORA", "VBLORA", "PEANUT"), _NONLINEAR),
    **dict.fromkeys(
        ("PROMPT_TUNING", "PREFIX_TUNING", "P_TUNING", "ADAPTION_PROMPT", "LN_TUNING"), _PROMPT
    ),
}


@dataclass(frozen=True)
class ImportedLayer:
    """A layer that was imported.

    Attributes:
        module: The module's name in the model.
        d_in: Its input dimension.
        d_out: Its output dimension.
        circuit: The circuit's text.
        parameters: How many numbers are trained.
        error: By how much the written update differs from its source on random vectors, relative
            to the size of what is added up.
    """

    module: str
    d_in: int
    d_out: int
    circuit: str
    parameters: int
    error: float


@dataclass(frozen=True)
class Imported:
    """What was imported.

    Attributes:
        method: The method, as ``peft_type`` names it.
        layers: The layers.
    """

    method: str
    layers: tuple[ImportedLayer, ...]

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def error(self) -> float:
        """The largest error of a layer."""
        return max(layer.error for layer in self.layers)


def import_adapter(
    folder: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    base: Base = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Imported:
    """Write an adapter of another method as one of circuits, without loss.

    LoRA, LoKr, LoHa and OFT adapters of PEFT and checkpoints of QuanTA's published code are
    circuits.
    What is written is read back, and each layer compared with its source.

    Args:
        folder: The adapter's folder: ``adapter_config.json`` and ``adapter_model.safetensors``.
        output: The folder to write, new or empty.
        base: The base model, or its configuration (see `meta.read_model_config`): QuanTA's
            checkpoints do not say how large layers are whose sizes are not the product of the axes,
            nor OFT's whose blocks share their tensor.
        on_progress: Told how many layers of how many have been compared.

    Returns:
        The layers, each with its error.

    Raises:
        FileError: The folder cannot be read, is of a method or variant that is no circuit, or the
            output cannot be written; nothing is written.
        ModelError: The base model's configuration cannot be read.
    """
    source = read_source(Path(folder))
    layers = tuple(read_layers(source, base))
    config = _build_config(source, layers)
    tensors = {
        f"base_model.model.{layer.module}.qcircuit_delta.{name}": tensor
        for layer in layers
        for name, tensor in _scale(layer, config.scale).items()
    }
    tensors |= {name: t for name, t in source.tensors.items() if source.is_whole(name)}
    with write_folder(output) as draft:
        config.save_pretrained(str(draft))
        weights = {name: tensor.contiguous().clone() for name, tensor in tensors.items()}
        save_file(weights, draft / SAFETENSORS_WEIGHTS_NAME, metadata={"format": "pt"})
        compared = tuple(_compare(draft, layers, on_progress))
    return Imported(source.options["peft_type"], compared)


def read_layers(source: Source, base: Base) -> Iterable[Layer]:
    """Return the layers of an adapter of another method, as circuits.

    Args:
        source: The adapter.
        base: The base model, or its configuration; see `import_adapter`.

    Raises:
        FileError: The method, or a variant of it, is no circuit, or its tensors do not fit.
    """
    method = source.options["peft_type"]
    match method:
        case "LORA":
            return read_lora(source)
        case "LOKR":
            return read_lokr(source)
        case "LOHA":
            return read_loha(source)
        case "OFT":
            return read_oft(source, _shape_finder(base))
        case "QUANTA":
            return read_quanta(source, _shape_finder(base))
        case CircuitPeftType.QCIRCUIT:
            raise FileError(f"{str(source.folder)!r} is an adapter of circuits already.")
    raise FileError(
        f"{str(source.folder)!r} is of method {method!r}, which cannot be imported.",
        cause=_REFUSED.get(method, ""),
        cure=f"The methods are {', '.join(METHODS)}; others can be merged with peft.",
    )


def _shape_finder(base: Base) -> Callable[[str], tuple[int, int] | None]:
    """Return what finds a module's dimensions in a base model, if there is one."""
    if base is None:
        return lambda module: None
    model = base if isinstance(base, nn.Module) else build_on_meta(read_model_config(base))
    shapes = {name: dimensions(module) for name, module in model.named_modules()}

    def find(module: str) -> tuple[int, int]:
        shape = shapes.get(module)
        if shape is None:
            raise AdaptError(
                f"the base model has no linear layer {module!r}.",
                cure=nearest(module, (name for name, one in shapes.items() if one)),
            )
        return shape

    return find


def _build_config(source: Source, layers: tuple[Layer, ...]) -> CircuitConfig:
    options: Mapping[str, Any] = source.options
    specs = Counter(layer.spec for layer in layers)
    ((spec, _),) = specs.most_common(1)
    ((scale, _),) = Counter(layer.scale for layer in layers).most_common(1)
    config = CircuitConfig(
        circuit=spec,
        circuits={_pattern(layers, one): one for one in specs if one != spec},
        form=layers[0].form,
        scale=scale,
        orthogonal=layers[0].orthogonal,
        target_modules={layer.module for layer in layers},
        dropout=options.get("lora_dropout") or options.get("quanta_dropout") or 0.0,
        modules_to_save=options.get("modules_to_save"),
        base_model_name_or_path=options.get("base_model_name_or_path"),
        revision=options.get("revision"),
        task_type=options.get("task_type"),
        inference_mode=True,
    )
    for layer in layers:
        config.adapter_for(layer.module, layer.circuit.d_in, layer.circuit.d_out)
    return config


def _pattern(layers: tuple[Layer, ...], spec: str) -> str:
    """Return a pattern that matches the modules with a declaration, and of the others none."""
    return write_pattern(
        {layer.module for layer in layers if layer.spec == spec},
        {layer.module for layer in layers if layer.spec != spec},
    )


def _scale(layer: Layer, scale: float) -> Mapping[str, Tensor]:
    """Return a layer's tensors where the configuration has another scale than the layer.

    Only products of gates are scaled so, and their last gate takes the ratio.
    """
    if layer.scale == scale:
        return layer.tensors
    *_, name = layer.tensors
    tensor = layer.tensors[name].double() * (layer.scale / scale)
    return {**layer.tensors, name: tensor.float()}


def _compare(
    folder: Path, layers: tuple[Layer, ...], on_progress: Callable[[int, int], None] | None
) -> Iterable[ImportedLayer]:
    """Read an adapter that was written, and compare each layer with its source."""
    by_module = {layer.module: layer for layer in layers}
    generator = torch.Generator().manual_seed(0)
    updates = read_adapter(folder).updates(dtype=torch.float64, on_weight=True)
    for count, (module, update) in enumerate(updates, 1):
        layer = by_module[module]
        error = _measure(layer, update, generator)
        # The changes to the gates, or gates whose scale changed, are rounded to float32 once.
        bound = 16 * len(layer.circuit.gates) * torch.finfo(torch.float32).eps
        if not error <= bound:
            raise FileError(
                f"the circuit of {module!r} differs from its source by {error:.1e}.",
                cause="Its gates hold numbers that are not finite, or cancel each other.",
                cure="Train again from a checkpoint that is finite.",
            )
        circuit = layer.circuit
        yield ImportedLayer(
            module, circuit.d_in, circuit.d_out, circuit.text, circuit.parameters, error
        )
        if on_progress:
            on_progress(count, len(layers))


@torch.no_grad()
def _measure(layer: Layer, update: Update, generator: torch.Generator) -> float:
    x = torch.randn(PROBES, layer.circuit.d_in, dtype=torch.float64, generator=generator)
    terms = layer.apply(x)
    size = sum(float(term.norm()) for term in terms)
    # Where the base weight is multiplied, the identity takes its place.
    weight = Weight.of(torch.eye(layer.circuit.d_in, dtype=torch.float64))
    difference = float((update(x, weight) - torch.stack(terms).sum(0)).norm())
    return difference / size if size else difference
