import contextlib
import json
import shutil

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from peft.tuners.tuners_utils import BaseTuner
from safetensors.torch import load_file, save_file
from tiny_models import (
    assert_unchanged,
    compute_logits,
    describe,
    ignore_warnings,
    make_gpt2,
    make_llama,
    make_roberta,
    make_tokens,
)
from transformers import Trainer, TrainingArguments

import qcircuit_adapt.hf.config
from qcircuit_adapt.adapter import FORMS
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import AdaptError, FileError
from qcircuit_adapt.hf import CircuitConfig, CircuitLayer, load

pytestmark = ignore_warnings


def make_saved(folder, base=None, **options):
    """Save a random adapter; the model that it was saved from."""
    model = get_peft_model(
        base or make_llama(), CircuitConfig(init_weights=False, **options)
    ).eval()
    model.save_pretrained(str(folder))
    return model


def train(model, rows, folder, steps=8):
    """Train with the Trainer; the loss of every step."""
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=4,
        learning_rate=1e-2,
        logging_steps=1,
        logging_strategy="steps",
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
    trainer = Trainer(model=model, args=arguments, train_dataset=rows)
    trainer.train()
    return [log["loss"] for log in trainer.state.log_history if "loss" in log]


def make_rows(labels=None):
    tokens = make_tokens(rows=4, length=12)
    if labels is None:
        return [{"input_ids": row, "labels": row} for row in tokens]
    return [{"input_ids": row, "labels": n % labels} for n, row in enumerate(tokens)]


CASES = {
    "llama": (make_llama, {}, None),
    # PEFT itself saves the classifier with this task.
    "roberta": (make_roberta, {"task_type": "SEQ_CLS"}, 3),
    "gpt2": (make_gpt2, {}, None),
}


@pytest.mark.parametrize(("make", "options", "labels"), CASES.values(), ids=CASES)
@pytest.mark.parametrize("form", FORMS)
def test_the_main_job(make, options, labels, form, tmp_path):
    base = make()
    weights = {key: value.clone() for key, value in base.state_dict().items()}
    model = get_peft_model(base, CircuitConfig(form=form, **options))
    losses = train(model, make_rows(labels), tmp_path / "trainer")
    model.eval()
    assert len(losses) == 8
    assert losses[-1] < losses[0]
    # The base weights are as they were, to the bit.
    for name, module in model.named_modules():
        if isinstance(module, CircuitLayer):
            key = name.removeprefix("base_model.model.") + ".weight"
            assert torch.equal(module.base_layer.weight, weights[key])
            assert all(p.grad is None for p in module.base_layer.parameters())

    expected = compute_logits(model)
    model.save_pretrained(str(tmp_path / "adapter"))
    assert (tmp_path / "adapter" / "adapter_model.safetensors").exists()
    again = PeftModel.from_pretrained(make(), str(tmp_path / "adapter")).eval()
    assert torch.equal(compute_logits(again), expected)

    plain = compute_logits(make())
    merged = again.merge_and_unload()
    bound = torch.finfo(torch.float32).eps * (64 * 14) ** 0.5 * float(expected.abs().max())
    torch.testing.assert_close(compute_logits(merged), expected, rtol=0, atol=bound)
    assert (expected - plain).abs().max() > 100 * bound
    assert {n: type(m) for n, m in merged.named_modules()} == {
        n: type(m) for n, m in make().named_modules()
    }


def test_the_update_trains_away_from_zero_and_stays_in_the_gates(tmp_path):
    model = get_peft_model(make_llama(), CircuitConfig())
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    train(model, make_rows(), tmp_path, steps=3)
    changed = {n for n, p in model.named_parameters() if not torch.equal(p, before[n])}
    assert changed == {n for n in before if ".qcircuit_delta." in n}


