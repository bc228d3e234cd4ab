"""Adapters of other methods as circuits, and circuits as LoRA."""

import itertools
import json
import math
import os
import pickle
import shutil
import string
import subprocess
import sys
import tempfile
from pathlib import Path

import peft
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import (
    BOFTConfig,
    IA3Config,
    LoHaConfig,
    LoKrConfig,
    LoraConfig,
    OFTConfig,
    PeftModel,
    VBLoRAConfig,
    get_peft_model,
)
from safetensors.torch import load_file, save_file
from strategies import FORMS_ALONE
from tiny_models import compute_logits, ignore_warnings, make_gpt2, make_llama, make_roberta
from torch import nn

import qcircuit_adapt as qa
from qcircuit_adapt.cli import main
from qcircuit_adapt.errors import CircuitError, FileError
from qcircuit_adapt.hf.interchange import (
    export_lora,
    export_native,
    exporting,
    import_adapter,
    importing,
)
from qcircuit_adapt.hf.interchange.importing import METHODS

pytestmark = ignore_warnings

TARGETS = ["q_proj", "v_proj", "up_proj"]
ROUNDING = 1e-6
"""Of logits of about 1 in float32, by matrix products of 64 terms in another order."""

PLAIN = {
    "lora": LoraConfig(r=4, lora_alpha=8, target_modules=TARGETS),
    "rslora": LoraConfig(r=3, lora_alpha=2, use_rslora=True, target_modules=TARGETS),
    "patterns": LoraConfig(
        r=4,
        target_modules=TARGETS,
        rank_pattern={"layers.0.self_attn.q_proj": 2, "up_proj": 3},
        alpha_pattern={"v_proj": 5, "layers.1.mlp.up_proj": 7},
    ),
    "lokr": LoKrConfig(r=4, alpha=6, target_modules=TARGETS),
    "lokr-decomposed": LoKrConfig(
        r=2, alpha=3, decompose_both=True, decompose_factor=8, target_modules=TARGETS
    ),
    "loha": LoHaConfig(r=3, alpha=6, target_modules=TARGETS, rank_pattern={"v_proj": 2}),
}
OFT = {"r": 0, "target_modules": TARGETS}
ROTATIONS = {
    "oft": OFTConfig(oft_block_size=8, use_cayley_neumann=False, **OFT),
    "oft, one block": OFTConfig(oft_block_size=64, use_cayley_neumann=False, **OFT),
    "oft, shared": OFTConfig(oft_block_size=16, use_cayley_neumann=False, block_share=True, **OFT),
    "oft, blocks counted": OFTConfig(
        r=4, oft_block_size=0, use_cayley_neumann=False, target_modules=TARGETS
    ),
    **{
        f"oft, series of {n}": OFTConfig(
            oft_block_size=8, num_cayley_neumann_terms=n, block_share=n == 4, **OFT
        )
        for n in range(1, 8)
    },
}


def adapt(config, make_model=make_llama):
    """A model with random values in what a configuration trains."""
    model = get_peft_model(make_model(), config).eval()
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.copy_(torch.randn_like(parameter) / 5)
    return model


def save(config, folder, make_model=make_llama):
    """A folder that PEFT wrote, and the logits of the model that it is of."""
    model = adapt(config, make_model)
    model.save_pretrained(str(folder))
    return compute_logits(model)


def edit_config(folder, **options):
    path = folder / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **options}))


def edit_tensors(folder, edit):
    path = folder / "adapter_model.safetensors"
    tensors = load_file(path)
    edit(tensors)
    save_file(tensors, path)


@pytest.mark.parametrize("name", PLAIN)
def test_an_imported_adapter_computes_the_same(name, tmp_path):
    logits = save(PLAIN[name], tmp_path / "theirs")
    assert (logits - compute_logits(make_llama())).abs().max() > 0.01
    found = import_adapter(tmp_path / "theirs", tmp_path / "ours")
    assert found.method == PLAIN[name].peft_type.value
    assert found.error < 1e-6
    theirs = adapt(PLAIN[name])
    assert found.parameters == sum(p.numel() for p in theirs.parameters() if p.requires_grad)
    ours = qa.load(make_llama(), tmp_path / "ours")
    assert (compute_logits(ours) - logits).abs().max() < ROUNDING
    for module, layer in theirs.named_modules():
        if hasattr(layer, "get_delta_weight") and "default" in getattr(layer, "scaling", ()):
            mine = ours.get_submodule(module).get_delta_weight("default")
            delta = layer.get_delta_weight("default")
            assert (mine - delta).abs().max() < ROUNDING * delta.abs().max()


@pytest.mark.parametrize("name", ROTATIONS)
def test_rotations_of_what_a_layer_takes(name, tmp_path):
    config = ROTATIONS[name]
    logits = save(config, tmp_path / "theirs")
    base = make_llama() if config.block_share else None
    found = import_adapter(tmp_path / "theirs", tmp_path / "ours", base=base)
    assert (found.method, found.error < 1e-6) == ("OFT", True)
    ours = qa.load(make_llama(), tmp_path / "ours")
    bound = ROUNDING * float(logits.abs().max())
    assert (compute_logits(ours) - logits).abs().max() < 10 * bound
    if name != "oft, series of 1":
        assert (logits - compute_logits(make_llama())).abs().max() > 1000 * bound
    held = ours.peft_config["default"].orthogonal
    assert held == (not config.use_cayley_neumann)
    if held:
        theirs = adapt(config)
        trained = sum(p.numel() for p in theirs.parameters() if p.requires_grad)
        stored = load_file(tmp_path / "ours" / "adapter_model.safetensors")
        assert sum(tensor.numel() for tensor in stored.values()) == trained
    # PEFT's rotated weight and ours, merged.
    ours, theirs = ours.merge_and_unload(), adapt(config).merge_and_unload()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=2e-6 * float(other.abs().max()))


