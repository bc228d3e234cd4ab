"""What users of PEFT's LoRA rely on, beside what the other tests of the method have."""

import copy

import pytest
import torch
from peft import (
    AutoPeftModelForCausalLM,
    PeftModel,
    get_peft_model,
    get_peft_model_state_dict,
    inject_adapter_in_model,
    set_peft_model_state_dict,
)
from safetensors import safe_open
from test_hf_training import make_rows
from tiny_models import (
    compute_logits,
    ignore_warnings,
    make_llama,
    make_roberta,
    make_tokens,
)
from torch._dynamo.testing import CompileCounterWithBackend
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments

from qcircuit_adapt.hf import CircuitConfig, CircuitLayer, load

pytestmark = ignore_warnings


@pytest.fixture
def folders(tmp_path):
    """A base model and an adapter of it on disk, and the logits of both together."""
    base = make_llama()
    base.save_pretrained(tmp_path / "base")
    base = AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    config = CircuitConfig(init_weights=False, task_type="CAUSAL_LM")
    model = get_peft_model(base, config).eval()
    model.save_pretrained(str(tmp_path / "adapter"))
    return tmp_path / "base", tmp_path / "adapter", compute_logits(model)


def test_peft_finds_the_base_model_by_the_adapter(folders):
    _, adapter, expected = folders
    model = AutoPeftModelForCausalLM.from_pretrained(str(adapter))
    assert torch.equal(compute_logits(model), expected)


def test_transformers_finds_the_base_model_by_the_adapter(folders):
    _, adapter, expected = folders
    model = AutoModelForCausalLM.from_pretrained(adapter)
    assert any(isinstance(module, CircuitLayer) for module in model.modules())
    assert torch.equal(compute_logits(model), expected)


def test_transformers_loads_and_saves_an_adapter(folders, tmp_path):
    base, adapter, expected = folders
    model = AutoModelForCausalLM.from_pretrained(base)
    plain = compute_logits(model)
    model.load_adapter(str(adapter))
    assert torch.equal(compute_logits(model), expected)
    model.disable_adapters()
    assert torch.equal(compute_logits(model), plain)
    model.enable_adapters()
    model.save_pretrained(tmp_path / "again")
    again = load(AutoModelForCausalLM.from_pretrained(base), tmp_path / "again")
    assert torch.equal(compute_logits(again), expected)


def test_transformers_adds_an_adapter_and_trains_it_alone():
    model = make_llama()
    expected = compute_logits(model)
    model.add_adapter(CircuitConfig(target_modules=["q_proj", "v_proj"]), "mine")
    assert torch.equal(compute_logits(model), expected)
    assert model.active_adapters() == ["mine"]
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert trained == {name for name, _ in model.named_parameters() if ".qcircuit_delta." in name}
    assert trained


@pytest.mark.parametrize("low_cpu_mem_usage", [False, True])
def test_an_injected_adapter_takes_the_tensors_of_another(low_cpu_mem_usage):
    config = CircuitConfig(target_modules=["q_proj", "v_proj"], init_weights=False)
    model = inject_adapter_in_model(config, make_llama())
    again = inject_adapter_in_model(
        copy.deepcopy(config), make_llama(), low_cpu_mem_usage=low_cpu_mem_usage
    )
    tensors = get_peft_model_state_dict(model)
    result = set_peft_model_state_dict(again, tensors, low_cpu_mem_usage=low_cpu_mem_usage)
    assert result.unexpected_keys == []
    assert torch.equal(compute_logits(again), compute_logits(model))


@pytest.mark.parametrize("reentrant", [False, True])
def test_gradient_checkpointing_keeps_the_gradients(reentrant):
    model = get_peft_model(make_llama(), CircuitConfig(init_weights=False)).train()
    expected = compute_gradients(model)
    enable_checkpointing(model, reentrant=reentrant)
    model.enable_input_require_grads()
    found = compute_gradients(model)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert all(".qcircuit_delta." in name for name in expected)


