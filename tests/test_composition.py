"""Which circuits are closed under products of their matrices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import circuits, tensors_for

from qcircuit_adapt import Circuit, families, reference
from qcircuit_adapt.analysis.relation import find_composition
from qcircuit_adapt.analysis.relation.composition import repeat
from qcircuit_adapt.analysis.relation.obstruction import MoreFreedom, WiderSplit
from qcircuit_adapt.errors import CertificateError

SEEDS = st.integers(0, 2**16)


def parse(text: str) -> Circuit:
    return Circuit.parse(text)


CLOSED = [
    parse("a=4 b=4 | a b"),
    parse("a=4 b=4 | a b, a, b a"),
    families.lora(16, 16, rank=3),
    parse("a=4 b=4 | a b {rank=3}, a"),
    families.kronecker((4, 2, 2)),
    parse("a=4 b=2 | per a b"),
    parse("a=4 b=2 | per a, per b"),
    parse("a=4 b=2 | a per b"),
    parse("a=4 b=2 |"),
]


@pytest.mark.parametrize("circuit", CLOSED, ids=lambda circuit: circuit.text)
def test_closed(circuit: Circuit) -> None:
    found = find_composition(circuit)
    assert found is not None
    assert found.closed
    found.check(circuit)
    assert (found.status, str(found)) == (
        "theorem",
        "the product of any two T is again a T of the circuit.",
    )
    twice = repeat(circuit)
    tensors = tensors_for(twice, np.random.default_rng(0))
    expected = reference.matrix(twice, tensors)
    given = found.of.tensors(tensors)  # type: ignore[union-attr]
    np.testing.assert_allclose(reference.matrix(circuit, given), expected, atol=1e-9)


LEAVING = [
    (families.tensor_train((4, 4), rank=2), WiderSplit, "theorem"),
    (families.tensor_train((3, 3, 3), rank=2), WiderSplit, "theorem"),
    (parse("a=4 b=4 c=4 | a b, b c"), WiderSplit, "theorem"),
]


@pytest.mark.parametrize(("circuit", "kind", "status"), LEAVING, ids=lambda value: str(value))
def test_leaving(circuit: Circuit, kind: type, status: str) -> None:
    found = find_composition(circuit)
    assert found is not None
    assert not found.closed
    assert isinstance(found.of.reason, kind)  # type: ignore[union-attr]
    assert found.status == status
    assert str(found).startswith("almost no product of two T is a T of the circuit, or a limit: ")
    found.check(circuit)


@pytest.mark.parametrize(
    ("circuit", "once", "twice"),
    [
        (families.quanta((2, 2, 2)), 37, 64),
        (families.quanta((4, 3, 2)), 216 - 0, 405),
        (families.quanta((4, 4, 4)), 721, 1396),
    ],
)
def test_two_passes_of_quanta_give_more(circuit: Circuit, once: int, twice: int) -> None:
    assert find_composition(circuit) is None
    found = find_composition(circuit, witness=True)
    assert found is not None
    assert not found.closed
    assert isinstance(found.of.reason, MoreFreedom)  # type: ignore[union-attr]
    assert found.of.reason.above.upper == once  # type: ignore[union-attr]
    assert found.of.reason.below.lower == twice  # type: ignore[union-attr]
    assert found.status == "proved by witness"


@pytest.mark.parametrize(
    "text",
    [
        "a=4 | a {frozen}, per a",
        "a=4 | a -> a=3",
        "a=4 b=2 | a b, -> b a",
        "a=4 | a, per a",
        "a=4 b=2 | a {frozen init=identity}, b",
    ],
)
def test_where_nothing_is_said(text: str) -> None:
    found = find_composition(parse(text))
    assert found is None or found.closed


def test_frozen_gates_keep_their_values() -> None:
    """Two passes share them: with gates of their own two passes would seem to give more."""
    circuit = parse("a=3 b=3 | a, a b {frozen}, b {share=g1}, a b {share=g2}, per a")
    assert repeat(circuit).text == (
        "a=3 b=3 | a, a b {frozen}, b {share=g1}, a b {share=g2}, per a, a, a b {share=g2}, "
        "b {share=g6}, a b {share=g2}, per a"
    )


@given(circuits(max_gates=3, max_axes=3, max_width=12), SEEDS)
def test_products_are_as_claimed(circuit: Circuit, seed: int) -> None:
    found = find_composition(circuit, seed=seed)
    if found is None:
        return
    found.check(circuit)
    if found.closed:
        twice = repeat(circuit)
        tensors = tensors_for(twice, np.random.default_rng(seed), low=2)
        expected = reference.matrix(twice, tensors)
        given = found.of.tensors(tensors)  # type: ignore[union-attr]
        size = np.abs(expected).max(initial=1)
        np.testing.assert_allclose(reference.matrix(circuit, given), expected, atol=1e-9 * size)


def test_a_proof_for_another_circuit_is_refused() -> None:
    circuit, other = families.kronecker((4, 2)), families.kronecker((2, 4))
    found = find_composition(circuit)
    assert found is not None
    with pytest.raises(CertificateError) as error:
        found.check(other)
    assert str(error.value) == "the proof is not about the circuit and two passes of it."
    with pytest.raises(CertificateError):
        replace(found, of=replace(found.of, circuit=other)).check(other)