@pytest.mark.parametrize("low_cpu_mem_usage", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", ["default", "another"])
def test_a_reload_computes_the_same_under_any_name(name, dtype, low_cpu_mem_usage, tmp_path):
    model = make_saved(tmp_path, make_llama().to(dtype))
    # Training leaves float32 numbers that bfloat16 does not have.
    for parameter in get_peft_model_state_dict(model).values():
        parameter.mul_(1 + 2**-12)
    model.save_pretrained(str(tmp_path))
    again = PeftModel.from_pretrained(
        make_llama().to(dtype), str(tmp_path), name, low_cpu_mem_usage=low_cpu_mem_usage
    )
    assert torch.equal(compute_logits(again), compute_logits(model))
    ours = get_peft_model_state_dict(model)
    theirs = get_peft_model_state_dict(again, adapter_name=name)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_what_is_in_the_folder(tmp_path):
    make_saved(tmp_path, circuits={"v_proj": "lora(rank=2)"})
    tensors = load_file(tmp_path / "adapter_model.safetensors")
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    key = "base_model.model.model.layers.0.self_attn.v_proj.qcircuit_delta."
    (text,) = config["resolved"]["lora(rank=2)"].values()
    shapes = {tuple(tensors[k].shape) for k in tensors if k.startswith(f"{key}weight_")}
    assert shapes == {gate.shape for gate in Circuit.parse(text).gates}
    assert config["inference_mode"] is True
    assert "model = qa.load(base_model" in (tmp_path / "README.md").read_text()


def test_loading_does_not_depend_on_todays_families(tmp_path, monkeypatch):
    model = make_saved(tmp_path)

    def call_family(*_, **__):
        raise AssertionError("resolved again")

    qcircuit_adapt.hf.config._read.cache_clear()
    monkeypatch.setattr("qcircuit_adapt.library.call_family", call_family)
    monkeypatch.setattr("qcircuit_adapt.families.call_family", call_family)
    assert torch.equal(compute_logits(load(make_llama(), tmp_path)), compute_logits(model))


def test_a_named_adapter_is_saved_in_a_folder_of_its_own(tmp_path):
    model = get_peft_model(make_llama(), CircuitConfig(init_weights=False), "mine").eval()
    model.save_pretrained(str(tmp_path))
    again = load(make_llama(), tmp_path / "mine")
    assert torch.equal(compute_logits(again), compute_logits(model))
    with pytest.raises(FileError) as error:
        load(make_llama(), tmp_path)
    assert str(error.value).splitlines() == [
        f"{str(tmp_path)!r} holds no adapter: adapter_config.json is missing.",
        "  Load one of the folders in it: 'mine'.",
    ]


def test_load_adds_to_no_adapter(tmp_path):
    model = make_saved(tmp_path)
    with pytest.raises(AdaptError, match="the model has an adapter already"):
        load(model, tmp_path)
    model.load_adapter(str(tmp_path), "again")
    expected = compute_logits(model)
    model.set_adapter("again")
    assert torch.equal(compute_logits(model), expected)


def test_load_for_training(tmp_path):
    make_saved(tmp_path)
    assert not any(p.requires_grad for p in load(make_llama(), tmp_path).parameters())
    model = load(make_llama(), tmp_path, is_trainable=True)
    assert {n for n, p in model.named_parameters() if p.requires_grad} == {
        n for n, _ in model.named_parameters() if ".qcircuit_delta." in n
    }


def edit_config(folder, **changes):
    path = folder / "adapter_config.json"
    options = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({k: v for k, v in options.items() if v is not None}))


def edit_tensors(folder, edit):
    path = folder / "adapter_model.safetensors"
    tensors = load_file(path)
    edit(tensors)
    save_file(tensors, path)


def cut(path, size):
    path.write_bytes(path.read_bytes()[:size])


def add_tensor(tensors):
    key = next(iter(tensors)).rpartition(".")[0]
    tensors[f"{key}.weight_g99"] = torch.zeros(2)


def drop_tensors(tensors):
    for key in [key for key in tensors if key.endswith("weight_g2")]:
        del tensors[key]


def reshape_tensors(tensors):
    for key in [key for key in tensors if key.endswith("weight_g2")]:
        tensors[key] = torch.zeros(3, 3)


def edit_circuit(folder):
    options = json.loads((folder / "adapter_config.json").read_text())
    texts = dict.fromkeys(options["resolved"]["quanta(axes=4)"], "a=8 b=8 | a b")
    edit_config(folder, resolved={"quanta(axes=4)": texts})


# Before 0.21, PEFT lets no method look at what it loads; it warns of tensors that are missing.
LOOKS_AT_TENSORS = hasattr(BaseTuner, "_remap_adapter_state_dict_for_load")
sees_tensors = pytest.mark.skipif(not LOOKS_AT_TENSORS, reason="needs peft 0.21")

