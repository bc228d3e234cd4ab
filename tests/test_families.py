"""Families: their circuits, the circuit for a layer's shape, and the shipped files."""

from __future__ import annotations

import numpy as np
import pytest
from peft.tuners.lokr.layer import factorization as lokr_factors

from qcircuit_adapt import Circuit, reference
from qcircuit_adapt.circuit_file import dumps
from qcircuit_adapt.errors import FamilyError, LimitError
from qcircuit_adapt.families import (
    FAMILIES,
    brickwork,
    butterfly,
    call_family,
    gralora,
    kronecker,
    lokr,
    lora,
    monarch,
    oft,
    quanta,
    resolve,
    tensor_train,
)
from qcircuit_adapt.library import entries, load_circuit, names
from qcircuit_adapt.locate import shared_folder

RNG = np.random.default_rng(11)

SHAPES = [
    (768, 768),
    (768, 3072),
    (1024, 1024),
    (4096, 4096),
    (4096, 1024),
    (4096, 11008),
    (11008, 4096),
    (4096, 14336),
    (14336, 4096),
    (5120, 5120),
    (5120, 13824),
    (8192, 8192),
    (8192, 1024),
    (8192, 28672),
]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("d_in", "d_out"), SHAPES)
def test_every_family_fits_every_layer(family: str, d_in: int, d_out: int) -> None:
    if FAMILIES[family].square:
        d_out = d_in
    circuit = resolve(family, d_in, d_out)
    assert (circuit.d_in, circuit.d_out) == (d_in, d_out)
    assert 0 < circuit.parameters < d_in * d_out
    touched = {axis.name for gate in circuit.gates for axis in (*gate.on, *gate.per)}
    assert {axis.name for axis in circuit.inputs} <= touched


def test_quanta_has_the_official_order() -> None:
    assert quanta((16, 8, 8, 4)) == Circuit(
        "a=16 b=8 c=8 d=4",
        ["c d", "b d", "a d", "b c", "a c", "a b"],
        name="quanta-16-8-8-4",
    )
    assert [gate.format() for gate in quanta((2, 3, 4, 5, 6)).gates][:3] == [
        "d e {name=g1}",
        "c e {name=g2}",
        "b e {name=g3}",
    ]


def test_the_last_gate_on_an_axis_changes_its_size() -> None:
    circuit = quanta((4, 3, 2), to=(2, 3, 5), rounds=2)
    assert circuit.text == ("a=4 b=3 c=2 | b c, a c, a b, b c, a c -> a c=5, a b -> a=2 b")
    assert circuit.name == "quanta-4-3-2-to-2-3-5-x2"


def test_kronecker_is_a_kronecker_product() -> None:
    circuit = kronecker((3, 4), to=(2, 5))
    first, second = RNG.standard_normal((2, 3)), RNG.standard_normal((5, 4))
    matrix = reference.matrix(circuit, {"g1": first, "g2": second})
    np.testing.assert_allclose(matrix, np.kron(first, second), rtol=1e-15, atol=0)


def test_lora_is_a_product() -> None:
    down, up = RNG.standard_normal((2, 6)), RNG.standard_normal((4, 2))
    matrix = reference.matrix(lora(6, 4, rank=2), {"g1": down, "g2": up})
    np.testing.assert_allclose(matrix, up @ down, rtol=1e-13, atol=1e-15)


def test_tensor_train_is_a_matrix_product_operator() -> None:
    circuit = tensor_train((2, 3, 4), rank=2, to=(3, 3, 2))
    cores = [RNG.standard_normal(gate.shape) for gate in circuit.gates]
    names = [gate.name for gate in circuit.gates]
    # Cores have shape (out, right bond, in, left bond), without the bonds that are not there.
    expected = np.einsum("ARa,BSbR,CcS->ABCabc", *cores).reshape(18, 24)
    matrix = reference.matrix(circuit, dict(zip(names, cores, strict=True)))
    np.testing.assert_allclose(matrix, expected, rtol=1e-12, atol=1e-14)


