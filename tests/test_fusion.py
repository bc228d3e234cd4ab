"""Fusion: joined where the predicted time falls, on machines of one limit and on known ones."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import circuits
from test_block import same_matrix

from qcircuit_adapt import Circuit
from qcircuit_adapt.compiler.block import Blocks, block_program, cut, join
from qcircuit_adapt.compiler.device import CPU, H200, Device
from qcircuit_adapt.compiler.fusion import MAX_FUSED, fuse, predict_blocks
from qcircuit_adapt.compiler.layout import plan_layout
from qcircuit_adapt.compiler.passes import MAX_BLOCKS, simplify
from qcircuit_adapt.families import quanta

NOTHING = Device(
    name="nothing takes time",
    wide=math.inf,
    narrow=math.inf,
    bandwidth=math.inf,
    cache_bandwidth=math.inf,
    cache=0.0,
    launch=0.0,
    chunk=None,
    full_width=1,
    depths=(1,),
    share_wide=(1.0, 1.0),
    share_narrow=(1.0, 1.0),
)
MULTIPLIES = replace(NOTHING, name="multiplying takes time", wide=1.0)
MOVES = replace(NOTHING, name="moving takes time", cache_bandwidth=1.0)
CALLS = replace(NOTHING, name="calling takes time", launch=1.0)


def fused(circuit: Circuit, device: Device, *, tokens: int = 10**6) -> Blocks:
    return fuse(cut(circuit), device, dtype="float32", tokens=tokens)


@given(
    circuits(max_gates=6),
    st.sampled_from([MULTIPLIES, MOVES, CALLS, CPU, H200]),
    st.sampled_from([1, 10, 10**6]),
    st.sampled_from([None, 3]),
)
def test_fused_is_the_same_and_predicted_no_slower(
    circuit: Circuit, device: Device, tokens: int, chunk: int | None
) -> None:
    blocks = cut(circuit)
    found = fuse(blocks, device, dtype="float32", tokens=tokens, chunk=chunk)
    assert same_matrix(found, circuit)
    before, after = (
        predict_blocks(one, device, dtype="float32", tokens=tokens, chunk=chunk)
        for one in (blocks, found)
    )
    assert after <= before * (1 + 1e-12)
    for block in found.blocks:
        assert len(block.gates) == 1 or block.gate.blocks * block.gate.rows <= MAX_FUSED
        assert block_program(block).steps


def test_time_is_counted_by_hand() -> None:
    """A gate is three products: forward, and for the gradients of what it takes and of itself."""
    blocks = cut(Circuit.parse("a=4 b=3 c=2 | a b -> d=5 e=2"))
    (gate,) = (block.gate for block in blocks.blocks)
    assert (gate.rows, gate.columns) == (10, 12)

    def seconds(device: Device, *, tokens: int, chunk: int | None = None) -> float:
        return predict_blocks(blocks, device, dtype="float32", tokens=tokens, chunk=chunk)

    # 7 tokens of 2 vectors of 12 numbers each.
    assert seconds(MULTIPLIES, tokens=7) == 3 * 7 * 2 * 12 * 10
    assert seconds(MULTIPLIES, tokens=7, chunk=3) == 3 * 7 * 2 * 12 * 10
    assert seconds(MOVES, tokens=7) == 4 * (3 * 7 * 2 * (12 + 10) + 4 * 12 * 10)
    assert seconds(MOVES, tokens=7, chunk=3) == 4 * (3 * 7 * 2 * (12 + 10) + 3 * 4 * 12 * 10)
    assert seconds(CALLS, tokens=7) == 5
    assert seconds(CALLS, tokens=7, chunk=3) == 15
    scaled = cut(Circuit.parse("a=4 b=3 | per b"))
    assert predict_blocks(scaled, MOVES, dtype="float32", tokens=7) == 4 * 3 * 2 * 7 * 12
    assert predict_blocks(scaled, MULTIPLIES, dtype="float32", tokens=7) == 0


def test_building_takes_time_too() -> None:
    blocks = cut(quanta((4, 3, 2)))
    joint = join(*blocks.blocks[:2])
    both = Blocks(blocks.source, (joint, blocks.blocks[2]))
    applied = Blocks(blocks.source, (replace(joint, build=()), blocks.blocks[2]))

    def build(device: Device) -> float:
        more, less = (
            predict_blocks(one, device, dtype="float32", tokens=1) for one in (both, applied)
        )
        return more - less

    assert build(MULTIPLIES) == 3 * 24 * 24 * 2
    assert build(MOVES) == 4 * 5 * (6 * 6 + 8 * 8 + 24 * 24)
    assert build(CALLS) == 5


def test_where_multiplying_takes_the_time_nothing_is_fused() -> None:
    for sizes in ((16, 8, 8, 4), (8, 8, 8, 8), (16, 16, 16), (12, 8, 8)):
        circuit = quanta(sizes)
        assert fused(circuit, MULTIPLIES).blocks == cut(circuit).blocks


def test_where_moving_takes_the_time_all_is_fused_that_fits() -> None:
    assert str(fused(quanta((12, 8, 8)), MOVES)) == "{g1 g2 g3}"
    assert str(fused(quanta((16, 8, 8, 4)), MOVES)) == "{g1 g2 g4} {g3 g5} {g6}"
    # Not on more numbers than MAX_FUSED.
    assert str(fused(quanta((16, 16, 16)), MOVES)) == "{g1} {g2} {g3}"
    # For one token the tensor is more to move than what it saves.
    assert len(fused(quanta((12, 8, 8)), MOVES, tokens=1).blocks) == 3


def test_where_calling_takes_the_time_a_product_is_built_once_for_all_chunks() -> None:
    blocks = cut(quanta((4, 3, 2)))
    assert len(fuse(blocks, CALLS, dtype="float32", tokens=100).blocks) == 3
    assert len(fuse(blocks, CALLS, dtype="float32", tokens=100, chunk=10).blocks) == 1


@pytest.mark.parametrize(
    ("sizes", "to"), [((16, 8, 8, 4), None), ((8, 8, 8, 8), None), ((16, 8, 8, 4), (4, 8, 8, 4))]
)
def test_on_known_machines(sizes: tuple[int, ...], to: tuple[int, ...] | None) -> None:
    blocks = simplify(quanta(sizes, to=to), tokens=4096)
    alone = fuse(blocks, CPU, dtype="float32", tokens=4096, chunk=64)
    assert alone.blocks == blocks.blocks
    together = fuse(blocks, H200, dtype="bfloat16", tokens=4096)
    assert str(together).startswith("{g1 g2 g4} {g3")
    layout = plan_layout(together.circuit, "feature")
    assert layout is not None
    assert layout.copies == 0


def test_long_circuits_are_left_as_they_are() -> None:
    circuit = Circuit("a=2 b=2", ["a b"] * (MAX_BLOCKS + 1))
    assert fused(circuit, MOVES) == cut(circuit)
    assert len(fused(Circuit("a=2 b=2", ["a b"] * 20), MOVES).blocks) == 1


def test_the_result_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "qcircuit_adapt.compiler.fusion.order",
        lambda blocks: Blocks(blocks.source, blocks.blocks[::-1]),
    )
    with pytest.raises(AssertionError, match="and must not"):
        fused(quanta((16, 8, 8, 4)), MULTIPLIES)
