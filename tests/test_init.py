"""How gates start: the rules, and that a seed decides everything."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from qcircuit_adapt import Circuit, Gate, compile
from qcircuit_adapt.compiler.storage import stored_gates
from qcircuit_adapt.gate import INITS
from qcircuit_adapt.nn.init import draw, identity, initialize

SHAPES = [
    Gate("a=16 b=8"),
    Gate("a=16 b=8", to="r=5", per="c=3"),
    Gate("r=5", to="a=16 b=8", per="c=3"),
    Gate("a=1"),
]


def with_init(gate: Gate, init: str) -> Gate:
    return Gate(gate.on, to=gate.to, per=gate.per, init=init)  # type: ignore[arg-type]


def matrices(gate: Gate) -> torch.Tensor:
    values = draw(gate)
    assert values.shape == gate.shape
    assert (values.dtype, values.device.type) == (torch.float32, "cpu")
    return values.reshape(gate.blocks, gate.rows, gate.columns)


@pytest.mark.parametrize("gate", SHAPES)
@pytest.mark.parametrize("init", [None, "kaiming"])
def test_kaiming_is_uniform_and_the_default(gate: Gate, init: str | None) -> None:
    values = matrices(Gate(gate.on, to=gate.to, per=gate.per, init=init))  # type: ignore[arg-type]
    limit = 1 / math.sqrt(gate.columns)
    assert values.abs().max() <= limit
    if values.numel() > 1000:
        # The largest of n uniform values is within 20/n of the limit but once in e^20.
        assert values.max() > limit * (1 - 40 / values.numel())
        assert values.min() < -limit * (1 - 40 / values.numel())


def test_kaiming_is_torchs_rule_for_linear_layers() -> None:
    gate = Gate("a=16 b=8", to="r=50")
    theirs = torch.empty(gate.rows, gate.columns)
    nn.init.kaiming_uniform_(theirs, a=math.sqrt(5))
    limit = 1 / math.sqrt(gate.columns)
    for values in (theirs, matrices(gate)):
        assert 0.99 * limit < values.abs().max() <= limit


@pytest.mark.parametrize("gate", SHAPES)
def test_orthogonal_gates_keep_norms(gate: Gate) -> None:
    values = matrices(with_init(gate, "orthogonal"))
    if gate.rows < gate.columns:
        values = values.mT
    inner = values.mT @ values
    size = inner.shape[-1]
    tolerance = 4 * max(gate.rows, gate.columns) * torch.finfo(torch.float32).eps
    assert (inner - torch.eye(size)).abs().max() <= tolerance


def test_orthogonal_blocks_differ() -> None:
    values = matrices(Gate("a=4", per="c=3", init="orthogonal"))
    assert not torch.equal(values[0], values[1])


def test_orthogonal_signs_are_fair() -> None:
    corners = matrices(Gate("a=2", per="c=1000", init="orthogonal"))[:, 0, 0]
    # QR alone gives corners of one sign; 5 standard deviations of 1000 fair coins are 79.
    assert abs(int(corners.sign().sum())) < 160


@pytest.mark.parametrize("gate", SHAPES)
def test_identity_is_cut(gate: Gate) -> None:
    expected = torch.eye(gate.rows, gate.columns).expand(gate.blocks, -1, -1)
    assert torch.equal(matrices(with_init(gate, "identity")), expected)
    made = identity(gate, dtype=torch.bfloat16, device=torch.device("cpu"))
    assert made.dtype == torch.bfloat16
    assert torch.equal(made, expected.reshape(gate.shape).bfloat16())


@pytest.mark.parametrize("gate", [gate for gate in SHAPES if len(gate.shape) > 2])
def test_normal_keeps_expected_norms(gate: Gate) -> None:
    values = matrices(with_init(gate, "normal"))
    # The mean of n squares of standard normals has variance 2 / n.
    spread = 6 * math.sqrt(2 / values.numel())
    assert abs(values.square().mean().item() * gate.columns - 1) < spread


@pytest.mark.parametrize("gate", SHAPES)
def test_zero(gate: Gate) -> None:
    assert not matrices(with_init(gate, "zero")).any()


@pytest.mark.parametrize("gate", SHAPES)
def test_ones(gate: Gate) -> None:
    assert (matrices(with_init(gate, "ones")) == 1).all()


@pytest.mark.parametrize("init", [None, "kaiming", "orthogonal", "identity", "ones"])
def test_diagonal_gates_start_at_ones(init: str | None) -> None:
    values = draw(Gate("", per="a=3 b=2", init=init))  # type: ignore[arg-type]
    assert torch.equal(values, torch.ones(3, 2))


def test_diagonal_gates_may_start_at_random_or_at_zero() -> None:
    assert draw(Gate("", per="a=9", init="normal")).unique().numel() == 9
    assert not draw(Gate("", per="a=9", init="zero")).any()


@pytest.mark.parametrize(
    "init", [init for init in INITS if init not in ("zero", "ones", "identity")]
)
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_a_seed_gives_the_same_gate_in_every_type(init: str, dtype: torch.dtype) -> None:
    gate = with_init(SHAPES[1], init)
    single, other = torch.empty(gate.shape), torch.empty(gate.shape, dtype=dtype)
    for tensor in (single, other):
        torch.manual_seed(3)
        initialize(tensor, gate)
    assert torch.equal(other, single.to(dtype))
    initialize(single, gate)
    assert not torch.equal(other, single.to(dtype))


def test_meta_tensors_are_left_alone() -> None:
    before = torch.get_rng_state()
    initialize(torch.empty(4, 4, device="meta"), Gate("a=4"))
    assert torch.equal(torch.get_rng_state(), before)


def test_only_the_second_half_of_a_zero_gate_is_zero() -> None:
    circuit = Circuit("a=4", ["a {rank=2 init=zero}", "a {rank=3 init=orthogonal}"])
    rules = [(gate.name, gate.init) for gate in stored_gates(circuit)]
    assert rules == [
        ("g1_in", "kaiming"),
        ("g1_out", "zero"),
        ("g2_in", "orthogonal"),
        ("g2_out", "orthogonal"),
    ]


@pytest.mark.parametrize(("init", "rank"), [("identity", 3), ("orthogonal", 3)])
def test_gates_of_bounded_rank_start_as_partial_isometries(init: str, rank: int) -> None:
    circuit = Circuit("a=4 b=2", [f"a b {{rank={rank} init={init}}}"])
    operator = compile(circuit).module(dtype=torch.float64)
    singular = torch.linalg.svdvals(operator.matrix())
    expected = torch.tensor([1.0] * rank + [0.0] * (8 - rank), dtype=torch.float64)
    assert (singular - expected).abs().max() <= 64 * torch.finfo(torch.float32).eps
    if init == "identity":
        assert torch.equal(operator.matrix().diagonal(), expected)
