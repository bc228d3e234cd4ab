"""Adapters on quantised base models, where a library that quantises is installed."""

import importlib
import importlib.util
import os
import sys

import pytest
import torch
from peft import PeftModel, get_peft_model, get_peft_model_state_dict
from tiny_models import compute_logits, ignore_warnings, make_llama, make_tokens
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, TorchAoConfig

from qcircuit_adapt.adapter import FORMS
from qcircuit_adapt.hf import CircuitConfig, CircuitLayer

pytestmark = [*ignore_warnings, pytest.mark.filterwarnings("ignore::UserWarning")]


def make_torchao():
    return TorchAoConfig(importlib.import_module("torchao.quantization").Int8WeightOnlyConfig())


QUANTIZERS = {
    "8 bit": ("bitsandbytes", lambda: BitsAndBytesConfig(load_in_8bit=True)),
    "4 bit": (
        "bitsandbytes",
        lambda: BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_compute_dtype=torch.float32),
    ),
    "torchao": ("torchao", make_torchao),
}


@pytest.fixture(params=QUANTIZERS.values(), ids=QUANTIZERS)
def load_base(request, tmp_path):
    library, make = request.param
    if importlib.util.find_spec(library) is None:
        if os.environ.get("CI") == "true" and sys.platform == "linux":
            pytest.fail(f"{library} is not installed; with CI=true these tests must run.")
        pytest.skip(f"{library} is not installed")
    make_llama().save_pretrained(tmp_path / "base")

    def load():
        return AutoModelForCausalLM.from_pretrained(
            tmp_path / "base", quantization_config=make(), device_map={"": "cpu"}
        ).eval()

    return load


def test_a_new_adapter_leaves_the_logits_to_the_bit_and_trains(load_base, tmp_path):
    base = load_base()
    expected = compute_logits(base)
    model = get_peft_model(base, CircuitConfig())
    layers = [module for module in model.modules() if isinstance(module, CircuitLayer)]
    assert len(layers) == 4
    assert all(layer.quantization_backend is not None for layer in layers)
    assert torch.equal(compute_logits(model), expected)

    tokens = make_tokens()
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(parameters, lr=1.0)
    model(input_ids=tokens, labels=tokens).loss.backward()
    assert all(parameter.grad is not None for parameter in parameters)
    optimizer.step()
    trained = compute_logits(model)
    assert not torch.equal(trained, expected)
    with model.disable_adapter():
        assert torch.equal(compute_logits(model), expected)

    model.save_pretrained(str(tmp_path / "adapter"))
    again = PeftModel.from_pretrained(load_base(), str(tmp_path / "adapter"))
    ours, theirs = get_peft_model_state_dict(model), get_peft_model_state_dict(again)
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    assert torch.equal(compute_logits(again), trained)


OPTIONS = [
    *({"form": form} for form in FORMS),
    {"form": "input", "orthogonal": True},
    {"circuit": "quanta(axes=3) + zero lora(rank=2)"},
    {"save_reference": False},
]


def test_every_form_leaves_the_logits_to_the_bit(load_base):
    model = load_base()
    expected = compute_logits(model)
    for options in OPTIONS:
        adapted = get_peft_model(model, CircuitConfig(**options)).eval()
        assert torch.equal(compute_logits(adapted), expected), options
        model = adapted.unload()
        trained = get_peft_model(model, CircuitConfig(init_weights=False, **options)).eval()
        assert not torch.equal(compute_logits(trained), expected), options
        model = trained.unload()


def test_unmerging_gives_the_quantised_weights_back_to_the_bit(load_base):
    model = get_peft_model(load_base(), CircuitConfig(init_weights=False, scale=4.0))
    expected = compute_logits(model)
    with model.disable_adapter():
        plain = compute_logits(model)
    for _ in range(2):
        model.merge_adapter()
        merged = compute_logits(model)
        # Merged weights are quantised again, to 4 bits at worst.
        assert (merged - expected).norm() < 0.5 * (expected - plain).norm()
        model.unmerge_adapter()
        assert torch.equal(compute_logits(model), expected)
