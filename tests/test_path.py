"""Contraction paths: as cheap as the cheapest, and made of the right indices."""

from __future__ import annotations

import random
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import circuits

from qcircuit_adapt import Circuit
from qcircuit_adapt.compiler import path as path_module
from qcircuit_adapt.compiler.path import (
    MAX_SEARCHED,
    MAX_SEARCHED_OUTER,
    MAX_SEARCHED_SHARED,
    Network,
    apply_network,
    build_network,
    choose_path,
    contract,
    count_macs,
    draw_path,
    fits,
    is_searchable,
    search_path,
    written_path,
)
from qcircuit_adapt.families import brickwork, butterfly, quanta, tensor_train
from qcircuit_adapt.library import load_circuit, names


def cheapest(network: Network, *, outer: bool, weight: int = 0) -> int:
    """The least cost over all orders, by trying every split of every subset.

    Without outer products, operands that share no index meet only where nothing else is left.
    """
    count = len(network.operands)
    terms = [frozenset(operand.indices) for operand in network.operands]
    output = frozenset(network.output)

    def open_indices(subset: int) -> frozenset[int]:
        inside = frozenset().union(*(terms[n] for n in range(count) if subset >> n & 1))
        outside = output.union(*(terms[n] for n in range(count) if not subset >> n & 1))
        return inside & outside

    best: dict[int, int | None] = {1 << n: 0 for n in range(count)}
    legs = {1 << n: terms[n] for n in range(count)}
    for subset in range(1, 1 << count):
        if subset in best:
            continue
        legs[subset] = open_indices(subset)
        costs = []
        left = (subset - 1) & subset
        while left:
            right = subset ^ left
            if left < right and best[left] is not None and best[right] is not None:
                related = bool(legs[left] & legs[right])
                if outer or related:
                    both = network.size(legs[left] | legs[right])
                    both += weight * network.size(legs[subset])
                    costs.append(best[left] + best[right] + both)
            left = (left - 1) & subset
        best[subset] = min(costs, default=None)
    total = best[(1 << count) - 1]
    assert total is not None
    return total


def connected(network: Network) -> bool:
    """Whether all operands hang together by shared indices."""
    groups = [set(operand.indices) for operand in network.operands]
    merged = groups.pop() if groups else set()
    while touching := [group for group in groups if group & merged]:
        merged |= set().union(*touching)
        groups = [group for group in groups if not group & merged]
    return not groups


@settings(max_examples=150)
@given(circuits(max_gates=5), st.sampled_from([0, 28, 184]))
def test_the_search_finds_the_cheapest_path(circuit: Circuit, weight: int) -> None:
    for network in (apply_network(circuit, tokens=7), build_network(circuit)):
        if len(network.operands) <= MAX_SEARCHED_OUTER:
            found = count_macs(network, search_path(network, weight=weight), weight=weight)
            assert found == cheapest(network, outer=True, weight=weight)


@pytest.mark.parametrize(
    "circuit",
    [quanta((4, 3, 2, 2, 2)), brickwork((2, 3, 2, 3), layers=6), tensor_train((2,) * 9, rank=3)],
)
def test_larger_searches_leave_out_outer_products_alone(circuit: Circuit) -> None:
    for network in (apply_network(circuit, tokens=7), build_network(circuit)):
        assert len(network.operands) > MAX_SEARCHED_OUTER
        found = count_macs(network, search_path(network))
        assert found == cheapest(network, outer=False)


@pytest.mark.parametrize("weight", [0, 184])
@pytest.mark.parametrize("name", names())
def test_shipped_circuits_take_the_cheapest_path(name: str, weight: int) -> None:
    circuit = load_circuit(name)
    for network in (apply_network(circuit, tokens=2048), build_network(circuit)):
        outer = len(network.operands) <= MAX_SEARCHED_OUTER
        path = choose_path(network, max_letters=52, weight=weight)
        assert path is not None
        found = count_macs(network, path, weight=weight)
        assert found == cheapest(network, outer=outer, weight=weight)


@given(circuits())
def test_a_path_leaves_the_output(circuit: Circuit) -> None:
    for network in (apply_network(circuit, tokens=7), build_network(circuit)):
        paths = [written_path(network)]
        paths += [search_path(network)] if is_searchable(network) else []
        for path in paths:
            assert len(path) == len(network.operands) - 1
            used = sorted(position for pair in path for position in pair)
            assert used == list(range(max(0, 2 * len(path))))
            if path:
                *_, last = contract(network, path)
                assert last.kept == frozenset(network.output)


@given(circuits())
def test_the_written_path_costs_what_the_circuit_says(circuit: Circuit) -> None:
    network = apply_network(circuit, tokens=7)
    assert count_macs(network, written_path(network)) == 7 * circuit.macs_per_token


@given(circuits())
def test_a_matrix_has_each_index_once(circuit: Circuit) -> None:
    network = build_network(circuit)
    assert len(set(network.output)) == len(network.output)
    sizes = [axis.size for axis in circuit.outputs + circuit.inputs]
    assert [network.axes[index].size for index in network.output] == sizes


@pytest.mark.parametrize(
    ("circuit", "macs"),
    [
        (Circuit("a=8 b=8 c=8", ["per a"] * 4), (10 * 512 + 3 * 8, 3 * 8 + 8 * 8 + 8**4 + 8**6)),
        (Circuit("a=8 b=8 c=8", ["per a"] * 9), (10 * 512 + 8 * 8, 8 * 8 + 8 * 8 + 8**4 + 8**6)),
        (quanta((16, 8, 8, 4)), (18_350_080, 1_426_063_360)),
    ],
)
def test_known_costs(circuit: Circuit, macs: tuple[int, int]) -> None:
    for network, expected in zip(
        (apply_network(circuit, tokens=10), build_network(circuit)), macs, strict=True
    ):
        assert count_macs(network, search_path(network)) == expected


