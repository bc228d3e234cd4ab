"""What a circuit is: wires, counts, text, data."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from strategies import circuits

from qcircuit_adapt import Axis, Circuit, Gate
from qcircuit_adapt.axes import format_axes
from qcircuit_adapt.declaration import advance

QUANTA = Circuit(
    "a=16 b=8 c=8 d=4", ["c d", "b d", "a d", "b c", "a c", "a b"], name="quanta-16-8-8-4"
)


def test_counts_of_the_paper_s_circuit() -> None:
    assert (QUANTA.d_in, QUANTA.d_out) == (4096, 4096)
    assert QUANTA.parameters == 43_008
    assert QUANTA.macs_per_token == 4096 * (32 + 32 + 64 + 64 + 128 + 128)


def test_text_and_python_form_agree() -> None:
    text = "a=16 b=8 c=8 d=4 | c d, b d, a d, b c, a c, a b"
    assert Circuit.parse(text, name="quanta-16-8-8-4") == QUANTA
    assert QUANTA.text == text


def test_gates_given_as_objects() -> None:
    circuit = Circuit("a=4 b=3", [Gate("a=4 b=3", to="a=2 b", per=(), rank=2), "b per a"])
    assert circuit == Circuit.parse("a=4 b=3 | a b -> a=2 b {rank=2}, b per a")


@pytest.mark.parametrize(
    ("wires", "on", "to", "after"),
    [
        ("a=2 b=3 c=4", "a=2 b=3", "r=5", "r=5 c=4"),
        ("a=2 b=3 c=4", "b=3 a=2", "r=5", "r=5 c=4"),
        ("a=2 c=4 b=3", "b=3 a=2", "r=5", "c=4 r=5"),
        ("a=2 b=3 c=4", "b=3", "x=2 b=6 y=7", "a=2 x=2 b=6 y=7 c=4"),
        ("a=2 b=3 c=4", "a=2 c=4", "c=5 x=2 a=3", "x=2 a=3 b=3 c=5"),
        ("a=2 b=3 c=4", "c=4 a=2", "a=9 c=8", "a=9 b=3 c=8"),
    ],
)
def test_the_order_of_wires(wires: str, on: str, to: str, after: str) -> None:
    circuit = Circuit(wires, [Gate(on, to=to)])
    assert format_axes(circuit.outputs) == after


@given(circuits())
def test_stages_follow_the_gates(circuit: Circuit) -> None:
    assert circuit.stages[0] == circuit.inputs
    for gate, before, after in zip(circuit.gates, circuit.stages, circuit.stages[1:], strict=False):
        assert after == advance(before, gate)
        assert set(gate.on + gate.per) <= set(before)
        assert set(gate.to + gate.per) <= set(after)
        assert len({axis.name for axis in after}) == len(after)
    assert sorted(map(str, circuit.outputs)) == sorted(map(str, circuit.stages[-1]))


@given(circuits())
def test_the_data_of_show(circuit: Circuit) -> None:
    data = json.loads(circuit.to_json())
    assert set(data) == {"name", "axes", "gates", "outputs"}
    assert [(axis["name"], axis["size"]) for axis in data["axes"]] == [
        (axis.name, axis.size) for axis in circuit.inputs
    ]
    assert [Axis(**axis) for axis in data["outputs"]] == list(circuit.outputs)
    for entry, gate in zip(data["gates"], circuit.gates, strict=True):
        sizes = [wire["size"] for part in ("per", "to", "on") for wire in entry[part]]
        assert tuple(sizes) == gate.shape
        assert entry["share"] == gate.share
        assert entry["trainable"] == circuit.trainable(gate)
        assert entry["parameters"] == gate.parameters
    trained = sum(entry["parameters"] for entry in data["gates"] if entry["trainable"])
    assert trained == circuit.parameters


def test_shared_frozen_diagonal_and_ranked_gates_count_what_they_store() -> None:
    circuit = Circuit.parse(
        "a=4 b=4 c=3 | a b, a c {frozen}, b c {rank=2}, per a b, b a {share=g1}, b per c"
    )
    stored = [gate.parameters for gate in circuit.gates]
    assert stored == [256, 144, 2 * (12 + 12), 16, 0, 48]
    assert (circuit.parameters, circuit.frozen_parameters) == (256 + 48 + 16 + 48, 144)
    assert circuit.gate_macs == (48 * 16, 48 * 12, 4 * 48, 48, 48 * 16, 48 * 4)
    assert circuit.owner(circuit.gates[4]) is circuit.gates[0]


def test_circuits_are_frozen_and_hashable() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        QUANTA.name = "other"  # type: ignore[misc]
    assert len({QUANTA, eval(repr(QUANTA))}) == 1


def test_a_control_may_stand_before_or_after_the_arrow() -> None:
    before = Circuit.parse("a=2 b=3 | b per a -> b=4")
    assert before == Circuit.parse("a=2 b=3 | b -> b=4 per a")
    assert before.text == "a=2 b=3 | b -> b=4 per a"


def test_composition_renames_what_is_taken() -> None:
    first = Circuit.parse("a=4 | a -> x=2 y=2 {name=split}", name="first")
    second = Circuit.parse("p=2 x=2 | p x -> a=4 {name=split}, a", name="second")
    chain = first >> second
    assert chain.text == "a=4 | a -> x=2 y=2 {name=split}, x y -> a=4 {name=split_2}, a"
    assert chain.name == "first >> second"
    beside = first | first
    assert beside.text == (
        "a=4 a_2=4 | a -> x=2 y=2 {name=split}, a_2 -> x_2=2 y_2=2 {name=split_2}"
    )


def test_rounds_are_composition() -> None:
    from qcircuit_adapt.families import quanta

    once, twice = quanta((4, 3, 2)), quanta((4, 3, 2), rounds=2)
    assert (once >> once).gates == twice.gates
