import copy
import pickle
import warnings

import pytest
import torch
from peft import LoraConfig, get_peft_model, inject_adapter_in_model
from tiny_models import (
    MODELS,
    assert_unchanged,
    compute_logits,
    describe,
    ignore_warnings,
    make_gpt2,
    make_llama,
    make_roberta,
    make_tokens,
)
from torch import nn

import qcircuit_adapt.hf.layer
from qcircuit_adapt.adapter import FORMS
from qcircuit_adapt.errors import AdaptError
from qcircuit_adapt.hf import CircuitConfig, CircuitLayer, CircuitLinear

pytestmark = ignore_warnings

EPS = torch.finfo(torch.float32).eps


def adapted_layers(model):
    return {n: m for n, m in model.named_modules() if isinstance(m, CircuitLayer)}


def make_adapted(model=None, **options):
    options = {"init_weights": False, "target_modules": ["q_proj", "v_proj"], **options}
    return get_peft_model(model or make_llama(), CircuitConfig(**options)).eval()


def lines(error):
    return str(error.value).splitlines()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("training", [False, True])
def test_a_new_adapter_leaves_the_logits_to_the_bit(name, dtype, form, training):
    model = MODELS[name]().to(dtype)
    expected = compute_logits(model)
    adapted = get_peft_model(model, CircuitConfig(form=form))
    for layer in adapted_layers(adapted).values():
        layer.train(training)
    assert adapted_layers(adapted)
    assert torch.equal(compute_logits(adapted), expected)


@pytest.mark.parametrize("autocast", [True, False])
def test_the_update_has_one_dtype(autocast):
    model = get_peft_model(
        make_llama().bfloat16(), CircuitConfig(), autocast_adapter_dtype=autocast
    )
    for layer in adapted_layers(model).values():
        dtypes = {tensor.dtype for tensor in layer.qcircuit_delta.state_dict().values()}
        assert dtypes == {torch.float32 if autocast else torch.bfloat16}
        assert layer.base_layer.weight.dtype == torch.bfloat16


def test_default_targets_are_those_of_lora():
    names = set(adapted_layers(get_peft_model(make_llama(), CircuitConfig())))
    lora = get_peft_model(make_llama(), LoraConfig())
    assert names == {n for n, m in lora.named_modules() if hasattr(m, "lora_A")}
    assert len(names) == 4


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"target_modules": "all-linear"}, 14),
        ({"target_modules": r".*\.1\..*(q|k)_proj"}, 2),
        ({"target_modules": ["q_proj"], "layers_to_transform": [1]}, 1),
        (
            {
                "target_modules": ["q_proj", "k_proj"],
                "exclude_modules": ["layers.0.self_attn.k_proj"],
            },
            3,
        ),
    ],
)
def test_targets_are_chosen_as_in_peft(options, expected):
    model = get_peft_model(make_llama(), CircuitConfig(**options))
    assert len(adapted_layers(model)) == expected


def test_modules_have_circuits_of_their_own():
    config = CircuitConfig(
        circuit="quanta(axes=3)",
        circuits={"v_proj": "lora(rank=2)", r"layers\.1\.self_attn\.q_proj": "quanta(axes=2)"},
        target_modules=["q_proj", "v_proj"],
    )
    model = get_peft_model(make_llama(), config)
    gates = {
        name.removeprefix("base_model.model.model.layers."): len(
            list(layer.qcircuit_delta.parameters())
        )
        for name, layer in adapted_layers(model).items()
    }
    assert gates == {
        "0.self_attn.q_proj": 3,
        "1.self_attn.q_proj": 1,
        "0.self_attn.v_proj": 2,
        "1.self_attn.v_proj": 2,
    }


