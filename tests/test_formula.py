"""Formulas: their values are the counts, and they read well."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from strategies import circuits

from qcircuit_adapt import Circuit, families
from qcircuit_adapt.analysis.formula import (
    Formula,
    Monomial,
    Symbol,
    collect,
    count_freedom,
    count_macs,
    count_parameters,
    list_symbols,
)
from qcircuit_adapt.analysis.freedom.claim import find_freedom
from qcircuit_adapt.analysis.freedom.gauge import Gauge, count_gauge


@given(circuits())
def test_the_value_is_the_count(circuit: Circuit) -> None:
    assert count_parameters(circuit).value == circuit.parameters
    assert count_macs(circuit).value == circuit.macs_per_token


@given(circuits(max_gates=4))
def test_a_formula_of_the_freedom_has_its_value(circuit: Circuit) -> None:
    above = find_freedom(circuit).above
    if isinstance(above, Gauge) and (formula := count_freedom(circuit, above)):
        assert formula.value == above.bound


@given(circuits())
def test_the_text_evaluates_to_the_value(circuit: Circuit) -> None:
    symbols = {str(symbol): symbol.size for symbol in list_symbols(circuit).values()}
    for formula in (count_parameters(circuit), count_macs(circuit)):
        text = re.sub(r"(?<=[\w)]) (?=[\w(])", " * ", str(formula)).replace("^", "**")
        assert eval(text, {}, symbols) == formula.value
        tex = re.sub(r"\\mathit\{((?:[^{}]|\\_)*)\}", r"\1", formula.tex()).replace(r"\_", "_")
        tex = re.sub(r"\^\{(\d+)\}", r"**\1", tex).replace(r"\, ", " * ")
        assert eval(re.sub(r"_\{(\w*)\}", r"_\1", tex), {}, symbols) == formula.value


@given(circuits())
def test_symbols_are_told_apart(circuit: Circuit) -> None:
    symbols = list_symbols(circuit)
    sizes = {str(symbol): symbol.size for symbol in symbols.values()}
    assert all(sizes[str(symbol)] == symbol.size for symbol in symbols.values())
    assert all(symbol.size == axis.size for axis, symbol in symbols.items())


@pytest.mark.parametrize(
    ("circuit", "parameters", "macs", "freedom"),
    [
        (
            families.quanta((16, 8, 8, 4)),
            "c^2 d^2 + b^2 d^2 + a^2 d^2 + b^2 c^2 + a^2 c^2 + a^2 b^2",
            "a b c d (c d + b d + a d + b c + a c + a b)",
            "c^2 d^2 + b^2 d^2 + a^2 d^2 + b^2 c^2 + a^2 c^2 + a^2 b^2 - 2 c^2 - 2 d^2 - 2 b^2 "
            "- 2 a^2 + 3",
        ),
        (families.lora(64, 32, rank=4), "r (x + y)", "r (x + y)", "r (x + y - r)"),
        (
            families.kronecker((32, 112), to=(56, 64)),
            "a_1 a_2 + b_1 b_2",
            "a_2 b_1 (a_1 + b_2)",
            "a_1 a_2 + b_1 b_2 - 1",
        ),
        (
            families.tensor_train((16, 16, 16), rank=4),
            "a^2 r1 + b^2 r1 r2 + c^2 r2",
            "a b c (a r1 + b r1 r2 + c r2)",
            "a^2 r1 + b^2 r1 r2 + c^2 r2 - r1^2 - r2^2",
        ),
        (
            Circuit.parse("a=8 b=8 | a b {rank=4}, a b {share=g1}, a {frozen}"),
            "2 a b r_g1",
            "a b (4 r_g1 + a)",
            None,
        ),
        (
            Circuit.parse("a=8 b=8 | a b {rank=4}, a {name=r_g1 frozen}"),
            "2 a b r_g1",
            "a b (2 r_g1 + a)",
            "r_g1 (2 a b - r_g1)",
        ),
        (Circuit.parse("a=4 b=3 | b per a, per a b"), "a b (b + 1)", "a b (b + 1)", None),
        (Circuit.parse("a=4 | a {frozen}"), "0", "a^2", None),
        (Circuit.parse("a=4 | "), "0", "0", None),
        # A wire wider than what stands at its end, and two gates that count as one.
        (Circuit.parse("x=2 | x -> r=4, r -> y=9"), "r (x + y)", "r (x + y)", None),
        # Here the formula would have the right value, by accident.
        (Circuit.parse("x=2 | x -> r=9, r -> y=9"), "r (x + y)", "r (x + y)", None),
        (Circuit.parse("a=3 b=3 | a b, a b"), "2 a^2 b^2", "2 a^2 b^2", "a^2 b^2"),
    ],
    ids=lambda value: getattr(value, "text", str(value)),
)
def test_known_formulas(circuit: Circuit, parameters: str, macs: str, freedom: str | None) -> None:
    assert str(count_parameters(circuit)) == parameters
    assert str(count_macs(circuit)) == macs
    found = count_freedom(circuit, count_gauge(circuit))
    assert (found and str(found)) == freedom


def test_merged_gates_have_no_formula() -> None:
    circuit = Circuit.parse("a=2 b=2 | a b, a, b, a b")
    above = find_freedom(circuit).above
    assert isinstance(above, Gauge)
    assert max(map(len, above.blocks)) > 1
    assert count_freedom(circuit, above) is None


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("a=16 b=8 | a b -> a=4 b, a b", "a_1 b a_2"),
        ("a=2 | a -> a=4, a -> a=2", "a_1 a_2"),
        # Names that are taken.
        ("a=2 a_1=3 | a -> a=4, a_1", "a_1 a_1__ a_2"),
        ("a=2 r_g1=3 | a {rank=1}, r_g1", "a r_g1 r_g1_"),
    ],
)
def test_symbols(text: str, symbols: str) -> None:
    assert " ".join(map(str, list_symbols(Circuit.parse(text)).values())) == symbols


def test_tex() -> None:
    circuit = Circuit.parse("a=8 hid_1=4 | a hid_1 {rank=2 name=g_1}, a -> a=2 {name=h}")
    assert count_parameters(circuit).tex() == (
        r"a_{1}\, (2\, \mathit{hid\_1}\, r_{\mathit{g\_1}} + a_{2})"
    )
    difference = count_parameters(circuit) - Formula((Monomial(3),))
    assert difference.tex().endswith(r" + a_{1}\, a_{2} - 3")


def test_sums_of_formulas() -> None:
    x, y = Symbol("x", "", 3), Symbol("y", "", 5)
    one = collect([Monomial(2, (y, x)), Monomial(1, (x,)), Monomial(1, (x, y))])
    assert str(one) == "x (3 y + 1)"
    assert str(one - one) == "0"
    assert (one + one).value == 2 * one.value == 96
    assert str(one + one) == "2 x (3 y + 1)"
