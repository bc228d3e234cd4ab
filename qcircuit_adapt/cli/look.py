"""Commands that show circuits: ``list | show | draw``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from qcircuit_adapt.cli.arguments import Json, Output, Source
from qcircuit_adapt.cli.output import new_table, print_json, report
from qcircuit_adapt.library import entries, load_circuit


def list_circuits(as_json: Json = False) -> None:
    """List the shipped circuits."""
    rows = [
        {
            "name": name,
            "d_in": circuit.d_in,
            "d_out": circuit.d_out,
            "parameters": circuit.parameters,
            "macs_per_token": circuit.macs_per_token,
            "family": entry.family,
            "use": entry.use,
            "source": entry.source,
        }
        for name, entry in entries().items()
        for circuit in [load_circuit(name)]
    ]
    if as_json:
        print_json(rows)
        return
    table = new_table("name", "shape", "parameters", "MACs per token", "use")
    for row in rows:
        shape = f"{row['d_in']} → {row['d_out']}"
        numbers = (f"{row['parameters']:,}", f"{row['macs_per_token']:,}")
        table.add_row(str(row["name"]), shape, *numbers, str(row["use"]))
    Console().print(table)


def show(source: Source, as_json: Json = False) -> None:
    """Show a circuit: its picture and its gates."""
    circuit = load_circuit(source)
    if as_json:
        print(circuit.to_json())
        return
    print(circuit)
    print(f"\n{circuit.text}\n")
    table = new_table("gate", "acts on", "gives", "per", "parameters", "MACs per token", "options")
    for gate, macs in zip(circuit.gates, circuit.gate_macs, strict=True):
        _, brace, options = gate.format(default_name=gate.name).partition("{")
        wires = (" ".join(map(str, part)) for part in (gate.on, gate.to, gate.per))
        numbers = (f"{gate.parameters:,}", f"{macs:,}")
        table.add_row(gate.name, *map(escape, wires), *numbers, (brace + options).strip("{}"))
    Console().print(table)


def draw(
    source: Source,
    output: Output = None,
    cut: Annotated[
        bool, typer.Option(help="Show the cut that bounds the rank, and what is proved.")
    ] = False,
    order: Annotated[bool, typer.Option(help="Show the order of contraction.")] = False,
    theme: Annotated[str, typer.Option(help="light or dark.")] = "light",
) -> None:
    """Draw a circuit as text, or into an .svg, .png, .pdf, .tex, .html or .txt file."""
    circuit = load_circuit(source)
    certificate = plan = None
    if cut:
        from qcircuit_adapt.analysis.proof import prove as prove_circuit

        certificate = prove_circuit(circuit, witness=False)
    if order:
        from qcircuit_adapt.compiler.plan import compile as compile_plan

        plan = compile_plan(circuit)
    picture = circuit.draw(output, certificate=certificate, plan=plan, theme=theme)
    report(output, picture)