def test_monarch_is_block_diagonal_permuted_block_diagonal() -> None:
    right, left = RNG.standard_normal((3, 4, 4)), RNG.standard_normal((4, 3, 3))
    circuit = monarch((3, 4))
    blocks = np.zeros((12, 12))
    for block in range(3):
        blocks[4 * block : 4 * block + 4, 4 * block : 4 * block + 4] = right[block]
    other = np.zeros((12, 12))
    for block in range(4):
        other[3 * block : 3 * block + 3, 3 * block : 3 * block + 3] = left[block]
    swap = np.eye(12).reshape(3, 4, 12).swapaxes(0, 1).reshape(12, 12)
    matrix = reference.matrix(circuit, {"g1": right, "g2": left})
    np.testing.assert_allclose(matrix, swap.T @ other @ swap @ blocks, rtol=1e-12, atol=1e-14)


def test_butterfly_holds_the_hadamard_transform() -> None:
    circuit = butterfly((2, 2, 2))
    hadamard = np.array([[1, 1], [1, -1]])
    tensors = {gate.name: np.tile(hadamard, (2, 2, 1, 1)) for gate in circuit.gates}
    expected = np.kron(np.kron(hadamard, hadamard), hadamard)
    np.testing.assert_array_equal(reference.matrix(circuit, tensors), expected)
    assert circuit.parameters == 3 * 2 * 8


def test_brickwork_shifts_from_layer_to_layer() -> None:
    assert brickwork((2, 2, 2, 2, 2), layers=3).text == (
        "a=2 b=2 c=2 d=2 e=2 | a b, c d, b c, d e, a b, c d"
    )


@pytest.mark.parametrize("name", names())
def test_shipped_circuits_equal_their_family(name: str) -> None:
    entry = entries()[name]
    circuit = load_circuit(name)
    assert circuit == call_family(entry.family)
    assert circuit.name == name
    path = shared_folder("circuits") / f"{name}.toml"
    assert path.read_text(encoding="utf-8") == dumps(circuit)
    assert entry.use
    assert entry.source


def test_every_family_ships_a_circuit_and_every_file_is_listed() -> None:
    assert {entry.family.split("(")[0] for entry in entries().values()} == set(FAMILIES)
    files = {path.stem for path in shared_folder("circuits").glob("*.toml")} - {"index"}
    assert files == set(names())


