"""The reference against arithmetic written out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from qcircuit_adapt import Circuit, reference
from qcircuit_adapt.errors import TensorError

RNG = np.random.default_rng(7)


def test_a_gate_on_one_axis_is_a_kronecker_factor() -> None:
    first, second = RNG.standard_normal((2, 2)), RNG.standard_normal((4, 3))
    circuit = Circuit.parse("a=2 b=3 | a, b -> b=4")
    expected = np.kron(first, second)
    matrix = reference.matrix(circuit, {"g1": first, "g2": second})
    np.testing.assert_allclose(matrix, expected, rtol=1e-15, atol=0)


def test_gates_act_in_written_order() -> None:
    first, second = RNG.standard_normal((2, 3, 3)), None
    second = RNG.standard_normal((6, 6)).reshape(2, 3, 2, 3)
    blocks = np.zeros((6, 6))
    blocks[:3, :3], blocks[3:, 3:] = first
    matrix = reference.matrix(Circuit.parse("a=2 b=3 | b per a, a b"), {"g1": first, "g2": second})
    np.testing.assert_allclose(matrix, second.reshape(6, 6) @ blocks, rtol=1e-14)


def test_a_diagonal_gate_multiplies_entries() -> None:
    weights = RNG.standard_normal((2, 3))
    matrix = reference.matrix(Circuit.parse("a=2 b=3 | per a b"), {"g1": weights})
    np.testing.assert_array_equal(matrix, np.diag(weights.ravel()))


def test_a_merged_wire_counts_its_parts_row_major() -> None:
    weights = RNG.standard_normal((5, 2, 3))
    matrix = reference.matrix(Circuit.parse("a=2 b=3 | a b -> r=5"), {"g1": weights})
    np.testing.assert_array_equal(matrix, weights.reshape(5, 6))


def test_the_stated_output_order_permutes_rows() -> None:
    vector = np.arange(6.0)
    matrix = reference.matrix(Circuit.parse("a=2 b=3 | a, -> b a"), {"g1": np.eye(2)})
    np.testing.assert_array_equal(matrix @ vector, vector.reshape(2, 3).T.ravel())


def test_a_shared_tensor_acts_twice() -> None:
    weights = RNG.standard_normal((3, 3))
    circuit = Circuit.parse("a=3 b=3 | a, b {share=g1}")
    matrix = reference.matrix(circuit, {"g1": weights})
    np.testing.assert_allclose(matrix, np.kron(weights, weights), rtol=1e-15, atol=0)


def test_the_published_formula_of_quanta() -> None:
    """One einsum over x and all gates in the official order, axes 4 x 3 x 2 x 2."""
    circuit = Circuit("a=4 b=3 c=2 d=2", ["c d", "b d", "a d", "b c", "a c", "a b"])
    tensors = {gate.name: RNG.standard_normal(gate.shape) for gate in circuit.gates}
    x = RNG.standard_normal((4, 3, 2, 2))
    cd, bd, ad, bc, ac, ab = tensors.values()
    # One letter for each piece of wire, the pieces numbered along the wire.
    y = np.einsum(
        x, [0, 10, 20, 30],
        cd, [21, 31, 20, 30],
        bd, [11, 32, 10, 31],
        ad, [1, 33, 0, 32],
        bc, [12, 22, 11, 21],
        ac, [2, 23, 1, 22],
        ab, [3, 13, 2, 12],
        [3, 13, 23, 33],
        optimize=True,
    )  # fmt: skip
    expected = reference.matrix(circuit, tensors) @ x.ravel()
    np.testing.assert_allclose(y.ravel(), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({}, "there is no tensor for gate 'g1'.\n  There are none."),
        (
            {"g1": np.ones((2, 3))},
            "the tensor of gate 'g1' has shape (2, 3), but must have (2, 2).\n"
            "  Shapes count (per..., to..., on...).",
        ),
    ],
)
def test_missing_and_misshapen_tensors(tensors: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(TensorError) as caught:
        reference.matrix(Circuit.parse("a=2 | a"), tensors)
    assert str(caught.value) == message
