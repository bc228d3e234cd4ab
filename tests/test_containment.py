"""What one circuit expresses of another: proofs give the same matrices, and never contradict."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import circuits, gates, tensors_for
from test_renaming import rewrite

from qcircuit_adapt import Circuit, Gate, families, reference
from qcircuit_adapt.analysis import claim_rank, find_freedom
from qcircuit_adapt.analysis.relation import (
    Containment,
    NotContained,
    Open,
    express,
    relate,
)
from qcircuit_adapt.analysis.relation.align import align, reshape_tensors
from qcircuit_adapt.analysis.relation.bend import bend
from qcircuit_adapt.analysis.relation.containment import find_containment
from qcircuit_adapt.analysis.relation.embedding import Embedding, Filling
from qcircuit_adapt.analysis.relation.fit import find_fit
from qcircuit_adapt.analysis.relation.halves import factor_matrix
from qcircuit_adapt.analysis.relation.obstruction import (
    HigherRank,
    MoreFreedom,
    OtherSign,
    WiderSplit,
    find_obstruction,
)
from qcircuit_adapt.errors import CertificateError, SizeError
from qcircuit_adapt.wires import split_ranks

SEEDS = st.integers(0, 2**16)


def parse(text: str) -> Circuit:
    return Circuit.parse(text)


def assert_gives(containment: Containment, *, seed: int) -> None:
    """The tensors have the shapes and ranks of the circuit's gates, and give the same T."""
    circuit, target = containment.circuit, containment.target
    containment.check()
    tensors = tensors_for(target, np.random.default_rng(seed), low=2)
    given = containment.tensors(tensors)
    expected = reference.matrix(target, tensors)
    size = np.abs(expected).max(initial=1)
    np.testing.assert_allclose(reference.matrix(circuit, given), expected, atol=1e-9 * size)
    for gate in circuit.gates:
        if gate.rank and gate.rank < min(gate.rows, gate.columns):
            blocks = given[gate.name].reshape(gate.blocks, gate.rows, gate.columns).astype(float)
            values = np.linalg.svd(blocks, compute_uv=False)
            assert values[:, gate.rank :].max() <= 1e-9 * max(1, values.max())


@st.composite
def larger(draw: st.DrawFn) -> tuple[Circuit, Circuit]:
    """A circuit, and it with more gates, which keep sizes and are free."""
    target = draw(circuits(max_gates=4, max_axes=3, max_width=24))
    assume(not any(gate.frozen or gate.share for gate in target.gates))
    built: list[Gate] = []
    for position, stage in enumerate(target.stages):
        for more in range(draw(st.integers(0, 2))):
            new = draw(gates(stage, position=10 * position + more + 100))
            if new.rank is None and new.on == new.to:
                built.append(replace(new, name=f"n{position}_{more}", frozen=False, share=None))
        built += target.gates[position : position + 1]
    outputs = [axis.name for axis in target.outputs]
    return Circuit(target.inputs, built, outputs=outputs), target


@given(larger(), SEEDS)
def test_more_gates_give_no_less(pair: tuple[Circuit, Circuit], seed: int) -> None:
    circuit, target = pair
    containment = find_containment(circuit, target)
    assert containment is not None
    assert_gives(containment, seed=seed)
    assert find_obstruction(circuit, target, witness=True) is None


@given(larger(), SEEDS)
def test_fewer_gates_may_give_less(pair: tuple[Circuit, Circuit], seed: int) -> None:
    target, circuit = pair
    verdict = express(circuit, target, fit=False, seed=seed)
    if isinstance(verdict, Containment):
        assert_gives(verdict, seed=seed)
        assert find_obstruction(circuit, target, witness=True) is None
    elif isinstance(verdict, NotContained):
        verdict.check()


@given(circuits(max_gates=4, max_axes=3, max_width=24), st.data(), SEEDS)
def test_any_two_circuits(c: Circuit, data: st.DataObject, seed: int) -> None:
    d = data.draw(circuits(max_gates=4, inputs=c.inputs, max_width=24))
    assume(c.d_out == d.d_out)
    found = find_containment(c, d)
    if found is not None and (isinstance(found.how, Embedding) or not has_frozen(c)):
        assert_gives(found, seed=seed)
        assert find_obstruction(c, d, witness=True) is None


