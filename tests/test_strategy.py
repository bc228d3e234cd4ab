"""Strategies: the choice follows the costs, and every one computes and trains the circuit."""

from __future__ import annotations

import copy

import pytest
import torch

from qcircuit_adapt import Adapter, Circuit, compile
from qcircuit_adapt.compiler.device import find_device, find_dtype
from qcircuit_adapt.compiler.layout import plan_layout
from qcircuit_adapt.compiler.strategy import STRATEGIES, report_candidates
from qcircuit_adapt.errors import GateError, NotationError
from qcircuit_adapt.families import quanta
from qcircuit_adapt.nn.update import Update

LARGE = quanta((16, 8, 8, 4))
ON_CPU = [strategy for strategy in STRATEGIES if strategy != "triton"]


def test_the_fastest_is_chosen_and_the_others_say_why_not() -> None:
    plan = compile(LARGE, tokens=2048, strategy="auto")
    assert plan.strategy == "feature-save-all"
    assert {one.strategy for one in plan.candidates} == {*STRATEGIES} - {"triton"}
    times = [one.predicted for one in plan.candidates]
    assert times == sorted(times)
    assert [one.lost.endswith("slower") for one in plan.candidates] == [False] + 5 * [True]
    rows = report_candidates(plan.candidates)
    assert rows[1].split() == [
        "feature-save-all",
        "1.22",
        "5.00",
        "7.1",
        "56",
        *rows[1].split()[5:],
    ]


def test_the_budget_of_memory_is_kept() -> None:
    plan = compile(LARGE, tokens=2048, strategy="auto", max_saved_rows=0.05)
    assert plan.strategy == "feature-save-x"
    assert plan.candidates[0].saved_rows == 0
    assert plan.candidates[0].peak_rows < 2.5
    lost = {one.strategy: one.lost for one in plan.candidates}
    assert lost["einsum"] == "keeps 5.00 rows, more than 0.05"


def test_a_matrix_is_built_where_many_tokens_pass_a_narrow_layer() -> None:
    """Its step goes to 1.5 of the base layer's; gates take a share of any number."""
    narrow = quanta((12, 8, 8))
    for circuit, tokens, chosen in (
        (narrow, 8192, True),
        (narrow, 64, False),
        (LARGE, 8192, False),
    ):
        plan = compile(circuit, tokens=tokens, strategy="auto")
        assert (plan.strategy == "materialised") == chosen
    built = {one.strategy: one for one in compile(narrow, tokens=8192).candidates}["materialised"]
    assert 1.5 < built.predicted < 1.65
    assert built.saved_rows == 0
    # In 16 bits it stays apart from the weight, and takes two products more.
    apart = compile(narrow, tokens=8192, dtype="bf16", strategy="materialised").candidates[0]
    assert apart.predicted > 2.4


def test_a_kernel_is_chosen_only_if_it_is_asked_for() -> None:
    plan = compile(LARGE, dtype="bf16", device="cuda", strategy="auto")
    kernel = {one.strategy: one for one in plan.candidates}["triton"]
    assert kernel.predicted < plan.candidates[0].predicted
    assert kernel.lost == "only when asked for: not yet run on a GPU"
    assert compile(LARGE, dtype="bf16", device="cuda", strategy="triton").strategy == "triton"


def test_few_tokens_stand_first() -> None:
    assert compile(LARGE, tokens=1, strategy="auto").strategy == "token-save-all"


def test_a_prediction_is_a_function_of_its_arguments() -> None:
    slow, fast = (
        compile(LARGE, tokens=64, dtype="bf16", device=device, strategy="auto").candidates
        for device in ("h200", "cpu")
    )
    assert slow[0].predicted > 2 * fast[0].predicted
    again = compile(LARGE, tokens=64, dtype="bf16", device="cuda", strategy="auto")
    assert again.candidates == slow


