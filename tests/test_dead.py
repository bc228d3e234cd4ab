"""Trained numbers that have no gradient, against autograd on the module that is trained."""

import pytest
import torch
from hypothesis import given, settings
from strategies import FORMS_ALONE, circuits

from qcircuit_adapt import Adapter, Circuit, load_circuit
from qcircuit_adapt.adapter import Term
from qcircuit_adapt.analysis.dead import DeadEntries, _find_zero, find_dead_entries
from qcircuit_adapt.errors import GateError
from qcircuit_adapt.library import names
from qcircuit_adapt.nn.update import Update
from qcircuit_adapt.wires import split_ranks

SQUARE = "a=16 b=8 c=8 d=4 | c d, b d, a d, b c, a c, a b"


def count_zeros(update):
    """By autograd in float64: how many entries of each gate have no gradient for any of four x."""
    update.zero_grad()
    alive = {name: torch.zeros_like(one, dtype=bool) for name, one in update.named_parameters()}
    for _ in range(4):
        x = torch.randn(1, update.d_in, dtype=torch.float64)
        (update(x) @ torch.randn(update.d_out, dtype=torch.float64)).sum().backward()
        for name, one in update.named_parameters():
            if one.grad is not None:
                alive[name] |= one.grad.abs() > 1e-11
        update.zero_grad()
    return {name.removeprefix("weight_"): int((~one).sum()) for name, one in alive.items()}


@settings(max_examples=80)
@given(circuits(max_width=40))
def test_they_are_those_that_autograd_finds(circuit):
    for form in FORMS_ALONE:
        try:
            adapter = Adapter(circuit, form=form)
        except GateError:
            continue
        torch.manual_seed(0)
        update = Update(adapter, dtype=torch.float64)
        found = {dead.gate: dead for dead in find_dead_entries(circuit, form)}
        at_start = {name: count for name, count in count_zeros(update).items() if count}
        assert at_start == {name: dead.at_start for name, dead in found.items() if dead.at_start}
        for parameter in update.parameters():
            torch.nn.init.normal_(parameter)
        always = {name: count for name, count in count_zeros(update).items() if count}
        assert always == {name: dead.always for name, dead in found.items() if dead.always}


@pytest.mark.parametrize("name", names())
def test_no_shipped_circuit_has_dead_numbers(name):
    circuit = load_circuit(name)
    for form in FORMS_ALONE:
        try:
            found = find_dead_entries(circuit, form)
        except GateError:
            assert form == "residual"
            assert any(gate.frozen for gate in circuit.gates)
            continue
        assert not any(dead.always for dead in found)
        halves = split_ranks(circuit).gates
        if form == "zero":
            # All but the gate that is zero wait for it.
            waiting = {gate.name for gate in halves if not gate.frozen and not gate.share}
            waiting -= {_find_zero(Term(circuit, form))}
            assert {dead.gate for dead in found if dead.at_start == dead.total} == waiting
            assert len(found) == len(waiting)
        elif form == "difference" or all(gate.rows == gate.columns for gate in halves):
            assert found == ()


def test_a_square_circuit_whose_outputs_are_cut_trains_in_vain():
    """What the published code does for v_proj of a model with grouped-query attention."""
    circuit = Circuit.parse(f"{SQUARE}, a -> a=4 {{frozen init=identity}}")
    (dead,) = find_dead_entries(circuit, "difference")
    assert dead == DeadEntries("g6", total=16_384, at_start=12_288, always=12_288)
    assert f"{dead.always / circuit.parameters:.1%}" == "28.6%"
    assert str(dead) == (
        "gate 'g6': of 16,384 numbers 12,288 have no gradient at the start, 12,288 never have one"
    )


def test_identities_that_cut_let_gates_wait():
    """In form 'residual' what the last gate cuts off at the start cannot move the update yet."""
    found = find_dead_entries(Circuit.parse(f"{SQUARE} -> a=4 b"), "residual")
    assert found == (
        DeadEntries("g3", total=4096, at_start=3072, always=0),
        DeadEntries("g5", total=16_384, at_start=12_288, always=0),
    )


def test_halves_and_frozen_gates():
    circuit = Circuit.parse("a=4 b=3 | a {frozen init=zero}, a b {rank=2}")
    with pytest.raises(GateError, match="is frozen at zero"):
        find_dead_entries(circuit)
    circuit = Circuit.parse("a=4 b=3 | a b {rank=2}, a -> a=2 {frozen}, b")
    assert find_dead_entries(circuit) == ()
    found = find_dead_entries(Circuit.parse("a=4 b=3 | b, a b {rank=2}"), "zero")
    assert [(dead.gate, dead.at_start, dead.always) for dead in found] == [
        ("g1", 9, 0),
        ("g2_in", 24, 0),
    ]