def has_frozen(circuit: Circuit) -> bool:
    return any(gate.frozen for gate in circuit.gates)


@given(circuits(max_gates=4), SEEDS)
def test_a_circuit_gives_what_it_gives(circuit: Circuit, seed: int) -> None:
    found = find_containment(rewrite(circuit, random.Random(seed)), circuit)
    assert found is not None
    assert_gives(found, seed=seed)


@given(circuits(max_gates=4, max_axes=3), st.data(), SEEDS)
def test_aligned_circuits_give_the_same(c: Circuit, data: st.DataObject, seed: int) -> None:
    merged = parse(f"x={c.d_in} | x -> r=2, r -> y={c.d_out}")
    aligned = align(c, merged)
    assert aligned is not None
    for circuit, original in ((aligned.one, c), (aligned.other, merged)):
        tensors = tensors_for(original, np.random.default_rng(seed), low=2)
        np.testing.assert_array_equal(
            reference.matrix(circuit, reshape_tensors(tensors, circuit)),
            reference.matrix(original, tensors),
        )
    for ours, theirs in (
        (aligned.one.inputs, aligned.other.inputs),
        (aligned.one.outputs, aligned.other.outputs),
    ):
        wide = [[axis.size for axis in axes if axis.size > 1] for axes in (ours, theirs)]
        assert wide[0] == wide[1]


REVERSED = parse("a=4 b=4 c=4 | c -> c r=4, b r -> b s=4, a s -> a")
CONTAINED = [
    (families.lora(64, 64, rank=16), families.lora(64, 64, rank=8)),
    (families.quanta((4, 2, 2), rounds=2), families.quanta((4, 2, 2))),
    (families.quanta((4, 2, 2)), families.kronecker((4, 2, 2))),
    (families.quanta((4, 2, 2)), families.kronecker((4, 4))),
    (families.tensor_train((4, 4, 4), rank=4), families.tensor_train((4, 4, 4), rank=2)),
    (families.tensor_train((4, 4, 4), rank=1), families.kronecker((4, 4, 4))),
    (families.monarch((4, 4)), families.kronecker((4, 4))),
    (parse("a=6 b=4 | a b"), parse("a=4 b=6 | a b, a")),
    (parse("a=4 b=4 | a b {rank=4}"), families.lora(16, 16, rank=3)),
    (families.lora(16, 16, rank=4), parse("a=4 b=4 | a b {rank=4}")),
    (families.lora(16, 16, rank=4), parse("a=4 b=4 | a, a b {rank=3}, b")),
    (parse("x=16 | x -> r=2 s=2, r s -> x=16"), families.lora(16, 16, rank=3)),
    (parse("a=4 b=4 | a b, a {frozen init=identity}"), parse("a=4 b=4 | a, b")),
    (parse("a=4 b=4 | a b, a b {share=g1}"), parse("a=4 b=4 |")),
    (parse("a=4 b=4 | a b, a b {share=g1}"), parse("a=4 b=4 | a, a {share=g1}")),
    (parse("a=2 b=3 | a b -> a"), parse("a=2 b=3 | b -> b=1, a")),
    (families.quanta((4, 2, 2, 2)), families.kronecker((8, 4))),
    (families.tensor_train((4, 2, 4), rank=16), parse("x=32 | x")),
    (families.tensor_train((4, 2, 4), rank=16), families.quanta((4, 2, 4))),
    (families.tensor_train((4, 4, 4), rank=4), REVERSED),
    (REVERSED, families.tensor_train((4, 4, 4), rank=4)),
    (parse("a=4 b=4 | a -> a r=16, b r -> b"), families.lora(16, 16, rank=1)),
    (families.quanta((2, 2, 2)), families.lora(8, 8, rank=1)),
]


