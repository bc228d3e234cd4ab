from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import circuits

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.draw.check import check_layout
from qcircuit_adapt.draw.fold import fold
from qcircuit_adapt.draw.layout import MAX_DRAWN, Layout, Pad, Piece, lay_out

QUANTA = Circuit("a=16 b=8 c=8 d=4", ["c d", "b d", "a d", "b c", "a c", "a b"])
SPLIT = Circuit.parse("a=8 b=4 c=2 | a -> x=4 y=2, x per b, y c -> c=3, x b -> r=5, -> c r")


@given(circuits(max_gates=9, max_axes=6))
def test_every_layout_is_sound(circuit: Circuit) -> None:
    assert check_layout(lay_out(circuit), circuit) == ()


@given(circuits())
def test_a_layout_is_data(circuit: Circuit) -> None:
    layout = lay_out(circuit)
    assert lay_out(circuit) == layout
    assert hash(layout) == hash(lay_out(circuit))


def change_symbol(layout: Layout, index: int, **changes: object) -> Layout:
    symbols = list(layout.symbols)
    symbols[index] = dataclasses.replace(symbols[index], **changes)
    return dataclasses.replace(layout, symbols=tuple(symbols))


def change_piece(layout: Layout, index: int, **changes: object) -> Layout:
    """Change a piece, also where it is an output."""
    old = layout.pieces[index]
    new = dataclasses.replace(old, **changes)

    def swap(pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
        return tuple(new if piece == old else piece for piece in pieces)

    return dataclasses.replace(layout, pieces=swap(layout.pieces), outputs=swap(layout.outputs))


def spoiled(change: Callable[[Layout], Layout], says: str) -> object:
    return pytest.param(change, says, id=says)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        spoiled(
            lambda it: dataclasses.replace(it, symbols=it.symbols[::-1]),
            "the gates drawn are not the first of the circuit, each once",
        ),
        spoiled(
            lambda it: dataclasses.replace(it, note="gates left out"),
            "the note does not say whether gates are left out",
        ),
        spoiled(lambda it: change_symbol(it, 0, column=2), "gate g1 does not stand in its layer"),
        spoiled(
            lambda it: dataclasses.replace(it, layers=it.layers[::-1]),
            "the columns are not in the order of their layers",
        ),
        spoiled(
            lambda it: change_symbol(it, 2, column=it.symbols[1].column),
            "gates g2 and g3 overlap",
        ),
        spoiled(lambda it: change_piece(it, 0, start=it.pieces[0].stop), "wire a runs from 0 to 0"),
        spoiled(lambda it: change_piece(it, 1, row=1), "wires x and y overlap in row 1"),
        spoiled(
            lambda it: dataclasses.replace(it, rows=it.rows + 1),
            "a row holds no wire, or a wire no row",
        ),
        spoiled(
            lambda it: change_piece(it, 0, axis=QUANTA.inputs[0]),
            "before gate g1 the wires from top to bottom are not the circuit's",
        ),
        spoiled(
            lambda it: change_piece(it, 0, stop=it.pieces[0].stop + 1),
            "a wire does not end at gate g1",
        ),
        spoiled(
            lambda it: change_symbol(it, 0, pads=it.symbols[0].pads[1:]),
            "gate g1 does not take its wires",
        ),
        spoiled(
            lambda it: change_symbol(it, 0, pads=it.symbols[0].pads[:1]),
            "gate g1 does not give its wires",
        ),
        spoiled(
            lambda it: change_symbol(it, 1, dots=()), "gate g2 does not have its control wires"
        ),
        spoiled(
            lambda it: change_symbol(
                it, 0, pads=(Pad(2, *dataclasses.astuple(it.symbols[0].pads[0])[1:]),)
            ),
            "gate g1 is not joined to the wires on its left",
        ),
        spoiled(
            lambda it: dataclasses.replace(
                it, pieces=tuple(piece for piece in it.pieces if piece.axis.name != "y")
            ),
            "gate g1 is not joined to the wires on its right",
        ),
        spoiled(
            lambda it: dataclasses.replace(
                it, pieces=(*it.pieces, dataclasses.replace(it.pieces[0], start=2, stop=3))
            ),
            "there are wires that no gate gives",
        ),
        spoiled(
            lambda it: change_piece(it, -1, stop=it.pieces[-1].stop - 1),
            "an output does not reach the right edge",
        ),
        spoiled(
            lambda it: dataclasses.replace(it, outputs=it.outputs[::-1]),
            "the outputs are not in the circuit's order",
        ),
        spoiled(
            lambda it: dataclasses.replace(
                it, outputs=tuple(dataclasses.replace(piece, row=0) for piece in it.outputs)
            ),
            "the outputs are not the last wires",
        ),
    ],
)
def test_a_spoiled_layout_is_refused(change: Callable[[Layout], Layout], says: str) -> None:
    assert says in check_layout(change(lay_out(SPLIT)), SPLIT)


