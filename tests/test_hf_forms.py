"""Every way of entering a weight, in whole models: sums, both sides, magnitudes, seeds."""

import json
import re

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from peft.tuners.lora import Linear as LoraLinear
from safetensors.torch import load_file
from tiny_models import (
    MODELS,
    assert_unchanged,
    compute_logits,
    describe,
    ignore_warnings,
    make_gpt2,
    make_llama,
    make_tokens,
)
from torch import nn
from transformers.pytorch_utils import Conv1D

from qcircuit_adapt import Adapter, families
from qcircuit_adapt.errors import AdaptError, FileError, OptionError
from qcircuit_adapt.hf import CircuitConfig, CircuitLayer, CircuitLinear, load

pytestmark = ignore_warnings

SUM = "quanta(axes=3) + 0.5 zero lora(rank=2) + input monarch + -2.0 output quanta(axes=2)"
OPTIONS = {
    "input": {"form": "input"},
    "output": {"form": "output"},
    "sum": {"circuit": SUM},
    "dora": {"use_dora": True},
    "dora around lora": {"circuit": "lora(rank=2)", "form": "zero", "use_dora": True},
    "dora around input": {"form": "input", "use_dora": True},
    "dora around a sum": {"circuit": SUM, "use_dora": True, "scale": 0.5},
    "orthogonal": {"form": "input", "orthogonal": True},
    "orthogonal on both sides": {
        "circuit": "input monarch + output quanta(axes=2)",
        "orthogonal": True,
        "use_dora": True,
    },
    "seed": {"save_reference": False, "seed": 3},
    "seed in a sum": {"circuit": SUM, "save_reference": False},
}
every_option = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
EPS = torch.finfo(torch.float32).eps


def make_layer(base, d_in, d_out, **options):
    config = CircuitConfig(**options)
    return CircuitLinear(base, "default", config.adapter_for("layer", d_in, d_out), config)


def adapt(model, **options):
    return get_peft_model(model, CircuitConfig(**options)).eval()


def take_steps(model, steps=3):
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = model(make_tokens(), labels=make_tokens()).loss
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def base_weights(model):
    return [m.get_base_weight() for m in model.modules() if isinstance(m, CircuitLayer)]


@every_option
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", MODELS)
def test_a_new_adapter_leaves_the_logits_to_the_bit(name, dtype, options):
    model = MODELS[name]().to(dtype)
    expected = compute_logits(model)
    for autocast in (True, False):
        adapted = get_peft_model(
            model, CircuitConfig(**options), autocast_adapter_dtype=autocast
        ).eval()
        assert base_weights(adapted)
        assert torch.equal(compute_logits(adapted), expected)
        model = adapted.unload()


@every_option
@pytest.mark.parametrize("make", [make_llama, make_gpt2], ids=["llama", "gpt2"])
def test_from_training_to_the_merged_model(make, options, tmp_path):
    model = adapt(make(), **options)
    before = [weight.clone() for weight in base_weights(model)]
    start = {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}
    losses = take_steps(model)
    assert losses[-1] < losses[0]
    stuck = {n for n, p in model.named_parameters() if n in start and torch.equal(p, start[n])}
    assert not stuck

    plain, expected = compute_logits(make()), compute_logits(model)
    model.save_pretrained(str(tmp_path))
    for name in ("default", "another"):
        for low_cpu_mem_usage in (False, True):
            again = PeftModel.from_pretrained(
                make(), str(tmp_path), name, low_cpu_mem_usage=low_cpu_mem_usage
            ).eval()
            assert torch.equal(compute_logits(again), expected)
    # Rounding of a sum of about 64 terms, by each of about 14 linear layers, in random directions.
    bound = EPS * (64 * 14) ** 0.5 * float(expected.abs().max())
    assert (expected - plain).abs().max() > 100 * bound
    for _ in range(2):
        model.merge_adapter()
        torch.testing.assert_close(compute_logits(model), expected, rtol=0, atol=bound)
        model.unmerge_adapter()
        assert all(map(torch.equal, base_weights(model), before))
    assert torch.equal(compute_logits(model), expected)
    with model.disable_adapter():
        assert torch.equal(compute_logits(model), plain)
    merged = model.merge_and_unload(safe_merge=True)
    torch.testing.assert_close(compute_logits(merged), expected, rtol=0, atol=bound)


