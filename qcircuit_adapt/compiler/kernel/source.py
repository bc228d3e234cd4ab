"""Write the kernels of a circuit as Triton source: text from text, without triton or torch."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.compiler.kernel.schedule import Schedule, Stage, schedule

MIN_DOT = 16
"""The least sum that the compiler makes a matrix product of; shorter ones are written out."""
_WIDTH = 100


def triton_source(circuit: Circuit) -> str:
    """Write the forward and the backward kernel of a circuit.

    Args:
        circuit: A circuit that `why_not` has nothing against.

    Returns:
        A Python file that imports triton alone, with the functions ``forward`` and ``backward``.
    """
    plan = schedule(circuit)
    text = textwrap.wrap(circuit.text, _WIDTH, break_long_words=False, break_on_hyphens=False)
    lines = [
        f'"""{circuit.label.capitalize().replace(chr(34), chr(39))} as Triton kernels.',
        "",
        *text,
        "",
        "A state is a matrix: its rows are the tokens of a program and the wires a gate leaves",
        "alone, its columns the wires it takes. TYPE is what is multiplied; sums are float32.",
        "Written by qcircuit_adapt.",
        '"""',
        "",
        "import triton",
        "import triton.language as tl",
        "",
        "",
        *_forward(plan),
        "",
        "",
        *_backward(plan),
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _forward(plan: Schedule) -> Iterator[str]:
    gates = [f"{gate.name}_ptr" for gate in plan.owners]
    yield "@triton.jit"
    yield from _define("forward", ["x_ptr", "y_ptr", *gates, "tokens", "TYPE: tl.constexpr"])
    taken = "a token" if plan.tile == 1 else f"{plan.tile} tokens"
    yield f'    """Write T x, of {taken} in each program."""'
    for line in _forward_body(plan):
        yield f"    {line}"


def _forward_body(plan: Schedule) -> Iterator[str]:
    yield f"token = tl.program_id(0) * {plan.tile} + tl.arange(0, {plan.tile}).to(tl.int64)"
    yield from _load("state", "x", plan.circuit.d_in)
    for stage in plan.stages:
        yield from _enter(stage, "state", "state", plan.tile)
        yield from _load_gate(stage)
        yield from _multiply(stage)
    yield ""
    yield from _permute("state", "state", plan.tile, plan.shape, plan.order)
    yield from _store("state", "y", plan.tile, plan.circuit.d_out)


def _backward(plan: Schedule) -> Iterator[str]:
    gates = [f"{gate.name}_ptr" for gate in plan.owners]
    arguments = ["x_ptr", "dy_ptr", "dx_ptr", *gates, "sums_ptr", "tokens", "TYPE: tl.constexpr"]
    yield "@triton.jit"
    yield from _define("backward", arguments)
    yield '    """Write the gradient of x, and add up those of the gates, for each program its own.'
    yield ""
    taken = "a token" if plan.tile_back == 1 else f"{plan.tile_back} tokens"
    yield f"    A program takes {taken} at a time, as often as there are more. What it adds"
    yield "    up for the gates is one row of sums, which no other program touches: the result does"
    yield "    not depend on which program is faster."
    yield '    """'
    total = sum(gate.parameters for gate in plan.owners if not gate.frozen)
    yield f"    sums_ptr += tl.program_id(0).to(tl.int64) * {total}"
    yield f"    tiles = tl.cdiv(tokens, {plan.tile_back})"
    yield "    for tile in range(tl.program_id(0), tiles, tl.num_programs(0)):"
    for line in _backward_body(plan):
        yield f"        {line}"


def _backward_body(plan: Schedule) -> Iterator[str]:
    tile = plan.tile_back
    starts, start = {}, 0
    for gate in plan.owners:
        if not gate.frozen:
            starts[gate.name] = start
            start += gate.parameters
    first = "tile" if tile == 1 else f"tile * {tile}"
    yield f"token = {first} + tl.arange(0, {tile}).to(tl.int64)"
    yield from _load("state", "x", plan.circuit.d_in)
    for number, stage in enumerate(plan.stages, 1):
        yield from _enter(stage, "state", f"state_{number}", tile)
        if number < len(plan.stages):
            yield from _load_gate(stage)
            yield from _multiply(stage, f"state_{number}")
    yield ""
    yield from _load("grad", "dy", plan.circuit.d_out)
    yield from _permute("grad", "grad", tile, *_inverse(plan.shape, plan.order))
    for number, stage in reversed(list(enumerate(plan.stages, 1))):
        gate, rows = stage.gate, tile * stage.rest
        yield ""
        yield f"# back through {gate.name}: {gate.format(default_name=gate.name)}"
        yield f"grad = tl.reshape(grad, ({rows}, {gate.rows}))"
        if stage.trained:
            yield from _add_gate(stage, f"state_{number}", rows, starts[stage.owner])
        yield from _load_gate(stage)
        if gate.rows >= MIN_DOT:
            yield 'grad = tl.dot(grad, gate, input_precision="tf32x3").to(TYPE)'
        else:
            yield "product = grad[:, :, None].to(tl.float32) * gate[None, :, :].to(tl.float32)"
            yield "grad = tl.sum(product, 1).to(TYPE)"
        yield from _permute("grad", "grad", tile, *_inverse(stage.shape, stage.order))
    yield ""
    yield from _store("grad", "dx", tile, plan.circuit.d_in)


