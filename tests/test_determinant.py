"""Determinants: their sign and the gap in the ranks, by exact whole numbers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from exact_rank import matrix_mod_p, random_tensors, rank_mod_p
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import axes, sizes_of, tensors_for

from qcircuit_adapt import Circuit, families, reference
from qcircuit_adapt.analysis.structure.determinant import (
    DeterminantSign,
    RankGap,
    _permutation_sign,
    find_powers,
    find_rank_gap,
    find_sign,
)
from qcircuit_adapt.axes import Axis, product
from qcircuit_adapt.declaration import advance
from qcircuit_adapt.errors import CertificateError
from qcircuit_adapt.gate import Gate

SEEDS = st.integers(0, 2**16)


def determinant(matrix: np.ndarray) -> Fraction:
    """The determinant of whole numbers, by elimination in fractions."""
    rows = [[Fraction(int(entry)) for entry in row] for row in matrix]
    value = Fraction(1)
    for n in range(len(rows)):
        pivot = next((m for m in range(n, len(rows)) if rows[m][n]), None)
        if pivot is None:
            return Fraction(0)
        if pivot != n:
            rows[n], rows[pivot] = rows[pivot], rows[n]
            value = -value
        value *= rows[n][n]
        for m in range(n + 1, len(rows)):
            factor = rows[m][n] / rows[n][n]
            rows[m] = [a - factor * b for a, b in zip(rows[m], rows[n], strict=True)]
    return value


def signs_of(circuit: Circuit, *, count: int) -> set[int]:
    rng = np.random.default_rng(0)
    values = (
        determinant(reference.matrix(circuit, tensors_for(circuit, rng, low=3)))
        for _ in range(count)
    )
    return {(value > 0) - (value < 0) for value in values} - {0}


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("a=2 b=2 c=2 | a b, b c, a c", 1),
        ("a=2 b=2 c=2 | a b, b c, a c, a b, b c, a c", 1),
        ("a=2 b=2 c=2 d=2 | c d, b d, a d, b c, a c, a b", 1),
        ("a=4 b=2 c=2 | a b, b c, a c", 1),
        ("a=2 b=2 | a, b, -> b a", -1),
        ("a=2 b=4 | a, b -> c=2 d=2, -> c a d", 1),
        ("a=2 b=4 | a per b, b, -> b a", None),
        ("a=2 b=2 c=2 | c per a, b", 1),
        ("a=3 b=2 | a, a {share=g1}, b {name=h}, b {share=h}", 1),
        ("a=2 b=2 | a, a b {frozen}", 0),
        ("a=4 b=3 c=2 | a b, b c, a c", None),
        ("a=2 b=2 | a b", None),
        ("a=2 b=2 | a {rank=2}, b", 1),
        ("a=2 b=2 | a {rank=1}, b", None),
        ("a=2 b=2 | ", None),
    ],
)
def test_signs(text: str, sign: int | None) -> None:
    circuit = Circuit.parse(text)
    found = find_sign(circuit)
    assert found == (None if sign is None else DeterminantSign(sign))
    if found:
        found.check(circuit)
    if sign:
        assert signs_of(circuit, count=12) == {sign}
    if text == "a=4 b=3 c=2 | a b, b c, a c":
        assert signs_of(circuit, count=12) == {1, -1}


@st.composite
def square_circuits(draw: st.DrawFn, *, max_width: int) -> Circuit:
    """Circuits of square gates that keep, exchange, merge or split wires, or share a tensor."""
    wires = inputs = draw(axes(max_axes=3, max_width=max_width))
    gates: list[Gate] = []
    for position in range(draw(st.integers(1, 4))):
        shuffled = draw(st.permutations(wires))
        split = draw(st.integers(0, len(wires)))
        on, per = (
            tuple(shuffled[:split]),
            tuple(shuffled[split : draw(st.integers(split, max(split, 4)))]),
        )
        if not on + per:
            continue
        to = tuple(draw(st.permutations(on)))
        if on and draw(st.booleans()):
            two = 2 if product(on) % 2 == 0 else 1
            to = (Axis(f"x{position}", two), Axis(f"y{position}", product(on) // two))
        gate = Gate(on, to=to, per=per, name=f"h{position}")
        twin = next((g for g in gates if not g.share and sizes_of(g) == sizes_of(gate)), None)
        if twin and draw(st.booleans()):
            gate = Gate(on, to=to, per=per, name=gate.name, share=twin.name)
        gates.append(gate)
        wires = advance(wires, gate)
    return Circuit(inputs, gates, outputs=draw(st.permutations([axis.name for axis in wires])))


@given(square_circuits(max_width=12), SEEDS)
def test_the_determinant_is_a_product_of_powers(circuit: Circuit, seed: int) -> None:
    assume(circuit.gates)
    tensors = tensors_for(circuit, np.random.default_rng(seed), low=2)
    powers = find_powers(circuit)
    expected = Fraction(_permutation_sign(circuit))
    for name, tensor in tensors.items():
        gate = next(gate for gate in circuit.gates if gate.name == name)
        for block in tensor.reshape(gate.blocks, gate.rows, gate.columns):
            expected *= determinant(block) ** powers[name]
    assert determinant(reference.matrix(circuit, tensors)) == expected


@pytest.mark.parametrize(
    ("text", "gap"),
    [
        ("a=2 b=2 c=2 | a b, b c, a c", RankGap(8, 2)),
        ("a=4 b=3 c=2 | a b, b c, a c", RankGap(24, 2)),
        ("a=4 b=3 c=2 | a, b c", RankGap(24, 4)),
        ("a=4 b=3 c=2 | a per c, b", RankGap(24, 3)),
        ("a=4 b=3 | a b, a", None),
        ("a=4 b=3 | a -> a=3, b -> b=4", None),
    ],
)
def test_gaps(text: str, gap: RankGap | None) -> None:
    circuit = Circuit.parse(text)
    assert find_rank_gap(circuit) == gap
    if gap:
        gap.check(circuit)


@given(square_circuits(max_width=40), SEEDS, st.data())
def test_no_rank_in_the_gap(circuit: Circuit, seed: int, data: st.DataObject) -> None:
    """Let one block of one gate lack one dimension; the rank falls by the gap or more."""
    assume(circuit.gates)
    gap = find_rank_gap(circuit) or RankGap(circuit.d_in, 1)
    tensors = random_tensors(circuit, np.random.default_rng(seed))
    assert rank_mod_p(matrix_mod_p(circuit, tensors)) == gap.dimension
    gate = data.draw(st.sampled_from([gate for gate in circuit.gates if not gate.share]))
    blocks = tensors[gate.name].reshape(gate.blocks, gate.rows, gate.columns).copy()
    blocks[data.draw(st.integers(0, gate.blocks - 1)), 0] = 0
    tensors[gate.name] = blocks.reshape(gate.shape)
    assert rank_mod_p(matrix_mod_p(circuit, tensors)) <= gap.dimension - gap.gap


def test_quanta() -> None:
    circuit = families.quanta((16, 8, 8, 4))
    assert find_sign(circuit) == DeterminantSign(1)
    assert find_rank_gap(circuit) == RankGap(4096, 32)


def test_statements() -> None:
    rest = (
        " for all values of the trained gates, as each enters it by an even power; a real matrix "
        "of the other sign is not even a limit of T."
    )
    assert DeterminantSign(1).statement == "det T >= 0" + rest
    assert DeterminantSign(-1).statement == "det T <= 0" + rest
    assert DeterminantSign(0).statement == "det T has one sign, that of frozen gates," + rest
    assert RankGap(24, 2).statement == (
        "T has rank 24 or at most 22, for all gate values; matrices of a rank between are at best "
        "limits of T."
    )
    assert DeterminantSign(1).status == RankGap(24, 2).status == "theorem"


def test_what_is_not_so_is_refused() -> None:
    circuit = Circuit.parse("a=4 b=3 c=2 | a b, b c, a c")
    with pytest.raises(CertificateError, match="the determinant of the circuit has no such sign"):
        DeterminantSign(1).check(circuit)
    with pytest.raises(CertificateError, match="the gap is 2, but 3 is claimed"):
        RankGap(24, 3).check(circuit)
    with pytest.raises(CertificateError, match="the dimension is 24, but 25 is claimed"):
        RankGap(25, 2).check(circuit)
    with pytest.raises(CertificateError, match="the circuit leaves no gap in the ranks of T"):
        RankGap(12, 2).check(Circuit.parse("a=4 b=3 | a b"))
