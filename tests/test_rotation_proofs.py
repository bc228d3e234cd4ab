"""What is proved of gates held orthogonal, compared with drawn rotations."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from certificate_file import sign
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import rotations

from qcircuit_adapt import (
    Adapter,
    Certificate,
    Circuit,
    Form,
    families,
    load_adapter,
    prove,
    reference,
)
from qcircuit_adapt.adapter import FORMS_FROM_IDENTITY
from qcircuit_adapt.analysis.field.chance import PRIME
from qcircuit_adapt.analysis.field.evaluate import Operator, evaluate
from qcircuit_adapt.analysis.field.modular import invert, reduce
from qcircuit_adapt.analysis.field.point import draw_rotations
from qcircuit_adapt.analysis.field.residues import draw_residues
from qcircuit_adapt.analysis.field.rotation_witness import RotationWitness, find_rotation_witness
from qcircuit_adapt.analysis.record import to_record
from qcircuit_adapt.errors import CertificateError, GateError
from qcircuit_adapt.nn.update import Update
from qcircuit_adapt.verify import verify

SHARED = Circuit.parse("a=2 b=2 | a {name=g}, b {share=g}", name="shared")
THREES = families.quanta((3, 3, 3))
SEEDS = st.integers(0, 2**16)
FORMS: Any = st.sampled_from(FORMS_FROM_IDENTITY)

Tensors = dict[str, np.ndarray]


def prove_rotations(circuit: Circuit, form: Form = "residual") -> Certificate:
    certificate = prove(circuit, form=form, orthogonal=True)
    certificate.check()
    return certificate


def numbers(certificate: Certificate) -> tuple[int | None, ...]:
    update, freedom = certificate.update_rank, certificate.degrees_of_freedom
    assert update
    start = certificate.start.lower if certificate.start else None
    return certificate.parameters, update.lower, update.upper, freedom.lower, freedom.upper, start


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=3 b=3 c=3 | a b, b c, a c", (108, 26, 26, 99, 99, 99)),
        ("a=4 b=3 c=3 | a b, b c, a c", (168, 36, 36, 156, 156, 156)),
        ("a=2 b=2 | a b", (6, 4, 4, 6, 6, 6)),
        ("a=2 b=2 | a, b", (2, 4, 4, 2, 2, 2)),
        ("a=3 b=4 | a", (3, 8, 8, 3, 3, 3)),
        ("a=3 b=5 | b per a", (30, 12, 12, 30, 30, 30)),
        ("a=3 b=3 c=2 | a b", (36, 16, 16, 36, 36, 36)),
        # The second gate is one of those that the first already has.
        ("a=3 b=2 | a b, a", (18, 6, 6, 15, 15, 15)),
        ("a=3 b=2 | a b, a b", (30, 6, 6, 15, 15, 15)),
        # Between both gates a can be turned for each value of c.
        ("a=2 b=2 c=3 d=2 | a b per c, a d per c", (36, 24, 24, 33, 33, 33)),
        # A square: between a gate and itself nothing can be slipped in.
        ("a=2 b=2 | a b {name=g}, a b {share=g}", (6, 4, 4, 0, 6, None)),
        # Gates of other wires: one of 15 dimensions, after which nothing is new.
        ("a=3 b=5 | a b -> c=5 d=3, c d, d", (213, 14, 14, 105, 105, None)),
        # The eigenvalues of R (x) R are 1, twice, and those of R R; only the latter are proved.
        ("a=2 b=2 | a {name=g}, b {share=g}", (1, 2, 4, 0, 1, None)),
    ],
)
def test_known_numbers(text: str, expected: tuple[int | None, ...]) -> None:
    assert numbers(prove_rotations(Circuit.parse(text))) == expected


def test_large_circuits_need_no_witness() -> None:
    certificate = prove_rotations(families.quanta((16, 8, 8, 4)), "output")
    assert numbers(certificate) == (21280, 4096, 4096, 20916, 20916, 20916)
    assert certificate.update_rank
    assert certificate.update_rank.status == certificate.degrees_of_freedom.status == "theorem"
    oft = prove_rotations(families.oft(4096, block=32), "output")
    assert numbers(oft) == (63488, 4096, 4096, 63488, 63488, 63488)


def draw_rotation(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    q = np.linalg.qr(rng.standard_normal((shape[0], shape[1], shape[1]))).Q
    q[..., 0] *= np.linalg.det(q)[:, None]
    return q


def list_directions(circuit: Circuit, tensors: Tensors) -> np.ndarray:
    """How each skew direction of each tensor moves T, one in a row."""
    rows = []
    for owner in [gate for gate in circuit.gates if not gate.share]:
        blocks = tensors[owner.name].reshape(owner.blocks, owner.rows, owner.rows)
        for block in range(owner.blocks):
            for one, other in zip(*np.triu_indices(owner.rows, 1), strict=True):
                moved = np.zeros_like(blocks)
                moved[block, one], moved[block, other] = blocks[block, other], -blocks[block, one]
                total = 0
                for place, gate in enumerate(circuit.gates):
                    if circuit.owner(gate) is not owner:
                        continue
                    apart = [
                        replace(g, share=None, name=f"h{n}") for n, g in enumerate(circuit.gates)
                    ]
                    alone = Circuit(
                        circuit.inputs, apart, outputs=[axis.name for axis in circuit.outputs]
                    )
                    values = {
                        f"h{n}": tensors[circuit.owner(g).name] for n, g in enumerate(circuit.gates)
                    }
                    values[f"h{place}"] = moved.reshape(owner.shape)
                    total = total + reference.matrix(alone, values)
                rows.append(np.ravel(total))
    return np.array(rows)


def measure_rank(matrix: np.ndarray) -> int:
    return int((np.linalg.svd(matrix, compute_uv=False) > 1e-8).sum())


@settings(max_examples=60)
@given(rotations(), FORMS, SEEDS)
def test_drawn_rotations_lie_within_the_bounds(circuit: Circuit, form: Form, seed: int) -> None:
    certificate = prove_rotations(circuit, form)
    verify(json.loads(json.dumps(to_record(certificate))))
    update, freedom = certificate.update_rank, certificate.degrees_of_freedom
    assert update
    rng = np.random.default_rng(seed)
    own = [gate for gate in circuit.gates if not gate.share]
    drawn = {g.name: draw_rotation((g.blocks, g.rows), rng).reshape(g.shape) for g in own}
    eyes = {
        g.name: np.broadcast_to(np.eye(g.rows), (g.blocks, g.rows, g.rows)).reshape(g.shape)
        for g in own
    }
    turned, start = reference.matrix(circuit, drawn), reference.matrix(circuit, eyes)
    assert measure_rank(turned) == certificate.rank.lower == certificate.rank.upper
    assert update.lower <= measure_rank(turned - start) <= update.upper
    (sign,) = [one.sign for one in certificate.statements if hasattr(one, "sign")]
    assert round(np.linalg.det(turned)) == sign
    directions = list_directions(circuit, drawn)
    assert len(directions) == certificate.parameters
    assert freedom.lower <= measure_rank(directions) <= freedom.upper
    if certificate.start:
        assert measure_rank(list_directions(circuit, eyes)) == certificate.start.lower
        assert update.exact


@pytest.mark.parametrize(
    ("text", "first", "freedom"),
    [("a=3 b=2 c=2 | a b, b c", 20, 20), ("a=3 b=2 | a b, b per a", 15, 15), (SHARED.text, 1, 1)],
)
def test_what_torch_trains_moves_as_much(text: str, first: int, freedom: int) -> None:
    circuit = Circuit.parse(text)
    certificate = prove_rotations(circuit)
    update = Update(Adapter(circuit, form="residual"), orthogonal=True, dtype=torch.float64)
    named = dict(update.named_parameters())
    assert sum(p.numel() for p in named.values()) == certificate.parameters

    def change(*values: torch.Tensor) -> torch.Tensor:
        given = dict(zip(named, values, strict=True))
        matrix = torch.func.functional_call(update, given, (torch.eye(circuit.d_in).double(),))
        return matrix.flatten()

    def count(values: tuple[torch.Tensor, ...]) -> int:
        found = torch.autograd.functional.jacobian(change, values)
        return measure_rank(torch.cat([one.flatten(1) for one in found], dim=1).numpy())

    torch.manual_seed(0)
    zeros = tuple(torch.zeros_like(p) for p in named.values())
    drawn = tuple(torch.randn_like(p) for p in named.values())
    assert (count(zeros), count(drawn)) == (first, freedom)
    proved = certificate.degrees_of_freedom
    assert proved.lower <= freedom <= proved.upper
    if certificate.start:
        assert certificate.start.lower == first


def test_rotations_modulo_the_prime() -> None:
    circuit = Circuit.parse("a=3 b=2 c=2 | a b per c, c {name=g}, b {share=g}")
    gates, identities = draw_rotations(circuit, seed=3)
    matrix = evaluate(Operator(circuit, gates))
    assert not reduce(matrix @ matrix.T - np.eye(12)).any()
    assert np.array_equal(evaluate(Operator(circuit, identities)), np.eye(12))


def test_a_rotation_is_drawn_again_where_there_is_none() -> None:
    """At this seed the first ``1 - K`` of g1 has no inverse modulo the prime."""
    circuit, seed = Circuit.parse("a=3 b=3 | a {name=g1}, b {share=g1}"), 21993
    a, b, c = draw_residues((1, 3), seed=seed, label="angles=g1")[0]
    assert (1 + a * a + b * b + c * c) % PRIME == 0
    assert invert(np.array([[1, -a, -b], [a, 1, -c], [b, c, 1]])) is None
    block = draw_rotations(circuit, seed=seed)[0]["g1"]
    assert not reduce(block @ block.T - np.eye(3)).any()
    found = find_rotation_witness(circuit, seed=seed)
    assert found
    verify(to_record(with_witness(circuit, found)))


def with_witness(circuit: Circuit, found: RotationWitness) -> Certificate:
    """What is proved of a circuit, with another witness."""
    certificate = prove_rotations(circuit)
    assert certificate.update_rank
    update = replace(certificate.update_rank, lower=found.bound, below=found)
    certificate = replace(certificate, update_rank=update)
    certificate.check()
    return certificate


def test_a_gate_too_large_to_be_drawn() -> None:
    circuit = Circuit.parse("a=2 b=2 c=257 | a c {name=g}, b c {share=g}")
    certificate = prove_rotations(circuit)
    assert certificate.update_rank
    assert numbers(certificate)[1:3] == (0, 1028)
    assert certificate.update_rank.below.statement == (
        "no gate can turn alone, as every tensor is used more than once."
    )
    record = to_record(certificate)
    fields = {"prime": PRIME, "seed": 0, "digest": ""}
    record["update_rank"]["at_least"] = {"by": "rotation witness", "bound": 0} | fields
    with pytest.raises(CertificateError) as caught:
        verify(sign(record))
    assert str(caught.value) == (
        "update_rank.at_least.by: gate 'g' has 514 rows; the limit is 512."
    )


@pytest.mark.parametrize(
    ("circuit", "change", "words"),
    [
        (THREES, {"orthogonal": 1}, "orthogonal: the key, where there is one, shows true, not 1."),
        (
            THREES,
            {"orthogonal": False},
            "orthogonal: the key, where there is one, shows true, ",
        ),
        (
            THREES,
            {"update_rank.form": "zero", "start.form": "zero"},
            "orthogonal: gates are rotations in forms residual, input, output, and there is no",
        ),
        (
            THREES,
            {"circuit": "a=3 b=3 c=3 | a b {rank=2}, b c, a c"},
            "orthogonal: gate 'g1_in' cannot be a rotation.",
        ),
        (
            THREES,
            {"circuit": "a=3 b=3 c=3 | a b, b c, a c {frozen}"},
            "orthogonal: gate 'g3' cannot be a rotation.",
        ),
        (
            THREES,
            {"rank.at_least": {"by": "invertible", "bound": 27}},
            "rank.at_least.by: 'invertible' is no evidence here; expected one of: 'orthogonal'.",
        ),
        (
            THREES,
            {"update_rank.at_least": {"by": "scaled", "bound": 27}},
            "update_rank.at_least.by: 'scaled' is no evidence here; expected one of: 'turned', "
            "'rotation witness'.",
        ),
        (
            SHARED,
            {"update_rank.at_most": {"by": "euler", "bound": 3, "through": 1}},
            "update_rank.at_most.by: a rotation in 4 dimensions need fix no direction.",
        ),
        (
            THREES,
            {"update_rank.at_least.bound": 27, "update_rank.lower": 27, "update_rank.upper": 27},
            "update_rank.at_least.bound: turning wires one by one, or one gate, shows 26, not 27.",
        ),
        (
            THREES,
            {"update_rank.at_most.bound": 27, "update_rank.upper": 27},
            "update_rank.at_most.bound: one direction less for each index shows 26, not 27.",
        ),
        (
            THREES,
            {"degrees_of_freedom.at_least.bound": 98, "degrees_of_freedom.lower": 98},
            "degrees_of_freedom.at_least.bound: the count at identity gates shows 99, not 98.",
        ),
        (
            THREES,
            {"degrees_of_freedom.at_most.gauge": 8},
            "degrees_of_freedom.at_most.gauge: the count of rotations between gates shows 9",
        ),
        (
            SHARED,
            {"start": {"form": "residual"}},
            "start: gates are shared or do not keep their wires, so not all directions count.",
        ),
        (THREES, {"statements": []}, "statements: the graph shows 2 statements, not 0."),
        (THREES, {"counts.parameters": 243}, "counts.parameters: the count shows 108, not 243."),
    ],
)
def test_what_the_checker_refuses(circuit: Circuit, change: dict[str, Any], words: str) -> None:
    record = json.loads(json.dumps(to_record(prove_rotations(circuit))))
    for path, value in change.items():
        *way, last = path.split(".")
        place = record
        for key in way:
            place = place[key]
        place[last] = value
    with pytest.raises(CertificateError) as caught:
        verify(sign(record))
    assert str(caught.value).startswith(words)


def test_claims_about_other_gates_are_refused() -> None:
    """What is proved of free gates is not claimed of rotations, and the other way round."""
    held, free = prove_rotations(THREES), prove(THREES, form="residual")
    assert held.update_rank
    assert free.update_rank
    for mixed in (
        replace(held, rank=free.rank),
        replace(held, update_rank=free.update_rank),
        replace(held, update_rank=None),
        replace(free, rank=held.rank),
        replace(free, update_rank=held.update_rank),
        replace(free, degrees_of_freedom=held.degrees_of_freedom),
        replace(held, degrees_of_freedom=free.degrees_of_freedom),
        replace(held, degrees_of_freedom=replace(free.degrees_of_freedom, orthogonal=True)),
        replace(held, rank=replace(free.rank, orthogonal=True)),
        replace(held, update_rank=replace(free.update_rank, orthogonal=True)),
        replace(held, rank=replace(held.rank, orthogonal=False)),
        replace(held, statements=free.statements),
        replace(held, start=free.start),
        replace(held, parameters=free.parameters),
    ):
        with pytest.raises(CertificateError):
            mixed.check()


def test_evidence_is_derived_again() -> None:
    certificate = prove_rotations(THREES)
    freedom, update = certificate.degrees_of_freedom, certificate.update_rank
    assert update
    for evidence in (freedom.below, freedom.above, update.below, update.above):
        with pytest.raises(CertificateError, match=r"but .* is claimed"):
            replace(evidence, bound=evidence.bound - 1).check(THREES)
        with pytest.raises(CertificateError, match=r"gate 'g1' cannot be a rotation\."):
            evidence.check(Circuit.parse("a=27 | a {rank=3}"))
    (witness,) = [prove_rotations(SHARED).update_rank]
    assert witness
    assert isinstance(witness.below, RotationWitness)
    for wrong in ({"bound": 3}, {"seed": 1}, {"digest": ""}, {"prime": 7}):
        with pytest.raises(CertificateError, match="show something else"):
            replace(witness.below, **wrong).check(SHARED)
    with pytest.raises(CertificateError, match="seed -1 is not a whole number, 0 or more"):
        replace(witness.below, seed=-1).check(SHARED)


def test_the_report_says_it() -> None:
    lines = str(prove_rotations(THREES, "output")).splitlines()
    assert lines[1] == "  Every gate is held orthogonal, and starts at the identity."
    assert "  rank of T        27, for all gate values; theorem" in lines
    assert (
        "    at most 26: S^-1 T is a rotation in 27 dimensions, and in odd dimensions a rotation "
        "fixes a direction." in lines
    )
    data = prove_rotations(THREES).to_dict()
    assert data["orthogonal"] is True
    assert "orthogonal" not in prove(THREES, form="residual").to_dict()


@pytest.mark.parametrize(
    ("circuit", "form", "words"),
    [
        (
            "a=4 b=2 | a b",
            "difference",
            "the gates of the circuit cannot be held orthogonal in form 'difference'.\n"
            "  They are rotations away from the identity.\n"
            "  Use form 'residual', 'input' or 'output'.",
        ),
        (
            "a=4 b=2 | a b {rank=2}",
            "residual",
            "gate 'g1' of the circuit has rank 2, and cannot be held orthogonal.\n"
            "  Use a circuit of square gates; in form 'input' or 'output' every layer has one.",
        ),
        (
            "a=4 b=2 | a b",
            None,
            "gates that are held orthogonal start at the identity, in some form.\n"
            "  Give form 'residual', 'input' or 'output'.",
        ),
    ],
)
def test_what_is_refused(circuit: str, form: Form | None, words: str) -> None:
    with pytest.raises(GateError) as caught:
        prove(Circuit.parse(circuit), form=form, orthogonal=True)
    assert str(caught.value) == words


def test_an_adapter() -> None:
    adapter = Adapter(THREES, form="input")
    assert prove(adapter, orthogonal=True) == prove_rotations(THREES, "input")
    with pytest.raises(GateError, match="an adapter says its forms itself"):
        prove(adapter, form="input", orthogonal=True)  # type: ignore[call-overload]
    with pytest.raises(GateError) as caught:
        prove(load_adapter("residual a=2 b=3 | a b + residual a=6 | a"), orthogonal=True)
    assert str(caught.value) == (
        "this is a sum of 2 circuits, of which nothing is proved if gates are held orthogonal.\n"
        "  Prove the terms one by one."
    )
