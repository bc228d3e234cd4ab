"""CircuitLinear: a linear layer and the updates that adapters add to it."""

from __future__ import annotations

import copy
import warnings
from typing import Any, TypeGuard

import torch
from peft.tuners.tuners_utils import BaseTunerLayer, check_adapters_to_merge
from peft.utils import quantization_extra_repr, resolve_quantization_backend
from torch import Tensor, nn
from torch.nn.modules.module import _has_any_global_hook
from transformers.pytorch_utils import Conv1D

from qcircuit_adapt.adapter import Adapter
from qcircuit_adapt.errors import AdaptError
from qcircuit_adapt.hf.config import CircuitConfig
from qcircuit_adapt.nn.execute import Base
from qcircuit_adapt.nn.stream import Stream
from qcircuit_adapt.nn.update import Update
from qcircuit_adapt.nn.weight import Weight


def dimensions(module: nn.Module) -> tuple[int, int] | None:
    """Return ``(d_in, d_out)`` of a linear layer, quantised or not; None for any other module.

    Sizes are read from attributes, never from the weight, which a sharded model may not hold.
    """
    if isinstance(module, BaseTunerLayer):
        module = module.get_base_layer()
    if isinstance(module, Conv1D):
        return module.nx, module.nf
    # Asked first: torchao's layers are these, and their backend is found only for a whole model.
    if isinstance(module, nn.Linear):
        return module.in_features, module.out_features
    backend = resolve_quantization_backend(module)
    if backend is not None and backend.layer_type == "linear":
        return module.in_features, module.out_features  # type: ignore[return-value]
    return None


def _is_plain(module: nn.Module) -> TypeGuard[nn.Linear]:
    """Say whether a module is a frozen linear layer that nobody listens to or has changed."""
    if type(module) is not nn.Linear or "forward" in vars(module):
        return False
    hooks = (
        module._forward_hooks,
        module._forward_pre_hooks,
        module._backward_hooks,
        module._backward_pre_hooks,
    )
    listened: Any = _has_any_global_hook
    return not (any(hooks) or listened()) and all(
        type(tensor) in (Tensor, nn.Parameter) and not tensor.requires_grad
        for tensor in (module.weight, module.bias)
        if tensor is not None
    )


class CircuitLayer(BaseTunerLayer):
    """What an adapted layer keeps for each adapter, by its name.

    Attributes:
        qcircuit_delta: The updates ``dW``, each a module ``(..., d_in) -> (..., d_out)``.
        qcircuit_dropout: What is done to their inputs in training.
    """

    adapter_layer_names = ("qcircuit_delta",)
    other_param_names = ("qcircuit_dropout",)

    def __init__(self, base_layer: nn.Module, **kwargs: Any) -> None:
        self.base_layer = base_layer
        self.quantization_backend = resolve_quantization_backend(base_layer, **kwargs)
        self.qcircuit_delta = nn.ModuleDict()
        self.qcircuit_dropout = nn.ModuleDict()
        self.merged_adapters: list[str] = []
        self._disable_adapters = False
        # A quantised layer is kept whole: to quantise its weight again would change it.
        self._base_before_merge: Tensor | nn.Module | None = None

    def update_layer(
        self, adapter_name: str, adapter: Adapter, config: CircuitConfig, *, module: str = ""
    ) -> None:
        """Build an adapter's update, exactly 0 unless ``config.init_weights`` is False.

        Args:
            adapter_name: What to call the adapter.
            adapter: The adapter.
            config: What else is asked for.
            module: The layer's name in the model; layers draw other references by it.

        Raises:
            FileError: The reference is drawn again, and is not the one that was trained with.
        """
        device, dtype = self._find_device_and_dtype()
        d_in, d_out = dimensions(self.get_base_layer()) or (adapter.d_in, adapter.d_out)
        label = f"{module} {d_in}->{d_out}".strip()
        update = Update(
            adapter,
            device=device,
            dtype=dtype,
            magnitudes=d_out if config.use_dora else 0,
            orthogonal=config.orthogonal,
            strategy=config.strategy,
            max_saved_rows=config.max_saved_rows if config.strategy == "auto" else None,
            stream=None if config.save_reference else Stream(config.seed, label),
            init_weights=config.init_weights,
        )
        if update.stream and (digest := update.digest()):
            config.check_reference(label, digest)
        self.qcircuit_delta[adapter_name] = update
        self.qcircuit_dropout[adapter_name] = nn.Dropout(config.dropout)
        self.set_adapter(self.active_adapters, inference_mode=config.inference_mode)

    def _move_adapter_to_device_of_base_layer(
        self, adapter_name: str, device: torch.device | None = None
    ) -> None:
        # PEFT's own also casts to the base layer's dtype, which would round the frozen reference
        # that has just been loaded, and with it change the update.
        if adapter_name in self.qcircuit_delta:
            update = self.qcircuit_delta[adapter_name]
            device = device or self._find_device_and_dtype()[0]
            if device is not None and not any(p.is_meta for p in update.parameters()):
                update.to(device)

    def _find_device_and_dtype(self) -> tuple[torch.device | None, torch.dtype | None]:
        """Return where the base layer is, and the dtype it computes in, as far as it tells."""
        find: Any = self._get_base_layer_device_and_dtype
        device, dtype = find(self.get_base_layer())
        return device, dtype if dtype is not None and dtype.is_floating_point else None


