"""Square circuits that act on one side of the base weight: rotations and scalings.

They change a weight ``W`` by ``W (T - I)`` or ``(T - I) W``. Where a method holds its blocks
orthogonal, the circuit has the blocks and not the constraint.
"""

from __future__ import annotations

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import FamilyError
from qcircuit_adapt.families.layout import check_divides, check_positive, name_circuit


def ia3(d: int) -> Circuit:
    """A diagonal matrix: one factor for each feature.

    Example:
        >>> ia3(64).text
        'x=64 | per x'

    Source: Liu et al., "IA3", arXiv:2205.05638.
    """
    check_positive("ia3", d=d)
    return Circuit(f"x={d}", ["per x"], name=name_circuit("ia3", (d,), None))


def oft(d: int, *, block: int) -> Circuit:
    """One block-diagonal matrix.

    Example:
        >>> oft(64, block=16).text
        'a=4 b=16 | b per a'

    Source: Qiu et al., "OFT", arXiv:2306.07280, which holds the blocks orthogonal.
    """
    check_divides("oft", "block", block, d=d)
    return Circuit(
        f"a={d // block} b={block}", ["b per a"], name=name_circuit("oft", (d,), None, b=block)
    )


def boft(d: int, *, block: int, factors: int = 2) -> Circuit:
    """A product of block-diagonal matrices whose blocks pair features ever nearer to each other.

    Args:
        d: The dimension, a multiple of ``block * 2 ** (factors - 1)``.
        block: The size of a block, even.
        factors: How many matrices.

    Example:
        >>> boft(64, block=8, factors=2).text
        'a=4 b2=2 b1=2 h=4 | b2 h per a b1, b1 h per a b2'

    Source: Liu et al., "BOFT", arXiv:2311.06243, which holds the blocks orthogonal.
    """
    _check_even("boft", block=block)
    check_positive("boft", factors=factors)
    check_divides("boft", "block", block, d=d)
    blocks, pairings = d // block, 2 ** (factors - 1)
    if blocks % pairings:
        most = (blocks & -blocks).bit_length()
        raise FamilyError(
            f"boft has factors={factors}, for which the number of blocks, {blocks}, would have to "
            f"be a multiple of {pairings}.",
            cure=f'Write "factors={most}", or choose smaller blocks.',
        )
    bits = [f"b{n}" for n in range(factors, 0, -1)]
    axes = [f"a={blocks // pairings}", *(f"{bit}=2" for bit in bits), f"h={block // 2}"]
    gates = [f"{bit} h per {' '.join(['a', *(b for b in bits if b != bit)])}" for bit in bits]
    name = name_circuit("boft", (d,), None, b=block, x=factors)
    return Circuit(" ".join(axes), gates, name=name)


def road(d: int, *, group: int) -> Circuit:
    """A 2 x 2 matrix for each pair of features half a group apart.

    A rotation and two lengths parametrise the rows of each, in the variant called RoAd-2.

    Example:
        >>> road(64, group=16).text
        'a=4 b=2 c=8 | b per a c'

    Source: "RoAd", arXiv:2409.00119.
    """
    _check_even("road", group=group)
    check_divides("road", "group", group, d=d)
    return Circuit(
        f"a={d // group} b=2 c={group // 2}",
        ["b per a c"],
        name=name_circuit("road", (d,), None, g=group),
    )


def _check_even(family: str, **numbers: int) -> None:
    for key, number in numbers.items():
        if number < 1 or number % 2:
            raise FamilyError(f"{family} has {key}={number}; expected an even number, 2 or more.")
