"""LoRA: ``dW = scale B A``.

Source: Hu et al., "LoRA", arXiv:2106.09685; scale ``alpha / sqrt(r)``: Kalajdzievski,
arXiv:2312.03732.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from torch import Tensor

from qcircuit_adapt.errors import FileError
from qcircuit_adapt.families import lora
from qcircuit_adapt.hf.interchange.layer import Layer
from qcircuit_adapt.hf.interchange.source import Source, expect_shapes, take_matrix

_A, _B = "lora_A.weight", "lora_B.weight"
_KNOWN = (
    "alpha_pattern",
    "corda_config",
    "ensure_weight_tying",
    "eva_config",
    "init_lora_weights",
    "loftq_config",
    "lora_alpha",
    "lora_dropout",
    "lora_ga_config",
    "megatron_config",
    "megatron_core",
    "qalora_group_size",
    "r",
    "rank_pattern",
    "use_rslora",
)
_REFUSED = {
    "use_dora": "DoRA divides by the norm of the weight's columns, which is no circuit.",
    "bias": "It trains biases too, which are no part of a weight's update.",
    "lora_bias": "It adds a bias, which is no part of a weight's update.",
    "alora_invocation_tokens": "It acts on some of the tokens only, which a weight cannot.",
    "layer_replication": "It repeats layers of the model.",
    "target_parameters": "It adapts parameters that are not those of linear layers.",
    "trainable_token_indices": "It trains rows of the embedding too.",
}
_INITS = (True, False, "gaussian", "eva", "orthogonal")


def read_lora(source: Source) -> Iterator[Layer]:
    """Yield the layers of a LoRA adapter.

    Raises:
        FileError: It is of a variant that is no circuit, or its tensors do not fit.
    """
    source.require("r", "lora_alpha")
    source.check_options(known=_KNOWN, refused=_REFUSED)
    init = source.options.get("init_lora_weights", True)
    if init not in _INITS:
        raise FileError(
            f"{str(source.folder)!r} was trained with init_lora_weights={init!r}.",
            cause="Loading such an adapter changes the base weights as well.",
            cure="Save it with peft's path_initial_model_for_weight_conversion, which makes it "
            "plain LoRA.",
        )
    for module, tensors in source.modules((_A, _B)).items():
        A, B = (take_matrix(module, tensors, name) for name in (_A, _B))
        rank = int(source.number("r", module, pattern="rank_pattern"))
        shapes = {_A: (rank, A.shape[1]), _B: (B.shape[0], rank)}
        expect_shapes(module, tensors, shapes)
        alpha = source.number("lora_alpha", module, pattern="alpha_pattern")
        scale = alpha / (math.sqrt(rank) if source.options.get("use_rslora") else rank)
        yield Layer(
            module,
            spec=f"lora(rank={rank})",
            circuit=lora(A.shape[1], B.shape[0], rank=rank),
            form="zero",
            scale=scale,
            tensors={"weight_g1": A, "weight_g2": B},
            apply=lambda x, A=A, B=B, scale=scale: (_apply(x, A, B, scale),),  # type: ignore[misc]
        )


def _apply(x: Tensor, A: Tensor, B: Tensor, scale: float) -> Tensor:
    result: Tensor = scale * (x @ A.to(x).T @ B.to(x).T)
    return result
