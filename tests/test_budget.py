"""Rows of a budget: each number as the proofs and the plan say, and the front as its words say."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import circuits

import qcircuit_adapt as qa
from qcircuit_adapt.analysis import claim_rank, find_freedom
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.cli import main
from qcircuit_adapt.compiler.plan import compile
from qcircuit_adapt.design import find_front, find_rows, measure, read_amount, suggest
from qcircuit_adapt.design.amount import read_range, read_sizes
from qcircuit_adapt.design.budget import SORTS, to_csv, to_json
from qcircuit_adapt.design.layouts import list_axes, list_factorisations, list_layouts
from qcircuit_adapt.design.row import MAX_SEARCHED, TOKENS
from qcircuit_adapt.design.score import Score, bound_freedom, bound_rank
from qcircuit_adapt.draw.front import draw_front, save_front
from qcircuit_adapt.errors import CircuitError
from qcircuit_adapt.families import FAMILIES, resolve
from qcircuit_adapt.nn.update import Update
from qcircuit_adapt.nn.weight import Weight

numbers = st.integers(0, 3)
bounds = st.tuples(numbers, numbers).map(lambda pair: (min(pair), max(pair)))
scores = st.builds(Score, numbers, numbers, bounds, bounds)


@settings(max_examples=40)
@given(circuits())
def test_a_row_says_what_the_proofs_and_the_plan_say(circuit: Circuit) -> None:
    row, plan = measure(circuit), compile(circuit, tokens=TOKENS)
    assert row.parameters == circuit.parameters
    if len(circuit.gates) < MAX_SEARCHED - 4:  # each of up to four axes may need an identity
        assert (row.macs, row.saved) == (plan.macs_per_token, plan.saved_per_token)
    freedom = find_freedom(circuit)
    assert row.freedom == (freedom.lower, freedom.upper)
    for bounds, form in [(row.rank, None), (row.update_rank, "difference")]:
        claim = claim_rank(circuit, form=form, witness=False)
        assert bounds == (claim.lower, claim.upper)


@settings(max_examples=40)
@given(circuits())
def test_the_quick_bounds_are_those_of_the_same_theorems(circuit: Circuit) -> None:
    exact = find_freedom(circuit)
    lower, upper = bound_freedom(circuit)
    assert (lower, upper >= exact.upper) == (exact.lower, True)
    claim = claim_rank(circuit, witness=False)
    assert bound_rank(circuit) == (claim.lower, claim.upper)


@given(st.lists(scores, max_size=9))
def test_the_front_is_what_nothing_beats(some: list[Score]) -> None:
    expected = tuple(
        position for position, one in enumerate(some) if not any(other.beats(one) for other in some)
    )
    assert find_front(some) == expected


@given(scores, scores, scores)
def test_to_beat_is_an_order(one: Score, two: Score, three: Score) -> None:
    assert not one.beats(one) or one.rank[0] > one.rank[1]
    assert not (one.beats(two) and two.beats(one))
    if one.beats(two) and two.beats(three):
        assert one.beats(three)


@given(st.integers(2, 300), st.integers(1, 5))
def test_factorisations_are_all_there_are(number: int, count: int) -> None:
    def every(rest: int, left: int) -> set[tuple[int, ...]]:
        if left == 0:
            return {()} if rest == 1 else set()
        return {
            tuple(sorted((factor, *others), reverse=True))
            for factor in range(2, rest + 1)
            if rest % factor == 0
            for others in every(rest // factor, left - 1)
        }

    found = list_factorisations(number, count=count)
    assert len(found) == len(set(found))
    assert set(found) == every(number, count)
    assert [sum(one) for one in found] == sorted(sum(one) for one in found)


def test_orders_of_axes_are_layouts_of_their_own_if_asked() -> None:
    assert len(list_axes(4096, count=4, limit=10**6, ordered=True)) == 165  # 11 choose 3
    assert len(list_axes(4096, count=4, limit=10**6)) == 15
    assert list_axes(4096, count=4, limit=1) == ((8, 8, 8, 8),)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_rows_that_resolve_to_what_they_count(family: str) -> None:
    d_out = 64 if FAMILIES[family].square else 32
    listed = list(list_layouts(family, 64, d_out, max_parameters=900, limit=4))
    assert listed
    for spec, circuit in listed:
        assert resolve(spec, 64, d_out) == circuit
        assert circuit.parameters <= 900


def test_rows_of_a_known_layer() -> None:
    rows = {
        row.spec: row for row in find_rows(4096, 4096, max_parameters=43_008, families=["quanta"])
    }
    row = rows["quanta(axes=16-8-8-4)"]
    assert (row.parameters, row.freedom, row.rank, row.update_rank, row.macs, row.saved) == (
        *(43_008, (42_211, 42_211), (4096, 4096), (4096, 4096), 1_835_008, 20_480),
    )
    assert row.joined
    assert row.front
    assert row.share == 43_008 / 4096**2
    assert all(row.parameters <= 43_008 for row in rows.values())


@pytest.mark.parametrize("sort", SORTS)
def test_rows_are_sorted_and_the_front_does_not_depend_on_it(sort: str) -> None:
    rows = find_rows(64, 64, max_parameters=800, sort=sort)
    assert list(rows) == sorted(rows, key=SORTS[sort])
    assert {row.spec for row in rows if row.front} == {
        rows[position].spec for position in find_front([row.score for row in rows])
    }
    assert set(rows) == set(find_rows(64, 64, max_parameters=800))


def test_progress_is_told_to_the_end() -> None:
    told: list[tuple[int, int]] = []
    find_rows(64, 64, max_parameters=400, on_progress=lambda *numbers: told.append(numbers))
    assert [done for done, _ in told] == list(range(1, len(told) + 1))
    assert {total for _, total in told} == {len(told)}


def test_tables_hold_every_row() -> None:
    rows = find_rows(64, 32, max_parameters=400)
    lines = list(csv.DictReader(io.StringIO(to_csv(rows))))
    data = json.loads(to_json(rows))
    assert [line["spec"] for line in lines] == [row.spec for row in rows]
    for row, line, entry in zip(rows, lines, data, strict=True):
        assert int(line["freedom_upper"]) == entry["freedom"][1] == row.freedom[1]
        assert int(line["update_rank_lower"]) == row.update_rank[0]
        assert (int(line["macs"]), bool(int(line["front"]))) == (row.macs, row.front)


def test_a_suggestion_is_the_cheapest_of_the_freest_of_most_rank() -> None:
    families = [name for name in FAMILIES if not FAMILIES[name].square]
    rows = find_rows(512, 128, max_parameters=655, families=families)
    chosen = suggest(512, 128, max_parameters=read_amount("1%", dense=512 * 128))
    most = max(row.update_rank[0] for row in rows)
    assert chosen.row.update_rank[0] == most == 128
    full = [row for row in rows if row.update_rank[0] == most and row.joined]
    free = max(row.freedom[1] for row in full)
    near = [row for row in full if 10 * row.freedom[1] >= 9 * free]
    assert chosen.row.macs == min(row.macs for row in near)
    assert (chosen.listed, chosen.full, chosen.near) == (len(rows), len(full), len(near))
    assert resolve(chosen.row.spec, 512, 128).parameters == chosen.row.parameters
    assert len(str(chosen).splitlines()) == 5
    line = str(chosen).splitlines()[-1]
    form = "" if chosen.row.form == "difference" else f', form="{chosen.row.form}"'
    assert line == f'qa.CircuitConfig(circuit="{chosen.row.spec}"{form})'
    config = eval(line, {"qa": qa})
    assert config.adapter_for("q_proj", 512, 128).parameters == chosen.row.parameters


@pytest.mark.parametrize("family", [name for name in FAMILIES if FAMILIES[name].square])
@pytest.mark.parametrize("layer", [(64, 32), (32, 64)])
def test_rows_on_one_side_of_a_weight_are_those_of_the_layer(
    family: str, layer: tuple[int, int]
) -> None:
    for row in find_rows(*layer, max_parameters=900, families=[family]):
        config = qa.CircuitConfig(circuit=row.spec, form=row.form)
        (term,) = config.adapter_for("q_proj", *layer).terms
        assert term.form == row.form
        assert term.circuit.parameters == row.parameters
        assert row.share == row.parameters / (64 * 32)
        update = Update(qa.Adapter([term]), dtype=torch.float64, init_weights=False)
        weight = torch.randn(layer[::-1], dtype=torch.float64)
        change = update.delta_weight(weight=Weight.of(weight))
        assert row.update_rank[0] <= torch.linalg.matrix_rank(change) <= row.update_rank[1]


def test_a_suggested_form_that_is_not_the_usual_one_is_written() -> None:
    chosen = suggest(64, 64, max_parameters=300, families=["lora"])
    assert chosen.config == 'qa.CircuitConfig(circuit="lora(rank=2)", form="zero")'


def test_amounts() -> None:
    texts = ["43008", "43,008", "43_008", "100k", "1.5M", "0.05%"]
    assert [read_amount(text, dense=4096 * 1024) for text in texts] == [
        *(43_008, 43_008, 43_008, 100_000, 1_500_000, 2097),
    ]


def test_the_picture_has_a_mark_for_every_row(tmp_path: Path) -> None:
    rows = find_rows(64, 64, max_parameters=400)
    left, right = draw_front(rows)
    for ax in (left, right):
        marks = [line for line in ax.lines if line.get_marker() not in ("", "None")]
        assert sum(len(line.get_xdata()) for line in marks) == len(rows)
    save_front(rows, tmp_path / "rows.svg")
    assert (tmp_path / "rows.svg").read_bytes().startswith(b"<?xml")


ERRORS = [
    (
        lambda: find_rows(0, 4, max_parameters=9),
        "d_in is 0; it must be a whole number, 1 or more.",
    ),
    (
        lambda: find_rows(64, 64, max_parameters=9, sort="ranks"),
        "rows cannot be sorted by 'ranks'.\n  Did you mean 'rank'?",
    ),
    (
        lambda: find_rows(64, 64, max_parameters=9, families=["quantta"]),
        "'quantta' is not a family.\n  Did you mean 'quanta'?",
    ),
    (
        lambda: find_rows(64, 64, max_parameters=9, families=["lora"]),
        "no circuit from 64 to 64 has at most 9 parameters.\n"
        "  Raise the budget, or name other families.",
    ),
    (
        lambda: read_amount("some", dense=64),
        "'some' is no number of parameters.\n"
        '  Write "43008", "100k", "1.5M", or "0.05%" of the dense layer.',
    ),
    (
        lambda: read_amount("0.05%", dense=64),
        "'0.05%' is less than one parameter.\n  One parameter is 1.6% of this layer.",
    ),
    (lambda: read_amount("0", dense=64), "'0' is less than one parameter."),
    (
        lambda: read_sizes("16x8"),
        "'16x8' is no list of sizes.\n  Write '16-8-8-4', or 'any'.",
    ),
    (lambda: read_range("few"), "'few' is no range of numbers.\n  Write '2-3', or '2'."),
    (
        lambda: save_front((), "rows.txt"),
        "rows.txt does not end in what a plot can be drawn to.\n  Use .svg, .png or .pdf.",
    ),
]


@pytest.mark.parametrize(("action", "message"), ERRORS)
def test_errors(action: object, message: str) -> None:
    assert callable(action)
    with pytest.raises(CircuitError) as caught:
        action()
    assert str(caught.value) == message


@pytest.mark.parametrize("flags", [[], ["--json"], ["--csv"], ["--front"]])
def test_the_command(flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "rows.svg"
    words = ["budget", "--d-in", "64", "--max-parameters", "10%", "-o", str(picture), *flags]
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert not caught.value.code
    out = capsys.readouterr().out
    assert "kronecker(axes=2-2-2-2-2-2)" in out
    assert picture.stat().st_size > 1000


def test_the_command_suggests(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["suggest", "--d-in", "64", "--budget", "10%"])
    assert not caught.value.code
    assert "qa.CircuitConfig(circuit=" in capsys.readouterr().out


def test_rows_are_written_as_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "rows.html"
    budget = ["budget", "--d-in", "64", "--max-parameters", "400", "--families", "lora,quanta"]
    with pytest.raises(SystemExit):
        main([*budget, "-o", str(page)])
    rows = find_rows(64, 64, max_parameters=400, families=["lora", "quanta"])
    assert f"<title>{len(rows)} circuits</title>" in page.read_text()
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main([*budget[:3], "--max-parameters", "4000", "-o", str(tmp_path / "x.html")])
    assert "are too many for a page, which shows 100." in capsys.readouterr().err
    assert not (tmp_path / "x.html").exists()
