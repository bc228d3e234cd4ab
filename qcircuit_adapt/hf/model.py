"""CircuitModel: puts circuits into a model's linear layers, all of them or none."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from peft import PeftConfig
from peft.tuners.tuners_utils import (
    BaseTuner,
    BaseTunerLayer,
    _maybe_include_all_linear_layers,
)
from peft.utils import (
    TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING,
    AuxiliaryTrainingWrapper,
    get_quantization_kwargs,
)
from torch import Tensor, nn

from qcircuit_adapt.adapter import Adapter
from qcircuit_adapt.errors import AdaptError, OptionError, nearest
from qcircuit_adapt.hf.config import CircuitConfig, matches
from qcircuit_adapt.hf.layer import CircuitLayer, CircuitLinear, dimensions
from qcircuit_adapt.hf.shapes import compare_names
from qcircuit_adapt.hf.waking import warn_of_dead_entries
from qcircuit_adapt.hf.weighting import SUMS, copy_terms, find_configs, weigh_configs


@contextmanager
def unchanged_on_error(model: nn.Module) -> Iterator[None]:
    """Put a model's modules, and what of it is trained, back as they were if the block fails."""
    children = [(module, dict(module._modules)) for module in model.modules()]
    trained = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    adapted = "peft_config" in model.__dict__
    try:
        yield
    except BaseException:
        for module, before in children:
            module._modules.clear()
            module._modules.update(before)
        for parameter, was in trained:
            parameter.requires_grad_(was)
        if not adapted:
            model.__dict__.pop("peft_config", None)
        raise