def test_only_the_circuits_are_trainable():
    model = get_peft_model(make_roberta(), CircuitConfig(modules_to_save=["classifier"]))
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert any(".qcircuit_delta.default.weight_" in name for name in trained)
    assert any(".classifier.modules_to_save.default." in name for name in trained)
    for name in trained:
        assert ".qcircuit_delta.default." in name or ".modules_to_save.default." in name


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("form", FORMS)
def test_merging_keeps_the_logits_and_leaves_no_trace(make, form):
    base = make()
    plain, before = compute_logits(base), describe(base)
    model = get_peft_model(base, CircuitConfig(form=form, init_weights=False)).eval()
    assert len(adapted_layers(model)) > 0
    expected = compute_logits(model)
    merged = model.merge_and_unload()
    # Rounding of a sum of about 64 terms, by each of about 14 linear layers, in random directions.
    bound = EPS * (64 * 14) ** 0.5 * float(expected.abs().max())
    torch.testing.assert_close(compute_logits(merged), expected, rtol=0, atol=bound)
    assert (expected - plain).abs().max() > 100 * bound
    modules, tensors, _, attributes = describe(merged)
    assert modules == before[0]
    assert tensors.keys() == before[1].keys()
    assert attributes == before[3]


def test_merging_in_bfloat16_is_as_exact_as_the_dtype():
    model = make_adapted(make_llama().bfloat16())
    exact = copy.deepcopy(model).float()
    expected, unmerged = compute_logits(exact), compute_logits(model).float()
    merged = compute_logits(model.merge_and_unload()).float()
    rounding = (unmerged - expected).abs().max()
    assert (merged - expected).abs().max() < 2 * rounding
    exact.disable_adapter_layers()
    assert (compute_logits(exact) - expected).abs().max() > 10 * rounding


def test_merging_and_unmerging_restores_every_tensor_to_the_bit():
    model = make_adapted()
    before = describe(model)
    for _ in range(3):
        model.merge_adapter()
        assert any(layer.merged for layer in adapted_layers(model).values())
        model.unmerge_adapter()
    assert_unchanged(model, before)


def test_unload_gives_the_base_model_back():
    base = make_llama()
    expected = compute_logits(base)
    assert torch.equal(compute_logits(make_adapted(base).unload()), expected)


def test_several_adapters():
    base = make_llama()
    plain = compute_logits(base)
    model = make_adapted(base)
    first = compute_logits(model)
    model.add_adapter(
        "second", CircuitConfig(circuit="lora(rank=2)", form="zero", init_weights=False)
    )
    assert torch.equal(compute_logits(model), first)
    model.set_adapter("second")
    second = compute_logits(model)
    assert not torch.allclose(second, first)
    model.set_adapter("default")
    assert torch.equal(compute_logits(model), first)
    with model.disable_adapter():
        assert torch.equal(compute_logits(model), plain)
    assert torch.equal(compute_logits(model), first)
    model.delete_adapter("second")
    assert torch.equal(compute_logits(model), first)
    assert not any("second" in key for key in model.state_dict())


def test_a_second_adapter_may_have_layers_of_its_own_and_waits():
    model = make_adapted()
    expected = compute_logits(model)
    model.add_adapter("second", CircuitConfig(init_weights=False, target_modules=["k_proj"]))
    assert torch.equal(compute_logits(model), expected)
    assert len(adapted_layers(model)) == 6
    assert not any(p.requires_grad for n, p in model.named_parameters() if ".second." in n)
    model.set_adapter("second")
    assert {n for n, p in model.named_parameters() if p.requires_grad} == {
        n for n, _ in model.named_parameters() if ".second." in n
    }
    assert not torch.equal(compute_logits(model), expected)


def test_rows_of_a_batch_have_adapters_of_their_own():
    model = make_adapted()
    model.add_adapter(
        "second", CircuitConfig(circuit="lora(rank=2)", form="zero", init_weights=False)
    )
    tokens = make_tokens(rows=3)
    names = ["second", "__base__", "default"]
    mixed = compute_logits(model, tokens, adapter_names=names)
    for row, name in enumerate(names):
        if name == "__base__":
            with model.disable_adapter():
                alone = compute_logits(model, tokens[row : row + 1])
        else:
            model.set_adapter(name)
            alone = compute_logits(model, tokens[row : row + 1])
        bound = EPS * (64 * 14) ** 0.5 * float(alone.abs().max())
        torch.testing.assert_close(mixed[row], alone[0], rtol=0, atol=bound)
    beams = model.generate(input_ids=tokens, adapter_names=names, num_beams=2, max_new_tokens=3)
    assert beams.shape == (3, 12)
    with pytest.raises(AdaptError) as error:
        compute_logits(model, tokens, adapter_names=["secnd"] * 3)
    assert lines(error) == ["there is no adapter 'secnd'.", "  Did you mean 'second'?"]
    with pytest.raises(AdaptError, match="Cannot pass `adapter_names` when the model"):
        compute_logits(model.train(), tokens, adapter_names=names)
    assert not any(module._forward_pre_hooks for module in model.modules())


