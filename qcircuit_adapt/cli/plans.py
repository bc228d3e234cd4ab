"""Commands that compile: ``compile | emit``."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Annotated

import typer

from qcircuit_adapt.circuit_file import write_whole
from qcircuit_adapt.cli.arguments import Device, DType, Json, Output, Source, Strategy, Tokens
from qcircuit_adapt.cli.output import print_json, report
from qcircuit_adapt.errors import GateError
from qcircuit_adapt.library import load_circuit

if TYPE_CHECKING:
    from qcircuit_adapt.circuit import Circuit


class Target(enum.StrEnum):
    """What an emitted file needs."""

    torch = "torch"
    triton = "triton"


def compile_circuit(
    source: Source,
    tokens: Tokens = 2048,
    dtype: DType = "float32",
    device: Device = "cpu",
    strategy: Strategy = "auto",
    max_saved_rows: Annotated[
        float | None,
        typer.Option(min=0, help="With auto: inputs that may be kept for backward, per token."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Find the contraction path of a circuit and the fastest strategy, and print the plan."""
    from qcircuit_adapt.compiler.plan import compile as compile_plan
    from qcircuit_adapt.compiler.strategy import report_candidates

    plan = compile_plan(
        load_circuit(source),
        tokens=tokens,
        dtype=dtype,
        device=device,
        strategy=strategy,
        max_saved_rows=max_saved_rows,
    )
    if as_json:
        print_json(plan.to_dict())
        return
    print(plan)
    print(f"\ntraining, predicted for {plan.dtype} on {plan.device}; rows of {plan.circuit.d_in}:")
    print(*report_candidates(plan.candidates), sep="\n")


def emit(
    source: Source,
    output: Output = None,
    tokens: Tokens = 2048,
    target: Annotated[
        Target, typer.Option(help="torch: a module; triton: fused kernels for a GPU.")
    ] = Target.torch,
) -> None:
    """Write a circuit as a stand-alone Python file that imports torch, or triton, alone."""
    circuit = load_circuit(source)
    code = _kernels(circuit) if target is Target.triton else _module(circuit, tokens)
    if output:
        write_whole(output, code)
    report(output, code)


def _module(circuit: Circuit, tokens: int) -> str:
    from qcircuit_adapt.compiler.emit import emit as emit_source
    from qcircuit_adapt.compiler.plan import compile as compile_plan

    return emit_source(compile_plan(circuit, tokens=tokens))


def _kernels(circuit: Circuit) -> str:
    from qcircuit_adapt.compiler.kernel.limit import why_unfit
    from qcircuit_adapt.compiler.kernel.source import triton_source

    reason = why_unfit(circuit, "bfloat16")
    if reason:
        raise GateError(
            f"there is no fused kernel of {circuit.label}: {reason}",
            cure="Leave out --target triton.",
        )
    return triton_source(circuit)
