"""How gates start.

A gate is a stack of matrices, one of shape ``(rows, columns)`` for each value of its control wires;
every rule speaks of each of these. Numbers are drawn on the CPU in float32 from torch's generator,
then cast: a seed gives the same gates on every device.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from qcircuit_adapt.gate import Gate, Init


def initialize(tensor: Tensor, gate: Gate) -> None:
    """Fill a gate's tensor by the gate's rule, ``kaiming`` if it has none; on meta do nothing.

    * ``kaiming``: uniform in ``±1 / sqrt(columns)``, torch's rule for linear layers, and QuanTA's;
    * ``normal``: of variance ``1 / columns``, which keeps the expected norm of a vector;
    * ``orthogonal``: orthonormal rows, or columns if these are fewer;
    * ``identity``: the identity, cut to ``(rows, columns)``;
    * ``ones``: every number 1, which sums what it takes and repeats what it gives;
    * ``zero``.

    A diagonal gate starts at ones, unless by ``normal`` or ``zero``.

    Args:
        tensor: Of the gate's shape, any type and device.
        gate: The gate, not of bounded rank.

    Source: kaiming_uniform_ with a = sqrt(5), He et al., arXiv:1502.01852, as in QuanTA's code.
    """
    if not tensor.is_meta:
        with torch.no_grad():
            tensor.copy_(draw(gate))


def draw(gate: Gate) -> Tensor:
    """Return fresh values for a gate by its rule, in float32 on the CPU; see `initialize`."""
    return _RULES[starting_rule(gate)](gate.blocks, gate.rows, gate.columns).reshape(gate.shape)


def starting_rule(gate: Gate) -> Init:
    """Return the rule by which a gate starts; see `initialize`."""
    rule = gate.init or "kaiming"
    return "identity" if gate.diagonal and rule in ("kaiming", "orthogonal") else rule


def identity(gate: Gate, *, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return the identity, cut to ``(rows, columns)``, as a gate; a diagonal gate is ones."""
    # torch.compile does not look into `Gate.rows`, which multiplies over a generator.
    per, to, on = ([axis.size for axis in axes] for axes in (gate.per, gate.to, gate.on))
    eye = torch.eye(math.prod(to), math.prod(on), dtype=dtype, device=device)
    return eye.expand(math.prod(per), -1, -1).reshape(per + to + on)


def _kaiming(blocks: int, rows: int, columns: int) -> Tensor:
    uniform = torch.rand(blocks, rows, columns, dtype=torch.float32, device="cpu")
    return (2 * uniform - 1) / math.sqrt(columns)


def _normal(blocks: int, rows: int, columns: int) -> Tensor:
    normal = torch.randn(blocks, rows, columns, dtype=torch.float32, device="cpu")
    return normal / math.sqrt(columns)


def _orthogonal(blocks: int, rows: int, columns: int) -> Tensor:
    tall = _normal(blocks, max(rows, columns), min(rows, columns))
    q, r = torch.linalg.qr(tall)
    # Without the signs of R's diagonal the distribution would not be the uniform one.
    signed: Tensor = q * r.diagonal(dim1=-2, dim2=-1).sign().unsqueeze(-2)
    return signed if rows >= columns else signed.transpose(-1, -2)


def _identity(blocks: int, rows: int, columns: int) -> Tensor:
    eye = torch.eye(rows, columns, dtype=torch.float32, device="cpu")
    return eye.expand(blocks, rows, columns)


def _ones(blocks: int, rows: int, columns: int) -> Tensor:
    return torch.ones(blocks, rows, columns, dtype=torch.float32, device="cpu")


def _zero(blocks: int, rows: int, columns: int) -> Tensor:
    return torch.zeros(blocks, rows, columns, dtype=torch.float32, device="cpu")


_RULES: Mapping[Init, Callable[[int, int, int], Tensor]] = {
    "kaiming": _kaiming,
    "normal": _normal,
    "orthogonal": _orthogonal,
    "identity": _identity,
    "ones": _ones,
    "zero": _zero,
}