def test_a_frozen_gate_keeps_its_values() -> None:
    circuit = parse("a=4 | a -> r=4, r {frozen init=identity}, per r {frozen}, r -> a=4")
    found = find_containment(circuit, families.lora(4, 4, rank=2))
    assert found is not None
    given = found.tensors(tensors_for(found.target, np.random.default_rng(0), low=2))
    np.testing.assert_array_equal(given["g2"], np.eye(4))
    np.testing.assert_array_equal(given["g3"], np.ones(4))


@pytest.mark.parametrize(("circuit", "target"), CONTAINED, ids=lambda circuit: circuit.text)
def test_contained(circuit: Circuit, target: Circuit) -> None:
    verdict = express(circuit, target)
    assert isinstance(verdict, Containment)
    assert verdict.status == "theorem"
    assert_gives(verdict, seed=1)


@given(circuits(max_gates=4, max_axes=3, max_width=24), SEEDS)
def test_a_bent_circuit_gives_the_same_entries(circuit: Circuit, seed: int) -> None:
    halves = split_ranks(circuit)
    free = [replace(gate, frozen=False) for gate in halves.gates]
    halves = Circuit(halves.inputs, free, outputs=[axis.name for axis in halves.outputs])
    for gate in halves.gates:
        bent = bend(halves, root=gate.name)
        if bent is None:
            continue
        tensors = tensors_for(halves, np.random.default_rng(seed), low=2)
        expected = reference.matrix(halves, tensors).T.reshape(1, -1)
        found = bent.bend_tensors(tensors)
        np.testing.assert_array_equal(reference.matrix(bent.circuit, found), expected)
        back = bent.unbend_tensors(found)
        assert all((back[name] == tensors[name]).all() for name in tensors)


@pytest.mark.parametrize(
    "text",
    ["a=2 b=2 | a, b", "a=2 b=2 | a", "a=2 | per a", "a=2 | a, a {share=g1}", "a=2 | a {frozen}"],
)
def test_what_cannot_be_bent(text: str) -> None:
    assert bend(parse(text), root="g1") is None


def test_a_bent_proof_with_other_roots_is_refused() -> None:
    found = express(families.tensor_train((4, 2, 4), rank=16), parse("x=32 | x"))
    assert isinstance(found, Containment)
    assert found.roots == ("g2", "g1")
    assert found.statement == (
        "with all wires led to g2, g2 does g1, the other gates pass on what they get."
    )
    for roots, problem in (
        (("g9", "g1"), "there is no gate 'g9' to bend a circuit to."),
        (("g1", "g1"), "the fillings are not those of the circuit's gates."),
    ):
        with pytest.raises(CertificateError) as error:
            replace(found, roots=roots).check()
        assert str(error.value) == problem


EXCLUDED = [
    (families.quanta((16, 8, 8, 4)), families.lora(4096, 4096, rank=8), MoreFreedom),
    (families.lora(64, 64, rank=8), families.quanta((4, 4, 4)), HigherRank),
    (families.kronecker((16, 8, 8, 4)), families.quanta((16, 8, 8, 4)), MoreFreedom),
    (families.kronecker((4, 4, 4)), families.lora(64, 64, rank=1), MoreFreedom),
    (families.quanta((2, 2, 2), rounds=3), parse("x=8 | x"), OtherSign),
    (parse("a=4 b=4 c=4 | b c, a b"), parse("a=4 b=4 c=4 | a b, b c"), WiderSplit),
    (parse("a=5 b=9 | a b {rank=20}"), parse("a=5 b=9 | a {rank=3}, b {rank=7}"), HigherRank),
]  # fmt: skip


@pytest.mark.parametrize(
    ("circuit", "target", "kind"), EXCLUDED, ids=lambda value: getattr(value, "text", value)
)
def test_excluded(circuit: Circuit, target: Circuit, kind: type) -> None:
    verdict = express(circuit, target)
    assert isinstance(verdict, NotContained)
    assert isinstance(verdict.reason, kind)
    verdict.check()
    assert verdict.status in ("theorem", "proved by witness")