NATIVE = {
    **{name: one for name, one in PLAIN.items() if name.startswith("lo") and "lora" not in name},
    **{name: one for name, one in ROTATIONS.items() if not one.use_cayley_neumann},
}


@pytest.mark.parametrize("name", NATIVE)
def test_a_native_export_goes_there_and_back_to_the_bit(name, tmp_path):
    config = NATIVE[name]
    logits = save(config, tmp_path / "theirs")
    import_adapter(tmp_path / "theirs", tmp_path / "ours", base=make_llama())
    method = config.peft_type.value
    found = export_native(tmp_path / "ours", tmp_path / "back", method=method.lower())
    assert found.method == method
    before, after = (
        load_file(tmp_path / folder / "adapter_model.safetensors") for folder in ("theirs", "back")
    )
    assert before.keys() == after.keys()
    assert found.parameters == sum(tensor.numel() for tensor in before.values())
    if (
        name != "loha"
    ):  # Layers of several scales share one, by which their last gate is multiplied.
        assert all(torch.equal(after[key], tensor) for key, tensor in before.items())
    again = PeftModel.from_pretrained(make_llama(), tmp_path / "back").eval()
    assert (compute_logits(again) - logits).abs().max() < ROUNDING
    # From the model, too.
    model = qa.load(make_llama(), tmp_path / "ours")
    assert export_native(model, tmp_path / "more", method=method) == found


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("loha", {"circuit": "loha(rank=3)", "form": "zero", "scale": 0.5}),
        ("lokr", {"circuit": "lokr(rank=2, factor=4)", "form": "zero"}),
        ("lokr", {"circuit": "lokr(rank=2, both=1)", "form": "zero", "scale": 2.0}),
        ("oft", {"circuit": "oft(block=8)", "form": "input", "orthogonal": True}),
    ],
)
def test_our_own_families_are_exported_as_what_they_are(method, options, tmp_path):
    model = adapt(qa.CircuitConfig(target_modules=TARGETS, **options))
    export_native(model, tmp_path / "theirs", method=method)
    theirs = PeftModel.from_pretrained(make_llama(), tmp_path / "theirs").eval()
    assert theirs.peft_config["default"].peft_type == method.upper()
    logits = compute_logits(model)
    assert (logits - compute_logits(make_llama())).abs().max() > 0.01
    assert (compute_logits(theirs) - logits).abs().max() < 3 * ROUNDING * logits.abs().max()


@pytest.mark.parametrize(
    ("method", "options", "problem"),
    [
        (
            "loha",
            {"circuit": "lora(rank=3)", "form": "zero"},
            "FileError: the circuit of 'model.layers.0.mlp.up_proj' is not one of LOHA: zero x=64 "
            "| x -> r=3, r -> y=112.\n"
            "  Export it as LoRA, which any circuit can be, in part or whole.",
        ),
        (
            "oft",
            {"circuit": "oft(block=8)", "form": "input"},
            "FileError: the circuit of 'model.layers.0.mlp.up_proj' is not one of OFT: input a=8 "
            "b=8 | b per a.\n"
            "  Export it as LoRA, which any circuit can be, in part or whole.",
        ),
        (
            "oft",
            {
                "circuit": "oft(block=8)",
                "circuits": {"up_proj": "oft(block=16)"},
                "form": "input",
                "orthogonal": True,
            },
            "FileError: layers differ in oft_block_size, of which OFTConfig has one: "
            "'model.layers.0.mlp.up_proj' has 16, others 8.\n"
            "  Export it as LoRA, or adapt these layers by adapters of their own.",
        ),
        (
            "boft",
            {},
            "OptionError: 'boft' is no method to export to.\n  Did you mean 'OFT'?",
        ),
    ],
)
def test_errors_of_native_export(method, options, problem, tmp_path):
    adapt(qa.CircuitConfig(target_modules=TARGETS, **options)).save_pretrained(tmp_path / "ours")
    said = refused(
        lambda: export_native(tmp_path / "ours", tmp_path / "o", method=method), root=tmp_path
    )
    assert said == problem


