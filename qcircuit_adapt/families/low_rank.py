"""Products of two thin matrices."""

from __future__ import annotations

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.families.layout import check_positive, name_circuit


def lora(d_in: int, d_out: int, *, rank: int) -> Circuit:
    """A product of two thin matrices, ``d_in -> rank -> d_out``.

    Example:
        >>> lora(64, 32, rank=4).text
        'x=64 | x -> r=4, r -> y=32'

    Source: Hu et al., "LoRA", arXiv:2106.09685.
    """
    check_positive("lora", d_in=d_in, d_out=d_out, rank=rank)
    return Circuit(
        f"x={d_in}",
        [f"x -> r={rank}", f"r -> y={d_out}"],
        name=name_circuit("lora", (d_in,), (d_out,), r=rank),
    )


def adalora(d_in: int, d_out: int, *, rank: int) -> Circuit:
    """A product of two thin matrices with a diagonal between them, as in a singular value form.

    AdaLoRA also asks the thin matrices to be near orthogonal, by a term in the loss, and lets
    entries of the diagonal vanish while it trains; neither changes the circuit.

    Example:
        >>> adalora(64, 32, rank=4).text
        'x=64 | x -> r=4, per r, r -> y=32'

    Source: Zhang et al., "AdaLoRA", arXiv:2303.10512.
    """
    check_positive("adalora", d_in=d_in, d_out=d_out, rank=rank)
    return Circuit(
        f"x={d_in}",
        [f"x -> r={rank}", "per r", f"r -> y={d_out}"],
        name=name_circuit("adalora", (d_in,), (d_out,), r=rank),
    )
