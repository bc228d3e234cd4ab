"""Small random models under the names of those that PEFT's suites take from the Hub."""

from __future__ import annotations

from pathlib import Path

import torch
import transformers
from peft import LoraConfig

COMMIT = "0" * 40

ADAPTER = "peft-internal-testing/tiny-opt-lora-revision"
"""An adapter of LoRA, whose configuration every method reads."""

_SIZES = {"vocab_size": 128, "hidden_size": 32, "num_attention_heads": 4, "pad_token_id": 0}
_LAYERS = {"num_hidden_layers": 2, "intermediate_size": 64, "max_position_embeddings": 64}
_GROUPED = {**_SIZES, **_LAYERS, "num_key_value_heads": 2}
_BERT = {**_SIZES, **_LAYERS, "type_vocab_size": 2}
_DEBERTA = {**_BERT, "relative_attention": True, "pos_att_type": ["p2c", "c2p"]}
_GPT2 = {"vocab_size": 128, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}
_OPT = {**_SIZES, "ffn_dim": 64, "word_embed_proj_dim": 32, "max_position_embeddings": 64}
_BART = {
    "vocab_size": 128,
    "d_model": 32,
    "pad_token_id": 1,
    "max_position_embeddings": 64,
    **{f"{half}_layers": 2 for half in ("encoder", "decoder")},
    **{f"{half}_attention_heads": 4 for half in ("encoder", "decoder")},
    **{f"{half}_ffn_dim": 64 for half in ("encoder", "decoder")},
}
_T5 = {"vocab_size": 128, "d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4}
_GEMMA3 = {**_GROUPED, "head_dim": 8, "sliding_window": 16}

MODELS = {
    "peft-internal-testing/tiny-random-OPTForCausalLM": (
        "OPTForCausalLM",
        {**_OPT, "num_hidden_layers": 5},
    ),
    "peft-internal-testing/opt-125m": ("OPTForCausalLM", {**_OPT, "num_hidden_layers": 12}),
    "peft-internal-testing/tiny-random-GPT2LMHeadModel": ("GPT2LMHeadModel", _GPT2),
    "hf-internal-testing/tiny-random-gpt2": ("GPT2LMHeadModel", _GPT2),
    "peft-internal-testing/tiny-random-GPTJForCausalLM": (
        "GPTJForCausalLM",
        {**_GPT2, "rotary_dim": 4},
    ),
    "trl-internal-testing/tiny-random-LlamaForCausalLM": ("LlamaForCausalLM", _GROUPED),
    "peft-internal-testing/tiny-dummy-qwen2": ("Qwen2ForCausalLM", _GROUPED),
    "trl-internal-testing/tiny-Qwen3ForCausalLM": ("Qwen3ForCausalLM", {**_GROUPED, "head_dim": 8}),
    "hf-internal-testing/tiny-random-MistralForCausalLM": ("MistralForCausalLM", _GROUPED),
    "hf-internal-testing/tiny-random-Gemma3ForCausalLM": ("Gemma3ForCausalLM", _GEMMA3),
    "peft-internal-testing/tiny-random-T5ForConditionalGeneration-calibrated": (
        "T5ForConditionalGeneration",
        {**_T5, "decoder_start_token_id": 0},
    ),
    "peft-internal-testing/tiny-random-BartForConditionalGeneration": (
        "BartForConditionalGeneration",
        _BART,
    ),
    "peft-internal-testing/tiny-random-BertModel": ("BertModel", _BERT),
    "peft-internal-testing/tiny-random-RobertaModel": ("RobertaModel", _BERT),
    "peft-internal-testing/tiny-random-DebertaModel": ("DebertaModel", _DEBERTA),
    "peft-internal-testing/tiny-random-DebertaV2Model": ("DebertaV2Model", _DEBERTA),
    "peft-internal-testing/tiny-random-BertForSequenceClassification": (
        "BertForSequenceClassification",
        _BERT,
    ),
    "peft-internal-testing/tiny-random-RobertaForSequenceClassification": (
        "RobertaForSequenceClassification",
        _BERT,
    ),
    "trl-internal-testing/tiny-LlamaForSequenceClassification-3.2": (
        "LlamaForSequenceClassification",
        _GROUPED,
    ),
}
"""Names on the Hub, each with the class of the model and the sizes it has here."""


def make_hub(folder: Path) -> None:
    """Write the models as if they had been downloaded, for ``HF_HUB_CACHE``.

    The padding token's embedding is zero; the suites' inputs never have that token, 0.
    """
    for name, (kind, sizes) in MODELS.items():
        torch.manual_seed(0)
        model_class = getattr(transformers, kind)
        model = model_class(model_class.config_class(**sizes))
        model.save_pretrained(_make_snapshot(folder, name, revision="main"))
    LoraConfig().save_pretrained(str(_make_snapshot(folder, ADAPTER, revision="test")))


def _make_snapshot(folder: Path, name: str, *, revision: str) -> Path:
    home = folder / f"models--{name.replace('/', '--')}"
    snapshot = home / "snapshots" / COMMIT
    for one in (snapshot, home / "refs"):
        one.mkdir(parents=True, exist_ok=True)
    (home / "refs" / revision).write_text(COMMIT)
    return snapshot
