"""Operators: the circuit's meaning under every way torch has of running a module."""

from __future__ import annotations

import copy
import io
import itertools
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rounding import assert_within, bound, magnitude, relative
from strategies import circuits
from torch import Tensor, nn

from qcircuit_adapt import Circuit, compile, reference
from qcircuit_adapt.errors import SizeError
from qcircuit_adapt.families import (
    brickwork,
    butterfly,
    kronecker,
    lora,
    monarch,
    quanta,
    tensor_train,
)
from qcircuit_adapt.nn.operator import Operator

MIXED = Circuit(
    "a=2 b=3 c=4",
    ["b per a {rank=2}", "b c -> c b=5", "per a", "a b {share=g5}", "a b {name=g5}", "c {frozen}"],
    outputs="c a b",
    name="mixed",
)
REAL = {
    "4096": quanta((16, 8, 8, 4)),
    "4096 to 1024": quanta((16, 8, 8, 4), to=(4, 8, 8, 4)),
    "5120": quanta((16, 8, 8, 5)),
    "11008 to 4096": quanta((43, 16, 16), to=(16, 16, 16)),
    "4096 to 11008, lora": lora(4096, 11008, rank=16),
}


def exact(circuit: Circuit, operator: Operator) -> Tensor:
    tensors = {name: tensor.double() for name, tensor in operator.tensors().items()}
    return torch.from_numpy(np.asarray(reference.matrix(circuit, tensors), dtype=float))


@given(circuits(), st.lists(st.integers(0, 3), max_size=3), st.integers(0, 2**16))
def test_an_operator_is_its_circuit(circuit: Circuit, batch: list[int], seed: int) -> None:
    torch.manual_seed(seed)
    operator = compile(circuit, tokens=3).module()
    matrix = exact(circuit, operator)
    x = torch.randn(*batch, circuit.d_in)
    y = operator(x)
    assert y.shape == (*batch, circuit.d_out)
    tolerance = bound(operator.plan.apply, x, operator.weights(), dtype=torch.float32)
    # tensors() rounds the products of halves once more.
    assert_within(y, x.double() @ matrix.T, 2 * tolerance)
    tolerance = bound(operator.plan.build, None, operator.weights(), dtype=torch.float32)
    assert_within(operator.matrix(), matrix, 2 * tolerance)