def test_errors_of_oft(tmp_path):
    def attempt():
        return refused(lambda: import_adapter(tmp_path / "theirs", tmp_path / "o"), root=tmp_path)

    save(ROTATIONS["oft, shared"], tmp_path / "theirs")
    assert attempt() == (
        "FileError: the size of 'model.layers.0.mlp.up_proj' is not in the adapter, as its blocks "
        "share their tensor.\n"
        "  Give the base model, or its config.json: base=..."
    )
    shutil.rmtree(tmp_path / "theirs")
    save(ROTATIONS["oft, series of 5"], tmp_path / "theirs")
    edit_config(tmp_path / "theirs", coft=True)
    assert "It cuts its parameters down each time that it runs." in attempt()
    edit_config(tmp_path / "theirs", coft=False, peft_version="0.17.1")
    assert attempt().splitlines()[0] == (
        "FileError: 'theirs' was trained by a version of peft before 0.18, which summed another "
        "series."
    )
    edit_config(tmp_path / "theirs", peft_version="0.18.0")
    key = "base_model.model.model.layers.0.mlp.up_proj.oft_R.weight"
    edit_tensors(tmp_path / "theirs", lambda t: t.update({key: torch.ones(8, 27)}))
    assert attempt() == (
        "FileError: 'oft_R.weight' of module 'model.layers.0.mlp.up_proj' has shape (8, 27); "
        "expected (8, 21)."
    )


def test_lora_keeps_its_tensors_to_the_bit(tmp_path):
    save(PLAIN["lora"], tmp_path / "theirs")
    import_adapter(tmp_path / "theirs", tmp_path / "ours")
    theirs, ours = (
        load_file(tmp_path / folder / "adapter_model.safetensors") for folder in ("theirs", "ours")
    )
    assert len(theirs) == len(ours)
    for key, tensor in theirs.items():
        renamed = key.replace("lora_A.weight", "qcircuit_delta.weight_g1")
        renamed = renamed.replace("lora_B.weight", "qcircuit_delta.weight_g2")
        assert torch.equal(ours[renamed], tensor)


@pytest.mark.parametrize(
    ("make_model", "config"),
    [
        (make_gpt2, LoraConfig(r=4, target_modules=["c_attn"], fan_in_fan_out=True)),
        (make_roberta, LoraConfig(r=4, target_modules=["query"], task_type="SEQ_CLS")),
        (make_roberta, LoHaConfig(r=2, target_modules=["value"], modules_to_save=["classifier"])),
    ],
)
# An adapter's files do not tell how a layer stores its weight; PEFT finds out itself.
@pytest.mark.filterwarnings("ignore:fan_in_fan_out is set to False:UserWarning")
def test_other_models_and_modules_that_are_saved_whole(make_model, config, tmp_path):
    logits = save(config, tmp_path / "theirs", make_model)
    import_adapter(tmp_path / "theirs", tmp_path / "ours")
    ours = qa.load(make_model(), tmp_path / "ours")
    assert (compute_logits(ours) - logits).abs().max() < 3 * ROUNDING
    export_lora(tmp_path / "ours", tmp_path / "back", rank=64)
    back = PeftModel.from_pretrained(make_model(), tmp_path / "back")
    assert (compute_logits(back) - logits).abs().max() < 3 * ROUNDING


def test_an_imported_adapter_can_be_trained_on(tmp_path):
    save(PLAIN["loha"], tmp_path / "theirs")
    import_adapter(tmp_path / "theirs", tmp_path / "ours")
    model = qa.load(make_llama(), tmp_path / "ours", is_trainable=True)
    model(torch.arange(9)[None], labels=torch.arange(9)[None]).loss.backward()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    assert trained
    assert all(parameter.grad.abs().max() > 0 for parameter in trained)


# QuanTA's published code -----------------------------------------------------------------------


