"""The page: what is injected arrives whole and harmless, and nothing is fetched."""

from __future__ import annotations

import base64
import json
import re
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from strategies import circuits

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.draw import draw, draw_svg
from qcircuit_adapt.draw.gallery import draw_gallery
from qcircuit_adapt.draw.html import describe, fill_page, map_colours, to_figure, to_html
from qcircuit_adapt.draw.layout import MAX_DRAWN
from qcircuit_adapt.draw.theme import THEMES
from qcircuit_adapt.library import load_circuit, names
from qcircuit_adapt.locate import shared_folder

QUANTA = load_circuit("quanta-16-8-8-4")
NASTY = """</script><script>alert(1)</script><!-- <b id=x>&amp; ' " \u2028"""


class Reader(HTMLParser):
    """The texts of scripts and of the title, as a browser finds them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.title = ""
        self.inside = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside == "script":
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)
        elif self.inside == "title":
            self.title += data


def read_data(page: str) -> Any:
    (text,) = [text for attributes, text in Reader(page).scripts if attributes.get("id") == "data"]
    return json.loads(zlib.decompress(base64.b64decode(text, validate=True)))


@given(circuits(max_gates=4))
def test_the_page_holds_the_circuit_as_it_is_described(circuit: Circuit) -> None:
    data = read_data(to_html(circuit))
    assert data["circuits"] == [json.loads(json.dumps(describe(circuit)))]
    assert data["circuits"][0]["svg"] == draw_svg(circuit)
    assert Circuit.parse(data["circuits"][0]["text"], name=circuit.name) == circuit


def test_names_cannot_leave_their_place() -> None:
    name = NASTY.replace("\u2028", "")
    page = to_html(Circuit("a=2", ["a"], name=name))
    reader = Reader(page)
    assert len(reader.scripts) == 2
    assert reader.title == name
    assert read_data(page)["circuits"][0]["name"] == name


def test_what_could_end_an_element_arrives_and_ends_none() -> None:
    page = fill_page({"circuits": [], "note": NASTY}, title=NASTY)
    assert read_data(page)["note"] == NASTY
    assert len(Reader(page).scripts) == 2


def test_a_title_with_the_mark_of_the_hole_fills_nothing() -> None:
    mark = '<script type="text/plain" id="data"></script><title>qcircuit</title>'
    page = to_html(Circuit("a=2", ["a"], name=mark))
    assert read_data(page)["circuits"][0]["name"] == mark


def test_nothing_is_fetched() -> None:
    page = to_html(QUANTA)
    found = set(re.findall(r"https?://[^\s\"'`<)\\]+", page))
    assert found == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<link[^>]+href=\"(?!data:)|<script[^>]+src|@import|url\((?!#)", page)
    assert "default-src 'none'" in page
    assert 'name="viewport" content="width=device-width' in page


def test_the_page_is_the_same_each_time() -> None:
    assert to_html([QUANTA]) == to_html([QUANTA]) == to_html(QUANTA)


def test_the_title_says_what_is_shown() -> None:
    assert Reader(to_html(QUANTA)).title == "quanta-16-8-8-4"
    assert Reader(to_html(Circuit("a=2", ["a"]))).title == "circuit"
    assert Reader(to_html([QUANTA, QUANTA])).title == "2 circuits"
    assert Reader(to_html(QUANTA, title="A sweep")).title == "A sweep"


def test_a_page_of_fifty_circuits_is_under_a_megabyte() -> None:
    # More gates than any shipped circuit has.
    sweep = [
        Circuit("a=4 b=4 c=4 d=4", ["a b", "c d", "b c"] * 6 + [f"{wire} -> {wire}={n}"], name=wire)
        for wire in "abcd"
        for n in range(2, 15)
    ][:50]
    assert len(to_html(sweep).encode()) < 1_000_000


def test_every_light_colour_has_one_dark_colour() -> None:
    light, dark = THEMES["light"], THEMES["dark"]
    assert len(map_colours()) == len(vars(light))
    assert map_colours()[light.ink] == dark.ink
    assert map_colours()[light.letter_ink] == dark.letter_ink
    recoloured = draw_svg(QUANTA)
    for colour, other in map_colours().items():
        recoloured = recoloured.replace(f'"{colour}"', f'"@{other}"')
    assert recoloured.replace("@", "") == draw_svg(QUANTA, theme="dark")


@pytest.mark.parametrize("ending", [".html", ".HTML"])
def test_draw_writes_a_page(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"page{ending}"
    page = QUANTA.draw(path)
    assert page == to_html(QUANTA)
    assert path.read_text(encoding="utf-8") == page
    assert draw(QUANTA, path) == page


def test_notebooks_show_a_light_figure() -> None:
    figure = QUANTA._repr_html_()
    assert figure == to_figure(QUANTA)
    assert "<script" not in figure
    assert draw_svg(QUANTA) in figure
    assert "degrees of freedom <b>42,211</b>" in figure
    assert "a=16 b=8 c=8 d=4 | c d, b d" in figure
    assert len(figure) < 20_000


def test_notebooks_show_names_as_they_are() -> None:
    figure = Circuit("a=2", ["a"], name="<script>")._repr_html_()
    assert "<script" not in figure
    assert "<code>a=4 | a -&gt; a=2</code>" in Circuit.parse("a=4 | a -> a=2")._repr_html_()


def test_notebooks_wait_for_no_proof_of_a_very_long_circuit() -> None:
    long = Circuit("a=2 b=2", ["a b"] * (MAX_DRAWN + 1))
    assert "rank of T" not in long._repr_html_()
    assert "gate 201 is not drawn" in long._repr_html_()
    assert "…</code>" in Circuit("a=2 b=2", ["a b {rank=1}"] * 200)._repr_html_()


def parts(page: str) -> tuple[str, list[Any], list[list[str]]]:
    """A page's frame, its numbers, and what its pictures consist of."""
    data = read_data(page)
    frame = page.partition('id="data">')
    pictures = [
        [f"{element.tag} {element.get('id')} {element.text}" for element in root.iter()]
        for root in (ElementTree.fromstring(one.pop("svg")) for one in data["circuits"])
    ]
    return frame[0] + frame[2].partition("</script>")[2], data, pictures


def test_the_gallery_page_shows_every_shipped_circuit_as_it_is_now() -> None:
    shipped = (shared_folder("viz") / "gallery" / "index.html").read_text(encoding="utf-8")
    now = to_html([load_circuit(name) for name in names()], title="The shipped circuits")
    assert parts(shipped) == parts(now), "run: make gallery"


def test_the_gallery_page_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qcircuit_adapt.draw.gallery.shared_folder", lambda _: tmp_path)
    monkeypatch.setattr("qcircuit_adapt.draw.gallery.names", lambda: names()[:2])
    assert list(draw_gallery()) == [*(f"{name}.svg" for name in names()[:2]), "index.html"]
    data = read_data((tmp_path / "gallery" / "index.html").read_text(encoding="utf-8"))
    assert [circuit["name"] for circuit in data["circuits"]] == list(names()[:2])
