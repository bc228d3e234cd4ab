"""The fused kernels compute the circuit and its gradients, in triton's interpreter."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import tensors_for

from qcircuit_adapt import Circuit, CircuitError, compile
from qcircuit_adapt.compiler.kernel.source import triton_source
from qcircuit_adapt.errors import GateError, SizeError, TensorError
from qcircuit_adapt.families import quanta
from qcircuit_adapt.nn.execute import Change, execute
from qcircuit_adapt.nn.fused import fused_apply, why_not
from qcircuit_adapt.nn.operator import join_halves
from qcircuit_adapt.reference import matrix
from qcircuit_adapt.wires import split_ranks

pytest.importorskip("triton")

Tensors = dict[str, torch.Tensor]
SHORT_SUMS = Circuit("a=4 b=2 c=2", ["a", "b c -> b=4", "a b -> r=2", "r -> y=32 c=1"])
OPTIONS = Circuit(
    "a=4 b=8 c=2", ["a b {rank=2}", "b c {frozen}", "a b {share=g1}", "b c {share=g2}", "b c"]
)


def draw_tensors(circuit: Circuit, dtype: torch.dtype) -> Tensors:
    """Random tensors as the kernels take them: of each owner, in halves for bounded ranks."""
    rng = np.random.default_rng(0)
    halves = split_ranks(circuit)
    numbers = tensors_for(halves, rng)
    columns = {gate.name: gate.columns for gate in halves.gates}
    return {
        name: torch.tensor(value / columns[name] ** 0.5).to(dtype).requires_grad_()
        for name, value in numbers.items()
    }


def expected(
    circuit: Circuit, x: torch.Tensor, tensors: Tensors
) -> tuple[torch.Tensor, torch.Tensor, Tensors]:
    """The result, the matrix and the tensors, in float64, by the reference alone."""
    wide = {name: tensor.detach().double() for name, tensor in tensors.items()}
    T = torch.as_tensor(matrix(circuit, join_halves(circuit, wide)))
    return x.detach().double() @ T.T, T, wide


def check(circuit: Circuit, dtype: torch.dtype, *, tokens: tuple[int, ...] = (2, 3)) -> None:
    """Compare result and gradients with the reference, within what rounding allows."""
    torch.manual_seed(0)
    tensors = draw_tensors(circuit, dtype)
    x = torch.randn(*tokens, circuit.d_in).to(dtype).requires_grad_()
    y = fused_apply(circuit, x, tensors)
    dy = torch.randn_like(y)
    y.backward(dy)
    right, T, wide = expected(circuit, x, tensors)
    # Every sum rounds once for each gate; the interpreter rounds to dtype only at the end.
    eps = torch.finfo(dtype).eps + 8 * len(circuit.gates) * torch.finfo(torch.float32).eps
    assert y.dtype == dtype
    assert distance(y, right) <= eps
    assert x.grad is not None
    assert distance(x.grad, dy.double() @ T) <= eps
    trained = {g.name for g in split_ranks(circuit).gates if not g.frozen and not g.share}
    for name, tensor in tensors.items():
        if name not in trained:
            assert tensor.grad is None
            continue
        assert tensor.grad is not None
        # T is a polynomial in the gate, of the degree with which the gate is used.
        direction = torch.randn_like(wide[name])
        slope = derivative(circuit, wide, name, direction)
        change = (dy.double() * (x.detach().double() @ slope.T)).sum()
        found = (tensor.grad.double() * direction).sum()
        size = tensor.grad.double().norm() * direction.norm()
        assert (found - change).abs() <= eps * size, name


def derivative(circuit: Circuit, wide: Tensors, name: str, direction: torch.Tensor) -> torch.Tensor:
    """The derivative of T by a gate in a direction: exact, as T is at most quadratic in it."""

    def shifted(by: float) -> torch.Tensor:
        moved = {**wide, name: wide[name] + by * direction}
        return torch.as_tensor(matrix(circuit, join_halves(circuit, moved)))

    return shifted(0.5) - shifted(-0.5)


def distance(found: torch.Tensor, right: torch.Tensor) -> float:
    return float((found.detach().double() - right).norm() / right.norm().clamp_min(1e-30))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize(
    "circuit", [quanta((4, 4, 4)), quanta((4, 2, 2), to=(2, 4, 2)), SHORT_SUMS, OPTIONS]
)
def test_small_circuits(circuit: Circuit, dtype: torch.dtype) -> None:
    check(circuit, dtype)


@pytest.mark.parametrize(
    "circuit",
    [
        quanta((16, 8, 8, 4)),
        quanta((8, 8, 8, 8)),
        quanta((16, 8, 8, 4), to=(4, 8, 8, 4)),
    ],
)
def test_real_sizes(circuit: Circuit) -> None:
    """Seven tokens: several programs, one of which has two tiles and one tile that is not full."""
    torch.manual_seed(0)
    tensors = draw_tensors(circuit, torch.float32)
    x = torch.randn(7, circuit.d_in, requires_grad=True)
    dy = torch.randn(7, circuit.d_out)
    fused_apply(circuit, x, tensors).backward(dy)
    found = [x.grad, *(tensor.grad for tensor in tensors.values())]
    from qcircuit_adapt import compile
    from qcircuit_adapt.nn.operator import run

    wide = {name: tensor.detach().double().requires_grad_() for name, tensor in tensors.items()}
    start = x.detach().double().requires_grad_()
    run(compile(circuit).apply, start, wide).backward(dy.double())
    for one, other in zip(found, [start.grad, *(t.grad for t in wide.values())], strict=True):
        assert one is not None
        assert other is not None
        assert distance(one, other) <= 16 * torch.finfo(torch.float32).eps


@st.composite
def narrow_circuits(draw: st.DrawFn) -> Circuit:
    """Circuits on axes of 1, 2, 4 or 8, whose gates keep or change sizes."""
    sizes = draw(st.lists(st.sampled_from((1, 2, 4, 8)), min_size=1, max_size=4))
    names = "abcd"[: len(sizes)]
    gates = []
    for _ in range(draw(st.integers(1, 4))):
        wires = draw(st.permutations(names))[: draw(st.integers(1, min(2, len(names))))]
        size = draw(st.sampled_from((1, 2, 4)))
        to = f" -> {wires[0]}={size} {' '.join(wires[1:])}" if draw(st.booleans()) else ""
        gates.append(" ".join(wires) + to)
    axes = " ".join(f"{name}={size}" for name, size in zip(names, sizes, strict=True))
    return Circuit(axes, gates, outputs=draw(st.permutations(names)))


@settings(max_examples=15)
@given(narrow_circuits(), st.integers(1, 70))
def test_any_circuit_of_powers_of_two(circuit: Circuit, tokens: int) -> None:
    assert why_not(circuit, torch.float32) is None
    check(circuit, torch.float32, tokens=(tokens,))


def test_the_gradients_are_the_same_every_time() -> None:
    found = []
    for _ in range(2):
        torch.manual_seed(0)
        tensors = draw_tensors(quanta((4, 4, 4)), torch.float32)
        x = torch.randn(300, 64)
        fused_apply(quanta((4, 4, 4)), x, tensors).sum().backward()
        found.append(torch.cat([tensor.grad.flatten() for tensor in tensors.values()]))
    assert torch.equal(*found)


def test_views_and_no_tokens() -> None:
    circuit = quanta((4, 4))
    tensors = draw_tensors(circuit, torch.float32)
    x = torch.randn(16, 5).T
    right = fused_apply(circuit, x.contiguous(), tensors)
    assert torch.equal(fused_apply(circuit, x, tensors), right)
    none = torch.randn(0, 16, requires_grad=True)
    fused_apply(circuit, none, tensors).sum().backward()
    assert none.grad is not None
    assert not tensors["g1"].grad.any()
    assert fused_apply(circuit, x[0], tensors).shape == (16,)


def test_only_x_and_the_gates_are_kept() -> None:
    circuit = quanta((4, 4, 4))
    tensors = draw_tensors(circuit, torch.float32)
    x = torch.randn(5, 64, requires_grad=True)
    kept: list[torch.Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        fused_apply(circuit, x, tensors)
    known = {t.data_ptr() for t in (x, *tensors.values())}
    assert {t.data_ptr() for t in kept} == known


@pytest.mark.parametrize("less_x", [False, True])
def test_it_is_a_strategy(less_x: bool) -> None:
    circuit = Circuit("a=4 b=8 c=2", ["a b {rank=2}", "b c", "a b {share=g1}"])
    x = torch.randn(2, 3, 64)
    tensors = draw_tensors(circuit, torch.float32)
    references = {} if less_x else {name: 1.1 * one.detach() for name, one in tensors.items()}
    change = Change(tensors, references, less_x=less_x, scale=0.5)
    found = []
    for strategy in ("triton", "einsum"):
        plan = compile(circuit, device="cuda", strategy=strategy)
        own = x.clone().requires_grad_()
        y = execute(plan, own, change)
        gradients = torch.autograd.grad(y.square().sum(), (own, *tensors.values()))
        found.append((y, *gradients))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_it_is_differentiable_once() -> None:
    circuit = quanta((4, 4))
    x = torch.randn(2, 16, requires_grad=True)
    y = fused_apply(circuit, x, draw_tensors(circuit, torch.float32))
    (slope,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="marked with @once_differentiable"):
        slope.sum().backward()


@pytest.mark.parametrize(
    ("text", "dtype", "reason"),
    [
        (
            "a=4 b=2 c=3 d=2 | a b, c d",
            torch.float32,
            "wire 'c' has size 3, which is no power of two.",
        ),
        (
            "a=4 | a -> r=3, r -> a=4",
            torch.float32,
            "wire 'r' has size 3, which is no power of two.",
        ),
        (
            "a=4 | a {rank=3}",
            torch.float32,
            "wire 'g1_bond' has size 3, which is no power of two.",
        ),
        ("a=4 b=4 | a per b", torch.float32, "gate 'g1' has control wires (per)."),
        ("a=4 |", torch.float32, "the circuit has no gates."),
        (
            "a=4 | a",
            torch.float64,
            "numbers of type float64; it takes float32, bfloat16, float16.",
        ),
        (
            "a=256 b=128 | b",
            torch.float32,
            "32,768 numbers of one token between two gates; a program holds 16,384.",
        ),
        (
            "a=16 b=16 | a, a b",
            torch.float32,
            "gate 'g2' has 256 x 256 entries, too many for it.",
        ),
    ],
)
def test_why_not(text: str, dtype: torch.dtype, reason: str) -> None:
    circuit = Circuit.parse(text) if text != "a=4 |" else Circuit("a=4", [])
    assert why_not(circuit, dtype) == reason
    x = torch.zeros(1, circuit.d_in, dtype=dtype)
    with pytest.raises(GateError) as error:
        fused_apply(circuit, x, {})
    assert str(error.value).splitlines() == [
        f"the fused kernel cannot run the circuit: {reason}",
        "  Leave the choice of strategy to compile.",
    ]


def test_without_triton(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "triton", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    reason = "triton is not installed: pip install 'qcircuit-adapt[triton]'."
    assert why_not(quanta((4, 4)), torch.float32) == reason


def test_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qcircuit_adapt.nn.fused.apply.interpreted", lambda: False)
    circuit = quanta((4, 4))
    with pytest.raises(GateError, match="x is on cpu, but it runs on a GPU, or with TRITON_INTERP"):
        fused_apply(circuit, torch.zeros(1, 16), draw_tensors(circuit, torch.float32))


@pytest.mark.parametrize(
    ("change", "kind", "line"),
    [
        ({"g1": None}, TensorError, "there is no tensor for gate 'g1'."),
        (
            {"g1": torch.zeros(4, 4, 4)},
            TensorError,
            "the tensor of gate 'g1' has shape (4, 4, 4), but must have (4, 4, 4, 4).",
        ),
        (
            {"g1": torch.zeros(4, 4, 4, 4, dtype=torch.float16)},
            TensorError,
            "the tensor of gate 'g1' has type torch.float16, but must have torch.float32.",
        ),
        (
            {"g1": torch.zeros(4, 4, 4, 4, device="meta")},
            TensorError,
            "the tensor of gate 'g1' has device meta, but must have cpu.",
        ),
    ],
)
def test_wrong_tensors(
    change: dict[str, torch.Tensor | None], kind: type[CircuitError], line: str
) -> None:
    tensors = {name: value for name, value in change.items() if value is not None}
    with pytest.raises(kind) as error:
        fused_apply(quanta((4, 4)), torch.zeros(1, 16), tensors)
    assert str(error.value).splitlines()[0] == line


def test_wrong_width() -> None:
    with pytest.raises(SizeError, match="takes x of shape"):
        fused_apply(quanta((4, 4)), torch.zeros(1, 15), {})


@pytest.mark.parametrize("circuit", [quanta((16, 8, 8, 4)), SHORT_SUMS, OPTIONS])
def test_the_source_is_formatted_and_imports_triton_alone(circuit: Circuit) -> None:
    source = triton_source(circuit)
    names = [line for line in source.splitlines() if line.startswith(("import ", "from "))]
    assert names == ["import triton", "import triton.language as tl"]
    options = ("--isolated", "--line-length", "100", "-")
    for command in (["format", "--diff"], ["check", "--ignore", "F841"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *options],
            input=source,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


COMPILE = """
import triton, triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from qcircuit_adapt import Circuit
from qcircuit_adapt.nn.fused.kernel import LAUNCH, kernels

found = kernels(Circuit("a=4 b=4 c=2", ["a b", "b c"]))
for kernel in (found.forward, found.backward):
    kinds = {"tokens": "i32", "TYPE": "constexpr", "sums_ptr": "*fp32"}
    signature = {name: kinds.get(name, "*bf16") for name in kernel.arg_names}
    source = ASTSource(fn=kernel, signature=signature, constexprs={"TYPE": tl.bfloat16})
    done = triton.compile(source, target=GPUTarget("cuda", 90, 32), options=dict(LAUNCH))
    print(len(done.asm["cubin"]) > 0)
"""


def test_the_kernels_compile_for_a_gpu_that_is_not_there(tmp_path: os.PathLike[str]) -> None:
    """Of a circuit with sums both long enough for a matrix product and too short."""
    environment = {**os.environ, "TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", COMPILE],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.stdout.split() == ["True", "True"], done.stderr