@pytest.mark.parametrize(
    ("spec", "shape", "message"),
    [
        ("quantaa(axes=4)", (8, 8), "'quantaa' is not a family.\n  Did you mean 'quanta'?"),
        (
            "quanta(axis=4)",
            (16, 16),
            "quanta has no option 'axis'.\n"
            "  in family:  quanta(axis=4)\n"
            "                     ^^^^^^\n"
            "  Did you mean 'axes'?",
        ),
        (
            "quanta(4)",
            (16, 16),
            "'4' is not an option of a family.\n"
            "  in family:  quanta(4)\n"
            "                     ^\n"
            '  Write "name=number", or sizes as in "axes=16-8-8-4".',
        ),
        (
            "lora(rank=0)",
            (8, 8),
            "'lora(rank=0)' has rank=0; expected one whole number, 1 or more.\n  Write \"rank=2\".",
        ),
        (
            "quanta(axes=4-3)",
            (8, 8),
            "'quanta(axes=4-3)' has axes 4-3 = 12, but the dimension is 8.\n"
            '  Leave the sizes open, and they are found: "axes=4".',
        ),
        (
            "quanta(axes=4-2, to=4-2-1)",
            (8, 8),
            "quanta-4-2-to-4-2-1 has 2 axes but 3 output sizes.\n"
            "  Give one output size for each axis.",
        ),
        (
            "lora(d_in=8)",
            (16, 16),
            "'lora(d_in=8)' says d_in=8, but the layer has d_in=16.\n"
            "  Leave d_in out: the layer decides it.",
        ),
        (
            "a=4 | a",
            (8, 8),
            "the circuit maps 4 to 4, but the layer maps 8 to 8.\n"
            '  Use a family, which fits every shape: "quanta(axes=4)".',
        ),
        (
            "quanta(axes=1)",
            (8, 8),
            "quanta needs 2 to 24 axes, not 1.\n"
            '  For example "quanta(axes=2)", or the sizes: "axes=64-64".',
        ),
        (
            "brickwork(axes=2-2-2, to=2-2-1, layers=1)",
            (8, 4),
            "brickwork-2-2-2-to-2-2-1-x1 has no gate on axis 'c' that could change its size from 2 "
            "to 1.\n  Use more layers, or change the size of another axis.",
        ),
    ],
)
def test_errors(spec: str, shape: tuple[int, int], message: str) -> None:
    with pytest.raises(FamilyError) as caught:
        resolve(spec, *shape)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("spec", "shape", "message"),
    [
        (
            "gralora(rank=6, blocks=4)",
            (48, 48),
            'gralora has blocks=4, which does not divide rank=6.\n  Write "blocks=3".',
        ),
        (
            "mora(size=32)",
            (48, 36),
            'mora has size=32, which does not divide d_in=48.\n  Write "size=12".',
        ),
        ("lokr(both=2)", (8, 8), "lokr has both=2; expected 0 or 1."),
        ("road(group=9)", (9, 9), "road has group=9; expected an even number, 2 or more."),
        (
            "boft(block=4, factors=3)",
            (24, 24),
            "boft has factors=3, for which the number of blocks, 6, would have to be a multiple of "
            '4.\n  Write "factors=2", or choose smaller blocks.',
        ),
        (
            "oft(block=8)",
            (48, 40),
            "'oft(block=8)' is square, but the layer maps 48 to 40.\n"
            "  It acts on one side of the weight: W (T - I) or (T - I) W.\n"
            "  Call it with the dimension of that side.",
        ),
    ],
)
def test_sizes_that_a_family_cannot_have(spec: str, shape: tuple[int, int], message: str) -> None:
    with pytest.raises(FamilyError) as caught:
        resolve(spec, *shape)
    assert str(caught.value) == message


def test_functions_refuse_what_is_not_positive() -> None:
    with pytest.raises(FamilyError, match="oft has block=0; expected 1 or more"):
        oft(8, block=0)
    with pytest.raises(FamilyError, match="gralora has d_in=0; expected 1 or more"):
        gralora(0, 8, rank=2)


@pytest.mark.parametrize(
    ("dimension", "factor", "axes"),
    [
        (5120, None, (64, 80)),
        (5120, 16, (16, 320)),
        (5120, 15, (10, 512)),
        (4096, 1024, (1024, 4)),
        (7, 3, (1, 7)),
        (1, None, (1, 1)),
    ],
)
def test_lokr_cuts_dimensions(dimension: int, factor: int | None, axes: tuple[int, int]) -> None:
    circuit = lokr(dimension, dimension, rank=dimension, factor=factor)
    assert tuple(axis.size for axis in circuit.inputs) == axes
    assert axes == lokr_factors(dimension, -1 if factor is None else factor)


def test_a_family_without_sizes_asks_for_them() -> None:
    with pytest.raises(FamilyError) as caught:
        call_family("quanta")
    assert str(caught.value) == (
        "'quanta' leaves the sizes of its axes open.\n"
        '  Write them out: "quanta(axes=16-8-8-4)", or give "d_in=4096".'
    )
    with pytest.raises(FamilyError) as caught:
        call_family("lora(rank=4)")
    assert str(caught.value) == (
        "'lora(rank=4)' needs the dimensions of a layer.\n  Write \"lora(d_in=4096, d_out=4096)\"."
    )


def test_a_million_rounds_are_refused_by_name() -> None:
    with pytest.raises(LimitError) as caught:
        quanta((2, 2), rounds=10**6)
    assert str(caught.value) == (
        "circuit 'quanta-2-2-x1000000' has 1,000,000 gates; at most 10,000 are allowed.\n"
        "  Use fewer, larger gates or fewer rounds."
    )