def test_a_train_does_not_give_every_matrix_of_low_rank() -> None:
    """Of rank 1, in fewer dimensions than the train has: what excludes them is a split."""
    train = families.tensor_train((4, 4, 4), rank=3)
    verdict = express(train, families.lora(64, 64, rank=1))
    assert isinstance(verdict, NotContained)
    assert isinstance(verdict.reason, WiderSplit)
    assert verdict.status == "theorem"
    assert str(verdict) == (
        "does not contain: between input a and output a and the other open wires its T has "
        "operator-Schmidt rank at most 3, almost all T of the other at least 16."
    )


def test_a_split_proved_by_a_drawn_matrix() -> None:
    """Shared tensors rule out paths, so the rank across the split is computed modulo a prime."""
    target = parse("a=3 b=3 | a b, a b {share=g1}")
    verdict = find_obstruction(parse("a=3 b=3 | a, b, a per b, b"), target)
    assert verdict is not None
    if isinstance(verdict.reason, WiderSplit):
        assert verdict.status == "proved by witness"


@pytest.mark.parametrize(
    ("circuit", "target", "met"),
    [
        (families.quanta((2, 2, 2, 2)), families.lora(16, 16, rank=1), True),
        (parse("a=4 b=3 | a b, a"), parse("a=4 b=3 | a, a b"), None),
        (families.quanta((16, 8, 8, 4)), families.lora(4096, 4096, rank=2), None),
    ],
)
def test_fits(circuit: Circuit, target: Circuit, met: bool | None) -> None:
    fit = find_fit(circuit, target) if met is not None else express(circuit, target)
    if met is not None:
        assert fit is not None
        assert fit.met == met
    else:
        assert isinstance(fit, Open) == (circuit.d_in > 1000)


def test_a_fit_that_stays_away_is_said_so() -> None:
    fit = find_fit(families.kronecker((3, 3)), families.lora(9, 9, rank=1))
    assert fit is not None
    assert not fit.met
    assert 0.1 < fit.distance < 1
    assert fit.statement.startswith("the best of 3 fits to a drawn T of the other stayed at")
    assert fit.statement.endswith("(evidence, not proof).")


@given(circuits(max_gates=3, max_axes=3, max_width=12), SEEDS)
def test_a_circuit_meets_itself(circuit: Circuit, seed: int) -> None:
    """Gradients of shared, controlled and bounded gates are right, or no fit would come near."""
    from qcircuit_adapt.analysis.relation.fit import _differentiate, _draw

    halves = split_ranks(circuit)
    rng = np.random.default_rng(seed)
    tensors, step = _draw(halves, rng), 1e-6
    if not tensors:
        return
    slope = _differentiate(halves, tensors)
    moves = {name: rng.standard_normal(tensor.shape) for name, tensor in tensors.items()}
    ahead, behind = (
        reference.matrix(halves, {n: t + sign * step * moves[n] for n, t in tensors.items()})
        for sign in (1, -1)
    )
    expected = slope @ np.concatenate([move.ravel() for move in moves.values()])
    size = np.abs(expected).max(initial=1)
    np.testing.assert_allclose((ahead - behind).ravel() / (2 * step), expected, atol=1e-5 * size)


def test_open_without_evidence() -> None:
    verdict = express(families.quanta((16, 8, 8, 4)), families.lora(4096, 4096, rank=1))
    assert str(verdict) == "may or may not contain: no proof is known here either way."
    assert verdict.status == "open"


def test_dimensions_must_agree() -> None:
    with pytest.raises(SizeError) as error:
        express(families.lora(8, 8, rank=1), parse("a=4 | a"))
    assert str(error.value) == (
        "cannot compare circuit 'lora-8-r1' with the circuit: they map 8 to 8 and 4 to 4.\n"
        "  Compare circuits of the same d_in and d_out."
    )


@pytest.mark.parametrize(
    ("matrix", "rank"),
    [(np.arange(6).reshape(2, 3), 2), (np.arange(6).reshape(3, 2), 4), (np.ones((4, 4)), 1)],
)
def test_factors(matrix: np.ndarray, rank: int) -> None:
    first, second = factor_matrix(matrix, rank=rank)
    assert (len(first), second.shape[1]) == (rank, rank)
    np.testing.assert_allclose(second @ first, matrix, atol=1e-12)


