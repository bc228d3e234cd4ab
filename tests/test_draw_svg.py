from __future__ import annotations

import dataclasses
import itertools
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from strategies import circuits

from qcircuit_adapt import load_circuit, prove
from qcircuit_adapt.adapter import Adapter
from qcircuit_adapt.axes import Axis
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.compiler.plan import compile
from qcircuit_adapt.draw import draw, draw_svg, draw_text
from qcircuit_adapt.draw.layout import Pad, lay_out
from qcircuit_adapt.draw.outline import outline, tapers
from qcircuit_adapt.draw.theme import THEMES
from qcircuit_adapt.errors import CircuitError, FileError
from qcircuit_adapt.library import names
from qcircuit_adapt.locate import shared_folder

SVG = "{http://www.w3.org/2000/svg}"
QUANTA = Circuit("a=16 b=8 c=8 d=4", ["c d", "b d", "a d", "b c", "a c", "a b"], name="quanta")
# One of everything: new sizes, control, diagonal, shared, frozen, merged, split, permuted outputs.
RICH = Circuit.parse(
    "a=8 b=3 c=2 d=4 | a c -> r=6, b -> b=4 s=2, r per d, per d b, b d {frozen}, "
    "d b {share=g5 name=twin}, r d -> x=2 y=3, -> y b x s",
    name="rich",
)


