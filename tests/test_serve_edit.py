"""Edits by pointing: on any circuit they give a circuit that differs in the gate that was meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import circuits

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import CircuitError, GateError, WireError
from qcircuit_adapt.gate import Gate
from qcircuit_adapt.serve.edit import add_gate, move_gate, place_gate, remove_gate

THREE = Circuit.parse("a=2 b=2 c=2 | a b, b c {name=mid}, a c {share=g1}")


def shapes(gates: tuple[Gate, ...]) -> list[object]:
    """What gates are, names aside."""
    return [(gate.on, gate.to, gate.per, gate.rank, gate.init, gate.frozen) for gate in gates]


@given(circuits(max_gates=5), st.data())
def test_a_gate_is_added_where_it_was_asked_for(circuit: Circuit, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(circuit.gates)))
    wires = data.draw(st.permutations([axis.name for axis in circuit.stages[position]]))[:2]
    edited = add_gate(circuit, wires, position=position)
    assert [axis.name for axis in edited.gates[position].on] == wires
    rest = (*edited.gates[:position], *edited.gates[position + 1 :])
    assert shapes(rest) == shapes(circuit.gates)
    assert edited.outputs == circuit.outputs
    assert remove_gate(edited, edited.gates[position].name) == circuit


@given(circuits(max_gates=5))
def test_gates_that_share_a_tensor_still_do_when_others_come_before(circuit: Circuit) -> None:
    edited = add_gate(circuit, [circuit.inputs[0].name], position=0)
    pairs = zip(circuit.gates, edited.gates[1:], strict=True)
    for old, new in pairs:
        owner, follower = circuit.owner(old), edited.owner(new)
        assert edited.gates.index(follower) == circuit.gates.index(owner) + 1


@given(circuits(max_gates=5), st.data())
def test_removing_keeps_the_tensors_of_the_others(circuit: Circuit, data: st.DataObject) -> None:
    if not circuit.gates:
        return
    gone = data.draw(st.sampled_from(circuit.gates))
    try:
        edited = remove_gate(circuit, gone.name)
    except CircuitError:
        return  # later gates need its wires
    kept = [gate for gate in circuit.gates if gate is not gone]
    assert [(g.on, g.to, g.per) for g in edited.gates] == [(g.on, g.to, g.per) for g in kept]
    for old, new in zip(kept, edited.gates, strict=True):
        one, other = circuit.owner(old), edited.owner(new)
        assert (one.rank, one.init, one.frozen) == (other.rank, other.init, other.frozen)


@given(circuits(max_gates=5), st.data())
def test_moving_there_and_back_keeps_the_order_of_what_shares_wires(
    circuit: Circuit, data: st.DataObject
) -> None:
    if not circuit.gates:
        return
    gate = data.draw(st.sampled_from(circuit.gates))
    earlier = data.draw(st.booleans())
    try:
        edited = move_gate(circuit, gate.name, earlier=earlier)
    except CircuitError:
        return
    assert sorted(map(repr, shapes(edited.gates))) == sorted(map(repr, shapes(circuit.gates)))
    assert edited != circuit or shapes(edited.gates) == shapes(circuit.gates)


@pytest.mark.parametrize(
    ("edited", "text"),
    [
        (
            add_gate(THREE, ["c"], position=0),
            "a=2 b=2 c=2 | c, a b, b c {name=mid}, a c {share=g2}",
        ),
        (
            add_gate(THREE, ["b", "a"], position=3),
            "a=2 b=2 c=2 | a b, b c {name=mid}, a c {share=g1}, b a",
        ),
        (remove_gate(THREE, "mid"), "a=2 b=2 c=2 | a b, a c {share=g1}"),
        (remove_gate(THREE, "g1"), "a=2 b=2 c=2 | b c {name=mid}, a c"),
        (
            move_gate(THREE, "g3", earlier=True),
            "a=2 b=2 c=2 | a b, a c {share=g1}, b c {name=mid}",
        ),
        (
            move_gate(THREE, "g1", earlier=False),
            "a=2 b=2 c=2 | b c {name=mid}, a b, a c {share=g2}",
        ),
        (
            place_gate(THREE, "mid", ["a", "b"], position=3),
            "a=2 b=2 c=2 | a b, a c {share=g1}, a b {name=mid}",
        ),
        (
            place_gate(THREE, "g3", ["b", "c"], position=0),
            "a=2 b=2 c=2 | b c {share=g2}, a b, b c {name=mid}",
        ),
        (
            remove_gate(
                Circuit.parse("a=2 b=2 | a b {rank=1}, b a {share=g1}, a b {share=g1}"), "g1"
            ),
            "a=2 b=2 | b a {rank=1}, a b {share=g1}",
        ),
        (
            add_gate(Circuit.parse("a=2 b=2 | a, -> b a"), ["b"], position=1),
            "a=2 b=2 | a, b, -> b a",
        ),
        (
            remove_gate(Circuit.parse("a=2 b=2 | a -> c=2, -> b c"), "g1"),
            "a=2 b=2 |",
        ),
        (
            add_gate(Circuit.parse("a=2 b=2 | a, b {name=g3}"), ["a"], position=2),
            "a=2 b=2 | a, b {name=g3}, a {name=g3_}",
        ),
    ],
)
def test_edits_read_like_what_one_would_write(edited: Circuit, text: str) -> None:
    assert edited.text == text


@pytest.mark.parametrize(
    ("edit", "kind", "text"),
    [
        (
            lambda: remove_gate(THREE, "g9"),
            GateError,
            "there is no gate 'g9'.\n  Did you mean 'g3' or 'g1'?",
        ),
        (
            lambda: add_gate(THREE, ["z"], position=1),
            WireError,
            "wire 'z' is not there after 1 gates.\n  The wires are 'a', 'b', 'c'.",
        ),
        (
            lambda: move_gate(THREE, "g1", earlier=True),
            GateError,
            "no gate before 'g1' shares a wire with it, so it moves past none.",
        ),
        (
            lambda: move_gate(THREE, "g3", earlier=False),
            GateError,
            "no gate after 'g3' shares a wire with it, so it moves past none.",
        ),
        (
            lambda: place_gate(Circuit.parse("a=2 b=2 | a -> c=3"), "g1", ["b"], position=0),
            GateError,
            "gate 'g1' changes sizes or has control wires.\n  Write it anew in the text.",
        ),
        (
            lambda: remove_gate(Circuit.parse("a=2 b=2 | a -> c=3, c b"), "g1"),
            WireError,
            "gate 'g1' acts on wire 'c', which is not there.\n"
            "  in the circuit, gate 1 of 1:  c=3 b=2 {name=g1}\n"
            "                                ^^^\n"
            "  The wires are 'a', 'b'.",
        ),
    ],
)
def test_what_cannot_be_done_is_said(edit: object, kind: type[CircuitError], text: str) -> None:
    assert callable(edit)
    with pytest.raises(kind) as caught:
        edit()
    assert str(caught.value) == text