def _define(name: str, arguments: list[str]) -> Iterator[str]:
    """Write the head of a function as formatters do."""
    joined = ", ".join(arguments)
    if len(joined) + len(name) + 7 <= _WIDTH:
        yield f"def {name}({joined}):"
        return
    yield f"def {name}("
    if len(joined) + 4 <= _WIDTH:
        yield f"    {joined}"
    else:
        yield from (f"    {argument}," for argument in arguments)
    yield "):"


def _enter(stage: Stage, before: str, name: str, tile: int) -> Iterator[str]:
    gate = stage.gate
    yield ""
    yield f"# {gate.name}: {gate.format(default_name=gate.name)}"
    moved = [*_permute(before, name, tile, stage.shape, stage.order)]
    yield from moved
    source = name if moved else before
    yield f"{name} = tl.reshape({source}, ({tile * stage.rest}, {gate.columns}))"


def _permute(
    before: str, name: str, tile: int, shape: tuple[int, ...], order: tuple[int, ...]
) -> Iterator[str]:
    if order == tuple(range(len(order))):
        return
    whole = (tile, *shape)
    places = (0, *(place + 1 for place in order))
    yield f"{name} = tl.permute(tl.reshape({before}, {whole}), {places})"


def _inverse(
    shape: tuple[int, ...], order: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the shape after a permutation, and the permutation that undoes it."""
    return tuple(shape[n] for n in order), tuple(order.index(n) for n in range(len(order)))


def _load(name: str, of: str, width: int) -> Iterator[str]:
    yield f"place = token[:, None] * {width} + tl.arange(0, {width})[None, :]"
    yield f"{name} = tl.load({of}_ptr + place, mask=token[:, None] < tokens, other=0.0).to(TYPE)"


def _store(name: str, to: str, tile: int, width: int) -> Iterator[str]:
    yield f"place = token[:, None] * {width} + tl.arange(0, {width})[None, :]"
    yield f"{name} = tl.reshape({name}, ({tile}, {width})).to({to}_ptr.dtype.element_ty)"
    yield f"tl.store({to}_ptr + place, {name}, mask=token[:, None] < tokens)"


def _load_gate(stage: Stage) -> Iterator[str]:
    yield from _entry(stage)
    yield f"gate = tl.load({stage.owner}_ptr + entry).to(TYPE)"


def _entry(stage: Stage) -> Iterator[str]:
    rows, columns = stage.gate.rows, stage.gate.columns
    yield f"entry = tl.arange(0, {rows})[:, None] * {columns} + tl.arange(0, {columns})[None, :]"


def _multiply(stage: Stage, state: str = "state") -> Iterator[str]:
    if stage.gate.columns >= MIN_DOT:
        yield f'state = tl.dot({state}, tl.trans(gate), input_precision="tf32x3").to(TYPE)'
        return
    yield f"product = {state}[:, None, :].to(tl.float32) * gate[None, :, :].to(tl.float32)"
    yield "state = tl.sum(product, 2).to(TYPE)"


def _add_gate(stage: Stage, state: str, rows: int, start: int) -> Iterator[str]:
    if rows >= MIN_DOT:
        yield f'change = tl.dot(tl.trans(grad), {state}, input_precision="tf32x3")'
    else:
        yield f"product = grad[:, :, None].to(tl.float32) * {state}[:, None, :].to(tl.float32)"
        yield "change = tl.sum(product, 0)"
    yield from _entry(stage)
    if start:
        yield f"entry += {start}"
    yield "tl.store(sums_ptr + entry, tl.load(sums_ptr + entry) + change)"
    yield "tl.debug_barrier()"