DAMAGE = {
    "no folder": (shutil.rmtree, FileError, "there is no folder"),
    "no config": (
        lambda folder: (folder / "adapter_config.json").unlink(),
        FileError,
        "holds no adapter: adapter_config.json is missing",
    ),
    "a config cut off": (
        lambda folder: cut(folder / "adapter_config.json", 100),
        FileError,
        "adapter_config.json is cut off or not JSON",
    ),
    "a list for a config": (
        lambda folder: (folder / "adapter_config.json").write_text("[]"),
        FileError,
        "holds no options, but list",
    ),
    "another method's config": (
        lambda folder: LoraConfig().save_pretrained(str(folder)),
        FileError,
        "holds an adapter of type 'LORA', not 'QCIRCUIT'",
    ),
    "no circuit": (
        lambda folder: edit_config(folder, circuit=None),
        FileError,
        "adapter_config.json lacks 'circuit'",
    ),
    "a later format": (
        lambda folder: edit_config(folder, format_version=2),
        FileError,
        "the adapter has format 2, but this version of qcircuit_adapt reads format 1",
    ),
    "no weights": (
        lambda folder: (folder / "adapter_model.safetensors").unlink(),
        FileError,
        "holds no weights: adapter_model.safetensors is missing",
    ),
    "weights cut off": (
        lambda folder: cut(folder / "adapter_model.safetensors", 5000),
        FileError,
        "is cut off or not a safetensors file",
    ),
    "empty weights": (
        lambda folder: cut(folder / "adapter_model.safetensors", 0),
        FileError,
        "is cut off or not a safetensors file",
    ),
    "tensors missing": (
        lambda folder: edit_tensors(folder, drop_tensors),
        FileError,
        "the adapter's file lacks 4 tensors, the first "
        "'model.layers.0.self_attn.q_proj.qcircuit_delta.weight_g2'"
        if LOOKS_AT_TENSORS
        else "are not those of its circuits",
    ),
    "a tensor too many": (
        lambda folder: edit_tensors(folder, add_tensor),
        FileError,
        "the adapter's file adds 1 tensors",
    ),
    "tensors of another shape": (
        lambda folder: edit_tensors(folder, reshape_tensors),
        FileError,
        "are not those of its circuits",
    ),
    "a circuit of another size": (
        edit_circuit,
        AdaptError,
        "the circuit maps 64 to 64, but the layer maps 64 to 32",
    ),
}


@pytest.mark.parametrize(
    ("damage", "kind", "message"),
    [
        pytest.param(*case, id=name, marks=[sees_tensors] if "too many" in name else [])
        for name, case in DAMAGE.items()
    ],
)
def test_a_damaged_folder_is_refused_and_the_model_left_as_it_was(damage, kind, message, tmp_path):
    folder = tmp_path / "adapter"
    make_saved(folder)
    damage(folder)
    model = make_llama()
    before = describe(model)
    with pytest.raises(kind) as error:
        load(model, folder)
    assert message in str(error.value)
    assert_unchanged(model, before)


def test_nothing_is_unpickled(tmp_path):
    make_saved(tmp_path).save_pretrained(str(tmp_path), safe_serialization=False)
    (tmp_path / "adapter_model.safetensors").unlink()
    with pytest.raises(FileError) as error:
        load(make_llama(), tmp_path)
    assert str(error.value).splitlines() == [
        f"{str(tmp_path)!r} holds no weights: adapter_model.safetensors is missing.",
        "  A pickled file can run any code, and is not opened.",
        "  Save the adapter again with safe_serialization=True.",
    ]


