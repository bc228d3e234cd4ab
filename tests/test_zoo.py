"""The published adapters that are circuits, beside PEFT's own layers and their known ranks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import peft
import pytest
import torch
from tiny_models import ignore_warnings
from torch import Tensor, nn

from qcircuit_adapt import Circuit, families, load_adapter, prove, reference
from qcircuit_adapt.families import resolve

pytestmark = ignore_warnings

Tensors = Mapping[str, Tensor]
Layer = Any


@dataclass(frozen=True)
class Twin:
    """A method as PEFT has it, and as a circuit.

    Attributes:
        spec: The circuit for a layer's shape.
        config: PEFT's configuration, but for the target.
        tensors: PEFT's tensors as those of the circuit's gates.
        update: PEFT's update, or its ``T`` where it acts on one side of the weight.
        scale: What PEFT multiplies the circuit by.
        trained: How many numbers the circuit trains that PEFT does not.
        side: None, or the side of the weight it acts on.
    """

    spec: str
    config: Callable[..., Any]
    tensors: Callable[[Layer, Circuit], Tensors]
    update: Callable[[Layer], Tensor] = lambda layer: layer.get_delta_weight("default")
    scale: Callable[[Layer], float] = lambda layer: 1.0
    trained: Callable[[Layer, Circuit], int] = lambda layer, circuit: 0
    side: str | None = None


def own(layer: Layer, name: str) -> Tensor:
    """A tensor of the layer's adapter."""
    return getattr(layer, name)["default"]


def scaling(layer: Layer) -> float:
    return float(layer.scaling["default"])


def lora(layer: Layer, circuit: Circuit) -> Tensors:
    return {"g1": own(layer, "lora_A").weight, "g2": own(layer, "lora_B").weight}


def adalora(layer: Layer, circuit: Circuit) -> Tensors:
    parts = {"g1": "lora_A", "g2": "lora_E", "g3": "lora_B"}
    tensors = {gate: own(layer, name) for gate, name in parts.items()}
    return tensors | {"g2": tensors["g2"][:, 0]}


def lokr(layer: Layer, circuit: Circuit) -> Tensors:
    def factor(name: str) -> Tensor:
        if "default" in getattr(layer, name):
            return own(layer, name)
        return own(layer, f"{name}_a") @ own(layer, f"{name}_b")

    return {"g1": factor("lokr_w1"), "g2": factor("lokr_w2")}


def loha(layer: Layer, circuit: Circuit) -> Tensors:
    out1, in1, out2, in2 = (
        own(layer, f"hada_{name}") for name in ("w1_a", "w1_b", "w2_a", "w2_b")
    )
    return {"g1": in1.T[:, :, None], "g2": in2, "g3": out2, "g4": out1[:, None, :]}


def vera(layer: Layer, circuit: Circuit) -> Tensors:
    return {
        "g1": own(layer, "vera_A")[:, : circuit.d_in],
        "g2": own(layer, "vera_lambda_d"),
        "g3": own(layer, "vera_B")[: circuit.d_out],
        "g4": own(layer, "vera_lambda_b"),
    }


def randlora(layer: Layer, circuit: Circuit) -> Tensors:
    scales, small = own(layer, "randlora_lambda"), own(layer, "randlora_gamma")
    rank, terms = scales.shape
    narrow = own(layer, "randlora_A")[:, 0]
    # PEFT joins (term, rank) of one matrix to (rank, term) of the other, in this order.
    wide = own(layer, "randlora_B")[:, :terms].reshape(-1, rank, terms)
    if circuit.d_in <= circuit.d_out:
        return {"g1": small.T[:, :, None], "g2": narrow, "g3": scales, "g4": wide}
    last = small.T[:, None, :]
    return {"g1": wide.permute(1, 2, 0), "g2": scales, "g3": narrow.T, "g4": last}