def enable_checkpointing(model, *, reentrant):
    # transformers renamed it in 5.
    old = model.gradient_checkpointing_enable
    getattr(model, "activation_checkpointing_enable", old)({"use_reentrant": reentrant})


def compute_gradients(model):
    model.zero_grad()
    tokens = make_tokens()
    model(input_ids=tokens, labels=tokens).loss.backward()
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def test_generation_is_that_of_the_merged_model():
    model = get_peft_model(make_llama(), CircuitConfig(init_weights=False)).eval()
    options = {"max_new_tokens": 6, "do_sample": False}
    found = model.generate(input_ids=make_tokens(), **options)
    with model.disable_adapter():
        plain = model.generate(input_ids=make_tokens(), **options)
    merged = model.merge_and_unload().generate(input_ids=make_tokens(), **options)
    assert torch.equal(found, merged)
    assert not torch.equal(found, plain)


def test_a_merged_model_is_one_of_transformers_alone(tmp_path):
    model = get_peft_model(make_llama(), CircuitConfig(init_weights=False)).eval()
    merged = model.merge_and_unload()
    merged.save_pretrained(tmp_path)
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {"config.json", "generation_config.json", "model.safetensors"}
    assert "qcircuit" not in (tmp_path / "config.json").read_text().lower()
    with safe_open(tmp_path / "model.safetensors", framework="pt") as opened:
        assert set(opened.keys()) <= set(make_llama().state_dict())
    again = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert {type(module) for module in again.modules()} == {type(m) for m in make_llama().modules()}
    assert torch.equal(compute_logits(again), compute_logits(merged))


def test_modules_to_save_are_saved_whole(tmp_path):
    model = get_peft_model(
        make_roberta(), CircuitConfig(init_weights=False, modules_to_save=["classifier"])
    ).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".modules_to_save." in name:
                parameter.add_(0.1)
    model.save_pretrained(str(tmp_path))
    again = PeftModel.from_pretrained(make_roberta(), str(tmp_path))
    assert torch.equal(compute_logits(again), compute_logits(model))
    with again.disable_adapter():
        assert torch.equal(compute_logits(again), compute_logits(make_roberta()))


def test_a_compiled_step_is_compiled_once():
    torch._dynamo.reset()
    circuits = {"k_proj": "monarch(axes=2)", "v_proj": "lora(rank=2)"}
    targets = ["q_proj", "k_proj", "v_proj"]
    config = CircuitConfig(circuits=circuits, target_modules=targets)
    model = get_peft_model(make_llama(layers=1), config).train()
    plain = copy.deepcopy(model)
    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(model, fullgraph=True, backend=counter)
    for one in (compiled, plain):
        optimizer = torch.optim.SGD([p for p in one.parameters() if p.requires_grad], lr=0.1)
        for step in range(3):
            tokens = make_tokens() + step
            logits = one(input_ids=tokens, use_cache=False).logits
            torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens.flatten()).backward()
            optimizer.step()
            optimizer.zero_grad()
    assert counter.frame_count == 1
    assert_near(get_peft_model_state_dict(model), get_peft_model_state_dict(plain))


def assert_near(found, expected):
    """Equal up to what another order of adding costs in float32."""
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        torch.testing.assert_close(found[key], value, rtol=1e-4, atol=1e-6, msg=key)


def make_trainer(folder, **options):
    torch.manual_seed(0)
    model = get_peft_model(make_llama(), CircuitConfig(dropout=0.1))
    arguments = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=2,
        learning_rate=1e-2,
        max_steps=4,
        save_steps=2,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        dataloader_pin_memory=False,
        **options,
    )
    return Trainer(model=model, args=arguments, train_dataset=make_rows())


def test_a_resumed_training_ends_as_one_that_was_not_stopped(tmp_path):
    through = make_trainer(tmp_path / "run")
    through.train()
    resumed = make_trainer(tmp_path / "again")
    resumed.train(resume_from_checkpoint=str(tmp_path / "run" / "checkpoint-2"))
    assert resumed.state.global_step == 4
    expected = get_peft_model_state_dict(through.model)
    found = get_peft_model_state_dict(resumed.model)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], expected[key]) for key in expected)
