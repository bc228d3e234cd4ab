"""What circuits cost on a model, against the adapted model itself."""

import json

import pytest
import torch
from peft import get_peft_model
from tiny_models import ignore_warnings, make_gpt2, make_llama, make_roberta
from transformers import CONFIG_MAPPING, AutoConfig, LlamaConfig

import qcircuit_adapt as qa
from qcircuit_adapt.cli import main
from qcircuit_adapt.errors import AdaptError, ModelError
from qcircuit_adapt.hf import meta
from qcircuit_adapt.hf.meta import build_on_meta, read_model_config
from qcircuit_adapt.hf.model_table import ModuleRow, Untargetable, tabulate_model

pytestmark = ignore_warnings

SMALL = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 96,
}
GROUPED = {**SMALL, "num_key_value_heads": 2, "head_dim": 16}
SIZES = {
    "llama": GROUPED,
    "mistral": GROUPED,
    "qwen2": {**SMALL, "num_key_value_heads": 2},
    "qwen3": GROUPED,
    "gemma3_text": {**GROUPED, "layer_types": ["full_attention", "full_attention"]},
    "mixtral": {**GROUPED, "num_local_experts": 4},
    "roberta": SMALL,
    "gpt2": {"n_embd": 64, "n_layer": 2, "n_head": 4, "vocab_size": 96},
    "t5": {"d_model": 64, "d_ff": 96, "d_kv": 16, "num_layers": 2, "num_heads": 4},
    "vit": {key: value for key, value in SMALL.items() if key != "vocab_size"},
}


def small(kind):
    ends = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
    return CONFIG_MAPPING[kind](**SIZES[kind], **({} if kind == "vit" else ends))


@pytest.mark.parametrize("form", qa.FORMS)
@pytest.mark.parametrize("make_model", [make_llama, make_roberta, make_gpt2])
def test_totals_are_those_of_the_adapted_model(make_model, form):
    config = {"circuit": "quanta(axes=3)", "form": form, "target_modules": "all-linear"}
    if form == "output":
        # A classifier gives three numbers, which are not cut into axes.
        config["target_modules"] = r".*(q|k|v|c)_?(proj|attn|fc)?|.*(query|key|value)"
    model = make_model()
    model.config.architectures = [type(model).__name__]
    table = tabulate_model(model.config, qa.CircuitConfig(**config))
    adapted = get_peft_model(model, qa.CircuitConfig(**config))
    trained, total = adapted.get_nb_trainable_parameters()
    whole = sum(p.numel() for n, p in adapted.named_parameters() if "modules_to_save" in n)
    assert table.parameters == trained - whole
    assert table.model_parameters == total - trained
    assert table.share == table.parameters / table.model_parameters
    assert table.modules == sum(hasattr(m, "qcircuit_delta") for m in adapted.modules())


@pytest.mark.parametrize("kind", SIZES)
def test_every_architecture(kind):
    table = tabulate_model(small(kind), qa.CircuitConfig())
    assert table.rows
    assert table.model == kind
    assert {row.count % 2 for row in table.rows if "*" in row.modules} == {0}
    for row in table.rows:
        circuit = qa.Circuit.parse(row.circuit)
        assert (row.d_in, row.d_out) == (circuit.d_in, circuit.d_out)
        assert (row.parameters, row.macs_per_token) == (circuit.parameters, circuit.macs_per_token)
        assert 0 < row.rank_lower <= row.rank_upper <= min(row.d_in, row.d_out)
    assert bool(table.untargetable) == (kind == "mixtral")


