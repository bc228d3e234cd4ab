"""Emitted files: they run alone, and compute what the library does."""

from __future__ import annotations

import ast
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from strategies import circuits
from torch import nn

from qcircuit_adapt import Circuit, Plan, compile, emit
from qcircuit_adapt.families import quanta

INITS = Circuit(
    "a=4 b=3",
    [
        "a b",
        "a {init=orthogonal}",
        "b per a {init=orthogonal}",
        "b per a {init=identity}",
        "b {init=normal frozen}",
        "b {init=ones frozen}",
        "per a b {init=normal}",
        "per a",
        "a b {rank=2 init=zero}",
    ],
    name='"""quoted\\" and 3 long words',
)


def load(plan: Plan, **options: object) -> nn.Module:
    """Run an emitted file; return its only class, made with these options."""
    names: dict[str, object] = {}
    exec(compile_source(plan), names)
    (made,) = [v for v in names.values() if isinstance(v, type) and issubclass(v, nn.Module)]
    module = made(**options)
    assert isinstance(module, nn.Module)
    return module


def compile_source(plan: Plan) -> object:
    import builtins

    return builtins.compile(emit(plan), "<emitted>", "exec")


@settings(max_examples=40)
@given(circuits())
def test_the_file_computes_the_same(circuit: Circuit) -> None:
    plan = compile(circuit, tokens=3)
    ours, theirs = plan.module(dtype=torch.bfloat16), load(plan, dtype=torch.bfloat16)
    theirs.load_state_dict(ours.state_dict())
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    for batch in ((), (0,), (2, 5)):
        x = torch.randn(*batch, circuit.d_in, dtype=torch.bfloat16)
        assert torch.equal(theirs(x), ours(x))
    assert torch.equal(theirs.matrix(), ours.matrix())


def test_a_real_size() -> None:
    plan = compile(quanta((16, 8, 8, 4), to=(4, 8, 8, 4)))
    ours, theirs = plan.module(), load(plan)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(3, 4096)
    assert torch.equal(theirs(x), ours(x))
    assert torch.equal(theirs.matrix(), ours.matrix())


def test_gates_start_by_their_rules() -> None:
    torch.manual_seed(0)
    plan = compile(INITS)
    ours, theirs = plan.module(), load(plan)
    fixed = {"weight_g4", "weight_g6", "weight_g8", "weight_g9_out"}
    for (name, mine), yours in zip(
        ours.state_dict().items(), theirs.state_dict().values(), strict=True
    ):
        assert torch.equal(mine, yours) == (name in fixed), name
        limit = max(mine.abs().max(), yours.abs().max())
        assert limit <= 4 * min(mine.square().mean().sqrt(), yours.square().mean().sqrt()) + 1e-9
    assert f"nn.init.normal_(self.weight_g5, std={1 / math.sqrt(3)})" in emit(plan)
    orthogonal = theirs.get_parameter("weight_g3")
    error = orthogonal @ orthogonal.mT - torch.eye(3)
    assert error.abs().max() <= 12 * torch.finfo(torch.float32).eps


def test_the_file_says_what_it_is_and_imports_torch_alone() -> None:
    source = emit(compile(quanta((16, 8, 8, 4))))
    tree = ast.parse(source)
    assert (ast.get_docstring(tree) or "").splitlines() == [
        "The circuit Quanta_16_8_8_4 as a module that needs torch alone.",
        "",
        "a=16 b=8 c=8 d=4 | c d, b d, a d, b c, a c, a b",
        "",
        "43,008 parameters; 1,835,008 MACs per token, 10.9% of a dense layer's 16,777,216.",
        "Written by qcircuit_adapt.",
    ]
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert [ast.unparse(node) for node in imports] == ["import torch", "from torch import nn"]
    lines = [line.strip() for line in source.splitlines()]
    step = lines.index('t1 = torch.einsum("...abcd,CDcd->...abCD", x, self.weight_g1)')
    assert lines[step - 1] == "# 268,435,456 MACs for 2,048 tokens, to (..., 16, 8, 8, 4)"


@pytest.mark.parametrize("name", ["", "3 x 3", "per-layer", 'a"""b', "größe", "\\"])
def test_any_name_is_a_class(name: str) -> None:
    assert load(compile(Circuit("a=2", ["a"], name=name)))(torch.ones(2)).shape == (2,)


def test_the_plan_has_its_source() -> None:
    plan = compile(quanta((4, 2)))
    assert plan.source == emit(plan)


def test_compiled_whole() -> None:
    torch.compiler.reset()
    module = load(compile(quanta((4, 3, 2))))
    compiled = torch.compile(module, fullgraph=True, dynamic=True, backend="eager")
    x = torch.randn(5, 24)
    assert torch.equal(compiled(x), module(x))


WIDE = Circuit(
    " ".join(f"wire_{n}=2" for n in range(12)),
    [
        " ".join(f"wire_{n}" for n in range(6)) + " per wire_11 {name=a_long_name_for_a_gate}",
        " ".join(f"wire_{n}" for n in range(4, 10)) + " {frozen rank=2}",
        "wire_11 {init=orthogonal}",
    ],
)


@pytest.mark.parametrize(
    "circuit", [quanta((16, 8, 8, 4)), INITS, WIDE, Circuit("a=2 b=3", [], outputs="b a")]
)
def test_the_file_is_formatted(circuit: Circuit, tmp_path: Path) -> None:
    pytest.importorskip("ruff")
    path = tmp_path / "emitted.py"
    path.write_text(emit(compile(circuit)), encoding="utf-8")
    for command in (["format", "--check"], ["check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", str(path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + path.read_text(encoding="utf-8")
