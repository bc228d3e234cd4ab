"""Dense gates on pairs of axes."""

from __future__ import annotations

import itertools

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.families.layout import (
    Sizes,
    check_count,
    check_positive,
    lay_gates,
    name_circuit,
)
from qcircuit_adapt.notation import check_gate_count


def quanta(axes: Sizes, *, to: Sizes | None = None, rounds: int = 1) -> Circuit:
    """One dense gate on every pair of axes, in the order of the official implementation.

    Args:
        axes: The sizes of the input axes, at least two.
        to: The sizes of the output axes, if they differ; the last gate on an axis changes its size.
        rounds: How often the whole sequence of pairs is repeated.

    Example:
        >>> quanta((16, 8, 8, 4)).text
        'a=16 b=8 c=8 d=4 | c d, b d, a d, b c, a c, a b'

    Source: Chen et al., "QuanTA", arXiv:2406.00132; order of the pairs from its published code.
    """
    check_count("quanta", axes, at_least=2)
    name = name_circuit("quanta", axes, to, x=rounds if rounds != 1 else None)
    pairs = itertools.combinations(range(len(axes) - 1, -1, -1), 2)
    one_round = [(first, second) for second, first in pairs]
    check_positive("quanta", rounds=rounds)
    check_gate_count(len(one_round) * rounds, name=name)
    return lay_gates(name, axes, to, one_round * rounds)


def brickwork(axes: Sizes, *, layers: int, to: Sizes | None = None) -> Circuit:
    """Layers of gates on neighbouring axes, shifted by one axis from layer to layer.

    Example:
        >>> brickwork((4, 4, 4, 4), layers=2).text
        'a=4 b=4 c=4 d=4 | a b, c d, b c'
    """
    check_count("brickwork", axes, at_least=2)
    check_positive("brickwork", layers=layers)
    name = name_circuit("brickwork", axes, to, x=layers)
    even, odd = (layers + 1) // 2, layers // 2
    check_gate_count(even * (len(axes) // 2) + odd * ((len(axes) - 1) // 2), name=name)
    supports = [
        (axis, axis + 1) for layer in range(layers) for axis in range(layer % 2, len(axes) - 1, 2)
    ]
    return lay_gates(name, axes, to, supports)
