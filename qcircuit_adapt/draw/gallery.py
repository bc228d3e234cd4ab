"""The pictures of the shipped circuits, and a page of them all.

``python -m qcircuit_adapt.draw.gallery`` draws them anew.
"""

from __future__ import annotations

from collections.abc import Iterator

from qcircuit_adapt.analysis.proof import prove
from qcircuit_adapt.circuit_file import write_whole
from qcircuit_adapt.draw import draw
from qcircuit_adapt.draw.html import to_html
from qcircuit_adapt.library import load_circuit, names
from qcircuit_adapt.locate import shared_folder


def draw_gallery() -> Iterator[str]:
    """Draw every shipped circuit, and what is proved of it, and yield the names of the files.

    Raises:
        FileError: A picture cannot be written.
    """
    folder = shared_folder("viz") / "gallery"
    folder.mkdir(exist_ok=True)
    circuits = [load_circuit(name) for name in names()]
    for circuit in circuits:
        certificate = prove(circuit, witness=False)
        draw(circuit, folder / f"{circuit.name}.svg", certificate=certificate)
        yield f"{circuit.name}.svg"
    write_whole(folder / "index.html", to_html(circuits, title="The shipped circuits"))
    yield "index.html"


if __name__ == "__main__":
    for file in draw_gallery():
        print(file)
