"""The checker: what the proofs find it accepts, and whatever is changed it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from certificate_file import (
    Document,
    plain,
    sign,
    write_document,
    write_sum,
)
from hypothesis import given
from hypothesis import strategies as st
from strategies import circuits, fit

from qcircuit_adapt import Adapter, Circuit, Form, families, library, load_circuit, prove
from qcircuit_adapt.adapter import FORMS, FORMS_ON_WEIGHT, Term
from qcircuit_adapt.analysis import find_witness
from qcircuit_adapt.analysis.field.sum_witness import find_sum_witness
from qcircuit_adapt.analysis.freedom.permutation import find_permuted
from qcircuit_adapt.analysis.record import to_record, write_evidence
from qcircuit_adapt.errors import CertificateError, SizeError
from qcircuit_adapt.verify import verify

LORA = Circuit.parse("x=12 | x -> r=3, r -> y=10", name="lora")
KRONECKER = families.kronecker((4, 14), to=(7, 8))
TWO_TERMS = Circuit.parse("x=5 y=9 | x -> u=9 k=2, y k -> v=5", name="two terms")
NARROW = Adapter(families.lora(6, 5, rank=1), form="zero")
LOW_RANK = Circuit.parse("a=3 b=2 | a b {rank=2}, per a b", name="low rank")
PASSES = Circuit.parse("a=2 b=2 c=2 | a b, b c, a b, b c", name="two passes")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", library.names())
def test_shipped_circuits(name: str, form: Form) -> None:
    circuit = load_circuit(name)
    if circuit.d_in != circuit.d_out and form in FORMS_ON_WEIGHT:
        with pytest.raises(SizeError):
            write_document(circuit, form=form)
        return
    document = write_document(circuit, form=form, freedom=False)
    assert verify(document).name == name


@pytest.mark.parametrize(
    ("text", "rank", "update"),
    [
        ("a=12 b=8 c=8 | b c {rank=50}, a c {rank=77}, a b {rank=80}", 600, 768),
        ("x=5 y=9 | x -> u=9 k=2, y k -> v=5", 42, 45),
        ("x=3 y=5 | x -> u=5 k=2, y k -> v=3", 14, 15),
        ("a=4 b=14 | a -> a=7, b -> b=8", 32, 52),
        ("a=9 b=9 | a {rank=3}, b {rank=6}", 18, 36),
        ("x=2 y=100 | x -> e=2 f=100, y e -> o=2", 8, 16),
    ],
)
def test_ranks_that_need_more_than_a_cut(text: str, rank: int, update: int) -> None:
    circuit = Circuit.parse(text)
    document = write_document(circuit, form="difference", freedom=circuit.d_in < 500)
    report = str(verify(document))
    assert f"rank of T = {rank:,}, " in report
    assert f"rank of the update in form 'difference' = {update:,}, " in report


def test_a_bridge_of_a_large_product() -> None:
    circuit = families.kronecker((32, 112), to=(56, 64))
    document = write_document(circuit, form="difference", witness=False)
    assert document["update_rank"]["upper"] == 3328
    assert "at most 3,328: " in str(verify(document))


@given(circuits(max_width=60), st.sampled_from(FORMS))
def test_certificates_of_random_circuits(circuit: Circuit, form: Form) -> None:
    verify(write_document(fit(circuit, form), form=form))


STARTS = st.sampled_from([None, "kaiming", "orthogonal", "identity", "normal", "ones", "zero"])


@given(circuits(max_width=40, max_gates=4), st.data(), st.sampled_from(FORMS))
def test_certificates_of_circuits_with_special_gates(
    circuit: Circuit, data: st.DataObject, form: Form
) -> None:
    circuit = fit(circuit, form)
    gates = [
        gate
        if gate.share
        else replace(gate, init=data.draw(STARTS), frozen=gate.frozen or data.draw(st.booleans()))
        for gate in circuit.gates
    ]
    outputs = [axis.name for axis in circuit.outputs]
    verify(write_document(Circuit(circuit.inputs, gates, outputs=outputs), form=form))


def test_the_gate_that_starts_at_zero_is_drawn_in_its_first_half() -> None:
    circuit = Circuit.parse("a=6 | a {init=orthogonal rank=2}, per a {frozen}")
    verdict = str(verify(write_document(circuit, form="zero")))
    assert "directions at the start = 12, theorem" in verdict


def test_a_file_and_the_report(tmp_path: Path) -> None:
    path = tmp_path / "certificate.json"
    path.write_text(json.dumps(write_document(LORA, form="difference"), indent=1), encoding="utf-8")
    verdict = verify(path)
    assert str(verdict) == str(verify(str(path)))
    assert str(verdict).splitlines() == [
        "lora: every claim holds",
        "  66 parameters, 66 MACs per token",
        "    counted tensor by tensor",
        "  QuanTA's bounds",
        "    the ranks of the gates were put into Sylvester's inequality",
        "  rank of T = 3, theorem",
        "    at least 3: every path was followed, and bonds have room for all they carry",
        "    at most 3: the bonds of the cut were multiplied",
        "  rank of the update in form 'difference' = 6, theorem",
        "    at least 6: every path was followed, and bonds have room for all they carry",
        "    at most 6: the bonds of the cut were multiplied",
        "  degrees of freedom = 57, theorem",
        "    at least 57: trees of gates determine all but the bases of their bonds",
        "    at most 57: of 66 parameters in 2 blocks 9 do nothing",
        "  directions at the start = 57, theorem",
        "    at least 57: trees of gates determine all but the bases of their bonds",
        "    at most 57: of 66 parameters in 2 blocks 9 do nothing",
        "  3 statements",
        "    derived from the graph, which shows no other",
    ]


def test_progress_is_told() -> None:
    told: list[tuple[int, int, str]] = []
    verify(write_document(TWO_TERMS), on_progress=lambda *step: told.append(step))
    assert told[0] == (45, 90, "rows of the matrix")
    assert told[-1] == (90, 90, "columns eliminated")


def permuted() -> Document:
    document = write_document(PASSES, freedom=False)
    found = find_permuted(PASSES)
    assert found
    claim = document["degrees_of_freedom"]
    claim |= {"lower": found.bound, "at_least": write_evidence(found), "exact": False}
    claim["status"] = "proved interval"
    return sign(document)


def rotations(circuit: Circuit, form: Form) -> Document:
    return plain(to_record(prove(circuit, form=form, orthogonal=True)))


def projected() -> Document:
    document = write_document(LORA)
    found = find_witness(LORA, target=3)
    assert found
    assert found.projection == 3
    document["rank"] |= {"at_least": write_evidence(found), "status": "proved by witness"}
    return sign(document)


def sum_witness() -> Document:
    """The rank, 3 + 6 of two updates, at gates of another seed."""
    other = Circuit.parse("a=4 b=3 | a b -> y=10 {rank=3}", name="other")
    adapter = Adapter([Term(LORA, "zero", 0.75), Term(other, "difference", -2.0)])
    document = write_sum(adapter)
    found = find_sum_witness(adapter, seed=5)
    assert found
    assert found.bound == 9
    document["update_rank"]["at_least"] = write_evidence(found)
    return sign(document)


DOCUMENTS = {
    "lora": lambda: write_document(LORA, form="difference"),
    "lora start": lambda: write_document(LORA, form="zero"),
    "kronecker": lambda: write_document(KRONECKER, form="difference"),
    "product": lambda: write_document(
        Circuit.parse("a=3 b=3 z=2 | a {rank=2}, b {rank=2}"), form="difference"
    ),
    "two terms": lambda: write_document(TWO_TERMS, form="residual"),
    "passes": lambda: write_document(PASSES, form="residual"),
    "on the weight": lambda: write_document(LOW_RANK, form="output"),
    "blocks": lambda: write_document(
        Circuit.parse("a=4 b=3 c=1 z=2 | b per a, b {frozen}, -> b a z c"), form="difference"
    ),
    "frozen": lambda: write_document(
        Circuit.parse("a=4 b=3 | a b {frozen rank=2 init=identity}"), form="zero"
    ),
    "unproved": lambda: write_document(
        Circuit.parse("a=4 b=3 | a b {frozen rank=2 init=orthogonal}, a"), witness=False
    ),
    "rotations": lambda: rotations(families.quanta((3, 3)), "output"),
    "rotations that share": lambda: rotations(
        Circuit.parse("a=2 b=2 | a {name=g}, b {share=g}"), "residual"
    ),
    "permuted": permuted,
    "projected": projected,
    "sum": lambda: write_sum(Adapter(LORA) + Adapter(Circuit.parse("x=12 | x -> y=10"), scale=0.5)),
    "sum witness": sum_witness,
    "sum on the weight": lambda: write_sum(
        Adapter(families.quanta((3, 2)), form="input")
        + Adapter(families.lora(6, 7, rank=2), form="zero", scale=0.5)
    ),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_these_certificates_hold(name: str) -> None:
    verify(DOCUMENTS[name]())


def test_they_hold_every_kind_of_evidence() -> None:
    def kinds(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            yield from [value["by"]] if "by" in value else []
        for inner in value.values() if isinstance(value, dict) else value:
            if isinstance(inner, dict | list):
                yield from kinds(inner)

    found = {kind for make in DOCUMENTS.values() for kind in kinds(make())}
    ranks = {"invertible", "scaled", "routing", "witness", "untrained", "unproved"}
    freedom = {"tree", "tangent", "jacobian", "permuted", "no theorem", "gauge"}
    structure = {"untouched", "block diagonal", "factors", "dimension", "schmidt"}
    structure |= {"determinant sign", "rank gap"}
    held = {"orthogonal", "turned", "rotation witness", "euler", "skew", "angles", "rotation"}
    assert found == ranks | freedom | structure | held | {
        "cut",
        "product",
        "bridge",
        "term",
        "sum",
        "sum witness",
    }


def alter(value: Any) -> Iterator[Any]:
    """Other values of about the same type."""
    match value:
        case bool():
            yield from (not value, int(value))
        case int():
            yield from (value + 1, value - 1, float(value))
        case float():
            yield from (value + 1, str(value), 0.0)
        case str():
            yield from (value + "x", value[1:], None)
        case list():
            yield from ([], None) if value else (["x"], None)
            for n in range(len(value)):
                yield value[:n] + value[n + 1 :]
                yield [*value, value[n]]
            for n in range(len(value) - 1):
                if value[n] != value[n + 1]:
                    yield [*value[:n], value[n + 1], value[n], *value[n + 2 :]]
        case dict():
            yield {**value, "more": 1}
            for key in value:
                yield {name: inner for name, inner in value.items() if name != key}
        case None:
            yield from (0, "", 5)


def alterations(value: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The path of each alteration of a document, what is there now, and the whole."""
    for altered in alter(value):
        yield path, altered, altered
    if isinstance(value, dict):
        for key, inner in value.items():
            for where, new, altered in alterations(inner, f"{path}.{key}" if path else key):
                yield where, new, {**value, key: altered}
    if isinstance(value, list):
        for n, inner in enumerate(value):
            for where, new, altered in alterations(inner, f"{path}[{n}]"):
                yield where, new, [*value[:n], altered, *value[n + 1 :]]


