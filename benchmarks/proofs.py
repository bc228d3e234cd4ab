"""How many circuits are proved per second, and how long single proofs take, on one core.

python benchmarks/proofs.py --circuits 300 --large
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

import qcircuit_adapt as qa
from qcircuit_adapt.library import names

LARGE = {
    "a witness at 3,584": "x=32 y=112 | x -> u=56 k=2, y k -> v=64",
    "a witness at 8,192": "x=64 y=128 | x -> u=128 k=2, y k -> v=64",
}


def draw_circuits(count: int, seed: int) -> list[qa.Circuit]:
    """Layouts of a layer of width 4,096: gates on random pairs of axes, some of low rank."""
    rng = np.random.default_rng(seed)
    splits = ["16 8 8 4", "16 16 16", "8 8 8 8", "64 8 8", "8 8 4 4 4", "4 4 4 4 4 4"]
    circuits = []
    for _ in range(count):
        sizes = str(rng.choice(splits)).split()
        wires = "abcdef"[: len(sizes)]
        gates = []
        for _ in range(rng.integers(2, 9)):
            one, two = rng.choice(list(wires), 2, replace=False)
            low = f" {{rank={rng.integers(4, 17)}}}" if rng.random() < 0.3 else ""
            gates.append(f"{one} {two}{low}")
        axes = " ".join(f"{wire}={size}" for wire, size in zip(wires, sizes, strict=True))
        circuits.append(qa.Circuit(axes, gates))
    return circuits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--circuits", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--large", action="store_true", help="time witnesses of large layers too")
    options = parser.parse_args()

    table = Table("what", "circuits", "seconds", "per second", "update rank exact")
    kinds = {
        "shipped circuits": [qa.load_circuit(name) for name in names()],
        "random layouts at 4,096": draw_circuits(options.circuits, options.seed),
    }
    for what, circuits in kinds.items():
        start, exact = time.process_time(), 0
        for circuit in track(circuits, what, transient=True):
            claim = qa.prove(circuit, form="difference", witness=False).update_rank
            exact += bool(claim and claim.exact)
        spent = time.process_time() - start
        count = len(circuits)
        table.add_row(what, str(count), f"{spent:.2f}", f"{count / spent:.0f}", f"{exact}/{count}")
    if options.large:
        for what, text in LARGE.items():
            start = time.process_time()
            claim = qa.prove(qa.Circuit.parse(text), form="difference").update_rank
            spent = time.process_time() - start
            exact = bool(claim and claim.exact)
            table.add_row(what, "1", f"{spent:.1f}", f"{1 / spent:.3f}", f"{exact:d}/1")
    Console().print(table)


if __name__ == "__main__":
    main()