def write_quanta(folder, layers, *, seed=0, dtype=torch.float32):
    """A checkpoint as the published code writes it; layers give the axes of each module."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for module, axes in layers.items():
        for last, first in itertools.combinations(range(-1, -len(axes) - 1, -1), 2):
            shape = (axes[first], axes[last]) * 2
            start = torch.randn(shape, generator=generator) / math.sqrt(axes[first] * axes[last])
            key = f"base_model.model.{module}"
            change = torch.randn(shape, generator=generator) / 10
            tensors[f"{key}.quanta_weights.{last} {first}"] = (start + change).to(dtype)
            tensors[f"{key}.quanta_weights2.{last} {first}"] = start.to(dtype)
        tensors[f"{key}.merged.merged"] = torch.tensor(False)
        tensors[f"{key}.frozen_merged.merged"] = torch.tensor(True)
    folder.mkdir()
    save_file(tensors, folder / "adapter_model.safetensors")
    options = {"peft_type": "QUANTA", "per_dim_features": [4, 4, 4], "d": 3, "sum_mode": False}
    options |= {"initialize_mode": "sum_opposite_freeze_one", "merge_weights": True}
    options |= {"tensor_rank": 5, "target_modules": [*layers]}
    (folder / "adapter_config.json").write_text(json.dumps(options))


def quanta_delta(folder, module, axes, d_in, d_out):
    """The update as the published code merges it: one einsum of all gates, cut at its corner."""
    tensors = load_file(folder / "adapter_model.safetensors")
    count = len(axes)
    letters = iter(string.ascii_letters)
    inputs = [next(letters) for _ in axes]
    wires, terms, gates = list(inputs), [], {"": [], "2": []}
    for last, first in itertools.combinations(range(-1, -count - 1, -1), 2):
        new_last, new_first = next(letters), next(letters)
        terms.append(new_first + new_last + wires[first] + wires[last])
        wires[first], wires[last] = new_first, new_last
        for which, found in gates.items():
            key = f"base_model.model.{module}.quanta_weights{which}.{last} {first}"
            found.append(tensors[key].double())
    equation = f"{','.join(terms)}->{''.join(wires + inputs)}"
    size = math.prod(axes)
    dense = [torch.einsum(equation, *gates[which]).reshape(size, size) for which in ("", "2")]
    return (dense[0] - dense[1])[:d_out, :d_in]


def test_a_quanta_checkpoint_of_a_model_with_narrow_layers(tmp_path):
    layers = {
        f"model.layers.{n}.self_attn.{name}": (4, 4, 4)
        for n in range(2)
        for name in ("q_proj", "v_proj")
    }
    write_quanta(tmp_path / "theirs", layers)
    make_llama().config.save_pretrained(tmp_path)
    found = import_adapter(tmp_path / "theirs", tmp_path / "ours", base=tmp_path)
    assert {(one.d_in, one.d_out, one.circuit) for one in found.layers} == {
        (64, 64, "a=4 b=4 c=4 | b c, a c, a b"),
        (64, 32, "a=4 b=4 c=4 | b c, a c, a b -> a=2 b"),
    }
    model = qa.load(make_llama(), tmp_path / "ours")
    for one in found.layers:
        layer = model.base_model.model.get_submodule(one.module)
        delta = quanta_delta(tmp_path / "theirs", one.module, (4, 4, 4), one.d_in, one.d_out)
        mine = layer.get_delta_weight("default")
        assert (mine - delta).abs().max() < ROUNDING
        assert delta.abs().max() > 0.1


@st.composite
def quanta_layers(draw):
    axes = tuple(draw(st.lists(st.integers(1, 3), min_size=2, max_size=4)))
    rest = math.prod(axes[1:])
    return axes, *(rest * draw(st.integers(1, axes[0])) for _ in range(2))


@settings(max_examples=25)
@given(quanta_layers(), st.sampled_from([torch.float32, torch.bfloat16, torch.float64]))
def test_quanta_gates_are_cut_where_layers_are_padded_or_cut(layer, dtype):
    axes, d_in, d_out = layer
    base = nn.Module()
    base.proj = nn.Linear(d_in, d_out)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_quanta(folder / "theirs", {"proj": axes}, dtype=dtype)
        found = import_adapter(folder / "theirs", folder / "ours", base=base)
        assert found.error < 1e-6
        model = qa.load(base, folder / "ours")
        delta = quanta_delta(folder / "theirs", "proj", axes, d_in, d_out)
    mine = model.base_model.model.proj.get_delta_weight("default")
    assert (mine - delta).abs().max() < 30 * ROUNDING


# What is refused --------------------------------------------------------------------------------


def say(error):
    return f"{type(error).__name__}: {error}"


def refused(call, *, root):
    """The text of an error, with the folder's name left out, after which nothing was written."""
    before = sorted(root.rglob("*"))
    with pytest.raises(CircuitError) as caught:
        call()
    assert sorted(root.rglob("*")) == before
    return say(caught.value).replace(f"{root}{os.sep}", "")


DORA = LoraConfig(r=2, use_dora=True, target_modules=["q_proj"])
EMBEDDING = LoraConfig(r=2, target_modules=["embed_tokens"])
PISSA = LoraConfig(r=2, init_lora_weights="pissa", target_modules=["q_proj"])
BIAS = LoraConfig(r=2, bias="lora_only", target_modules=["q_proj"])
OTHERS = {
    "dora": (
        DORA,
        "FileError: 'theirs/adapter_config.json' says use_dora=True, which cannot be imported.\n"
        "  DoRA divides by the norm of the weight's columns, which is no circuit.\n"
        "  Merge the adapter with peft instead: merge_and_unload().",
    ),
    "bias": (
        BIAS,
        "FileError: 'theirs/adapter_config.json' says bias='lora_only', which cannot be imported.\n"
        "  It trains biases too, which are no part of a weight's update.\n"
        "  Merge the adapter with peft instead: merge_and_unload().",
    ),
    "embedding": (
        EMBEDDING,
        "FileError: 'theirs' holds the tensor "
        "'base_model.model.model.embed_tokens.lora_embedding_A', which is no part of a linear "
        "layer's update.\n"
        "  Left out, it would make the adapter another one.",
    ),
    "pissa": (
        PISSA,
        "FileError: 'theirs' was trained with init_lora_weights='pissa'.\n"
        "  Loading such an adapter changes the base weights as well.\n"
        "  Save it with peft's path_initial_model_for_weight_conversion, which makes it plain "
        "LoRA.",
    ),
    "boft": (
        BOFTConfig(boft_block_size=8, target_modules=["q_proj"]),
        "FileError: 'theirs' is of method 'BOFT', which cannot be imported.\n"
        "  It rotates what a layer takes and scales what it gives, around the base weight.\n"
        "  The methods are LORA, LOKR, LOHA, OFT, QUANTA; others can be merged with peft.",
    ),
    "ia3": (
        IA3Config(target_modules=["q_proj"], feedforward_modules=[]),
        "FileError: 'theirs' is of method 'IA3', which cannot be imported.\n"
        "  It multiplies the base weight, which the adapter's files do not hold.\n"
        "  The methods are LORA, LOKR, LOHA, OFT, QUANTA; others can be merged with peft.",
    ),
    "vblora": (
        VBLoRAConfig(r=4, num_vectors=8, vector_length=16, target_modules=["q_proj"]),
        "FileError: 'theirs' is of method 'VBLORA', which cannot be imported.\n"
        "  Its update is not multilinear in what it trains, so that it is no circuit.\n"
        "  The methods are LORA, LOKR, LOHA, OFT, QUANTA; others can be merged with peft.",
    ),
    "ours": (
        qa.CircuitConfig(target_modules=["q_proj"]),
        "FileError: 'theirs' is an adapter of circuits already.",
    ),
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_is_no_circuit_is_refused_by_name(name, tmp_path):
    config, text = OTHERS[name]
    model = get_peft_model(make_llama(), config)
    model.save_pretrained(str(tmp_path / "theirs"), save_embedding_layers=False)
    assert (
        refused(lambda: import_adapter(tmp_path / "theirs", tmp_path / "o"), root=tmp_path) == text
    )


def cut_file(folder):
    path = folder / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:100])


