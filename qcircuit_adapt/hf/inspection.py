"""Inspection of saved adapters, layer by layer: of ours, and of methods that are circuits."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from qcircuit_adapt.adapter import Adapter
from qcircuit_adapt.errors import AdaptError, nearest
from qcircuit_adapt.hf.config import CircuitPeftType, matches
from qcircuit_adapt.hf.interchange.importing import Base, read_layers
from qcircuit_adapt.hf.interchange.source import read_source
from qcircuit_adapt.hf.saved import read_adapter
from qcircuit_adapt.nn.inspection import Inspection, inspect_update
from qcircuit_adapt.nn.update import Update


@dataclass(frozen=True)
class InspectedLayer:
    """A layer of an adapter.

    Attributes:
        module: The module's name in the model.
        terms: What is known of each of its circuits.
    """

    module: str
    terms: tuple[Inspection, ...]


def inspect_adapter(
    folder: str | os.PathLike[str],
    *,
    modules: str | None = None,
    splits: Iterable[str] | None = None,
    base: Base = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Iterator[InspectedLayer]:
    """Inspect the layers of a saved adapter, one after the other.

    Args:
        folder: The adapter's folder: of ours, or of a method that `import_adapter` reads.
        modules: A pattern that matches the names of the modules to inspect, or their ends; by
            default all.
        splits: Across which splits to measure T; see `nn.inspection.inspect_update`.
        base: The base model or its configuration; see `import_adapter`.
        on_progress: Told how many layers of how many are done.

    Yields:
        The layers, in order of their names.

    Raises:
        FileError: The folder cannot be read, or is of a method that is no circuit.
        AdaptError: No module's name matches.
    """
    updates = dict(_read_updates(Path(folder), base))
    chosen = [name for name in updates if modules is None or matches(modules, name)]
    if not chosen:
        raise AdaptError(
            f"no module of the adapter matches {modules!r}.",
            cure=nearest(str(modules), (name.rpartition(".")[2] for name in updates)),
        )
    listed = None if splits is None else tuple(splits)
    for done, module in enumerate(chosen, 1):
        yield InspectedLayer(module, inspect_update(updates[module], splits=listed))
        if on_progress:
            on_progress(done, len(chosen))


def _read_updates(folder: Path, base: Base) -> Iterator[tuple[str, Update]]:
    source = read_source(folder)
    if source.options["peft_type"] == CircuitPeftType.QCIRCUIT:
        yield from read_adapter(folder).updates(on_weight=True)
        return
    for layer in sorted(read_layers(source, base), key=lambda one: one.module):
        adapter = Adapter(layer.circuit, form=layer.form, scale=layer.scale)
        update = Update(adapter, orthogonal=layer.orthogonal)
        update.load_state_dict(dict(layer.tensors))
        yield layer.module, update