def parse(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def parts(svg: str, kind: str) -> dict[str, ElementTree.Element]:
    """The elements of a kind by their names, those of one name numbered."""
    root = parse(svg)
    found = {}
    for element in root.iter():
        match = re.fullmatch(rf"q[0-9a-f]{{8}}-{kind}-(.*)", element.get("id", ""))
        if match:
            found[match.group(1)] = element
    return found


@given(circuits(max_gates=12, max_axes=6))
def test_every_picture_is_well_formed_and_tells_what_is_under_the_pointer(circuit: Circuit) -> None:
    svg = draw_svg(circuit)
    root = parse(svg)
    ids = Counter(element.get("id") for element in root.iter() if element.get("id"))
    assert [name for name, count in ids.items() if count > 1] == []
    used = re.findall(r"url\(#(.*?)\)", svg) + root.attrib["aria-labelledby"].split()
    assert set(used) <= ids.keys()
    gates, layout = parts(svg, "gate"), lay_out(circuit)
    assert {name: gate.findtext(f"{SVG}title") for name, gate in gates.items()} == {
        symbol.name: symbol.title for symbol in layout.symbols
    }
    wires = parts(svg, "wire")
    assert {wire.findtext(f"{SVG}title") for wire in wires.values()} == {
        piece.title for piece in layout.pieces
    }
    assert {symbol.name for symbol in layout.symbols if symbol.necks} == set(parts(svg, "neck"))


def assert_inside(svg: str) -> None:
    """See that every mark stands inside the picture, where groups are not moved."""
    root = parse(svg)
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    assert root.attrib["viewBox"] == f"0 0 {root.attrib['width']} {root.attrib['height']}"
    for element in root.iter():
        x, y = element.get("x") or element.get("cx"), element.get("y") or element.get("cy")
        if x and y:
            assert 0 <= float(x) <= width
            assert 0 <= float(y) <= height
    for path in root.iter(f"{SVG}path"):
        for x, y in re.findall(r"[MLQ](-?[\d.]+) (-?[\d.]+)", path.attrib["d"]):
            assert 0 <= float(x) <= width
            assert 0 <= float(y) <= height


@given(circuits(max_gates=12, max_axes=6))
def test_everything_stands_inside_the_picture(circuit: Circuit) -> None:
    assert_inside(draw_svg(circuit))


@given(circuits(max_gates=9, max_axes=5))
def test_overlays_stand_inside_the_picture_too(circuit: Circuit) -> None:
    certificate = prove(circuit, witness=False)
    svg = draw_svg(circuit, certificate=certificate, plan=compile(circuit, tokens=3))
    assert_inside(svg)
    layout = lay_out(circuit, certificate=certificate)
    assert bool(layout.cut) == ("line" in parts(svg, "cut"))
    crosses = [name for name in parts(svg, "cut") if name != "line"]
    assert len(crosses) == (len(layout.cut.crosses) if layout.cut else 0)


def test_the_picture_says_what_it_is() -> None:
    root = parse(draw_svg(QUANTA))
    assert root.attrib["role"] == "img"
    assert root.findtext(f"{SVG}title") == "quanta"
    assert root.findtext(f"{SVG}desc") == (
        "4096 -> 4096 features. 43,008 parameters (0.256 % of dense). "
        "1,835,008 MACs per token (10.9 % of dense)"
    )


def texts(svg: str) -> list[str]:
    return [text.text or "" for text in parse(svg).iter(f"{SVG}text")]


def test_sizes_stand_at_both_ends_and_after_each_change() -> None:
    shown = texts(draw_svg(Circuit.parse("a=16 b=8 | a -> a=4, b -> r=2, a r", name="sizes")))
    assert Counter(shown[1:-6]) == Counter(
        ["a", "16", "b", "8", "4", "r=2", "4", "a", "2", "r", "g1", "g2", "g3"]
    )


def test_pads_fuse_or_are_joined_by_a_neck_under_the_wires() -> None:
    svg = draw_svg(Circuit.parse("a=4 b=4 c=4 | a c, a b", name="necks"))
    gates, necks = parts(svg, "gate"), parts(svg, "neck")
    assert [len(gate.findall(f"{SVG}path")) for gate in gates.values()] == [2, 1]
    assert list(necks) == ["g1"]
    order = [match.group(1) for match in re.finditer(r'id="q\w+-(neck|wire|gate)', svg)]
    assert order == sorted(order, key=["neck", "wire", "gate"].index)


def test_a_wire_passes_over_a_neck_in_a_gap_of_the_ground() -> None:
    svg = draw_svg(Circuit.parse("a=4 b=4 c=4 | a c", name="over"))
    strokes = {
        name: [path.attrib["stroke"] for path in wire.findall(f"{SVG}path")]
        for name, wire in parts(svg, "wire").items()
    }
    theme = THEMES["light"]
    # The last stroke of each leads to its output.
    assert strokes["b"] == [theme.ground, theme.wire, theme.wire]
    assert strokes["a"] == [theme.wire]


def test_wires_are_as_thick_as_the_logarithm_of_their_size() -> None:
    svg = draw_svg(Circuit.parse("a=2 b=4 c=8 d=4096 | a, b, c, d", name="thick"))
    thick = [
        float(parts(svg, "wire")[name].find(f"{SVG}path").attrib["stroke-width"])  # type: ignore[union-attr]
        for name in "abcd"
    ]
    steps = [after - before for before, after in itertools.pairwise(thick)]
    assert steps == pytest.approx([0.9, 0.9, 8.1], abs=0.1)


def test_a_wire_of_size_one_is_dashed() -> None:
    wires = parts(draw_svg(Circuit.parse("a=1 b=2 | a b")), "wire")
    dashed = {
        name: [path.get("stroke-dasharray") for path in wire.findall(f"{SVG}path")]
        for name, wire in wires.items()
    }
    assert set(dashed["a"]) == {"4 3"}
    assert set(dashed["b"]) == {None}


def pad(left: int | None, right: int | None, row: int = 0) -> Pad:
    return Pad(row, Axis("a", left) if left else None, Axis("a", right) if right else None)


@pytest.mark.parametrize(
    ("left", "right", "heights"),
    [
        (8, 8, (10, 10)),
        (16, 8, (10, 7)),
        (8, 16, (7, 10)),
        (16, 2, (10, 4.5)),
        (4, 2, (10, 5)),
        (4, None, (10, 4.5)),
        (None, 4, (4.5, 10)),
        (1, 1, (10, 10)),
        (1, None, (10, 10)),
    ],
)
def test_a_size_change_is_a_trapezoid(
    left: int | None, right: int | None, heights: tuple[float, float]
) -> None:
    corners = outline([pad(left, right)], x=(0, 9), y=(50, 50), half=10)
    assert [y - 50 for _, y in corners] == pytest.approx(
        [-heights[0], -heights[1], heights[1], heights[0]]
    )
    assert tapers(pad(left, right)) == (heights != (10, 10))


def test_a_fused_box_shows_each_size_change() -> None:
    svg = draw_svg(Circuit.parse("a=16 b=8 c=8 | a b c -> a=4 b c, a -> a=2", name="wedge"))
    gates = parts(svg, "gate")
    wedges = [
        [path for path in gate.findall(f"{SVG}path") if "fill-opacity" in path.attrib]
        for gate in gates.values()
    ]
    # A lone pad is a trapezoid itself.
    assert list(map(len, wedges)) == [1, 0]


def test_control_wires_end_in_a_dot() -> None:
    gates = parts(draw_svg(Circuit.parse("a=4 b=4 c=4 | b per a c, per a b", name="dots")), "gate")
    assert [len(gate.findall(f"{SVG}circle")) for gate in gates.values()] == [2, 2]
    assert [gate.findtext(f"{SVG}text") for gate in gates.values()] == ["g1", "g2"]


def test_frozen_gates_are_hatched() -> None:
    svg = draw_svg(Circuit.parse("a=4 b=4 | a {frozen}, b, per a {frozen}", name="frozen"))
    hatched = {
        name: "-hatch)" in ElementTree.tostring(gate, encoding="unicode")
        for name, gate in parts(svg, "gate").items()
    }
    assert hatched == {"g1": True, "g2": False, "g3": True}
    assert "hatched: frozen" in texts(svg)
    assert "hatch" not in draw_svg(QUANTA)


def test_gates_with_one_tensor_carry_one_letter() -> None:
    svg = draw_svg(Circuit.parse("a=4 b=4 | a, b {share=g1}, a b, per b, per a {share=g4}"))
    letters = {
        name: [text.text for text in gate.findall(f"{SVG}text")][1:]
        for name, gate in parts(svg, "gate").items()
    }
    assert letters == {"g1": ["A"], "g2": ["A"], "g3": [], "g4": ["B"], "g5": ["B"]}
    assert "same letter: same tensor" in texts(svg)


def curves(svg: str) -> list[ElementTree.Element]:
    return [path for path in parse(svg).iter(f"{SVG}path") if "C" in path.attrib["d"]]


def test_permuted_outputs_are_led_to_their_places() -> None:
    svg = draw_svg(Circuit("a=4 b=3 c=2", [], outputs="c a b", name="braid"))
    ends = {
        text.text: float(text.attrib["y"])
        for wire in parts(svg, "wire").values()
        for text in wire.findall(f"{SVG}text")
    }
    assert ends["c"] < ends["a"] < ends["b"]
    # A curve each, and one for the gap it is drawn in.
    assert len(curves(svg)) == 2 * 3
    assert curves(draw_svg(Circuit("a=4 b=3", [], name="plain"))) == []


def test_a_wide_picture_is_folded_and_ids_stay_distinct() -> None:
    svg = draw_svg(Circuit("a=4 b=4 c=4", ["a b", "b c"] * 20, name="wide"))
    assert float(parse(svg).attrib["width"]) <= 960
    wires = parts(svg, "wire")
    assert len(wires) == len({wire.attrib["id"] for wire in wires.values()})
    strips = texts(svg).count("a") - 1  # at the left of each, and once at the right end
    assert strips > 2
    assert len(wires) == 3 * strips + 2 * 40


def test_a_very_long_picture_says_what_is_left_out() -> None:
    svg = draw_svg(Circuit("a=2 b=2", ["a b"] * 201))
    assert "gate 201 is not drawn" in texts(svg)
    assert "gate 201 is not drawn" in (parse(svg).findtext(f"{SVG}desc") or "")
    assert len(parts(svg, "gate")) == 200


def test_names_are_escaped() -> None:
    name = """<script>alert("1")</script> & 'more'"""
    root = parse(draw_svg(Circuit("a=2", ["a"], name=name)))
    assert root.findtext(f"{SVG}title") == name
    assert list(root.iter(f"{SVG}script")) == []


def test_themes_differ_in_colours_alone() -> None:
    colour = re.compile(r"#[0-9a-f]{6}")
    light, dark = (draw_svg(RICH, theme=theme) for theme in ("light", "dark"))
    assert light != dark
    assert colour.sub("#", light) == colour.sub("#", dark)
    assert draw_svg(RICH) == light


def test_every_colour_is_of_the_theme() -> None:
    for name, theme in THEMES.items():
        used = set(re.findall(r"#[0-9a-f]{6}\b", draw_svg(RICH, theme=name)))
        assert used - set(vars(theme).values()) == {"#8794a3"}


def luminance(colour: str) -> float:
    """The relative luminance of WCAG 2.2."""
    shares = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("name", THEMES)
def test_what_is_written_can_be_read(name: str) -> None:
    theme = THEMES[name]
    for upper, lower, least in [
        (theme.ink, theme.ground, 7.0),
        (theme.ink, theme.gate, 7.0),
        (theme.ink, theme.frozen, 7.0),
        (theme.faint, theme.ground, 4.5),
        (theme.letter_ink, theme.letter, 4.5),
        (theme.edge, theme.ground, 3.0),
        (theme.wire, theme.ground, 3.0),
    ]:
        dark, bright = sorted([luminance(upper), luminance(lower)])
        assert (bright + 0.05) / (dark + 0.05) >= least


def test_an_unknown_theme_is_named() -> None:
    with pytest.raises(CircuitError) as caught:
        draw_svg(QUANTA, theme="drak")
    assert str(caught.value) == "there is no theme 'drak'.\n  Did you mean 'dark'?"


def test_the_same_circuit_gives_the_same_characters_in_every_run() -> None:
    code = f"from qcircuit_adapt import Circuit; print({RICH!r}._repr_svg_(), end='')"
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            check=True,
        )
        assert done.stdout.decode() == draw_svg(RICH)


