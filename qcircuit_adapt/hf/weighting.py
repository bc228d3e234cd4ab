"""A weighted sum of adapters as one adapter, exact, as circuits can be added."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from qcircuit_adapt.adapter import Adapter
from qcircuit_adapt.errors import AdaptError, OptionError, nearest
from qcircuit_adapt.hf.config import CircuitConfig
from qcircuit_adapt.hf.layer import CircuitLayer
from qcircuit_adapt.nn.update import Update

SUMS = ("cat", "linear", "svd")
"""What PEFT calls sums of LoRA's updates, some of them approximate; here all are the sum itself."""

_ALONE = {
    "use_dora": "Magnitudes divide by the length of a row with its own update alone.",
    "modules_to_save": "Modules that are saved whole are no updates that could be added.",
    "bias": "Biases are no updates that could be added.",
}


def weigh_configs(
    configs: Mapping[str, CircuitConfig],
    weights: Sequence[float],
    layers: Mapping[str, CircuitLayer],
) -> CircuitConfig:
    """Return the configuration of a sum.

    Args:
        configs: The adapters that are added, by name.
        weights: The weight of each.
        layers: The adapted layers of the model, by name.

    Raises:
        AdaptError: What one of the adapters trains cannot be added.
        OptionError: The weights are not one number for each, or all are 0.
    """
    _check(configs, weights)
    texts = {}
    for name, layer in layers.items():
        terms = [
            replace(term, scale=term.scale * weight)
            for adapter, weight in zip(configs, weights, strict=True)
            for term in _list_terms(layer, adapter)
            if weight
        ]
        if terms:
            texts[name] = Adapter(terms).text
    if not texts:
        raise OptionError("every weight is 0.", cause="The sum would be no update.")
    ((circuit, _),) = Counter(texts.values()).most_common(1)
    first = next(iter(configs.values()))
    return CircuitConfig(
        circuit=circuit,
        circuits={re.escape(name): text for name, text in texts.items() if text != circuit},
        target_modules=sorted(texts),
        orthogonal=first.orthogonal,
        dropout=first.dropout,
        task_type=first.task_type,
        base_model_name_or_path=first.base_model_name_or_path,
        revision=first.revision,
    )


def _list_terms(layer: Any, adapter: str) -> Sequence[Any]:
    return layer.qcircuit_delta[adapter].adapter.terms if adapter in layer.qcircuit_delta else ()


def _check(configs: Mapping[str, CircuitConfig], weights: Sequence[float]) -> None:
    if not configs or len(weights) != len(configs):
        raise OptionError(
            f"there are {len(weights)} weights for {len(configs)} adapters.",
            cure="Give one weight for each, and each adapter once.",
        )
    for name, config in configs.items():
        for option, why in _ALONE.items():
            value = getattr(config, option)
            if value not in (None, False, "none", []):
                raise AdaptError(
                    f"adapter {name!r} has {option}={value!r} and cannot be added to others.",
                    cause=why,
                    cure="Make several adapters active instead: set_adapter([...]).",
                )
    held = {name: config.orthogonal for name, config in configs.items()}
    if len(set(held.values())) > 1:
        raise AdaptError(
            f"adapter {[*held][[*held.values()].index(True)]!r} is held orthogonal and others are "
            "not, so that they cannot be added.",
            cure="Make several adapters active instead: set_adapter([...]).",
        )


@torch.no_grad()
def copy_terms(layer: CircuitLayer, adapters: Mapping[str, float], adapter_name: str) -> None:
    """Fill the update of a sum with the tensors of its terms.

    Args:
        layer: The layer.
        adapters: The names of the adapters that were added, with their weights.
        adapter_name: That of the sum.
    """
    updates: dict[str, Any] = {**layer.qcircuit_delta}
    if adapter_name not in updates:
        return
    total: Update = updates[adapter_name]
    filled = iter(total.parts)
    state = dict(total.named_parameters()) | dict(total.named_buffers())
    for name, weight in adapters.items():
        if name not in updates or not weight:
            continue
        source = dict(updates[name].named_parameters()) | dict(updates[name].named_buffers())
        for part, own in zip(updates[name].parts, filled):  # noqa: B905, one is used up in turn
            for gate in part.gates:
                for kind in ("weight", "reference"):
                    if (key := f"{part.prefix}{kind}_{gate.name}") in source:
                        state[f"{own.prefix}{kind}_{gate.name}"].copy_(source[key])


def find_configs(known: Mapping[str, Any], adapters: Sequence[str]) -> dict[str, CircuitConfig]:
    """Return the configurations of adapters by name.

    Raises:
        AdaptError: There is no such adapter.
    """
    for name in adapters:
        if name not in known:
            raise AdaptError(
                f"there is no adapter {name!r}.", cure=nearest(name, known, noun="adapters")
            )
    return {name: known[name] for name in adapters}
