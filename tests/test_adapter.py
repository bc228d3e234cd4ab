"""Adapters: circuits in a form, and sums of them."""

from __future__ import annotations

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from strategies import circuits

from qcircuit_adapt import FORMS, Adapter, Circuit, Term
from qcircuit_adapt.errors import GateError, SizeError
from qcircuit_adapt.families import lora, quanta


@given(circuits(), st.sampled_from(FORMS), st.floats(0.1, 4))
def test_repr_comes_back(circuit: Circuit, form: str, scale: float) -> None:
    try:
        adapter = Adapter(circuit, form=form, scale=scale)
    except (GateError, SizeError):
        # Nothing to train, a frozen gate that starts as the identity, a shared zero gate, or a
        # circuit that is not square where it multiplies the base weight.
        reject()
    assert eval(repr(adapter)) == adapter
    assert eval(repr(adapter + adapter)) == adapter + adapter
    assert (adapter + adapter).parameters == 2 * circuit.parameters
    assert hash(adapter) == hash(eval(repr(adapter)))


def test_a_sum_keeps_its_terms_in_order() -> None:
    both = Adapter(quanta((4, 4))) + Adapter(lora(16, 16, rank=2), form="zero", scale=0.5)
    assert both.terms == (
        Term(quanta((4, 4)), "difference", 1.0),
        Term(lora(16, 16, rank=2), "zero", 0.5),
    )
    assert (both.d_in, both.d_out, both.parameters) == (16, 16, 256 + 64)


@pytest.mark.parametrize(
    ("text", "gate"),
    [
        ("a=2 | a, a", "g2"),
        ("a=2 | a {init=zero}, a", "g1"),
        ("a=2 | a, a {frozen}", "g1"),
        ("a=2 | a {init=zero}, a, a {share=g2}", "g1"),
    ],
)
def test_the_zero_gate(text: str, gate: str) -> None:
    assert Term(Circuit.parse(text), "zero").zero_gate == gate
