"""Chains: the circuit's values and gradients, in chunks, kept or computed again."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import circuits, tensors_for
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from qcircuit_adapt import Circuit, reference
from qcircuit_adapt.compiler.layout import Layout, Major, plan_layout
from qcircuit_adapt.families import quanta
from qcircuit_adapt.nn.chain import Chain, apply_chain
from qcircuit_adapt.nn.products import stack
from qcircuit_adapt.wires import split_ranks

MIXED = Circuit(
    "a=2 b=3 c=2",
    ["b per a", "b c -> c b=2", "per a", "a b {share=g5}", "a b {name=g5}"],
    outputs="c a b",
    name="mixed",
)
CASES = [
    (circuit, major, keep)
    for circuit in (quanta((3, 2, 2), to=(2, 2, 2)), MIXED)
    for major in ("feature", "token")
    for keep in (True, False)
    if plan_layout(circuit, major) is not None
]


def lay_out(circuit: Circuit, major: Major = "feature") -> Layout:
    layout = plan_layout(circuit, major)
    assert layout is not None
    return layout


def draw_stacks(
    circuit: Circuit, layout: Layout, *, dtype: torch.dtype = torch.float64, seed: int = 0
) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    tensors = {
        gate.name: torch.randn(gate.shape, generator=generator, dtype=dtype)
        for gate in circuit.gates
    }
    return tuple(one.clone() for one in stack(layout, tensors))


@settings(max_examples=60)
@given(circuits(), st.integers(0, 3), st.integers(1, 3), st.integers(0, 2**16))
def test_a_chain_is_its_circuit(circuit: Circuit, tokens: int, chunk: int, seed: int) -> None:
    halves = split_ranks(circuit)
    if not halves.gates:
        return
    rng = torch.Generator().manual_seed(seed)
    arrays = tensors_for(halves, np.random.default_rng(seed), low=2)
    expected = torch.from_numpy(np.asarray(reference.matrix(halves, arrays), dtype=float))
    tensors = {
        gate.name: torch.from_numpy(np.asarray(arrays[halves.owner(gate).name], dtype=float))
        for gate in halves.gates
    }
    x = torch.randint(-2, 3, (tokens, circuit.d_in), generator=rng).double()
    for major in ("feature", "token"):
        layout = plan_layout(circuit, major)
        if layout is not None:
            # Whole numbers: the result is exact.
            result = apply_chain(Chain(layout, False, chunk), x, stack(layout, tensors))
            assert torch.equal(result, x @ expected.T)


@pytest.mark.parametrize(
    ("circuit", "major", "keep"),
    CASES,
    ids=[f"{circuit.name}-{major}-{'keep' if keep else 'again'}" for circuit, major, keep in CASES],
)
def test_first_and_second_derivatives(circuit: Circuit, major: Major, keep: bool) -> None:
    layout = lay_out(circuit, major)
    gates, references = (draw_stacks(circuit, layout, seed=seed) for seed in (1, 2))
    weight = None if keep else torch.randn(circuit.d_out, circuit.d_in, dtype=torch.float64)
    x = torch.randn(3, circuit.d_in, dtype=torch.float64, requires_grad=True)
    chain = Chain(layout, keep, chunk=2, scale=0.5)

    def function(x: Tensor, *gates: Tensor) -> Tensor:
        return apply_chain(chain, x, gates, references, weight=weight)

    inputs = (x, *(gate.requires_grad_() for gate in gates))
    assert torch.autograd.gradcheck(function, inputs)
    assert torch.autograd.gradgradcheck(function, inputs)


@pytest.mark.parametrize("trained", [0, 1, 2])
def test_only_what_is_asked_for_has_a_gradient(trained: int) -> None:
    circuit = quanta((3, 2, 2))
    layout = lay_out(circuit)
    gates = draw_stacks(circuit, layout)
    gates[trained].requires_grad_()
    x = torch.randn(5, 12, dtype=torch.float64)
    found = []
    for keep in (True, False):
        apply_chain(Chain(layout, keep, 2), x, gates).square().sum().backward()
        assert [gate.grad is not None for gate in gates] == [n == trained for n in range(3)]
        assert gates[trained].grad is not None
        found.append(gates[trained].grad.clone())
        gates[trained].grad = None
    assert torch.equal(*found)


def test_equal_gates_leave_the_base_to_the_bit() -> None:
    circuit = quanta((8, 4, 4))
    for dtype in (torch.float32, torch.bfloat16):
        layout = lay_out(circuit)
        gates = draw_stacks(circuit, layout, dtype=dtype)
        x, weight = torch.randn(70, 128, dtype=dtype), torch.randn(128, 128, dtype=dtype)
        bias = torch.randn(128, dtype=dtype)
        found = apply_chain(Chain(layout, False, 64), x, gates, gates, weight=weight, bias=bias)
        assert torch.equal(found, torch.nn.functional.linear(x, weight, bias))


def test_gate_gradients_in_bfloat16_are_summed_in_float32() -> None:
    """In bfloat16 a sum of ones would stop at 256."""
    layout = lay_out(Circuit("a=1", ["a"]))
    gate = torch.ones(1, 1, 1, dtype=torch.bfloat16, requires_grad=True)
    x = torch.ones(4096, 1, dtype=torch.bfloat16)
    apply_chain(Chain(layout, False, 1), x, (gate,)).sum().backward()
    assert gate.grad is not None
    assert gate.grad.item() == 4096


def rows_saved(chain: Chain, tokens: int, gates: tuple[Tensor, ...], weight: Tensor) -> float:
    """Elements kept beyond x and what is stored anyhow, in rows of x for each token."""
    x = torch.randn(tokens, weight.shape[1], requires_grad=True)
    own = {tensor.untyped_storage().data_ptr() for tensor in (x, weight, *gates)}
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes() // tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        y = apply_chain(chain, x, gates, weight=weight)
    y.sum().backward()
    return sum(kept.values()) / x.numel()


def test_what_is_kept() -> None:
    circuit = quanta((16, 8, 8, 4))
    weight = torch.zeros(4096, 4096)
    for major in ("feature", "token"):
        layout = lay_out(circuit, major)
        gates = draw_stacks(circuit, layout, dtype=torch.float32)
        gates = tuple(gate.requires_grad_() for gate in gates)
        assert rows_saved(Chain(layout, False, 64), 64, gates, weight) == 0
        assert rows_saved(Chain(layout, True, 64), 64, gates, weight) == 5


class CountRows(TorchDispatchMode):
    """Counts the elements that operations other than views read and write."""

    def __init__(self) -> None:
        super().__init__()
        self.elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        result = func(*args, **(kwargs or {}))
        returns = func._schema.returns
        if not func.is_view and not any(
            one.alias_info and not one.alias_info.is_write for one in returns
        ):
            flat = torch.utils._pytree.tree_leaves((args, kwargs, result))
            self.elements += sum(t.numel() for t in flat if isinstance(t, Tensor))
        return result


def test_rows_moved_beyond_the_base_layer() -> None:
    tokens, width = 512, 4096
    circuit = quanta((16, 8, 8, 4))
    layout = lay_out(circuit)
    gates = tuple(g.requires_grad_() for g in draw_stacks(circuit, layout, dtype=torch.float32))
    weight = torch.zeros(width, width)
    x = torch.zeros(tokens, width, requires_grad=True)
    gy = torch.zeros(tokens, width)
    counts = []
    for function in (
        lambda: torch.nn.functional.linear(x, weight),
        lambda: apply_chain(Chain(layout, True, tokens), x, gates, weight=weight),
    ):
        with CountRows() as counter:
            torch.autograd.grad(function(), x, gy)
        counts.append(counter.elements / x.numel())
    base, chain = counts
    # One einsum for each gate moves 66, one contraction of x and all gates 74.
    assert chain - base <= 51