@contextlib.contextmanager
def files_of_at_most(size):
    """What a full disk looks like: longer files cannot be written."""
    resource = pytest.importorskip("resource", reason="needs a limit on files, which Unix has")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def read_files(folder):
    """All that an adapter is; PEFT writes its card anew each time."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".md"}


def test_a_full_disk_leaves_the_adapter_that_was_saved(tmp_path):
    model = make_saved(tmp_path, target_modules="all-linear")
    expected = compute_logits(model)
    before = read_files(tmp_path)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data.add_(0.1)
    assert not torch.equal(compute_logits(model), expected)
    sizes = {name: len(content) for name, content in before.items()}
    limit = sizes["adapter_model.safetensors"] - 1
    assert limit > max(size for name, size in sizes.items() if name.endswith("json"))
    with files_of_at_most(limit), pytest.raises(Exception, match="File too large"):
        model.save_pretrained(str(tmp_path))
    assert read_files(tmp_path) == before
    assert torch.equal(compute_logits(load(make_llama(), tmp_path)), expected)
    # The configuration likewise, and the model can be saved once there is room.
    with files_of_at_most(100), pytest.raises(FileError, match=r"cannot write .*File too large"):
        model.peft_config["default"].save_pretrained(str(tmp_path))
    assert read_files(tmp_path) == before
    model.save_pretrained(str(tmp_path))
    assert torch.equal(compute_logits(load(make_llama(), tmp_path)), compute_logits(model))
    assert (tmp_path / "README.md").read_text().count("## How to load this adapter") == 1


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match=r"cannot write .*file: File exists"):
        CircuitConfig().save_pretrained(str(tmp_path / "file"))


def declare_much(folder):
    """A circuit that fits the layer, but with 2e9 numbers, 8 GB of them."""
    options = json.loads((folder / "adapter_config.json").read_text())
    shapes = options["resolved"]["quanta(axes=4)"]
    texts = {
        shape: f"x={d_in} | x -> r=16000000, r -> y={d_out}"
        for shape in shapes
        for d_in, d_out in [shape.split("->")]
    }
    edit_config(folder, resolved={"quanta(axes=4)": texts})


def claim_much(folder):
    """A header that gives a tensor a shape of 36 GB, of which the file has no bytes."""
    path = folder / "adapter_model.safetensors"
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    name = next(key for key in header if key.endswith("weight_g2"))
    header[name]["shape"] = [3_000_000, 3_000]
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + size :])


def claim_a_long_header(folder):
    path = folder / "adapter_model.safetensors"
    path.write_bytes((2**62).to_bytes(8, "little") + path.read_bytes()[8:])


@pytest.mark.parametrize("edit", [declare_much, claim_much, claim_a_long_header])
def test_what_a_hostile_folder_claims_takes_no_memory(edit, tmp_path, monkeypatch):
    make_saved(tmp_path, target_modules=["q_proj", "v_proj"])
    edit(tmp_path)
    model = make_llama()
    before = describe(model)

    def build(*_, **__):
        raise AssertionError("built")

    monkeypatch.setattr("qcircuit_adapt.hf.layer.Update", build)
    with pytest.raises(FileError):
        load(model, tmp_path)
    assert_unchanged(model, before)


def test_shapes_are_compared_before_anything_is_built(tmp_path, monkeypatch):
    make_saved(tmp_path)
    edit_tensors(tmp_path, reshape_tensors)

    def build(*_, **__):
        raise AssertionError("built")

    monkeypatch.setattr("qcircuit_adapt.hf.layer.Update", build)
    with pytest.raises(FileError) as error:
        load(make_llama(), tmp_path)
    assert str(error.value).splitlines() == [
        f"the tensors in {str(tmp_path)!r} are not those of its circuits.",
        "  'model.layers.0.self_attn.q_proj.qcircuit_delta.weight_g2' has shape (3, 3); its "
        "circuit needs (4, 2, 4, 2).",
        "  Copy the folder again; its two files belong together.",
    ]


@pytest.mark.parametrize(
    "case", ["tensors missing", "a tensor too many", "no circuit", "a later format"]
)
@sees_tensors
def test_peft_alone_refuses_it_too(case, tmp_path):
    damage, kind, message = DAMAGE[case]
    make_saved(tmp_path)
    damage(tmp_path)
    with pytest.raises(kind) as error:
        PeftModel.from_pretrained(make_llama(), str(tmp_path))
    assert message in str(error.value)


def test_an_adapter_of_another_model_is_refused(tmp_path):
    make_saved(tmp_path)
    model = make_gpt2()
    before = describe(model)
    with pytest.raises(AdaptError, match=r"Target modules .* not found in the base model"):
        load(model, tmp_path)
    assert_unchanged(model, before)