def filled() -> tuple[Containment, Embedding]:
    target = parse("a=4 b=2 | a, b, a b {name=last}")
    found = find_containment(parse("a=4 b=2 | a b, a {share=g3}, a, a b {share=g1}, a b"), target)
    assert found is not None
    assert isinstance(found.how, Embedding)
    return found, found.how


def test_statement() -> None:
    assert filled()[0].statement == "g5 does g1 g2 last, the other gates pass on what they get."


@pytest.mark.parametrize(
    ("place", "changes", "problem"),
    [
        (4, {"does": ("g1", "g2")}, "'g5' cannot do what it is filled with."),
        (4, {"does": ("last", "g1", "g2")}, "'g5' cannot do what it is filled with."),
        (4, {"gate": "g4"}, "the fillings are not those of the circuit's gates."),
        (4, {"on": (("<in>:b",), ("<in>:a",))}, "'g5' takes other wires than it is filled for."),
        (4, {"to": (("last:b",), ("last:a",))}, "'g5' gives more than b=2 carries."),
        (0, {"to": (("<in>:a", "<in>:b"), ())}, "'g1' gives more than a=4 carries."),
        (0, {"does": ("g1",), "to": (("g1:a",), ("<in>:b",))},
         "'g2' takes other wires than it is filled for."),
    ],
)  # fmt: skip
def test_a_tampered_embedding_is_refused(
    place: int, changes: dict[str, object], problem: str
) -> None:
    found, how = filled()
    fillings = list(how.fillings)
    fillings[place] = replace(fillings[place], **changes)
    with pytest.raises(CertificateError) as error:
        replace(found, how=Embedding(tuple(fillings))).check()
    assert str(error.value) == problem


def test_a_shared_tensor_is_filled_once() -> None:
    circuit, target = parse("a=2 | a, a {share=g1}"), parse("a=2 | a")
    assert find_containment(circuit, target) is None
    fillings = (
        Filling("g1", ("g1",), (), (("g1:a",),), (("<in>:a",),)),
        Filling("g2", (), (), (("g1:a",),), (("g1:a",),)),
    )
    with pytest.raises(CertificateError) as error:
        Embedding(fillings).check(circuit, target)
    assert str(error.value) == "'g2' shares a tensor that is filled otherwise."


def test_a_frozen_gate_is_not_filled() -> None:
    circuit, target = parse("a=2 | a {frozen init=identity}"), parse("a=2 | a")
    assert find_containment(circuit, target) is None
    fillings = (Filling("g1", ("g1",), (), (("g1:a",),), (("<in>:a",),)),)
    with pytest.raises(CertificateError) as error:
        Embedding(fillings).check(circuit, target)
    assert str(error.value) == "'g1' is frozen and cannot be filled so."


def test_nothing_may_be_left_undone() -> None:
    circuit, target = parse("a=2 b=2 | a"), parse("a=2 b=2 | b -> b, a")
    fillings = (Filling("g1", ("g2",), (), (("g2:a",),), (("<in>:a",),)),)
    with pytest.raises(CertificateError) as error:
        Embedding(fillings).check(circuit, target)
    assert str(error.value) == "not every gate of the target is done once."
    with pytest.raises(CertificateError) as error:
        Embedding(()).check(parse("a=2 b=2 | -> b a"), parse("a=2 b=2 |"))
    assert str(error.value) == "the outputs are not those of the target."


def test_a_tampered_cut_is_refused() -> None:
    found = find_containment(parse("a=6 b=4 | a b"), parse("a=4 b=6 | a b, a"))
    assert found is not None
    assert found.statement == "it gives every matrix of its shape."
    found.check()
    with pytest.raises(CertificateError) as error:
        replace(found, bonds=(2,)).check()
    assert str(error.value) == "the two dense gates have too few values between them."