@pytest.mark.parametrize(
    "circuit",
    [
        quanta((4, 3, 2)),
        quanta((4, 3, 2), to=(2, 3, 2), rounds=2),
        lora(12, 10, rank=3),
        kronecker((4, 3), to=(2, 3)),
        tensor_train((4, 3, 2), rank=2),
        butterfly((2, 2, 2)),
        monarch((4, 4)),
        brickwork((2, 3, 2), layers=3),
        MIXED,
    ],
    ids=lambda circuit: circuit.name,
)
class TestEveryFamily:
    def test_gradients(self, circuit: Circuit) -> None:
        torch.manual_seed(0)
        operator = compile(circuit).module(dtype=torch.float64)
        names = [name for name, _ in operator.named_parameters()]
        x = torch.randn(2, circuit.d_in, dtype=torch.float64, requires_grad=True)

        def function(x: Tensor, *values: Tensor) -> Tensor:
            given = dict(zip(names, values, strict=True))
            return torch.func.functional_call(operator, given, (x,))

        assert torch.autograd.gradcheck(function, (x, *operator.parameters()))

    def test_compiles_whole_for_any_batch(self, circuit: Circuit) -> None:
        operator = compile(circuit).module()
        torch.compiler.reset()
        compiled = torch.compile(operator, fullgraph=True, dynamic=True, backend="eager")
        x = torch.randn(3, circuit.d_in)
        assert torch.equal(compiled(x), operator(x))
        with torch.compiler.set_stance("fail_on_recompile"):
            for count in (2, 7, 4000):
                x = torch.randn(count, circuit.d_in)
                assert torch.equal(compiled(x), operator(x))

    def test_exports_with_an_open_batch(self, circuit: Circuit) -> None:
        operator = compile(circuit).module()
        batch = torch.export.Dim("batch", min=2, max=4096)
        x = torch.randn(5, circuit.d_in)
        program = torch.export.export(operator, (x,), dynamic_shapes=({0: batch},))
        for count in (2, 33):
            x = torch.randn(count, circuit.d_in)
            assert torch.equal(program.module()(x), operator(x))

    def test_copies_and_files(self, circuit: Circuit) -> None:
        operator = compile(circuit).module()
        x = torch.randn(3, circuit.d_in)
        fresh = compile(circuit).module()
        assert not torch.equal(fresh(x), operator(x))
        fresh.load_state_dict(operator.state_dict())
        stream = io.BytesIO()
        torch.save(operator, stream)
        stream.seek(0)
        for twin in (
            fresh,
            copy.deepcopy(operator),
            pickle.loads(pickle.dumps(operator)),
            torch.load(stream, weights_only=False),
        ):
            assert torch.equal(twin(x), operator(x))
            assert [*twin.state_dict()] == [*operator.state_dict()]

    def test_transforms(self, circuit: Circuit) -> None:
        operator = compile(circuit).module(dtype=torch.float64)
        x = torch.randn(4, 3, circuit.d_in, dtype=torch.float64)
        tolerance = bound(operator.plan.apply, x, operator.weights(), dtype=torch.float64)
        assert_within(torch.func.vmap(operator)(x), operator(x), 2 * tolerance)
        jacobian = torch.func.jacrev(operator)(x[0, 0])
        matrix = operator.matrix()
        tolerance = bound(operator.plan.build, None, operator.weights(), dtype=torch.float64)
        assert_within(jacobian, matrix, 2 * len(operator.plan.apply.steps) * tolerance)

    @pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
    def test_half_precision(self, circuit: Circuit, dtype: torch.dtype) -> None:
        operator = compile(circuit).module(dtype=dtype)
        x = torch.randn(7, circuit.d_in, dtype=dtype)
        y = operator(x)
        assert y.dtype == dtype
        tolerance = bound(operator.plan.apply, x, operator.weights(), dtype=dtype)
        matrix = exact(circuit, operator)
        assert_within(y, x.double() @ matrix.T, 2 * tolerance)
        assert operator.matrix().dtype == torch.float32
        tolerance = bound(operator.plan.build, None, operator.weights(), dtype=torch.float32)
        assert_within(operator.matrix(), matrix, 2 * tolerance)


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_real_sizes(name: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    operator = compile(REAL[name]).module(dtype=dtype)
    x = torch.randn(2, 3, operator.plan.circuit.d_in, dtype=dtype)
    with torch.no_grad():
        expected = copy.deepcopy(operator).double()(x.double())
        plan = operator.plan
        size = magnitude(plan.apply, x, operator.weights())
        assert_within(operator(x), expected, relative(plan.apply, dtype=dtype) * size)
        built = x.double() @ operator.matrix().double().T
        assert_within(built, expected, relative(plan.build, dtype=torch.float32) * size)


def test_the_official_formula_gives_the_same_output() -> None:
    """One einsum over x and all gates in the order of QuanTA's own code, arXiv:2406.00132."""
    sizes = {"a": 6, "b": 4, "c": 3, "d": 2}
    torch.manual_seed(0)
    operator = compile(quanta((6, 4, 3, 2))).module(dtype=torch.float64)
    x = torch.randn(5, *sizes.values(), dtype=torch.float64)
    current, fresh = dict(zip("abcd", range(1, 5), strict=True)), itertools.count(5)
    operands: list[object] = [x, [0, *current.values()]]
    order = [("c", "d"), ("b", "d"), ("a", "d"), ("b", "c"), ("a", "c"), ("a", "b")]
    for number, (one, two) in enumerate(order, 1):
        gate = torch.randn(*[sizes[one], sizes[two]] * 2, dtype=torch.float64)
        with torch.no_grad():
            operator.get_parameter(f"weight_g{number}").copy_(gate)
        old = [current[one], current[two]]
        current |= {one: next(fresh), two: next(fresh)}
        operands += [gate, [current[one], current[two], *old]]
    official = torch.einsum(*operands, [0, *current.values()]).reshape(5, -1)
    tolerance = bound(operator.plan.apply, x.reshape(5, -1), operator.weights(), dtype=x.dtype)
    assert_within(operator(x.reshape(5, -1)), official.double(), 2 * tolerance)


def test_parameters_and_buffers() -> None:
    operator = compile(MIXED).module()
    assert {name: tuple(p.shape) for name, p in operator.named_parameters()} == {
        "weight_g1_in": (2, 2, 3),
        "weight_g1_out": (2, 3, 2),
        "weight_g2": (4, 5, 3, 4),
        "weight_g3": (2,),
        "weight_g5": (2, 5, 2, 5),
    }
    assert [name for name, _ in operator.named_buffers()] == ["weight_g6"]
    assert sum(p.numel() for p in operator.parameters()) == MIXED.parameters
    assert repr(operator) == "Operator(mixed, 24 -> 40, 366 parameters)"


def test_tensors_are_copies_for_every_gate() -> None:
    operator = compile(MIXED).module(dtype=torch.bfloat16)
    tensors = operator.tensors()
    assert [*tensors] == ["g1", "g2", "g3", "g4", "g5", "g6"]
    assert all(tuple(tensors[gate.name].shape) == gate.shape for gate in MIXED.gates)
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}
    assert not any(tensor.requires_grad for tensor in tensors.values())
    assert torch.equal(tensors["g4"], tensors["g5"])
    before = operator.weights()["g2"].clone()
    tensors["g2"].zero_()
    assert torch.equal(operator.weights()["g2"], before)
    double = compile(MIXED).module(dtype=torch.float64).tensors()
    assert {tensor.dtype for tensor in double.values()} == {torch.float64}


