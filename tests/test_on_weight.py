"""Forms that multiply the base weight: the rank is that of the other factor, for drawn weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from exact_jacobian import count_directions
from exact_rank import PRIME, Tensors, matrix_mod_p, random_tensors, rank_mod_p
from hypothesis import given
from hypothesis import strategies as st
from strategies import circuits, square

from qcircuit_adapt import (
    Adapter,
    Circuit,
    Form,
    SumCertificate,
    families,
    load_adapter,
    prove,
)
from qcircuit_adapt.adapter import FORMS_ON_WEIGHT, strip_weight
from qcircuit_adapt.analysis import claim_rank, multiply_bounds
from qcircuit_adapt.analysis.exposition import explain
from qcircuit_adapt.errors import CertificateError, GateError, SizeError
from qcircuit_adapt.wires import split_ranks

SEEDS = st.integers(0, 2**16)
ON_WEIGHT: Any = st.sampled_from(FORMS_ON_WEIGHT)
LOW_RANK = Circuit.parse("a=3 b=2 | a b {rank=2}, per a b", name="low rank")


def draw_factor(circuit: Circuit, rng: np.random.Generator) -> np.ndarray:
    """T - S modulo the prime, at drawn gates."""
    halves = split_ranks(circuit)
    start = random_tensors(circuit, rng, start=True)
    for gate in halves.gates:
        if halves.trainable(gate) and not gate.share:
            eye = np.eye(gate.rows, gate.columns, dtype=np.int64)
            blocks = np.broadcast_to(eye, (gate.blocks, *eye.shape))
            start[gate.name] = blocks.reshape(gate.shape)
    drawn = random_tensors(circuit, rng)
    trained = {gate.name for gate in halves.gates if halves.trainable(gate)}
    gates: Tensors = {name: drawn[name] if name in trained else start[name] for name in start}
    return (matrix_mod_p(circuit, gates) - matrix_mod_p(circuit, start)) % PRIME


def draw_weight(rows: int, columns: int, rank: int, rng: np.random.Generator) -> np.ndarray:
    left = rng.integers(0, PRIME, (rows, rank))
    return multiply(left, rng.integers(0, PRIME, (rank, columns)))


def multiply(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return left @ right % PRIME


def update_of(factor: np.ndarray, weight: np.ndarray, form: str) -> np.ndarray:
    return multiply(weight, factor) if form == "input" else multiply(factor, weight)


@given(circuits(max_gates=4, max_axes=3, max_width=40), ON_WEIGHT, SEEDS, st.data())
def test_the_rank_is_that_of_the_factor(
    circuit: Circuit, form: Form, seed: int, data: st.DataObject
) -> None:
    circuit = square(circuit)
    claim = claim_rank(circuit, form=form)
    claim.check(circuit)
    rng = np.random.default_rng(seed)
    factor = draw_factor(circuit, rng)
    d = circuit.d_in
    # A layer wider than the circuit on the other side; its weight has independent rows or columns.
    other = d + data.draw(st.integers(0, 3))
    shape = (other, d) if form == "input" else (d, other)
    whole = draw_weight(*shape, d, rng)
    assert rank_mod_p(whole) == d
    rank = rank_mod_p(update_of(factor, whole, form))
    assert rank == rank_mod_p(factor)
    assert claim.lower <= rank <= claim.upper
    w = data.draw(st.integers(0, d))
    lower, upper = multiply_bounds((claim.lower, claim.upper), weight_rank=w, dimension=d)
    assert lower <= rank_mod_p(update_of(factor, draw_weight(*shape, w, rng), form)) <= upper


@given(circuits(max_gates=3, max_axes=3, max_width=24), ON_WEIGHT)
def test_claims_are_those_of_the_factor(circuit: Circuit, form: Form) -> None:
    circuit = square(circuit)
    own, factor = prove(circuit, form=form), prove(circuit, form=strip_weight(form))
    own.check()
    assert own.update_rank
    assert factor.update_rank
    assert own.update_rank.below == factor.update_rank.below
    assert own.update_rank.above == factor.update_rank.above
    assert (own.degrees_of_freedom, own.start) == (factor.degrees_of_freedom, factor.start)
    assert own.weight_rank == circuit.d_in
    assert factor.weight_rank is None


@pytest.mark.parametrize("form", FORMS_ON_WEIGHT)
def test_directions_of_the_product(form: Form) -> None:
    """A frozen gate in the place of an invertible weight changes no number of directions."""
    text = {"input": "a=3 b=2 | a, b, a b {frozen}", "output": "a=3 b=2 | a b {frozen}, a, b"}
    beside, weight = Circuit.parse("a=3 b=2 | a, b"), Circuit.parse(text[form])
    proved = prove(beside, form=form)
    assert proved.start
    assert (proved.degrees_of_freedom.lower, proved.start.lower) == (12, 12)
    rng = np.random.default_rng(0)
    drawn = random_tensors(weight, rng)
    assert count_directions(weight, drawn) == 12
    one = {
        g.name: np.eye(g.rows, dtype=np.int64).reshape(g.shape)
        for g in weight.gates
        if not g.frozen
    }
    assert count_directions(weight, drawn | one) == 12


@pytest.mark.parametrize("form", FORMS_ON_WEIGHT)
def test_a_circuit_that_changes_sizes_is_refused(form: Form) -> None:
    circuit = families.lora(16, 8, rank=2)
    for compute in (lambda: prove(circuit, form=form), lambda: claim_rank(circuit, form=form)):
        with pytest.raises(SizeError) as caught:
            compute()
        assert str(caught.value).splitlines()[0] == (
            f"circuit 'lora-16-to-8-r2' maps 16 to 8, which form {form!r} does not allow."
        )
    claim = claim_rank(circuit, form="residual")
    with pytest.raises(CertificateError) as error:
        type(claim)(claim.lower, claim.upper, claim.below, claim.above, form).check(circuit)
    assert str(error.value) == f"form {form!r} does not allow d_in other than d_out."


def test_the_report_states_the_assumption() -> None:
    lines = str(prove(LOW_RANK, form="output")).splitlines()
    place = lines.index(
        "    form 'output': the update is (T - S) W, up to scale, and S is T with identities for "
        "gates."
    )
    assert lines[place + 1 : place + 3] == [
        "    for every base weight W of rank 6, as every invertible one, updates have the rank, "
        "freedom and first step of T - S.",
        "    For W of a lower rank w, the update has rank at least w - 2, and at most the lesser "
        "of w and 4.",
    ]
    lines = str(prove(families.oft(64, block=8), form="input")).splitlines()
    assert "    For W of a lower rank w, the update has rank w." in lines


def test_the_words_state_the_assumption() -> None:
    text = " ".join(explain(prove(LOW_RANK, form="input")).split())
    for phrase in (
        "the weight is changed by dW = s W (T - S), where W is the base weight",
        "W is any matrix of rank 6, as every invertible one is.",
        "the columns of W are independent, so it has a left inverse.",
        "Let W have rank 6. For all gate values rank dW <= 4, with equality generically. With W of "
        "any rank w, for all gate values rank dW <= 4 and rank dW <= w, and generically rank dW >= "
        "4 - (6 - w).",
    ):
        assert phrase in text
    text = " ".join(explain(prove(LOW_RANK, form="output")).split())
    assert "the rows of W are independent, so it has a right inverse." in text


def test_the_numbers_as_data() -> None:
    data = prove(LOW_RANK, form="output").to_dict()
    assert (data["weight_rank"], data["update_rank"]["form"]) == (6, "output")
    assert "weight_rank" not in prove(LOW_RANK, form="residual").to_dict()


def proved(text: str) -> SumCertificate:
    certificate = prove(load_adapter(text))
    assert isinstance(certificate, SumCertificate)
    certificate.check()
    return certificate


def test_a_sum() -> None:
    certificate = proved("input a=3 b=2 | a b {rank=2} + zero lora(rank=1)")
    rank, freedom = certificate.update_rank, certificate.degrees_of_freedom
    # A drawn weight would show 5, of that weight alone.
    assert (rank.lower, rank.upper, rank.status) == (4, 5, "proved interval")
    assert (freedom.lower, freedom.upper) == (20, 31)
    assert certificate.weight_rank == certificate.to_dict()["weight_rank"] == 6
    line = "    for every base weight W of rank 6, the largest for its shape; the degrees of "
    assert line + "freedom as well." in str(certificate).splitlines()
    text = " ".join(explain(certificate).split())
    assert "The base weight W is any matrix of rank 6, the largest that its shape allows." in text


@given(SEEDS, st.integers(6, 8))
def test_the_rank_of_a_sum_lies_between_the_bounds(seed: int, d_out: int) -> None:
    low, lora = LOW_RANK, families.lora(6, d_out, rank=1)
    certificate = prove(Adapter(low, form="input") + Adapter(lora, form="zero"))
    rng = np.random.default_rng(seed)
    weight = draw_weight(d_out, 6, 6, rng)
    total = update_of(draw_factor(low, rng), weight, "input")
    total = total + matrix_mod_p(lora, random_tensors(lora, rng))
    assert certificate.update_rank
    assert certificate.update_rank.lower <= rank_mod_p(total) <= certificate.update_rank.upper


def test_a_sum_whose_weight_is_too_narrow_is_refused() -> None:
    with pytest.raises(GateError) as caught:
        proved("zero x=6 | x -> r=1, r -> y=4 + input quanta(axes=3-2)")
    assert str(caught.value) == (
        "in this sum the base weight maps 6 to 4, which leaves form 'input' of circuit "
        "'quanta-3-2' no bounds.\n"
        "  Multiplying 6 dimensions by a weight of rank 4 loses some of them.\n"
        "  Prove the terms one by one; analysis.multiply_bounds bounds the rank of such a product."
    )
