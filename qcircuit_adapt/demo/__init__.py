"""The demonstration: a small LLaMA, fine-tuned with a circuit and with LoRA on the same text."""

from qcircuit_adapt.demo.finetune import TuneRecipe
from qcircuit_adapt.demo.pretrain import BaseRecipe
from qcircuit_adapt.demo.run import DemoResult, run_demo

__all__ = ["BaseRecipe", "DemoResult", "TuneRecipe", "run_demo"]
