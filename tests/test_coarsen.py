"""Coarsen: blocks that bound better than the gates as they are."""

from __future__ import annotations

import pytest

from qcircuit_adapt import Circuit, families
from qcircuit_adapt.analysis.freedom.coarsen import find_gauge
from qcircuit_adapt.analysis.freedom.gauge import count_gauge


@pytest.mark.parametrize(
    ("circuit", "plain", "best"),
    [
        # More parameters than entries.
        (families.quanta((4, 3, 2), rounds=3), 594, 576),
        # What leaves the first two gates is no more than their product, 8 x 8.
        (Circuit.parse("a=2 b=4 c=9 | a b, a, b, a b, c"), 189, 64 + 81 - 1),
        # Matrices of rank 2, though the gates before the bond could hold more.
        (Circuit.parse("a=2 b=2 | a b, a b -> r=2, r -> a=2 b=2"), 12, 12),
        # A shared tensor taken apart is less than its parameters.
        (Circuit.parse("a=2 b=2 | a b, a, b {share=g2}"), 19, 16),
        # A frozen gate in front of a trained one only makes it forget.
        (Circuit.parse("a=6 | a, a -> b=2 {frozen}"), 36, 12),
    ],
    ids=lambda value: value.text if isinstance(value, Circuit) else str(value),
)
def test_merging(circuit: Circuit, plain: int, best: int) -> None:
    gauge = find_gauge(circuit)
    gauge.check(circuit)
    assert gauge.bound == best
    assert count_gauge(circuit).bound == plain


def test_nothing_is_merged_where_the_target_is_met() -> None:
    circuit = families.quanta((16, 8, 8, 4))
    assert find_gauge(circuit, target=42_211) == count_gauge(circuit)
