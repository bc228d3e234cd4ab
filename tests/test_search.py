"""The search: against brute force where that is possible, and the same however it is run."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qcircuit_adapt import Circuit, load_circuit
from qcircuit_adapt.analysis import find_freedom
from qcircuit_adapt.analysis.relation.canonical import canonical_text
from qcircuit_adapt.cli import main
from qcircuit_adapt.design import Question, Score, find_front, search_layouts
from qcircuit_adapt.design import search as search_module
from qcircuit_adapt.design.found import read_assessed, take_freest, write_found
from qcircuit_adapt.design.layout import Layout, Move, list_moves
from qcircuit_adapt.design.score import bound_freedom, bound_rank
from qcircuit_adapt.design.search import assess, settle
from qcircuit_adapt.errors import CircuitError, DesignError

SMALL = Question(d=12, max_parameters=120, axes=(3, 2, 2), max_gates=3, wires=(1, 2), most=10_000)


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    axes = tuple(draw(st.lists(st.integers(2, 4), min_size=1, max_size=4)))
    moves = list(list_moves(axes, wires=(1, 3), ranks=2))
    return Layout(axes, tuple(draw(st.lists(st.sampled_from(moves), min_size=1, max_size=5))))


@given(layouts())
def test_a_layout_counts_as_its_circuit(layout: Layout) -> None:
    circuit = layout.circuit
    assert layout.parameters == circuit.parameters
    assert layout.macs == circuit.macs_per_token
    assert layout.freedom <= bound_freedom(circuit)[1]
    assert Layout.from_list(json.loads(json.dumps(layout.to_list()))) == layout


@given(layouts())
def test_ordered_gates_are_the_same_circuit(layout: Layout) -> None:
    assert canonical_text(layout.ordered.circuit) == canonical_text(layout.circuit)
    assert layout.ordered.ordered == layout.ordered
    assert layout.ordered.is_reduced == layout.is_reduced


def brute_force(question: Question) -> set[Score]:
    """The scores of the front, from all sequences of gates, with nothing left out on the way."""
    scores: dict[str, Score] = {}
    for count in range(1, question.max_gates + 1):
        moves = list_moves(question.axes, wires=question.wires, ranks=question.ranks)
        for chosen in itertools.product(list(moves), repeat=count):
            circuit = Layout(question.axes, chosen).circuit
            rank = bound_rank(circuit)
            joined = Layout(question.axes, chosen).is_joined or not question.joined
            if circuit.parameters > question.max_parameters or rank[0] < question.target:
                continue
            if joined:
                freedom = bound_freedom(circuit)
                text = canonical_text(circuit, up_to_axes=True)
                lower = max(freedom[0], scores[text].freedom[0] if text in scores else 0)
                costs = (circuit.parameters, circuit.macs_per_token)
                scores[text] = Score(*costs, rank, (lower, freedom[1]))
    listed = list(scores.values())
    return {listed[position] for position in find_front(listed)}


@pytest.mark.parametrize(
    "question",
    [
        SMALL,
        replace(SMALL, joined=False),
        replace(SMALL, axes=(3, 2, 2), ranks=2, min_rank=6, max_gates=2, wires=(1, 3)),
        Question(d=16, max_parameters=70, axes=(4, 2, 2), max_gates=3, most=10_000),
    ],
)
def test_it_finds_the_optima_that_brute_force_finds(question: Question) -> None:
    found = search_layouts(question)
    assert found.complete
    assert {one.score for one in found.front} == brute_force(question)
    assert found.coverage == f"all {found.count:,} layouts were looked at: the front is proved."


def test_all_factorisations_are_tried_if_none_is_given() -> None:
    each = [(6, 2), (4, 3), (3, 2, 2)]  # one axis alone is too dear
    question = replace(SMALL, axes=(), wires=(1, 3))
    parts = [search_layouts(replace(question, axes=axes)) for axes in each]
    assert search_layouts(question).count == sum(part.count for part in parts)


def test_a_circuit_is_looked_at_once() -> None:
    found = search_layouts(SMALL)
    assert len({one.layout for one in found.assessed}) == len(found.assessed)
    circuits = [canonical_text(one.layout.circuit, up_to_axes=True) for one in found.assessed]
    assert circuits == [one.text for one in found.assessed]
    assert found.count == len(set(circuits))


def test_a_cut_ends_a_branch() -> None:
    question = replace(SMALL, axes=(3, 2, 2), ranks=3, wires=(2, 2))
    found = search_layouts(question)
    low = [one for one in found.assessed if one.score is None]
    assert low
    assert all(len(one.layout.moves) == 1 or one.layout.moves[-1].rank for one in low)
    assert all(one.score and one.score.rank[0] == 12 for one in found.front)


WIDE = Question(d=64, max_parameters=1500, most=120, max_gates=5, seed=3)


def test_what_is_not_exhaustive_says_so() -> None:
    found = search_layouts(WIDE)
    assert not found.complete
    assert found.count <= WIDE.most
    assert found.coverage == (
        f"not exhaustive: {found.count} layouts were looked at, those of fewest gates and what a "
        "local search from seed 3 met; others of up to 5 gates were not."
    )


def test_the_outcome_depends_on_the_question_alone() -> None:
    alone = search_layouts(WIDE)
    assert search_layouts(WIDE) == alone
    assert search_layouts(WIDE, workers=2) == alone
    assert search_layouts(replace(WIDE, seed=4)).assessed != alone.assessed


def test_a_cluster_of_two_workers_finds_the_same() -> None:
    """In a process of its own: what a cluster leaves behind is not for other tests to meet."""
    code = f"""