class CircuitLinear(nn.Module, CircuitLayer):
    """A linear layer ``x -> W x + b`` that computes ``W x + b + dW x`` for its active adapters.

    Errors that PEFT's own methods raise too have its words, which callers may look for.
    """

    def __init__(
        self,
        base_layer: nn.Module,
        adapter_name: str,
        adapter: Adapter,
        config: CircuitConfig,
        *,
        module: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__()
        CircuitLayer.__init__(self, base_layer, **kwargs)
        # GPT-2's layers store the weight as (d_in, d_out).
        self.fan_in_fan_out = isinstance(base_layer, Conv1D)
        sizes = dimensions(base_layer)
        assert sizes is not None
        self.in_features, self.out_features = sizes
        self._active_adapter = adapter_name
        self.update_layer(adapter_name, adapter, config, module=module)

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Apply the layer: ``x`` is ``(..., d_in)``, the result ``(..., d_out)`` in its own dtype.

        Args:
            x: The input.
            *args: What else the base layer takes.
            **kwargs: Likewise; ``adapter_names`` gives each row of ``x`` an adapter of its own, or
                ``"__base__"`` for none.
        """
        rows = kwargs.pop("adapter_names", None)
        if self.disable_adapters and self.merged:
            self.unmerge()
        if rows is not None:
            self._check_rows(x, rows)
        if rows is None and not (args or kwargs):
            result = self._add_in_place(x)
            if result is not None:
                return result
        base: Tensor = self.base_layer(x, *args, **kwargs)
        if self.disable_adapters or self.merged:
            return base
        if self.quantization_backend is not None:
            base = self.quantization_backend.maybe_clone_base_result(base)
        # Never in place: the base layer may have returned a view of something it still needs.
        result = base
        for name in self.active_adapters if rows is None else sorted(set(rows)):
            if name not in self.qcircuit_delta:
                continue
            if rows is None:
                result = result + self._apply_update(name, x, base)
            else:
                chosen = [row for row, wanted in enumerate(rows) if wanted == name]
                index = torch.tensor(chosen, device=x.device)
                delta = self._apply_update(name, x[index], base[index])
                result = result.index_add(0, index, delta)
        return result

    def _add_in_place(self, x: Tensor) -> Tensor | None:
        """Return what `forward` does, computed without a tensor of its own for the update.

        None where that cannot be: where the update has to be apart (see `Update.add_to`), or the
        base layer is more than a matrix and a bias.
        """
        if torch.compiler.is_compiling():
            return None
        active = [name for name in self.active_adapters if name in self.qcircuit_delta]
        layer = self.base_layer
        if self.disable_adapters or self.merged or len(active) != 1 or not _is_plain(layer):
            return None
        dropout: Any = self.qcircuit_dropout[active[0]]
        if type(x) is not Tensor or (dropout.training and dropout.p > 0):
            return None
        update: Any = self.qcircuit_delta[active[0]]
        found: Tensor | None = update.add_to(x, Base(layer.weight, layer.bias))
        return found

    def _apply_update(self, adapter_name: str, x: Tensor, base: Tensor) -> Tensor:
        """Return ``dW x``, given what the base layer makes of x, in the type of that."""
        update: Any = self.qcircuit_delta[adapter_name]
        dropout: Any = self.qcircuit_dropout[adapter_name]
        own = self._cast_input_dtype(x, next(update.parameters()).dtype)
        own = dropout(own)
        dropped = dropout.training and dropout.p > 0

        def multiply(y: Tensor) -> Tensor:
            if y is own and not dropped:
                return self._without_bias(base).to(y.dtype)
            # Through the layer, which alone knows how its weight is stored.
            return self._without_bias(self.base_layer(y.to(x.dtype))).to(y.dtype)

        delta: Tensor = update(own, Weight(multiply, lambda: self._dense(self.get_base_weight())))
        return delta.to(base.dtype)

    def _without_bias(self, result: Tensor) -> Tensor:
        bias = getattr(self.get_base_layer(), "bias", None)
        return result if bias is None else result - bias.to(result.dtype)

    @torch.no_grad()
    def _dense(self, weight: Tensor) -> Tensor:
        """Return a weight as it is stored as ``(d_out, d_in)``, in float32 or wider."""
        weight = weight.detach().to(torch.promote_types(weight.dtype, torch.float32))
        return weight.T if self.fan_in_fan_out else weight

    def _check_rows(self, x: Tensor, adapter_names: list[str]) -> None:
        if len(x) != len(adapter_names):
            raise AdaptError(
                "Length of `adapter_names` should be the same as the number of inputs, but got "
                f"{len(adapter_names)} and {len(x)} respectively.",
                cure='Give one name for each row, "__base__" for the base model.',
            )
        if self.merged:
            raise AdaptError(
                "Cannot pass `adapter_names` when there are merged adapters, please call "
                f"`unmerge_adapter` first: {' and '.join(map(repr, self.merged_adapters))}.",
            )

    def get_delta_weight(self, adapter: str) -> Tensor:
        """Return an adapter's update in the shape of the base weight, in float32 or wider."""
        update = self.qcircuit_delta[adapter]
        dtype = torch.promote_types(next(update.parameters()).dtype, torch.float32)
        stored = self._dense(self._find_weight_before_merge())
        weight = Weight.of(stored.to(next(update.parameters()).device))
        delta: Tensor = update.delta_weight(dtype=dtype, weight=weight)  # type: ignore[operator]
        return delta.T if self.fan_in_fan_out else delta

    def _find_weight_before_merge(self) -> Tensor:
        """Return the base weight, whatever is merged; a quantised one as what it stands for."""
        before, now = self._base_before_merge, self.base_layer
        if isinstance(before, Tensor):
            return before
        try:
            self.base_layer = now if before is None else before
            return self.get_base_weight()
        finally:
            self.base_layer = now

    @torch.no_grad()
    def merge(self, safe_merge: bool = False, adapter_names: list[str] | None = None) -> None:
        """Add updates to the base weight, in float32 or wider and rounded once.

        The weight as it was is kept, for `unmerge` to put back.

        Args:
            safe_merge: Whether to refuse a result that is not finite.
            adapter_names: The adapters to merge; by default the active ones.

        Raises:
            AdaptError: With ``safe_merge``, the result is not finite; nothing is merged.
        """
        wanted = check_adapters_to_merge(self, adapter_names)
        names = [name for name in wanted if name in self.qcircuit_delta]
        if not names:
            return
        before = self.get_base_weight()
        weight = before.to(torch.promote_types(before.dtype, torch.float32))
        for name in names:
            weight = weight + self.get_delta_weight(name)
        if safe_merge and not weight.isfinite().all():
            raise AdaptError(
                "NaNs detected in the merged weights. The adapter "
                f"{' and '.join(names)} seems to be broken.",
                cause="A gate holds a number that is not finite, or the sum exceeds the dtype.",
                cure="Train again from a checkpoint that is finite.",
            )
        if self._base_before_merge is None:
            quantised = self.quantization_backend is not None
            self._base_before_merge = copy.deepcopy(self.base_layer) if quantised else before
        self.set_base_weight(weight.to(before.dtype))
        self.merged_adapters.extend(names)

    @torch.no_grad()
    def unmerge(self) -> None:
        """Put the base weight back as it was before the first merge, to the bit."""
        before = self._base_before_merge
        if before is None:
            warnings.warn("Already unmerged. Nothing to do.", stacklevel=2)
            return
        now = self.get_base_layer().weight
        assert isinstance(now, Tensor)
        if isinstance(before, Tensor):
            self.set_base_weight(before.to(now.device, now.dtype))
        else:
            self.base_layer = before.to(now.device)
        self._base_before_merge = None
        self.merged_adapters.clear()

    def extra_repr(self) -> str:
        """Name the quantisation of the base layer, where there is one."""
        text: str = quantization_extra_repr(self)
        return text