@pytest.mark.parametrize(("circuit", "target", "kind"), EXCLUDED[:6], ids=lambda value: str(value))
def test_a_reason_for_other_circuits_is_refused(
    circuit: Circuit, target: Circuit, kind: type
) -> None:
    verdict = express(circuit, target)
    assert isinstance(verdict, NotContained)
    with pytest.raises(CertificateError):
        replace(verdict, circuit=verdict.target, target=verdict.circuit).check()
    with pytest.raises(CertificateError):
        replace(verdict, circuit=verdict.target).check()


def test_a_reason_must_exclude_something() -> None:
    circuit = families.lora(8, 8, rank=2)
    for other, reason in (
        (families.lora(8, 8, rank=4), MoreFreedom),
        (families.quanta((2, 2, 2)), HigherRank),
    ):
        verdict = find_obstruction(circuit, other)
        assert verdict is not None
        above = find_freedom(circuit) if reason is MoreFreedom else claim_rank(circuit)
        bound = {MoreFreedom: 28, HigherRank: 2}[reason]
        with pytest.raises(CertificateError) as error:
            reason(above, above).check(circuit, circuit)
        assert str(error.value) == f"a bound of {bound} does not exclude {bound}."


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a=6 b=4 | a b", "a=4 b=6 | a b"),
        ("a=4 b=4 | a, b {share=g1}", "a=2 b=2 c=4 | a b c"),
        ("a=4 b=4 | a b", "a=4 b=2 | a b"),
    ],
)
def test_what_cannot_be_aligned(one: str, other: str) -> None:
    assert align(parse(one), parse(other)) is None
    assert align(parse(other), parse(one)) is None


def test_a_wire_that_passes_is_cut_at_both_ends() -> None:
    aligned = align(parse("a=4 b=6 | b"), parse("a=2 b=2 c=6 | a b c -> x=24"))
    assert aligned is not None
    assert aligned.one.text == "a_1=2 a_2=2 b=6 | b"
    assert aligned.other.text == "a=2 b=2 c=6 | a b c -> x_1=2 x_2=2 x_3=6"


def test_relations_read_well() -> None:
    quanta = families.quanta((4, 2, 2))
    assert str(relate(quanta, rewrite(quanta, random.Random(1)))).startswith(
        "the first and the second are the same circuit.\n"
        "  same (theorem): both give the same T, once gates and wires are renamed"
    )
    relation = relate(families.lora(8, 8, rank=2), families.lora(8, 8, rank=4))
    assert str(relation) == (
        "lora-8-r4 gives every T of lora-8-r2, and more.\n"
        "  lora-8-r2 does not contain lora-8-r4 (theorem): its T have at most 28 degrees of "
        "freedom, those of the other at least 48.\n"
        "  lora-8-r4 contains lora-8-r2 (theorem): g1 does g1, g2 does g2."
    )
    relation.check()
    assert relation.to_dict() == {
        "statement": "lora-8-r4 gives every T of lora-8-r2, and more.",
        "same": False,
        "forward": {
            "contains": False,
            "status": "theorem",
            "statement": "its T have at most 28 degrees of freedom, those of the other at least "
            "48.",
        },
        "backward": {
            "contains": True,
            "status": "theorem",
            "statement": "g1 does g1, g2 does g2.",
        },
    }


@pytest.mark.parametrize(
    ("one", "other", "statement"),
    [
        ("a=2 b=2 | a b", "x=4 | x, x", "the first and the second give the same T."),
        ("a=2 b=2 | a", "a=2 b=2 | b",
         "each of the first and the second gives T that the other does not."),
        ("a=2 b=2 | a b, a", "a=2 b=2 | a", "the first gives every T of the second, and more."),
    ],
)  # fmt: skip
def test_relation_statements(one: str, other: str, statement: str) -> None:
    assert relate(parse(one), parse(other)).statement == statement


def test_relation_up_to_axes() -> None:
    relation = relate(parse("a=2 b=2 c=2 | b c, a b"), parse("a=2 b=2 c=2 | a b, b c"))
    assert not relation.same
    assert str(relation).splitlines()[1] == (
        "  alike (theorem): both give the same T, up to the order of its input and output axes, "
        "once gates and wires are renamed."
    )