import qcircuit_adapt.design as design
from distributed import LocalCluster

if __name__ == "__main__":
    question = design.{WIDE!r}
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        found = design.search_layouts(question, dask=cluster.scheduler_address)
    print(found == design.search_layouts(question), len(found.assessed) > 60)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout == "True True\n", done.stderr


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qcircuit_adapt.design.pool.TIMEOUT", 0.2)

    def problem(**options: Any) -> list[str]:
        with pytest.raises(DesignError) as caught:
            search_layouts(SMALL, **options)
        return str(caught.value).splitlines()

    first, cure = problem(dask="tcp://127.0.0.1:1")
    assert first.startswith("no Dask scheduler answers at 'tcp://127.0.0.1:1': ")
    assert cure == "  Start one with 'dask scheduler', and workers with 'dask worker ADDRESS'."
    assert problem(dask="tcp://127.0.0.1:1", workers=2) == [
        "workers and dask are both given.",
        "  Dask's cluster says how many there are.",
    ]
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert problem(dask="tcp://127.0.0.1:1") == [
        "Dask is not installed.",
        '  Install it: pip install "qcircuit-adapt[dask]".',
    ]


def test_an_interrupted_search_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(done: int, total: int) -> None:
        if done > 70:
            raise KeyboardInterrupt

    part = search_layouts(WIDE, on_progress=stop)
    assert part.interrupted
    assert part.front
    assert part.coverage.startswith("stopped: ")
    write_found(part, tmp_path / "found.json")
    known = read_assessed(tmp_path / "found.json", WIDE)
    assert set(known) == {one.layout for one in part.assessed}
    computed: list[Layout] = []

    def count(layout: Layout, *, target: int) -> object:
        computed.append(layout)
        return assess(layout, target=target)

    monkeypatch.setattr(search_module, "assess", count)
    whole = search_layouts(WIDE, known=known)
    assert not set(computed) & set(known)
    monkeypatch.undo()
    assert whole == search_layouts(WIDE)


def test_local_search_finds_a_layout_of_more_freedom_at_no_more_cost() -> None:
    """Gates that share smaller axes lose less to the bases between them."""
    best = Layout(
        (8, 4, 4, 2, 2, 2, 2, 2),
        tuple(
            map(
                Move,
                [
                    (0, 2, 3, 4),
                    (1, 3, 4, 5, 6),
                    (0, 1, 6, 7),
                    (1, 2, 4, 7),
                    (2, 4, 5, 6),
                    (2, 3, 5, 7),
                ],
            )
        ),
    )
    known = load_circuit("quanta-16-8-8-4")
    score = assess(best, target=4096).score
    assert score
    assert (score.parameters, score.macs) == (known.parameters, known.macs_per_token)
    assert score.rank == (4096, 4096)
    assert score.freedom[0] == 42_400 > find_freedom(known).upper == 42_211


def test_what_the_search_found_at_5120_beats_the_known_layout_in_everything() -> None:
    text = "a=5 b=4 c=4 d=4 e=2 f=2 g=2 h=2 | d e f g h, b c f g h, a g, b d, a c d e"
    known, circuit = load_circuit("quanta-16-8-8-5"), Circuit.parse(text)
    assert circuit.d_in == known.d_in
    assert circuit.parameters == 46_436 < known.parameters == 46_464
    assert circuit.macs_per_token == 1_935_360 < known.macs_per_token == 2_457_600
    assert bound_rank(circuit) == (5120, 5120)
    assert bound_freedom(circuit)[0] == 46_234 > find_freedom(known).upper == 45_649


def list_sums(total: int, count: int) -> Iterator[tuple[int, ...]]:
    """All lists of so many whole numbers, 0 or more, that add up to a total."""
    if count == 1:
        yield (total,)
        return
    for first in range(total + 1):
        yield from ((first, *rest) for rest in list_sums(total - first, count - 1))