def rows(circuit: Circuit) -> dict[str, int]:
    return {piece.axis.name: piece.row for piece in lay_out(circuit).pieces}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("x=8 | x -> r=2, r -> y=8", {"x": 0, "r": 0, "y": 0}, id="renamed"),
        pytest.param(
            "x=8 b=2 | x -> p=2 q=4", {"x": 0, "p": 0, "q": 1, "b": 2}, id="new row between"
        ),
        pytest.param("a=2 b=2 c=2 | b c -> r=3", {"a": 0, "b": 1, "c": 2, "r": 1}, id="merged"),
        pytest.param(
            "a=2 b=2 | a b -> r=3, r -> p=2 q=2",
            {"a": 0, "b": 1, "r": 0, "p": 0, "q": 1},
            id="reused",
        ),
        pytest.param(
            "a=2 b=2 | a b -> r=3, r, r -> r, r -> p=2 q=2",
            {"a": 0, "b": 1, "r": 0, "p": 0, "q": 1},
            id="reused later",
        ),
        pytest.param(
            # Row b carries b up to the third layer, and x starts in the first.
            "a=2 b=2 c=2 | b, b, a b -> a, c -> x=2 c=2",
            {"a": 0, "x": 1, "b": 2, "c": 3},
            id="not reused by a gate of an earlier layer",
        ),
        pytest.param("b=2 | b -> x=3 b", {"x": 0, "b": 1}, id="above a kept wire"),
    ],
)
def test_rows_follow_the_order_of_the_wires(text: str, expected: dict[str, int]) -> None:
    assert rows(Circuit.parse(text)) == expected


def test_gates_of_a_layer_stand_in_neighbouring_columns_if_their_spans_overlap() -> None:
    layout = lay_out(QUANTA)
    assert [symbol.column for symbol in layout.symbols] == [0, 1, 2, 3, 4, 5]
    assert layout.layers == (0, 1, 2, 2, 3, 4)


def test_gates_side_by_side_share_a_column() -> None:
    layout = lay_out(Circuit.parse("a=2 b=2 c=2 d=2 | a b, c d, b c, a, d"))
    assert [symbol.column for symbol in layout.symbols] == [0, 0, 1, 1, 1]


def test_pads_on_adjacent_rows_fuse_and_others_are_joined_by_a_neck() -> None:
    circuit = Circuit.parse("a=2 b=2 c=2 d=2 e=2 f=2 | a b e per d, c")
    layout = lay_out(circuit)
    gate = layout.symbols[0]
    assert [[pad.row for pad in box] for box in gate.boxes] == [[0, 1], [4]]
    assert gate.dots == (3,)
    assert gate.necks == ((1, 3), (3, 4))
    assert [piece.axis.name for piece in layout.crossings(gate)] == ["c"]


def test_what_is_new_on_a_wire_is_told_once() -> None:
    circuit = Circuit.parse("a=16 b=8 | a b -> a=4 b, a -> r=2, b, r per b")
    labels = [(piece.axis.name, piece.label) for piece in lay_out(circuit).pieces if piece.label]
    assert labels == [("a", "4"), ("r", "r=2")]


def test_gates_with_one_tensor_carry_one_letter() -> None:
    circuit = Circuit.parse("a=2 b=2 | a {share=g3}, b, a, b {share=g2}, a b {frozen}")
    assert [symbol.letter for symbol in lay_out(circuit).symbols] == ["A", "B", "A", "B", ""]
    assert [symbol.frozen for symbol in lay_out(circuit).symbols] == [False] * 4 + [True]


def test_a_gate_that_shares_a_frozen_tensor_is_drawn_frozen() -> None:
    layout = lay_out(Circuit.parse("a=2 | a {frozen}, a {share=g1}"))
    assert [symbol.frozen for symbol in layout.symbols] == [True, True]


