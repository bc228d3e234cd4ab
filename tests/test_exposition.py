"""Exposition: certificates in words, compared with texts that were read, and checked as LaTeX."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import circuits, fit, rotations

from qcircuit_adapt import (
    Circuit,
    Form,
    SumCertificate,
    families,
    load_adapter,
    load_circuit,
)
from qcircuit_adapt.adapter import FORMS
from qcircuit_adapt.analysis import Certificate, RankClaim, find_cut, find_structure, prove
from qcircuit_adapt.analysis.exposition import argue, explain, to_tex
from qcircuit_adapt.analysis.exposition.freedom import count_by_wires
from qcircuit_adapt.analysis.exposition.piece import Math
from qcircuit_adapt.analysis.exposition.statement import Statement
from qcircuit_adapt.analysis.exposition.tex import escape
from qcircuit_adapt.analysis.exposition.text import flatten
from qcircuit_adapt.analysis.formula import list_symbols
from qcircuit_adapt.analysis.freedom.claim import Freedom, find_freedom
from qcircuit_adapt.analysis.freedom.gauge import count_gauge
from qcircuit_adapt.analysis.freedom.jacobian import find_jacobian
from qcircuit_adapt.analysis.freedom.span import count_span
from qcircuit_adapt.analysis.structure.generate import find_generated

GOLDEN = Path(__file__).parent / "golden" / "proofs"

KRONECKER_SUM = Circuit.parse("x=32 y=112 | x -> u=56 k=2, y k -> v=64", name="kronecker-sum")

BRIDGE = Circuit.parse("x=5 y=9 | x -> u=9 k=2, y k -> v=5")

NASTY = Circuit.parse(
    "hid_1=4 b=3 c=2 | b per hid_1, hid_1 c -> hid_1=2 c k=2 {rank=3 name=my_gate}, "
    "c k -> c {init=orthogonal}, b {frozen}, b {share=g4 name=twin}",
    name="50 % of {a_b} & #1 ~ ^ \\ $x$ <é> ═",
)


def prove_with_jacobian(circuit: Circuit, form: Form | None = None) -> Certificate:
    freedom = find_freedom(circuit, witness=True)
    return replace(prove(circuit, form=form), degrees_of_freedom=freedom)


def statements_of(certificate: Certificate) -> list[Statement]:
    return [one for section in argue(certificate).sections for one in section.statements]


def find(certificate: Certificate, topic: str) -> list[Statement]:
    return [one for one in statements_of(certificate) if one.topic == topic]


def words(certificate: Certificate) -> str:
    return " ".join(explain(certificate).split())


@pytest.mark.parametrize(
    ("circuit", "form"),
    [
        (load_circuit("quanta-16-8-8-4"), "difference"),
        (load_circuit("lora-4096-r16"), "zero"),
        (load_circuit("tensor-train-16-16-16-r4"), "difference"),
        (KRONECKER_SUM, "difference"),
        (families.oft(4096, block=32), "output"),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_golden_texts(circuit: Circuit, form: Form) -> None:
    """To change what is said, run with ``UPDATE_GOLDEN=1`` and read the new texts."""
    certificate = prove(circuit, form=form)
    for name, written in (
        (f"{circuit.name}.txt", explain(certificate)),
        (f"{circuit.name}.tex", to_tex(certificate)),
    ):
        path = GOLDEN / name
        if os.environ.get("UPDATE_GOLDEN"):
            path.write_text(written, encoding="utf-8")
        assert written == path.read_text(encoding="utf-8")


def test_golden_text_of_rotations() -> None:
    certificate = prove(families.quanta((5, 3, 3)), form="output", orthogonal=True)
    for ending, written in (("txt", explain(certificate)), ("tex", to_tex(certificate))):
        path = GOLDEN / f"quanta-5-3-3-orthogonal.{ending}"
        if os.environ.get("UPDATE_GOLDEN"):
            path.write_text(written, encoding="utf-8")
        assert written == path.read_text(encoding="utf-8")


@settings(max_examples=30)
@given(rotations(), st.sampled_from(("residual", "input", "output")))
def test_rotations_are_explained(circuit: Circuit, form: Form) -> None:
    certificate = prove(circuit, form=form, orthogonal=True)
    text = explain(certificate)
    assert "Every gate is held orthogonal, and starts at the identity." in " ".join(text.split())
    assert re.search(r"\.\.|  \S.*  | ,| \.|\(\)|\{\}", text.replace("      - ", "")) is None
    check_tex(to_tex(certificate, document=True))
    for topic in ("dimension", "products of such gates", "sign of the determinant", "no factors"):
        assert not find(certificate, topic)


def test_a_sum() -> None:
    """The golden text has the sum; its terms are told as they are alone."""
    certificate = prove(load_adapter("quanta-16-8-8-4 + 2.0 zero lora(rank=8)"))
    assert isinstance(certificate, SumCertificate)
    text, path = explain(certificate), GOLDEN / "quanta-and-lora.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
    alone = "\n".join(explain(certificate.terms[1]).splitlines()[4:8])
    assert alone in text
    check_tex(to_tex(certificate))


def test_a_sum_by_a_witness() -> None:
    certificate = prove(load_adapter("lora(d_in=12, rank=2) + lora(rank=1)"))
    text = " ".join(explain(certificate).split())
    assert (
        "Theorem 2 (rank of the sum; proved by witness). For all gate values rank dW <= 6" in text
    )
    assert "At gates drawn from seed 0 as whole numbers modulo 2,097,143 the sum" in text
    check_tex(to_tex(certificate, document=True))


@pytest.mark.parametrize(
    ("circuit", "form", "claim", "reason"),
    [
        (
            families.lora(20, 24, rank=3),
            "zero",
            "at generic values of the gates that do not start at zero, the update moves in 72 "
            "directions.",
            "passes over the bonds r = 3, y = 24, which have 3 * 24 = 72 values.",
        ),
        (
            families.quanta((3, 2, 2), rounds=2),
            "residual",
            "Where training starts the update moves in 72 directions.",
            "Training starts with every gate an identity.",
        ),
        (
            families.lora(20, 24, rank=3),
            "difference",
            "Where training starts, generically the update moves in 123 directions.",
            "Training starts at the gates of S, which are drawn at random.",
        ),
    ],
)
def test_the_first_step(circuit: Circuit, form: Form, claim: str, reason: str) -> None:
    certificate = prove(circuit, form=form)
    (statement,) = find(certificate, "first step")
    assert statement.status == "theorem"
    text = words(certificate)
    assert claim in text
    assert reason in text


@settings(max_examples=40)
@given(circuits(), st.sampled_from((None, *FORMS)))
def test_every_certificate_is_explained(circuit: Circuit, form: Form | None) -> None:
    certificate = prove(fit(circuit, form), form=form)
    text = explain(certificate)
    assert text.endswith("\n")
    assert max(map(len, text.splitlines())) <= 100
    assert "\u00a0" not in text
    assert re.search(r"\.\.|  \S.*  | ,| \.|\(\)|\{\}", text.replace("      - ", "")) is None
    numbers = [one.number for one in statements_of(certificate)]
    assert numbers == list(range(1, len(numbers) + 1))
    check_tex(to_tex(certificate))
    check_tex(to_tex(certificate, document=True))


@settings(max_examples=20)
@given(circuits(max_gates=3, max_axes=3), st.sampled_from((None, *FORMS)))
def test_every_claimed_number_is_of_the_certificate(circuit: Circuit, form: Form | None) -> None:
    circuit = fit(circuit, form)
    certificate = prove_with_jacobian(circuit, form)
    known = {0, circuit.d_in, circuit.d_out, *numbers_in(certificate)}
    known |= {*numbers_in(find_structure(circuit))}
    known |= {symbol.size for symbol in list_symbols(circuit).values()}
    known |= {len(part.wires) for part in find_structure(circuit) if hasattr(part, "wires")}
    if generated := find_generated(circuit):
        least = generated.dimension - generated.gap
        known |= {generated.dimension, least + 1, generated.dimension - 1}
    for section in argue(certificate).sections:
        for statement in section.statements:
            for piece in statement.claim:
                if isinstance(piece, Math):
                    assert {*piece.numbers} <= known | gap_numbers(circuit), statement.topic


def numbers_in(value: Any) -> Iterator[int]:
    if type(value) is int:
        yield value
    elif isinstance(value, tuple):
        for one in value:
            yield from numbers_in(one)
    elif is_dataclass(value):
        for field in fields(value):
            yield from numbers_in(getattr(value, field.name))
        if hasattr(value, "reached"):
            yield value.reached


def gap_numbers(circuit: Circuit) -> set[int]:
    return {one.dimension - one.gap for one in find_structure(circuit) if hasattr(one, "gap")}


@given(circuits(max_gates=4), st.sampled_from((None, *FORMS)))
def test_what_is_sampled_is_not_called_proved(circuit: Circuit, form: Form | None) -> None:
    certificate = prove_with_jacobian(fit(circuit, form), form)
    statuses = {"theorem", "proved by witness", "proved interval", ""}
    for statement in statements_of(certificate):
        chance = re.fullmatch(r"Monte Carlo \(1 in [\d,]+\)", statement.status)
        assert chance or statement.status in statuses
        if chance:
            assert statement.kind == "Remark"
        if statement.kind == "Theorem":
            assert statement.status in ("theorem", "proved by witness")
        assert bool(statement.proof) == bool(statement.status)


def test_a_rank_that_was_only_sampled() -> None:
    """The cut alone leaves 42 to 45; the witness at 42 makes the lower end likely, no more."""
    certificate = prove(BRIDGE)
    below = certificate.rank.below
    apart = replace(certificate, rank=RankClaim(42, 45, below, find_cut(BRIDGE)))
    apart.check()
    [claim] = find(apart, "rank of the circuit")
    assert (claim.kind, claim.status) == ("Proposition", "proved interval")
    assert flatten(claim.claim).replace("\u00a0", " ") == (
        "For all gate values rank T <= 45, and generically rank T >= 42."
    )
    [remark] = find(apart, "the generic rank")
    assert remark.status == "Monte Carlo (1 in 24,373)"
    assert "This is no proof." in words(apart)
    assert not find(certificate, "the generic rank")
    [exact] = find(certificate, "rank of the circuit")
    assert (exact.kind, exact.status) == ("Theorem", "proved by witness")


def test_degrees_of_freedom_that_were_only_sampled() -> None:
    """Gates that could be merged leave a gap to their own count."""
    circuit = Circuit.parse("a=2 b=2 c=2 | a b, b c, a b c")
    above = count_gauge(circuit)
    below = find_jacobian(circuit, rows=above.bound)
    assert below
    freedom = Freedom(below.bound, above.bound, below, above)
    freedom.check(circuit)
    apart = replace(prove(circuit), degrees_of_freedom=freedom)
    [claim] = find(apart, "degrees of freedom")
    assert (claim.kind, claim.status) == ("Proposition", "proved interval")
    [remark] = find(apart, "the generic rank of the Jacobian")
    assert remark.status == freedom.status == f"Monte Carlo (1 in {below.odds:,})"
    # With as many rows as the rank, the rows may be what limits it.
    few = find_jacobian(circuit, rows=5)
    assert few
    limited = replace(apart, degrees_of_freedom=Freedom(5, above.bound, few, above))
    limited.check()
    assert not find(limited, "the generic rank of the Jacobian")


@pytest.mark.parametrize(
    ("text", "form", "phrase"),
    [
        ("a=5 | a {frozen}", "difference", "No gate is trained, so the update stays zero."),
        ("a=2 b=3 | ", None, "There are no gates"),
        ("a=9 b=9 | a {rank=3}, b {rank=6}", "difference", "has rank at least 2^2 * 3^2 = 36."),
        ("a=9 b=9 z=3 | a, b", "zero", "No gate acts on z."),
        ("a=4 b=3 | b per a", None, "T is block-diagonal on a."),
        ("a=3 b=3 | a {rank=1}, b, a {share=g1}", "difference", "g3 has that of g1."),
        ("x=9 | x -> r=2 {frozen}, r -> y=9", "difference", "All trained gates are on one side,"),
        ("x=9 | x -> r=2 {init=orthogonal}, r -> y=9", "difference", '"g1: orthogonal"'),
        ("a=2 b=2 c=2 | a b, b c {frozen}", None, "The values of frozen gates (g2) count"),
        ("a=2 b=2 c=2 | a b, b c, a c", "residual", "those of negative determinant are not even"),
        ("a=4 b=3 c=2 | a b, b c, a c", "zero", "all of them are limits of products"),
        ("a=4 b=2 | a b, a per b {frozen}", None, "is the product of those of its blocks"),
        ("a=3 b=3 | a {share=h}, a {name=h}", "zero", "becomes"),
    ],
)
def test_phrases(text: str, form: Form | None, phrase: str) -> None:
    found = words(prove(Circuit.parse(text), form=form))
    assert (phrase in found) == (phrase != "becomes")


def test_a_shared_gate_scales_by_a_power() -> None:
    circuit = Circuit.parse("a=3 b=3 | a, b, a {share=g1}")
    assert "T - S becomes c^2 (T' - S / c^2)." in words(prove(circuit, form="residual"))


def test_a_product_of_parts() -> None:
    certificate = prove(families.kronecker((4, 14), to=(7, 8)), form="difference", witness=False)
    assert "So T - S factors through a sum of 2 products A_k (x) B_k" in words(certificate)


@pytest.mark.parametrize(
    ("spaces", "counts"),
    [
        ([{}], [(0, 1)]),
        ([{"a": 4, "b": 9}], [(0, 1), (1, 11), (2, 24)]),
        ([{"a": 4}, {"b": 9, "c": 1}], [(0, 1), (1, 11)]),
        ([{"a": 3}], None),
    ],
)
def test_counts_by_wires(
    spaces: list[dict[str, int]], counts: list[tuple[int, int]] | None
) -> None:
    assert count_by_wires(spaces) == counts
    if counts:
        assert sum(count for _, count in counts) == count_span(spaces)


def check_tex(tex: str) -> None:
    """See that braces, environments and math are closed, and that nothing is left unescaped."""
    body = "\n".join(line for line in tex.splitlines() if not line.startswith("%"))
    plain = re.sub(r"\\\\|\\[{}_%&#$]", "", body)
    depth = 0
    for letter in plain:
        depth += {"{": 1, "}": -1}.get(letter, 0)
        assert depth >= 0
    assert depth == 0
    opened: list[str] = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", plain):
        if kind == "begin":
            opened.append(name)
        else:
            assert opened.pop() == name
    assert not opened
    for line in plain.splitlines():
        assert line.count("$") % 2 == 0
        outside = re.sub(r"\$[^$]*\$", "", line)
        if not line.startswith(("\\documentclass", "\\usepackage", "\\newtheorem")):
            assert not re.search(r"[_^&#%~]", outside), line
        assert outside.isascii() or re.search("[À-ÿ]", outside)


def test_letters_that_latex_reads_otherwise() -> None:
    assert escape("a_b 5% {x}&#$ é ═\n") == r"a\_b 5\% \{x\}\&\#\$ é [U+2550][U+000A]"
    tex = to_tex(prove(NASTY))
    check_tex(tex)
    assert r"50 \% of \{a\_b\} \& \#1 \textasciitilde{} \textasciicircum{}" in tex
    assert r"\mathtt{my\_gate\_in}" in tex
    assert r"\mathit{hid\_1}" in tex


def test_a_fragment_says_what_it_needs() -> None:
    certificate = prove(BRIDGE)
    fragment, document = to_tex(certificate), to_tex(certificate, document=True)
    comments = [line[1:].strip() for line in fragment.splitlines() if line.startswith("%")]
    assert comments[0] == "Needs in the preamble:"
    assert {*comments[1:]} <= {*document.splitlines()}
    body = [line for line in fragment.splitlines() if not line.startswith("%")]
    assert "\n".join(body) in document
    assert "documentclass" not in fragment


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="pdflatex is not installed")
@pytest.mark.parametrize(
    ("circuit", "form"),
    [(NASTY, "difference"), (families.quanta((2, 3, 2)), "residual"), (BRIDGE, "zero")],
    ids=["names", "quanta", "bridge"],
)
def test_the_document_compiles(circuit: Circuit, form: Form, tmp_path: Path) -> None:
    tex = to_tex(prove_with_jacobian(circuit, form), document=True)
    (tmp_path / "proof.tex").write_text(tex, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "proof.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "proof.pdf").stat().st_size > 10_000
    assert "Overfull" not in done.stdout