def gralora(layer: Layer, circuit: Circuit) -> Tensors:
    first, second = circuit.gates
    down, up = own(layer, "gralora_A"), own(layer, "gralora_B")
    a, c, s, b = first.shape
    d = second.to[0].size
    return {
        "g1": down.reshape(a, b, c, s).permute(0, 2, 3, 1),
        "g2": up.reshape(c, a, s, d).permute(0, 3, 1, 2),
    }


def miss(layer: Layer, circuit: Circuit) -> Tensors:
    return {"g1": torch.ones(circuit.gates[0].shape), "g2": own(layer, "miss_block").T[:, None]}


def c3a(layer: Layer, circuit: Circuit) -> Tensors:
    size = circuit.inputs[1].size
    to, kernel, on = np.indices((size, size, size))
    cyclic = torch.tensor((to - on - kernel) % size == 0).double()
    return {"g1": cyclic, "g2": own(layer, "c3a_kernel").permute(0, 1, 2)}


def oft(layer: Layer, circuit: Circuit) -> Tensors:
    whole, (a, b, _) = layer.get_delta_weight("default"), circuit.gates[0].shape
    return {"g1": torch.stack([whole[n * b : n * b + b, n * b : n * b + b].T for n in range(a)])}


def boft(layer: Layer, circuit: Circuit) -> Tensors:
    return {
        gate.name: layer.cayley_batch(blocks).transpose(1, 2).reshape(gate.shape)
        for gate, blocks in zip(circuit.gates, own(layer, "boft_R").flip(0), strict=True)
    }


def road(layer: Layer, circuit: Circuit) -> Tensors:
    a, c, *_ = circuit.gates[0].shape
    theta, alpha = (own(layer, name).reshape(a, 2, c) for name in ("road_theta", "road_alpha"))
    cos, sin = alpha * theta.cos(), alpha * theta.sin()
    rows = torch.stack([cos[:, 0], -sin[:, 0]], dim=-1), torch.stack([sin[:, 1], cos[:, 1]], dim=-1)
    return {"g1": torch.stack(rows, dim=-2)}


def ia3(layer: Layer, circuit: Circuit) -> Tensors:
    return {"g1": own(layer, "ia3_l").flatten()}


def added(layer: Layer) -> Tensor:
    """PEFT's update where it is added to the weight in place."""
    weight = layer.get_base_layer().weight
    return layer.get_delta_weight_miss("default", torch.zeros_like(weight))


def count_skew(layer: Layer, circuit: Circuit) -> int:
    """Numbers in blocks, less those in strict upper triangles, which OFT makes rotations of."""
    a, b, _ = circuit.gates[0].shape
    return a * b * b - a * b * (b - 1) // 2