def test_no_three_gates_of_256_beat_16_16_16() -> None:
    """Every way for them to share the twelve binary digits of 4,096, by upper bounds."""
    patterns = [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]
    highest, count = 0, 0
    for digits in list_sums(12, len(patterns)):
        shared = [(many, gates) for many, gates in zip(digits, patterns, strict=True) if many]
        if any(sum(many for many, gates in shared if g in gates) != 8 for g in range(3)):
            continue
        moves = tuple(
            Move(tuple(axis for axis, (_, gates) in enumerate(shared) if gate in gates))
            for gate in range(3)
        )
        circuit = Layout(tuple(2**many for many, _ in shared), moves).circuit
        highest, count = max(highest, bound_freedom(circuit, coarsen=3)[1]), count + 1
    assert (highest, count) == (195_841, 42)


def test_open_bounds_can_be_settled() -> None:
    question = Question(d=16, max_parameters=64, axes=(2, 2, 2, 2), max_gates=4, wires=(2, 2))
    found = search_layouts(replace(question, most=60))
    unsettled = [one for one in found.front if one.score.freedom[0] < one.score.freedom[1]]
    assert unsettled
    settled = settle(found, most=10**6, on_progress=None)
    for one in settled.front:
        witness = find_freedom(one.layout.circuit, witness=True)
        assert one.score.freedom[0] >= witness.lower
    assert take_freest(settled.front, count=1)[0].score.freedom[0] >= max(
        one.score.freedom[0] for one in found.front
    )


ERRORS = [
    (
        lambda: search_layouts(replace(SMALL, d=13)),
        "the axes 3-2-2 multiply to 12, but the dimension is 13.\n"
        "  Write 'any' to try all factorisations.",
    ),
    (
        lambda: search_layouts(replace(SMALL, axes=(12, 1))),
        "the axes 12-1 have one of size 1; 2 is the least.\n"
        "  Write 'any' to try all factorisations.",
    ),
    (
        lambda: search_layouts(replace(SMALL, most=0)),
        "most is 0; it must be a whole number, 1 or more.",
    ),
    (
        lambda: search_layouts(replace(SMALL, min_rank=13)),
        "the least rank is 13, but a layout of 12 has a rank from 1 to 12.",
    ),
    (
        lambda: search_layouts(replace(SMALL, wires=(3, 2))),
        "gates are to act on 3 to 2 axes.\n  Write '2-3', or '2'.",
    ),
    (
        lambda: search_layouts(replace(SMALL, max_parameters=3)),
        "no gate on 1 to 2 axes of 12 has at most 3 parameters.\n"
        "  Raise the budget, or allow more axes, or gates on fewer.",
    ),
    (
        lambda: search_layouts(SMALL, workers=0),
        "workers is 0; it must be from 1 to 256.",
    ),
]


@pytest.mark.parametrize(("action", "message"), ERRORS)
def test_errors(action: object, message: str) -> None:
    assert callable(action)
    with pytest.raises(CircuitError) as caught:
        action()
    assert str(caught.value) == message


def test_files_that_are_of_no_search_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    cure = "\n  Give a file that 'qcircuit search -o' wrote."
    write_found(search_layouts(SMALL), path)
    good = path.read_text()
    other = replace(SMALL, max_parameters=99)
    cases = [
        ("[", SMALL, f"{path} holds no search.{cure}"),
        ("[]", SMALL, f"{path} holds no search.{cure}"),
        (
            good.replace('"format":1', '"format":2'),
            SMALL,
            f"{path} is of format 2; this version reads 1.",
        ),
        (
            good,
            other,
            f"{path} is of a search with max_parameters 120, not 99.\n"
            "  Ask the same again, or start anew without --resume.",
        ),
    ]
    for text, question, message in cases:
        path.write_text(text)
        with pytest.raises(CircuitError) as caught:
            read_assessed(path, question)
        assert str(caught.value) == message
    with pytest.raises(CircuitError, match=r"cannot read .*: No such file or directory"):
        read_assessed(tmp_path / "none.json", SMALL)


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as caught:
        main(["search", "--d-in", "12", "--max-parameters", "120", *words])
    return int(caught.value.code or 0), capsys.readouterr().out


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "found.json"
    words = ["--axes", "3-2-2", "--gates", "3", "-o", str(path)]
    code, out = run(capsys, *words)
    assert code == 0
    assert "layouts were looked at: the front is proved." in out
    front = json.loads(path.read_text())["front"]
    assert all(str(one["parameters"]) in out for one in front)
    code, again = run(capsys, *words, "--resume", str(path), "--json")
    assert code == 0
    assert json.loads(again)["front"] == front


def test_the_command_says_what_beats_a_circuit(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(capsys, "--axes", "3-2-2", "--against", "quanta(axes=3-2-2)", "--witness", "2")
    assert code == 0
    assert "None are proved to beat quanta(axes=3-2-2): 88 parameters, 72 degrees" in out
