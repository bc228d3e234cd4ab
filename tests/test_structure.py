"""Structure: each statement holds for the matrices of random circuits."""

from __future__ import annotations

import numpy as np
import pytest
from exact_rank import matrix_mod_p, random_tensors, rank_mod_p
from hypothesis import given
from hypothesis import strategies as st
from strategies import circuits

from qcircuit_adapt import Circuit, families
from qcircuit_adapt.analysis.structure.schmidt import find_schmidt
from qcircuit_adapt.analysis.structure.statement import (
    BlockDiagonal,
    Dimension,
    Factors,
    Untouched,
    find_block_diagonal,
    find_dimension,
    find_factors,
    find_structure,
    find_untouched,
    is_excluded,
)
from qcircuit_adapt.errors import CertificateError
from qcircuit_adapt.wires import split_ranks

SEEDS = st.integers(0, 2**16)


@given(circuits(max_gates=4))
def test_every_statement_is_a_theorem_that_checks_itself(circuit: Circuit) -> None:
    for statement in find_structure(circuit):
        assert statement.status == "theorem"
        assert statement.statement.endswith(".")
        statement.check(circuit)


@given(circuits(max_gates=4, max_width=60), SEEDS)
def test_wires_that_pass(circuit: Circuit, seed: int) -> None:
    """Entries whose index on the wire changes are zero; on an untouched one the rest agree."""
    tensors = random_tensors(circuit, np.random.default_rng(seed))
    matrix = matrix_mod_p(circuit, tensors)
    matrix = matrix.reshape([axis.size for axis in (*circuit.outputs, *circuit.inputs)])
    untouched, diagonal = find_untouched(circuit), find_block_diagonal(circuit)
    for found, equal in ((untouched, True), (diagonal, False)):
        for wire in found.wires if found else ():
            given_at = len(circuit.outputs) + [a.name for a in circuit.inputs].index(wire)
            blocks = np.moveaxis(
                matrix, ([a.name for a in circuit.outputs].index(wire), given_at), (0, 1)
            )
            for row in range(len(blocks)):
                for column in range(len(blocks)):
                    if row != column:
                        assert not blocks[row, column].any()
                    elif equal:
                        assert (blocks[row, row] == blocks[0, 0]).all()


@given(circuits(max_gates=4))
def test_factors_have_no_bond_between_them(circuit: Circuit) -> None:
    for inputs, outputs in find_factors(circuit).wires:
        assert find_schmidt(circuit, inputs=inputs, outputs=outputs).bound == 1


@pytest.mark.parametrize(
    ("text", "wires"),
    [
        ("a=4 b=4 c=2 | a b, c", ((("a", "b"), ("a", "b")), (("c",), ("c",)))),
        ("a=4 b=4 | a b {rank=1}", (((), ("a", "b")), (("a", "b"), ()))),
        ("a=4 b=4 | a per b", ((("a", "b"), ("b", "a")),)),
        ("a=4 b=4 z=1 | a z, b z", ((("a",), ("a",)), (("b",), ("b",)))),
        ("a=1 | a", (((), ()),)),
    ],
)
def test_factors(text: str, wires: tuple[tuple[tuple[str, ...], ...], ...]) -> None:
    circuit = Circuit.parse(text)
    found = find_factors(circuit)
    assert {tuple(map(frozenset, part)) for part in found.wires} == {
        tuple(map(frozenset, part)) for part in wires
    }
    found.check(circuit)


@pytest.mark.parametrize(
    ("circuit", "reached", "passes"),
    [
        (families.quanta((16, 8, 8, 4)), 42_211, 402),
        (families.quanta((16, 8, 8, 4), rounds=2), 84_025, 201),
        (families.quanta((16, 16, 16)), 195_841, 86),
        (families.quanta((12, 8, 8)), 22_257, 27),
        (families.quanta((8, 8, 8, 8)), 24_067, 705),
        (families.quanta((2, 2, 2)), 37, 2),
        (families.quanta((4, 3, 2)), 216, 3),
        (families.kronecker((64, 64)), 8_191, None),
        (families.lora(64, 64, rank=4), 512, 8),
        (families.lora(64, 32, rank=4), 384, None),
        (Circuit.parse("a=4 | a"), 16, 1),
        (Circuit.parse("a=4 b=2 | a b {frozen}, a"), 16, 4),
        (Circuit.parse("a=4 b=2 | a per b"), 32, 2),
        (Circuit.parse("a=4 | "), 0, None),
    ],
    ids=lambda value: getattr(value, "text", value),
)
def test_dimensions(circuit: Circuit, reached: int, passes: int | None) -> None:
    found = find_dimension(circuit)
    assert (found.reached, found.passes) == (reached, passes)


@given(circuits(max_gates=3, max_axes=2, max_width=6), SEEDS)
def test_the_dimension_is_no_larger(circuit: Circuit, seed: int) -> None:
    """The rank of the Jacobian at random gates is the dimension, or in bad luck less."""
    halves = split_ranks(circuit)
    tensors = random_tensors(circuit, np.random.default_rng(seed))
    start = matrix_mod_p(circuit, tensors)
    columns = []
    for gate in halves.gates:
        # A frozen gate moves nothing; a shared tensor is not linear in T, and is left out.
        uses = [other for other in halves.gates if halves.owner(other) == halves.owner(gate)]
        if len(uses) > 1 or not halves.trainable(gate):
            continue
        for entry in range(tensors[gate.name].size):
            moved = tensors[gate.name].copy()
            moved.flat[entry] += 1
            columns.append((matrix_mod_p(circuit, tensors | {gate.name: moved}) - start).ravel())
    if columns:
        assert rank_mod_p(np.array(columns)) <= find_dimension(circuit).reached


@pytest.mark.parametrize(
    ("text", "excluded"),
    [
        ("a=2 b=2 | a b", False),
        ("a=3 b=2 | a b, b", False),
        ("a=2 b=2 | a, b", True),
        ("a=2 b=2 c=2 | a b, b c, a c, a b, b c, a c", True),
        ("a=9 | a -> b=2, b -> a=9", True),
        ("a=3 b=2 | a b {rank=5}", True),
    ],
)
def test_universality(text: str, excluded: bool) -> None:
    assert is_excluded(Circuit.parse(text)) == excluded


def test_statements() -> None:
    assert Untouched(("a", "b")).statement == "no gate acts on a b, so T is an identity there."
    assert BlockDiagonal(("a",)).statement == (
        "gates have a only as control wires, so T is block-diagonal there."
    )
    assert Factors(((("a",), ("b",)), (("c", "d"), ()))).statement == (
        "T is a Kronecker product of 2 factors, up to the order of wires, as no bond of more than "
        "one value joins a -> b; c d -> 1."
    )
    fills = "all T together have dimension at most 216 of the 576 of all matrices"
    assert Dimension(576, 27, 189, 3).statement == (
        f"{fills}; at least 3 passes are needed to reach almost all."
    )
    assert Dimension(576, 27, 189, None).statement == f"{fills}."


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (Untouched(("b",)), "the circuit does not show that no gate acts on b, so T is an"),
        (BlockDiagonal(("a",)), "the circuit does not show that gates have a only as control"),
        (Factors(((("a",), ("a",)),)), "the circuit does not show that bonds of more than one"),
        (Dimension(576, 27, 190, 3), "the circuit does not show that all T together have"),
    ],
)
def test_what_is_not_so_is_refused(statement: object, problem: str) -> None:
    with pytest.raises(CertificateError, match=problem):
        statement.check(Circuit.parse("a=4 b=3 c=2 | a, b, c"))
