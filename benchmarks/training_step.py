"""How much longer a training step of one adapted layer takes than of the frozen layer alone.

Each variant is timed between two timings of the frozen base layer and divided by their mean; the
variants come in random order in every round. Printed are the median of these ratios and, in
brackets, their quartiles. Times are CPU time of the process on one thread. "saved"
counts the elements that autograd keeps per token beyond x and the parameters.

    python benchmarks/training_step.py --d-in 4096 --d-out 4096 --tokens 512 --rounds 9
"""

from __future__ import annotations

import argparse
import random
import statistics
import time

import torch
from peft import LoraConfig, get_peft_model
from torch import nn

import qcircuit_adapt as qa

CIRCUIT = "quanta(axes=4)"


class Layer(nn.Module):
    """A frozen linear layer, as a model that PEFT can adapt."""

    def __init__(self, d_in: int, d_out: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.linear = nn.Linear(d_in, d_out, bias=False, dtype=dtype).requires_grad_(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x)


def variants(d_in: int, d_out: int, dtype: torch.dtype) -> dict[str, nn.Module]:
    torch.manual_seed(0)
    models: dict[str, nn.Module] = {}
    for form in qa.FORMS:
        config = qa.CircuitConfig(circuit=CIRCUIT, form=form, target_modules=["linear"])
        models[f"{CIRCUIT}, {form}"] = get_peft_model(Layer(d_in, d_out, dtype), config)
    for rank in (8, 128):
        config = LoraConfig(r=rank, target_modules=["linear"])
        models[f"LoRA r={rank} (PEFT)"] = get_peft_model(Layer(d_in, d_out, dtype), config)
    return models


def seconds(model: nn.Module, x: torch.Tensor) -> float:
    """CPU time of a forward and a backward pass."""
    start = time.process_time()
    model(x).sum().backward()
    return time.process_time() - start


def saved_per_token(model: nn.Module, x: torch.Tensor) -> float:
    """Elements that autograd keeps per token, beyond x and the parameters and buffers."""
    known = {tensor.untyped_storage().data_ptr() for tensor in (x, *model.state_dict().values())}
    storages: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            storages[storage.data_ptr()] = storage.nbytes() // tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = model(x)
    del result
    return sum(storages.values()) / len(x)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--d-in", type=int, default=4096)
    parser.add_argument("--d-out", type=int, default=4096)
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    options = parser.parse_args()
    torch.set_num_threads(1)
    dtype = getattr(torch, options.dtype)
    base = Layer(options.d_in, options.d_out, dtype)
    models = variants(options.d_in, options.d_out, dtype)
    x = torch.randn(options.tokens, options.d_in, dtype=dtype, requires_grad=True)
    for model in (base, *models.values()):
        seconds(model, x)
    ratios: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(options.rounds):
        for name in random.sample(list(models), len(models)):
            before = seconds(base, x)
            time_taken = seconds(models[name], x)
            ratios[name].append(2 * time_taken / (before + seconds(base, x)))
    shape = f"{options.d_in} -> {options.d_out}, {options.tokens} tokens, {options.dtype}"
    print(f"training step over that of the frozen layer alone; {shape}")
    print(f"{'adapter':<32}{'parameters':>12}{'ratio':>8}{'quartiles':>16}{'saved':>10}")
    for name, model in models.items():
        trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
        low, middle, high = statistics.quantiles(ratios[name], n=4)
        spread = f"[{low:.2f}, {high:.2f}]"
        saved = saved_per_token(model, x)
        print(f"{name:<32}{trained:>12,}{middle:>8.2f}{spread:>16}{saved:>10,.0f}")


if __name__ == "__main__":
    main()