WIDE = ("circuit", "terms", "scale")
"""What, if it is altered, is first missed elsewhere."""


def is_harmless(path: str, value: Any) -> bool:
    """Say whether what stands at a path may be another, of the same type.

    Names mean nothing; paths, factors and the blocks of a gauge have no order; another seed or term
    may show the same rank, and another scale the same bounds. A claim of a term may be left out.
    """
    last = path.split(".")[-1]
    if last.startswith("terms[") and isinstance(value, dict):
        return "start" not in value and "more" not in value
    if last in ("name", "seed", "scale", "term"):
        return type(value) in (str, int, float)
    unordered = last in ("paths", "factors") or "at_most.blocks" in path
    return unordered and isinstance(value, list)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_alteration_is_refused(name: str) -> None:
    document = DOCUMENTS[name]()
    accepted, elsewhere = [], []
    for path, value, altered in alterations(document):
        if path in ("", "digest"):
            continue
        try:
            verify(sign(altered))
        except CertificateError as error:
            place = error.problem.split(": ")[0]
            if place.split(".")[0].split("[")[0] != path.split(".")[0].split("[")[0]:
                elsewhere.append((path, value, str(error)))
        else:
            accepted.append((path, value))
    assert [one for one in accepted if not is_harmless(*one)] == []
    assert [one for one in elsewhere if one[0].split(".")[-1] not in WIDE] == []


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"rank.lower": 4}, "rank.lower: 4 is more than the upper bound, 3."),
        ({"rank.exact": 1}, "rank.exact: the interval shows true, not 1."),
        ({"rank.status": "proved"}, 'rank.status: the evidence shows "theorem", not "proved".'),
        ({"rank.at_most.bound": 2}, "rank.at_most.bound: the cut shows 3, not 2."),
        (
            {"rank.at_most.input_side": ["g2", "g1"]},
            "rank.at_most.input_side[1]: 'g1' stands before 'g2' in the circuit, not after it.",
        ),
        (
            {"rank.at_most.input_side": ["g3"]},
            "rank.at_most.input_side[0]: 'g3' is no gate here; expected one of: 'g1', 'g2'.",
        ),
        (
            {"rank.at_least.paths": [{"width": 4, "bonds": ["<in>:x"], "gates": []}]},
            "rank.at_least.paths[0].bonds[0]: bond '<in>:x' does not join <in> to <out>.",
        ),
        (
            {
                "rank.at_least.paths": [
                    {"width": 4, "bonds": ["<in>:x", "g1:r", "g2:y"], "gates": ["g1", "g2"]}
                ]
            },
            "rank.at_least.paths: they carry 4 values over bond 'g1:r' of size 3.",
        ),
        (
            {"update_rank.at_most.subject": "T"},
            "update_rank.at_most.subject: evidence on T proves nothing about T - S.",
        ),
        (
            {"update_rank.form": "residual"},
            "update_rank.at_least.by: 'routing' is no evidence here; expected one of: 'witness', "
            "'unproved', 'scaled'.",
        ),
        (
            {"rank.at_least": {"by": "invertible", "bound": 3}},
            "rank.at_least.by: gate 'g1' cannot be invertible.",
        ),
        (
            {"degrees_of_freedom.at_least": {"by": "tangent", "bound": 57}},
            "degrees_of_freedom.at_least.by: gate 'g1' cannot be the identity.",
        ),
        (
            {"degrees_of_freedom.at_most.parameters": 67},
            "degrees_of_freedom.at_most.parameters: the count of the blocks' parameters shows 66, "
            "not 67.",
        ),
        (
            {"degrees_of_freedom.at_least": {"by": "jacobian", "rows": 58, "seed": 0, "odds": 1}},
            "degrees_of_freedom.at_least.bound: the key is missing.",
        ),
        ({"counts.d_in": 12.0}, "counts.d_in: the count shows 12, not 12.0."),
        ({"counts.d_in": True}, "counts.d_in: the count shows 12, not true."),
        ({"statements": []}, "statements: the graph shows 3 statements, not 0."),
        (
            {"circuit": "x=12 | x->r=3, r -> y=10"},
            'circuit: the circuit, written out, shows "x=12 | x -> r=3, r -> y=10", not "x=12 | '
            'x->r=3, r -> y=10".',
        ),
        (
            {"circuit": "x=12"},
            "circuit: it is no circuit.\n  expected one '|' between the axes and the gates, "
            "found 0.",
        ),
        ({"more": 1}, "more: the key is unknown."),
        ({"version": 2}, "version: this checker, which reads one format, shows 1, not 2."),
    ],
)
def test_what_a_refusal_says(change: Document, error: str) -> None:
    document = write_document(LORA, form="difference")
    for path, value in change.items():
        *way, last = path.split(".")
        place = document
        for key in way:
            place = place[key]
        place[last] = value
    with pytest.raises(CertificateError) as caught:
        verify(sign(document))
    assert str(caught.value) == error


