"""Commands on models and their adapters: ``params | import | export``."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from qcircuit_adapt.adapter import FORMS
from qcircuit_adapt.cli.arguments import Json, read_form
from qcircuit_adapt.cli.output import new_table, print_circuits, print_json, progress


def params(
    model: Annotated[
        str,
        typer.Option(
            help="A model's config.json or its folder, an architecture such as 'llama' for its "
            "defaults, or a name on the Hugging Face Hub."
        ),
    ],
    circuit: Annotated[
        str, typer.Option(help="The circuit or family to adapt with.")
    ] = "quanta(axes=4)",
    form: Annotated[str, typer.Option(help=f"Its form: {', '.join(FORMS)}.")] = "difference",
    target: Annotated[
        list[str] | None,
        typer.Option(
            help="A module to adapt, such as q_proj, or all-linear; repeat for more. Default: "
            "those of PEFT's LoRA."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Count what circuits cost on each layer of a model, from its configuration alone."""
    from qcircuit_adapt.hf import CircuitConfig
    from qcircuit_adapt.hf.meta import read_model_config
    from qcircuit_adapt.hf.model_table import tabulate_model

    targets: list[str] | str | None = "all-linear" if target == ["all-linear"] else target
    config = CircuitConfig(circuit=circuit, form=read_form(form), target_modules=targets)
    with progress("Counting"):
        found = tabulate_model(read_model_config(model), config)
    if as_json:
        print_json(found.to_dict())
        return
    table = new_table("modules", "count", "shape", "parameters", "rank", "MACs per token")
    for row in found.rows:
        rank = f"{row.rank_lower:,}"
        rank += f" to {row.rank_upper:,}" if row.rank_upper != row.rank_lower else ""
        numbers = (f"{row.parameters:,}", rank, f"{row.macs_per_token:,}")
        shape = f"{row.d_in} → {row.d_out}"
        table.add_row(row.modules, str(row.count), shape, *numbers)
    Console().print(table)
    print_circuits((row.d_in, row.d_out, row.circuit) for row in found.rows)
    print(
        f"\n{found.model}: {found.parameters:,} of {found.model_parameters:,} parameters "
        f"({found.share:.4%}) in {found.modules} modules, {found.macs_per_token:,} MACs per token."
    )
    for one in found.untargetable:
        shape = " × ".join(map(str, one.shape))
        print(
            f"Not targetable: {one.parameters}, {one.count} times {shape}: {one.size:,} parameters "
            "that are not those of linear layers."
        )


def import_folder(
    folder: Annotated[Path, typer.Argument(help="An adapter's folder.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write.")],
    base: Annotated[
        str | None,
        typer.Option(
            help="The base model's configuration, as for 'params'; for checkpoints of QuanTA's "
            "published code whose layers are not all as large as their axes."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a LoRA, LoKr, LoHa or QuanTA adapter as circuits, and compare each layer."""
    from qcircuit_adapt.hf.interchange import import_adapter

    with progress("Importing") as on_progress:
        found = import_adapter(folder, output, base=base, on_progress=on_progress)
    if as_json:
        print_json({"method": found.method, "layers": [asdict(one) for one in found.layers]})
    else:
        table = new_table("module", "shape", "parameters", "error")
        for one in found.layers:
            numbers = (f"{one.parameters:,}", f"{one.error:.1e}")
            table.add_row(one.module, f"{one.d_in} → {one.d_out}", *numbers)
        Console().print(table)
        print_circuits((one.d_in, one.d_out, one.circuit) for one in found.layers)
        print(
            f"\n{found.method}: {len(found.layers)} layers, {found.parameters:,} parameters; no "
            f"update differs from its source by more than {found.error:.1e}."
        )
    print(f"Wrote {output}.", file=sys.stderr)


def export_folder(
    folder: Annotated[
        Path, typer.Argument(help="The folder of an adapter of circuits.", show_default=False)
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write.")],
    rank: Annotated[int | None, typer.Option(min=1, help="The largest rank of a layer.")] = None,
    energy: Annotated[
        float | None, typer.Option(help="The share of each update's squared norm to keep.")
    ] = None,
    method: Annotated[
        str, typer.Option("--as", help="lora, or what the circuits are: loha, lokr, oft.")
    ] = "lora",
    as_json: Json = False,
) -> None:
    """Write an adapter as LoRA: exact where its circuits are, else the best of the rank."""
    from qcircuit_adapt.hf.interchange import export_lora

    if method.lower() != "lora":
        _export_native(folder, output, method=method, as_json=as_json)
        return
    with progress("Exporting") as on_progress:
        found = export_lora(folder, output, rank=rank, energy=energy, on_progress=on_progress)
    if as_json:
        print_json([asdict(one) for one in found.layers])
    else:
        table = new_table("module", "shape", "rank", "energy", "error")
        for one in found.layers:
            kept = "exact" if one.exact else f"{one.energy:.2%}"
            table.add_row(
                one.module, f"{one.d_in} → {one.d_out}", str(one.rank), kept, f"{one.error:.1e}"
            )
        Console().print(table)
        least = min(one.energy for one in found.layers)
        print(
            f"\nLoRA of {found.parameters:,} parameters; of every update it keeps at least "
            f"{least:.2%} of the squared norm."
        )
    print(f"Wrote {output}.", file=sys.stderr)


def _export_native(folder: Path, output: Path, *, method: str, as_json: bool) -> None:
    """Write an adapter as the method that its circuits are of."""
    from qcircuit_adapt.hf.interchange import export_native

    found = export_native(folder, output, method=method)
    if as_json:
        print_json([asdict(one) for one in found.layers])
    else:
        print(f"{found.method}: {len(found.layers)} layers, {found.parameters:,} parameters.")
    print(f"Wrote {output}.", file=sys.stderr)
