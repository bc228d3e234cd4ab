"""Weighted sums of adapters as adapters of their own."""

import pytest
import torch
from peft import PeftModel, get_peft_model
from tiny_models import (
    assert_unchanged,
    compute_logits,
    describe,
    ignore_warnings,
    make_gpt2,
    make_llama,
    make_tokens,
)

from qcircuit_adapt.errors import AdaptError, OptionError
from qcircuit_adapt.hf import CircuitConfig, CircuitLayer

pytestmark = ignore_warnings

OTHERS = {
    "sum": {"circuit": "quanta(axes=2) + 0.5 zero lora(rank=2)", "scale": 2.0},
    "lora": {"circuit": "lora(rank=3)", "form": "zero", "scale": 0.5},
    "input": {"form": "input", "circuits": {"v_proj": "monarch(axes=2)"}},
    "seed": {"save_reference": False, "seed": 5},
    "frozen": {"circuit": "a=8 b=8 | a b {frozen}, a, b {rank=2}", "target_modules": ["q_proj"]},
}


def make_adapted(make=make_llama, **options):
    torch.manual_seed(3)
    options = {"init_weights": False, "target_modules": ["q_proj", "v_proj"], **options}
    return get_peft_model(make(), CircuitConfig(**options)).eval()


def deltas(model, name):
    return {
        key: layer.get_delta_weight(name)
        for key, layer in model.named_modules()
        if isinstance(layer, CircuitLayer) and name in layer.qcircuit_delta
    }


@pytest.mark.parametrize("combination_type", ["cat", "linear", "svd"])
@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_the_update_is_the_weighted_sum(other, combination_type, tmp_path):
    model = make_adapted()
    options = {"init_weights": False, "target_modules": ["k_proj", "v_proj", "q_proj"], **other}
    model.add_adapter("other", CircuitConfig(**options))
    before = {name: deltas(model, name) for name in ("default", "other")}
    logits = compute_logits(model)
    weights = [0.5, -1.5]
    model.add_weighted_adapter(["default", "other"], weights, "both", combination_type)
    found = deltas(model, "both")
    assert found.keys() == before["default"].keys() | before["other"].keys()
    for key, delta in found.items():
        mine, theirs = (before[name].get(key, torch.zeros(())) for name in ("default", "other"))
        expected = 0.5 * mine - 1.5 * theirs
        torch.testing.assert_close(delta, expected, rtol=0, atol=1e-6 * float(expected.abs().max()))
    # Nothing else changed, and the sum is an adapter like any other.
    assert model.active_adapters == ["default"]
    assert torch.equal(compute_logits(model), logits)
    model.set_adapter("both")
    summed = compute_logits(model)
    assert not torch.equal(summed, logits)
    model.save_pretrained(str(tmp_path), selected_adapters=["both"])
    again = PeftModel.from_pretrained(make_llama(), str(tmp_path / "both")).eval()
    assert torch.equal(compute_logits(again), summed)
    model(make_tokens(), labels=make_tokens()).loss.backward()
    assert all(p.grad is not None for n, p in model.named_parameters() if ".both." in n)


def test_orthogonal_gates_stay_so():
    options = {"circuit": "oft(block=8)", "form": "input", "orthogonal": True}
    model = make_adapted(make_gpt2, target_modules=["c_attn"], **options)
    config = CircuitConfig(target_modules=["c_attn"], init_weights=False, **options)
    model.add_adapter("other", config)
    before = [deltas(model, name) for name in ("default", "other")]
    model.add_weighted_adapter(["default", "other"], [1.0, 0.0], "one")
    model.add_weighted_adapter(["default", "other"], [1.0, 2.0], "both")
    for key, delta in deltas(model, "both").items():
        torch.testing.assert_close(delta, before[0][key] + 2 * before[1][key])
        torch.testing.assert_close(deltas(model, "one")[key], before[0][key])
    assert model.peft_config["both"].orthogonal


ADD = (["default", "other"], [1.0, 1.0], "both")
REFUSALS = {
    "an unknown adapter": (
        {},
        (["default", "othre"], [1.0, 1.0], "both"),
        AdaptError,
        ["there is no adapter 'othre'.", "  Did you mean 'other'?"],
    ),
    "a name that is taken": (
        {},
        (*ADD[:2], "other"),
        OptionError,
        ["there is an adapter 'other' already."],
    ),
    "a weight too few": (
        {},
        (["default", "other"], [1.0], "both"),
        OptionError,
        [
            "there are 1 weights for 2 adapters.",
            "  Give one weight for each, and each adapter once.",
        ],
    ),
    "no weight": (
        {},
        (["default", "other"], [0.0, 0.0], "both"),
        OptionError,
        ["every weight is 0.", "  The sum would be no update."],
    ),
    "another combination": (
        {},
        (*ADD, "ties"),
        OptionError,
        [
            "combination_type='ties' is not possible.",
            "  Circuits are added; pruning their updates would give no circuits.",
            "  The types are 'cat', 'linear', 'svd'.",
        ],
    ),
    "magnitudes": (
        {"use_dora": True},
        ADD,
        AdaptError,
        [
            "adapter 'other' has use_dora=True and cannot be added to others.",
            "  Magnitudes divide by the length of a row with its own update alone.",
            "  Make several adapters active instead: set_adapter([...]).",
        ],
    ),
    "modules saved whole": (
        {"modules_to_save": ["lm_head"]},
        ADD,
        AdaptError,
        [
            "adapter 'other' has modules_to_save=['lm_head'] and cannot be added to others.",
            "  Modules that are saved whole are no updates that could be added.",
            "  Make several adapters active instead: set_adapter([...]).",
        ],
    ),
    "one held orthogonal": (
        {"orthogonal": True, "form": "input"},
        ADD,
        AdaptError,
        [
            "adapter 'other' is held orthogonal and others are not, so that they cannot be added.",
            "  Make several adapters active instead: set_adapter([...]).",
        ],
    ),
}


@pytest.mark.parametrize("case", REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_changes_nothing(case):
    options, arguments, kind, expected = case
    model = make_adapted()
    model.add_adapter("other", CircuitConfig(target_modules=["q_proj"], **options))
    before, names = describe(model), list(model.peft_config)
    with pytest.raises(kind) as error:
        model.add_weighted_adapter(*arguments)
    assert str(error.value).splitlines() == expected
    assert_unchanged(model, before)
    assert list(model.peft_config) == names


def test_an_interrupt_leaves_no_sum(monkeypatch):
    model = make_adapted()
    before = describe(model)

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(CircuitLayer, "update_layer", interrupt)
    with pytest.raises(KeyboardInterrupt):
        model.add_weighted_adapter(["default"], [2.0], "twice")
    assert_unchanged(model, before)
    assert list(model.peft_config) == ["default"]