def test_modules_are_grouped_by_name_and_shape():
    table = tabulate_model(small("llama"), qa.CircuitConfig(circuit="lora(rank=4)", form="zero"))
    assert table.targets == ("q_proj", "v_proj")
    assert table.rows == (
        ModuleRow(
            modules="model.layers.*.self_attn.q_proj",
            count=2,
            d_in=64,
            d_out=64,
            circuit="x=64 | x -> r=4, r -> y=64",
            parameters=512,
            rank_lower=4,
            rank_upper=4,
            macs_per_token=512,
        ),
        ModuleRow(
            modules="model.layers.*.self_attn.v_proj",
            count=2,
            d_in=64,
            d_out=32,
            circuit="x=64 | x -> r=4, r -> y=32",
            parameters=384,
            rank_lower=4,
            rank_upper=4,
            macs_per_token=384,
        ),
    )
    assert (table.parameters, table.macs_per_token, table.modules) == (1792, 1792, 4)


@pytest.mark.parametrize("options", [{"orthogonal": True}, {"use_dora": True}], ids=str)
def test_constrained_gates_are_counted_and_nothing_is_claimed(options):
    config = qa.CircuitConfig(circuit="oft(block=8)", form="input", **options)
    rows = tabulate_model(small("llama"), config).rows
    ours = {row.modules.rpartition(".")[2]: row for row in rows}
    magnitudes = {"q_proj": 64, "v_proj": 32} if "use_dora" in options else {}
    for name, d_out in (("q_proj", 64), ("v_proj", 32)):
        per_block = 28 if "orthogonal" in options else 64
        assert ours[name].parameters == 8 * per_block + magnitudes.get(name, 0)
        assert (ours[name].rank_lower, ours[name].rank_upper) == (0, d_out)


def test_experts_that_are_one_tensor_are_named():
    table = tabulate_model(small("mixtral"), qa.CircuitConfig(target_modules="all-linear"))
    assert table.untargetable == (
        Untargetable("model.layers.*.mlp.experts.gate_up_proj", 2, (4, 192, 64)),
        Untargetable("model.layers.*.mlp.experts.down_proj", 2, (4, 64, 96)),
    )
    assert table.untargetable[0].size == 2 * 4 * 192 * 64
    assert not any("experts" in row.modules for row in table.rows)


def test_default_targets_are_those_of_the_text_model_or_all():
    text = CONFIG_MAPPING["gemma3"](
        text_config=SIZES["gemma3_text"],
        vision_config={**SIZES["vit"], "image_size": 28, "patch_size": 14},
        mm_tokens_per_image=4,
    )
    assert tabulate_model(text, qa.CircuitConfig()).targets == ("q_proj", "v_proj")
    assert tabulate_model(small("vit"), qa.CircuitConfig()).targets == ("all-linear",)


def test_the_model_is_on_the_meta_device():
    model = build_on_meta(LlamaConfig(num_hidden_layers=1))
    assert {parameter.device for parameter in model.parameters()} == {torch.device("meta")}


def test_a_configuration_is_a_file_a_folder_or_a_name(tmp_path):
    config = small("llama")
    config.architectures = ["LlamaForSequenceClassification"]
    config.save_pretrained(tmp_path)
    for source in (tmp_path, tmp_path / "config.json", str(tmp_path)):
        read = read_model_config(source)
        assert type(read) is LlamaConfig
        assert read.hidden_size == 64
    assert type(build_on_meta(read)).__name__ == "LlamaForSequenceClassification"
    assert type(build_on_meta(small("llama"))).__name__ == "LlamaForCausalLM"
    assert type(build_on_meta(small("roberta"))).__name__ == "RobertaForMaskedLM"
    assert type(build_on_meta(small("t5"))).__name__ == "T5ForConditionalGeneration"
    assert read_model_config("llama").hidden_size == LlamaConfig().hidden_size