CUT = "a=4 b=2 c=4 d=2 | c d, b d, a d, b c, a c, a b, a -> a=2 {init=identity frozen}"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"circuit": "quanta(axes=4)", "form": "residual"},
            "64 of the 400 numbers of 'a=4 b=4 c=2 d=2 | c d, b d, a d, b c, a c, a b -> a=2 b' "
            "have no gradient at the first step in form 'residual', but once others have moved. In "
            "form 'difference', or where the gate that makes the layer narrower comes first, all "
            "have one.",
        ),
        (
            {"circuits": {"v_proj": CUT}},
            f"32 of the 528 numbers of '{CUT}' never have a gradient; they could be left out.",
        ),
        ({"circuit": "quanta(axes=4)"}, None),
        ({"circuit": "lora(rank=2)", "form": "zero"}, None),
        ({"circuit": "a=2 b=32 | b -> b=16, a b", "form": "residual"}, None),
        ({"circuit": "quanta(axes=4)", "form": "residual", "inference_mode": True}, None),
    ],
)
def test_numbers_that_have_no_gradient_are_named_once(options, said):
    options = {"target_modules": ["v_proj"], **options}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        get_peft_model(make_llama(), CircuitConfig(**options))
    found = [str(one.message) for one in caught if "gradient" in str(one.message)]
    assert [one for one in found if "checkpointing" not in one] == ([said] if said else [])


def test_copies_compute_the_same():
    model = make_adapted()
    expected = compute_logits(model)
    assert torch.equal(compute_logits(copy.deepcopy(model)), expected)
    assert torch.equal(compute_logits(pickle.loads(pickle.dumps(model))), expected)


def test_it_can_be_injected_without_a_peft_model():
    model = make_llama()
    expected = compute_logits(model)
    again = inject_adapter_in_model(CircuitConfig(), model)
    assert again is model
    assert len(adapted_layers(model)) == 4
    assert torch.equal(compute_logits(model), expected)


def break_layer(model, index):
    """Give one layer's v_proj a size that has no circuit with four axes."""
    layer = model.model.layers[index].self_attn
    layer.v_proj = nn.Linear(61, 32, bias=False)
    return layer.v_proj


def test_a_model_that_fails_at_its_tenth_layer_is_left_as_it_was():
    model = make_llama(layers=12)
    break_layer(model, 9)
    before = describe(model)
    with pytest.raises(AdaptError) as error:
        get_peft_model(model, CircuitConfig())
    assert lines(error)[0] == (
        "layer 'model.layers.9.self_attn.v_proj' (61 -> 32) cannot have circuit 'quanta(axes=4)'."
    )
    assert lines(error)[-1].endswith("Or leave the layer out: exclude_modules.")
    assert_unchanged(model, before)


def test_what_can_fail_fails_before_anything_is_built(monkeypatch):
    model = make_llama(layers=12)
    break_layer(model, 9)

    def build(*_, **__):
        raise AssertionError("built")

    monkeypatch.setattr(qcircuit_adapt.hf.layer, "Update", build)
    with pytest.raises(AdaptError):
        get_peft_model(model, CircuitConfig())


class FailsAt:
    """Stands for `Update`, and fails the n-th time."""

    def __init__(self, n, error):
        self.left, self.error = n, error
        self.build = qcircuit_adapt.hf.layer.Update

    def __call__(self, *args, **kwargs):
        self.left -= 1
        if self.left == 0:
            raise self.error
        return self.build(*args, **kwargs)


