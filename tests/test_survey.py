"""What is told of a circuit: every number as the parts that prove or plan it say."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from strategies import circuits

from qcircuit_adapt.analysis import claim_rank, find_cut, find_freedom
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.compiler.plan import compile
from qcircuit_adapt.survey import MAX_FREEDOM, TOKENS, CutBond, survey


@given(circuits(max_gates=6))
def test_numbers_are_those_of_the_proofs_and_the_plan(circuit: Circuit) -> None:
    found, plan = survey(circuit), compile(circuit, tokens=TOKENS)
    assert (found.parameters, found.macs_per_token) == (circuit.parameters, circuit.macs_per_token)
    assert (found.planned_macs, found.saved_per_token) == (
        plan.macs_per_token,
        plan.saved_per_token,
    )
    for bounds, claim in [
        (found.rank, claim_rank(circuit, witness=False)),
        (found.update_rank, claim_rank(circuit, form="difference", witness=False)),
        (found.freedom, find_freedom(circuit)),
    ]:
        assert bounds is not None
        assert (bounds.lower, bounds.upper, bounds.exact) == (claim.lower, claim.upper, claim.exact)
    assert sum(gate.parameters for gate in found.gates) == (
        circuit.parameters + circuit.frozen_parameters
    )
    assert sum(gate.macs for gate in found.gates) == circuit.macs_per_token
    assert sum(step.macs for step in found.steps) == plan.apply.macs


@given(circuits(max_gates=6))
def test_steps_take_up_every_gate_once_and_end_with_all(circuit: Circuit) -> None:
    found = survey(circuit)
    joined: set[int] = set()
    for number, step in enumerate(found.steps, 1):
        for part in step.parts:
            if len(part) == 1:
                assert number in found.gates[part[0]].steps or part[0] in joined
        joined.update(index for part in step.parts for index in part)
    assert joined == set(range(len(circuit.gates)))
    assert all(gate.steps for gate in found.gates)
    assert any(found.steps[-1].tokens)
    assert max((step for gate in found.gates for step in gate.steps), default=1) <= len(found.steps)


@given(circuits(max_gates=6))
def test_the_cut_is_the_smallest_and_lies_on_the_gates_it_names(circuit: Circuit) -> None:
    found, cut = survey(circuit), find_cut(circuit)
    assert found.cut_bound == cut.bound
    product = 1
    for bond in found.cut:
        product *= bond.size
    assert product == cut.bound
    names = {gate.name for gate in circuit.gates} | {None}
    for bond in found.cut:
        assert {bond.giver, bond.taker} <= names
        for gate in found.gates:
            assert (f"{bond.wire}={bond.size}" in gate.cut) or (
                gate.name not in (bond.giver, bond.taker)
            )


def test_a_bond_inside_a_gate_is_on_that_gate() -> None:
    found = survey(Circuit.parse("a=8 b=8 | a b {rank=2}", name="inside"))
    assert found.cut == (CutBond("g1_bond", 2, "g1", "g1"),)
    assert found.gates[0].cut == ("g1_bond=2",)
    assert found.gates[0].steps == (1, 2)


def test_a_bond_with_many_ends_is_crossed_where_it_leaves_the_input_s_side() -> None:
    found = survey(Circuit.parse("a=2 x=64 | x -> y=2 per a, a y -> z=64", name="control"))
    assert set(found.cut) == {CutBond("a", 2, "g1", "g2"), CutBond("y", 2, "g1", "g2")}


def test_what_is_special_about_a_gate_is_said() -> None:
    circuit = Circuit.parse("a=4 b=4 | a {frozen init=orthogonal}, b {share=g1}, per a, b per a")
    assert [(gate.wires, gate.special) for gate in survey(circuit).gates] == [
        ("a=4", ("frozen", "starts as orthogonal")),
        ("b=4", ("frozen", "starts as orthogonal", "shares the tensor of g1")),
        ("per a=4", ("diagonal",)),
        ("b=4 per a=4", ()),
    ]


def test_much_work_is_left_out() -> None:
    many = Circuit("a=2 b=2", ["a b"] * (MAX_FREEDOM + 1))
    assert survey(many).freedom is None
    deep = Circuit("a=2 b=2 c=2 d=2", ["a b", "c d", "b c"] * 4)
    assert (survey(deep).searched, survey(deep, quick=True).searched) == (True, False)
    many = Circuit("a=2 b=2", ["a b"] * 17)
    assert (survey(many).searched, survey(many, quick=True).searched) == (True, False)


def test_without_letters_for_an_einsum_there_is_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qcircuit_adapt.survey.MAX_LETTERS", 4)
    for quick in (False, True):
        found = survey(Circuit("a=2 b=2 c=2", ["a b", "b c"] * 6), quick=quick)
        assert (found.planned_macs, found.saved_per_token, found.steps) == (None, None, ())
        assert {gate.steps for gate in found.gates} == {()}


def test_a_survey_is_data_that_json_holds_and_needs_no_torch() -> None:
    code = (
        "import json, sys; from qcircuit_adapt import Circuit; "
        "from qcircuit_adapt.survey import survey; "
        "print(json.dumps(survey(Circuit.parse('a=4 b=3 | a b, b -> b=2')).to_dict())); "
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert (found["d_in"], found["d_out"], found["parameters"]) == (12, 8, 150)
    assert [gate["name"] for gate in found["gates"]] == ["g1", "g2"]