def pickle_it(folder):
    (folder / "adapter_model.safetensors").unlink()
    (folder / "adapter_model.bin").write_bytes(pickle.dumps({}))


Q = "base_model.model.model.layers.0.self_attn.q_proj"
BROKEN = {
    "no folder": (
        shutil.rmtree,
        "'theirs' holds no adapter: adapter_config.json is missing.",
    ),
    "no method": (
        lambda folder: edit_config(folder, peft_type=None),
        "'theirs/adapter_config.json' does not say of which method the adapter is (peft_type).",
    ),
    "not JSON": (
        lambda folder: (folder / "adapter_config.json").write_text("{"),
        "'theirs/adapter_config.json' is cut off or not JSON: Expecting property name enclosed in "
        "double quotes: line 1 column 2 (char 1).",
    ),
    "no rank": (
        lambda folder: (folder / "adapter_config.json").write_text('{"peft_type": "LORA"}'),
        "'theirs/adapter_config.json' lacks 'r'.",
    ),
    "unknown option": (
        lambda folder: edit_config(folder, twist=3),
        "'theirs/adapter_config.json' says twist=3, which cannot be imported.\n"
        "  What it does to the weights is not known here.\n"
        "  Merge the adapter with peft instead: merge_and_unload().",
    ),
    "pickled": (
        pickle_it,
        "'theirs' has no adapter_model.safetensors.\n"
        "  Only safetensors files are read: a pickled file can run any code.\n"
        "  Where you trust it, load it with torch and save it with safetensors.torch.save_file.",
    ),
    "cut off": (
        cut_file,
        "'theirs/adapter_model.safetensors' is cut off or not a safetensors file: ...\n"
        "  Copy it again from where it was saved.",
    ),
    "no tensors": (
        lambda folder: edit_tensors(folder, dict.clear),
        "'theirs' holds no tensors of its method.",
    ),
    "a tensor is missing": (
        lambda folder: edit_tensors(folder, lambda t: t.pop(f"{Q}.lora_B.weight")),
        "module 'model.layers.0.self_attn.q_proj' lacks the tensor 'lora_B.weight'.",
    ),
    "another rank": (
        lambda folder: edit_config(folder, r=5),
        "'lora_A.weight' of module 'model.layers.0.mlp.up_proj' has shape (4, 64); expected "
        "(5, 64).",
    ),
    "a convolution": (
        lambda folder: edit_tensors(
            folder, lambda t: t.update({f"{Q}.lora_A.weight": torch.ones(4, 64, 1, 1)})
        ),
        "'lora_A.weight' of module 'model.layers.0.self_attn.q_proj' has 4 axes; a linear layer's "
        "has 2.",
    ),
    "not finite": (
        lambda folder: edit_tensors(
            folder, lambda t: t.update({f"{Q}.lora_A.weight": torch.full((4, 64), math.nan)})
        ),
        "the circuit of 'model.layers.0.self_attn.q_proj' differs from its source by nan.\n"
        "  Its gates hold numbers that are not finite, or cancel each other.\n"
        "  Train again from a checkpoint that is finite.",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_refused_and_nothing_is_written(name, tmp_path):
    save(PLAIN["lora"], tmp_path / "theirs")
    damage, text = BROKEN[name]
    damage(tmp_path / "theirs")
    said = refused(lambda: import_adapter(tmp_path / "theirs", tmp_path / "ours"), root=tmp_path)
    start, dots, end = text.partition("...")
    assert said.startswith(f"FileError: {start}")
    assert said.endswith(end) if dots else said == f"FileError: {text}"


@pytest.mark.parametrize("kind", ["lokr", "lokr-decomposed", "loha"])
def test_every_tensor_of_a_layer_is_needed(kind, tmp_path):
    save(PLAIN[kind], tmp_path / "theirs")
    whole = load_file(tmp_path / "theirs" / "adapter_model.safetensors")
    prefix = "base_model.model.model.layers.1.mlp.up_proj"
    mine = [key for key in whole if key.startswith(prefix)]
    assert mine
    for key in mine:
        edit_tensors(tmp_path / "theirs", lambda t, key=key: t.pop(key))
        said = refused(lambda: import_adapter(tmp_path / "theirs", tmp_path / "o"), root=tmp_path)
        assert "module 'model.layers.1.mlp.up_proj' " in said
        save_file(whole, tmp_path / "theirs" / "adapter_model.safetensors")


def test_errors_of_quanta_checkpoints(tmp_path):
    folder, ours = tmp_path / "theirs", tmp_path / "ours"
    write_quanta(folder, {"proj": (4, 4, 4)})
    whole = load_file(folder / "adapter_model.safetensors")

    def attempt(**options):
        return refused(lambda: import_adapter(folder, ours, **options), root=tmp_path)

    base = nn.Module()
    base.proj = nn.Linear(64, 40)
    assert attempt(base=base) == (
        "FileError: module 'proj' maps 64 to 40, but its axes are 4-4-4 = 64.\n"
        "  The checkpoint was padded or cut within an axis, which no gate can follow.\n"
        "  Only multiples of 16, up to 64, are imported."
    )
    base.proj = nn.Linear(80, 64)
    assert attempt(base=base).startswith("FileError: module 'proj' maps 80 to 64, but its axes")
    base.projection, base.proj = nn.Linear(64, 64), None
    assert attempt(base=base) == (
        "AdaptError: the base model has no linear layer 'proj'.\n  Did you mean 'projection'?"
    )
    assert attempt(base="llamma").startswith("ModelError: 'llamma' is no file, no folder, and no")
    edit_tensors(folder, lambda t: t.pop("base_model.model.proj.quanta_weights2.-2 -3"))
    assert attempt() == (
        "FileError: module 'proj' has 5 tensors, which are not two gates for each pair of axes.\n"
        "  The checkpoint is cut off, or is not of QuanTA's published code."
    )
    key = "base_model.model.proj.quanta_weights2.-2 -3"
    save_file({**whole, key: torch.ones(4, 4, 2, 4)}, folder / "adapter_model.safetensors")
    assert attempt() == (
        "FileError: 'quanta_weights2.-2 -3' of module 'proj' has shape (4, 4, 2, 4); expected "
        "(4, 4, 4, 4)."
    )
    save_file(whole, folder / "adapter_model.safetensors")
    edit_config(folder, sum_mode=True)
    assert attempt().startswith(
        "FileError: 'theirs/adapter_config.json' says sum_mode=True, which cannot be imported.\n"
    )


def test_a_wrong_circuit_would_be_noticed(tmp_path, monkeypatch):
    """Each layer is compared with its source after it was written."""
    save(PLAIN["lora"], tmp_path / "theirs")
    scale = importing._scale
    monkeypatch.setattr(
        importing, "_scale", lambda *given: {k: t * 1.001 for k, t in scale(*given).items()}
    )
    said = refused(lambda: import_adapter(tmp_path / "theirs", tmp_path / "ours"), root=tmp_path)
    assert said.startswith("FileError: the circuit of 'model.layers.0.mlp.up_proj' differs from ")


@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_an_interrupt_or_a_full_disk_leaves_nothing(failure, tmp_path, monkeypatch):
    save(PLAIN["lora"], tmp_path / "theirs")
    import_adapter(tmp_path / "theirs", tmp_path / "ours")

    def fail(*_, **__):
        raise failure

    before = sorted(tmp_path.rglob("*"))
    for module in (importing, exporting):
        monkeypatch.setattr(module, "save_file", fail)
    for write in (import_adapter, lambda *folders: export_lora(*folders, rank=4)):
        source = "theirs" if write is import_adapter else "ours"
        with pytest.raises((KeyboardInterrupt, FileError)) as caught:
            write(tmp_path / source, tmp_path / "new")
        if caught.type is FileError:
            text = f"cannot write {str(tmp_path / 'new')!r}: No space left on device."
            assert str(caught.value) == text
        assert sorted(tmp_path.rglob("*")) == before


def test_what_is_there_is_never_overwritten(tmp_path):
    save(PLAIN["lora"], tmp_path / "theirs")
    (tmp_path / "ours").mkdir()
    import_adapter(tmp_path / "theirs", tmp_path / "ours")
    said = refused(lambda: import_adapter(tmp_path / "theirs", tmp_path / "ours"), root=tmp_path)
    assert said == "FileError: 'ours' is there already.\n  Give a folder that is new or empty."
    said = refused(
        lambda: export_lora(tmp_path / "ours", tmp_path / "theirs", rank=1), root=tmp_path
    )
    assert said == "FileError: 'theirs' is there already.\n  Give a folder that is new or empty."


# Export -----------------------------------------------------------------------------------------

QUANTA = qa.CircuitConfig(circuit="quanta(axes=3)", target_modules=TARGETS)


def test_lora_goes_there_and_back_to_the_bit(tmp_path):
    save(PLAIN["patterns"], tmp_path / "theirs")
    plain = qa.CircuitConfig(circuit="lora(rank=3)", form="zero", scale=0.7, target_modules=TARGETS)
    logits = save(plain, tmp_path / "ours")
    found = export_lora(tmp_path / "ours", tmp_path / "lora", rank=3)
    assert {(one.rank, one.energy, one.error, one.exact) for one in found.layers} == {
        (3, 1.0, 0.0, True)
    }
    ours, lora = (
        load_file(tmp_path / one / "adapter_model.safetensors") for one in ("ours", "lora")
    )
    key = "base_model.model.model.layers.0.self_attn.v_proj"
    assert torch.equal(lora[f"{key}.lora_A.weight"], ours[f"{key}.qcircuit_delta.weight_g1"])
    assert torch.equal(lora[f"{key}.lora_B.weight"], ours[f"{key}.qcircuit_delta.weight_g2"])
    model = PeftModel.from_pretrained(make_llama(), tmp_path / "lora")
    assert (compute_logits(model) - logits).abs().max() < ROUNDING


@pytest.mark.parametrize("form", FORMS_ALONE)
def test_export_at_full_rank_computes_the_same(form, tmp_path):
    config = qa.CircuitConfig(
        circuit="quanta(axes=3)",
        circuits={"v_proj": "a=8 b=8 | a b {rank=3}, b per a, a -> a=4"},
        form=form,
        scale=0.5,
        target_modules=TARGETS,
    )
    model = adapt(config)
    found = export_lora(model, tmp_path / "lora", rank=64)
    assert [one.rank for one in found.layers] == [64, 64, 32] * 2
    assert not any(one.exact for one in found.layers)
    lora = PeftModel.from_pretrained(make_llama(), tmp_path / "lora")
    logits = compute_logits(model)
    assert (compute_logits(lora) - logits).abs().max() < 10 * ROUNDING * logits.abs().max()
    model.save_pretrained(str(tmp_path / "ours"))
    assert export_lora(tmp_path / "ours", tmp_path / "again", rank=64) == found


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"form": "input"}, "is a product with the base weight, which is not in the adapter."),
        ({"use_dora": True}, "cannot be told from the adapter alone, as use_dora=True."),
        (
            {"save_reference": False},
            "cannot be told from the adapter alone, as save_reference=False.",
        ),
    ],
)
def test_export_refuses_what_needs_more_than_the_adapter(options, problem, tmp_path):
    config = qa.CircuitConfig(circuit="quanta(axes=3)", target_modules=["q_proj"], **options)
    adapt(config).save_pretrained(str(tmp_path / "ours"))
    with pytest.raises(FileError) as error:
        export_lora(tmp_path / "ours", tmp_path / "lora", rank=4)
    first, cure = str(error.value).splitlines()
    assert first.endswith(problem)
    assert cure == "  Merge it into the model instead: merge_and_unload()."
    assert not (tmp_path / "lora").exists()


