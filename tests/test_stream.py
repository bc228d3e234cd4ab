"""Streams: values that a seed decides, to the bit, in every type and on every machine."""

from __future__ import annotations

import hashlib
import math

import pytest
import torch

from qcircuit_adapt import Circuit
from qcircuit_adapt.errors import GateError
from qcircuit_adapt.nn.stream import Stream, digest_tensors

UNIFORM = Circuit.parse("a=64 b=4 | a b").gates[0]
NORMAL = Circuit.parse("a=64 b=4 | a b {init=normal}").gates[0]


def test_the_values_are_those_of_the_first_version() -> None:
    gate = Circuit.parse("a=2 b=3 | a b -> c=1").gates[0]
    values = Stream(7, "layer").draw(gate, name="reference_g1")
    # By hand: the first 32-bit word of the digest, as the middle of its interval of (-1, 1).
    digest = hashlib.shake_128(b"qca-reference-v1|seed=7|layer|reference_g1").digest(24)
    word = int.from_bytes(digest[:4], "little")
    exact = ((2 * word + 1) / 2**32 - 1) / math.sqrt(6)
    assert abs(float(values[0, 0, 0]) - exact) <= 2**-9 * abs(exact) + 2**-25
    assert digest_tensors([("g1", values)]) == (
        "efe0b8bd96adfb1b52236ee736364e6456a23fe165841d050ffd01443bce528a"
    )
    drawn = Stream(0, "é").draw(NORMAL, name="g1")
    assert digest_tensors([("g1", drawn)]) == (
        "6e17920308556360addf96a2eea69fb3d7df5d1290a26709d38ab88cdd541b98"
    )


@pytest.mark.parametrize("gate", [UNIFORM, NORMAL], ids=["kaiming", "normal"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_the_values_are_the_same_in_every_type(gate: object, dtype: torch.dtype) -> None:
    values = Stream(3).draw(gate, name="g1")  # type: ignore[arg-type]
    assert torch.equal(values.to(dtype).float(), values)


def test_the_values_have_the_spread_of_their_rule() -> None:
    uniform = Stream(1).draw(UNIFORM, name="g1") * math.sqrt(256)
    assert uniform.abs().max() <= 1
    # Of 65,536 draws the mean square of u has a deviation of sqrt(4 / 45 / 65536), of the normal
    # ones at most sqrt(2 / 65536); five of these.
    assert abs(float(uniform.square().mean()) - 1 / 3) < 5 * math.sqrt(4 / 45 / 65536)
    normal = Stream(1).draw(NORMAL, name="g1") * math.sqrt(256)
    assert abs(float(normal.square().mean()) - 1) < 5 * math.sqrt(2 / 65536)
    assert abs(float(normal.mean())) < 5 / math.sqrt(65536)


def test_seed_label_and_name_each_give_other_values() -> None:
    streams = [(Stream(0, "a"), "g1"), (Stream(1, "a"), "g1"), (Stream(0, "b"), "g1")]
    drawn = [stream.draw(UNIFORM, name=name) for stream, name in [*streams, (Stream(0, "a"), "g2")]]
    again = Stream(0, "a").draw(UNIFORM, name="g1")
    assert torch.equal(drawn[0], again)
    assert all(not torch.equal(again, other) for other in drawn[1:])


def test_identities_and_diagonals_need_no_stream() -> None:
    gate = Circuit.parse("a=3 | a {init=identity}").gates[0]
    assert torch.equal(Stream(0).draw(gate, name="g1"), torch.eye(3))
    diagonal = Circuit.parse("a=3 | per a").gates[0]
    assert torch.equal(Stream(0).draw(diagonal, name="g1").flatten(), torch.ones(3))


def test_a_decomposition_is_refused() -> None:
    gate = Circuit.parse("a=3 | a {init=orthogonal}").gates[0]
    with pytest.raises(GateError) as caught:
        Stream(0).draw(gate, name="g1")
    assert str(caught.value) == (
        "gate 'g1' has init=orthogonal, which cannot be recomputed from a seed.\n"
        "  The decomposition it needs is rounded differently on other machines.\n"
        "  Store it: save_reference=True. Or write init=normal."
    )


def test_a_digest_tells_values_names_and_shapes_apart() -> None:
    one = torch.arange(6.0)
    variants = [("a", one), ("b", one), ("a", one.reshape(2, 3)), ("a", -one)]
    assert len({digest_tensors([variant]) for variant in variants}) == 4
    assert digest_tensors([("a", one.bfloat16())]) == digest_tensors([("a", one)])
