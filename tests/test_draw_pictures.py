"""The pictures beside that of a circuit: their data, and the artists drawn of it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from strategies import circuits

from qcircuit_adapt import Adapter, load_circuit, prove
from qcircuit_adapt.analysis.bounds.cut import find_cut
from qcircuit_adapt.analysis.trained.spectrum import measure_spectrum
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.compiler.plan import compile
from qcircuit_adapt.draw.budget import draw_budget, list_points
from qcircuit_adapt.draw.difference import Change, compare_circuits, draw_difference
from qcircuit_adapt.draw.overview import draw_overview, list_rows
from qcircuit_adapt.draw.spectrum import draw_spectrum, list_curves
from qcircuit_adapt.draw.tensor_network import draw_network, place_network
from qcircuit_adapt.draw.tree import draw_tree, place_tree
from qcircuit_adapt.errors import AdaptError, FileError, LimitError
from qcircuit_adapt.network import build_network

LORA = Circuit.parse("x=64 | x -> r=4, r -> y=64", name="lora")
QUANTA = load_circuit("quanta-16-8-8-4")
SHRINKING = load_circuit("quanta-16-8-8-8-to-2-8-8-8")


@given(circuits(max_gates=7, max_axes=5))
def test_every_network_is_placed_with_its_cut(circuit: Circuit) -> None:
    picture, network = place_network(circuit), build_network(circuit)
    names = {node.name: node for node in picture.nodes}
    assert {n for n, node in names.items() if node.kind == "gate"} == set(network.gates)
    assert len({node.at for node in picture.nodes if node.kind == "gate"}) == len(network.gates)
    # What is cut are as many links as the cut has bonds, each from one side to the other.
    cut = [link for link in picture.links if link.cut]
    assert sorted(link.size for link in cut) == sorted(b.size for b in find_cut(circuit).bonds)
    assert all(names[link.ends[0]].near != names[link.ends[1]].near for link in cut)
    uncut = [link for link in picture.links if not link.cut and len(link.ends) == 2]
    assert len(uncut) + len(cut) == len(picture.links)


def test_a_network_is_drawn_with_a_cross_on_each_cut_bond() -> None:
    ax = draw_network(LORA)
    assert ax.get_title(loc="left") == "lora\nrank ≤ 4"
    assert sum(line.get_marker() == "x" for line in ax.lines) == 1
    assert sum(line.get_marker() == "x" for line in draw_network(QUANTA).lines) == 0
    assert {"g1", "g2", "x", "y", "64", "4"} == {text.get_text() for text in ax.texts}


def test_a_network_of_very_many_tensors_is_refused() -> None:
    long = Circuit("a=2 b=2", ["a b {rank=2}"] * 101, name="long")
    with pytest.raises(LimitError) as caught:
        place_network(long)
    assert str(caught.value) == (
        "circuit 'long' has more than 200 tensors, too many to be told apart.\n  Draw a part of it."
    )


@given(circuits(max_gates=7, max_axes=5), st.integers(1, 40))
def test_every_tree_has_its_operands_below_and_no_crossing(circuit: Circuit, tokens: int) -> None:
    program = compile(circuit, tokens=tokens).apply
    nodes = {node.name: node for node in place_tree(program)}
    assert len(nodes) == len(program.sources) + len(program.steps)
    assert sum(node.macs for node in nodes.values()) == program.macs
    under: dict[str, set[float]] = {}
    for node in nodes.values():
        assert all(nodes[name].at[1] < node.at[1] for name in node.operands)
        parts = [under[name] for name in node.operands]
        under[node.name] = set().union(*parts) if parts else {node.at[0]}
        here = sorted(under[node.name])
        # Side by side, with no source of another branch between.
        assert here == [here[0] + n for n in range(len(here))]


def test_a_tree_tells_the_steps_and_their_shares() -> None:
    ax = draw_tree(compile(SHRINKING, tokens=64).apply)
    texts = [text.get_text() for text in ax.texts]
    assert [text for text in texts if text.isdigit()] == ["1", "2", "3", "4", "5", "6"]
    assert "1,048,576 MACs, 32%" in texts
    assert {"x", "g1", "g6"} <= set(texts)


def test_a_spectrum_starts_at_one_and_marks_the_numerical_rank() -> None:
    matrix = np.diag([4.0, 2.0, 0.0])
    (curve,) = list_curves({"T": measure_spectrum(matrix)})
    assert (curve.values, curve.numerical_rank) == ((1.0, 0.5), 2)
    ax = draw_spectrum({"T": measure_spectrum(matrix)})
    curve_line, dot = ax.lines
    assert list(curve_line.get_ydata()) == [1.0, 0.5]
    assert (list(dot.get_xdata()), list(dot.get_ydata())) == ([2], [0.5])
    assert ax.get_yscale() == "log"


def test_a_spectrum_of_nothing_is_drawn_empty() -> None:
    (curve,) = list_curves({"0": measure_spectrum(np.zeros((2, 2)))})
    assert (curve.values, curve.numerical_rank) == ((), 0)


def test_a_budget_prefers_the_update_and_sorts_by_parameters() -> None:
    points = list_points([prove(QUANTA), prove(LORA, form="difference")])
    assert [(point.name, point.parameters) for point in points] == [
        ("lora", 512),
        ("quanta-16-8-8-4", 43008),
    ]
    assert points[0].rank == (8, 8)


def test_a_budget_tells_intervals_from_exact_numbers() -> None:
    names = ("brickwork-8-8-8-8-x4", "lora-4096-r16", "quanta-16-8-8-4-to-4-8-8-4")
    left, right = draw_budget([prove(load_circuit(name), witness=False) for name in names])
    assert [len(line.get_ydata()) for line in left.lines] == [1, 1, 1]
    assert [len(line.get_ydata()) for line in right.lines] == [2, 1, 1, 2]
    fills = [line.get_markerfacecolor() for line in right.lines]
    assert fills.count("none") == 1
    assert isinstance(left.figure, Figure)
    assert len(left.figure.legends[0].get_texts()) == 3


def test_axes_that_are_given_are_used_and_no_setting_is_left_behind() -> None:
    before = dict(matplotlib.rcParams)
    figure = Figure()
    first, second, third = figure.subplots(1, 3)
    assert draw_network(LORA, first, theme="dark") is first
    assert draw_tree(compile(LORA, tokens=2).apply, second) is second
    assert draw_budget([prove(LORA)], (first, second)) == (first, second)
    assert draw_spectrum({"T": measure_spectrum(np.eye(2))}, first) is first
    assert draw_overview({"q": LORA}, third) is third
    assert dict(matplotlib.rcParams) == before


def test_a_difference_names_what_only_one_has() -> None:
    other = Circuit(
        QUANTA.inputs, ["c d", "b d {rank=8}", "b c", "a c", "a b", "a d"], name="other"
    )
    difference = compare_circuits(QUANTA, other)
    assert (difference.removed, difference.added) == (("g2", "g3"), ("g2", "g6"))
    assert [(change.noun, change.before, change.after) for change in difference.changes] == [
        ("parameters", (43008, 43008), (42496, 42496)),
        ("degrees of freedom", (42211, 42211), difference.changes[1].after),
        ("rank", (4096, 4096), (1024, 1024)),
        ("MACs per token", (1835008, 1835008), (1769472, 1769472)),
    ]


@given(circuits(max_gates=6))
def test_a_circuit_does_not_differ_from_itself(circuit: Circuit) -> None:
    difference = compare_circuits(circuit, circuit)
    assert (difference.removed, difference.added) == ((), ())
    assert {change.ratio for change in difference.changes} <= {"same", ""}


@pytest.mark.parametrize(
    ("before", "after", "ratio"),
    [
        ((4, 4), (5, 5), "+25 %"),
        ((4, 4), (3, 3), "−25 %"),
        ((4, 4), (4, 4), "same"),
        ((0, 0), (4, 4), ""),
        ((0, 0), (0, 0), "same"),
        ((3, 4), (4, 4), ""),
    ],
)
def test_a_change_is_told_where_both_numbers_are_exact(
    before: tuple[int, int], after: tuple[int, int], ratio: str
) -> None:
    assert Change("rank", before, after).ratio == ratio


def test_a_difference_is_drawn_with_signs_and_a_table(tmp_path: Path) -> None:
    other = Circuit("x=64", ["x -> r=4", "r", "r -> y=64"], name="wider")
    svg = draw_difference(LORA, other, tmp_path / "difference.svg")
    assert (tmp_path / "difference.svg").read_text(encoding="utf-8") == svg
    texts = [element.text for element in ElementTree.fromstring(svg).iter() if element.text]
    assert texts.count("+") == 1
    assert texts.count("−") == 0
    assert {"before", "after", "change", "parameters", "512", "528", "+3.12 %"} <= set(texts)
    draw_difference(other, LORA, tmp_path / "difference.png")
    assert (tmp_path / "difference.png").read_bytes().startswith(b"\x89PNG")
    assert "−" in draw_difference(other, LORA)


def test_a_difference_has_no_other_endings() -> None:
    with pytest.raises(FileError) as caught:
        draw_difference(LORA, LORA, "difference.txt")
    assert str(caught.value) == (
        "cannot draw a difference to 'difference.txt'.\n  Known endings are .svg, .png and .pdf."
    )


def test_an_overview_groups_modules_that_differ_in_their_number() -> None:
    adapted = {f"layers.{n}.q": QUANTA for n in range(3)} | {"layers.0.mlp.1": LORA, "head": LORA}
    rows = list_rows(adapted)
    assert [(row.modules, row.count, row.circuit, row.parameters) for row in rows] == [
        ("layers.*.q", 3, "quanta-16-8-8-4", 3 * 43008),
        ("layers.*.mlp.*", 1, "lora", 512),
        ("head", 1, "lora", 512),
    ]
    ax = draw_overview(adapted)
    assert [bar.get_width() for bar in ax.patches] == [3 * 43008, 512, 512]
    assert ax.get_title(loc="left") == "130,048 trained parameters in 5 modules"
    assert " 129,024 (99%)" in [text.get_text() for text in ax.texts]


def test_an_overview_reads_the_layers_of_a_model() -> None:
    update = SimpleNamespace(adapter=Adapter(LORA, form="zero"))
    layer = SimpleNamespace(qcircuit_delta={"default": update, "second": update})
    model = SimpleNamespace(
        named_modules=lambda: [("base_model.model.layers.0.q", layer), ("other", object())]
    )
    assert [row.modules for row in list_rows(model)] == ["layers.*.q", "layers.*.q (second)"]


def test_an_overview_of_nothing_is_refused() -> None:
    with pytest.raises(AdaptError) as caught:
        list_rows({})
    assert str(caught.value) == "no module is adapted.\n  There is nothing to draw."
