"""Plans: made once, printed with their costs, plain data and back."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import circuits

from qcircuit_adapt import Circuit, Plan, compile
from qcircuit_adapt.compiler import path as path_module
from qcircuit_adapt.compiler import plan as plan_module
from qcircuit_adapt.compiler.layout import plan_layout
from qcircuit_adapt.compiler.lower import lower
from qcircuit_adapt.compiler.path import build_network, draw_path, search_path, written_path
from qcircuit_adapt.errors import CircuitError, FileError, GateError, LimitError, SizeError
from qcircuit_adapt.families import brickwork, quanta


def test_one_plan_serves_all_layers_of_a_shape() -> None:
    first = compile(quanta((16, 8, 8, 4)), tokens=512)
    assert compile(quanta((16, 8, 8, 4)), tokens=512) is first
    assert compile(quanta((16, 8, 8, 4)), tokens=513) is not first


def count_calls(monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str) -> list[str]:
    """Make a function of a module add to a list at every call."""
    calls: list[str] = []
    function = getattr(module, name)

    def counted(*args: object, **options: object) -> object:
        calls.append(name)
        return function(*args, **options)

    monkeypatch.setattr(module, name, counted)
    return calls


@pytest.fixture
def forgotten() -> None:
    """Forget all plans, paths and layouts."""
    for cached in (plan_module._compile, plan_module._program, search_path, draw_path, plan_layout):
        cached.cache_clear()


@pytest.mark.usefixtures("forgotten")
def test_strategies_are_priced_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    prices = count_calls(monkeypatch, plan_module, "list_candidates")
    plan = compile(quanta((4, 3, 2)))
    other = pickle.loads(pickle.dumps(plan))
    assert (plan.strategy, bool(str(plan)), len(prices)) == ("einsum", True, 0)
    assert {"einsum"} < {one.strategy for one in plan.candidates + plan.candidates}
    assert len(prices) == 1
    assert (plan, hash(plan)) == (other, hash(other))
    assert compile(quanta((4, 3, 2)), strategy="auto") != plan
    assert len(prices) == 2


@pytest.mark.usefixtures("forgotten")
def test_one_search_serves_all_tokens_up_to_a_power_of_two(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    searches = count_calls(monkeypatch, path_module, "DynamicProgramming")
    circuit = quanta((16, 8, 8, 4))
    for tokens in (1025, 1500, 2047, 2048):
        plan = compile(circuit, tokens=tokens)
        assert plan.apply.macs == tokens * circuit.macs_per_token
    assert len(searches) == 2  # one to apply, one to build
    compile(Circuit.parse(circuit.text, name="other"), tokens=1100, dtype="bf16")
    assert len(searches) == 2
    compile(circuit, tokens=1024)
    assert len(searches) == 3


@pytest.mark.usefixtures("forgotten")
def test_five_axes_are_searched_once_for_64_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    searches = count_calls(monkeypatch, path_module, "DynamicProgramming")
    plans = {id(compile(quanta((8, 8, 4, 4, 4)), strategy="auto")) for _ in range(64)}
    assert len(plans) == 1
    assert len(searches) == 2  # one to apply, one to build
    assert plan_layout.cache_info().misses == 2  # one for each place of the tokens


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


def test_what_may_be_kept_is_a_matter_of_the_choice() -> None:
    with pytest.raises(GateError) as caught:
        compile(quanta((4, 2)), strategy="feature-save-x", max_saved_rows=0.5)
    assert str(caught.value).splitlines() == [
        "max_saved_rows is 0.5, but strategy 'feature-save-x' was asked for, whatever it keeps.",
        "  Leave out max_saved_rows, or ask for strategy 'auto'.",
    ]
    with pytest.raises(SizeError) as caught_size:
        compile(quanta((4, 2)), strategy="auto", max_saved_rows="0.5")  # type: ignore[arg-type]
    assert str(caught_size.value) == "max_saved_rows is '0.5'; it must be a number."


REQUESTS = st.fixed_dictionaries(
    {
        "tokens": st.integers(1, 9),
        "dtype": st.sampled_from(["float32", "bf16"]),
        "device": st.sampled_from(["cpu", "cuda"]),
        "strategy": st.sampled_from(["einsum", "auto"]),
    }
)


@given(circuits(), REQUESTS)
def test_a_plan_read_back_is_equal(circuit: Circuit, request: dict[str, Any]) -> None:
    plan = compile(circuit, **request)
    again = Plan.from_dict(json.loads(json.dumps(plan.to_dict())))
    assert again == plan
    assert again.candidates == plan.candidates
    assert again.to_dict() == plan.to_dict()


def test_a_plan_keeps_its_own_steps_and_its_limit() -> None:
    circuit = quanta((16, 8, 8, 4))
    plan = compile(circuit, strategy="auto", max_saved_rows=0.001)
    network = build_network(circuit)
    slow = replace(plan, build=lower(network, written_path(network), circuit=circuit))
    assert slow != plan
    assert Plan.from_dict(slow.to_dict()) == slow
    assert Plan.from_dict(plan.to_dict()).strategy == "feature-save-x"


def places(data: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every key and every position in nested data."""
    if isinstance(data, dict | list):
        for key in data if isinstance(data, dict) else range(len(data)):
            yield (*place, key)
            yield from places(data[key], (*place, key))


def altered(value: Any) -> Any:
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return value + "x"
        case None:
            return 1
        case _:
            return None


# A plan for a circuit of another name is a plan.
FREE = {("circuit", "name")}