def test_export_is_the_best_of_its_rank_and_says_what_it_loses(tmp_path):
    model = adapt(QUANTA)
    found = export_lora(model, tmp_path / "lora", rank=5)
    lora = PeftModel.from_pretrained(make_llama(), tmp_path / "lora")
    for one in found.layers:
        name = f"base_model.model.{one.module}"
        whole = model.get_submodule(name).get_delta_weight("default").double()
        kept = lora.get_submodule(name).get_delta_weight("default").double()
        lost = torch.linalg.svdvals(whole)[5:].square().sum().sqrt()
        assert (whole - kept).norm() == pytest.approx(float(lost), rel=1e-5)
        assert one.error == pytest.approx(float((whole - kept).norm() / whole.norm()), rel=1e-5)
        assert one.energy == pytest.approx(1 - one.error**2)
        assert (one.rank, one.exact) == (5, False)


def test_energy_takes_the_smallest_rank_that_keeps_it(tmp_path):
    model = adapt(QUANTA)
    found = export_lora(model, tmp_path / "lora", energy=0.8)
    lora = PeftModel.from_pretrained(make_llama(), tmp_path / "lora")
    assert len({one.rank for one in found.layers}) > 1
    for one in found.layers:
        squares = torch.linalg.svdvals(
            model.get_submodule(f"base_model.model.{one.module}").get_delta_weight("default")
        ).square()
        shares = squares.cumsum(0) / squares.sum()
        assert shares[one.rank - 1] >= 0.8 > shares[one.rank - 2]
        layer = lora.get_submodule(f"base_model.model.{one.module}")
        assert layer.lora_A["default"].weight.shape == (one.rank, one.d_in)
    capped = export_lora(model, tmp_path / "capped", energy=0.8, rank=4)
    assert {one.rank for one in capped.layers} == {4}
    assert {one.rank for one in export_lora(model, tmp_path / "all", energy=1.0).layers} > {64}