def test_a_single_precision_operator_gives_copies_too() -> None:
    operator = compile(quanta((3, 2))).module()
    operator.tensors()["g1"].zero_()
    assert operator.weights()["g1"].any()


def test_what_training_keeps_is_what_the_plan_says() -> None:
    operator = compile(quanta((16, 8, 8, 4)), tokens=64).module()
    x = torch.randn(64, 4096, requires_grad=True)
    own = {tensor.untyped_storage().data_ptr() for tensor in (x, *operator.parameters())}
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes() // tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        y = operator(x)
    # einsum may keep transposed copies of the gates as well, which are no activations.
    activations = [count for count in kept.values() if count >= 64 * 4096]
    assert sum(activations) == operator.plan.saved_per_token * 64 == 5 * 4096 * 64
    y.sum().backward()


def test_autocast_and_the_matrix() -> None:
    operator = compile(quanta((4, 3, 2))).module()
    x = torch.randn(5, 24)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert operator(x).dtype == torch.bfloat16
        inside = operator.matrix()
    assert inside.dtype == torch.float32
    assert torch.equal(inside, operator.matrix())


def test_meta_construction() -> None:
    operator = compile(MIXED).module(device="meta", dtype=torch.bfloat16)
    tensors = [*operator.parameters(), *operator.buffers()]
    assert {(tensor.device.type, tensor.dtype) for tensor in tensors} == {("meta", torch.bfloat16)}
    assert operator(torch.empty(3, 24, device="meta", dtype=torch.bfloat16)).shape == (3, 40)
    assert operator.matrix().shape == (40, 24)
    real = operator.to_empty(device="cpu")
    real.reset_parameters()
    assert real(torch.ones(24, dtype=torch.bfloat16)).isfinite().all()


def test_the_matrix_has_gradients() -> None:
    operator = compile(quanta((3, 2))).module()
    operator.matrix().sum().backward()
    assert torch.equal(operator.get_parameter("weight_g1").grad, torch.ones(3, 2, 3, 2))


@pytest.mark.parametrize("circuit", [Circuit("a=2 b=3", []), Circuit("a=2 b=3", [], outputs="b a")])
def test_no_gates(circuit: Circuit) -> None:
    operator = compile(circuit).module()
    x = torch.randn(4, 6)
    expected = torch.from_numpy(np.asarray(reference.matrix(circuit, {}), dtype=np.float32))
    assert torch.equal(operator(x), x @ expected.T)
    assert torch.equal(operator.matrix(), expected)


def test_thousands_of_tokens_and_none() -> None:
    operator = compile(quanta((4, 3, 2)), tokens=4).module()
    x = torch.randn(5000, 24)
    tolerance = bound(operator.plan.apply, x, operator.weights(), dtype=torch.float32)
    assert_within(operator(x), x.double() @ operator.matrix().double().T, 2 * tolerance)
    empty = torch.randn(0, 7, 24, requires_grad=True)
    operator(empty).sum().backward()
    assert empty.grad is not None
    assert all(not p.grad.any() for p in operator.parameters() if p.grad is not None)


@pytest.mark.parametrize("shape", [(5, 23), (24, 5), ()])
def test_inputs_of_the_wrong_size_are_refused(shape: tuple[int, ...]) -> None:
    operator = compile(quanta((4, 3, 2))).module()
    with pytest.raises(SizeError) as caught:
        operator(torch.ones(shape))
    assert str(caught.value).splitlines() == [
        f"circuit 'quanta-4-3-2' takes x of shape (..., 24), but it has shape {shape}.",
        "  Its axes multiply to the last size of x.",
    ]


def test_modules_nest() -> None:
    """Flat names, so that the last part of every key is the gate's."""
    outer = nn.ModuleDict({"default": compile(quanta((3, 2))).module()})
    assert [*outer.state_dict()] == ["default.weight_g1"]