@pytest.mark.parametrize("error", [MemoryError(), KeyboardInterrupt()], ids=type)
def test_a_failure_while_building_is_rolled_back(monkeypatch, error):
    model = make_llama(layers=12)
    before = describe(model)
    monkeypatch.setattr(qcircuit_adapt.hf.layer, "Update", FailsAt(10, error))
    with pytest.raises(type(error)):
        get_peft_model(model, CircuitConfig(modules_to_save=["lm_head"]))
    assert_unchanged(model, before)


def test_a_second_adapter_that_fails_leaves_the_first(monkeypatch):
    model = make_adapted(modules_to_save=["lm_head"])
    before, expected = describe(model), compute_logits(model)
    monkeypatch.setattr(qcircuit_adapt.hf.layer, "Update", FailsAt(3, MemoryError()))
    with pytest.raises(MemoryError):
        model.add_adapter("second", CircuitConfig(modules_to_save=["lm_head"]))
    assert_unchanged(model, before)
    assert list(model.peft_config) == ["default"]
    assert torch.equal(compute_logits(model), expected)


REFUSALS = {
    "a misspelt target": (
        {"target_modules": ["q_porj", "v_proj"]},
        [
            "Target modules ['q_porj', 'v_proj'] not found in the base model: it has no module "
            "'q_porj'.",
            "  Did you mean 'q_proj' or 'v_proj' or 'o_proj'?",
        ],
    ),
    "an embedding": (
        {"target_modules": ["embed_tokens"]},
        [
            "target module 'model.embed_tokens' is not a linear layer, but Embedding.",
            "  Take it out of target_modules; modules_to_save trains it whole.",
        ],
    ),
    "a norm": (
        {"target_modules": ["input_layernorm"]},
        [
            "target module 'model.layers.0.input_layernorm' is not a linear layer, but "
            "LlamaRMSNorm.",
            "  Take it out of target_modules; modules_to_save trains it whole.",
        ],
    ),
    "a pattern without a module": (
        {"target_modules": ["q_proj"], "circuits": {"qproj": "lora(rank=1)"}},
        [
            "the pattern 'qproj' in circuits matches no target module.",
            "  Did you mean 'q_proj'?",
        ],
    ),
    "a circuit of another size": (
        {"target_modules": ["q_proj"], "circuit": "a=8 b=4 | a b"},
        [
            "layer 'model.layers.0.self_attn.q_proj' (64 -> 64) cannot have circuit "
            "'a=8 b=4 | a b'.",
            "  the circuit maps 32 to 32, but the layer maps 64 to 64.",
            '  Use a family, which fits every shape: "quanta(axes=4)". Or leave the layer out: '
            "exclude_modules.",
        ],
    ),
    "a circuit with nothing to train": (
        {"target_modules": ["q_proj"], "circuit": "a=8 b=8 | a b {frozen}"},
        [
            "layer 'model.layers.0.self_attn.q_proj' (64 -> 64) cannot have circuit "
            "'a=8 b=8 | a b {frozen}'.",
            "  the circuit has no gate to train.",
            "  Remove 'frozen' from a gate, or add one. Or leave the layer out: exclude_modules.",
        ],
    ),
}


