"""Stream: values for gates that anyone can compute again from a seed, to the bit.

The generators of libraries may change from release to release; SHAKE-128 (FIPS 202) does not. Its
digest is turned into numbers by operations that IEEE 754 rounds correctly, so that every platform
has the same ones.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qcircuit_adapt.errors import GateError
from qcircuit_adapt.gate import Gate
from qcircuit_adapt.nn.init import draw, starting_rule

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Stream:
    """Where the values of a layer's frozen gates come from.

    Attributes:
        seed: A whole number, 0 or more.
        label: What the values are for; other labels give other values.
    """

    seed: int
    label: str = ""

    def draw(self, gate: Gate, *, name: str) -> Tensor:
        """Return the values of a gate, in float32 on the CPU, by its rule; see `nn.init`.

        The digest of ``"qca-reference-v1|seed={seed}|{label}|{name}"``, in UTF-8, is read in order,
        least significant byte first, last index fastest. With u uniform in ``(-1, 1)``, of 32 bits,
        ``kaiming`` is ``u / sqrt(columns)``; ``normal`` is the sum of twelve such numbers of 16
        bits, halved, over ``sqrt(columns)``. Every value is rounded to a multiple of ``2**-24`` and
        to 8 significant bits: it is the same in float32, bfloat16 and float16.

        Args:
            gate: The gate, not of bounded rank.
            name: What its tensor is called.

        Raises:
            GateError: The gate's rule needs a decomposition, whose rounding differs by platform.

        Example:
            >>> from qcircuit_adapt import Circuit
            >>> gate = Circuit.parse("a=2 | a").gates[0]
            >>> Stream(0, "example").draw(gate, name="g1")
            tensor([[-0.1182, -0.2070],
                    [ 0.2471,  0.3652]])
        """
        rule = starting_rule(gate)
        if rule == "orthogonal":
            raise GateError(
                f"gate {gate.name!r} has init=orthogonal, which cannot be recomputed from a seed.",
                cause="The decomposition it needs is rounded differently on other machines.",
                cure="Store it: save_reference=True. Or write init=normal.",
            )
        if rule not in ("kaiming", "normal"):
            return draw(gate)
        count = math.prod(gate.shape)
        text = f"qca-reference-v1|seed={self.seed}|{self.label}|{name}"
        shake = hashlib.shake_128(text.encode())
        if rule == "kaiming":
            numbers = _center(np.frombuffer(shake.digest(4 * count), dtype="<u4"), bits=32)
        else:
            words = np.frombuffer(shake.digest(24 * count), dtype="<u2").reshape(count, 12)
            numbers = _center(words, bits=16).sum(axis=1) / 2
        values = _round(numbers / np.sqrt(np.float64(gate.columns)))
        return torch.from_numpy(values.astype(np.float32).reshape(gate.shape))


def digest_tensors(tensors: Iterable[tuple[str, Tensor]]) -> str:
    """Return the SHA-256 digest of named tensors, in hexadecimal.

    Each adds its name and shape, ``"g1(4, 2)"`` in UTF-8, and its values as float32, least
    significant byte first.

    Args:
        tensors: Names and tensors, in the order in which they are hashed.
    """
    hashed = hashlib.sha256()
    for name, tensor in tensors:
        values = tensor.detach().to("cpu", torch.float32).numpy()
        hashed.update(f"{name}{values.shape}".encode())
        hashed.update(np.ascontiguousarray(values, dtype="<f4").tobytes())
    return hashed.hexdigest()


def _center(words: NDArray[np.unsignedinteger], *, bits: int) -> Floats:
    """Return the middles of the ``2**bits`` intervals of ``(-1, 1)`` that words stand for."""
    middles: Floats = (words.astype(np.float64) * 2 + 1) / 2.0**bits - 1
    return middles


def _round(values: Floats) -> Floats:
    """Round to what float32, bfloat16 and float16 have in common."""
    mantissa, exponent = np.frexp(np.rint(values * 2.0**24))
    rounded: Floats = np.ldexp(np.rint(mantissa * 2.0**8), exponent - (8 + 24))
    return rounded
