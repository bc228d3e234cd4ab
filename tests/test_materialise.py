"""Matrices built for a step: the values and gradients of the product, and nothing kept."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from qcircuit_adapt import compile
from qcircuit_adapt.families import quanta
from qcircuit_adapt.nn.execute import Base, Change, adds_in_place, execute
from qcircuit_adapt.nn.materialise import apply_matrix

PLAN = compile(quanta((4, 3, 2), to=(2, 3, 2)), tokens=64, strategy="materialised")


def draw_gates(seed: int, *, dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        gate.name: torch.randn(gate.shape, generator=generator, dtype=dtype)
        for gate in PLAN.circuit.gates
    }


@pytest.mark.parametrize("with_base", [False, True])
def test_first_and_second_derivatives(with_base: bool) -> None:
    gates, references = draw_gates(1), draw_gates(2)
    weight, bias = torch.randn(12, 24, dtype=torch.float64), torch.randn(12, dtype=torch.float64)
    base = Base(weight, bias) if with_base else None
    x = torch.randn(3, 24, dtype=torch.float64, requires_grad=True)

    def function(x: Tensor, *tensors: Tensor) -> Tensor:
        own = dict(zip(gates, tensors, strict=True))
        return execute(PLAN, x, Change(own, references, scale=0.5), base=base)

    inputs = (x, *(gate.requires_grad_() for gate in gates.values()))
    assert torch.autograd.gradcheck(function, inputs)
    assert torch.autograd.gradgradcheck(function, inputs)


@pytest.mark.parametrize("trained", [0, 1])
def test_only_what_is_asked_for_has_a_gradient(trained: int) -> None:
    gates = [torch.randn(4, 4, dtype=torch.float64) for _ in range(2)]
    gates[trained].requires_grad_()
    x = torch.randn(5, 4, dtype=torch.float64)
    apply_matrix(lambda own: own[0] @ own[1], x, tuple(gates)).sum().backward()
    assert [gate.grad is not None for gate in gates] == [n == trained for n in range(2)]
    x.requires_grad_()
    apply_matrix(lambda own: own[0] @ own[1], x, tuple(g.detach() for g in gates)).sum().backward()
    assert x.grad is not None


def test_x_alone_is_kept() -> None:
    x = torch.randn(64, 24, requires_grad=True)
    gates = {name: one.requires_grad_() for name, one in draw_gates(1, dtype=x.dtype).items()}
    kept: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        execute(PLAN, x, Change(gates))
    own = {one.untyped_storage().data_ptr() for one in (x, *gates.values())}
    assert kept
    assert {one.untyped_storage().data_ptr() for one in kept} <= own


def test_sixteen_bits_are_not_added_to_the_weight() -> None:
    """A change of a thousandth of a weight of 1 would be rounded away in bfloat16."""
    weight = torch.ones(12, 24)
    assert adds_in_place(PLAN, Base(weight, None))
    assert not adds_in_place(PLAN, Base(weight.bfloat16(), None))


def test_a_difference_in_sixteen_bits_is_built_in_more() -> None:
    """T and S differ by a hundredth, about what rounding a product in bfloat16 changes."""
    references = draw_gates(1, dtype=torch.bfloat16)
    gates = {name: (one.float() * 1.01).bfloat16() for name, one in references.items()}
    x = torch.randn(50, 24).bfloat16()
    found = execute(PLAN, x, Change(gates, references))
    exact = [{name: one.double() for name, one in some.items()} for some in (gates, references)]
    expected = execute(compile(PLAN.circuit), x.double(), Change(*exact))
    assert found.dtype == torch.bfloat16
    assert (found - expected).abs().max() < 0.02 * expected.abs().max()
