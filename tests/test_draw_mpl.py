from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest
from hypothesis import given, settings
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from strategies import circuits

from qcircuit_adapt import Adapter, prove
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.compiler.plan import compile
from qcircuit_adapt.draw import draw
from qcircuit_adapt.draw.layout import lay_out
from qcircuit_adapt.draw.marks import Words
from qcircuit_adapt.draw.mpl import draw_mpl
from qcircuit_adapt.draw.scene import build_scene
from qcircuit_adapt.draw.style import apply_style
from qcircuit_adapt.draw.theme import THEMES
from qcircuit_adapt.errors import CircuitError

LORA = Circuit.parse("x=64 | x -> r=4, r -> y=64", name="lora")
RICH = Circuit.parse(
    "a=8 b=3 c=2 d=4 | a c -> r=6, b -> b=4 s=2, r per d, per d b, b d {frozen}, "
    "d b {share=g5 name=twin}, r d -> x=2 y=3, -> y b x s",
    name="rich",
)


@given(circuits(max_gates=6, max_axes=5))
@settings(max_examples=10)
def test_every_word_and_gate_of_the_scene_is_drawn(circuit: Circuit) -> None:
    ax = draw_mpl(circuit)
    scene = build_scene(lay_out(circuit), THEMES["light"])
    words = [mark.text for mark in scene.flatten() if isinstance(mark, Words)]
    assert [text.get_text() for text in ax.texts] == words
    gids = {artist.get_gid() for artist in ax.get_children()}
    assert {f"gate-{gate.name}" for gate in circuit.gates} <= gids
    assert (ax.get_xlim(), ax.get_ylim()) == ((0, scene.width), (scene.height, 0))


def test_later_marks_lie_above_earlier_ones() -> None:
    ax = draw_mpl(LORA)
    drawn = [artist for artist in ax.get_children() if artist.get_gid()]
    by_order = [artist.get_gid() for artist in sorted(drawn, key=lambda one: one.get_zorder())]
    kinds = [gid.split("-")[0] for gid in by_order]
    assert kinds == sorted(kinds, key=["wire", "gate"].index)


def test_the_axes_given_are_drawn_in_and_pyplot_is_left_alone() -> None:
    code = (
        "import sys\n"
        "from matplotlib.figure import Figure\n"
        "from qcircuit_adapt import Circuit\n"
        "from qcircuit_adapt.draw.mpl import draw_mpl\n"
        "circuit = Circuit.parse('a=4 b=2 | a b')\n"
        "ax = Figure().subplots()\n"
        "assert draw_mpl(circuit, ax) is ax\n"
        "assert draw_mpl(circuit).figure is not ax.figure\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_type_and_lines_follow_the_size_of_the_axes() -> None:
    sizes, thick = [], []
    for scale in (1, 2):
        figure = Figure(figsize=(4 * scale, 3 * scale))
        ax = draw_mpl(LORA, figure.add_axes((0, 0, 1, 1)))
        sizes.append(ax.texts[0].get_fontsize())
        gates = [patch for patch in ax.patches if patch.get_gid() == "gate-g1"]
        thick.append(gates[0].get_linewidth())
    assert sizes[1] == pytest.approx(2 * sizes[0])
    assert thick[1] == pytest.approx(2 * thick[0])


def test_the_settings_of_matplotlib_are_as_before() -> None:
    before = dict(matplotlib.rcParams)
    draw_mpl(RICH, theme="dark", certificate=prove(RICH, witness=False))
    with pytest.raises(CircuitError, match="no theme 'drak'"):
        draw_mpl(RICH, theme="drak")
    with apply_style("dark"):
        assert dict(matplotlib.rcParams) != before
    assert dict(matplotlib.rcParams) == before


def test_overlays_are_drawn() -> None:
    ax = draw_mpl(LORA, certificate=prove(LORA), plan=compile(LORA, tokens=4))
    gids = [artist.get_gid() for artist in ax.get_children() if artist.get_gid()]
    assert {"cut-line", "cut-r"} <= set(gids)
    assert "rank = 4" in [text.get_text() for text in ax.texts]


def test_frozen_gates_are_hatched() -> None:
    patches = draw_mpl(RICH).patches
    hatched = {patch.get_gid() for patch in patches if patch.get_hatch()}
    assert hatched == {"gate-g5", "gate-twin"}
    assert all(isinstance(patch, PathPatch) for patch in patches if patch.get_hatch())


def test_a_dollar_sign_is_written_as_it_is() -> None:
    ax = draw_mpl(Circuit("a=2", ["a"], name="$x^2$"))
    figure = ax.figure
    assert isinstance(figure, Figure)
    figure.canvas.draw()
    assert ax.texts[0].get_text() == r"\$x^2\$"


@pytest.mark.parametrize(("ending", "start"), [(".png", b"\x89PNG"), (".pdf", b"%PDF")])
def test_draw_writes_images(ending: str, start: bytes, tmp_path: Path) -> None:
    first, second = tmp_path / f"one{ending}", tmp_path / f"two{ending}"
    picture = RICH.draw(first, certificate=prove(RICH, witness=False))
    assert picture.startswith("rich\n")
    RICH.draw(second, certificate=prove(RICH, witness=False))
    assert first.read_bytes().startswith(start)
    assert first.read_bytes() == second.read_bytes()


def test_an_adapter_is_an_image_too(tmp_path: Path) -> None:
    draw(Adapter(LORA, form="zero"), tmp_path / "one.png", theme="dark")
    assert (tmp_path / "one.png").stat().st_size > 1000


@pytest.mark.parametrize("theme", THEMES)
def test_the_styles_have_the_colours_of_the_themes(theme: str) -> None:
    colours = THEMES[theme]
    with apply_style(theme):
        rules = matplotlib.rcParams
        assert to_hex(rules["figure.facecolor"]) == colours.ground
        assert to_hex(rules["text.color"]) == colours.ink
        assert to_hex(rules["grid.color"]) == colours.neck
