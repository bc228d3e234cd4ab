"""What is measured: a frozen layer with each kind of adapter."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import peft
import torch
from torch import Tensor, nn

import qcircuit_adapt as qa
from qcircuit_adapt.compiler.strategy import STRATEGIES
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


def variants(cell: Cell, *, device: str) -> dict[str, Build]:
    """Return what builds each variant of a cell, by name.

    A build may raise: not every adapter is possible for every layer.
    """
    found: dict[str, Build] = {}
    for strategy in (*STRATEGIES, "auto"):
        found[f"ours, {strategy}"] = lambda s=strategy: ours(cell, form="zero", strategy=s)
    for form in ("difference", "residual"):
        found[f"ours, auto, {form}"] = lambda f=form: ours(cell, form=f, strategy="auto")
    if cell.shape.official is not None:
        wide = cell.shape.official
        found["official formula"] = lambda: Official(Frozen(cell).linear, wide)
    for name, config in rivals():
        found[name] = lambda c=config: peft_model(cell, c, autocast_adapter_dtype=False)
    if cell.dtype != "float32":
        config = peft.LoraConfig(r=8, target_modules=["linear"])
        found["LoRA r8, fp32 adapter"] = lambda: peft_model(cell, config)
    return found


def ours(cell: Cell, *, form: str, strategy: str) -> nn.Module:
    """Return the frozen layer, adapted by the circuit of a cell."""
    config = qa.CircuitConfig(
        circuit=cell.shape.circuit, form=form, strategy=strategy, target_modules=["linear"]
    )
    return peft_model(cell, config, autocast_adapter_dtype=False)


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
