from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import circuits

from qcircuit_adapt import load_circuit
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.compiler.plan import compile
from qcircuit_adapt.draw.check import check_layout
from qcircuit_adapt.draw.layout import lay_out
from qcircuit_adapt.draw.order import Order, read_order
from qcircuit_adapt.errors import CircuitError

QUANTA = Circuit("a=16 b=8 c=8 d=4", ["c d", "b d", "a d", "b c", "a c", "a b"], name="quanta")
# Few tokens, and gates that shrink at the end: gates are multiplied with each other first.
SHRINKING = load_circuit("quanta-16-8-8-8-to-2-8-8-8")


@given(circuits(max_gates=9, max_axes=5), st.integers(1, 50))
def test_every_order_is_sound(circuit: Circuit, tokens: int) -> None:
    layout = lay_out(circuit, plan=compile(circuit, tokens=tokens))
    assert check_layout(layout, circuit) == ()


def test_a_plan_in_written_order_numbers_the_gates_so() -> None:
    order = read_order(compile(QUANTA, tokens=64), drawn=6)
    assert order.steps == ((1,), (2,), (3,), (4,), (5,), (6,))
    assert (order.count, order.bands) == (6, ())
    assert [order.share(n) for n in (0, 5)] == [0.0, 1.0]
    assert (order.label(2), order.describe(2)) == ("3", "step 3 of 6")


def test_gates_that_are_multiplied_before_x_form_a_band() -> None:
    plan = compile(SHRINKING, tokens=64)
    assert [step.operands for step in plan.apply.steps[:2]] == [("g5", "g6"), ("g4", "t1")]
    order = read_order(plan, drawn=6)
    assert order.bands == ((3, 4, 5),)
    assert order.steps == ((3,), (4,), (5,), (2,), (1,), (1,))


def test_a_gate_of_bounded_rank_is_used_twice() -> None:
    order = read_order(compile(Circuit.parse("a=8 b=8 | a b {rank=2}"), tokens=9), drawn=1)
    assert (order.label(0), order.describe(0)) == ("1+2", "steps 1 and 2 of 2")
    assert order.bands == ()


def test_hovering_and_the_footer_tell_of_the_plan() -> None:
    layout = lay_out(QUANTA, plan=compile(QUANTA, tokens=64))
    assert layout.symbols[2].title.splitlines()[-1] == "step 3 of 6"
    assert str(layout.facts[-1]) == "20,480 saved elements per token"


def test_a_plan_of_another_circuit_is_refused() -> None:
    with pytest.raises(CircuitError) as caught:
        lay_out(QUANTA, plan=compile(SHRINKING, tokens=1))
    assert str(caught.value) == "the plan is of another circuit.\n  Compile this one."


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda it: {"steps": it.steps[1:]}, "the order does not number every gate"),
        (lambda it: {"steps": ((), *it.steps[1:])}, "gate g1 is not used in one step of the order"),
        (
            lambda it: {"steps": ((9,), *it.steps[1:])},
            "gate g1 is not used in one step of the order",
        ),
        (lambda it: {"bands": ((0,),)}, "a band holds fewer than two gates"),
        (lambda it: {"bands": ((0, 1), (1, 2))}, "gate g2 is in more bands than it has tensors"),
    ],
)
def test_a_spoiled_order_is_refused(
    change: Callable[[Order], dict[str, object]], says: str
) -> None:
    layout = lay_out(QUANTA, plan=compile(QUANTA, tokens=64))
    assert layout.order is not None
    spoiled = dataclasses.replace(layout.order, **change(layout.order))
    assert says in check_layout(dataclasses.replace(layout, order=spoiled), QUANTA)