class CircuitModel(BaseTuner):
    """A model with circuits in its linear layers, as `peft.get_peft_model` makes it.

    Every target is checked and its circuit found before anything is changed, and the model is put
    back as it was if something fails later.

    Raises:
        AdaptError: A layer is not there, is not linear, is adapted already, or cannot have its
            circuit.
    """

    prefix = "qcircuit_"
    tuner_layer_cls = CircuitLayer
    target_module_mapping: dict[str, Any] = TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING

    def inject_adapter(self, model: nn.Module, *args: Any, **kwargs: Any) -> None:
        """Adapt a model, or leave it as it was and raise."""
        with unchanged_on_error(model):
            super().inject_adapter(model, *args, **kwargs)

    def _prepare_adapter_config(self, peft_config: Any, model_config: dict[str, Any]) -> PeftConfig:
        kind = model_config.get("model_type", "")
        if peft_config.target_modules is None and kind not in self.target_module_mapping:
            linear = (n for n, module in self.model.named_modules() if dimensions(module))
            raise AdaptError(
                f"no target_modules are known for the architecture {kind!r}.",
                cure=f'Give target_modules, or "all-linear". {_near_names("", linear)}',
            )
        return super()._prepare_adapter_config(peft_config, model_config)

    def _prepare_model(self, peft_config: Any, model: nn.Module) -> None:
        """Find every target's circuit, so that what can fail fails before a module is replaced."""
        # PEFT writes the layers that "all-linear" stands for into the configuration later.
        config: Any = _maybe_include_all_linear_layers(copy.copy(peft_config), model)
        modules: dict[str, Any] = dict(_modules_outside_adapters(model))
        for name, module in modules.items():
            if isinstance(module, BaseTunerLayer) and not isinstance(module, CircuitLayer):
                raise AdaptError(
                    f"module {name!r} is already adapted by {type(module).__module__}.",
                    cause="PEFT would save both adapters in one file.",
                    cure="Call merge_and_unload() or unload() first.",
                )
        if isinstance(config.target_modules, set):
            for target in sorted(config.target_modules):
                if not any(f".{name}".endswith(f".{target}") for name in modules):
                    raise AdaptError(
                        f"Target modules {sorted(config.target_modules)} not found in the base "
                        f"model: it has no module {target!r}.",
                        cure=_near_names(target, (n for n, m in modules.items() if dimensions(m))),
                    )
        targets = [name for name in modules if self._check_target_module_exists(config, name)]
        for pattern in config.circuits:
            if not any(matches(pattern, name) for name in targets):
                raise AdaptError(
                    f"the pattern {pattern!r} in circuits matches no target module.",
                    cure=_near_names(pattern, targets),
                )
        for name in targets:
            _check_parent(model, name)
        adapters = [_find_adapter(config, name, modules[name]) for name in targets]
        if not config.inference_mode:
            warn_of_dead_entries(adapters)

    def _create_and_replace(
        self,
        peft_config: Any,
        adapter_name: str,
        target: nn.Module,
        target_name: str,
        parent: nn.Module,
        current_key: str,
        parameter_name: str | None = None,
    ) -> None:
        adapter = _find_adapter(peft_config, current_key, target)
        if isinstance(target, CircuitLayer):
            target.update_layer(adapter_name, adapter, peft_config, module=current_key)
            return
        options = get_quantization_kwargs(self)
        layer = CircuitLinear(
            target, adapter_name, adapter, peft_config, module=current_key, **options
        )
        self._replace_module(parent, target_name, layer, target)

    def _replace_module(
        self, parent: nn.Module, child_name: str, new_module: nn.Module, child: nn.Module
    ) -> None:
        if isinstance(new_module, CircuitLayer):
            super()._replace_module(parent, child_name, new_module, child)
        else:
            # PEFT's own asks any module that it puts back for its weight; a classifier in
            # modules_to_save may have several.
            setattr(parent, child_name, new_module)

    def _cast_adapter_dtype(self, adapter_name: str, autocast_adapter_dtype: bool = True) -> None:
        super()._cast_adapter_dtype(adapter_name, autocast_adapter_dtype)
        for module in self.model.modules():
            if isinstance(module, CircuitLayer) and adapter_name in module.qcircuit_delta:
                # PEFT casts parameters only; the frozen reference is a buffer.
                update = module.qcircuit_delta[adapter_name]
                update.to(next(update.parameters()).dtype)

    def add_weighted_adapter(
        self,
        adapters: Sequence[str],
        weights: Sequence[float],
        adapter_name: str,
        combination_type: str = "cat",
    ) -> None:
        """Add an adapter whose update is a weighted sum of those of others, exactly.

        It is an adapter like any other, of sums of circuits: it can be trained, saved and merged.

        Args:
            adapters: The names of the others.
            weights: The weight of each.
            adapter_name: What to call the sum.
            combination_type: ``"cat"``, ``"linear"`` or ``"svd"``, which are the same here.

        Raises:
            AdaptError: There is no such adapter, or what it trains cannot be added.
            OptionError: The name is taken, the weights do not fit, or the combination is another.
        """
        if combination_type not in SUMS:
            raise OptionError(
                f"combination_type={combination_type!r} is not possible.",
                cause="Circuits are added; pruning their updates would give no circuits.",
                cure=f"The types are {', '.join(map(repr, SUMS))}.",
            )
        if adapter_name in self.peft_config:
            raise OptionError(f"there is an adapter {adapter_name!r} already.")
        found = find_configs(self.peft_config, adapters)
        layers = {n: m for n, m in self.model.named_modules() if isinstance(m, CircuitLayer)}
        self.peft_config[adapter_name] = weigh_configs(found, weights, layers)
        try:
            self.inject_adapter(self.model, adapter_name)
        except BaseException:
            del self.peft_config[adapter_name]
            raise
        for layer in layers.values():
            copy_terms(layer, dict(zip(adapters, weights, strict=True)), adapter_name)

    @classmethod
    def _remap_adapter_state_dict_for_load(
        cls,
        model: nn.Module,
        config: PeftConfig,
        adapter_name: str,
        state_dict: dict[str, Tensor],
    ) -> dict[str, Tensor]:
        found: dict[str, Tensor] = super()._remap_adapter_state_dict_for_load(
            model, config, adapter_name, state_dict
        )
        part, short = f".qcircuit_delta.{adapter_name}.", ".qcircuit_delta."
        wanted = {key.replace(part, short) for key in model.state_dict() if part in key}
        compare_names({key.replace(part, short) for key in found if short in key}, wanted)
        return found

    @contextmanager
    def _enable_peft_forward_hooks(self, *args: Any, **kwargs: Any) -> Iterator[None]:
        """Hand ``adapter_names``, one for each row of the batch, to the layers for one call."""
        adapter_names = kwargs.pop("adapter_names", None)
        if adapter_names is None:
            yield
            return
        if self.training:
            raise AdaptError(
                "Cannot pass `adapter_names` when the model is in training mode.",
                cure="Call eval() first.",
            )
        for name in adapter_names:
            if name != "__base__" and name not in self.peft_config:
                raise AdaptError(
                    f"there is no adapter {name!r}.",
                    cure=nearest(name, self.peft_config, noun="adapters"),
                )
        hook = partial(_name_rows, adapter_names=adapter_names, beams=kwargs.get("num_beams") or 1)
        handles = [
            module.register_forward_pre_hook(hook, with_kwargs=True)
            for module in self.modules()
            if isinstance(module, (CircuitLayer, AuxiliaryTrainingWrapper))
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


def _name_rows(
    module: nn.Module,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    *,
    adapter_names: list[str],
    beams: int,
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    # Beam search repeats each row; an encoder sees them once.
    repeated = bool(args) and len(args[0]) == beams * len(adapter_names)
    names = [name for name in adapter_names for _ in range(beams if repeated else 1)]
    return args, {**kwargs, "adapter_names": names}


def _modules_outside_adapters(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield the modules by name, adapted layers included, what is inside them left out."""
    inside: tuple[str, ...] = ()
    for name, module in model.named_modules():
        if name and not name.startswith(inside):
            yield name, module
            if isinstance(module, BaseTunerLayer):
                inside += (f"{name}.",)


def _check_parent(model: nn.Module, name: str) -> None:
    """Refuse a layer whose weight another module reads, without calling the layer."""
    parent = model.get_submodule(name.rpartition(".")[0])
    reads = isinstance(parent, nn.TransformerEncoderLayer)
    fast = reads and torch.backends.mha.get_fastpath_enabled()
    if fast or isinstance(parent, nn.MultiheadAttention):
        raise AdaptError(
            f"target module {name!r} is never called: {type(parent).__name__} reads its weight.",
            cause="An adapter on it would do nothing.",
            cure="Call torch.backends.mha.set_fastpath_enabled(False) first."
            if fast
            else "Take it out of target_modules; modules_to_save trains the whole module.",
        )


def _find_adapter(config: CircuitConfig, name: str, module: nn.Module) -> Adapter:
    sizes = dimensions(module)
    if sizes is None:
        raise AdaptError(
            f"target module {name!r} is not a linear layer, but {type(module).__name__}.",
            cure="Take it out of target_modules; modules_to_save trains it whole.",
        )
    return config.adapter_for(name, *sizes)


def _near_names(wanted: str, names: Iterator[str] | list[str]) -> str:
    """Name the module names nearest to a wanted one, by their last parts."""
    return nearest(wanted.rpartition(".")[2], (n.rpartition(".")[2] for n in names), noun="modules")
