"""Every strategy, on any circuit, computes and trains what the einsum steps do."""

from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import circuits
from torch import Tensor

from qcircuit_adapt import Circuit, compile
from qcircuit_adapt.families import quanta
from qcircuit_adapt.nn.execute import Change, execute
from qcircuit_adapt.wires import split_ranks


def draw_tensors(circuit: Circuit, seed: int) -> dict[str, Tensor]:
    """Draw small whole numbers, with which everything is exact."""
    generator = torch.Generator().manual_seed(seed)
    return {
        gate.name: torch.randint(-2, 3, gate.shape, generator=generator).double()
        for gate in split_ranks(circuit).gates
        if not gate.share
    }


def step(strategy: str, device: str, circuit: Circuit, change: Change, x: Tensor) -> list[Tensor]:
    """Return the result and all gradients, by a strategy as planned for a device."""
    plan = compile(circuit, tokens=len(x), device=device, dtype="bf16", strategy=strategy)
    own = x.clone().requires_grad_()
    gates = {name: gate.clone().requires_grad_() for name, gate in change.gates.items()}
    y = execute(plan, own, Change(gates, change.references, change.less_x, change.scale))
    y.square().sum().backward()
    grads = (gate.grad for gate in gates.values())
    return [y.detach(), *(grad for grad in (own.grad, *grads) if grad is not None)]


@settings(max_examples=60)
@given(circuits(), st.sampled_from(["cpu", "h200"]), st.integers(1, 70), st.booleans())
def test_every_strategy_is_the_circuit(
    circuit: Circuit, device: str, tokens: int, less_x: bool
) -> None:
    assume(circuit.gates)
    torch.manual_seed(0)
    if less_x and circuit.d_in == circuit.d_out:
        change = Change(draw_tensors(circuit, 1), less_x=True, scale=2)
    else:
        change = Change(draw_tensors(circuit, 1), draw_tensors(circuit, 2))
    x = torch.randint(-2, 3, (tokens, circuit.d_in)).double()
    names = [one.strategy for one in compile(circuit, tokens=tokens, device=device).candidates]
    expected = step("einsum", device, circuit, change, x)
    for strategy in {*names} - {"einsum", "triton"}:
        found = step(strategy, device, circuit, change, x)
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("strategy", ["feature-save-all", "token-save-x"])
def test_joined_gates_train_the_same(strategy: str) -> None:
    circuit = quanta((8, 4, 4, 2))
    plan = compile(circuit, tokens=50, device="h200", dtype="bf16", strategy=strategy)
    assert plan.candidates[0].blocks.count("{") < len(circuit.gates)
    change = Change(draw_tensors(circuit, 1), draw_tensors(circuit, 2))
    x = torch.randint(-2, 3, (50, 256)).double()
    expected = step("einsum", "h200", circuit, change, x)
    for one, other in zip(step(strategy, "h200", circuit, change, x), expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=0)
