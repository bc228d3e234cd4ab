"""Rotation: gates that are held orthogonal, by Cayley's formula.

A gate is ``(1 + K) (1 - K)^-1`` with K skew-symmetric, which is orthogonal whatever K is, and the
identity where K is zero. The numbers above the diagonal of K are what is trained: n(n-1)/2 for each
n x n block. Every rotation but those that turn some direction around (an eigenvalue of -1) is
reached.

Source: Cayley, "Sur quelques propriétés des déterminants gauches" (1846); as in OFT,
arXiv:2306.07280, whose PEFT layer multiplies rows by the transpose.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from qcircuit_adapt.gate import Gate
from qcircuit_adapt.rotation import check_rotations, count_angles

__all__ = ["check_rotations", "count_angles", "rotate"]


def rotate(above: Tensor, gate: Gate) -> Tensor:
    """Return by how much a rotation differs from the identity, ``2 K (1 - K)^-1``.

    Args:
        above: The numbers above the diagonal of K, row by row, of shape ``(blocks, n(n-1)/2)``.
        gate: The gate.

    Returns:
        A tensor of the gate's shape and the numbers' type, exactly 0 where they are; computed in
        float32 or wider.
    """
    # torch.compile does not look into `Gate.rows`, which multiplies over a generator.
    per, to, on = ([axis.size for axis in axes] for axes in (gate.per, gate.to, gate.on))
    n = math.prod(to)
    wide = above.to(torch.promote_types(above.dtype, torch.float32))
    rows, columns = torch.triu_indices(n, n, 1, device=above.device)
    half = wide.new_zeros(math.prod(per), n, n)
    half[:, rows, columns] = wide
    skew = half - half.mT
    # K commutes with the inverse, so that it may stand on either side of it.
    change = torch.linalg.solve(torch.eye(n, dtype=wide.dtype, device=wide.device) - skew, 2 * skew)
    result: Tensor = change.to(above.dtype).reshape(per + to + on)
    return result
