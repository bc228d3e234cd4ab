"""Spectrum: what the singular values of a matrix say in floating point.

These numbers are measured, not proved. A matrix of full rank may act in few directions: the rank
counts what is not exactly zero, the others weigh by size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Spectrum:
    """The singular values of a matrix, as computed.

    Attributes:
        singular_values: The largest first.
        tolerance: What counts as zero, relative to the largest.
    """

    singular_values: tuple[float, ...]
    tolerance: float

    @property
    def numerical_rank(self) -> int:
        """How many singular values are above the tolerance."""
        values = np.array(self.singular_values)
        return int((values > self.tolerance * values.max(initial=0)).sum())

    @property
    def stable_rank(self) -> float:
        """The sum of the squares over the largest square; 0 if there is none.

        Source: Rudelson and Vershynin, "Sampling from large matrices", J. ACM 54 (2007).
        """
        return float(self._energies().sum())

    @property
    def condition_number(self) -> float:
        """The largest over the smallest singular value above the tolerance; 0 if there is none."""
        rank = self.numerical_rank
        return self.singular_values[0] / self.singular_values[rank - 1] if rank else 0.0

    def directions(self, *, energy: float = 0.9) -> int:
        """Count the fewest singular values whose squares make up a share of the sum of all.

        Args:
            energy: The share, from 0 to 1.
        """
        sums = self._energies().cumsum()
        return int(np.searchsorted(sums, energy * sums[-1])) + 1 if sums.size and sums[-1] else 0

    def to_dict(self) -> dict[str, Any]:
        """Return it as data that JSON can hold."""
        return {
            "numerical_rank": self.numerical_rank,
            "stable_rank": self.stable_rank,
            "condition_number": self.condition_number,
            "directions": self.directions(),
            "tolerance": self.tolerance,
            "singular_values": self.singular_values,
        }

    def _energies(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return the squares of the singular values over the largest; zeros if that is 0."""
        values = np.array(self.singular_values)
        largest = values.max(initial=0)
        return (values / largest) ** 2 if largest else values

    def __str__(self) -> str:
        """Return a sentence that says that these numbers are measured."""
        return (
            f"measured in floating point, not proved: numerical rank {self.numerical_rank:,} "
            f"(singular values above {self.tolerance:.1e} of the largest), stable rank "
            f"{self.stable_rank:.1f}, 90 % of the energy in {self.directions():,} directions."
        )


def measure_spectrum(matrix: Any, *, tolerance: float | None = None) -> Spectrum:
    """Compute the singular values of a matrix.

    Args:
        matrix: Finite numbers, of shape ``(m, n)``; computed in float64.
        tolerance: What counts as zero, relative to the largest singular value; by default
            ``max(m, n)`` units in the last place of the matrix's type.

    Example:
        >>> spectrum = measure_spectrum(np.diag([3.0, 2.0, 1.0, 0.0]))
        >>> spectrum.numerical_rank, round(spectrum.stable_rank, 2), spectrum.directions()
        (3, 1.56, 2)
    """
    matrix = np.asarray(matrix)
    if tolerance is None:
        kind = matrix.dtype if matrix.dtype.kind == "f" else np.float64
        tolerance = max(matrix.shape) * float(np.finfo(kind).eps)
    values = np.linalg.svd(matrix.astype(np.float64), compute_uv=False)
    return Spectrum(tuple(values.tolist()), tolerance)
