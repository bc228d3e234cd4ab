"""Updates added to what the base layer gives: when, how exactly, and what that saves."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import get_peft_model
from tiny_models import ignore_warnings
from torch import Tensor, nn

from qcircuit_adapt import CircuitConfig
from qcircuit_adapt.adapter import FORMS, FORMS_ON_WEIGHT
from qcircuit_adapt.hf import CircuitLinear
from qcircuit_adapt.nn.update import Update

pytestmark = ignore_warnings
BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
IN_PLACE = ("feature-save-all", "feature-save-x", "token-save-all", "token-save-x", "materialised")


class Model(nn.Module):
    def __init__(self, d_in: int, d_out: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.linear = nn.Linear(d_in, d_out, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.linear(x)
        return result


def adapt(
    d_in: int = 24,
    d_out: int = 24,
    dtype: torch.dtype = torch.float64,
    *,
    wide: bool = False,
    **options: object,
) -> CircuitLinear:
    """Adapt a layer; if wide, the adapter is in float32 whatever the layer's type."""
    torch.manual_seed(0)
    options = {"circuit": "quanta(axes=3)", "strategy": "feature-save-x"} | options
    config = CircuitConfig(target_modules=["linear"], **options)
    model = get_peft_model(Model(d_in, d_out, dtype), config, autocast_adapter_dtype=wide)
    return model.base_model.model.linear


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Note for every layer that asks whether its update was added in place."""
    notes: list[bool] = []
    ask = Update.add_to

    def note(self: Update, *arguments: object) -> Tensor | None:
        result = ask(self, *arguments)  # type: ignore[arg-type]
        notes.append(result is not None)
        return result

    monkeypatch.setattr(Update, "add_to", note)
    return notes


def train(layer: CircuitLinear, x: Tensor) -> list[Tensor]:
    """Return the result of a step and all gradients."""
    own = x.clone().requires_grad_()
    layer.zero_grad()
    y = layer(own)
    y.square().sum().backward()
    return [y.detach(), own.grad, *(p.grad for p in layer.parameters() if p.grad is not None)]


@pytest.mark.parametrize("d_out", [24, 12])
@pytest.mark.parametrize("strategy", IN_PLACE)
@pytest.mark.parametrize("form", [form for form in FORMS if form not in FORMS_ON_WEIGHT])
def test_in_place_is_apart(form: str, strategy: str, d_out: int, taken: list[bool]) -> None:
    layer = adapt(d_out=d_out, form=form, strategy=strategy, scale=0.5, init_weights=False)
    x = torch.randn(2, 5, 24, dtype=torch.float64)
    found = train(layer, x)
    assert taken == [True]
    # A listener keeps the base layer apart.
    layer.base_layer.register_forward_hook(lambda *_: None)
    expected = train(layer, x)
    assert taken == [True]
    assert len(found) > 3
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("strategy", IN_PLACE)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("form", ["zero", "difference", "residual"])
def test_a_new_layer_is_the_base_layer_to_the_bit(
    form: str, wide: bool, dtype: torch.dtype, strategy: str
) -> None:
    layer = adapt(64, 64, dtype, form=form, wide=wide, strategy=strategy)
    x = torch.randn(130, 64, dtype=dtype)
    assert torch.equal(layer(x), layer.base_layer(x))


def test_a_wide_adapter_of_a_narrow_layer_widens_a_chunk_alone(taken: list[bool]) -> None:
    layer = adapt(64, 64, torch.bfloat16, wide=True)
    x = torch.randn(500, 64, dtype=torch.bfloat16, requires_grad=True)
    kept: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        y = layer(x)
    assert taken == [True]
    assert y.dtype == torch.bfloat16
    assert [one.data_ptr() for one in kept if one.numel() >= x.numel()] == [x.data_ptr()]
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == torch.bfloat16
    assert all(p.grad.dtype == torch.float32 for p in layer.qcircuit_delta.parameters())


def second_adapter(layer: CircuitLinear) -> None:
    config = CircuitConfig(circuit="quanta(axes=2)", strategy="feature-save-x")
    layer.update_layer("other", config.adapter_for("linear", 24, 24), config)
    layer.set_adapter(["default", "other"])


APART: dict[str, Callable[[CircuitLinear], object]] = {
    "forward hook": lambda layer: layer.base_layer.register_forward_hook(lambda *_: None),
    "forward pre-hook": lambda layer: layer.base_layer.register_forward_pre_hook(lambda *_: None),
    "backward hook": lambda layer: layer.base_layer.register_full_backward_hook(lambda *_: None),
    "forward replaced": lambda layer: setattr(
        layer.base_layer, "forward", lambda x, own=layer.base_layer.forward: own(x)
    ),
    "weight trained": lambda layer: layer.base_layer.weight.requires_grad_(),
    "bias trained": lambda layer: layer.base_layer.bias.requires_grad_(),
    "another class": lambda layer: setattr(
        layer.base_layer, "__class__", type("Own", (nn.Linear,), {})
    ),
    "two adapters": second_adapter,
    "disabled": lambda layer: layer.enable_adapters(False),
    "merged": lambda layer: layer.merge(),
}


@pytest.mark.parametrize("change", APART.values(), ids=APART)
def test_what_keeps_the_update_apart(
    change: Callable[[CircuitLinear], object], taken: list[bool]
) -> None:
    layer = adapt(init_weights=False)
    change(layer)
    x = torch.randn(5, 24, dtype=torch.float64)
    found = layer(x)
    assert not any(taken)
    expected = layer.base_layer(x)
    if not layer.disable_adapters and not layer.merged:
        for name in layer.active_adapters:
            expected = expected + x @ layer.get_delta_weight(name).T
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    "options",
    [
        {"strategy": "einsum"},
        {"use_dora": True},
        {"form": "input"},
        {"circuit": "lora(rank=2) + quanta(axes=2)"},
    ],
    ids=str,
)
def test_which_adapters_are_apart(options: dict[str, object], taken: list[bool]) -> None:
    adapt(**options)(torch.randn(5, 24, dtype=torch.float64))
    assert taken == [False]


def test_dropout_and_autocast_are_apart(taken: list[bool]) -> None:
    layer = adapt(24, 24, torch.float32, dropout=0.5)
    layer.train()(torch.randn(5, 24))
    assert taken == []
    layer.eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert layer(torch.randn(5, 24)).dtype == torch.bfloat16
    assert taken == [False]
    layer(torch.randn(5, 24))
    assert taken == [False, True]


def test_auto_is_chosen_for_as_many_tokens_as_come(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    update = importlib.import_module("qcircuit_adapt.nn.update")
    ask = update.compile

    def note(*arguments: object, tokens: int, **options: object) -> object:
        asked.append(tokens)
        return ask(*arguments, tokens=tokens, **options)

    layer = adapt(24, 24, torch.float32, strategy="auto")
    monkeypatch.setattr(update, "compile", note)
    for tokens in (1, 5, 300):
        layer(torch.randn(tokens, 24))
    assert asked == [1, 8, 512]


def test_memory_of_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond x and the weights: the result, the gradient of x, and what a chunk needs."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    count = importlib.import_module("training.count").count
    rows = {}
    for strategy in ("einsum", "feature-save-x"):
        model = Model(1024, 1024, torch.float32)
        config = CircuitConfig(
            circuit="quanta(axes=16-8-8)", strategy=strategy, target_modules=["linear"]
        )
        adapted = get_peft_model(model, config)
        x = torch.randn(2048, 1024, requires_grad=True)
        found = count(adapted, x, torch.randn(2048, 1024))
        rows[strategy] = (found.saved / x.nbytes, found.peak / x.nbytes)
    # The gates laid out as matrices.
    assert rows["feature-save-x"][0] < 0.05
    assert rows["feature-save-x"][1] < 2.5
    assert rows["einsum"][0] > 1.9
    assert rows["einsum"][1] > 5