@pytest.mark.parametrize(
    ("form", "change", "error"),
    [
        ("output", {"weight_rank": 5}, "weight_rank: the shape of the weight shows 6, not 5."),
        (
            "output",
            {"weight_rank": None},
            "weight_rank: the shape of the weight shows 6, not null.",
        ),
        ("residual", {"weight_rank": 6}, "weight_rank: no form here multiplies the base weight."),
        (
            "residual",
            {"update_rank.form": "input"},
            "weight_rank: the key is missing, but a form multiplies the weight.",
        ),
        (
            "output",
            {"update_rank.at_least.form": "output"},
            'update_rank.at_least.form: the claim shows "residual", not "output".',
        ),
    ],
)
def test_what_is_said_of_the_base_weight(form: Form, change: Document, error: str) -> None:
    document = write_document(LOW_RANK, form=form)
    assert document["update_rank"]["at_least"]["by"] == "witness"
    for path, value in change.items():
        *way, last = path.split(".")
        place = document
        for key in way:
            place = place[key]
        place[last] = value
    with pytest.raises(CertificateError) as caught:
        verify(sign(document))
    assert str(caught.value) == error


def test_a_form_on_the_weight_needs_a_square_circuit() -> None:
    document = write_document(LORA, form="residual") | {"weight_rank": 10}
    document["update_rank"]["form"] = "input"
    with pytest.raises(CertificateError) as caught:
        verify(sign(document))
    assert str(caught.value) == "circuit: form 'input' needs a circuit with d_in = d_out."