def test_notebooks_show_the_picture() -> None:
    assert QUANTA._repr_svg_() == draw_svg(QUANTA)


@pytest.mark.parametrize("ending", [".svg", ".SVG"])
def test_draw_writes_what_it_returns(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"picture{ending}"
    picture = QUANTA.draw(path)
    assert picture == draw_svg(QUANTA)
    assert path.read_text(encoding="utf-8") == picture
    assert list(tmp_path.iterdir()) == [path]


def test_draw_writes_text_with_a_last_line_end(tmp_path: Path) -> None:
    picture = draw(QUANTA, str(tmp_path / "picture.txt"))
    assert picture == draw_text(QUANTA)
    assert (tmp_path / "picture.txt").read_text(encoding="utf-8") == f"{picture}\n"
    assert draw(QUANTA) == picture


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        ("p.gif", "cannot draw to 'p.gif': '.gif' is not a kind of picture."),
        ("picture", "cannot draw to 'picture': it has no ending."),
    ],
)
def test_an_unknown_ending_is_named(
    file: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileError) as caught:
        draw(QUANTA, file)
    endings = ".svg, .png, .pdf, .tex, .html and .txt"
    assert str(caught.value) == f"{problem}\n  Known endings are {endings}."
    assert list(tmp_path.iterdir()) == []


