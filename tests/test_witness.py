"""Witnesses: the rank they show is that modulo another prime, and lies within what is proved."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from exact_rank import generic_rank, random_tensors, update_rank
from hypothesis import given
from hypothesis import strategies as st
from strategies import circuits, fit

from qcircuit_adapt import Circuit, Form, families
from qcircuit_adapt.adapter import FORMS
from qcircuit_adapt.analysis import claim_rank, find_cut
from qcircuit_adapt.analysis.field.chance import PRIME
from qcircuit_adapt.analysis.field.point import draw_points
from qcircuit_adapt.analysis.field.residues import draw_residues
from qcircuit_adapt.analysis.field.witness import Witness, find_witness
from qcircuit_adapt.errors import CertificateError
from qcircuit_adapt.wires import split_ranks

SEEDS = st.integers(0, 2**16)

GATE_RANKS = Circuit.parse("a=12 b=8 c=8 | b c {rank=50}, a c {rank=77}, a b {rank=80}")
BRICKWORK = Circuit.parse("a=12 b=8 c=8 | a b {rank=20}, b c {rank=20}, a b {rank=20}")
TWO_TERMS = Circuit.parse("a=4 b=14 | a -> c=7 k=2, k b -> e=8", name="two-terms")
SMALL_TWO_TERMS = Circuit.parse("a=5 b=9 | a -> c=9 k=2, k b -> e=5")


def witness(circuit: Circuit, *, form: Form | None = None, target: int | None = None) -> Witness:
    found = find_witness(circuit, form=form, target=target)
    assert found
    return found


# Full sizes, measured once: kronecker (56 x 32) (x) (64 x 112) has 2048 and 3328, the two-term sum
# of 32 -> 56 and 112 -> 64 has 3328 and 3584. The sizes here are an eighth of these.
@pytest.mark.parametrize(
    ("circuit", "rank", "update"),
    [
        (GATE_RANKS, 600, 768),
        (BRICKWORK, 160, 320),
        (families.quanta((6, 4, 4)), 96, 96),
        (families.kronecker((4, 14), to=(7, 8)), 32, 52),
        (TWO_TERMS, 52, 56),
        (SMALL_TWO_TERMS, 42, 45),
        (families.lora(4096, 4096, rank=16), 16, 32),
    ],
)
def test_ranks_of_the_table(circuit: Circuit, rank: int, update: int) -> None:
    for form, expected in ((None, rank), ("difference", update)):
        cut = find_cut(circuit, subject="T - S" if form else "T")
        found = witness(circuit, form=form, target=cut.bound)
        assert found.bound == expected <= cut.bound
        found.check(circuit)


@given(circuits(max_gates=4, max_axes=3), SEEDS)
def test_the_rank_is_the_generic_rank(circuit: Circuit, seed: int) -> None:
    claim = claim_rank(circuit)
    rank = generic_rank(circuit, seed=seed)
    for target in (None, claim.upper, 1):
        found = find_witness(circuit, target=target, seed=seed)
        assert found
        assert found.bound == (min(rank, found.projection) if found.projection else rank)
        assert found.projection or claim.lower <= found.bound <= claim.upper
        found.check(circuit)


@given(circuits(max_gates=4, max_axes=3), st.sampled_from(FORMS), SEEDS)
def test_the_rank_of_the_update_is_the_generic_rank(
    circuit: Circuit, form: Form, seed: int
) -> None:
    circuit = fit(circuit, form)
    start = random_tensors(circuit, np.random.default_rng(seed + 1), start=True)
    halves = split_ranks(circuit)
    for gate in halves.gates:
        if halves.trainable(gate) and not gate.share and form != "difference":
            one = np.eye(gate.rows, gate.columns, dtype=np.int64) if form != "zero" else 0
            blocks = np.broadcast_to(one, (gate.blocks, gate.rows, gate.columns))
            start[gate.name] = blocks.reshape(gate.shape)
    rank = update_rank(circuit, start, seed=seed)
    if form == "zero":
        if not any(map(circuit.trainable, circuit.gates)):
            assert find_witness(circuit, form=form) is None
            return
        rank = generic_rank(circuit, seed=seed)
    found = witness(circuit, form=form)
    assert found.bound == rank
    claim = claim_rank(circuit, form=form)
    assert claim.lower <= found.bound <= claim.upper
    found.check(circuit)


@pytest.mark.parametrize(
    ("text", "form", "rank"),
    [
        ("x=9 | ", None, 9),
        ("x=9 | ", "difference", 0),
        ("x=9 y=2 | x {frozen}", "difference", 0),
        ("x=9 | ", "zero", None),
        ("x=9 y=2 | x {init=zero}", None, 18),
        ("x=9 y=2 | x {init=zero}", "zero", 18),
        ("x=9 y=2 | x {frozen init=zero}, x", None, 0),
        ("x=9 | x -> y=4 {frozen init=identity}, y -> z=9", "difference", 4),
        ("x=9 | x -> r=2, r -> y=9", "residual", 4),
        ("x=9 | x {frozen init=ones}, x", None, 1),
        ("x=9 | x {init=ones}", "difference", 9),
        ("x=9 y=2 | x -> x=1 {frozen init=ones}, x y", "difference", 2),
        ("x=9 | x {init=orthogonal}", None, 9),
        ("x=9 | x {init=orthogonal}", "residual", 9),
        ("x=9 | x {init=orthogonal}", "difference", None),
        ("x=9 | x {init=orthogonal rank=2}", "difference", None),
        ("x=9 | x, x {frozen init=orthogonal}", None, None),
        ("x=9 | x, per x {frozen init=orthogonal}", "difference", 9),
        ("a=3 b=3 | a, per a b", "difference", 9),
        ("a=3 b=3 | per a b {frozen}", "difference", 0),
    ],
)
def test_gates_at_special_values(text: str, form: Form | None, rank: int | None) -> None:
    circuit = Circuit.parse(text)
    found = find_witness(circuit, form=form)
    assert (found.bound if found else None) == rank
    if found:
        found.check(circuit)


def test_points_respect_what_gates_may_be() -> None:
    circuit = split_ranks(
        Circuit.parse(
            "a=3 b=2 | a {name=f frozen}, a {name=t}, a {share=t}, b {rank=1}, per a {name=d}, "
            "b {name=i init=identity}, a b -> c=4 {name=e frozen init=identity}, c {frozen "
            "name=z init=zero}, per c {name=n init=normal}, per c {name=o frozen}"
        )
    )
    for form in ("difference", "residual"):
        points = draw_points(circuit, form=form, seed=5)
        assert points
        gates, initial = points
        assert initial
        assert set(gates) == set(initial) == {*"ftdiezno", "g4_in", "g4_out"}
        for gate in circuit.gates:
            if not gate.share:
                assert gates[gate.name].shape == initial[gate.name].shape == gate.shape
                assert np.array_equal(gates[gate.name], initial[gate.name]) == gate.frozen
        assert np.array_equal(gates["e"].reshape(4, 6), np.eye(4, 6))
        assert not gates["z"].any()
        assert (gates["o"] == 1).all()
        assert (initial["d"] == 1).all()
        assert np.array_equal(initial["i"], np.eye(2))
        drawn = initial if form == "difference" else {}
        for name in ("t", "n", "g4_in", "g4_out"):
            gate = next(gate for gate in circuit.gates if gate.name == name)
            expected = draw_residues(gate.shape, seed=5, label=f"initial={name}")
            assert np.array_equal(initial[name], expected) == (name in drawn)
        assert np.array_equal(gates["t"], draw_residues((3, 3), seed=5, label="gate=t"))


LORA = families.lora(12, 10, rank=2)
FOUND = witness(LORA, form="difference", target=4)
ORTHOGONAL = Circuit.parse("x=12 | x -> r=2 {init=orthogonal}, r -> y=10")
MATRIX = "the matrix at seed {} is another than the witness was made of."


def test_the_witness_is_projected() -> None:
    assert (FOUND.bound, FOUND.projection, FOUND.subject) == (4, 4, "T - S")
    assert witness(LORA, target=6).projection is None
    FOUND.check(LORA)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"bound": 3}, "the rank modulo 2,097,143 is 4, but 3 is claimed."),
        ({"bound": 5}, "the rank modulo 2,097,143 is 4, but 5 is claimed."),
        ({"form": None}, MATRIX.format(0)),
        ({"form": "residual"}, MATRIX.format(0)),
        ({"form": "zero"}, "no witness is defined for form 'zero'."),
        ({"form": "other"}, "no witness is defined for form 'other'."),
        ({"prime": 2097142}, "the modulus must be 2,097,143, not 2097142."),
        ({"prime": 5}, "the modulus must be 2,097,143, not 5."),
        ({"seed": 1}, MATRIX.format(1)),
        ({"seed": -1}, "seed -1 is not a whole number, 0 or more."),
        ({"seed": True}, "seed True is not a whole number, 0 or more."),
        ({"projection": 5}, MATRIX.format(0)),
        ({"projection": 3}, MATRIX.format(0)),
        ({"projection": None}, MATRIX.format(0)),
        ({"projection": 0}, "projection 0 is not a whole number from 1 to 10."),
        ({"projection": 11}, "projection 11 is not a whole number from 1 to 10."),
        ({"projection": 4.0}, "projection 4.0 is not a whole number from 1 to 10."),
        ({"digest": "0" * 64}, MATRIX.format(0)),
    ],
)
def test_tampering_is_refused(changes: dict[str, object], problem: str) -> None:
    with pytest.raises(CertificateError) as error:
        replace(FOUND, **changes).check(LORA)  # type: ignore[arg-type]
    assert str(error.value) == problem


@pytest.mark.parametrize(
    "circuit",
    [families.lora(12, 10, rank=3), families.lora(10, 12, rank=2), Circuit("x=12", ["x"])],
)
def test_the_witness_of_another_circuit_is_refused(circuit: Circuit) -> None:
    with pytest.raises(CertificateError, match="another than the witness was made of"):
        FOUND.check(circuit)


def test_a_witness_where_none_is_defined_is_refused() -> None:
    with pytest.raises(CertificateError) as error:
        FOUND.check(ORTHOGONAL)
    assert str(error.value) == "no witness is defined where a gate is held orthogonal."


def test_the_statements() -> None:
    assert FOUND.statement == (
        "T - S of gates drawn from seed 0, projected to 4 x 4, has rank 4 modulo 2,097,143, and no "
        "rank grows modulo a prime."
    )
    assert witness(LORA).statement == (
        "T of gates drawn from seed 0 has rank 2 modulo 2,097,143, and no rank grows modulo a "
        "prime."
    )


def test_the_chance_to_miss() -> None:
    # A residue below 2^32 mod p has 2049 of 2^32 words; two gates and two projections are drawn.
    assert 2**32 // PRIME + 1 == 2049
    wide = find_witness(families.lora(64, 64, rank=2), form="difference", target=6)
    assert wide
    assert (wide.bound, wide.projection) == (4, 6)
    assert wide.odds == 2**32 // (5 * 4 * 2049)
    # A rank that fills its projection says nothing of larger ones.
    assert (FOUND.bound, FOUND.projection, FOUND.odds) == (4, 4, 0)
    assert witness(LORA).odds == 2**32 // (3 * 2 * 2049)


def test_progress_is_told_and_interrupts_pass() -> None:
    told: list[tuple[int, int]] = []
    find_witness(GATE_RANKS, on_progress=lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert {total for _, total in told} == {2 * 768}
    assert 768 < told[-1][0] <= 2 * 768

    def interrupt(done: int, total: int) -> None:
        if done > total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        FOUND.check(LORA, on_progress=interrupt)
    FOUND.check(LORA)