@given(circuits(max_gates=3), st.data())
def test_a_plan_with_any_change_is_refused(circuit: Circuit, data: st.DataObject) -> None:
    record = compile(circuit, tokens=3).to_dict()
    place = data.draw(st.sampled_from(sorted(places(record), key=str)))
    *keys, last = place
    holder = record
    for key in keys:
        holder = holder[key]
    if place not in FREE and data.draw(st.booleans()):
        holder[last] = altered(holder[last])
    elif isinstance(holder, dict):
        del holder[last]
    else:
        holder.insert(last, copy.deepcopy(holder[last]))
    with pytest.raises(CircuitError):
        Plan.from_dict(record)


def change(data: dict[str, Any], place: str, value: Any) -> dict[str, Any]:
    """A copy of a plan's data with another value at a place."""
    changed: Any = copy.deepcopy(data)
    *keys, last = [int(key) if key.isdigit() else key for key in place.split(".")]
    holder = changed
    for key in keys:
        holder = holder[key]
    holder[last] = value
    assert isinstance(changed, dict)
    return changed


DO_NOT = (
    "the plan's steps to apply circuit 'small' do not.\n"
    "  Each has to take two tensors that are there, until one is left."
)


@pytest.mark.parametrize(
    ("place", "value", "problem"),
    [
        ("format", "circuit", "the plan is of format 'circuit', version 1; read is "),
        ("version", 2, "the plan is of format 'qcircuit plan', version 2; read is "),
        ("tokens", 2.0, "the plan's tokens is of another type."),
        ("circuit.text", None, "the plan's circuit.text is of another type."),
        ("circuit", [], "the plan has no circuit.text."),
        ("circuit.gates.0.parameters", 63, "the plan's circuit.gates[0].parameters is 63; "),
        ("apply.macs", 1, "the plan's apply.macs is 1; it follows to be 880."),
        ("apply.macs", 880.0, "the plan's apply.macs is 880.0; it follows to be 880."),
        ("apply.steps", {}, "the plan's apply.steps is of another type."),
        ("apply.steps", [], DO_NOT),
        ("apply.steps.0", 5, "the plan has no apply.steps[0].operands."),
        ("apply.steps.0.operands.1", ["g1"], "the plan's apply.steps[0].operands[1] is of another"),
        ("apply.steps.0.operands", ["x", "x"], DO_NOT),
        ("apply.steps.0.operands", ["x", "g1", "g2"], DO_NOT),
        ("apply.steps.1.operands", ["x", "g2"], DO_NOT),
        ("apply.steps.0.equation", "...ab,ab->...", "the plan's apply.steps[0].equation is "),
        ("apply.steps.0.shape.0", 3, "the plan's apply.steps[0].shape[0] is 3; it follows to be "),
        ("candidates.0.predicted", "fast", "the plan's candidates[0].predicted is 'fast'; it foll"),
        ("candidates.1.lost", "", "the plan's candidates[1].lost is ''; it follows to be 'another"),
        ("strategy", "auto", "the plan's strategy is 'auto'; it follows to be 'einsum'."),
        ("speed", 5, "the plan has an unknown speed."),
    ],
)
def test_what_is_no_plan_is_refused(place: str, value: Any, problem: str) -> None:
    circuit = Circuit("a=4 b=2", ["a b", "b -> b=3"], name="small")
    data = compile(circuit, tokens=10).to_dict()
    with pytest.raises(FileError) as caught:
        Plan.from_dict(change(data, place, value))
    assert str(caught.value).startswith(problem)
    assert str(caught.value).endswith("\n  Compile the circuit again.")


@pytest.mark.parametrize(
    ("place", "value", "problem"),
    [
        ("tokens", 0, "tokens is 0; it must be a whole number, 1 or more."),
        ("circuit.text", "a=4 b=2", "expected one '|' between the axes and the gates, found 0."),
        ("dtype", "int8", "'int8' is no known type."),
        ("device", "tpu", "'tpu' is no known device."),
        ("asked", "fast", "'fast' is no strategy."),
        ("max_saved_rows", 1, "max_saved_rows is 1, but strategy 'einsum' was asked for, whatever"),
    ],
)
def test_what_was_asked_for_is_checked_as_it_was(place: str, value: Any, problem: str) -> None:
    data = compile(quanta((4, 2)), tokens=10).to_dict()
    with pytest.raises(CircuitError) as caught:
        Plan.from_dict(change(data, place, value))
    assert str(caught.value).startswith(problem)


def test_a_plan_is_a_mapping() -> None:
    with pytest.raises(FileError, match=r"^the plan has no format\."):
        Plan.from_dict([])  # type: ignore[arg-type]


def test_where_memory_is_slow_less_is_written_for_more_products() -> None:
    near, far = (
        compile(quanta((8, 8, 4, 4, 4)), dtype="bf16", device=device) for device in ("cpu", "h200")
    )
    for one, other in ((near.apply, far.apply), (near.build, far.build)):
        assert one.macs < other.macs < one.macs * 2
        assert other.elements < one.elements / 2
    assert far.saved_per_token < near.saved_per_token / 2
    assert compile(quanta((16, 8, 8, 4)), device="h200").apply.macs == 2048 * 1_835_008


def test_a_choice_is_made_with_the_plan() -> None:
    plan = compile(quanta((4, 3, 2)), strategy="auto")
    assert "candidates" in vars(replace(plan, tokens=plan.tokens))
    with pytest.raises(GateError, match=r"^'fast' is no strategy\."):
        replace(plan, asked="fast")
