"""Plans: cached, printed with their costs, and plain data."""

from __future__ import annotations

import json
import pickle

import pytest
from hypothesis import given
from strategies import circuits

from qcircuit_adapt import Circuit, Plan, compile
from qcircuit_adapt.errors import LimitError, SizeError
from qcircuit_adapt.families import brickwork, quanta


def test_one_plan_serves_all_layers_of_a_shape() -> None:
    first = compile(quanta((16, 8, 8, 4)), tokens=512)
    assert compile(quanta((16, 8, 8, 4)), tokens=512) is first
    assert compile(quanta((16, 8, 8, 4)), tokens=513) is not first


def test_a_plan_prints_its_steps_and_costs() -> None:
    circuit = Circuit("a=4 b=2", ["a b", "b -> b=3"], name="small")
    assert str(compile(circuit, tokens=10)).splitlines() == [
        "plan of circuit 'small' for 10 tokens",
        "",
        "apply: x (..., 8) -> (..., 12)",
        "  step   operands  einsum             MACs  elements  saves",
        "  t1     x g1      ...ab,ABab->...AB   640        80",
        "  t2     t1 g2     ...ab,Bb->...aB     240       120  t1",
        "  total                                880       200",
        "  per token: 88 MACs, 91.7% of a dense layer's 96",
        "  saved for backward: 8 elements per token beyond x and the gates",
        "",
        "build: gates -> T (12, 8)",
        "  step   operands  einsum         MACs  elements  saves",
        "  t1     g1 g2     ABab,cB->Acab   192        96",
        "  total                            192        96",
    ]


def test_a_slow_circuit_is_said_to_be_slow() -> None:
    slow = compile(Circuit("a=4 b=4", ["a b", "a b"]), tokens=3)
    assert slow.share_of_dense == 2
    assert "  slower than the dense layer: 2.00 times its MACs" in str(slow).splitlines()
    assert "slower" not in str(compile(quanta((16, 8, 8, 4))))


def test_real_costs_are_printed() -> None:
    text = str(compile(quanta((16, 8, 8, 4))))
    assert "  per token: 1,835,008 MACs, 10.9% of a dense layer's 16,777,216\n" in text
    assert "  saved for backward: 20,480 elements per token beyond x and the gates\n" in text


def test_costs_per_token_are_rounded_up() -> None:
    # Both gates are multiplied once for all three tokens: 8 MACs, then 3 x 4.
    plan = compile(Circuit("a=2", ["a", "a"]), tokens=3)
    assert (plan.apply.macs, plan.macs_per_token) == (20, 7)


@given(circuits())
def test_a_plan_is_plain_data(circuit: Circuit) -> None:
    plan = compile(circuit, tokens=3)
    data = json.loads(json.dumps(plan.to_dict()))
    assert data == plan.to_dict()
    for name, program in (("apply", plan.apply), ("build", plan.build)):
        assert data[name]["macs"] == sum(step["macs"] for step in data[name]["steps"])
        assert data[name]["macs"] == program.macs
    copy = pickle.loads(pickle.dumps(plan))
    assert isinstance(copy, Plan)
    assert copy == plan


@pytest.mark.parametrize("tokens", [0, -1, 2.0, True, "8"])
def test_tokens_are_whole_numbers(tokens: object) -> None:
    with pytest.raises(SizeError) as caught:
        compile(quanta((4, 2)), tokens=tokens)  # type: ignore[arg-type]
    assert str(caught.value) == f"tokens is {tokens!r}; it must be a whole number, 1 or more."


def test_wires_of_size_1_may_be_too_many_for_einsum() -> None:
    names = [f"w{n}" for n in range(24)]
    gates = [" ".join(names)] * 2
    circuit = Circuit(" ".join(f"{name}=1" for name in names), gates, name="wide")
    with pytest.raises(LimitError) as caught:
        compile(circuit)
    assert str(caught.value).splitlines() == [
        "circuit 'wide' needs a step on more than 52 wires, too many for einsum.",
        "  Merge some of the axes.",
    ]


def test_many_qubits_are_planned() -> None:
    plan = compile(brickwork((2,) * 14, layers=2))
    assert plan.macs_per_token <= plan.circuit.macs_per_token
