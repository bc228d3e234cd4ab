"""Certificates: what they claim holds, they check themselves, and tampering is noticed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest
from exact_rank import generic_rank, random_tensors, update_rank
from hypothesis import given
from hypothesis import strategies as st
from strategies import circuits, fit

from qcircuit_adapt import Circuit, Form, families
from qcircuit_adapt.adapter import FORMS, FORMS_ON_WEIGHT
from qcircuit_adapt.analysis import (
    BridgeBound,
    Certificate,
    Invertible,
    RankClaim,
    Scaled,
    Unproved,
    Untrained,
    Witness,
    claim_rank,
    find_cut,
    find_routing,
    find_structure,
    prove,
)
from qcircuit_adapt.analysis.freedom.jacobian import Jacobian
from qcircuit_adapt.errors import CertificateError, GateError
from qcircuit_adapt.wires import split_ranks

SEEDS = st.integers(0, 2**16)

HALF_RANKS = Circuit.parse(
    "a=16 b=8 c=8 d=4 | c d {rank=16}, b d {rank=16}, a d {rank=32}, b c {rank=32}, "
    "a c {rank=64}, a b {rank=64}",
    name="half-ranks",
)
MIDDLE_RANKS = Circuit.parse(
    "a=8 b=8 c=8 d=8 | a b, c d, b c {rank=16}, a b {rank=16}, c d {rank=16}, b c",
    name="middle-ranks",
)


def name_of(value: object) -> str:
    return value.name or value.text if isinstance(value, Circuit) else str(value)


@pytest.mark.parametrize(
    ("circuit", "rank", "update"),
    [
        (families.lora(4096, 4096, rank=16), 16, 32),
        (families.lora(4096, 14336, rank=64), 64, 128),
        (families.quanta((16, 8, 8, 4)), 4096, 4096),
        (families.quanta((16, 16, 16)), 4096, 4096),
        (families.quanta((8, 8, 8, 8)), 4096, 4096),
        (families.quanta((12, 8, 8)), 768, 768),
        (families.quanta((16, 8, 8, 4), rounds=2), 4096, 4096),
        (families.quanta((16, 8, 8, 5)), 5120, 5120),
        (families.quanta((16, 8, 8, 4), to=(4, 8, 8, 4)), 1024, 1024),
        (HALF_RANKS, 1024, 2048),
        (MIDDLE_RANKS, 256, 512),
        (families.kronecker((64, 64)), 4096, 4096),
        (families.tensor_train((16, 16, 16), rank=4), 4096, 4096),
        (families.tensor_train((8, 8, 8, 8), rank=4), 4096, 4096),
        (families.butterfly((2,) * 12), 4096, 4096),
        (families.monarch((64, 64)), 4096, 4096),
        (families.brickwork((8, 8, 8, 8), layers=4), 4096, 4096),
    ],
    ids=name_of,
)
def test_ranks_that_are_proved_exact(circuit: Circuit, rank: int, update: int) -> None:
    certificate = prove(circuit, form="difference")
    certificate.check()
    assert (certificate.rank.lower, certificate.rank.upper) == (rank, rank)
    assert certificate.update_rank
    assert (certificate.update_rank.lower, certificate.update_rank.upper) == (update, update)


def test_what_each_kind_of_evidence_adds() -> None:
    """Paths and cuts leave 41 to 56 for this update; bridges and the prime field meet at 52."""
    circuit = families.kronecker((4, 14), to=(7, 8))
    assert claim_rank(circuit).upper == claim_rank(circuit).lower == 32
    assert find_cut(circuit, subject="T - S").bound == 56
    without = claim_rank(circuit, form="difference", witness=False)
    without.check(circuit)
    assert isinstance(without.above, BridgeBound)
    assert without.lower < without.upper == 52
    claim = claim_rank(circuit, form="difference")
    claim.check(circuit)
    assert isinstance(claim.below, Witness)
    assert (claim.lower, claim.upper) == (52, 52)


def test_a_witness_is_no_evidence_for_another_form() -> None:
    circuit = families.kronecker((4, 14), to=(7, 8))
    claim = claim_rank(circuit, form="difference")
    with pytest.raises(CertificateError):
        replace(claim, form="residual").check(circuit)


@given(circuits(max_gates=4, max_axes=3), SEEDS)
def test_the_rank_lies_between_the_bounds(circuit: Circuit, seed: int) -> None:
    certificate = prove(circuit)
    certificate.check()
    assert certificate.rank.lower <= generic_rank(circuit, seed=seed) <= certificate.rank.upper


@given(circuits(max_gates=4, max_axes=3), st.sampled_from(FORMS), SEEDS)
def test_the_rank_of_the_update_lies_between_the_bounds(
    circuit: Circuit, form: Form, seed: int
) -> None:
    circuit = fit(circuit, form)
    claim = claim_rank(circuit, form=form)
    claim.check(circuit)
    start = random_tensors(circuit, np.random.default_rng(seed + 1), start=True)
    halves = split_ranks(circuit)
    for gate in halves.gates:
        if halves.trainable(gate) and not gate.share and form != "difference":
            one = np.eye(gate.rows, gate.columns, dtype=np.int64) if form != "zero" else 0
            start[gate.name] = np.broadcast_to(one, (gate.blocks, gate.rows, gate.columns)).reshape(
                gate.shape
            )
    rank = update_rank(circuit, start, seed=seed)
    assert claim.lower <= rank <= claim.upper


@pytest.mark.parametrize(
    ("text", "form", "claim"),
    [
        ("x=9 | x -> r=2, r -> y=9", "zero", (2, 2)),
        ("x=9 | x -> r=2, r -> y=9", "difference", (4, 4)),
        ("x=9 | x -> r=2, r -> y=9", "residual", (4, 4)),
        ("x=9 | x -> r=2 {frozen}, r -> y=9", "difference", (2, 2)),
        ("x=9 | x -> r=2 {init=orthogonal}, r -> y=9", "difference", (2, 4)),
        ("a=2 b=3 | a b", "residual", (6, 6)),
        ("a=2 b=3 | a b {frozen}", "residual", (0, 0)),
        ("a=2 b=3 | a b {frozen}", "zero", (0, 0)),
        ("a=2 b=3 | ", "difference", (0, 0)),
        ("a=2 b=3 | a b {frozen}, a", "difference", (6, 6)),
        ("a=2 b=3 | a b {frozen init=zero}, a", "difference", (0, 6)),
        ("a=5 b=3 | a {rank=5}, a b {frozen init=identity}", "residual", (15, 15)),
        ("a=3 b=3 | a {rank=1}, b, a {share=g1}", "difference", (6, 6)),
        ("a=3 b=3 | per a b", "difference", (9, 9)),
    ],
)
def test_ranks_of_updates(text: str, form: Form, claim: tuple[int, int]) -> None:
    proved = claim_rank(Circuit.parse(text), form=form)
    proved.check(Circuit.parse(text))
    assert (proved.lower, proved.upper) == claim


@pytest.mark.parametrize(
    ("text", "invertible"),
    [
        ("a=2 b=3 | a b", True),
        ("a=2 b=3 | ", True),
        ("a=2 b=3 | a b -> c=6, c {rank=6}", True),
        ("a=2 b=3 | a b, b per a, per a b, b {share=h}, b {name=h}", True),
        ("a=2 b=3 | a b {frozen init=identity}, b {frozen init=orthogonal}", True),
        ("a=2 b=3 | a b {frozen}", True),
        ("a=2 b=3 | a b {rank=5}", False),
        ("a=2 b=3 | a b -> c=5", False),
        ("a=2 b=3 | a -> a=3, b -> b=2", False),
        ("a=2 b=3 | a {frozen init=zero}", False),
        ("a=2 b=3 | a {frozen init=identity rank=2}", False),
    ],
)
def test_square_circuits_are_invertible(text: str, invertible: bool) -> None:
    circuit = Circuit.parse(text)
    certificate = prove(circuit)
    assert isinstance(certificate.rank.below, Invertible) == invertible
    if not invertible:
        with pytest.raises(CertificateError, match="not every gate of the circuit can be"):
            Invertible(6).check(circuit)


def test_the_report() -> None:
    certificate = prove(
        Circuit.parse("x=64 | x {frozen}, x -> r=4, r -> y=32"), form="residual", witness=False
    )
    assert str(certificate).splitlines() == [
        "circuit: 64 -> 32",
        "  parameters       384 (18.75 % of the dense matrix), and 4,096 frozen",
        "  MACs per token   4,480 (218.75 % of the dense matrix)",
        "  QuanTA's bounds  4 <= rank T <= 4, for all weights, if every gate a has its full rank "
        "R_a",
        "  rank of T        4, for all gate values outside a set of measure zero; theorem",
        "    at least 4: gates of T that copy along 1 path carry 4 values.",
        "    at most 4: T factors through the bonds r=4 from g2.",
        "  rank of update   4 to 8, for all gate values outside a set of measure zero; proved "
        "interval",
        "    at least 4: a trained gate can be scaled until T outgrows S; gates of T that copy "
        "along 1 path carry 4 values.",
        "    at most 8: T - S factors through the bonds r=4 from g2, twice since both sides hold "
        "trained gates.",
        "    form 'residual': the update is T - S, up to scale, and S is T with identities for "
        "gates.",
        "  freedom          0 to 368 degrees of freedom; proved interval",
        "    at least 0: no theorem here tells more; a witness would.",
        "    at most 368: of 384 parameters 16 only change bases of bonds, or scale gates against "
        "each other.",
        "  theorem          bonds of more than one value join all open wires, so the graph splits "
        "T into no Kronecker product; it shows no output to be independent of an input.",
        "  theorem          all T together have dimension at most 384 of the 2,048 of all "
        "matrices.",
        "  theorem          between input x and the other open wires, T has operator-Schmidt rank "
        "at most 4, for all gate values, while almost all matrices have 32.",
        "  Frozen gates count as generic, unless their init says otherwise.",
    ]


def test_the_numbers_as_data() -> None:
    data = prove(families.lora(64, 32, rank=4)).to_dict()
    assert json.loads(json.dumps(data)) == {
        "name": "lora-64-to-32-r4",
        "d_in": 64,
        "d_out": 32,
        "parameters": 384,
        "frozen_parameters": 0,
        "macs_per_token": 384,
        "rank": {"lower": 4, "upper": 4, "exact": True, "status": "theorem"},
        "quanta_bounds": {"lower": 4, "upper": 4},
        "degrees_of_freedom": {"lower": 368, "upper": 368, "exact": True, "status": "theorem"},
        "statements": [
            {"status": "theorem", "statement": each.statement}
            for each in find_structure(families.lora(64, 32, rank=4))
        ],
    }
    assert type(data["rank"]["exact"]) is bool
    data = prove(families.lora(64, 32, rank=4), form="zero").to_dict()
    exact = {"form": "zero", "exact": True, "status": "theorem"}
    assert data["update_rank"] == {"lower": 4, "upper": 4} | exact
    assert data["start"] == {"lower": 4 * 32, "upper": 4 * 32} | exact


def alter(value: Any) -> Iterator[Any]:
    """Every other value that differs in one place."""
    if is_dataclass(value) and not isinstance(value, Circuit):
        for field in fields(value):
            for other in alter(getattr(value, field.name)):
                yield replace(value, **{field.name: other})
    elif isinstance(value, int):
        yield from (value + 1, value - 1)
    elif isinstance(value, tuple) and value:
        yield value[1:]
        for n, item in enumerate(value):
            for other in alter(item):
                yield (*value[:n], other, *value[n + 1 :])
    elif isinstance(value, str):
        # A form or a subject becomes another, a name none.
        words = next((w for w in (FORMS, ("T", "T - S")) if value in w), ("nothing",))
        yield from (word for word in words if word != value)


@pytest.mark.parametrize("form", [None, *FORMS])
@pytest.mark.parametrize(
    "circuit",
    [
        families.lora(9, 9, rank=2),
        families.quanta((3, 2, 2)),
        Circuit.parse("a=3 b=2 | a b {rank=2}, b per a {frozen}, a -> c=2"),
        Circuit.parse("a=3 b=2 | a b -> c=5 {frozen init=zero}, c {rank=2}"),
        Circuit.parse("a=3 b=2 | a b -> c=5 {frozen}"),
    ],
    ids=name_of,
)
def test_tampering_is_noticed(circuit: Circuit, form: Form | None) -> None:
    if form in FORMS_ON_WEIGHT and circuit.d_in != circuit.d_out:
        pytest.skip("the form needs a square circuit")
    certificate = prove(circuit, form=form)
    certificate.check()
    tampered = [*alter(certificate)]
    assert len(tampered) > 20
    for other in tampered:
        # Forms of equal claims may be exchanged: nothing false is said.
        if other.update_rank and other.update_rank.form != form and _holds(other):
            continue
        # A Jacobian of another seed or of more rows may have the same rank, and prove it.
        below, own = other.degrees_of_freedom.below, certificate.degrees_of_freedom.below
        if isinstance(below, Jacobian) and below != own and _holds_up(below, circuit):
            assert below.bound == own.bound
            continue
        with pytest.raises(CertificateError):
            other.check()


def _holds_up(evidence: Jacobian, circuit: Circuit) -> bool:
    try:
        evidence.check(circuit)
    except CertificateError:
        return False
    return True


def _holds(certificate: Certificate) -> bool:
    claim = certificate.update_rank
    assert claim
    if claim.form in FORMS_ON_WEIGHT and certificate.circuit.d_in != certificate.circuit.d_out:
        return False
    true = claim_rank(certificate.circuit, form=claim.form)
    return claim.lower <= true.lower and true.upper <= claim.upper


def test_the_certificate_of_another_circuit_is_refused() -> None:
    certificate = prove(families.lora(9, 9, rank=2), form="zero")
    for other in (
        families.lora(9, 9, rank=3),
        families.quanta((3, 3)),
        families.lora(9, 8, rank=2),
    ):
        with pytest.raises(CertificateError):
            replace(certificate, circuit=other).check()


LORA = families.lora(9, 9, rank=2)
FROZEN = Circuit.parse("x=9 | x -> r=2 {frozen}, r -> y=9 {frozen}")
SQUARE = Circuit.parse("x=9 | x")
CUT, DIFFERENCE_CUT = find_cut(LORA), find_cut(LORA, subject="T - S")
ROUTING, DIFFERENCE_ROUTING = find_routing(LORA), find_routing(LORA, subject="T - S")
assert ROUTING
assert DIFFERENCE_ROUTING


@pytest.mark.parametrize(
    ("claim", "circuit", "problem"),
    [
        (
            RankClaim(3, 2, ROUTING, CUT),
            LORA,
            "the lower bound is 2, but 3 is claimed.",
        ),
        (RankClaim(2, 1, ROUTING, CUT), LORA, "the upper bound is 2, but 1 is claimed."),
        (
            RankClaim(2, 4, ROUTING, DIFFERENCE_CUT),
            LORA,
            "Cut is no evidence for this bound on T.",
        ),
        (
            RankClaim(4, 4, DIFFERENCE_ROUTING, CUT),
            LORA,
            "Routing is no evidence for this bound on T.",
        ),
        (
            RankClaim(2, 2, ROUTING, CUT, "difference"),
            LORA,
            "Routing is no evidence for this bound on T - S.",
        ),
        (
            RankClaim(4, 4, DIFFERENCE_ROUTING, DIFFERENCE_CUT, "residual"),
            LORA,
            "Routing is no evidence for this bound on T - S.",
        ),
        (
            RankClaim(4, 4, Scaled(4, DIFFERENCE_ROUTING), DIFFERENCE_CUT, "residual"),
            LORA,
            "Scaled is no evidence for this bound on T - S.",
        ),
        (
            RankClaim(2, 2, Scaled(2, ROUTING), CUT),
            LORA,
            "Scaled is no evidence for this bound on T.",
        ),
        (
            RankClaim(2, 2, ROUTING, CUT, "zero"),
            FROZEN,
            "Routing is no evidence for this bound on T.",
        ),
        (
            RankClaim(0, 0, Untrained(), Untrained()),
            FROZEN,
            "Untrained is no evidence for this bound on T.",
        ),
        (
            RankClaim(0, 2, Unproved(1), CUT),
            LORA,
            "the bound is 0, but 1 is claimed.",
        ),
        (
            RankClaim(9, 9, Invertible(9), find_cut(SQUARE), "difference"),
            SQUARE,
            "Invertible is no evidence for this bound on T - S.",
        ),
        (
            RankClaim(8, 9, Invertible(8), find_cut(SQUARE)),
            SQUARE,
            "the bound is 9, but 8 is claimed.",
        ),
    ],
)
def test_evidence_for_something_else_is_refused(
    claim: RankClaim, circuit: Circuit, problem: str
) -> None:
    with pytest.raises(CertificateError) as error:
        claim.check(circuit)
    assert str(error.value) == problem


@pytest.mark.parametrize(
    ("evidence", "circuit", "problem"),
    [
        (Untrained(), LORA, "a gate of the circuit is trained."),
        (Scaled(2, ROUTING), FROZEN, "no gate of the circuit is trained, so none can be scaled."),
        (Scaled(3, ROUTING), LORA, "the bound is 2, but 3 is claimed."),
        (Untrained(1), FROZEN, "the bound is 0, but 1 is claimed."),
    ],
)
def test_evidence_that_does_not_hold_is_refused(
    evidence: Untrained | Scaled, circuit: Circuit, problem: str
) -> None:
    with pytest.raises(CertificateError) as error:
        evidence.check(circuit)
    assert str(error.value) == problem


def test_claims_on_t_and_on_the_update_are_not_exchanged() -> None:
    certificate = prove(LORA, form="zero")
    assert certificate.update_rank
    with pytest.raises(CertificateError) as error:
        replace(certificate, rank=certificate.update_rank).check()
    assert str(error.value) == "the rank of T is claimed by evidence on an update."
    with pytest.raises(CertificateError) as error:
        replace(certificate, update_rank=certificate.rank).check()
    assert str(error.value) == "the rank of the update is claimed by evidence on T."


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(GateError) as error:
        prove(LORA, form="differenc")  # type: ignore[arg-type]
    assert str(error.value).splitlines() == [
        "unknown form 'differenc'.",
        "  Did you mean 'difference'?",
    ]
