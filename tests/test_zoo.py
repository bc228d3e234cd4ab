"""The published adapters that are circuits, beside PEFT's own layers and their known ranks."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import peft
import pytest
import torch
from tiny_models import ignore_warnings
from torch import Tensor, nn

from qcircuit_adapt import Circuit, Form, families, load_adapter, prove, reference
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
    out1, in1, out2, in2 = (own(layer, f"hada_{name}") for name in ("w1_a", "w1_b", "w2_a", "w2_b"))
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
    "lokr-half": Twin("lokr(rank=3)", partial(peft.LoKrConfig, r=3, alpha=3), lokr, scale=scaling),
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
    "ia3-input": Twin(
        "ia3", partial(peft.IA3Config, feedforward_modules=["lin"]), ia3, side="input"
    ),
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

    tensors = {
        name: t.detach().double().numpy() for name, t in twin.tensors(layer, circuit).items()
    }
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


@pytest.mark.parametrize(("d_in", "d_out", "block"), [(24, 16, 4), (15, 10, 5), (256, 384, 64)])
@torch.no_grad()
def test_block_circulant_matrices_are_a_circuit_with_a_given_frozen_gate(
    d_in: int, d_out: int, block: int
) -> None:
    layer = make_layer(partial(peft.C3AConfig, block_size=block), d_in, d_out)
    circuit = Circuit.parse(
        f"n={d_in // block} j={block} | j -> i={block} k={block} {{frozen}}, "
        f"n k -> m={d_out // block}, -> m i"
    )
    kernel = own(layer, "c3a_kernel")
    assert circuit.parameters == kernel.numel()
    i, k, j = np.indices((block, block, block))
    tensors = {"g1": (j - i - k) % block == 0, "g2": kernel.numpy()}
    expected = layer.get_delta_weight("default").numpy()
    # PEFT makes it by fast Fourier transforms in float32.
    np.testing.assert_allclose(
        reference.matrix(circuit, tensors) / d_in, expected, rtol=0, atol=1e-5 * expected.max()
    )


@pytest.mark.parametrize("gram_schmidt", [False, True])
@torch.no_grad()
def test_householder_reflections_change_a_weight_by_a_circuit_of_low_rank(
    gram_schmidt: bool,
) -> None:
    config = partial(peft.HRAConfig, r=4, apply_GS=gram_schmidt)
    change = make_layer(config, 24, 16).get_delta_weight("default").numpy() - np.eye(24)
    left, values, right = np.linalg.svd(change)
    assert (values > 1e-9).sum() == 4
    tensors = {"g1": right[:4], "g2": left[:, :4] * values[:4]}
    matrix = reference.matrix(families.lora(24, 24, rank=4), tensors)
    np.testing.assert_allclose(matrix, change, rtol=0, atol=1e-12)


KNOWN_RANKS = [
    ("lora(rank=3)", "zero", (40, 24), 3, 3),
    ("lora(rank=3)", "difference", (40, 24), 3, 6),
    ("adalora(rank=3)", "zero", (40, 24), 3, 3),
    ("kronecker(axes=8-6)", "difference", (48, 48), 48, 48),
    ("lokr(rank=2, factor=4)", "zero", (48, 48), 4 * 2, 4 * 2),
    ("lokr(rank=2, factor=4)", "difference", (48, 48), 4 * 2, 4 * 2 * 2),
    ("lokr(rank=2, both=1)", "zero", (48, 48), 2 * 2, 2 * 2),
    ("tensor_train(axes=4-4-3, rank=2)", "zero", (48, 48), 48, 48),
    ("tt_lora(axes=4-4-3, rank=2)", "zero", (48, 48), 2, 2),
    ("tucker(axes=4-4-3, rank=2)", "zero", (48, 48), 2**3, 2**3),
    ("cp(axes=8-6, rank=5)", "zero", (48, 48), 5, 5),
    ("monarch(axes=8-6)", "difference", (48, 48), 48, 48),
    ("butterfly", "difference", (48, 48), 48, 48),
    ("gralora(rank=6, blocks=3)", "zero", (48, 36), 3 * 6, 3 * 6),
    ("loha(rank=3)", "zero", (48, 36), 3**2, 3**2),
    ("loha(rank=6)", "zero", (48, 30), 30, 30),
    ("khatri_rao", "zero", (48, 36), 36, 36),
    ("miss(rank=8)", "zero", (48, 36), 8, 8),
    ("mora(size=12)", "zero", (48, 36), 12, 12),
    ("vera(rank=5)", "zero", (48, 36), 5, 5),
    ("vera(rank=5)", "difference", (48, 36), 5, 5),
    ("randlora(rank=5)", "zero", (48, 36), 36, 36),
    ("randlora(rank=5)", "zero", (36, 48), 36, 36),
    ("ia3", "residual", (48, 48), 48, 48),
    ("oft(block=8)", "residual", (48, 48), 48, 48),
    ("boft(block=4, factors=2)", "residual", (48, 48), 48, 48),
    ("road(group=8)", "residual", (48, 48), 48, 48),
    ("quanta(axes=4-4-3)", "difference", (48, 48), 48, 48),
    ("lora(rank=16)", "zero", (4096, 14336), 16, 16),
    ("lokr(rank=8, factor=16)", "zero", (4096, 4096), 16 * 8, 16 * 8),
    ("tucker(axes=3, rank=6)", "zero", (4096, 4096), 6**3, 6**3),
    ("gralora(rank=32, blocks=4)", "zero", (4096, 1024), 4 * 32, 4 * 32),
    ("loha(rank=8)", "zero", (4096, 1024), 8**2, 8**2),
    ("miss(rank=64)", "zero", (4096, 1024), 64, 64),
    ("mora(size=256)", "zero", (4096, 1024), 256, 256),
    ("vera(rank=256)", "zero", (4096, 1024), 256, 256),
]


@pytest.mark.parametrize(("spec", "form", "shape", "rank", "update_rank"), KNOWN_RANKS)
def test_the_largest_rank_is_the_known_one(
    spec: str, form: Form, shape: tuple[int, int], rank: int, update_rank: int
) -> None:
    certificate = prove(resolve(spec, *shape), form=form)
    update = certificate.update_rank
    assert update
    assert (certificate.rank.lower, certificate.rank.upper) == (rank, rank)
    assert (update.lower, update.upper) == (update_rank, update_rank)


@pytest.mark.parametrize(
    ("text", "rank"),
    [
        ("quanta(axes=4-4-2) + zero lora(rank=3)", 32),
        ("zero loha(d_in=32, rank=2) + zero lora(rank=3)", 2**2 + 3),
        ("zero gralora(d_in=32, rank=4, blocks=2) + 0.5 lora(rank=2)", 2 * 4 + 2 * 2),
    ],
)
def test_ranks_of_hybrids_add_up_to_the_full_one(text: str, rank: int) -> None:
    certificate = prove(load_adapter(text))
    update = certificate.update_rank
    assert update
    assert (update.lower, update.upper) == (rank, rank)


DOCUMENT = Path(__file__).parents[1] / "docs" / "zoo.md"


def read_rows() -> list[list[str]]:
    """The cells of the document's table, without code marks."""
    rows = re.findall(r"^\| (.* \| `\w+\(.*) \|$", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    return [[cell.strip("` ").replace("\\|", "|") for cell in re.split(r" \| ", r)] for r in rows]


@pytest.mark.parametrize("row", read_rows(), ids=lambda row: row[1])
def test_the_document_says_what_is_proved(row: list[str]) -> None:
    _, call, text, _, parameters, rank, form, update_rank, freedom, _ = row
    circuit = families.call_family(call)
    certificate = prove(circuit, form=cast(Form, form), witness=True)
    assert (circuit.text, circuit.parameters) == (text, int(parameters))
    proved = [certificate.rank, certificate.update_rank, certificate.degrees_of_freedom]
    stated = [int(number) for number in (rank, update_rank, freedom)]
    assert [(one.lower, one.upper) for one in proved if one] == [(n, n) for n in stated]


def test_the_document_has_a_row_for_each_family() -> None:
    called = {row[1].partition("(")[0] for row in read_rows()}
    assert called == {*families.FAMILIES} - {"brickwork"}