@pytest.mark.parametrize(("options", "expected"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_says_why_and_changes_nothing(options, expected):
    model = make_llama()
    before = describe(model)
    with pytest.raises(AdaptError) as error:
        get_peft_model(model, CircuitConfig(**options))
    assert lines(error) == expected
    assert_unchanged(model, before)


class Mixture(nn.Module):
    """Layers that no circuit fits, and those that another module looks into."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(16, 16)
        self.conv1 = nn.Conv1d(16, 16, 3)
        self.conv2 = nn.Conv2d(16, 16, 3)
        self.conv3 = nn.Conv3d(16, 16, 3)
        self.bilinear = nn.Bilinear(16, 16, 16)
        self.embedding = nn.Embedding(16, 16)
        self.attention = nn.MultiheadAttention(16, 2)
        self.encoder = nn.TransformerEncoderLayer(16, 2, 16)


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("conv1", "Conv1d"),
        ("conv2", "Conv2d"),
        ("conv3", "Conv3d"),
        ("bilinear", "Bilinear"),
        ("embedding", "Embedding"),
        ("attention", "MultiheadAttention"),
    ],
)
def test_what_is_not_linear_is_refused(target, kind):
    model = Mixture()
    before = describe(model)
    with pytest.raises(AdaptError) as error:
        get_peft_model(model, CircuitConfig(target_modules=["linear", target]))
    assert lines(error) == [
        f"target module {target!r} is not a linear layer, but {kind}.",
        "  Take it out of target_modules; modules_to_save trains it whole.",
    ]
    assert_unchanged(model, before)


def test_a_layer_whose_weight_another_reads_is_refused():
    """`torch.nn.MultiheadAttention` never calls its out_proj: an adapter there would do nothing."""
    model = Mixture()
    before = describe(model)
    with pytest.raises(AdaptError) as error:
        get_peft_model(model, CircuitConfig(target_modules=["attention.out_proj"]))
    assert lines(error) == [
        "target module 'attention.out_proj' is never called: MultiheadAttention reads its weight.",
        "  An adapter on it would do nothing.",
        "  Take it out of target_modules; modules_to_save trains the whole module.",
    ]
    with pytest.raises(AdaptError) as error:
        get_peft_model(model, CircuitConfig(target_modules=["linear1"]))
    assert lines(error) == [
        "target module 'encoder.linear1' is never called: TransformerEncoderLayer reads its "
        "weight.",
        "  An adapter on it would do nothing.",
        "  Call torch.backends.mha.set_fastpath_enabled(False) first.",
    ]
    assert_unchanged(model, before)


def test_an_encoder_without_its_fast_path_calls_its_layers():
    model, x = Mixture().encoder.eval(), torch.randn(3, 2, 16)
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad():
            expected = model(x)
            config = CircuitConfig(target_modules=["linear1"], init_weights=False)
            assert not torch.allclose(get_peft_model(model, config)(x), expected)
    finally:
        torch.backends.mha.set_fastpath_enabled(True)


def test_a_regular_expression_that_matches_nothing_is_refused():
    model = make_llama()
    before = describe(model)
    with pytest.raises(ValueError, match="not found in the base model"):
        get_peft_model(model, CircuitConfig(target_modules=".*q_porj"))
    assert_unchanged(model, before)


def test_an_unknown_architecture_needs_targets():
    model = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 16))
    before = describe(model)
    with pytest.raises(AdaptError) as error:
        get_peft_model(model, CircuitConfig())
    assert lines(error) == [
        "no target_modules are known for the architecture 'custom'.",
        "  Give target_modules, or \"all-linear\". The modules are '0', '2'.",
    ]
    assert_unchanged(model, before)
    assert len(adapted_layers(get_peft_model(model, CircuitConfig(target_modules=["2"])))) == 1


@pytest.mark.filterwarnings("ignore:You are trying to modify a model with PEFT:UserWarning")
@pytest.mark.filterwarnings("ignore:Already found a `peft_config`:UserWarning")
def test_a_model_with_another_methods_adapter_is_refused():
    model = get_peft_model(make_llama(), LoraConfig(target_modules=["k_proj"])).base_model.model
    before = describe(model)
    with pytest.raises(AdaptError) as error:
        get_peft_model(model, CircuitConfig(target_modules=["q_proj"]), adapter_name="second")
    assert lines(error) == [
        "module 'model.layers.0.self_attn.k_proj' is already adapted by peft.tuners.lora.layer.",
        "  PEFT would save both adapters in one file.",
        "  Call merge_and_unload() or unload() first.",
    ]
    assert_unchanged(model, before)


def test_gpt2_layers_are_known_by_their_class():
    model = get_peft_model(make_gpt2(), CircuitConfig())
    layers = list(adapted_layers(model).values())
    assert {type(layer) for layer in layers} == {CircuitLinear}
    assert all(layer.fan_in_fan_out for layer in layers)