def test_letters_go_on_after_z() -> None:
    gates = [
        f"a {{name={kind}{n}{end}}}"
        for n in range(28)
        for kind, end in [("t", ""), ("u", f" share=t{n}")]
    ]
    circuit = Circuit("a=2", gates)
    letters = [symbol.letter for symbol in lay_out(circuit).symbols]
    assert letters[::2] == letters[1::2] == [*"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "AA", "AB"]


def test_hovering_tells_what_a_gate_is() -> None:
    circuit = Circuit.parse("a=16 b=8 c=2 | a b -> a=4 b per c {rank=2}, b {frozen}, b {share=g2}")
    assert [symbol.title for symbol in lay_out(circuit).symbols] == [
        "g1: a=16 b=8 -> a=4 b=8 per c=2\n"
        "shape 2 x 4 x 8 x 16 x 8, 640 parameters\n"
        "640 MACs per token (38.5 % of the circuit)\n"
        "rank 2",
        "g2: b=8\nshape 8 x 8, 64 parameters\n512 MACs per token (30.8 % of the circuit)\nfrozen",
        "g3: b=8\nshape 8 x 8, 0 parameters\n512 MACs per token (30.8 % of the circuit)\n"
        "frozen, shares the tensor of g2",
    ]


def test_hovering_tells_where_a_wire_runs() -> None:
    assert [piece.title for piece in lay_out(Circuit.parse("a=16 | a -> r=2")).pieces] == [
        "wire a, size 16\nfrom the input to g1",
        "wire r, size 2\nfrom g1 to the output",
    ]


def test_facts_count_parameters_beside_macs() -> None:
    assert list(map(str, lay_out(QUANTA).facts)) == [
        "4096 -> 4096 features",
        "43,008 parameters (0.256 % of dense)",
        "1,835,008 MACs per token (10.9 % of dense)",
    ]


def test_facts_tell_frozen_parameters_apart() -> None:
    facts = lay_out(Circuit.parse("a=1 | a {frozen}")).facts
    assert list(map(str, facts)) == [
        "1 -> 1 features",
        "0 parameters (0 % of dense)",
        "1 frozen parameter",
        "1 MAC per token (100 % of dense)",
    ]


def test_of_a_long_circuit_the_first_gates_are_drawn() -> None:
    # The last gate owns the tensor that the drawn ones share.
    last = MAX_DRAWN + 7
    circuit = Circuit(
        "a=2 b=2 c=2",
        [*[f"a b {{share=g{last}}}"] * (last - 1), "c a"],
        outputs="c b a",
    )
    layout = lay_out(circuit)
    assert check_layout(layout, circuit) == ()
    assert len(layout.symbols) == MAX_DRAWN
    assert layout.note == "gates 201 to 207 are not drawn"
    assert [piece.axis.name for piece in layout.outputs] == ["a", "b", "c"]
    assert layout.outputs[-1].title == "wire c, size 2\nfrom the input to a gate not drawn"
    assert str(layout.facts[1]).startswith("16 parameters")


def test_a_circuit_without_a_name_is_called_by_its_text() -> None:
    assert lay_out(Circuit.parse("a=2 | a")).title == "a=2 | a"
    title = lay_out(Circuit("a=2 b=2", ["a b"] * 300)).title
    assert (len(title), title[:14], title[-1]) == (200, "a=2 b=2 | a b,", "…")


WIDTHS = st.lists(st.tuples(st.integers(1, 9), st.booleans()), max_size=30)


@given(WIDTHS, st.integers(1, 40))
def test_folding_keeps_every_column_in_its_width(
    columns: list[tuple[int, bool]], limit: int
) -> None:
    widths = [width for width, _ in columns]
    layers = [sum(new for _, new in columns[: n + 1]) for n in range(len(columns))]
    strips = fold(widths, layers, limit=limit)
    assert [column for strip in strips for column in strip] == list(range(len(widths)))
    for strip in strips:
        assert len(strip) <= 1 or sum(widths[n] for n in strip) <= limit
    for before, strip in itertools.pairwise(strips):
        # Only a layer that starts a strip, and does not fit in it, is broken.
        assert layers[strip.start - 1] != layers[strip.start] or (
            layers[before.start] == layers[strip.start]
        )
