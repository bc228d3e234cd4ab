from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from hypothesis import given
from strategies import circuits

from qcircuit_adapt import prove
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.draw.check import check_layout
from qcircuit_adapt.draw.cut import CutLine, cut_runs
from qcircuit_adapt.draw.layout import Layout, lay_out
from qcircuit_adapt.errors import CertificateError

# The first gate is on the input's side, all others on the output's.
MERGED = Circuit.parse("a=16 b=8 c=8 d=4 | a b -> r=8, c d, r -> a=16 b=8 per c, b d")
BOUNDED = Circuit.parse("a=16 b=8 | b, a b {rank=6}, b")
CONTROL = Circuit.parse("x=64 c=2 | x -> r=3 per c, r -> y=64 per c")


def draw_cut(circuit: Circuit) -> CutLine | None:
    return lay_out(circuit, certificate=prove(circuit, witness=False)).cut


@given(circuits(max_gates=9, max_axes=5))
def test_every_cut_separates_inputs_from_outputs_as_drawn(circuit: Circuit) -> None:
    certificate = prove(circuit, witness=False)
    layout = lay_out(circuit, certificate=certificate)
    assert check_layout(layout, circuit) == ()
    smallest = min(circuit.d_in, circuit.d_out)
    if layout.cut:
        assert layout.cut.bound == certificate.rank.upper < smallest
    elif type(certificate.rank.above).__name__ == "Cut":
        assert certificate.rank.upper == smallest


def test_a_cut_that_says_no_more_than_the_shape_is_not_drawn() -> None:
    assert draw_cut(Circuit("a=4 b=2", ["a b"])) is None
    assert lay_out(MERGED).cut is None


def test_the_line_steps_aside_for_gates_on_either_side() -> None:
    cut = draw_cut(MERGED)
    assert cut is not None
    assert (cut.bound, cut.exact, cut.label) == (256, True, "rank = 256")
    # Past g1 on its rows, before g2 on the others: both stand in the first column.
    assert cut.spots == (1, 1, -1, -1)
    assert {(cross.bond.wire, cross.row, cross.spot) for cross in cut.crosses} == {
        ("r", 0, 1),
        ("c", 2, -1),
        ("d", 3, -1),
    }


def test_the_line_is_straight_where_it_can_be() -> None:
    cut = draw_cut(Circuit.parse("a=8 b=2 c=2 | a, a -> a=2, a -> a=8"))
    assert cut is not None
    assert cut.spots == (3, 3, 3)


def test_a_gate_of_bounded_rank_is_cut_inside() -> None:
    cut = draw_cut(BOUNDED)
    assert cut is not None
    assert [(cross.gate, cross.spot) for cross in cut.crosses] == [("g2", 2)]
    assert cut.spots == (2, 2)


def test_a_control_wire_is_cut_once() -> None:
    cut = draw_cut(CONTROL)
    assert cut is not None
    assert [cross.bond.wire for cross in cut.crosses] == ["c", "r"]
    assert cut.bound == 6
    # Past the first gate on it, beside the other cross.
    assert cut.spots == (1, 1)
    assert {cross.spot for cross in cut.crosses} == {1}


def test_a_bound_that_is_not_attained_is_told_apart() -> None:
    certificate = prove(MERGED, witness=False)
    claim = dataclasses.replace(certificate.rank, lower=certificate.rank.lower - 1)
    layout = lay_out(MERGED, certificate=dataclasses.replace(certificate, rank=claim))
    assert layout.cut is not None
    assert layout.cut.label == "rank ≤ 256"


def test_a_certificate_of_another_circuit_is_refused() -> None:
    with pytest.raises(CertificateError) as caught:
        lay_out(MERGED, certificate=prove(BOUNDED))
    assert str(caught.value) == "the certificate is of another circuit.\n  Prove this one."


def test_of_a_circuit_that_is_not_drawn_whole_no_cut_is_drawn() -> None:
    long = Circuit("a=4 b=4", ["a b {rank=2}", *["a b {share=g1}"] * 200])
    layout = lay_out(long, certificate=prove(long, witness=False))
    assert layout.note
    assert layout.cut is None


def test_runs_are_the_neighbouring_rows_of_a_strip() -> None:
    line = CutLine((-1, 1, 5, 1, 4), (), 1, True, "")
    assert list(cut_runs(line, range(2))) == [(0, 1), (3,)]
    assert list(cut_runs(line, range(2, 4))) == [(2,), (4,)]


def spoil(change: Callable[[CutLine], dict[str, object]], says: str) -> object:
    return pytest.param(change, says, id=says)


def change_cross(cut: CutLine, index: int, **changes: object) -> dict[str, object]:
    crosses = list(cut.crosses)
    crosses[index] = dataclasses.replace(crosses[index], **changes)
    return {"crosses": tuple(crosses)}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        spoil(lambda it: {"spots": it.spots[1:]}, "the cut does not pass every row"),
        spoil(lambda it: {"spots": (99, *it.spots[1:])}, "the cut leaves the picture"),
        spoil(lambda it: {"bound": 255}, "the wires that are cut do not multiply to the bound"),
        spoil(lambda it: {"bound": 4096}, "the cut says no more than the shape does"),
        spoil(
            lambda it: {"crosses": it.crosses[1:]},
            "a way leads from the inputs to the outputs past the cut",
        ),
        spoil(
            lambda it: change_cross(it, 0, row=3),
            "the cross on c=8 from the input is not on its wire",
        ),
        spoil(
            lambda it: change_cross(it, 0, gate="g1"),
            "the cross on c=8 from the input is not in its gate",
        ),
    ],
)
def test_a_spoiled_cut_is_refused(
    change: Callable[[CutLine], dict[str, object]], says: str
) -> None:
    layout: Layout = lay_out(MERGED, certificate=prove(MERGED, witness=False))
    assert layout.cut is not None
    spoiled = dataclasses.replace(layout.cut, **change(layout.cut))
    assert says in check_layout(dataclasses.replace(layout, cut=spoiled), MERGED)
