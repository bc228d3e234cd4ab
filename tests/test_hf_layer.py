import copy
import math
import pickle

import pytest
import torch
from tiny_models import ignore_warnings
from torch import nn
from transformers.pytorch_utils import Conv1D

from qcircuit_adapt.adapter import FORMS, FORMS_ON_WEIGHT
from qcircuit_adapt.errors import AdaptError, OptionError
from qcircuit_adapt.hf import CircuitConfig, CircuitLinear
from qcircuit_adapt.hf.layer import dimensions

pytestmark = ignore_warnings


def make_layer(base, *, name="default", **options):
    config = CircuitConfig(**options)
    return CircuitLinear(base, name, config.adapter_for("layer", *dimensions(base)), config)


def add_adapter(layer, name, **options):
    config = CircuitConfig(**options)
    layer.update_layer(name, config.adapter_for("layer", *dimensions(layer)), config)


def make_linear(d_in=24, d_out=16, dtype=torch.float32):
    torch.manual_seed(0)
    return nn.Linear(d_in, d_out, dtype=dtype)


def make_conv1d(d_in=24, d_out=16):
    torch.manual_seed(0)
    return Conv1D(d_out, d_in)


def make_input(d_in=24, rows=5, dtype=torch.float32):
    return torch.randn(rows, 3, d_in, generator=torch.manual_seed(2)).to(dtype)


BASES = {"linear": make_linear, "conv1d": make_conv1d}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_a_new_layer_is_the_base_layer_to_the_bit(form, dtype):
    base, x = make_linear(dtype=dtype), make_input(dtype=dtype)
    expected = base(x)
    actual = make_layer(base, form=form)(x)
    assert actual.dtype == dtype
    assert torch.equal(actual, expected)


@pytest.mark.parametrize("make_base", BASES.values(), ids=BASES)
@torch.no_grad()
def test_the_update_is_added(make_base):
    base, x = make_base().double(), make_input(dtype=torch.float64)
    layer = make_layer(base, init_weights=False, scale=0.5)
    delta = layer.get_delta_weight("default")
    assert delta.shape == base.weight.shape
    dense = delta.T if isinstance(base, nn.Linear) else delta
    # dW x is computed gate after gate here, as one matrix there: rounding, of sums of at most
    # d_in + d_out terms.
    scale = (x.abs() @ dense.abs()).max() + base(x).abs().max()
    bound = float(torch.finfo(torch.float64).eps * 100 * (24 + 16) * scale)
    torch.testing.assert_close(layer(x), base(x) + x @ dense, rtol=0, atol=bound)
    assert (x @ dense).abs().min() > bound


@pytest.mark.parametrize("make_base", BASES.values(), ids=BASES)
@pytest.mark.parametrize("form", FORMS)
@torch.no_grad()
def test_merged_is_unmerged_up_to_rounding(make_base, form):
    base, x = make_base(), make_input()
    kept = base.weight.data.clone()
    layer = make_layer(base, form=form, init_weights=False)
    expected = layer(x)
    effect = float((expected - base(x)).abs().max())
    layer.merge()
    eps = torch.finfo(torch.float32).eps
    largest = (x.abs() @ torch.ones(24)).max() * (kept.abs().max() + base.weight.abs().max())
    bound = float(eps * (24 + 16) * largest)
    torch.testing.assert_close(layer(x), expected, rtol=0, atol=bound)
    assert effect > 100 * bound
    # What runs now is the base layer alone.
    assert torch.equal(layer(x), base(x))


