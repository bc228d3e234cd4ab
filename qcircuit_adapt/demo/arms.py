"""Arms: the adapters that are compared, each with what can be said of it before training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from peft import LoraConfig, PeftConfig, get_peft_model
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from qcircuit_adapt import families
from qcircuit_adapt.adapter import FORMS_ON_WEIGHT, Adapter, Form
from qcircuit_adapt.analysis.proof import prove
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.hf import CircuitConfig
from qcircuit_adapt.hf.layer import dimensions
from qcircuit_adapt.library import resolve_adapter


@dataclass(frozen=True)
class Layer:
    """A linear layer that is adapted.

    Attributes:
        name: Its full name in the model.
        d_in: Its input dimension.
        d_out: Its output dimension.
        transposed: Whether its weight is stored as ``(d_in, d_out)``, as in GPT-2.
    """

    name: str
    d_in: int
    d_out: int
    transposed: bool = False

    @property
    def kind(self) -> str:
        """What it is called in every block, such as ``q_proj``."""
        return self.name.rsplit(".", 1)[-1]


@dataclass(frozen=True)
class Rank:
    """Proved bounds of the rank of the update of one kind of layer."""

    kind: str
    lower: int
    upper: int

    def __str__(self) -> str:
        if self.lower == self.upper:
            return f"{self.kind} {self.upper}"
        return f"{self.kind} {self.lower} to {self.upper}"


@dataclass(frozen=True)
class Arm:
    """One method: how PEFT is to adapt the model, and the circuits that it gives each layer.

    Attributes:
        name: What to call it in the table.
        config: The configuration for PEFT; copied before use, as PEFT writes into it.
        layers: The adapted layers.
        adapters: The circuits of each layer, in their forms.
    """

    name: str
    config: PeftConfig
    layers: tuple[Layer, ...]
    adapters: tuple[Adapter, ...]

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum(adapter.parameters for adapter in self.adapters)

    @property
    def macs_per_token(self) -> int:
        """Multiply-accumulates that the unmerged updates add for each token.

        Form ``difference`` applies each circuit twice: as it is, and as it was at the start. Form
        ``input`` applies the base layer once more.
        """
        macs = 0
        for layer, adapter in zip(self.layers, self.adapters, strict=True):
            for term in adapter.terms:
                macs += (2 if term.form == "difference" else 1) * term.circuit.macs_per_token
                macs += layer.d_in * layer.d_out if term.form == "input" else 0
        return macs

    def drawings(self) -> dict[str, Circuit | Adapter]:
        """Return each distinct circuit or sum under a name that says which layers have it."""
        return {
            f"{layer.kind}-{layer.d_in}-to-{layer.d_out}": (
                adapter if len(adapter.terms) > 1 else adapter.terms[0].circuit
            )
            for layer, adapter in zip(self.layers, self.adapters, strict=True)
        }

    def ranks(self) -> tuple[Rank, ...]:
        """Prove the rank of the update of each kind of layer; not of those on the base weight."""
        kinds = {
            (layer.kind, adapter): None
            for layer, adapter in zip(self.layers, self.adapters, strict=True)
        }
        ranks = []
        for kind, adapter in kinds:
            if any(term.form in FORMS_ON_WEIGHT for term in adapter.terms):
                continue
            claim = prove(adapter).update_rank
            assert claim is not None  # An adapter has forms.
            ranks.append(Rank(kind, claim.lower, claim.upper))
        return tuple(ranks)


def make_arms(
    model: PreTrainedModel,
    *,
    circuit: str,
    form: Form,
    targets: Sequence[str] | str | None,
    larger_rank: int,
) -> tuple[Arm, Arm, Arm]:
    """Return the circuit, LoRA at the nearest number of parameters, and LoRA of a larger rank.

    Args:
        model: The base model; it is not changed.
        circuit: The family, name, file or text of the circuit, or a sum of them.
        form: The form in which it enters the weights, where it does not say.
        targets: The layers to adapt, as PEFT's ``target_modules``; None for its default.
        larger_rank: The least rank of the larger LoRA.

    Raises:
        AdaptError: The model has no such layers, or one cannot have the circuit.
    """
    modules = targets if targets is None or isinstance(targets, str) else list(targets)
    config = CircuitConfig(
        circuit=circuit, form=form, target_modules=modules, task_type="CAUSAL_LM"
    )
    layers = _find_layers(model, config)
    adapters = tuple(resolve_adapter(circuit, one.d_in, one.d_out, form=form) for one in layers)
    first = Arm(circuit, config, layers, adapters)
    equal = nearest_rank(first.parameters, layers)
    larger = max(larger_rank, 2 * equal)
    return first, _lora(equal, layers, config), _lora(larger, layers, config)


def nearest_rank(parameters: int, layers: Sequence[Layer]) -> int:
    """Return the rank at which LoRA on these layers has the nearest number of parameters."""
    each = sum(layer.d_in + layer.d_out for layer in layers)
    return max(1, round(parameters / each))


def _lora(rank: int, layers: tuple[Layer, ...], like: CircuitConfig) -> Arm:
    config = LoraConfig(
        r=rank,
        lora_alpha=2 * rank,
        target_modules=like.target_modules,  # type: ignore[arg-type]
        fan_in_fan_out=layers[0].transposed,
        task_type="CAUSAL_LM",
    )
    circuits = (families.lora(layer.d_in, layer.d_out, rank=rank) for layer in layers)
    adapters = tuple(Adapter(circuit, form="zero") for circuit in circuits)
    return Arm(f"LoRA r={rank}", config, layers, adapters)


def _find_layers(model: PreTrainedModel, config: CircuitConfig) -> tuple[Layer, ...]:
    """Adapt the model for a moment, to see which layers PEFT takes."""
    adapted = get_peft_model(model, config)
    layers = []
    for name in adapted.targeted_module_names:
        module = model.get_submodule(name)
        sizes = dimensions(module)
        assert sizes is not None  # Others are refused.
        transposed = isinstance(module.get_base_layer(), Conv1D)  # type: ignore[operator]
        layers.append(Layer(name, *sizes, transposed))
    adapted.unload()
    return tuple(layers)
