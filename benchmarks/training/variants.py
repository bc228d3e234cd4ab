"""What is measured: a frozen layer with each kind of adapter."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import peft
import torch
from torch import Tensor, nn

import qcircuit_adapt as qa
from qcircuit_adapt import compiler
from training.cases import DTYPES, Cell
from training.official import Official

Build = Callable[[], nn.Module]


class Frozen(nn.Module):
    """A frozen linear layer, as a model that PEFT can adapt."""

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        shape, dtype = cell.shape, DTYPES[cell.dtype]
        linear = nn.Linear(shape.d_in, shape.d_out, bias=False, dtype=dtype)
        self.linear = linear.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.linear(x)
        return result


class Added(nn.Module):
    """A frozen layer plus an operator of ours."""

    def __init__(self, base: Frozen, operator: nn.Module) -> None:
        super().__init__()
        self.linear, self.operator = base.linear, operator

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.linear(x) + self.operator(x)
        return result


def variants(cell: Cell, *, device: str) -> dict[str, Build]:
    """Return what builds each variant of a cell, by name.

    A build may raise: not every adapter is possible for every layer.
    """
    found: dict[str, Build] = {}
    for strategy in strategies():
        found[f"ours, {strategy}"] = lambda s=strategy: Added(
            Frozen(cell), operator(cell, strategy=s, device=device)
        )
    if device == "cuda":
        found["ours, fused kernel"] = lambda: fused(cell)
    for form in ("difference", "residual", "zero"):
        found[f"ours in PEFT, {form}"] = lambda f=form: peft_model(
            cell, qa.CircuitConfig(circuit=cell.shape.circuit, form=f, target_modules=["linear"])
        )
    if cell.shape.official is not None:
        wide = cell.shape.official
        found["official formula"] = lambda: Official(Frozen(cell).linear, wide)
    for name, config in rivals():
        found[name] = lambda c=config: peft_model(cell, c, autocast_adapter_dtype=False)
    if cell.dtype != "float32":
        config = peft.LoraConfig(r=8, target_modules=["linear"])
        found["LoRA r8, fp32 adapter"] = lambda: peft_model(cell, config)
    return found


def strategies() -> tuple[str, ...]:
    """The strategies that `qa.compile` takes, as the library lists them."""
    return tuple(getattr(compiler, "STRATEGIES", ("einsum",)))


def operator(cell: Cell, *, strategy: str, device: str) -> nn.Module:
    """Return the circuit of a cell as a module that follows a strategy."""
    wanted = {
        "tokens": cell.tokens,
        "strategy": strategy,
        "dtype": cell.dtype,
        "device": device,
    }
    known = inspect.signature(qa.compile).parameters
    options: dict[str, Any] = {key: value for key, value in wanted.items() if key in known}
    return qa.compile(cell.shape.circuit, **options).module(dtype=DTYPES[cell.dtype])


def fused(cell: Cell) -> nn.Module:
    """Return a layer whose circuit runs in the fused kernel, where that can."""
    from qcircuit_adapt.nn.fused import fused_apply, why_not

    circuit = cell.shape.circuit
    reason = why_not(circuit, DTYPES[cell.dtype])
    if reason:
        raise qa.CircuitError(reason)
    module = qa.compile(circuit, tokens=cell.tokens).module(dtype=DTYPES[cell.dtype])
    # The same parameters, applied by the kernel.
    module.forward = lambda x: fused_apply(circuit, x, module.weights())  # type: ignore[method-assign]
    return Added(Frozen(cell), module)


def rivals() -> Iterator[tuple[str, peft.PeftConfig]]:
    """Name other adapters of PEFT, with their configurations."""
    on = ["linear"]
    for rank in (8, 64, 128):
        yield f"LoRA r{rank}", peft.LoraConfig(r=rank, target_modules=on)
    yield "LoKr r8", peft.LoKrConfig(r=8, target_modules=on)
    yield "OFT block 32", peft.OFTConfig(r=0, oft_block_size=32, target_modules=on)
    # PEFT makes two butterfly factors one where its CUDA extension does not build.
    yield (
        "BOFT block 8",
        peft.BOFTConfig(boft_block_size=8, boft_n_butterfly_factor=2, target_modules=on),
    )


def peft_model(cell: Cell, config: peft.PeftConfig, **options: bool) -> nn.Module:
    """Return the frozen layer, adapted by PEFT."""
    return peft.get_peft_model(Frozen(cell), config, **options)  # type: ignore[arg-type]


def make_ready(model: nn.Module, *, device: str) -> nn.Module:
    """Move a model, and give it values at which nothing is zero."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter), alpha=0.01)
    return model.to(device)
