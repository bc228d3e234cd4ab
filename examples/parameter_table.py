"""The parameter counts of QuanTA on LLaMA models, counted on the models themselves.

Each model is built from its published configuration on the meta device, so no memory is taken, and
adapted on q_proj and v_proj. "published" is the layout of the official code, which computes all
outputs of a square circuit and keeps the first of them where v_proj is narrower (GQA);
"rectangular" lets the last gate on an axis change its size instead, so that no parameter is dead.

Source of the counts compared with: Chen et al., "QuanTA", arXiv:2406.00132 (0.041 %, 0.029 %,
0.014 % for LLaMA2 7B, 13B and 70B).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

from transformers import LlamaConfig

import qcircuit_adapt as qa
from qcircuit_adapt.factors import match_factors
from qcircuit_adapt.families import quanta
from qcircuit_adapt.hf.model_table import ModelTable, tabulate_model


@dataclass(frozen=True)
class Model:
    name: str
    config: LlamaConfig
    axes: tuple[int, ...]


def llama(hidden: int, intermediate: int, layers: int, heads: int, **others: int) -> LlamaConfig:
    return LlamaConfig(
        hidden_size=hidden,
        intermediate_size=intermediate,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        **others,
    )


LLAMA2_7B = llama(4096, 11008, 32, 32)
LLAMA2_13B = llama(5120, 13824, 40, 40)
LLAMA2_70B = llama(8192, 28672, 80, 64, num_key_value_heads=8)
LLAMA3_8B = llama(4096, 14336, 32, 32, num_key_value_heads=8, vocab_size=128256)

MODELS = [
    Model("LLaMA2-7B", LLAMA2_7B, (16, 8, 8, 4)),
    Model("LLaMA2-7B", LLAMA2_7B, (16, 16, 16)),
    Model("LLaMA2-7B", LLAMA2_7B, (8, 8, 8, 8)),
    Model("LLaMA2-7B", LLAMA2_7B, (8, 8, 4, 4, 4)),
    Model("LLaMA2-13B", LLAMA2_13B, (16, 8, 8, 5)),
    Model("LLaMA2-70B", LLAMA2_70B, (16, 8, 8, 8)),
    Model("LLaMA3-8B", LLAMA3_8B, (16, 8, 8, 4)),
]


def cropped(axes: tuple[int, ...], d_out: int) -> qa.Circuit:
    """The official layout: a square circuit, of whose outputs the first are kept."""
    square = quanta(axes)
    if square.d_out == d_out:
        return square
    first = axes[0] * d_out // square.d_out
    return square >> qa.Circuit(square.outputs, [f"a -> a={first} {{frozen init=identity}}"])


def rectangular(axes: tuple[int, ...], d_out: int) -> qa.Circuit:
    return quanta(axes, to=match_factors(d_out, axes=axes))


def count(model: Model, layout: Callable[[tuple[int, ...], int], qa.Circuit]) -> ModelTable:
    heads = model.config.num_key_value_heads * model.config.head_dim
    config = qa.CircuitConfig(
        circuits={
            "q_proj": layout(model.axes, model.config.hidden_size),
            "v_proj": layout(model.axes, heads),
        },
        target_modules=["q_proj", "v_proj"],
    )
    return tabulate_model(model.config, config)


def main() -> None:
    print(f"{'model':<12}{'axes':<12}{'published':>12}{'of model':>10}{'rectangular':>14}")
    for model in MODELS:
        with warnings.catch_warnings():
            # Numbers that train in vain are what the published layout has, where it crops.
            warnings.filterwarnings("ignore", ".*never have a gradient")
            published = count(model, cropped)
        slim = count(model, rectangular)
        axes = "-".join(map(str, model.axes))
        print(
            f"{model.name:<12}{axes:<12}{published.parameters:>12,}{published.share:>10.4%}"
            f"{slim.parameters:>14,}"
        )


if __name__ == "__main__":
    main()