@pytest.mark.parametrize("strategy", ON_CPU)
def test_every_strategy_trains_the_same(strategy: str) -> None:
    torch.manual_seed(0)
    circuit = quanta((4, 3, 2), to=(2, 3, 2))
    adapter = Adapter(circuit, scale=0.5)
    expected = Update(adapter, dtype=torch.float64, init_weights=False)
    found = Update(adapter, dtype=torch.float64, strategy=strategy)
    assert found.parts[0].plan.strategy == strategy
    assert not found(torch.randn(5, 24, dtype=torch.float64)).any()
    found.load_state_dict(expected.state_dict())
    x = torch.randn(2, 3, 24, dtype=torch.float64)
    gradients = []
    for update in (expected, found):
        own = x.clone().requires_grad_()
        y = update(own)
        y.square().sum().backward()
        gradients.append([y.detach(), own.grad, *(p.grad for p in update.parameters())])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
    assert torch.equal(copy.deepcopy(found)(x), found(x))


@pytest.mark.parametrize("strategy", ON_CPU)
def test_transforms_compiling_and_autocast(strategy: str) -> None:
    operator = compile(quanta((4, 3, 2)), strategy=strategy).module()
    x = torch.randn(5, 24)
    jacobian = torch.func.jacrev(operator)(x[0])
    torch.testing.assert_close(jacobian, operator.matrix(), rtol=1e-4, atol=1e-5)
    torch.compiler.reset()
    compiled = torch.compile(operator, fullgraph=True, dynamic=True, backend="eager")
    torch.testing.assert_close(compiled(x), operator(x), rtol=1e-4, atol=1e-5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert operator(x).dtype == torch.bfloat16
    checkpointed = torch.utils.checkpoint.checkpoint(operator, x, use_reentrant=False)
    assert torch.equal(checkpointed, operator(x))
    checkpointed.sum().backward()


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(GateError) as caught:
        compile(LARGE, strategy="feature")
    assert str(caught.value).startswith("'feature' is no strategy.")
    controlled = Circuit("a=4 b=3", ["b per a"], name="controlled")
    assert plan_layout(controlled, "token") is None
    with pytest.raises(GateError) as caught:
        compile(controlled, strategy="token-save-x")
    assert str(caught.value).splitlines() == [
        "circuit 'controlled' cannot be computed by 'token-save-x'.",
        "  It has no gates, or tokens stand first and a gate has control wires.",
        "  Choose one of einsum, feature-save-all, feature-save-x, materialised.",
    ]
    with pytest.raises(GateError) as caught:
        compile(LARGE, strategy="triton")
    assert str(caught.value).splitlines()[:2] == [
        "circuit 'quanta-16-8-8-4' cannot be computed by 'triton'.",
        "  It runs on a GPU, and the plan is for device 'cpu'.",
    ]
    with pytest.raises(GateError) as caught:
        compile(quanta((12, 8, 8)), device="cuda", strategy="triton")
    assert str(caught.value).splitlines()[1] == (
        "  There is no kernel for it: wire 'a' has size 12, which is no power of two."
    )
    with pytest.raises(GateError) as caught:
        compile(Circuit("a=4 b=3", ["a b", "a"]), strategy="auto", max_saved_rows=-1)
    assert "the least is 0" in str(caught.value)


def test_devices_and_types_are_known_by_name() -> None:
    assert find_device("cuda:1").name == "h200"
    assert find_dtype("bf16") == find_dtype("torch.bfloat16") == "bfloat16"
    with pytest.raises(NotationError, match=r"'tpu' is no known device\."):
        find_device("tpu")
    with pytest.raises(NotationError, match=r"'int8' is no known type\."):
        find_dtype("int8")


def test_layers_of_a_shape_are_planned_once() -> None:
    circuit = quanta((8, 8, 4, 4, 4))
    first = compile(circuit, strategy="auto")
    assert all(compile(circuit, strategy="auto") is first for _ in range(64))