@every_option
def test_mixed_rows_are_those_of_one_adapter(options):
    model = adapt(make_llama(), init_weights=False, **options)
    model.add_adapter("other", CircuitConfig(form="output", init_weights=False))
    tokens, expected = make_tokens(rows=3), {}
    for name in ("default", "other"):
        model.set_adapter(name)
        expected[name] = compute_logits(model, tokens)
    with model.disable_adapter():
        expected["__base__"] = compute_logits(model, tokens)
    names = ["other", "__base__", "default"]
    actual = compute_logits(model, tokens, adapter_names=names)
    rows = torch.stack([expected[name][row] for row, name in enumerate(names)])
    # A product of fewer rows may be added up in another order.
    torch.testing.assert_close(actual, rows, rtol=0, atol=100 * EPS * float(rows.abs().max()))


@every_option
def test_two_adapters_merge_as_they_run(options):
    """Each multiplies the weight as it was, also when the other is merged already."""
    model = adapt(make_llama(), init_weights=False, **options)
    model.add_adapter("other", CircuitConfig(form="input", init_weights=False))
    model.base_model.set_adapter(["default", "other"])
    expected = compute_logits(model)
    bound = EPS * (64 * 14) ** 0.5 * float(expected.abs().max())
    model.merge_adapter(["default"])
    with pytest.warns(UserWarning, match="additionally merging other"):
        model.merge_adapter(["other"])
    torch.testing.assert_close(compute_logits(model), expected, rtol=0, atol=4 * bound)


