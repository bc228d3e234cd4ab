"""The grammar alone: what is read, in any spacing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qcircuit_adapt import Circuit, CircuitError
from qcircuit_adapt.notation import CircuitText, parse_gate, split_circuit


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a=2|a", CircuitText("a=2", ("a",), None)),
        ("a=2 |", CircuitText("a=2", (), None)),
        ("  a=2 b=3|a  b ,b,->b a ", CircuitText("a=2 b=3", ("a  b", "b"), "b a")),
        ("a=2 b=3 | -> b a", CircuitText("a=2 b=3", (), "b a")),
    ],
)
def test_circuits(text: str, parts: CircuitText) -> None:
    assert split_circuit(text) == parts


@pytest.mark.parametrize(
    "text", ["a b->a = 4 b per c{rank=2}", "  a  b -> a=4   b per  c { rank = 2 }"]
)
def test_spaces_do_not_matter(text: str) -> None:
    gate = parse_gate(text, label="it")
    assert [wire.name for wire in gate.on] == ["a", "b"]
    assert [(wire.name, wire.size) for wire in gate.to or ()] == [("a", 4), ("b", None)]
    assert [wire.name for wire in gate.per] == ["c"]
    assert [(option.word, option.value) for option in gate.options] == [("rank", "2")]
    for wire in gate.on:
        assert text[wire.start : wire.stop] == wire.name


@given(st.text(alphabet="ab=2| ,->{}per\n", max_size=40))
def test_any_text_is_a_circuit_or_a_clear_error(text: str) -> None:
    try:
        circuit = Circuit.parse(text)
    except CircuitError as error:
        refusal = str(error)
        assert refusal.strip()
    else:
        assert Circuit.parse(circuit.text) == circuit
