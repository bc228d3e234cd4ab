"""Programs: every tensor used once, honest costs, and the circuit's meaning, without torch."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import circuits, tensors_for

from qcircuit_adapt import Circuit, reference
from qcircuit_adapt.compiler import Program, compile
from qcircuit_adapt.compiler.lower import MAX_LETTERS
from qcircuit_adapt.compiler.path import build_network, choose_path, is_searchable, written_path
from qcircuit_adapt.compiler.plan import written_program
from qcircuit_adapt.families import brickwork, lora, quanta
from qcircuit_adapt.wires import split_ranks


def verify(program: Program) -> None:
    """Check what every program keeps: tensors used once, and costs that the equations imply."""
    shapes = {source.name: source.shape for source in program.sources}
    assert len(shapes) == len(program.sources)
    batched = {source.name for source in program.sources if source.kind == "input"}
    made: set[str] = set()
    for step in program.steps:
        terms, result = (side.split(",") for side in step.equation.split("->"))
        sizes: dict[str, int] = {}
        for name, term in zip(step.operands, terms, strict=True):
            letters = term.removeprefix("...")
            assert (term != letters) == (name in batched)
            assert len(set(letters)) == len(letters)
            for letter, size in zip(letters, shapes.pop(name), strict=True):
                assert sizes.setdefault(letter, size) == size
        kept = result[0].removeprefix("...")
        assert set(kept) <= set(sizes)
        assert step.shape == tuple(sizes[letter] for letter in kept)
        tokens = program.tokens if result[0] != kept else 1
        macs = tokens * math.prod(sizes.values()) if len(terms) == 2 else 0
        assert (step.macs, step.elements) == (macs, tokens * math.prod(step.shape))
        assert len(sizes) <= MAX_LETTERS
        assert set(step.saved) <= set(step.operands) & made
        assert step.result not in shapes
        made.add(step.result)
        shapes[step.result] = step.shape
        if tokens > 1 or "..." in step.equation:
            batched.add(step.result)
    takes_x = program.sources[:1] and program.sources[0].kind == "input"
    assert [*shapes.values()] == [program.rows + (() if takes_x else program.columns)]


def execute(
    program: Program, x: np.ndarray | None, tensors: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Run a program by numpy."""
    live = {}
    for source in program.sources:
        if source.kind == "gate":
            live[source.name] = tensors[source.tensor]
        elif source.kind == "identity":
            live[source.name] = np.eye(source.shape[0], dtype=int)
        else:
            assert x is not None
            live[source.name] = x.reshape(*x.shape[:-1], *source.shape)
    for step in program.steps:
        live[step.result] = np.einsum(step.equation, *(live[name] for name in step.operands))
    return live[program.steps[-1].result]


@given(circuits(), st.integers(1, 3), st.integers(0, 2**16))
def test_programs_mean_the_circuit(circuit: Circuit, tokens: int, seed: int) -> None:
    check_meaning(circuit, tokens, seed)


@pytest.mark.parametrize(
    "circuit",
    [
        brickwork((2,) * 6, layers=7),
        Circuit("a=2 b=3 c=2", ["b per a", "c a", "per b", "a b -> a=2 b=3", "b {rank=2}"] * 3),
    ],
    ids=["brickwork", "controlled"],
)
def test_paths_that_were_drawn_mean_the_circuit(circuit: Circuit) -> None:
    network = build_network(circuit)
    assert not is_searchable(network)
    assert choose_path(network, max_letters=MAX_LETTERS) != written_path(network)
    check_meaning(circuit, 3, 0)


def check_meaning(circuit: Circuit, tokens: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    halves = split_ranks(circuit)
    tensors = tensors_for(halves, rng, low=2)
    expected = reference.matrix(halves, tensors)
    device, dtype = ("h200", "bf16") if seed % 2 else ("cpu", "float32")
    plan = compile(circuit, tokens=tokens, device=device, dtype=dtype)
    x = rng.integers(-2, 3, (tokens, circuit.d_in))
    for program in (plan.apply, written_program(circuit)):
        verify(program)
        result = execute(program, x, tensors)
        np.testing.assert_array_equal(result.reshape(tokens, circuit.d_out), x @ expected.T)
    verify(plan.build)
    result = execute(plan.build, None, tensors)
    np.testing.assert_array_equal(result.reshape(circuit.d_out, circuit.d_in), expected)


@given(circuits(), st.integers(1, 9))
def test_the_plan_is_never_dearer_than_the_written_order(circuit: Circuit, tokens: int) -> None:
    plan = compile(circuit, tokens=tokens)
    assert plan.apply.macs <= tokens * circuit.macs_per_token
    assert written_program(circuit).macs == circuit.macs_per_token


def test_letters_are_those_of_the_wires_and_new_wires_stand_in_their_places() -> None:
    program = compile(quanta((16, 8, 8, 4))).apply
    assert [step.equation for step in program.steps] == [
        "...abcd,CDcd->...abCD",
        "...abcd,BDbd->...aBcD",
        "...abcd,ADad->...AbcD",
        "...abcd,BCbc->...aBCd",
        "...abcd,ACac->...AbCd",
        "...abcd,ABab->...ABcd",
    ]


def test_wires_with_one_initial_take_free_letters() -> None:
    (step,) = compile(Circuit("w1=2 w2=3 _w=4", ["w1 w2 _w"])).apply.steps
    assert step.equation == "...wWa,bcdwWa->...bcd"


def test_outputs_are_ordered_by_the_last_step() -> None:
    program = compile(Circuit("a=2 b=3", ["a"], outputs="b a")).apply
    assert [step.equation for step in program.steps] == ["...ab,Aa->...bA"]


def test_a_circuit_without_gates_only_orders_axes() -> None:
    plan = compile(Circuit("a=2 b=3", [], outputs="b a"))
    assert [(step.operands, step.equation, step.macs) for step in plan.apply.steps] == [
        (("x",), "...ab->...ba", 0)
    ]
    assert {source.kind for source in plan.build.sources} == {"identity"}


def test_names_of_gates_are_left_to_them() -> None:
    circuit = Circuit("a=2 b=3", ["a {name=x}", "b per a {name=t1}", "b {name=eye_a}"])
    plan = compile(circuit)
    for program in (plan.apply, plan.build):
        verify(program)
        assert [s.name for s in program.sources if s.kind == "gate"] == ["x", "t1", "eye_a"]


def test_what_training_keeps() -> None:
    quanta_plan = compile(quanta((16, 8, 8, 4)))
    assert [step.saved for step in quanta_plan.apply.steps] == [
        (),
        *((f"t{n}",) for n in range(1, 6)),
    ]
    assert quanta_plan.saved_per_token == 5 * 4096
    assert compile(lora(4096, 1024, rank=8)).saved_per_token == 8


def test_nothing_is_kept_for_frozen_gates() -> None:
    frozen = Circuit("a=4 b=4 c=4", ["a b", "b c {frozen}", "a c {share=g2}"])
    plan = compile(frozen)
    assert [step.saved for step in plan.apply.steps] == [(), (), ()]
    trained = Circuit("a=4 b=4 c=4", ["a b {frozen}", "b c", "a c {share=g2}"])
    assert [step.saved for step in compile(trained).apply.steps] == [(), ("t1",), ("t2",)]


@pytest.mark.parametrize("tokens", [1, 10**9])
def test_costs_are_exact_whole_numbers(tokens: int) -> None:
    program = compile(quanta((16, 8, 8, 4)), tokens=tokens).apply
    assert program.macs == 1_835_008 * tokens
    assert program.elements == 6 * 4096 * tokens
