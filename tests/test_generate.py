"""Generate: what products of gates reach, compared with the dimension of long products."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import circuits

from qcircuit_adapt import Circuit
from qcircuit_adapt.analysis.freedom.jacobian import find_jacobian
from qcircuit_adapt.analysis.structure.determinant import find_rank_gap, find_sign
from qcircuit_adapt.analysis.structure.generate import Generated, find_generated
from qcircuit_adapt.errors import CertificateError


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a=16 b=8 c=8 d=4 | c d, b d, a d, b c, a c, a b", Generated(4096, 32, True)),
        ("a=4 b=3 c=2 | a b, b c", Generated(24, 2, True)),
        ("a=4 b=3 c=2 | a b, a c", Generated(24, 2, False)),
        ("a=4 b=3 c=2 | a b, c", None),
        ("a=4 b=3 c=2 | a b", None),
        ("a=4 b=3 c=1 | a b", Generated(12, 1, False)),
        ("a=4 b=3 | a b {rank=12}", Generated(12, 1, False)),
        ("a=4 b=3 | a b {rank=11}", None),
        ("a=4 b=3 | a per b", None),
        ("a=4 b=3 | a b -> a=12", None),
        ("a=2 b=2 c=2 d=2 | a b, c d", None),
        ("a=2 b=2 c=2 d=2 | a b, c d, b c", Generated(16, 4, True)),
        ("a=4 | ", None),
        ("a=1 | a", Generated(1, 1, False)),
    ],
)
def test_known_circuits(text: str, found: Generated | None) -> None:
    assert find_generated(Circuit.parse(text)) == found


@settings(max_examples=25)
@given(
    st.sampled_from([(2, 2, 2), (2, 3, 2), (2, 2)]),
    st.lists(st.sets(st.sampled_from("abc"), min_size=1, max_size=2), min_size=1, max_size=3),
)
def test_long_products_fill_the_space(sizes: tuple[int, ...], supports: list[set[str]]) -> None:
    """Where something is generated long products have full dimension, and nowhere else."""
    axes = dict(zip("abc", sizes, strict=False))
    wires = [sorted(support & axes.keys()) for support in supports]
    gates = [" ".join(support) for support in wires if support]
    circuit = Circuit.parse(
        " ".join(f"{name}={size}" for name, size in axes.items())
        + " | "
        + ", ".join(itertools.islice(itertools.cycle(gates), 60 if gates else 0))
    )
    once = Circuit(circuit.inputs, gates)
    jacobian = find_jacobian(circuit, rows=circuit.d_in**2)
    assert jacobian
    assert (jacobian.bound == circuit.d_in**2) == (find_generated(once) is not None)


@given(circuits(max_gates=3))
def test_it_agrees_with_one_pass(circuit: Circuit) -> None:
    """What all products miss one pass misses too."""
    found = find_generated(circuit)
    if found:
        gap = find_rank_gap(circuit)
        assert (gap.gap if gap else 1) == found.gap
        assert not found.positive or find_sign(circuit)
        found.check(circuit)


def test_statements() -> None:
    assert Generated(24, 2, False).statement == (
        "finite products of real gates on these wires reach, of the invertible matrices, all, and "
        "of the singular ones none of a rank above 22."
    )
    assert Generated(16, 4, True).statement == (
        "finite products of real gates on these wires reach, of the invertible matrices, those of "
        "positive determinant, and of the singular ones none of a rank above 12."
    )
    assert Generated(4, 1, False).statement == (
        "finite products of real gates on these wires reach, of the invertible matrices, all."
    )


def test_another_claim_is_refused() -> None:
    circuit = Circuit.parse("a=4 b=3 c=2 | a b, a c")
    for wrong in (Generated(24, 3, False), Generated(24, 2, True), Generated(12, 2, False)):
        with pytest.raises(CertificateError) as error:
            wrong.check(circuit)
        assert str(error.value) == "products of gates on these wires reach something else."
