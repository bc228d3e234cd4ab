"""The first step: as many directions as the Jacobian has where training starts."""

from __future__ import annotations

import numpy as np
import pytest
from exact_jacobian import count_directions
from exact_rank import random_tensors
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import circuits, fit

from qcircuit_adapt import Circuit, Form, Term, families
from qcircuit_adapt.adapter import FORMS, FORMS_FROM_IDENTITY
from qcircuit_adapt.analysis.bounds.cut import find_zero
from qcircuit_adapt.analysis.freedom.claim import find_freedom
from qcircuit_adapt.analysis.freedom.start import Start, find_start
from qcircuit_adapt.errors import GateError
from qcircuit_adapt.wires import split_ranks


def start_of(circuit: Circuit, form: Form) -> Start | None:
    return find_start(circuit, form, find_freedom(circuit))


@pytest.mark.parametrize(
    ("circuit", "form", "bounds"),
    [
        (families.lora(20, 24, rank=3), "zero", (72, 72)),
        (families.lora(4096, 4096, rank=16), "zero", (65536, 65536)),
        (families.lora(20, 24, rank=3), "difference", (123, 123)),
        (families.lora(20, 24, rank=3), "residual", None),
        (families.quanta((16, 8, 8, 4)), "difference", (42211, 42211)),
        (families.quanta((16, 8, 8, 4)), "residual", (42211, 42211)),
        # A second pass of identities adds nothing to the first step.
        (families.quanta((16, 8, 8, 4), rounds=2), "residual", (42211, 42211)),
        (families.quanta((16, 8, 8, 4)), "zero", (16384, 16384)),
        (Circuit.parse("a=3 b=2 | a {init=orthogonal}, b"), "difference", None),
        (Circuit.parse("a=3 b=2 | a, b {frozen}"), "residual", None),
        (Circuit.parse("a=3 b=3 | a, b {share=g1}"), "residual", None),
        (Circuit.parse("a=3 b=3 | a, b {share=g1}"), "zero", None),
        (Circuit.parse("a=3 b=2 | a b {frozen}"), "zero", (0, 0)),
        (Circuit.parse("a=3 b=4 | a b, a per b {init=zero}, b"), "zero", (36, 36)),
        (Circuit.parse("a=3 b=4 | a b {init=orthogonal}, a per b"), "zero", (36, 36)),
        (Circuit.parse("x=9 | x -> r=2, r -> x=9 {rank=3}"), "zero", (18, 18)),
    ],
    ids=lambda value: value.name or value.text if isinstance(value, Circuit) else str(value),
)
def test_known_starts(circuit: Circuit, form: Form, bounds: tuple[int, int] | None) -> None:
    found = start_of(circuit, form)
    assert (found and (found.lower, found.upper)) == bounds
    if found:
        assert found.status == "theorem"
        found.below.check(circuit)
        found.above.check(circuit)


@given(
    circuits(max_gates=4, max_axes=3, max_width=16),
    st.sampled_from(FORMS),
    st.integers(0, 99),
)
def test_the_jacobian_at_the_start_lies_between(circuit: Circuit, form: Form, seed: int) -> None:
    circuit = fit(circuit, form)
    try:
        Term(circuit, form)
    except GateError:
        assume(False)
    assume(circuit.parameters <= 300)
    found = start_of(circuit, form)
    assume(found is not None)
    assert found
    found.below.check(circuit)
    found.above.check(circuit)
    halves = split_ranks(circuit)
    drawn = random_tensors(circuit, np.random.default_rng(seed), start=True)
    for gate in halves.gates:
        if form in FORMS_FROM_IDENTITY and not gate.share and not gate.frozen:
            one = np.broadcast_to(
                np.eye(gate.rows, gate.columns), (gate.blocks, gate.rows, gate.columns)
            )
            drawn[gate.name] = one.astype(np.int64).reshape(gate.shape)
    if form == "zero":
        zero = find_zero(circuit)
        drawn[zero] = np.zeros_like(drawn[zero])
    directions = count_directions(circuit, drawn)
    assert found.lower <= directions <= found.upper
