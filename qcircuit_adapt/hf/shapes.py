"""What tensors an adapter's file has to hold, told from its circuits without taking memory."""

from __future__ import annotations

from collections.abc import Mapping, Set
from functools import lru_cache
from pathlib import Path

from peft.tuners.tuners_utils import BaseTuner
from safetensors import safe_open
from torch import nn

from qcircuit_adapt.adapter import Adapter
from qcircuit_adapt.errors import FileError
from qcircuit_adapt.hf.config import CircuitConfig
from qcircuit_adapt.hf.layer import dimensions
from qcircuit_adapt.nn.stream import Stream
from qcircuit_adapt.nn.update import Update

Shape = tuple[int, ...]


def check_shapes(model: nn.Module, file: Path, config: CircuitConfig) -> None:
    """Compare the names and shapes in a file with those that its circuits have in a model.

    Only the file's header is read, and no circuit is built: what a hostile folder declares takes
    no memory.

    Raises:
        AdaptError: A layer of the model cannot have the circuit that is declared for it.
        FileError: A tensor is missing, is left over, or has another shape.
    """
    with safe_open(file, framework="numpy") as opened:
        found = {name: tuple(opened.get_slice(name).get_shape()) for name in opened.keys()}  # noqa: SIM118
    wanted: dict[str, Shape] = {}
    for name, module in model.named_modules():
        sizes = dimensions(module)
        if sizes and BaseTuner._check_target_module_exists(config, name):
            shapes = _list_shapes(
                config.adapter_for(name, *sizes),
                magnitudes=sizes[1] if config.use_dora else 0,
                orthogonal=config.orthogonal,
                stored=config.save_reference,
            )
            key = f"base_model.model.{name}.qcircuit_delta"
            wanted |= {f"{key}.{tensor}": shape for tensor, shape in shapes.items()}
    if not wanted:
        # The model has none of the layers, which is said when it is adapted.
        return
    compare_names({name for name in found if ".qcircuit_delta." in name}, wanted.keys())
    for name, shape in wanted.items():
        if found[name] != shape:
            raise FileError(
                f"the tensors in {str(file.parent)!r} are not those of its circuits.",
                cause=f"{_shorten(name)!r} has shape {found[name]}; its circuit needs {shape}.",
                cure="Copy the folder again; its two files belong together.",
            )


def compare_names(found: Set[str], wanted: Set[str]) -> None:
    """Refuse a file that has other tensors of circuits than it has to.

    Raises:
        FileError: One is missing or left over.
    """
    if found == wanted:
        return
    names, verb = (wanted - found, "lacks") if wanted - found else (found - wanted, "adds")
    raise FileError(
        f"the adapter's file {verb} {len(names)} tensors, the first {_shorten(min(names))!r}.",
        cause="It was cut short, or belongs to another model or circuit.",
        cure="Copy the folder again, and load it into the model it was trained on.",
    )


@lru_cache(maxsize=64)
def _list_shapes(
    adapter: Adapter, *, magnitudes: int, orthogonal: bool, stored: bool
) -> Mapping[str, Shape]:
    update = Update(
        adapter,
        device="meta",
        magnitudes=magnitudes,
        orthogonal=orthogonal,
        stream=None if stored else Stream(0),
    )
    return {name: tuple(tensor.shape) for name, tensor in update.state_dict().items()}


def _shorten(name: str) -> str:
    return name.removeprefix("base_model.model.")
