from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from strategies import circuits

from qcircuit_adapt import Adapter, prove
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.compiler.plan import compile
from qcircuit_adapt.draw import draw
from qcircuit_adapt.draw.latex import escape, write_latex
from qcircuit_adapt.draw.layout import Layout, lay_out

RICH = Circuit.parse(
    "a=8 b=3 c=2 d_1=4 | a c -> r=6, b -> b=4 s=2, r per d_1, per d_1 b, b d_1 {frozen}, "
    "d_1 b {share=g5 name=twin_2}, b s {rank=2}, r d_1 -> x=2 y=3, -> y b x s",
    name=r"100 % of $x$ & <y> \begin{z} #1 ~^|",
)
LORA = Circuit.parse("x=4096 | x -> r=16, r -> y=4096", name="lora")


def tables(source: str) -> list[list[list[str]]]:
    """The cells of every picture, by row."""
    bodies = re.findall(r"\\begin\{quantikz\}\[.*?\]\n(.*?)\n\\end\{quantikz\}", source, re.DOTALL)
    return [
        [[cell.strip() for cell in row.split("&")] for row in re.split(r" *\\\\\n", body)]
        for body in bodies
    ]


def write(circuit: Circuit) -> str:
    return write_latex([lay_out(circuit)])


@given(circuits(max_gates=9, max_axes=5))
def test_every_picture_is_a_table_with_a_row_for_each_wire(circuit: Circuit) -> None:
    layout, source = lay_out(circuit), write(circuit)
    pictures = tables(source)
    assert pictures
    assert all(len(picture) == layout.rows for picture in pictures)
    groups = re.sub(r"\\[{}]", "", source)
    assert groups.count("{") == groups.count("}")
    assert all(picture_is_even(picture) for picture in pictures)
    cells = [cell for picture in pictures for row in picture for cell in row]
    boxes = sum(cell.startswith(r"\gate[") for cell in cells)
    assert boxes == sum(len(symbol.boxes) for symbol in layout.symbols)
    necks = sum(len(symbol.necks) for symbol in layout.symbols)
    assert sum(cell.count(r"\vqw{") for cell in cells) == necks
    assert sum(r"\rstick" in cell and "cdots" not in cell for cell in cells) == len(layout.outputs)


def picture_is_even(picture: list[list[str]]) -> bool:
    return len({len(row) for row in picture}) == 1


def test_a_gate_stands_on_its_wires_and_sizes_beside_them() -> None:
    (picture,) = tables(write(Circuit.parse("a=4 b=2 c=8 | a c, b -> b=3")))
    assert picture == [
        [
            r"\lstick{$a$}",
            r"\push{\scriptstyle 4}",
            r"\gate[wires=1]{\mathrm{g1}}\vqw{2}",
            r"\qw",
            r"\qw",
            r"\qw\rstick{$a=4$}",
        ],
        [
            r"\lstick{$b$}",
            r"\push{\scriptstyle 2}",
            r"\qw",
            r"\gate[wires=1]{\mathrm{g2}}",
            r"\push{\scriptstyle 3}",
            r"\qw\rstick{$b=3$}",
        ],
        [
            r"\lstick{$c$}",
            r"\push{\scriptstyle 8}",
            r"\gate[wires=1]{\mathrm{g1}}",
            r"\qw",
            r"\qw",
            r"\qw\rstick{$c=8$}",
        ],
    ]


def test_a_new_wire_has_no_line_on_its_left() -> None:
    source = write(Circuit.parse("x=8 | x -> p=2 q=4"))
    assert r"\gate[wires=2,nwires={2}]{\mathrm{g1}}" in source


def test_what_is_special_of_a_gate_is_told() -> None:
    source = write(RICH)
    assert r"style={fill=black!12}]{\mathrm{g5}_{A}}" in source
    assert r"\phase{\mathrm{g4}}" in source
    assert r"same index: same tensor" in source
    assert "grey: frozen" in source
    assert r"\rstick{$y=3\ (\#1)$}" in source


def test_texts_are_escaped() -> None:
    assert escape(r"\ ~ ^ | & % $ # _ { }") == (
        r"\textbackslash{} \textasciitilde{} \textasciicircum{} \textbar{} "
        r"\& \% \$ \# \_ \{ \}"
    )
    assert r"100 \% of \$x\$ \& \textless{}y\textgreater{}" in write(RICH)


def test_the_order_is_told_by_numbers_and_a_scale() -> None:
    source = write_latex([lay_out(LORA, plan=compile(LORA, tokens=4))])
    assert r"\mathrm{g2}\,{\scriptstyle(2)}" in source
    assert "fill={rgb,255:red,253;green,243;blue,192}" in source


@pytest.mark.parametrize(("exact", "style"), [(True, "solid"), (False, "dashed")])
def test_a_straight_cut_is_a_slice(exact: bool, style: str) -> None:
    layout = draw_cut(LORA, exact=exact)
    sign = "=" if exact else r"\le"
    assert rf"\slice[style={{red,{style}}}]{{$\mathrm{{rank}} {sign} 16$}}" in write_latex([layout])


def test_a_cut_that_steps_aside_is_told_below_alone() -> None:
    circuit = Circuit.parse("a=16 b=8 c=8 d=4 | a b -> r=8, c d, r -> a=16 b=8 per c, b d")
    layout = draw_cut(circuit, exact=True)
    assert layout.cut is not None
    assert len(set(layout.cut.spots)) > 1
    source = write_latex([layout])
    assert r"\slice" not in source
    assert "rank 256 (proved exact)" in source


def draw_cut(circuit: Circuit, *, exact: bool) -> Layout:
    from dataclasses import replace

    layout = lay_out(circuit, certificate=prove(circuit))
    assert layout.cut is not None
    return replace(layout, cut=replace(layout.cut, exact=exact))


def test_a_wide_picture_is_folded() -> None:
    pictures = tables(write(Circuit("a=4 b=4 c=4", ["a b", "b c"] * 20)))
    assert len(pictures) == 3
    assert [picture[0][0] for picture in pictures] == [r"\lstick{$a$}"] * 3
    assert [picture[0][-1] for picture in pictures] == [
        *[r"\qw\rstick{$\cdots$}"] * 2,
        r"\qw\rstick{$a=4$}",
    ]


COMPILER = shutil.which("pdflatex")
KPSEWHICH = shutil.which("kpsewhich")


def has_packages() -> bool:
    files = ("standalone.cls", "tikzlibraryquantikz.code.tex", "xargs.sty")
    return COMPILER is not None and all(
        subprocess.run([KPSEWHICH or "false", file], capture_output=True, check=False).returncode
        == 0
        for file in files
    )


@pytest.mark.skipif(not has_packages(), reason="needs pdflatex with quantikz and standalone")
def test_the_document_compiles(tmp_path: Path) -> None:
    adapter = Adapter(RICH) + Adapter(
        Circuit.parse("x=192 | x -> r=2 {rank=1}, r -> y=48", name="lora"), form="zero"
    )
    draw(adapter, tmp_path / "sum.tex")
    plan, certificate = compile(LORA, tokens=4), prove(LORA)
    LORA.draw(tmp_path / "lora.tex", plan=plan, certificate=certificate)
    Circuit("a=4 b=4 c=4", ["a b", "b c"] * 20).draw(tmp_path / "wide.tex")
    for name in ("sum", "lora", "wide"):
        done = subprocess.run(
            [str(COMPILER), "-interaction=nonstopmode", "-halt-on-error", f"{name}.tex"],
            cwd=tmp_path,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
        assert (tmp_path / f"{name}.pdf").read_bytes().startswith(b"%PDF")