def test_a_failed_save_leaves_the_old_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "picture.svg"
    draw(QUANTA, path)

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(FileError, match="No space left on device"):
        draw(RICH, path)
    assert path.read_text(encoding="utf-8") == draw_svg(QUANTA)
    assert list(tmp_path.iterdir()) == [path]


def structure(element: ElementTree.Element) -> object:
    """What an element is and says: not where it stands, in what colour, and how its id starts.

    Ids start with a digest of the whole layout, positions included.
    """
    return (
        element.tag,
        element.get("id", "")[len("q01234567") :],
        (element.text or "").strip(),
        tuple(structure(child) for child in element),
    )


@pytest.mark.parametrize("name", names())
def test_the_gallery_shows_every_shipped_circuit_as_it_is_drawn_now(name: str) -> None:
    golden = shared_folder("viz") / "gallery" / f"{name}.svg"
    assert golden.is_file(), "run: python -m qcircuit_adapt.draw.gallery"
    circuit = load_circuit(name)
    drawing = draw_svg(circuit, certificate=prove(circuit, witness=False))
    drawn, shipped = (parse(svg) for svg in (drawing, golden.read_text("utf-8")))
    assert structure(drawn) == structure(shipped), "run: python -m qcircuit_adapt.draw.gallery"


def test_the_gallery_shows_nothing_else() -> None:
    folder = shared_folder("viz") / "gallery"
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        ["index.html", *(f"{name}.svg" for name in names())]
    )


LORA = Circuit.parse("x=64 | x -> r=4, r -> y=64", name="lora")


