"""How long drawing a circuit takes, beside PennyLane's and Qiskit's drawers on a like circuit.

The like circuit has the same wires, each two-valued, and a gate on the same wires for each of ours:
theirs know no sizes. Ours and theirs are timed in turn in every round; printed are medians in
milliseconds of CPU time, and the median over rounds of theirs over ours. What is not installed is
said to be so. The first drawing of each, which imports and sets up, is left out.

    python benchmarks/drawing.py --rounds 7
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import qcircuit_adapt as qa
from qcircuit_adapt.draw import draw_svg, draw_text
from qcircuit_adapt.families import brickwork, butterfly

LIMIT = 0.3
DPI = 150  # as ours
Drawer = Callable[[], object]


def circuits() -> list[qa.Circuit]:
    return [
        qa.load_circuit("quanta-16-8-8-4"),
        butterfly((2, 2, 4, 2, 2, 4, 2, 2)),
        brickwork((4,) * 8, layers=11),
    ]


def our_drawers(circuit: qa.Circuit, folder: Path) -> dict[str, Drawer]:
    certificate, plan = qa.prove(circuit, witness=False), qa.compile(circuit)
    return {
        "text": lambda: draw_text(circuit),
        "SVG": lambda: draw_svg(circuit),
        "SVG with cut and order": lambda: draw_svg(circuit, certificate=certificate, plan=plan),
        "LaTeX": lambda: circuit.draw(folder / "ours.tex"),
        "PDF (matplotlib)": lambda: circuit.draw(folder / "ours.pdf"),
        "PNG (matplotlib)": lambda: circuit.draw(folder / "ours.png"),
    }


def supports(circuit: qa.Circuit) -> list[list[int]]:
    """For each gate the positions of its wires, of a circuit that keeps its wires' names."""
    place = {axis.name: n for n, axis in enumerate(circuit.inputs)}
    return [[place[axis.name] for axis in gate.on + gate.per] for gate in circuit.gates]


def pennylane_drawers(circuit: qa.Circuit) -> dict[str, Drawer]:
    import matplotlib.pyplot as plt
    import numpy as np
    import pennylane as qml

    wires = supports(circuit)

    def apply() -> None:
        for on in wires:
            qml.QubitUnitary(np.eye(2 ** len(on)), wires=on)

    def close() -> None:
        figure, _ = qml.draw_mpl(apply, show_all_wires=True)()
        save(figure)
        plt.close(figure)

    return {"text": lambda: qml.draw(apply, show_matrices=False)(), "PNG (matplotlib)": close}


def qiskit_drawers(circuit: qa.Circuit) -> dict[str, Drawer]:
    import matplotlib.pyplot as plt
    from qiskit import QuantumCircuit
    from qiskit.circuit import Gate

    like = QuantumCircuit(len(circuit.inputs))
    for gate, on in zip(circuit.gates, supports(circuit), strict=True):
        like.append(Gate(gate.name, len(on), []), on)

    def close() -> None:
        figure = like.draw("mpl")
        save(figure)
        plt.close(figure)

    drawers: dict[str, Drawer] = {"text": lambda: str(like.draw("text"))}
    if importlib.util.find_spec("pylatexenc"):
        drawers["PNG (matplotlib)"] = close
    return drawers


def save(figure: Any) -> None:
    figure.savefig(io.BytesIO(), format="png", dpi=DPI)


def seconds(drawer: Drawer) -> float:
    start = time.process_time()
    drawer()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = range(parser.parse_args().rounds)
    others = {"pennylane": pennylane_drawers, "qiskit": qiskit_drawers}
    there = {name: find for name, find in others.items() if importlib.util.find_spec(name)}
    for name in others.keys() - there.keys():
        print(f"{name} is not installed: nothing to compare with.")
    with tempfile.TemporaryDirectory() as folder:
        for circuit in circuits():
            print(f"\n{circuit.name}: {len(circuit.gates)} gates, {len(circuit.inputs)} wires")
            theirs = {name: find(circuit) for name, find in there.items()}
            for kind, drawer in our_drawers(circuit, Path(folder)).items():
                likes = {name: found[kind] for name, found in theirs.items() if kind in found}
                for one in (drawer, *likes.values()):
                    seconds(one)
                ours: list[float] = []
                ratios: dict[str, list[float]] = {name: [] for name in likes}
                for _ in rounds:
                    ours.append(seconds(drawer))
                    for name, like in likes.items():
                        ratios[name].append(seconds(like) / max(ours[-1], 1e-9))
                middle = statistics.median(ours)
                told = [
                    f"{name} {statistics.median(found):.1f} times as long"
                    for name, found in ratios.items()
                ]
                told += ["over the limit"] if middle > LIMIT else []
                print(f"  {kind:<24}{1000 * middle:8.1f} ms  {', '.join(told)}".rstrip())


if __name__ == "__main__":
    main()
