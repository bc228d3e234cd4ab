"""One training script for LoRA and for circuits: an import and one line differ.

``python examples/lora_to_circuit.py --method lora`` and ``--method circuit`` train, save, load,
merge and generate alike. The model is a tiny random one, so that both run anywhere in seconds.
"""

from __future__ import annotations

import argparse
import tempfile

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    Trainer,
    TrainingArguments,
)

from qcircuit_adapt import CircuitConfig

CONFIGS = {
    "lora": LoraConfig(target_modules=["q_proj", "v_proj"], r=8),
    "circuit": CircuitConfig(target_modules=["q_proj", "v_proj"], circuit="quanta(axes=3)"),
}


def load_base() -> PreTrainedModel:
    """A stand-in for ``AutoModelForCausalLM.from_pretrained(...)``."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=128,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
    )
    return LlamaForCausalLM(config)


def main(method: str) -> None:
    """Train, save, load, merge and generate."""
    tokens = torch.randint(0, 128, (8, 16), generator=torch.manual_seed(1))
    model = get_peft_model(load_base(), CONFIGS[method])
    model.print_trainable_parameters()
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            max_steps=5,
            learning_rate=5e-3,
            logging_steps=1,
            save_strategy="no",
            report_to=[],
            use_cpu=True,
            disable_tqdm=True,
            dataloader_pin_memory=False,
        )
        rows = [{"input_ids": row, "labels": row} for row in tokens]
        trainer = Trainer(model=model, args=arguments, train_dataset=rows)
        trainer.train()
        losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
        model.save_pretrained(folder)
        loaded = PeftModel.from_pretrained(load_base(), folder)
    merged = loaded.merge_and_unload()
    prompt = tokens[:1, :4]
    answer = merged.generate(
        input_ids=prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=4, do_sample=False
    )
    print(f"{method}: loss {losses[0]:.3f} to {losses[-1]:.3f}, then {answer[0, 4:].tolist()}")
    assert losses[-1] < losses[0]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--method", choices=CONFIGS, help="by default both, one after the other")
    chosen = parser.parse_known_args()[0].method
    for name in [chosen] if chosen else CONFIGS:
        main(name)
