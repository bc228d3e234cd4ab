"""Splits of the open wires: no matrix of a circuit exceeds the bound across them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from exact_rank import matrix_mod_p, random_tensors, rank_mod_p
from hypothesis import given
from hypothesis import strategies as st
from strategies import circuits

from qcircuit_adapt import Circuit, families
from qcircuit_adapt.analysis import find_cut
from qcircuit_adapt.analysis.structure.schmidt import (
    SchmidtBound,
    find_narrowest_split,
    find_schmidt,
)
from qcircuit_adapt.errors import CertificateError, WireError

SEEDS = st.integers(0, 2**16)


def schmidt_rank(circuit: Circuit, bound: SchmidtBound, *, seed: int) -> int:
    """The rank of T as a matrix from the wires of one side to the others."""
    matrix = matrix_mod_p(circuit, random_tensors(circuit, np.random.default_rng(seed)))
    wires = [("out", axis) for axis in circuit.outputs] + [("in", axis) for axis in circuit.inputs]
    side = {*(("in", name) for name in bound.inputs), *(("out", name) for name in bound.outputs)}
    near = [n for n, (kind, axis) in enumerate(wires) if (kind, axis.name) in side]
    far = [n for n in range(len(wires)) if n not in near]
    entries = matrix.reshape([axis.size for _, axis in wires]).transpose(near + far)
    return rank_mod_p(entries.reshape(int(np.prod([wires[n][1].size for n in near])), -1))


@given(circuits(max_gates=4, max_axes=3, max_width=24), SEEDS, st.data())
def test_the_rank_is_no_larger(circuit: Circuit, seed: int, data: st.DataObject) -> None:
    inputs, outputs = (
        data.draw(st.lists(st.sampled_from([axis.name for axis in axes]), unique=True))
        for axes in (circuit.inputs, circuit.outputs)
    )
    bound = find_schmidt(circuit, inputs=inputs, outputs=outputs)
    bound.check(circuit)
    assert schmidt_rank(circuit, bound, seed=seed) <= min(bound.bound, bound.most)


@given(circuits(max_gates=4))
def test_all_inputs_against_all_outputs_is_the_cut(circuit: Circuit) -> None:
    bound = find_schmidt(circuit, inputs=[axis.name for axis in circuit.inputs])
    assert (bound.bound, bound.most) == (
        find_cut(circuit).bound,
        min(circuit.d_in, circuit.d_out),
    )


@pytest.mark.parametrize(
    ("circuit", "narrowest"),
    [
        (families.quanta((16, 8, 8, 4)), None),
        (families.quanta((2, 2, 2), rounds=2), None),
        (families.tensor_train((16, 16, 16), rank=4), (4, 256)),
        (families.kronecker((64, 64)), (1, 4096)),
        (families.lora(64, 64, rank=4), (4, 64)),
        (Circuit.parse("a=4 b=4 c=4 | a b, c"), (1, 16)),
        (Circuit.parse("a=4 b=4 | a per b"), (4, 16)),
        (Circuit.parse("a=1 b=4 | b"), None),
        (Circuit.parse("a=1 | a"), None),
    ],
    ids=lambda value: getattr(value, "text", value),
)
def test_narrowest_splits(circuit: Circuit, narrowest: tuple[int, int] | None) -> None:
    found = find_narrowest_split(circuit)
    assert (found and (found.bound, found.most)) == narrowest
    if found:
        found.check(circuit)


def test_statement() -> None:
    train = families.tensor_train((4, 4), rank=2)
    first, last = (axes[0].name for axes in (train.inputs, train.outputs))
    bound = find_schmidt(train, inputs=[first], outputs=[last])
    assert bound.statement == (
        f"between input {first} and output {last} and the other open wires, T has "
        "operator-Schmidt rank at most 2, for all gate values, while almost all matrices have 16."
    )
    assert find_schmidt(train, inputs=[first]).statement == (
        f"between input {first} and the other open wires, T has operator-Schmidt rank at most 4, "
        "for all gate values."
    )


def test_a_wire_that_is_not_there() -> None:
    with pytest.raises(WireError) as error:
        find_schmidt(Circuit.parse("a=4 b=4 | a -> c=2"), outputs=["a"])
    assert str(error.value).startswith("the circuit has no open wire 'a' there.")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"bound": 3}, "the cut bonds multiply to 4, but 3 of 16 is claimed."),
        ({"most": 64}, "the cut bonds multiply to 4, but 4 of 64 is claimed."),
        ({"gates": ("g7",)}, "a gate of the cut is not in the circuit."),
        ({"inputs": ("b",)}, "the cut bonds multiply to 16, but 4 of 16 is claimed."),
    ],
)
def test_what_is_no_split_is_refused(changes: dict[str, object], problem: str) -> None:
    circuit = Circuit.parse("a=4 b=4 | a b {rank=4}")
    bound = find_schmidt(circuit, inputs=["a", "b"])
    with pytest.raises(CertificateError) as error:
        replace(bound, **changes).check(circuit)
    assert str(error.value) == problem