TWINS = {
    "lora": Twin("lora(rank=4)", partial(peft.LoraConfig, r=4, lora_alpha=3), lora, scale=scaling),
    "adalora": Twin(
        "adalora(rank=4)",
        partial(peft.AdaLoraConfig, init_r=4, lora_alpha=3, total_step=9),
        adalora,
        scale=lambda layer: scaling(layer) / (own(layer, "ranknum").item() + 1e-5),
        trained=lambda layer, circuit: -own(layer, "ranknum").numel(),
    ),
    "lokr": Twin("lokr(rank=1)", partial(peft.LoKrConfig, r=1, alpha=3), lokr, scale=scaling),
    "lokr-factor": Twin(
        "lokr(rank=2, factor=4)",
        partial(peft.LoKrConfig, r=2, alpha=3, decompose_factor=4),
        lokr,
        scale=scaling,
    ),
    "lokr-both": Twin(
        "lokr(rank=1, both=1)",
        partial(peft.LoKrConfig, r=1, alpha=3, decompose_both=True),
        lokr,
        scale=scaling,
    ),
    "lokr-full": Twin(
        "lokr(rank=4096)", partial(peft.LoKrConfig, r=4096, alpha=4096), lokr, scale=scaling
    ),
    "loha": Twin("loha(rank=3)", partial(peft.LoHaConfig, r=3, alpha=2), loha, scale=scaling),
    "vera": Twin("vera(rank=5)", partial(peft.VeraConfig, r=5), vera),
    "randlora": Twin(
        "randlora(rank=5)", partial(peft.RandLoraConfig, r=5), randlora, scale=scaling
    ),
    "gralora": Twin(
        "gralora(rank=8, blocks=4)",
        partial(peft.GraloraConfig, r=8, gralora_k=4, hybrid_r=0, alpha=3),
        gralora,
        scale=scaling,
    ),
    "miss": Twin("miss(rank=4)", partial(peft.MissConfig, r=4), miss, update=added),
    "oft": Twin(
        "oft(block=4)",
        partial(peft.OFTConfig, r=0, oft_block_size=4, use_cayley_neumann=False),
        oft,
        trained=count_skew,
        side="input",
    ),
    "boft": Twin(
        "boft(block=4, factors=2)",
        partial(peft.BOFTConfig, boft_block_size=4, boft_n_butterfly_factor=2),
        boft,
        trained=lambda layer, circuit: -own(layer, "boft_s").numel(),
        side="input",
    ),
    "road": Twin(
        "road(group=8)",
        partial(peft.RoadConfig, variant="road_2", group_size=8),
        road,
        side="output",
    ),
    "ia3": Twin("ia3", partial(peft.IA3Config, feedforward_modules=[]), ia3, side="output"),
    "ia3-input": Twin("ia3", partial(peft.IA3Config, feedforward_modules=["lin"]), ia3, side="input"),
}


def make_layer(config: Callable[..., Any], d_in: int, d_out: int) -> Layer:
    """Make PEFT's layer in float64, with random numbers for all it trains."""
    torch.manual_seed(3)
    model = nn.Sequential()
    model.add_module("lin", nn.Linear(d_in, d_out, bias=False, dtype=torch.float64))
    layer = peft.get_peft_model(model, config(target_modules=["lin"])).base_model.model.lin
    with torch.no_grad():
        for name, weight in layer.named_parameters():
            if weight.requires_grad and "ranknum" not in name and "boft_s" not in name:
                weight.copy_(torch.randn(weight.shape) / math.sqrt(weight.shape[-1]))
    return layer


class BlockDiagonal:
    """What PEFT's CUDA extension does, without which it makes a single factor of BOFT's."""

    def forward(self, blocks: Tensor) -> list[Tensor]:
        return [torch.stack([torch.block_diag(*factor) for factor in blocks])]


@pytest.fixture(autouse=True)
def extension(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("peft.tuners.boft.layer.get_fbd_cuda", BlockDiagonal)


@pytest.mark.parametrize(("d_in", "d_out"), [(24, 16), (16, 24), (32, 32), (768, 512)])
@pytest.mark.parametrize("name", TWINS)
@torch.no_grad()
def test_the_same_tensors_give_the_update_of_peft(name: str, d_in: int, d_out: int) -> None:
    twin = TWINS[name]
    layer = make_layer(twin.config, d_in, d_out)
    acts_on = {None: (d_in, d_out), "input": (d_in, d_in), "output": (d_out, d_out)}[twin.side]
    circuit = resolve(twin.spec, *acts_on)
    trained = sum(weight.numel() for weight in layer.parameters() if weight.requires_grad)
    assert circuit.parameters == trained + twin.trained(layer, circuit)

    tensors = {name: t.detach().double().numpy() for name, t in twin.tensors(layer, circuit).items()}
    matrix = reference.matrix(circuit, tensors)
    if twin.side is None:
        expected, actual = twin.update(layer).numpy(), twin.scale(layer) * matrix
    else:
        weight = layer.get_base_layer().weight.numpy().copy()
        actual = weight @ matrix if twin.side == "input" else matrix @ weight
        assert np.abs(actual - weight).max() > 0.1 * np.abs(weight).max()
        layer.merge()
        expected = layer.get_base_layer().weight.numpy()
    # PEFT draws its frozen matrices in float32 and may scale in it.
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-6 * np.abs(expected).max())
