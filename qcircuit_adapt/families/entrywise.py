"""Products entry by entry, made of control wires.

A gate ``e -> r per x`` on a wire of size 1 multiplies every feature by a row of its own, and keeps
it; a gate ``x -> s`` then sums over the features. Together they have an entry ``A[r, x] B[s, x]``.
"""

from __future__ import annotations

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.factors import factorize, prime_factors
from qcircuit_adapt.families.layout import check_positive, name_circuit


def loha(d_in: int, d_out: int, *, rank: int) -> Circuit:
    """The product, entry by entry, of two products of thin matrices.

    Example:
        >>> loha(64, 32, rank=4).text
        'x=64 e=1 | e -> r=4 per x, x -> s=4, s -> y=32, r -> e=1 per y'

    Source: Hyeon-Woo et al., "FedPara", arXiv:2108.06098.
    """
    check_positive("loha", d_in=d_in, d_out=d_out, rank=rank)
    gates = [f"e -> r={rank} per x", f"x -> s={rank}", f"s -> y={d_out}", "r -> e=1 per y"]
    return Circuit(f"x={d_in} e=1", gates, name=name_circuit("loha", (d_in,), (d_out,), r=rank))


def khatri_rao(d_in: int, d_out: int) -> Circuit:
    """The Khatri-Rao product of two matrices: each column is a Kronecker product of two columns.

    Example:
        >>> khatri_rao(64, 32).text
        'x=64 e=1 | e -> a=8 per x, x -> b=4, -> a b'

    Source: "KRAdapter", arXiv:2508.00230.
    """
    check_positive("khatri_rao", d_in=d_in, d_out=d_out)
    first, second = factorize(d_out, count=2) if len(prime_factors(d_out)) > 1 else (d_out, 1)
    return Circuit(
        f"x={d_in} e=1",
        [f"e -> a={first} per x", f"x -> b={second}"],
        outputs="a b",
        name=name_circuit("khatri-rao", (d_in,), (d_out,)),
    )
