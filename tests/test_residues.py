"""Residues: the stream is written down, so that it can never change."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from qcircuit_adapt.analysis.field.chance import PRIME
from qcircuit_adapt.analysis.field.residues import BAND, digest_residues, draw_residues


def spell(count: int, *, seed: int, label: str) -> list[int]:
    """The stream as its description has it, without numpy."""
    text = f"qca-rank-witness-v1|seed={seed}|{label}".encode("ascii")
    stream = hashlib.shake_128(text).digest(4 * count)
    words = (int.from_bytes(stream[n : n + 4], "little") % PRIME for n in range(0, 4 * count, 4))
    return [word - PRIME if word > PRIME // 2 else word for word in words]


def test_the_stream_never_changes() -> None:
    # Every certificate that was ever written depends on these.
    assert draw_residues((4,), seed=1, label="gate=g1").tolist() == [
        -726170,
        -894014,
        344400,
        -213129,
    ]


@pytest.mark.parametrize(("seed", "label"), [(0, "gate=g1"), (10**30, "initial=g1_in")])
def test_the_stream_is_as_described(seed: int, label: str) -> None:
    drawn = draw_residues((3, 50, 7), seed=seed, label=label)
    assert drawn.dtype == np.float64
    assert drawn.ravel().tolist() == spell(1050, seed=seed, label=label)


def test_the_stream_goes_on_over_bands() -> None:
    count = BAND + 5
    drawn = draw_residues((count,), seed=3, label="project=left")
    assert drawn.tolist() == spell(count, seed=3, label="project=left")


def test_seeds_and_labels_give_other_numbers() -> None:
    streams = {
        tuple(draw_residues((3,), seed=seed, label=label))
        for seed in (0, 1, 11)
        for label in ("gate=g1", "gate=g11", "initial=g1")
    }
    assert len(streams) == 9


def test_the_digest_is_that_of_the_residues_row_by_row() -> None:
    rng = np.random.default_rng(0)
    for shape in ((2, 3), (1100, 1000), (0, 3), (3, 0)):
        matrix = rng.integers(-PRIME // 2 + 1, PRIME // 2, shape)
        words = b"".join(int(n % PRIME).to_bytes(4, "little") for n in matrix.ravel())
        assert digest_residues(matrix.astype(np.float64)) == hashlib.sha256(words).hexdigest()
        # Residues may be a little larger than half the prime.
        other = np.where(matrix > PRIME // 2 - 2, matrix - PRIME, matrix)
        assert digest_residues(other.astype(np.float64)) == digest_residues(matrix.astype(float))
