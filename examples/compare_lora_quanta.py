"""Compare LoRA with QuanTA at equal parameters: on paper, and in a short training.

The task has an answer that is known: a frozen random layer is to become another one, and the
difference is once of low rank and once what the circuit can be trained to. Neither method wins
both: what a budget buys depends on what is to be learned. The picture shows the singular values of
what was learned.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch

import qcircuit_adapt as qa
from qcircuit_adapt.analysis.trained.spectrum import measure_spectrum
from qcircuit_adapt.design import find_rows
from qcircuit_adapt.design.fit import find_low_rank
from qcircuit_adapt.draw.figure import write_figure
from qcircuit_adapt.draw.spectrum import draw_spectrum
from qcircuit_adapt.nn.update import Update

D = 64
torch.manual_seed(0)
quanta = qa.resolve("quanta(axes=4-4-4)", D, D)
lora = qa.resolve(f"lora(rank={quanta.parameters // (2 * D)})", D, D)
ADAPTERS = {"LoRA": qa.Adapter(lora, form="zero"), "QuanTA": qa.Adapter(quanta, form="residual")}
assert lora.parameters == quanta.parameters

# On paper.
print(f"{D} -> {D}, {quanta.parameters} parameters each:")
for name, adapter in ADAPTERS.items():
    (term,) = adapter.terms
    certificate = qa.prove(term.circuit, form=term.form)
    rank = certificate.update_rank
    assert rank
    print(
        f"  {name:<7} rank of dW {rank.upper:>3}, degrees of freedom "
        f"{certificate.degrees_of_freedom.upper}, {term.circuit.macs_per_token:,} MACs per token"
    )
rows = find_rows(D, D, max_parameters=quanta.parameters, families=["lora", "quanta"])
print(f"  on the front of all {len(rows)} of both families: {sum(row.front for row in rows)}\n")

# What is to be learned: an update of rank 4, and one that is a circuit.
low = (torch.randn(D, 4) @ torch.randn(4, D)).numpy() / D**0.5
circuit = Update(ADAPTERS["QuanTA"], init_weights=False).delta_weight().numpy()
TARGETS = {"rank 4": low, "a circuit": circuit}


def train(adapter: qa.Adapter, target: np.ndarray, steps: int = 400) -> tuple[float, np.ndarray]:
    """Learn a target from random inputs; return the error of dW relative to it, and dW."""
    torch.manual_seed(1)
    update, wanted = Update(adapter), torch.from_numpy(target).float()
    optimizer = torch.optim.Adam(update.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        x = torch.randn(128, D)
        loss = (update(x) - x @ wanted.T).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    learned = update.delta_weight()
    return float((learned - wanted).norm() / wanted.norm()), learned.numpy()


print(f"{'to learn':<12}{'method':<9}{'error of dW':>12}{'best LoRA':>12}")
spectra = {}
for what, target in TARGETS.items():
    best, _ = find_low_rank(target, lora.parameters)
    for name, adapter in ADAPTERS.items():
        error, learned = train(adapter, target)
        print(f"{what:<12}{name:<9}{error:>12.1%}{best.error:>12.1%}")
        spectra[f"{name} on {what}"] = measure_spectrum(learned)

with tempfile.TemporaryDirectory() as folder:
    picture = Path(folder) / "spectra.svg"
    write_figure(draw_spectrum(spectra).figure, picture)  # type: ignore[arg-type]
    print(f"\nspectra.svg: {picture.stat().st_size:,} bytes")