def test_a_sum_says_for_which_base_weights_it_holds() -> None:
    document = DOCUMENTS["sum on the weight"]()
    verdict = str(verify(document))
    assert "rank of the update, for every base weight of rank 6, = 6, theorem" in verdict
    # Exchanged for a narrower one, the second term leaves a weight of rank 5.
    lora = write_sum(Adapter(families.lora(6, 5, rank=2), form="zero") + NARROW)["terms"][0]
    document["terms"][1] = lora | {"scale": 0.5}
    document["counts"] = document["counts"] | {
        "d_out": 5,
        "parameters": 36 + 22,
        "macs_per_token": 36 + 22,
    }
    document["weight_rank"] = 5
    with pytest.raises(CertificateError) as caught:
        verify(sign(document))
    assert str(caught.value) == (
        "terms[0].form: a weight of rank 5 loses some of its 6 dimensions."
    )
    document["terms"][1]["form"] = "output"
    with pytest.raises(CertificateError):
        verify(sign(document))


def test_terms_agree_on_the_shape_of_the_weight() -> None:
    document = DOCUMENTS["sum"]()
    document["terms"][1] = write_sum(NARROW + NARROW)["terms"][0]
    with pytest.raises(CertificateError) as caught:
        verify(sign(document))
    assert str(caught.value) == ("terms[1].circuit: its d_in is 6, that of terms before 12.")


