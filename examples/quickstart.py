"""Declare a circuit, prove its rank, draw it, compile it, and run it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch

import qcircuit_adapt as qa

# Four axes, 4096 = 16 * 8 * 8 * 4, and a gate on every pair of them.
circuit = qa.Circuit(
    "a=16 b=8 c=8 d=4", ["c d", "b d", "a d", "b c", "a c", "a b"], name="quanta-16-8-8-4"
)
print(circuit)
print()
print(qa.prove(circuit, form="difference"))

with tempfile.TemporaryDirectory() as folder:
    circuit.draw(Path(folder) / "quanta.svg")
    qa.write_circuit(circuit, Path(folder) / "quanta.toml")
    assert qa.read_circuit(Path(folder) / "quanta.toml") == circuit

plan = qa.compile(circuit, tokens=2048)
print()
print(plan)

operator = plan.module()
x = torch.randn(2, 5, circuit.d_in)
y = operator(x)
print(f"\n{tuple(x.shape)} -> {tuple(y.shape)}")
