"""Spectra: known singular values, and what is said about them."""

from __future__ import annotations

import numpy as np
import pytest

from qcircuit_adapt import families, reference
from qcircuit_adapt.analysis.trained.spectrum import Spectrum, measure_spectrum


def rotate(values: list[float], *, rows: int, seed: int = 0) -> np.ndarray:
    """A matrix of given singular values."""
    rng = np.random.default_rng(seed)
    left = np.linalg.qr(rng.standard_normal((rows, len(values))))[0]
    right = np.linalg.qr(rng.standard_normal((len(values), len(values))))[0]
    return left * np.array(values) @ right


def test_known_singular_values() -> None:
    values = [4.0, 3.0, 2.0, 1.0, 1e-3, 1e-6]
    spectrum = measure_spectrum(rotate(values, rows=9))
    # Singular values are off by a few units in the last place of the largest.
    assert np.allclose(spectrum.singular_values, values, rtol=0, atol=9 * 4 * 2.0**-52 * 4)
    assert spectrum.numerical_rank == 6
    assert spectrum.stable_rank == pytest.approx((16 + 9 + 4 + 1 + 1e-6) / 16, rel=1e-9)
    assert [spectrum.directions(energy=share) for share in (0, 0.5, 0.53, 0.54, 0.9, 0.99)] == [
        1,
        1,
        1,
        2,
        3,
        4,
    ]


def test_what_counts_as_zero_depends_on_the_type() -> None:
    matrix = rotate([1.0, 1e-3, 1e-6, 1e-9], rows=5)
    assert measure_spectrum(matrix).numerical_rank == 4
    single = measure_spectrum(matrix.astype(np.float32))
    assert single.tolerance == 5 * 2.0**-23
    assert single.numerical_rank == 3
    assert measure_spectrum(matrix, tolerance=1e-2).numerical_rank == 1


def test_an_orthogonal_circuit_has_the_whole_spectrum() -> None:
    circuit = families.quanta((4, 3, 2))
    rng = np.random.default_rng(0)
    tensors = {
        gate.name: np.linalg.qr(rng.standard_normal((gate.rows, gate.rows)))[0].reshape(gate.shape)
        for gate in circuit.gates
    }
    spectrum = measure_spectrum(reference.matrix(circuit, tensors))
    assert spectrum.numerical_rank == 24
    assert spectrum.stable_rank == pytest.approx(24, rel=24 * 2.0**-48)
    assert spectrum.directions() == 22


@pytest.mark.parametrize("shape", [(3, 4), (4, 3), (1, 1)])
def test_nothing_has_no_direction(shape: tuple[int, int]) -> None:
    spectrum = measure_spectrum(np.zeros(shape, dtype=int))
    assert (spectrum.numerical_rank, spectrum.stable_rank, spectrum.directions()) == (0, 0, 0)


def test_the_numbers_are_said_to_be_measured() -> None:
    assert str(Spectrum((2.0, 1.0, 0.0), 1e-6)) == (
        "measured in floating point, not proved: numerical rank 2 (singular values above 1.0e-06 "
        "of the largest), stable rank 1.2, 90 % of the energy in 2 directions."
    )
