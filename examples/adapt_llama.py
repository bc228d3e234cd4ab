"""Adapt a LLaMA with a circuit, train a few steps, save, load and merge.

The model is a tiny random one, so that the example runs anywhere in seconds; replace it by
``AutoModelForCausalLM.from_pretrained(...)`` for a real one. Its v_proj is not square (GQA), and
the family finds a circuit for each layer's shape.
"""

from __future__ import annotations

import tempfile

import torch
from peft import PeftModel, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

import qcircuit_adapt as qa

torch.manual_seed(0)
CONFIG = LlamaConfig(
    vocab_size=128,
    hidden_size=64,
    intermediate_size=128,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
)
base = LlamaForCausalLM(CONFIG)
tokens = torch.randint(0, CONFIG.vocab_size, (4, 32))
with torch.no_grad():
    before = base(tokens).logits

config = qa.CircuitConfig(circuit="quanta(axes=3)", target_modules=["q_proj", "v_proj"])
model = get_peft_model(base, config)
model.print_trainable_parameters()
with torch.no_grad():
    assert torch.equal(model(tokens).logits, before), "nothing changes before training"

optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
for step in range(5):
    loss = model(tokens, labels=tokens).loss
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    print(f"step {step}: loss {loss.item():.4f}")

model.eval()
with torch.no_grad():
    trained = model(tokens).logits
with tempfile.TemporaryDirectory() as folder:
    model.save_pretrained(folder)
    merged = model.merge_and_unload()
    torch.manual_seed(0)
    loaded = PeftModel.from_pretrained(LlamaForCausalLM(CONFIG), folder)

with torch.no_grad():
    print(f"loaded == trained: {torch.equal(loaded(tokens).logits, trained)}")
    print(f"merged - trained: {(merged(tokens).logits - trained).abs().max():.1e}")
