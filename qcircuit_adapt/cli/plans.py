"""Commands that compile: ``compile | emit``."""

from __future__ import annotations

from qcircuit_adapt.circuit_file import write_whole
from qcircuit_adapt.cli.arguments import Device, DType, Json, Output, Source, Strategy, Tokens
from qcircuit_adapt.cli.output import print_json, report
from qcircuit_adapt.library import load_circuit


def compile_circuit(
    source: Source,
    tokens: Tokens = 2048,
    dtype: DType = "float32",
    device: Device = "cpu",
    strategy: Strategy = "auto",
    as_json: Json = False,
) -> None:
    """Find the contraction path of a circuit and the fastest strategy, and print the plan."""
    from qcircuit_adapt.compiler.plan import compile as compile_plan
    from qcircuit_adapt.compiler.strategy import report_candidates

    plan = compile_plan(
        load_circuit(source), tokens=tokens, dtype=dtype, device=device, strategy=strategy
    )
    if as_json:
        print_json(plan.to_dict())
        return
    print(plan)
    print(f"\ntraining, predicted for {plan.dtype} on {plan.device}; rows of {plan.circuit.d_in}:")
    print(*report_candidates(plan.candidates), sep="\n")


def emit(source: Source, output: Output = None, tokens: Tokens = 2048) -> None:
    """Write a circuit as a stand-alone Python file that imports torch alone."""
    from qcircuit_adapt.compiler.emit import emit as emit_source
    from qcircuit_adapt.compiler.plan import compile as compile_plan

    code = emit_source(compile_plan(load_circuit(source), tokens=tokens))
    if output:
        write_whole(output, code)
    report(output, code)
