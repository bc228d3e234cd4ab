"""`qcircuit params` on the sizes of published models, from configurations alone."""

import json

import pytest

from qcircuit_adapt.cli import main


def decoder(kind, width, inner, layers, heads, groups, vocabulary, **more):
    return {
        "model_type": kind,
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": groups,
        "vocab_size": vocabulary,
        "tie_word_embeddings": False,
        **more,
    }


def encoder(kind, width, inner, layers, heads, **more):
    return {
        "model_type": kind,
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        **more,
    }


ROBERTA = {"vocab_size": 50265, "max_position_embeddings": 514, "type_vocab_size": 1}
GEMMA3 = {"head_dim": 256, "tie_word_embeddings": True}
T5 = {
    "model_type": "t5",
    "vocab_size": 32128,
    "d_model": 768,
    "d_ff": 3072,
    "d_kv": 64,
    "num_layers": 12,
    "num_heads": 12,
}
VIT = {
    "architectures": ["ViTForImageClassification"],
    "id2label": {str(n): str(n) for n in range(1000)},
}

# Each with how many parameters the published model has.
MODELS = {
    "LLaMA-2 7B": (decoder("llama", 4096, 11008, 32, 32, 32, 32000), 6_738_415_616),
    "LLaMA-2 13B": (decoder("llama", 5120, 13824, 40, 40, 40, 32000), 13_015_864_320),
    "LLaMA-2 70B": (decoder("llama", 8192, 28672, 80, 64, 8, 32000), 68_976_648_192),
    "LLaMA-3 8B": (decoder("llama", 4096, 14336, 32, 32, 8, 128256), 8_030_261_248),
    "LLaMA-3 70B": (decoder("llama", 8192, 28672, 80, 64, 8, 128256), 70_553_706_496),
    "Mistral 7B": (decoder("mistral", 4096, 14336, 32, 32, 8, 32000), 7_241_732_096),
    "Qwen2.5 7B": (decoder("qwen2", 3584, 18944, 28, 28, 4, 152064), 7_615_616_512),
    "Qwen3 8B": (
        decoder("qwen3", 4096, 12288, 36, 32, 8, 151936, head_dim=128),
        8_190_735_360,
    ),
    "Gemma-3 1B": (decoder("gemma3_text", 1152, 6912, 26, 4, 1, 262144, **GEMMA3), 999_885_952),
    "Mixtral 8x7B": (
        decoder("mixtral", 4096, 14336, 32, 32, 8, 32000, num_local_experts=8),
        46_702_792_704,
    ),
    "RoBERTa-base": (encoder("roberta", 768, 3072, 12, 12, **ROBERTA), 124_697_433),
    "RoBERTa-large": (encoder("roberta", 1024, 4096, 24, 16, **ROBERTA), 355_412_057),
    "GPT-2": (
        {"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "vocab_size": 50257},
        124_439_808,
    ),
    "T5-base": (T5, 222_903_552),
    "ViT-base": (encoder("vit", 768, 3072, 12, 12, **VIT), 86_567_656),
}


def run(capsys, *words):
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    out, err = capsys.readouterr()
    assert (caught.value.code or 0, err) == (0, "")
    return out


@pytest.mark.parametrize("name", MODELS)
def test_a_published_model_is_counted(name, tmp_path, capsys):
    config, parameters = MODELS[name]
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config))
    found = json.loads(run(capsys, "params", "--model", file, "--json"))
    assert found["model"] == config["model_type"]
    assert found["model_parameters"] == parameters
    assert found["rows"]
    assert found["parameters"] == sum(row["count"] * row["parameters"] for row in found["rows"])
    assert 0 < found["share"] < 0.05
    for row in found["rows"]:
        assert 0 < row["rank_lower"] <= row["rank_upper"] <= min(row["d_in"], row["d_out"])
    experts = {one["parameters"] for one in found["untargetable"]}
    assert experts == (
        {f"model.layers.*.mlp.experts.{part}" for part in ("gate_up_proj", "down_proj")}
        if name.startswith("Mixtral")
        else set()
    )


def test_the_experts_of_a_mixture_are_named(tmp_path, capsys):
    file = tmp_path / "config.json"
    file.write_text(json.dumps(MODELS["Mixtral 8x7B"][0]))
    lines = run(capsys, "params", "--model", file).splitlines()
    assert [line for line in lines if line.startswith("Not targetable")] == [
        "Not targetable: model.layers.*.mlp.experts.gate_up_proj, 32 times 8 × 28672 × 4096: "
        "30,064,771,072 parameters that are not those of linear layers.",
        "Not targetable: model.layers.*.mlp.experts.down_proj, 32 times 8 × 4096 × 14336: "
        "15,032,385,536 parameters that are not those of linear layers.",
    ]
