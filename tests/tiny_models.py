"""Random models small enough to be made in a test, and what every test of them needs."""

import pytest
import torch
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    RobertaConfig,
    RobertaForSequenceClassification,
)

VOCABULARY = 96

# peft 0.21.2 asks transformers 5.23.0 for it whenever it wraps a model.
ignore_warnings = [
    pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning"),
    # In form 'residual' the narrow layers of a model with grouped queries have some.
    pytest.mark.filterwarnings("ignore:.* have no gradient at the first step in form:UserWarning"),
]


def make_llama(layers=2):
    """Grouped-query attention: v_proj maps 64 to 32."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=64,
        intermediate_size=112,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
    )
    return LlamaForCausalLM(config).eval()


def make_roberta():
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=VOCABULARY,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=40,
        num_labels=3,
    )
    return RobertaForSequenceClassification(config).eval()


def make_gpt2():
    """Conv1D layers, which store the weight as (d_in, d_out); c_attn maps 64 to 192."""
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=VOCABULARY, n_embd=64, n_layer=2, n_head=4, n_positions=40)
    return GPT2LMHeadModel(config).eval()


MODELS = {"llama": make_llama, "roberta": make_roberta, "gpt2": make_gpt2}


def make_tokens(rows=2, length=9):
    # 0 to 2 are RoBERTa's special tokens.
    return torch.randint(3, VOCABULARY, (rows, length), generator=torch.manual_seed(1))


@torch.no_grad()
def compute_logits(model, tokens=None, **options):
    return model(make_tokens() if tokens is None else tokens, **options).logits


def describe(model):
    """All that adapting a model may change: modules, tensors, what is trained, attributes."""
    modules = {name: type(module) for name, module in model.named_modules()}
    tensors = {key: value.clone() for key, value in model.state_dict().items()}
    trained = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
    return modules, tensors, trained, set(model.__dict__)


def assert_unchanged(model, before):
    modules, tensors, trained, attributes = describe(model)
    assert modules == before[0]
    assert tensors.keys() == before[1].keys()
    assert all(torch.equal(tensors[key], before[1][key]) for key in tensors)
    assert trained == before[2]
    assert attributes == before[3]
