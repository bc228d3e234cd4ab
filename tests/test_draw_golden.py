"""Pictures that no shipped circuit shows; ``python tests/test_draw_golden.py`` draws them anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from qcircuit_adapt import Adapter, Circuit, load_circuit, prove
from qcircuit_adapt.compiler.plan import compile
from qcircuit_adapt.draw import draw
from qcircuit_adapt.families import brickwork, butterfly, quanta

FOLDER = Path(__file__).parent / "golden" / "pictures"

EVERYTHING = Circuit.parse(
    "a=8 b=4 c=2 d=4 | a c -> r=6, b -> b=4 s=2, r per d, per d b, b d {frozen}, "
    "d b {share=g5 name=twin}, b s {rank=2}, r d -> x=2 y=3, -> y b x s",
    name="everything",
)


def draw_sum(path: Path) -> str:
    first, second = (load_circuit(name) for name in ("quanta-16-8-8-4", "lora-4096-r16"))
    return draw(Adapter(first) + Adapter(second, form="zero", scale=2.0), path)


def draw_overlaid(circuit: Circuit, path: Path) -> str:
    """Draw a circuit with all that can be laid over it."""
    certificate = prove(circuit, witness=False)
    return draw(circuit, path, certificate=certificate, plan=compile(circuit, tokens=64))


PICTURES: dict[str, Callable[[Path], str]] = {
    "sum": draw_sum,
    "butterfly-8-axes": lambda path: draw(butterfly((2, 2, 4, 2, 2, 4, 2, 2)), path),
    "rectangular": lambda path: draw_overlaid(quanta((16, 8, 8, 4), to=(4, 8, 8, 4)), path),
    "brickwork-40": lambda path: draw(brickwork((4,) * 8, layers=11), path),
    "everything": lambda path: draw_overlaid(EVERYTHING, path),
    "everything-dark": lambda path: draw(EVERYTHING, path, theme="dark"),
}


def flatten(element: ElementTree.Element) -> Iterator[tuple[str, str, str]]:
    """What an element and those in it are and say, without where they stand.

    Ids start with a digest of the whole layout, positions included.
    """
    for one in element.iter():
        yield one.tag, one.get("id", "")[len("q01234567") :], (one.text or "").strip()


@pytest.mark.parametrize("name", PICTURES)
def test_the_picture_is_as_it_was(name: str, tmp_path: Path) -> None:
    drawn = PICTURES[name](tmp_path / "drawn.svg")
    golden = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    now, before = (list(flatten(ElementTree.fromstring(text))) for text in (drawn, golden))
    assert now == before


def test_every_golden_picture_is_drawn() -> None:
    assert sorted(path.stem for path in FOLDER.iterdir()) == sorted(PICTURES)


def test_the_brickwork_has_forty_gates_or_so() -> None:
    assert 36 <= len(brickwork((4,) * 8, layers=11).gates) <= 44


if __name__ == "__main__":
    for name, picture in PICTURES.items():
        picture(FOLDER / f"{name}.svg")