def test_an_untrained_adapter_exports_as_nothing(tmp_path):
    model = get_peft_model(make_llama(), QUANTA)
    found = export_lora(model, tmp_path / "lora", rank=2)
    assert {(one.energy, one.error) for one in found.layers} == {(1.0, 0.0)}
    lora = PeftModel.from_pretrained(make_llama(), tmp_path / "lora")
    assert torch.equal(compute_logits(lora), compute_logits(make_llama()))


def test_an_exported_adapter_loads_where_this_package_is_not(tmp_path):
    logits = compute_logits(adapt(PLAIN["lora"]))
    save(PLAIN["lora"], tmp_path / "theirs")
    import_adapter(tmp_path / "theirs", tmp_path / "ours")
    export_lora(tmp_path / "ours", tmp_path / "back", rank=4)
    torch.save(logits, tmp_path / "logits.pt")
    code = (
        "import sys, torch, warnings; sys.modules['qcircuit_adapt'] = None; "
        "warnings.simplefilter('ignore'); "
        "from peft import PeftModel; from tiny_models import compute_logits, make_llama; "
        f"model = PeftModel.from_pretrained(make_llama(), {str(tmp_path / 'back')!r}); "
        f"logits = torch.load({str(tmp_path / 'logits.pt')!r}); "
        "print(float((compute_logits(model) - logits).abs().max()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(done.stdout) < ROUNDING


def test_errors_of_export(tmp_path):
    save(QUANTA, tmp_path / "ours")
    new = tmp_path / "new"

    def attempt(*given, **options):
        return refused(lambda: export_lora(*given, new, **options), root=tmp_path)

    ours = tmp_path / "ours"
    assert attempt(ours) == (
        "OptionError: neither rank nor energy is given.\n  Give rank=16, or energy=0.99."
    )
    assert attempt(ours, rank=0) == "OptionError: rank=0 is not 1 or more."
    assert attempt(ours, energy=1.5) == "OptionError: energy=1.5 is not above 0 and at most 1."
    model = adapt(QUANTA)
    assert attempt(model, rank=1, adapter_name="defualt") == (
        "AdaptError: the model has no adapter 'defualt' of circuits.\n  Did you mean 'default'?"
    )
    assert attempt(adapt(PLAIN["lora"]), rank=1) == (
        "AdaptError: the model has no adapter 'default' of circuits.\n  There are none."
    )
    with torch.no_grad():
        layer = model.base_model.model.model.layers[1].self_attn.q_proj
        layer.qcircuit_delta["default"].weight_g1.fill_(math.inf)
    assert attempt(model, rank=1) == (
        "FileError: the update of 'model.layers.1.self_attn.q_proj' is not finite.\n"
        "  Export a checkpoint from before the numbers overflowed."
    )
    biased = adapt(qa.CircuitConfig(bias="all", target_modules=["query"]), make_roberta)
    assert attempt(biased, rank=1) == (
        "FileError: the adapter trains biases too (bias='all').\n"
        "  They are no part of a weight's update.\n"
        "  Merge it into the model instead: merge_and_unload()."
    )
    edit_tensors(ours, lambda t: t.pop(f"{Q}.qcircuit_delta.weight_g1"))
    assert attempt(ours, rank=1) == (
        "FileError: the tensors of 'model.layers.0.self_attn.q_proj' fit none of the circuits that "
        "adapter_config.json has for it.\n"
        "  Copy the folder again; its two files belong together."
    )
    edit_tensors(ours, dict.clear)
    assert attempt(ours, rank=1) == "FileError: the adapter holds no circuits."
    pickle_it(ours)
    assert attempt(ours, rank=1) == (
        "FileError: 'ours' holds no weights: adapter_model.safetensors is missing.\n"
        "  A pickled file can run any code, and is not opened.\n"
        "  Save the adapter again with safe_serialization=True."
    )


# The commands -----------------------------------------------------------------------------------


def run(capsys, *words):
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


def test_the_commands(tmp_path, capsys):
    save(PLAIN["lokr"], tmp_path / "theirs")
    ours, back = tmp_path / "ours", tmp_path / "back"
    code, out, err = run(capsys, "import", tmp_path / "theirs", "-o", ours)
    assert (code, err) == (0, f"Wrote {ours}.\n")
    lines = out.splitlines()
    assert lines[0].split() == ["module", "shape", "parameters", "error"]
    assert lines[1].split()[:5] == ["model.layers.0.mlp.up_proj", "64", "→", "112", "152"]
    assert "64 → 112: a=8 b=8 | a, b -> b=14 {rank=4}" in lines
    assert lines[-1].startswith("LOKR: 6 layers, 752 parameters; no update differs from its source")
    code, out, err = run(capsys, "export", ours, "-o", back, "--rank", "16")
    assert (code, err) == (0, f"Wrote {back}.\n")
    lines = out.splitlines()
    assert lines[0].split() == ["module", "shape", "rank", "energy", "error"]
    assert lines[1].split()[:5] == ["model.layers.0.mlp.up_proj", "64", "→", "112", "16"]
    assert lines[-1].startswith("LoRA of 12,800 parameters; of every update it keeps at least ")
    code, out, _ = run(capsys, "export", ours, "-o", tmp_path / "b", "--energy", "0.9", "--json")
    assert (code, len(json.loads(out))) == (0, 6)
    code, out, err = run(capsys, "export", ours, "-o", tmp_path / "k", "--as", "lokr")
    assert (code, out) == (0, "LOKR: 6 layers, 752 parameters.\n")
    code, out, _ = run(capsys, "export", ours, "-o", tmp_path / "j", "--as", "lokr", "--json")
    assert (code, len(json.loads(out))) == (0, 6)
    code, out, _ = run(capsys, "import", tmp_path / "theirs", "-o", tmp_path / "c", "--json")
    assert (code, json.loads(out)["method"]) == (0, "LOKR")
    code, out, err = run(capsys, "import", tmp_path / "nowhere", "-o", tmp_path / "d")
    assert (code, out) == (1, "")
    assert err.startswith("FileError: ")


def test_peft_knows_the_methods():
    assert {name for name in METHODS if name != "QUANTA"} <= set(peft.PeftType)
