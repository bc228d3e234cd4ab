"""Write a plan as a Python file of its own that needs torch alone."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from qcircuit_adapt.compiler.lower import Program
from qcircuit_adapt.compiler.storage import stored_gates
from qcircuit_adapt.gate import Gate

if TYPE_CHECKING:
    from qcircuit_adapt.compiler.plan import Plan

_WIDTH = 88
"""Line length of the file: the default of the usual formatters."""


def emit(plan: Plan) -> str:
    """Write the module of a plan as a file with one class.

    Its parameters and buffers have the names and shapes of `Operator`'s, so that state dicts fit,
    and they start by the same rules, though a seed gives other numbers.

    Args:
        plan: The plan.

    Returns:
        Python source that imports torch alone.
    """
    circuit = plan.circuit
    gates = stored_gates(circuit)
    share = f"{plan.share_of_dense:.1%} of a dense layer's {circuit.d_in * circuit.d_out:,}"
    lines = [
        f'"""The circuit {_class_name(circuit.name)} as a module that needs torch alone.',
        "",
        *textwrap.wrap(circuit.text, _WIDTH, break_long_words=False, break_on_hyphens=False),
        "",
        f"{circuit.parameters:,} parameters; {plan.macs_per_token:,} MACs per token, {share}.",
        "Written by qcircuit_adapt.",
        '"""',
        "",
        "import torch",
        "from torch import nn",
        "",
        "",
        f"class {_class_name(circuit.name)}(nn.Module):",
        f'    """The linear map (..., {circuit.d_in}) -> (..., {circuit.d_out})."""',
        "",
        "    def __init__(self, dtype=None, device=None):",
        "        super().__init__()",
        *(f"        {line}" for gate in gates for line in _declare(gate)),
        "        self.reset_parameters()",
        "",
        "    @torch.no_grad()",
        "    def reset_parameters(self):",
        '        """Draw every gate anew."""',
        *(f"        {line}" for gate in gates for line in _initialize(gate)),
        "",
        "    def forward(self, x):",
        '        """Return T x for x of shape (..., d_in)."""',
        *(f"        {line}" for line in _apply(plan.apply)),
        "",
        "    def matrix(self):",
        '        """Return T, of shape (d_out, d_in), in float32 or wider."""',
        *(f"        {line}" for line in _build(plan.build, gates)),
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _class_name(name: str) -> str:
    """Make a class name of a circuit's: ``Quanta_16_8_8_4`` of ``quanta-16-8-8-4``."""
    words = [word for word in re.split(r"[\W_]+", name, flags=re.ASCII) if word]
    joined = "_".join(word[0].upper() + word[1:] for word in words)
    return joined if joined.isidentifier() else f"Circuit_{joined}".rstrip("_")


def _declare(gate: Gate) -> Iterator[str]:
    yield f"# {gate.format(default_name='')}"
    arguments = (*map(str, gate.shape), "dtype=dtype", "device=device")
    yield from _call("tensor", "torch.empty", arguments)
    if gate.frozen:
        yield from _call("", "self.register_buffer", (f'"weight_{gate.name}"', "tensor"))
    else:
        yield f"self.weight_{gate.name} = nn.Parameter(tensor)"


def _initialize(gate: Gate) -> Iterator[str]:
    """Write the rule of `nn.init` by which a gate starts."""
    weight = f"self.weight_{gate.name}"
    blocks = ", ".join(map(str, (gate.blocks, gate.rows, gate.columns)))
    scale = repr(1 / math.sqrt(gate.columns))
    match gate.init:
        case "zero":
            yield f"nn.init.zeros_({weight})"
        case "normal":
            yield from _call("", "nn.init.normal_", (weight, f"std={scale}"))
        case _ if gate.diagonal or gate.init == "ones":
            yield f"nn.init.ones_({weight})"
        case "orthogonal":
            yield f"for block in {weight}.view({blocks}):"
            yield "    nn.init.orthogonal_(block)"
        case "identity":
            yield f"for block in {weight}.view({blocks}):"
            yield "    nn.init.eye_(block)"
        case _:
            yield from _call("", "nn.init.uniform_", (weight, f"-{scale}", scale))


def _apply(program: Program) -> Iterator[str]:
    x = program.sources[0]
    name = {s.name: f"self.weight_{s.tensor}" for s in program.sources} | {x.name: "x"}
    sizes = ", ".join(map(str, x.shape)) + ("," if len(x.shape) == 1 else "")
    yield from _call("x", "x.unflatten", ("-1", f"({sizes})"))
    yield from _steps(program, name, unit=f" for {program.tokens:,} tokens", batch="..., ")
    yield f"return {program.steps[-1].result}.flatten(-{len(program.rows)})"


def _build(program: Program, gates: tuple[Gate, ...]) -> Iterator[str]:
    """Write the build program on local variables, as it needs the gates in a wider type."""
    name = {s.name: f"weight_{s.tensor}" for s in program.sources}
    if gates:
        yield f"like = self.weight_{gates[0].name}"
        yield "wide = torch.promote_types(like.dtype, torch.float32)"
    kinds = ("dtype=wide", "device=like.device") if gates else ("dtype=torch.float32",)
    for gate in gates:
        yield from _call(f"weight_{gate.name}", f"self.weight_{gate.name}.to", ("wide",))
    for source in program.sources:
        if source.kind == "identity":
            name[source.name] = source.name
            size = str(source.shape[0])
            yield from _call(source.name, "torch.eye", (size, *kinds))
    yield from _steps(program, name, unit="", batch="")
    d_out, d_in = math.prod(program.rows), math.prod(program.columns)
    yield f"return {program.steps[-1].result}.reshape({d_out}, {d_in})"


def _steps(program: Program, name: dict[str, str], *, unit: str, batch: str) -> Iterator[str]:
    """Write every step under a comment with its cost and the shape of its result."""
    for step in program.steps:
        shape = batch + ", ".join(map(str, step.shape))
        yield f"# {step.macs:,} MACs{unit}, to ({shape})"
        operands = (name.get(operand, operand) for operand in step.operands)
        yield from _call(step.result, "torch.einsum", (f'"{step.equation}"', *operands))


def _call(target: str, function: str, arguments: tuple[str, ...]) -> Iterator[str]:
    """Write a call as formatters do: on one line, or its arguments on one, or a line for each."""
    start = f"{target} = {function}(" if target else f"{function}("
    joined, room = ", ".join(arguments), _WIDTH - 8
    if len(start) + len(joined) + 1 <= room:
        yield f"{start}{joined})"
        return
    yield start
    if len(joined) + 4 <= room:
        yield f"    {joined}"
    else:
        yield from (f"    {argument}," for argument in arguments)
    yield ")"