@pytest.mark.parametrize("make_base", BASES.values(), ids=BASES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_repeated_merging_restores_the_weight_to_the_bit(make_base, dtype):
    base = make_base().to(dtype)
    before = base.weight.data.clone()
    layer = make_layer(base, init_weights=False)
    for _ in range(3):
        layer.merge()
        assert not torch.equal(base.weight.data, before)
        assert base.weight.dtype == dtype
        layer.unmerge()
        assert torch.equal(base.weight.data, before)
        assert not layer.merged


def test_a_merged_weight_is_rounded_once():
    base = make_linear(dtype=torch.bfloat16)
    layer = make_layer(base, init_weights=False)
    layer.qcircuit_delta.float()
    exact = base.weight.data.double() + layer.get_delta_weight("default").double()
    layer.merge()
    # Round to nearest: half a unit in the last place, here of float32's sum and of bfloat16.
    half = torch.finfo(torch.bfloat16).eps / 2 + torch.finfo(torch.float32).eps
    assert ((base.weight.double() - exact).abs() <= half * exact.abs()).all()


def test_two_adapters_merge_one_by_one_and_unmerge_together():
    base = make_linear()
    before = base.weight.data.clone()
    layer = make_layer(base, init_weights=False)
    add_adapter(layer, "other", circuit="lora(rank=2)", form="zero", init_weights=False)
    layer.merge(adapter_names=["default"])
    with pytest.warns(UserWarning, match="additionally merging other"):
        layer.merge(adapter_names=["default", "other"])
    assert layer.merged_adapters == ["default", "other"]
    deltas = layer.get_delta_weight("default") + layer.get_delta_weight("other")
    torch.testing.assert_close(base.weight.data, before + deltas)
    layer.unmerge()
    assert torch.equal(base.weight.data, before)
    with pytest.warns(UserWarning, match="Already unmerged"):
        layer.unmerge()


def test_a_merged_layer_unmerges_when_it_is_disabled():
    base, x = make_linear(), make_input()
    expected = base(x)
    layer = make_layer(base, init_weights=False)
    layer.merge()
    layer.enable_adapters(False)
    assert torch.equal(layer(x), expected)
    assert not layer.merged


def test_a_merge_that_is_not_finite_is_refused_and_changes_nothing():
    base = make_linear()
    before = base.weight.data.clone()
    layer = make_layer(base)
    with torch.no_grad():
        next(layer.qcircuit_delta["default"].parameters()).fill_(math.nan)
    with pytest.raises(AdaptError, match="The adapter default seems to be broken"):
        layer.merge(safe_merge=True)
    assert torch.equal(base.weight.data, before)
    assert not layer.merged


@torch.no_grad()
def test_each_row_has_its_own_adapter():
    base, x = make_linear(), make_input(rows=5)
    layer = make_layer(base, init_weights=False)
    add_adapter(layer, "other", circuit="lora(rank=2)", form="zero", init_weights=False)
    names = ["other", "__base__", "default", "default", "other"]
    mixed = layer(x, adapter_names=names)
    for row, name in enumerate(names):
        layer.set_adapter([] if name == "__base__" else [name])
        # A batch of another size may be summed in another order.
        bound = float(torch.finfo(torch.float32).eps * 24 * 16 * mixed.abs().max())
        torch.testing.assert_close(mixed[row], layer(x[row : row + 1])[0], rtol=0, atol=bound)
    assert not torch.allclose(mixed[0], base(x)[0])


def test_rows_must_be_named_one_by_one():
    layer = make_layer(make_linear())
    with pytest.raises(AdaptError, match="but got 2 and 5 respectively"):
        layer(make_input(), adapter_names=["default", "default"])
    layer.merge()
    with pytest.raises(AdaptError, match="please call `unmerge_adapter` first: 'default'"):
        layer(make_input(), adapter_names=["default"] * 5)


def test_dropout_acts_on_the_update_alone_and_in_training_alone():
    base, x = make_linear(), make_input()
    layer = make_layer(base, init_weights=False, dropout=0.5)
    assert not torch.equal(layer.train()(x), layer(x))
    assert torch.equal(layer.eval()(x), layer(x))
    assert torch.equal(layer.get_delta_weight("default"), layer.train().get_delta_weight("default"))
    assert torch.equal(make_layer(make_linear(), dropout=0.5).train()(x), base(x))


def test_only_the_gates_are_trained_and_keys_are_flat():
    layer = make_layer(make_linear(), circuit="a=6 b=4 | a b, a -> a=4 {frozen}, a b")
    names = {name for name, p in layer.named_parameters() if not name.startswith("base_layer")}
    assert names == {"qcircuit_delta.default.weight_g1", "qcircuit_delta.default.weight_g3"}
    for key in layer.state_dict():
        assert key.startswith("base_layer.") or key.count(".") == 2


def test_copies_compute_the_same():
    layer, x = make_layer(make_linear(), init_weights=False), make_input()
    for again in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(again(x), layer(x))


def test_a_copy_of_a_merged_layer_unmerges():
    base, x = make_linear(), make_input()
    expected = base(x)
    layer = make_layer(base, init_weights=False)
    layer.merge()
    again = copy.deepcopy(layer)
    again.unmerge()
    again.enable_adapters(False)
    assert torch.equal(again(x), expected)
    assert layer.merged


def test_a_layer_on_meta_takes_no_memory():
    with torch.device("meta"):
        base = nn.Linear(8192, 28672)
    layer = make_layer(base)
    assert {tensor.device.type for tensor in layer.state_dict().values()} == {"meta"}
    assert sum(p.numel() for p in layer.qcircuit_delta.parameters()) > 0


@pytest.mark.parametrize("make_base", BASES.values(), ids=BASES)
def test_its_dimensions_are_those_of_the_base_layer(make_base):
    layer = make_layer(make_base())
    assert (layer.in_features, layer.out_features) == dimensions(make_base())


def test_dimensions_are_those_of_linear_layers():
    assert dimensions(make_linear(24, 16)) == dimensions(make_conv1d(24, 16)) == (24, 16)
    assert dimensions(make_layer(make_linear(24, 16))) == (24, 16)
    assert dimensions(nn.Embedding(24, 16)) is None
    assert dimensions(nn.Sequential(make_linear())) is None


def test_it_does_not_pass_for_lora():
    assert not make_layer(make_linear()).supports_lora_conversion()


@pytest.mark.parametrize("d_out", [4096, 1024])
def test_a_large_layer_in_bfloat16_trains_a_step_and_merges(d_out):
    torch.manual_seed(0)
    base = nn.Linear(4096, d_out, bias=False, dtype=torch.bfloat16).requires_grad_(False)
    before = base.weight.data.clone()
    layer = make_layer(base)
    layer.qcircuit_delta.float()
    x = torch.randn(4, 4096, dtype=torch.bfloat16)
    wanted = base(x) + torch.randn(4, d_out, dtype=torch.bfloat16)
    optimizer = torch.optim.AdamW(layer.qcircuit_delta.parameters(), lr=1e-3)
    losses = []
    for _ in range(2):
        loss = (layer(x) - wanted).float().square().mean()
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[1] < losses[0]
    assert torch.equal(base.weight.data, before)
    with torch.no_grad():
        expected = layer(x)
        layer.merge()
        actual = layer(x)
    # One rounding of each weight, and one of each of the three results: of W x, dW x and the sum.
    eps = torch.finfo(torch.bfloat16).eps
    bound = eps * (
        x.float().norm(dim=1).max() * base.weight.float().norm(dim=1).max()
        + 3 * (expected.abs().max().float())
    )
    torch.testing.assert_close(actual, expected, rtol=0, atol=float(bound))
    assert not torch.equal(base.weight.data, before)
    layer.unmerge()
    assert torch.equal(base.weight.data, before)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("strategy", ["feature-save-x", "token-save-all", "materialised", "auto"])
def test_a_strategy_trains_the_same_and_keeps_what_it_says(form, strategy):
    base, x = make_linear(64, 64, torch.float64), make_input(64, dtype=torch.float64)
    options = {"circuit": "quanta(axes=3)", "form": form}
    layers = [make_layer(base, **options, strategy=one) for one in ("einsum", strategy)]
    layers[1].load_state_dict(layers[0].state_dict())
    assert torch.equal(layers[1](x), base(x))
    rows = {}
    for layer in layers:
        for number, parameter in enumerate(layer.qcircuit_delta.parameters()):
            torch.manual_seed(number)
            nn.init.normal_(parameter)
        kept, wide = set(), x.repeat(100, 1, 1).requires_grad_()

        def keep(tensor, kept=kept, wide=wide):
            if tensor.numel() >= wide.numel() // 4:  # an activation, not a gate
                kept.add((tensor.untyped_storage().data_ptr(), tensor.untyped_storage().nbytes()))
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            y = layer(wide)
        y.square().sum().backward()
        rows[layer] = sum(size for _, size in kept) / (8 * wide.numel())
    one, other = ([p.grad for p in layer.qcircuit_delta.parameters()] for layer in layers)
    for expected, actual in zip(one, other, strict=True):
        torch.testing.assert_close(actual, expected, rtol=1e-10, atol=1e-10)
    if strategy == "feature-save-x" and form not in FORMS_ON_WEIGHT:
        assert rows[layers[1]] < 1.3 < rows[layers[0]]


def test_a_strategy_is_known_by_name():
    with pytest.raises(OptionError) as caught:
        CircuitConfig(strategy="feature-save")
    assert str(caught.value).splitlines() == [
        "strategy='feature-save' is not possible.",
        "  Did you mean 'feature-save-x' or 'feature-save-all' or 'token-save-x'?",
    ]