def test_a_name_on_the_hub_is_asked_for(monkeypatch):
    asked = []
    monkeypatch.setattr(
        AutoConfig, "from_pretrained", lambda name: asked.append(name) or small("llama")
    )
    assert read_model_config("someone/model").hidden_size == 64
    assert asked == ["someone/model"]

    def fail(_):
        raise OSError("We couldn't connect.\nCheck your internet connection.")

    monkeypatch.setattr(AutoConfig, "from_pretrained", fail)
    with pytest.raises(ModelError) as caught:
        read_model_config("someone/model")
    assert str(caught.value) == (
        "the configuration of 'someone/model' cannot be loaded: We couldn't connect. Check "
        "your internet connection.\n"
        "  Give its config.json."
    )


def test_errors(tmp_path, monkeypatch):
    def read(source):
        with pytest.raises(ModelError) as caught:
            read_model_config(source)
        return str(caught.value).replace(f"{tmp_path}/", "")

    file = tmp_path / "config.json"
    assert read("llamma").splitlines() == [
        "'llamma' is no file, no folder, and no architecture of transformers.",
        "  Did you mean 'llama' or 'mllama' or 'llama4'?",
    ]
    assert read(tmp_path) == "there is no file 'config.json'."
    assert read(str(file)) == "there is no file 'config.json'."
    file.write_text("{")
    assert read(file).startswith("'config.json' is not JSON: Expecting property name")
    monkeypatch.setattr(meta.transformers, "__version__", "5.0")
    for text, kind in (("[]", ""), ("{}", "None"), ('{"model_type": "mistrral"}', "mistrral")):
        file.write_text(text)
        lines = read(file).splitlines()
        assert lines[0] == (
            f"'config.json' is of model_type {kind!r}, which transformers 5.0 does not have."
        )
        assert len(lines) == 2
    assert "'mistral'" in lines[1]
    file.write_text('{"model_type": "llama", "hidden_size": "wide"}')
    assert read(file) == (
        "'config.json' is no configuration of 'llama': Validation error for field 'hidden_size': "
        "TypeError: Field 'hidden_size' expected int, got str (value: 'wide')."
    )
    file.write_text(" " * 2**23)
    assert read(file) == "'config.json' is too large for a configuration."
    with pytest.raises(ModelError, match="no model can be built of the configuration of 'llama': "):
        build_on_meta(LlamaConfig(hidden_act="none such"))
    with pytest.raises(AdaptError, match="it has no module 'qproj'"):
        tabulate_model(small("llama"), qa.CircuitConfig(target_modules=["qproj"]))


def run(capsys, *words):
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


def test_the_command(tmp_path, capsys):
    small("mixtral").save_pretrained(tmp_path)
    words = ("params", "--model", tmp_path, "--circuit", "quanta(axes=3)", "--target", "q_proj")
    code, out, err = run(capsys, *words, "--target", "v_proj")
    assert (code, err) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    q, v = "model.layers.*.self_attn.q_proj", "model.layers.*.self_attn.v_proj"
    assert [q, "2", "64", "→", "64", "768", "64", "3,072"] in lines
    assert [v, "2", "64", "→", "32", "640", "32", "2,560"] in lines
    assert "64 → 32: a=4 b=4 c=4 | b c, a c, a b -> a=2 b" in out.splitlines()
    total = next(line for line in out.splitlines() if line.startswith("mixtral: "))
    table = tabulate_model(
        small("mixtral"),
        qa.CircuitConfig(circuit="quanta(axes=3)", target_modules=["q_proj", "v_proj"]),
    )
    assert total == (
        f"mixtral: 2,816 of {table.model_parameters:,} parameters ({table.share:.4%}) in 4 "
        "modules, 11,264 MACs per token."
    )
    assert out.splitlines()[-1] == (
        "Not targetable: model.layers.*.mlp.experts.down_proj, 2 times 4 × 64 × 96: 49,152 "
        "parameters that are not those of linear layers."
    )
    code, out, err = run(capsys, *words, "--target", "v_proj", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == json.loads(json.dumps(table.to_dict()))
    code, out, _ = run(capsys, "params", "--model", tmp_path, "--target", "all-linear")
    assert code == 0
    assert out.count("model.layers.*.self_attn.") == 4
