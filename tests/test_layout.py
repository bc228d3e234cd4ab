"""Layouts: no copies where none is needed, each gate one product, and no product more."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import assume, example, given
from strategies import circuits

from qcircuit_adapt import Circuit
from qcircuit_adapt.axes import product
from qcircuit_adapt.compiler.layout import MAX_ORDERED, Layout, Major, Move, count_macs, plan_layout
from qcircuit_adapt.families import quanta
from qcircuit_adapt.wires import split_ranks

MAJORS: tuple[Major, Major] = ("feature", "token")
AXES = [(4, 3, 2), (16, 8, 8, 4), (2, 3, 4, 5), (8, 8, 4, 4, 4), (2, 3, 2, 4, 3)]


def plan(circuit: Circuit, major: Major) -> Layout:
    layout = plan_layout(circuit, major)
    assert layout is not None
    return layout


@pytest.mark.parametrize("sizes", AXES, ids=str)
def test_all_pairs_need_no_copy_between_gates(sizes: tuple[int, ...]) -> None:
    layout = plan(quanta(sizes), "feature")
    pairs = math.comb(len(sizes), 2)
    assert (layout.copies, len(layout.actions)) == (0, pairs)
    assert layout.first == tuple(range(len(sizes)))


SIZES = {3: (3, 2, 4), 4: (2, 3, 4, 5), 5: (8, 8, 4, 4, 4)}


@pytest.mark.parametrize("rounds", [1, 2])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("count", SIZES)
def test_all_pairs_from_either_end_need_no_copy(count: int, backwards: bool, rounds: int) -> None:
    wires = "abcde"[:count]
    pairs = [*itertools.combinations(wires, 2)]
    gates = [" ".join(pair) for pair in (pairs[::-1] if backwards else pairs)] * rounds
    axes = " ".join(f"{wire}={size}" for wire, size in zip(wires, SIZES[count], strict=True))
    for order in itertools.permutations(axes.split()):
        assert plan(Circuit(" ".join(order), gates), "feature").copies == 0


def test_three_axes_never_need_a_copy() -> None:
    for pairs in itertools.permutations(["a b", "a c", "b c"]):
        assert plan(Circuit("a=2 b=3 c=4", pairs), "feature").copies == 0


def test_narrower_outputs_need_no_copy_either() -> None:
    assert plan(quanta((16, 8, 8, 4), to=(4, 8, 8, 4)), "feature").copies == 0


def test_with_tokens_first_gates_wait_for_their_wires() -> None:
    assert plan(quanta((16, 8, 8, 4)), "token").copies == 5
    assert plan(Circuit("a=4 b=3", ["a b", "b"]), "token").copies == 0


def test_wires_apart_are_brought_together_once() -> None:
    gates = ["a b", "c d", "b c", "a d", "a c"]
    for start in itertools.permutations("abcd"):
        axes = " ".join(f"{wire}=2" for wire in start)
        assert plan(Circuit(axes, gates), "feature").copies <= 1


def test_control_wires_have_no_single_product_behind_tokens() -> None:
    circuit = Circuit("a=4 b=3", ["b per a"])
    assert plan_layout(circuit, "token") is None
    assert plan(circuit, "feature").copies == 0


def least_copied(circuit: Circuit, major: Major) -> int:
    """The fewest elements copied between gates, for each token, over all orders at each gate."""
    circuit = split_ranks(circuit)
    names = tuple(axis.name for axis in circuit.inputs)
    costs = dict.fromkeys(itertools.permutations(names) if major == "feature" else [names], 0)
    for gate, stage in zip(circuit.gates, circuit.stages, strict=False):
        per, to, on = ([axis.name for axis in axes] for axes in (gate.per, gate.to, gate.on))
        moved = min(costs.values()) + product(stage)
        found: dict[tuple[str, ...], int] = {}
        for order in itertools.permutations(axis.name for axis in stage):
            start = len(order) - len(on) if major == "token" else len(per)
            if not per and on and major == "feature":
                start = min(map(order.index, on))
            together = set(order[start:][: len(on)]) == set(on)
            if on and not (together and set(order[: len(per)]) == set(per)):
                continue
            cost = min(moved, costs.get(order, moved))
            for new in itertools.permutations(to):
                after = (*order[:start], *new, *order[start + len(on) :]) if on else order
                found[after] = min(cost, found.get(after, cost))
        costs = found
    return min(costs.values())


@given(circuits())
@example(Circuit("a=4 b=4 c=4", ["c -> c=1", "c", "c -> c=100", "a c"]))
def test_no_layout_copies_less(circuit: Circuit) -> None:
    assume(all(len(stage) <= MAX_ORDERED for stage in split_ranks(circuit).stages))
    for major in MAJORS:
        layout = plan_layout(circuit, major)
        if layout:
            moves = [one for one in layout.actions if isinstance(one, Move)]
            assert sum(math.prod(one.sizes) for one in moves) == least_copied(circuit, major)


@given(circuits())
def test_the_products_are_those_of_the_gates(circuit: Circuit) -> None:
    halves = split_ranks(circuit)
    for major in MAJORS:
        layout = plan_layout(circuit, major)
        if layout is None:
            assert major == "token"
            continue
        actions = [action for action in layout.actions if not isinstance(action, Move)]
        assert [action.gate for action in actions] == [gate.name for gate in halves.gates]
        assert count_macs(layout) == circuit.macs_per_token
        for action, gate in zip(actions, halves.gates, strict=True):
            assert sorted(action.order) == list(range(len(gate.shape)))
