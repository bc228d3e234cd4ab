"""The same circuit, written in another way, is found; another circuit is not."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import circuits, tensors_for

from qcircuit_adapt import Axis, Circuit, Gate, families, reference
from qcircuit_adapt.analysis.relation.canonical import canonical_text, find_renaming
from qcircuit_adapt.analysis.relation.renaming import Moved, Renaming
from qcircuit_adapt.analysis.relation.wiring import Wiring, trace_wires
from qcircuit_adapt.errors import CertificateError

SEEDS = st.integers(0, 2**16)


def rewrite(circuit: Circuit, rng: random.Random, *, up_to_axes: bool = False) -> Circuit:
    """Write a circuit with gates in another order, and other names and orders of wires."""
    wiring = trace_wires(circuit)
    names = {
        piece: f"v{n}" for n, piece in enumerate(rng.sample([*wiring.sizes], len(wiring.sizes)))
    }
    uses = [circuit.owner(gate).name for gate in circuit.gates]
    orders = {
        name: tuple(rng.sample(range(len(part)), len(part)) for part in wiring.gates[name])
        for name in wiring.gates
    }

    def shuffle(pieces: Sequence[str], order: list[int]) -> list[Axis]:
        return [Axis(names[pieces[n]], wiring.sizes[pieces[n]]) for n in order]

    written: dict[str, str] = {}
    gates = []
    for number, gate in enumerate(order_gates(circuit, wiring, rng)):
        owner = circuit.owner(gate)
        per, to, on = map(shuffle, wiring.gates[gate.name], orders[owner.name])
        first = written.setdefault(owner.name, f"n{number}")
        options = {"name": f"n{number}"}
        if uses.count(owner.name) > 1 and first != f"n{number}":
            options["share"] = first
        else:
            options |= {"rank": owner.rank, "init": owner.init, "frozen": owner.frozen}
        gates.append(Gate(on, to=to, per=per, **options))
    ends = [
        rng.sample(pieces, len(pieces)) if up_to_axes else pieces
        for pieces in (wiring.inputs, wiring.outputs)
    ]
    inputs = [Axis(names[piece], wiring.sizes[piece]) for piece in ends[0]]
    return Circuit(inputs, gates, outputs=[names[piece] for piece in ends[1]])


def order_gates(circuit: Circuit, wiring: Wiring, rng: random.Random) -> list[Gate]:
    """A random order in which gates follow those they wait for."""
    users = {
        piece: [name for name, (per, _, _) in wiring.gates.items() if piece in per]
        for piece in wiring.sizes
    }
    waits = {
        name: {wiring.giver(piece) for piece in per + on} | {n for p in on for n in users[p]}
        for name, (per, _, on) in wiring.gates.items()
    }
    left, ordered, done = list(circuit.gates), [], {"<in>"}
    while left:
        gate = rng.choice([gate for gate in left if waits[gate.name] <= done])
        left.remove(gate)
        ordered.append(gate)
        done.add(gate.name)
    return ordered


@given(circuits(max_gates=6), SEEDS, st.booleans())
def test_the_same_circuit_is_found(circuit: Circuit, seed: int, up_to_axes: bool) -> None:
    other = rewrite(circuit, random.Random(seed), up_to_axes=up_to_axes)
    renaming = find_renaming(circuit, other, up_to_axes=up_to_axes)
    assert renaming is not None
    renaming.check()
    tensors = tensors_for(circuit, np.random.default_rng(seed), low=2)
    expected = renaming.permute(reference.matrix(circuit, tensors))
    np.testing.assert_array_equal(reference.matrix(other, renaming.tensors(tensors)), expected)
    if renaming.keeps_axes:
        np.testing.assert_array_equal(expected, reference.matrix(circuit, tensors))
    texts = {canonical_text(each, up_to_axes=up_to_axes) for each in (circuit, other)}
    assert len(texts) == 1


@given(circuits(max_gates=6))
def test_the_text_is_a_way_to_write_the_circuit(circuit: Circuit) -> None:
    written = Circuit.parse(canonical_text(circuit))
    assert find_renaming(circuit, written) is not None
    assert canonical_text(written) == written.text


@given(circuits(max_gates=4, max_axes=3, max_width=24), st.data(), SEEDS)
def test_circuits_that_differ_are_told_apart(c: Circuit, data: st.DataObject, seed: int) -> None:
    """With as many tensors of each shape, a map that exists would make the matrices the same."""
    d = data.draw(circuits(max_gates=4, inputs=c.inputs, max_width=24))
    renaming = find_renaming(c, d)
    assert (renaming is None) == (canonical_text(c) != canonical_text(d))
    if renaming is not None:
        tensors = tensors_for(c, np.random.default_rng(seed), low=2)
        np.testing.assert_array_equal(
            reference.matrix(d, renaming.tensors(tensors)), reference.matrix(c, tensors)
        )


DIFFERENT = [
    ("a=2 b=2 | a, a b", "a=2 b=2 | b, a b"),
    ("a=2 b=2 | a, a b", "a=2 b=2 | a b, a"),
    ("a=2 b=2 c=2 | a b, b c", "a=2 b=2 c=2 | b c, a b"),
    ("a=2 b=2 | a", "a=2 b=2 | a, -> b a"),
    ("a=4 | a {rank=2}", "a=4 | a {rank=3}"),
    ("a=4 | a {rank=2}", "a=4 | a"),
    ("a=4 | a {frozen}", "a=4 | a"),
    ("a=4 | a {init=zero}", "a=4 | a"),
    ("a=4 | a, a {share=g1}", "a=4 | a, a"),
    ("a=4 b=4 | a, b, a {share=g1}, b {share=g2}", "a=4 b=4 | a, b, a {share=g2}, b {share=g1}"),
    (
        "a=4 b=4 | a b, b a {share=g1}, a b {share=g1}",
        "a=4 b=4 | a b, a b {share=g1}, a b {share=g1}",
    ),
    ("a=4 b=4 | a per b", "a=4 b=4 | b per a"),
    ("a=4 b=4 | a per b", "a=4 b=4 | a b"),
    ("a=4 b=4 | a per b, b", "a=4 b=4 | b, a per b"),
    ("a=4 | a -> x=2", "a=4 | a -> x=3"),
    ("a=4 b=1 | a", "a=4 b=1 | a b"),
    ("a=2 b=3 | a b", "a=3 b=2 | a b"),
    ("a=2 b=2 |", "a=2 b=2 | a"),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different(one: str, other: str) -> None:
    here, there = Circuit.parse(one), Circuit.parse(other)
    assert find_renaming(here, there) is None
    assert canonical_text(here) != canonical_text(there)


SAME = [
    ("a=2 b=2 c=2 | a b, c", "a=2 b=2 c=2 | c, b a"),
    ("a=2 b=2 c=2 | a per b, c per b", "a=2 b=2 c=2 | c per b, a per b"),
    ("a=2 b=2 | a -> r=2, b, r -> a=2, -> a b", "a=2 b=2 | b, a, a"),
    ("a=4 b=4 | a b, b a {share=g1}", "a=4 b=4 | b a, a b {share=g1}"),
    ("a=4 b=4 | a b, b a {share=g1}", "a=4 b=4 | a b, a b {share=g1}"),
    ("a=4 b=4 | a b", "a=4 b=4 | a b, -> b a"),
    ("a=4 b=4 | a, b {share=g1}", "a=4 b=4 | b, a {share=g1}"),
    ("a=4 b=4 | a {share=g2}, b", "a=4 b=4 | b, a {share=g1}"),
    ("a=2 b=2 | a b -> b a", "a=2 b=2 | a b -> x=2 y=2"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_same(one: str, other: str) -> None:
    renaming = find_renaming(Circuit.parse(one), Circuit.parse(other))
    assert renaming is not None
    renaming.check()


def test_axes_may_be_reordered_on_request() -> None:
    one, other = Circuit.parse("a=4 b=4 c=4 | b c, a b"), Circuit.parse("a=4 b=4 c=4 | a b, b c")
    assert find_renaming(one, other) is None
    renaming = find_renaming(one, other, up_to_axes=True)
    assert renaming is not None
    assert not renaming.keeps_axes
    assert str(renaming) == (
        "both give the same T, up to the order of its input and output axes, once gates and wires "
        "are renamed."
    )


def test_symmetries_are_many_and_cost_little() -> None:
    """12 wires that nothing tells apart, in the one circuit, and two rings of them in another."""
    wires = [f"v{n}" for n in range(12)]
    start = "s=1 | s -> " + " ".join(f"{wire}=2" for wire in wires)
    star = Circuit.parse(f"{start}, {' '.join(wires)} -> s=1")
    assert find_renaming(star, rewrite(star, random.Random(0))) is not None

    def rings(*lengths: int) -> Circuit:
        gates, first = [], 0
        for length in lengths:
            ring = wires[first : first + length]
            gates += [
                f"per {one} {two}" for one, two in zip(ring, ring[1:] + ring[:1], strict=True)
            ]
            first += length
        return Circuit.parse(", ".join([start, *gates, f"{' '.join(wires)} -> s=1"]))

    kinds = [rings(12), rings(6, 6), rings(8, 4), rings(5, 4, 3), rings(4, 4, 4)]
    texts = [
        {canonical_text(rewrite(kind, random.Random(seed))) for seed in range(4)} for kind in kinds
    ]
    assert [len(each) for each in texts] == [1] * len(kinds)
    assert len(set.union(*texts)) == len(kinds)


@pytest.mark.parametrize(
    ("circuit", "text"),
    [
        (families.lora(64, 32, rank=4), "a=64 | a -> b=4, b -> c=32"),
        (families.monarch((4, 4)), "a=4 b=4 | b per a, a per b"),
        (Circuit.parse("x=2 y=3 | y {frozen init=identity}, x {rank=1}"),
         "a=2 b=3 | a {rank=1}, b {init=identity frozen}"),
        (Circuit.parse("a=2 b=2 | -> b a"), "a=2 b=2 | -> b a"),
    ],
)  # fmt: skip
def test_texts(circuit: Circuit, text: str) -> None:
    assert canonical_text(circuit) == text


def example() -> Renaming:
    one = Circuit.parse("a=2 b=2 c=3 | a b, c {rank=1}, b {share=g4}, a")
    found = find_renaming(one, rewrite(one, random.Random(3)))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda r: {"gates": r.gates[1:]}, "not every gate has exactly one twin."),
        (lambda r: {"wires": r.wires[1:]}, "not every wire has exactly one twin."),
        (lambda r: {"inputs": (1, 0, 2)},
         "the tensors or the axes go elsewhere than the wires say."),
        (lambda r: {"moves": (Moved("g1", "g1", (0, 1, 2, 3)), *r.moves[1:])},
         "the tensors or the axes go elsewhere than the wires say."),
        (lambda r: {"other": r.one}, "not every gate has exactly one twin."),
    ],
)  # fmt: skip
def test_a_tampered_renaming_is_refused(change: object, problem: str) -> None:
    renaming = example()
    renaming.check()
    with pytest.raises(CertificateError) as error:
        replace(renaming, **change(renaming)).check()  # type: ignore[operator]
    assert str(error.value) == problem


def swap(pairs: tuple[tuple[str, str], ...], one: str, two: str) -> tuple[tuple[str, str], ...]:
    twins = dict(pairs)
    twins[one], twins[two] = twins[two], twins[one]
    return tuple(twins.items())


@pytest.mark.parametrize(
    ("text", "kind", "pair", "problem"),
    [
        ("a=2 b=3 | a, b", "wires", ("g1:a", "g2:b"), "g1:a and g2:b differ in size."),
        ("a=2 b=2 | a, b", "gates", ("g1", "g2"), "'g1' and 'g2' act on different wires."),
        ("a=2 b=2 | a, b {rank=1}", "gates", ("g1", "g2"),
         "'g1' and 'g2' differ in their options."),
    ],
)  # fmt: skip
def test_a_wrong_map_is_refused(text: str, kind: str, pair: tuple[str, str], problem: str) -> None:
    circuit = Circuit.parse(text)
    renaming = find_renaming(circuit, circuit)
    with pytest.raises(CertificateError) as error:
        replace(renaming, **{kind: swap(getattr(renaming, kind), *pair)}).check()
    assert str(error.value) == problem


def test_a_sharing_that_differs_is_refused() -> None:
    apart, shared = Circuit.parse("a=2 | a, a"), Circuit.parse("a=2 | a, a {share=g1}")
    renaming = find_renaming(apart, apart)
    for changes, problem in (
        ({"one": shared}, "'g2' does not share its tensor as its twin does."),
        ({"other": shared}, "two tensors are one in the other circuit."),
    ):
        with pytest.raises(CertificateError) as error:
            replace(renaming, **changes).check()
        assert str(error.value) == problem