def test_a_changed_file_is_refused_by_its_digest() -> None:
    document = write_document(LORA)
    with pytest.raises(CertificateError, match=r"^digest: the rest of the file shows .*, not .*"):
        verify(document | {"name": "other"})


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("{", "{path} cannot be read."),
        ("[" * 100_000, "{path} cannot be read."),
        ('{"a": 1, "a": 1}', "the file has the key 'a' twice in one object."),
        ('{"a": NaN}', "the file has NaN, which is no number."),
        ("[]", "the file: a certificate is a JSON object."),
        ("{}", "format: the key is missing."),
    ],
)
def test_files_that_are_no_certificates(content: str, error: str, tmp_path: Path) -> None:
    path = tmp_path / "certificate.json"
    path.write_text(content)
    with pytest.raises(CertificateError) as caught:
        verify(path)
    assert caught.value.problem == error.replace("{path}", str(path))


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(CertificateError) as caught:
        verify("nowhere.json")
    assert str(caught.value) == (
        "nowhere.json cannot be read.\n  No such file or directory.\n"
        "  Give a file that 'qcircuit prove -o' wrote."
    )


@pytest.mark.parametrize(
    ("circuit", "evidence", "error"),
    [
        (
            families.lora(32768, 32768, rank=2),
            {"projection": None},
            "rank.at_least.by: the matrix has 1,073,741,824 entries; the limit is 268,435,456.",
        ),
        (
            LORA,
            {"projection": 11},
            "rank.at_least.projection: 11 is more than the matrix has rows or columns.",
        ),
        (
            LORA,
            {"prime": 7},
            "rank.at_least.prime: this format shows 2,097,143, not 7.",
        ),
        (
            LORA,
            {"form": "difference"},
            'rank.at_least.form: the claim shows null, not "difference".',
        ),
        (
            Circuit.parse("a=4 b=3 | a b {frozen init=orthogonal}, a"),
            {},
            "rank.at_least.by: gate 'g1' is held orthogonal, where nothing is drawn.",
        ),
    ],
)
def test_witnesses_that_are_none(circuit: Circuit, evidence: Document, error: str) -> None:
    document = write_document(circuit, freedom=False)
    drawn = {"form": None, "prime": 2097143, "seed": 0, "projection": None, "digest": ""}
    bound = document["rank"]["lower"]
    document["rank"]["at_least"] = {"by": "witness", "bound": bound, **drawn, **evidence}
    with pytest.raises(CertificateError) as caught:
        verify(sign(document))
    assert str(caught.value) == error


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        (58, "58 rows are of no use where at most 57 are free."),
        (
            10**20,
            "expected a whole number from 0 to 9,223,372,036,854,775,807, not "
            "100,000,000,000,000,000,000.",
        ),
    ],
)
def test_jacobians_that_are_too_large(rows: int, error: str) -> None:
    document = write_document(LORA)
    evidence = {"by": "jacobian", "bound": 57, "rows": rows, "seed": 0, "odds": 1}
    document["degrees_of_freedom"]["at_least"] = evidence
    with pytest.raises(CertificateError) as caught:
        verify(sign(document))
    assert str(caught.value) == f"degrees_of_freedom.at_least.rows: {error}"


def test_a_term_of_scale_zero_shows_nothing() -> None:
    document = write_sum(Adapter(LORA) + Adapter(Circuit.parse("x=12 | x -> y=10"), scale=0.5))
    document["terms"][1]["scale"] = 0.0
    with pytest.raises(CertificateError, match=r"^update_rank.at_least.term: its scale is 0\.$"):
        verify(sign(document))