@every_option
def test_a_whole_step_compiles(options):
    torch.compiler.reset()
    torch.manual_seed(0)
    layer = make_layer(nn.Linear(24, 16), 24, 16, init_weights=False, **options)
    x = torch.randn(5, 24)
    compiled = torch.compile(layer, fullgraph=True, dynamic=True, backend="eager")
    # Compiled, the einsum steps are taken; otherwise what is predicted to be the fastest.
    torch.testing.assert_close(compiled(x), layer(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("form", ["input", "output"])
@pytest.mark.parametrize("base", [nn.Linear(24, 16), Conv1D(16, 24)], ids=["linear", "conv1d"])
@torch.no_grad()
def test_the_weight_is_multiplied_and_the_bias_is_not(base, form):
    base.double()
    nn.init.normal_(base.bias)
    layer = make_layer(base, 24, 16, form=form, init_weights=False, scale=1.0)
    update = layer.qcircuit_delta["default"]
    (tensors,), (term,) = update.tensors(), update.adapter.terms
    weight = base.weight if isinstance(base, nn.Linear) else base.weight.T
    own = torch.from_numpy(families_matrix(term.circuit, tensors))
    turned = weight @ own if form == "input" else own @ weight
    x = torch.randn(7, 24, dtype=torch.float64)
    torch.testing.assert_close(layer(x), x @ turned.T + base.bias)
    layer.merge()
    torch.testing.assert_close(layer(x), x @ turned.T + base.bias)


def families_matrix(circuit, tensors):
    from qcircuit_adapt import reference

    return reference.matrix(circuit, tensors)


@pytest.mark.parametrize("form", ["input", "output"])
def test_dropout_drops_what_the_update_takes(form):
    layer = make_layer(nn.Linear(24, 16), 24, 16, form=form, init_weights=False, dropout=0.999)
    x = torch.ones(1, 24)
    assert not torch.equal(layer.eval()(x), layer.base_layer(x))
    torch.manual_seed(0)
    assert torch.allclose(layer.train()(x), layer.base_layer(x), atol=1e-5)


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_dora_is_that_of_peft(scale):
    """The same numbers and the same gradients, from the same gates."""
    torch.manual_seed(0)
    base = nn.Linear(24, 16)
    config = LoraConfig(r=2, lora_alpha=2 * scale, use_dora=True, init_lora_weights=False)
    theirs = LoraLinear(base, "default", r=2, lora_alpha=2 * scale, config=config)
    options = {"circuit": "lora(rank=2)", "form": "zero", "scale": scale, "use_dora": True}
    ours = make_layer(base, 24, 16, **options)
    update, vector = ours.qcircuit_delta["default"], theirs.lora_magnitude_vector["default"]
    with torch.no_grad():
        update.weight_g1.copy_(theirs.lora_A["default"].weight)
        update.weight_g2.copy_(theirs.lora_B["default"].weight)
        vector.weight.mul_(1.25)
        update.magnitude.copy_(vector.weight - base.weight.norm(dim=1))
    x = torch.randn(5, 24)
    torch.testing.assert_close(ours(x), theirs(x))
    for layer in (ours, theirs):
        layer(x).square().sum().backward()
    torch.testing.assert_close(update.weight_g1.grad, theirs.lora_A["default"].weight.grad)
    torch.testing.assert_close(update.weight_g2.grad, theirs.lora_B["default"].weight.grad)
    torch.testing.assert_close(update.magnitude.grad, vector.weight.grad)


def test_a_reference_that_is_not_saved_is_drawn_again(tmp_path):
    model = adapt(make_llama().bfloat16(), save_reference=False, init_weights=False)
    model.save_pretrained(str(tmp_path))
    tensors = load_file(tmp_path / "adapter_model.safetensors")
    assert tensors
    assert not any("reference" in name for name in tensors)
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    digests = config["reference_digests"]
    assert sorted(digests) == [
        f"model.layers.{n}.self_attn.{kind}"
        for n in (0, 1)
        for kind in ("q_proj 64->64", "v_proj 64->32")
    ]
    assert len(set(digests.values())) == 4
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in digests.values())
    # The same reference in another type, whatever torch's generator is at.
    torch.manual_seed(99)
    wide = load(make_llama(), tmp_path)
    for one, other in zip(model.modules(), wide.modules(), strict=True):
        if isinstance(one, CircuitLayer):
            delta = one.get_delta_weight("default"), other.get_delta_weight("default")
            assert torch.equal(*delta)
    assert load(make_llama(), tmp_path).peft_config["default"].reference_digests == digests


def test_other_seeds_give_other_references():
    def reference(**options):
        model = adapt(make_llama(), save_reference=False, **options)
        return next(b for n, b in model.named_buffers() if "reference_g1" in n)

    assert torch.equal(reference(seed=1), reference(seed=1))
    assert not torch.equal(reference(seed=1), reference(seed=2))


def test_a_reference_that_changed_is_refused_and_the_model_left(tmp_path):
    adapt(make_llama(), save_reference=False, init_weights=False).save_pretrained(str(tmp_path))
    file = tmp_path / "adapter_config.json"
    config = json.loads(file.read_text())
    name = "model.layers.1.self_attn.v_proj 64->32"
    was = config["reference_digests"][name]
    config["reference_digests"][name] = "0" * 64
    file.write_text(json.dumps(config))
    model = make_llama()
    before = describe(model)
    with pytest.raises(FileError) as error:
        load(model, tmp_path)
    assert str(error.value).splitlines() == [
        f"the reference of layer {name!r}, drawn from seed 0, is not the one that the adapter was "
        "trained with.",
        f"  Its digest is {was[:16]}..., but reference_digests says 0000000000000000...",
        "  Restore adapter_config.json as it was saved. In a configuration used before, empty "
        "reference_digests.",
    ]
    assert_unchanged(model, before)


def test_frozen_gates_are_drawn_again_too(tmp_path):
    options = {"circuit": "a=8 b=8 | a b {frozen}, a, b", "target_modules": ["q_proj"]}
    model = adapt(make_llama(), save_reference=False, init_weights=False, **options)
    assert not any("weight_g1" in name for name in get_peft_model_state_dict(model))
    model.save_pretrained(str(tmp_path))
    assert torch.equal(compute_logits(load(make_llama(), tmp_path)), compute_logits(model))


def test_a_rule_that_no_seed_can_repeat_is_refused():
    model = make_llama()
    before = describe(model)
    circuit = "a=8 b=8 | a b {init=orthogonal}"
    with pytest.raises(ValueError, match="has init=orthogonal, which cannot be recomputed"):
        adapt(model, circuit=circuit, target_modules=["q_proj"], save_reference=False)
    assert_unchanged(model, before)


@pytest.mark.parametrize("seed", [-1, 0.5, "1"])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(OptionError) as error:
        CircuitConfig(seed=seed)
    assert str(error.value) == f"seed={seed!r} is not a whole number, 0 or more."


def test_a_sum_is_written_out_with_its_forms(tmp_path):
    config = CircuitConfig(circuit="quanta(axes=2) + 0.5 zero lora(rank=2)", scale=2.0)
    adapter = config.adapter_for("v_proj", 64, 32)
    assert [(term.form, term.scale) for term in adapter.terms] == [("difference", 2), ("zero", 1)]
    config.save_pretrained(str(tmp_path))
    again = CircuitConfig.from_pretrained(str(tmp_path))
    (text,) = again.resolved[config.circuit].values()
    assert text == ("difference a=8 b=8 | a b -> a=4 b + 0.5 zero x=64 | x -> r=2, r -> y=32")
    assert again.adapter_for("v_proj", 64, 32) == adapter
    # What stands there decides, whatever the form of the rest.
    again.form = "residual"
    assert again.adapter_for("v_proj", 64, 32) == adapter


def test_an_adapter_is_a_declaration_too():
    adapter = Adapter(families.quanta((8, 8)), form="residual", scale=0.5) + Adapter(
        families.lora(64, 64, rank=2), form="zero"
    )
    config = CircuitConfig(circuit=adapter, circuits={"v_proj": adapter})
    assert config.circuit == config.circuits["v_proj"] == adapter.text
    found = config.adapter_for("q_proj", 64, 64)
    assert found.text == adapter.text
    assert [(term.form, term.scale) for term in found.terms] == [("residual", 0.5), ("zero", 1.0)]


def test_one_term_may_name_its_form():
    config = CircuitConfig(circuit="0.5 zero lora(rank=2)")
    (term,) = config.adapter_for("q_proj", 64, 64).terms
    assert (term.form, term.scale) == ("zero", 0.5)
    assert config.resolved[config.circuit]["64->64"] == "0.5 zero x=64 | x -> r=2, r -> y=64"


@pytest.mark.parametrize(
    ("circuit", "expected"),
    [
        (
            "quanta(axes=2) + input a=4 b=4 | a b",
            [
                "layer 'v_proj' (64 -> 32) cannot have circuit 'quanta(axes=2) + input a=4 b=4 | "
                "a b'.",
                "  the circuit maps 16 to 16, but form 'input' in a layer that maps 64 to 32 needs "
                "64 to 64.",
                '  Use a family, which fits every shape: "quanta(axes=4)". Or leave the layer out: '
                "exclude_modules.",
            ],
        ),
        (
            "quanta(axes=2) + inptu lora(rank=2)",
            [
                "layer 'v_proj' (64 -> 32) cannot have circuit 'quanta(axes=2) + inptu "
                "lora(rank=2)'.",
                "  'inptu lora(rank=2)' is no shipped circuit, no file, and no circuit's text.",
            ],
        ),
    ],
)
def test_a_term_that_does_not_fit(circuit, expected):
    config = CircuitConfig(circuit=circuit)
    with pytest.raises(AdaptError) as error:
        config.adapter_for("v_proj", 64, 32)
    assert str(error.value).splitlines()[: len(expected)] == expected
    assert config.resolved == {}


def test_a_file_cannot_name_circuits_that_are_elsewhere():
    config = CircuitConfig(resolved={"quanta(axes=4)": {"64->64": "zero lora(rank=2)"}})
    with pytest.raises(AdaptError, match=r"layer .q_proj. .* cannot have circuit"):
        config.adapter_for("q_proj", 64, 64)


def test_gates_that_cannot_be_held_orthogonal_leave_the_model():
    model = make_llama()
    before = describe(model)
    with pytest.raises(AdaptError) as error:
        adapt(model, orthogonal=True, form="residual")
    assert str(error.value).splitlines() == [
        "layer 'model.layers.0.self_attn.v_proj' (64 -> 32) cannot have circuit 'quanta(axes=4)'.",
        "  gate 'g6' of the circuit maps 16 to 8, and cannot be held orthogonal.",
        "  Use a circuit of square gates; in form 'input' or 'output' every layer has one. Or "
        "leave the layer out: exclude_modules.",
    ]
    assert_unchanged(model, before)
