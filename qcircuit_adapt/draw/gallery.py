"""The pictures of the shipped circuits.

``python -m qcircuit_adapt.draw.gallery`` draws them anew.
"""

from __future__ import annotations

from collections.abc import Iterator

from qcircuit_adapt.analysis.proof import prove
from qcircuit_adapt.draw import draw
from qcircuit_adapt.library import load_circuit, names
from qcircuit_adapt.locate import shared_folder


def draw_gallery() -> Iterator[str]:
    """Draw every shipped circuit, and what is proved of it, and yield the names of the files.

    Raises:
        FileError: A picture cannot be written.
    """
    folder = shared_folder("viz") / "gallery"
    folder.mkdir(exist_ok=True)
    for name in names():
        circuit = load_circuit(name)
        draw(circuit, folder / f"{name}.svg", certificate=prove(circuit, witness=False))
        yield f"{name}.svg"


if __name__ == "__main__":
    for file in draw_gallery():
        print(file)
