"""Sums of circuits: their bounds hold, and tampering is noticed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from exact_rank import matrix_mod_p, random_tensors, rank_mod_p
from hypothesis import given
from hypothesis import strategies as st
from strategies import axes, circuits

from qcircuit_adapt import Adapter, Circuit, SumCertificate, Term, families, load_adapter, prove
from qcircuit_adapt.analysis.field.sum_witness import SumWitness, find_sum_witness
from qcircuit_adapt.analysis.total import SumBound, SumClaim, TermBound, add_up
from qcircuit_adapt.errors import CertificateError, GateError

LORAS = Adapter(families.lora(12, 9, rank=2)) + Adapter(
    families.lora(12, 9, rank=1), form="zero", scale=0.1
)


def proved(adapter: Adapter) -> SumCertificate:
    certificate = prove(adapter)
    assert isinstance(certificate, SumCertificate)
    certificate.check()
    return certificate


def test_quanta_and_lora() -> None:
    certificate = proved(load_adapter("quanta-16-8-8-4 + zero lora(rank=8)"))
    assert (certificate.parameters, certificate.macs_per_token) == (108_544, 1_900_544)
    rank, freedom = certificate.update_rank, certificate.degrees_of_freedom
    assert (rank.lower, rank.upper, rank.status) == (4096, 4096, "theorem")
    assert (freedom.lower, freedom.upper) == (65_472, 42_211 + 65_472)
    assert freedom.status == "proved interval"


def test_two_low_ranks_add_up_by_a_witness() -> None:
    certificate = proved(LORAS)
    assert certificate.update_rank.to_dict() == {
        "lower": 5,
        "upper": 5,
        "exact": True,
        "status": "proved by witness",
    }
    without = prove(LORAS, witness=False)
    assert isinstance(without, SumCertificate)
    assert (without.update_rank.lower, without.update_rank.upper) == (4, 5)


def test_an_adapter_of_one_term_has_the_certificate_of_its_circuit() -> None:
    circuit = families.lora(12, 9, rank=2)
    assert prove(Adapter(circuit, form="zero")) == prove(circuit, form="zero")
    with pytest.raises(GateError) as raised:
        prove(LORAS, form="zero")  # type: ignore[call-overload]
    assert str(raised.value) == "an adapter says its forms itself.\n  Leave out 'form'."


def test_the_report() -> None:
    lines = str(proved(LORAS)).splitlines()
    assert lines[:9] == [
        "lora-12-to-9-r2 + lora-12-to-9-r1: 12 -> 9",
        "  parameters       63 (58.33 % of the dense matrix)",
        "  MACs per token   63 (58.33 % of the dense matrix)",
        "  rank of update   5, for all gate values outside a set of measure zero; proved by "
        "witness",
        "    at least 5: the update of gates drawn from seed 0 has rank 5 modulo 2,097,143, and no "
        "rank grows modulo a prime.",
        "    at most 5: the terms add up to no more, and the shape of the weight allows no more.",
        "  freedom          38 to 58 degrees of freedom; proved interval",
        "    at least 38: term 1 alone reaches it while the others stay as they start.",
        "    at most 58: the terms add up to no more, and the shape of the weight allows no more.",
    ]
    assert "term 1, in form 'difference', times 1" in lines
    assert "term 2, in form 'zero', times 0.1" in lines


@st.composite
def sums(draw: st.DrawFn) -> Adapter:
    """Adapters of two or three circuits of the same inputs, closed to the shape of the first."""
    inputs = draw(axes(max_axes=2, max_width=12))
    terms = []
    d_out = draw(st.integers(1, 8))
    for _ in range(draw(st.integers(2, 3))):
        circuit = draw(circuits(inputs=inputs, max_gates=2, max_width=12))
        close = Circuit(
            circuit.outputs, [f"{' '.join(a.name for a in circuit.outputs)} -> z={d_out}"]
        )
        form = draw(st.sampled_from(("difference", "zero")))
        scale = draw(st.sampled_from((1.0, -0.5, 0.1)))
        terms.append(Term(circuit >> close, form, scale))  # type: ignore[arg-type]
    return Adapter(terms)


@given(sums(), st.integers(0, 99))
def test_the_rank_lies_between_the_bounds(adapter: Adapter, seed: int) -> None:
    """At whole gates and odd scales, which absorb the denominators."""
    certificate = proved(adapter)
    rng = np.random.default_rng(seed)
    update = np.zeros((adapter.d_out, adapter.d_in), dtype=np.int64)
    for number, term in enumerate(adapter.terms, 1):
        drawn = random_tensors(term.circuit, rng)
        matrix = matrix_mod_p(term.circuit, drawn)
        if term.form == "difference":
            start = random_tensors(term.circuit, rng, start=True)
            frozen = {gate.name for gate in term.circuit.gates if gate.frozen}
            held = {
                name: drawn[name]
                for name in drawn
                if name.split("_in")[0].split("_out")[0] in frozen
            }
            matrix = matrix - matrix_mod_p(term.circuit, start | held)
        update += number * matrix
    rank = rank_mod_p(update)
    assert certificate.update_rank.lower <= rank <= certificate.update_rank.upper


@pytest.mark.parametrize(
    "adapter",
    [LORAS, load_adapter("quanta(axes=3-2-2) + zero lora(rank=1)")],
    ids=["two", "quanta"],
)
def test_tampering_is_noticed(adapter: Adapter) -> None:
    certificate = proved(adapter)
    rank, freedom = certificate.update_rank, certificate.degrees_of_freedom
    below, above = rank.below, rank.above
    others = [
        replace(certificate, terms=certificate.terms[::-1]),
        replace(certificate, terms=certificate.terms[:1]),
        replace(certificate, adapter=Adapter([*adapter.terms, adapter.terms[0]])),
        replace(certificate, update_rank=replace(rank, lower=rank.lower - 1)),
        replace(certificate, update_rank=replace(rank, upper=rank.upper + 1)),
        replace(
            certificate, update_rank=replace(rank, below=replace(below, bound=below.bound + 1))
        ),
        replace(certificate, update_rank=replace(rank, above=SumBound(above.bound - 1))),
        replace(certificate, update_rank=replace(rank, below=TermBound(rank.lower, 2))),
        replace(certificate, degrees_of_freedom=replace(freedom, upper=freedom.upper - 1)),
        replace(certificate, degrees_of_freedom=replace(freedom, below=TermBound(1, 0))),
    ]
    if isinstance(below, SumWitness):
        for field, value in {
            "prime": 7,
            "seed": 1,
            "digest": "",
            "odds": 2,
            "projection": 1,
        }.items():
            tampered = replace(rank, below=replace(below, **{field: value}))
            others.append(replace(certificate, update_rank=tampered))
    for other in others:
        with pytest.raises(CertificateError):
            other.check()


def test_no_witness_where_a_gate_is_held_orthogonal() -> None:
    held = Circuit.parse("x=4 | x {frozen init=orthogonal}, x -> r=1, r -> x=4")
    adapter = Adapter(held) + Adapter(families.lora(4, 4, rank=1))
    assert find_sum_witness(adapter) is None


def test_progress_is_told() -> None:
    told: list[tuple[int, int]] = []
    find_sum_witness(LORAS, target=5, on_progress=lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert {total for _, total in told} == {3 * 12}


def test_add_up_takes_the_best_term_and_the_first_of_equals() -> None:
    assert add_up(((1, 2), (3, 4), (3, 3)), most=20) == SumClaim(3, 9, TermBound(3, 1), SumBound(9))
    assert add_up(((1, 2), (3, 4)), most=5).upper == 5
