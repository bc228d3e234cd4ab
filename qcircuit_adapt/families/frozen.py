"""Frozen random matrices, of which only diagonals are trained."""

from __future__ import annotations

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.families.layout import check_positive, name_circuit


def vera(d_in: int, d_out: int, *, rank: int) -> Circuit:
    """Two frozen thin matrices with a trained diagonal after each.

    Example:
        >>> vera(64, 32, rank=16).text
        'x=64 | x -> r=16 {frozen}, per r, r -> y=32 {frozen}, per y'

    Source: Kopiczko et al., "VeRA", arXiv:2310.11454.
    """
    check_positive("vera", d_in=d_in, d_out=d_out, rank=rank)
    return Circuit(
        f"x={d_in}",
        [f"x -> r={rank} {{frozen}}", "per r", f"r -> y={d_out} {{frozen}}", "per y"],
        name=name_circuit("vera", (d_in,), (d_out,), r=rank),
    )


def randlora(d_in: int, d_out: int, *, rank: int) -> Circuit:
    """A sum of products of frozen thin matrices with trained diagonals, enough for full rank.

    The sum runs over a wire ``k``. Each term has a diagonal of its own over the ranks, and one over
    the smaller of the two dimensions, where also the matrix is the same for all terms.

    Example:
        >>> randlora(64, 32, rank=16).text
        'x=64 | x -> r=16 k=2 {frozen}, per r k, r -> y=32 {frozen}, k -> e=1 per y'

    Source: "RandLoRA", arXiv:2502.00987.
    """
    check_positive("randlora", d_in=d_in, d_out=d_out, rank=rank)
    terms = -(-min(d_in, d_out) // rank)
    name = name_circuit("randlora", (d_in,), (d_out,), r=rank)
    if d_in <= d_out:
        gates = [f"e -> k={terms} per x", f"x -> r={rank} {{frozen}}"]
        gates += ["per r k", f"r k -> y={d_out} {{frozen}}"]
        return Circuit(f"x={d_in} e=1", gates, name=name)
    gates = [f"x -> r={rank} k={terms} {{frozen}}", "per r k"]
    gates += [f"r -> y={d_out} {{frozen}}", "k -> e=1 per y"]
    return Circuit(f"x={d_in}", gates, name=name)
