"""Residues: numbers modulo the prime that anyone can draw again from a seed.

The generators of libraries may change from release to release; SHAKE-128 (FIPS 202) does not.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np

from qcircuit_adapt.analysis.field.chance import PRIME
from qcircuit_adapt.analysis.field.modular import Array

BAND = 2**20
"""How many residues are centred at a time."""


def draw_residues(shape: tuple[int, ...], *, seed: int, label: str) -> Array:
    """Draw residues, last index fastest.

    The SHAKE-128 digest of ``"qca-rank-witness-v1|seed={seed}|{label}"``, in ASCII, is read as
    unsigned 32-bit numbers, least significant byte first, and each is taken modulo the prime.

    Args:
        shape: The shape of the result.
        seed: A whole number, 0 or more.
        label: What the residues are for.

    Returns:
        Whole numbers from ``-(PRIME - 1) / 2`` to ``(PRIME - 1) / 2``.

    Example:
        >>> draw_residues((2, 2), seed=1, label="gate=g1").astype(int).tolist()
        [[-726170, -894014], [344400, -213129]]
    """
    text = f"qca-rank-witness-v1|seed={seed}|{label}"
    digest = hashlib.shake_128(text.encode("ascii")).digest(4 * math.prod(shape))
    words = np.frombuffer(digest, dtype="<u4")
    residues = np.empty(words.size)
    for start in range(0, words.size, BAND):
        band = slice(start, start + BAND)
        residues[band] = words[band] % PRIME
        residues[band] -= PRIME * (residues[band] > PRIME // 2)
    return residues.reshape(shape)


def digest_residues(matrix: Array) -> str:
    """Return the SHA-256 digest of a matrix, in hexadecimal.

    Its residues, taken from 0 to ``PRIME - 1``, are hashed row by row as unsigned 32-bit numbers,
    least significant byte first.

    Args:
        matrix: Residues, of shape ``(m, n)``.

    Example:
        >>> digest_residues(np.array([[-1.0]])) == digest_residues(np.array([[PRIME - 1.0]]))
        True
    """
    hashed = hashlib.sha256()
    step = max(1, BAND // max(1, matrix.shape[1]))
    for start in range(0, len(matrix), step):
        band = matrix[start : start + step]
        hashed.update((band + PRIME * (band < 0)).astype("<u4").tobytes())
    return hashed.hexdigest()
