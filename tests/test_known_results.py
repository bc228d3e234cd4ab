"""Numbers known from theory and from earlier computations, for circuits of real and of small size.

Each row: parameters, QuanTA's bounds, rank of T, rank of the update, degrees of freedom; a pair is
an interval.
"""

from __future__ import annotations

import pytest

from qcircuit_adapt import Circuit, Form, families, prove
from qcircuit_adapt.analysis import find_cut
from qcircuit_adapt.analysis.freedom.claim import find_freedom

Span = int | tuple[int, int]

ROWS: list[tuple[Circuit, Form, int, tuple[int, int], Span, Span, Span]] = [
    (families.lora(4096, 4096, rank=16), "difference", 131_072, (16, 16), 16, 32, 130_816),
    (families.lora(4096, 4096, rank=16), "zero", 131_072, (16, 16), 16, 16, 130_816),
    (families.lora(4096, 14336, rank=64), "difference", 1_179_648, (64, 64), 64, 128, 1_175_552),
    (families.lora(4096, 14336, rank=64), "zero", 1_179_648, (64, 64), 64, 64, 1_175_552),
    (families.quanta((16, 8, 8, 4)), "difference", 43_008, (4096, 4096), 4096, 4096, 42_211),
    (families.quanta((16, 16, 16)), "difference", 196_608, (4096, 4096), 4096, 4096, 195_841),
    (families.quanta((8, 8, 8, 8)), "difference", 24_576, (4096, 4096), 4096, 4096, 24_067),
    (families.quanta((12, 8, 8)), "residual", 22_528, (768, 768), 768, 768, 22_257),
    (
        Circuit.parse(
            "a=16 b=8 c=8 d=4 | c d {rank=16}, b d {rank=16}, a d {rank=32}, b c {rank=32}, "
            "a c {rank=64}, a b {rank=64}",
            name="half ranks",
        ),
        "difference",
        43_008,
        (-8192, 2048),
        1024,
        2048,
        (0, 31_459),
    ),
    (
        Circuit.parse(
            "a=12 b=8 c=8 | b c {rank=50}, a c {rank=77}, a b {rank=80}", name="50, 77, 80"
        ),
        "difference",
        36_544,
        (320, 600),
        600,
        768,
        (0, 36_544),
    ),
    (
        Circuit.parse(
            "a=8 b=8 c=8 d=8 | a b, c d, b c {rank=16}, a b {rank=16}, c d {rank=16}, b c",
            name="rank 16 in the middle",
        ),
        "difference",
        18_432,
        (-5120, 1024),
        256,
        512,
        (0, 17_155),
    ),
    (
        Circuit.parse(
            "a=12 b=8 c=8 | a b {rank=20}, b c {rank=20}, a b {rank=20}, b c {rank=20}",
            name="rank 20",
        ),
        "difference",
        12_800,
        (-1504, 160),
        160,
        320,
        (0, 12_800),
    ),
    (families.kronecker((64, 64)), "difference", 8192, (4096, 4096), 4096, 4096, 8191),
    (
        families.kronecker((32, 112), to=(56, 64)),
        "difference",
        8960,
        (896, 3584),
        2048,
        3328,
        8959,
    ),
    (
        families.tensor_train((16, 16, 16), rank=4),
        "difference",
        6144,
        (-8192, 4096),
        4096,
        4096,
        6112,
    ),
    (
        families.tensor_train((8, 8, 8, 8), rank=4),
        "difference",
        2560,
        (-8192, 4096),
        4096,
        4096,
        2512,
    ),
    (
        Circuit.parse("x=32 y=112 | x -> u=56 k=2, y k -> v=64", name="two terms, 3584"),
        "difference",
        17_920,
        (-5376, 3584),
        3328,
        3584,
        (0, 17_916),
    ),
    (
        Circuit.parse("x=5 y=9 | x -> u=9 k=2, y k -> v=5", name="two terms, 45"),
        "difference",
        180,
        (-72, 45),
        42,
        45,
        176,
    ),
]


def span(low: int, high: int) -> Span:
    return low if low == high else (low, high)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0].name}, {row[1]}")
def test_the_table(row: tuple[Circuit, Form, int, tuple[int, int], Span, Span, Span]) -> None:
    circuit, form, parameters, quanta, rank, update, freedom = row
    certificate = prove(circuit, form=form)
    assert certificate.parameters == parameters
    bounds = certificate.quanta_bounds
    assert (bounds.lower, bounds.upper) == quanta
    assert span(certificate.rank.lower, certificate.rank.upper) == rank
    assert certificate.update_rank
    assert span(certificate.update_rank.lower, certificate.update_rank.upper) == update
    found = certificate.degrees_of_freedom
    if isinstance(freedom, int):
        assert span(found.lower, found.upper) == freedom
    else:
        assert freedom[0] <= found.lower <= found.upper <= freedom[1]


@pytest.mark.parametrize(
    ("text", "freedom"),
    [
        (
            "a=8 b=4 c=4 d=2 | c d {rank=4}, b d {rank=4}, a d {rank=8}, b c {rank=8}, "
            "a c {rank=16}, a b {rank=16}",
            1819,
        ),
        ("a=4 b=4 c=4 d=4 | a b, c d, b c {rank=4}, a b {rank=4}, c d {rank=4}, b c", 979),
        ("a=2 b=2 c=2 | b c, a c, a b, b c, a c, a b", 64),
        ("a=4 b=3 c=2 | b c, a c, a b", 216),
        ("a=4 b=3 c=2 | b c, a c, a b, b c, a c, a b", 405),
        ("a=4 b=3 c=2 | b c, a c, a b, b c, a c, a b, b c, a c, a b", 576),
        ("a=4 b=4 c=4 | b c, a c, a b, b c, a c, a b, b c, a c, a b", 2071),
    ],
)
def test_degrees_of_freedom_by_a_witness(text: str, freedom: int) -> None:
    found = find_freedom(Circuit.parse(text), witness=True)
    assert (found.lower, found.upper) == (freedom, freedom)


def test_two_passes_at_full_size_by_a_witness() -> None:
    """At permutations, without a Jacobian of 16.8 million rows."""
    found = find_freedom(families.quanta((16, 8, 8, 4), rounds=2), witness=True)
    assert (found.lower, found.upper, found.status) == (84_025, 84_025, "proved by witness")


def test_a_cut_need_not_be_a_moment_in_time() -> None:
    """Whatever is open at any moment is 200 wide; what joins the late gate to the rest is 8."""
    circuit = Circuit.parse("x=2 y=100 | x -> e=2 f=100, y e -> o=2")
    assert find_cut(circuit).bound == 8
    rank = prove(circuit).rank
    assert (rank.lower, rank.upper) == (8, 8)