@pytest.mark.parametrize("outer", [0, MAX_SEARCHED_OUTER])
def test_parts_without_common_wires_are_joined_last(
    outer: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(path_module, "MAX_SEARCHED_OUTER", outer)
    search_path.cache_clear()
    network = build_network(Circuit("a=2 b=3 c=4", ["a", "b", "a"]))
    assert not connected(network)
    # a twice (8), the cheapest outer product (4 x 9), and c's identity (36 x 16).
    assert count_macs(network, search_path(network)) == 8 + 36 + 576


def test_gates_on_different_wires_may_be_multiplied_first() -> None:
    network = apply_network(Circuit("a=5 b=3", ["per a", "per b"]), tokens=100)
    assert count_macs(network, written_path(network)) == 2 * 1500
    assert count_macs(network, search_path(network)) == 15 + 1500


def test_choice_prefers_the_written_path_where_it_is_as_cheap() -> None:
    network = apply_network(quanta((16, 8, 8, 4)), tokens=2048)
    assert choose_path(network, max_letters=52) == written_path(network)
    network = build_network(quanta((16, 8, 8, 4)))
    assert choose_path(network, max_letters=52) == search_path(network)


def test_large_networks_are_drawn_for(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = apply_network(brickwork((2,) * 6, layers=7), tokens=4)
    shared = apply_network(butterfly((2,) * 11), tokens=4)
    for network, limit in ((plain, MAX_SEARCHED), (shared, MAX_SEARCHED_SHARED)):
        assert len(network.operands) > limit
        assert not is_searchable(network)
        with monkeypatch.context() as patch:
            patch.setattr(path_module, "search_path", pytest.fail)
            assert choose_path(network, max_letters=52)


LARGE = [
    brickwork((2, 3, 2, 3), layers=20),
    quanta((4, 3, 2, 2), rounds=6),
    butterfly((2,) * 11),
    Circuit("a=2 b=3 c=2", ["b per a", "c a", "per b", "a b -> a=2 b=3", "b {rank=2}"] * 8),
    Circuit("a=2 b=2 c=2 d=2", ["a b", "c d"] * 20),
]


@pytest.mark.parametrize("circuit", LARGE, ids=lambda circuit: circuit.name)
@pytest.mark.parametrize("tokens", [1, 7, 2048])
def test_a_drawn_path_is_never_dearer_than_the_written_one(circuit: Circuit, tokens: int) -> None:
    for network in (apply_network(circuit, tokens=tokens), build_network(circuit)):
        assert not is_searchable(network)
        path = choose_path(network, max_letters=52)
        assert path
        *_, last = contract(network, path)
        assert last.kept == frozenset(network.output)
        assert count_macs(network, path) <= count_macs(network, written_path(network))
        heavy = choose_path(network, max_letters=52, weight=184)
        assert heavy
        written = count_macs(network, written_path(network), weight=184)
        assert count_macs(network, heavy, weight=184) <= written


@pytest.mark.parametrize(
    ("network", "share"),
    [
        (build_network(brickwork((2,) * 12, layers=6)), 0.3),
        (build_network(quanta((4, 3, 2, 2), rounds=6)), 0.86),
        (apply_network(quanta((4, 3, 2, 2), rounds=6), tokens=2048), 0.6),
    ],
    ids=["brickwork", "quanta", "applied"],
)
def test_many_gates_are_contracted_for_less(network: Network, share: float) -> None:
    path = choose_path(network, max_letters=52)
    assert path
    assert count_macs(network, path) < share * count_macs(network, written_path(network))


def test_paths_are_drawn_alike_every_time() -> None:
    network = build_network(brickwork((2, 3, 2, 3), layers=20))
    state = random.getstate()
    first = draw_path(network, max_letters=52)
    assert random.getstate() == state
    random.seed(5)
    draw_path.cache_clear()
    assert draw_path(network, max_letters=52) == first
    random.setstate(state)


def test_drawn_paths_keep_to_the_letters() -> None:
    network = build_network(brickwork((2,) * 6, layers=9))
    written = written_path(network)
    most = max(len(one.indices) for one in contract(network, written))
    for letters in (5, most - 1, most, 52):
        path = choose_path(network, max_letters=letters)
        assert path is None or fits(network, path, max_letters=letters)
        assert (path is None) <= (letters < most)


class TestWithAndWithoutCotengra:
    networks = (
        build_network(quanta((4,) * 7)),
        apply_network(quanta((4, 3, 2, 2), rounds=6), tokens=2048),
    )

    @pytest.mark.parametrize("network", networks, ids=["build", "apply"])
    def test_it_improves_what_was_drawn(
        self, network: Network, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pytest.importorskip("cotengra")
        draw_path.cache_clear()
        better = draw_path(network, max_letters=52)
        state = random.getstate()
        draw_path.cache_clear()
        assert draw_path(network, max_letters=52) == better
        assert random.getstate() == state
        monkeypatch.setitem(sys.modules, "cotengra", None)
        draw_path.cache_clear()
        drawn = draw_path(network, max_letters=52)
        assert drawn
        assert better
        assert count_macs(network, better) < 0.5 * count_macs(network, drawn)
        draw_path.cache_clear()

    def test_it_is_not_needed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "cotengra", None)
        draw_path.cache_clear()
        assert choose_path(self.networks[0], max_letters=52)
        draw_path.cache_clear()


def test_a_step_with_too_many_letters_is_no_choice() -> None:
    network = apply_network(Circuit("a=2 b=2", ["a b"]), tokens=2)
    assert choose_path(network, max_letters=4) is None
    assert choose_path(network, max_letters=5) == ((0, 1),)