def test_the_cut_is_a_line_with_a_cross_on_each_wire_and_says_what_it_proves() -> None:
    certificate = prove(LORA)
    svg = draw_svg(LORA, certificate=certificate)
    cut = parts(svg, "cut")
    assert cut["line"].findtext(f"{SVG}text") == "rank = 4"
    assert cut["line"].findtext(f"{SVG}title") == (
        "rank = 4\nT factors through the bonds r=4 from g1."
    )
    # Exact, so solid.
    assert "stroke-dasharray" not in cut["line"].find(f"{SVG}path").attrib  # type: ignore[union-attr]
    assert list(cut) == ["line", "r"]
    assert {"4", "rank, proved exact"} <= set(texts(svg))
    assert "rank 4 (proved exact)" in (parse(svg).findtext(f"{SVG}desc") or "")


def test_a_bound_that_is_not_attained_is_a_dashed_line() -> None:
    certificate = prove(LORA)
    claim = dataclasses.replace(certificate.rank, lower=3)
    svg = draw_svg(LORA, certificate=dataclasses.replace(certificate, rank=claim))
    line = parts(svg, "cut")["line"]
    assert line.findtext(f"{SVG}text") == "rank ≤ 4"
    assert line.find(f"{SVG}path").attrib["stroke-dasharray"] == "6 4"  # type: ignore[union-attr]


def test_the_order_is_told_by_numbers_and_a_scale() -> None:
    svg = draw_svg(QUANTA, plan=compile(QUANTA, tokens=64))
    gates = parts(svg, "gate")
    assert [gate.findall(f"{SVG}text")[-1].text for gate in gates.values()] == list("123456")
    faces = [gate.find(f"{SVG}path").attrib["fill"] for gate in gates.values()]  # type: ignore[union-attr]
    levels = [luminance(face) for face in faces]
    assert levels == sorted(levels, reverse=True)
    assert "numbers: order of contraction" in texts(svg)
    assert not parts(svg, "band")


def test_gates_multiplied_first_stand_in_a_dotted_band() -> None:
    circuit = load_circuit("quanta-16-8-8-8-to-2-8-8-8")
    svg = draw_svg(circuit, plan=compile(circuit, tokens=64))
    (band,) = parts(svg, "band").values()
    assert band.findtext(f"{SVG}title") == (
        "g4, g5, g6: multiplied with each other before the input meets them"
    )
    assert len(band.findall(f"{SVG}path")) == 1


@pytest.mark.parametrize("name", THEMES)
def test_what_the_overlays_say_can_be_read(name: str) -> None:
    theme = THEMES[name]
    for upper, lower, least in [
        (theme.ink, theme.first, 5.5),
        (theme.ink, theme.last, 5.5),
        (theme.cut, theme.ground, 4.5),
        (theme.added, theme.ground, 4.5),
        (theme.removed, theme.ground, 4.5),
    ]:
        dark, bright = sorted([luminance(upper), luminance(lower)])
        assert (bright + 0.05) / (dark + 0.05) >= least


def test_a_sum_is_drawn_one_term_below_the_other_with_a_plus(tmp_path: Path) -> None:
    square = Circuit("a=8 b=8", ["a b"], name="square")
    adapter = Adapter(square) + Adapter(LORA, form="zero", scale=2.0)
    picture = adapter.draw(tmp_path / "sum.svg")
    root = parse(picture)
    assert root.findtext(f"{SVG}title") == (
        "square · form difference, scale 1 + lora · form zero, scale 2"
    )
    assert "+" in texts(picture)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    tops = [
        float(group.attrib["transform"].removeprefix("translate(0 ").removesuffix(")"))
        for group in root.findall(f"{SVG}g")
        if "transform" in group.attrib
    ]
    assert len(tops) == 1
    assert tops[0] > 150
    assert adapter.draw().count("\n+\n") == 1


def test_a_certificate_is_of_one_circuit() -> None:
    with pytest.raises(CircuitError) as caught:
        draw(Adapter(LORA, form="zero"), certificate=prove(LORA))
    assert str(caught.value) == (
        "a certificate and a plan are of one circuit, but an adapter is drawn.\n"
        "  Draw adapter.terms[0].circuit with them."
    )
