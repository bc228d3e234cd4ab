"""ModelTable: what circuits cost on each layer of a model, counted without its numbers."""

from __future__ import annotations

import math
import re
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from peft import get_peft_model
from peft.utils import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING
from torch import nn
from transformers import PretrainedConfig

from qcircuit_adapt.adapter import FORMS_ON_WEIGHT, Adapter, Term
from qcircuit_adapt.analysis.bounds.sylvester import multiply_bounds
from qcircuit_adapt.analysis.proof import claim_rank
from qcircuit_adapt.analysis.total import add_up
from qcircuit_adapt.hf.config import CircuitConfig
from qcircuit_adapt.hf.layer import CircuitLinear
from qcircuit_adapt.hf.meta import build_on_meta

_NUMBER = re.compile(r"(?<=\.)\d+(?=\.)")


@dataclass(frozen=True)
class ModuleRow:
    """Modules of one name and shape.

    Attributes:
        modules: Their names, with ``*`` for the numbers of layers.
        count: How many there are.
        d_in: Their input dimension.
        d_out: Their output dimension.
        circuit: The circuit's text; of a sum, one after the other.
        parameters: How many numbers each trains.
        rank_lower: The update of each has at least this rank, for almost all values of the gates.
        rank_upper: It has at most this rank.
        macs_per_token: Multiply-accumulates of each for one token, gate after gate.
    """

    modules: str
    count: int
    d_in: int
    d_out: int
    circuit: str
    parameters: int
    rank_lower: int
    rank_upper: int
    macs_per_token: int


@dataclass(frozen=True)
class Untargetable:
    """Parameters that are matrices, but not those of a linear layer.

    Attributes:
        parameters: Their names, with ``*`` for the numbers of layers.
        count: How many there are.
        shape: The shape of each.
    """

    parameters: str
    count: int
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many numbers all of them hold."""
        return self.count * math.prod(self.shape)


@dataclass(frozen=True)
class ModelTable:
    """What circuits cost on a model.

    Attributes:
        model: The architecture.
        targets: The modules that were asked for, or are by default.
        form: How the circuits enter the weights.
        rows: The modules that are adapted, by name and shape.
        untargetable: Stacked matrices, such as those of a mixture of experts.
        model_parameters: How many numbers the model has.
    """

    model: str
    targets: tuple[str, ...]
    form: str
    rows: tuple[ModuleRow, ...]
    untargetable: tuple[Untargetable, ...]
    model_parameters: int

    @property
    def modules(self) -> int:
        """How many modules are adapted."""
        return sum(row.count for row in self.rows)

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum(row.count * row.parameters for row in self.rows)

    @property
    def macs_per_token(self) -> int:
        """Multiply-accumulates of all circuits for one token, gate after gate."""
        return sum(row.count * row.macs_per_token for row in self.rows)

    @property
    def share(self) -> float:
        """The trained numbers as a share of the model's."""
        return self.parameters / self.model_parameters

    def to_dict(self) -> dict[str, Any]:
        """Return the table and its totals as plain data."""
        return {
            **asdict(self),
            "modules": self.modules,
            "parameters": self.parameters,
            "macs_per_token": self.macs_per_token,
            "share": self.share,
        }


def tabulate_model(model_config: PretrainedConfig, config: CircuitConfig) -> ModelTable:
    """Adapt a model on the meta device and count.

    Args:
        model_config: The model's configuration; see `meta.read_model_config`.
        config: What to adapt it with. If it names no targets, they are those of PEFT's LoRA for the
            architecture, or all linear layers where it has none.

    Raises:
        ModelError: transformers cannot build the model.
        AdaptError: The model cannot be adapted so.
    """
    model = build_on_meta(model_config)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    untargetable = tuple(_find_stacked(model))
    targets = config.target_modules or _default_targets(model_config)
    config = replace(config, target_modules=targets)
    with warnings.catch_warnings():
        # peft asks transformers by an old name.
        warnings.filterwarnings("ignore", ".is_gradient_checkpointing", FutureWarning)
        warnings.filterwarnings("ignore", ".* have no gradient at the first step", UserWarning)
        adapted: Any = get_peft_model(model, config)
    return ModelTable(
        model=model_config.model_type,
        targets=(targets,) if isinstance(targets, str) else tuple(sorted(targets)),
        form=config.form,
        rows=tuple(_list_rows(adapted.base_model.model, config)),
        untargetable=untargetable,
        model_parameters=parameters,
    )


def _default_targets(config: PretrainedConfig) -> list[str] | str:
    for one in (config, config.get_text_config()):
        known = TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING.get(one.model_type)
        if known:
            return list(known)
    return "all-linear"


def _list_rows(model: nn.Module, config: CircuitConfig) -> Iterator[ModuleRow]:
    groups: defaultdict[tuple[str, Adapter, int, int, int], int] = defaultdict(int)
    for name, module in model.named_modules():
        if isinstance(module, CircuitLinear):
            (update,) = module.qcircuit_delta.values()
            adapter: Any = update.adapter
            trained = sum(parameter.numel() for parameter in update.parameters())
            groups[_star(name), adapter, trained, module.in_features, module.out_features] += 1
    free = not (config.orthogonal or config.use_dora)
    ranks = {(adapter, *shape): _bound_rank(adapter, *shape) for _, adapter, _, *shape in groups}
    for (names, adapter, trained, d_in, d_out), count in groups.items():
        circuits = [term.circuit for term in adapter.terms]
        # What is proved of free gates is no lower bound for constrained ones, and magnitudes change
        # the update of a whole row.
        lower, upper = ranks[adapter, d_in, d_out]
        lower = lower if free else 0
        upper = min(d_in, d_out) if config.use_dora else upper
        yield ModuleRow(
            names,
            count,
            d_in,
            d_out,
            " + ".join(circuit.text for circuit in circuits),
            trained,
            lower,
            upper,
            sum(circuit.macs_per_token for circuit in circuits),
        )


def _bound_rank(adapter: Adapter, d_in: int, d_out: int) -> tuple[int, int]:
    most = min(d_in, d_out)
    total = add_up(tuple(_bound_term(term, most) for term in adapter.terms), most=most)
    return total.lower, total.upper


def _bound_term(term: Term, most: int) -> tuple[int, int]:
    """Bound the rank of a term's update; a base weight counts as one of the largest rank."""
    claim = claim_rank(term.circuit, form=term.form, witness=False)
    bounds = claim.lower, claim.upper
    if term.form not in FORMS_ON_WEIGHT:
        return bounds
    return multiply_bounds(bounds, weight_rank=most, dimension=term.circuit.d_in)


def _find_stacked(model: nn.Module) -> Iterable[Untargetable]:
    """Find parameters that hold a matrix for each of several experts, in the order they come."""
    found: defaultdict[tuple[str, tuple[int, ...]], int] = defaultdict(int)
    for prefix, module in model.named_modules():
        if isinstance(module, nn.modules.conv._ConvNd):
            continue
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.dim() == 3 and min(parameter.shape) > 1:
                found[_star(f"{prefix}.{name}"), tuple(parameter.shape)] += 1
    return [Untargetable(name, count, shape) for (name, shape), count in found.items()]


def _star(name: str) -> str:
    """Put ``*`` for the number of a layer.

    Example:
        >>> _star("model.layers.11.mlp.up_proj")
        'model.layers.*.mlp.up_proj'
    """
    return _NUMBER.sub("*", name)
