"""Saved adapters of every format version and form, with what they compute.

``python -m tests.golden_adapters`` writes those of this version; what is there already stays.
"""

from __future__ import annotations

from pathlib import Path

import torch
from peft import PeftModel, get_peft_model
from safetensors.torch import save_file
from torch import Tensor, nn

import qcircuit_adapt as qa
from qcircuit_adapt.hf.config import FORMAT_VERSION

FOLDER = Path(__file__).parent / "golden" / "adapters"
RECORD = "expected.safetensors"

CONFIGS = {
    "difference": qa.CircuitConfig(
        circuit="quanta(axes=2)",
        circuits={
            "narrow": "a=4 b=3 | a b {rank=2}, b per a, a {frozen init=orthogonal}, a -> a=2"
        },
        target_modules=["square", "narrow"],
        scale=0.5,
    ),
    "residual": qa.CircuitConfig(
        circuit="a=4 b=3 | a b, per a b, b, b {share=g3}",
        circuits={"narrow": "a=4 b=3 | a b, a -> a=2"},
        form="residual",
        target_modules=["square", "narrow"],
    ),
    "zero": qa.CircuitConfig(
        circuit="lora(rank=2)",
        form="zero",
        scale=2.0,
        target_modules=["square", "narrow"],
        modules_to_save=["head"],
    ),
    "input": qa.CircuitConfig(
        circuit="a=4 b=3 | a b, b", form="input", target_modules=["square", "narrow"]
    ),
    "output": qa.CircuitConfig(
        circuit="a=3 b=2 | a b, per a b",
        circuits={"square": "a=4 b=3 | a, b"},
        form="output",
        target_modules=["square", "narrow"],
        scale=0.5,
    ),
    "orthogonal": qa.CircuitConfig(
        circuit="a=4 b=3 | a b, b per a",
        form="input",
        orthogonal=True,
        target_modules=["square", "narrow"],
    ),
    "seed": qa.CircuitConfig(
        circuit="quanta(axes=2)",
        circuits={"narrow": "a=4 b=3 | a b {init=normal frozen}, a -> a=2 {rank=2}"},
        save_reference=False,
        seed=7,
        target_modules=["square", "narrow"],
    ),
    "sum": qa.CircuitConfig(
        circuit="quanta(axes=2) + 0.5 zero lora(rank=2) + -1.0 input monarch(axes=2)",
        use_dora=True,
        target_modules=["square", "narrow"],
    ),
}


class Base(nn.Module):
    """Layers whose weights are written by a formula, so that no generator's changes matter."""

    def __init__(self) -> None:
        super().__init__()
        self.square = nn.Linear(12, 12)
        self.narrow = nn.Linear(12, 6)
        self.head = nn.Linear(6, 2)
        with torch.no_grad():
            for n, parameter in enumerate(self.parameters()):
                parameter.copy_(wave(parameter.shape, phase=n))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.head(self.narrow(torch.tanh(self.square(x))))
        return result


def wave(shape: torch.Size | tuple[int, ...], *, phase: int) -> Tensor:
    """Numbers that no version of any library draws otherwise: multiples of 1/64 from -1 to 1."""
    count = torch.arange(torch.Size(shape).numel())
    return ((count * 37 + phase * 11 + 5) % 129 - 64).reshape(shape) / 64


def inputs() -> Tensor:
    return wave((3, 12), phase=7)


@torch.no_grad()
def record(model: PeftModel) -> dict[str, Tensor]:
    """What an adapted model computes: its outputs, and the update of each layer."""
    layers = {"square": model.base_model.square, "narrow": model.base_model.narrow}
    found = {f"delta.{name}": one.get_delta_weight("default") for name, one in layers.items()}
    return {"outputs": model(inputs()), **found}


def main() -> None:
    for form, config in CONFIGS.items():
        folder = FOLDER / f"v{FORMAT_VERSION}" / form
        if folder.exists():
            continue
        torch.manual_seed(0)
        model = get_peft_model(Base(), config).eval()
        with torch.no_grad():
            for n, (name, parameter) in enumerate(model.named_parameters()):
                if parameter.requires_grad and "qcircuit" in name:
                    parameter.copy_(wave(parameter.shape, phase=n) / 4)
                elif parameter.requires_grad:
                    parameter.add_(0.25)
        model.save_pretrained(str(folder))
        (folder / "README.md").unlink()
        save_file(record(model), folder / RECORD)


if __name__ == "__main__":
    main()
