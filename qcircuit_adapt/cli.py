"""The command line: ``qcircuit show | prove | draw | compile | budget | params | demo | ...``.

Exit codes: 0, 1 for what failed, 2 for a command that is not one.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from qcircuit_adapt.adapter import FORMS, Form
from qcircuit_adapt.circuit_file import write_whole
from qcircuit_adapt.design.amount import read_amount, read_range, read_sizes
from qcircuit_adapt.errors import CircuitError, GateError, nearest
from qcircuit_adapt.library import entries, load_adapter, load_circuit

if TYPE_CHECKING:
    from qcircuit_adapt.analysis.certificate import Certificate
    from qcircuit_adapt.analysis.sum_certificate import SumCertificate

app = typer.Typer(
    name="qcircuit",
    help="Fine-tuning adapters as tensor-network circuits.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Source = Annotated[
    str,
    typer.Argument(
        metavar="CIRCUIT",
        help="A shipped name (see 'qcircuit list'), a TOML file, a text such as "
        '"a=16 b=8 | a b, b", or a family: "quanta(axes=16-8-8-4)".',
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Tokens = Annotated[int, typer.Option(min=1, max=2**31, help="Tokens per step to plan for.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="The file to write; printed if not given."),
]

DIn = Annotated[int, typer.Option(min=1, help="The layer's input dimension.")]
DOut = Annotated[
    int | None, typer.Option(min=1, help="Its output dimension; that of the input by default.")
]
MaxParameters = Annotated[
    str, typer.Option(help='The budget: "43008", "100k", "1.5M", or "0.05%" of the dense layer.')
]


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks (in any place).")] = False,
) -> None:
    """Read the options that stand before the command."""


@app.command("list")
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
        _print_json(rows)
        return
    table = _table("name", "shape", "parameters", "MACs per token", "use")
    for row in rows:
        shape = f"{row['d_in']} → {row['d_out']}"
        numbers = (f"{row['parameters']:,}", f"{row['macs_per_token']:,}")
        table.add_row(str(row["name"]), shape, *numbers, str(row["use"]))
    Console().print(table)


@app.command()
def show(source: Source, as_json: Json = False) -> None:
    """Show a circuit: its picture and its gates."""
    circuit = load_circuit(source)
    if as_json:
        print(circuit.to_json())
        return
    print(circuit)
    print(f"\n{circuit.text}\n")
    table = _table("gate", "acts on", "gives", "per", "parameters", "MACs per token", "options")
    for gate, macs in zip(circuit.gates, circuit.gate_macs, strict=True):
        _, brace, options = gate.format(default_name=gate.name).partition("{")
        wires = (" ".join(map(str, part)) for part in (gate.on, gate.to, gate.per))
        numbers = (f"{gate.parameters:,}", f"{macs:,}")
        table.add_row(gate.name, *map(escape, wires), *numbers, (brace + options).strip("{}"))
    Console().print(table)


@app.command()
def prove(
    source: Annotated[
        str,
        typer.Argument(
            metavar="CIRCUIT",
            help="A circuit, as in 'show', or a sum of circuits in their forms: "
            '"quanta-16-8-8-4 + 2.0 zero lora(rank=8)".',
            show_default=False,
        ),
    ],
    form: Annotated[
        str | None,
        typer.Option(help=f"Prove the rank of the update in this form too: {', '.join(FORMS)}."),
    ] = None,
    witness: Annotated[
        bool | None,
        typer.Option(
            help="Compute modulo a prime what theorems leave open; --witness also what takes long, "
            "--no-witness nothing.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the certificate, for 'qcircuit verify'."),
    ] = None,
    as_json: Json = False,
    as_text: Annotated[
        bool, typer.Option("--explain", help="Print theorems with their proofs.")
    ] = False,
    as_tex: Annotated[
        bool, typer.Option("--tex", help="Print theorems with their proofs as LaTeX.")
    ] = False,
) -> None:
    """Prove parameter counts, rank and degrees of freedom, with evidence, and check the proof.

    Ctrl-C stops what takes long, and prints what is proved by then.
    """
    from qcircuit_adapt.analysis.exposition import explain, to_tex
    from qcircuit_adapt.analysis.proof import prove as prove_subject
    from qcircuit_adapt.analysis.record import write_certificate

    chosen = _read_form(form) if form else None
    adapter = load_adapter(source, form=chosen or "difference") if " + " in source else None
    circuit = None if adapter else load_circuit(source)

    def run(
        witness: bool | None, on_progress: Callable[[int, int], None] | None = None
    ) -> Certificate | SumCertificate:
        if adapter:
            return prove_subject(adapter, witness=witness, on_progress=on_progress)
        assert circuit is not None
        return prove_subject(circuit, form=chosen, witness=witness, on_progress=on_progress)

    certificate, interrupted = run(False), False
    if witness is not False:
        try:
            with _progress("Proving") as on_progress:
                certificate = run(witness, on_progress)
        except KeyboardInterrupt:
            interrupted = True
            print("Interrupted: this is what was proved by then.", file=sys.stderr)
    if not interrupted:
        certificate.check()
    if output:
        write_certificate(certificate, output)
    if as_json:
        _print_json(certificate.to_dict())
    elif as_text:
        print(explain(certificate), end="")
    elif as_tex:
        print(to_tex(certificate), end="")
    else:
        print(certificate)
    if output:
        print(f"Wrote {output}.", file=sys.stderr)
    if interrupted:
        raise typer.Exit(130)


@app.command()
def verify(
    certificate: Annotated[Path, typer.Argument(help="A file that 'prove -o' wrote.")],
    as_json: Json = False,
) -> None:
    """Check a certificate file, by code that shares nothing with 'prove' but reading circuits."""
    from qcircuit_adapt.verify import verify as verify_file

    with _progress("Verifying") as on_progress:
        verdict = verify_file(
            certificate, on_progress=lambda done, total, _: on_progress(done, total)
        )
    if as_json:
        _print_json(verdict.to_dict())
    else:
        print(verdict)


@app.command()
def relate(
    one: Source,
    other: Annotated[
        str, typer.Argument(metavar="OTHER", help="Another circuit.", show_default=False)
    ],
    witness: Annotated[
        bool, typer.Option("--witness", help="Spend up to a minute on ranks modulo a prime.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say whether two circuits are the same, and which can express what the other can."""
    from qcircuit_adapt.analysis.relation import relate as relate_circuits

    with _progress("Relating"):
        relation = relate_circuits(load_circuit(one), load_circuit(other), witness=witness)
        relation.check()
    if as_json:
        _print_json(relation.to_dict())
    else:
        print(relation)


@app.command()
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
    _report(output, picture)


@app.command("compile")
def compile_circuit(source: Source, tokens: Tokens = 2048, as_json: Json = False) -> None:
    """Find the contraction path of a circuit and print the plan."""
    from qcircuit_adapt.compiler.plan import compile as compile_plan

    plan = compile_plan(load_circuit(source), tokens=tokens)
    if as_json:
        _print_json(plan.to_dict())
    else:
        print(plan)


@app.command()
def emit(source: Source, output: Output = None, tokens: Tokens = 2048) -> None:
    """Write a circuit as a stand-alone Python file that imports torch alone."""
    from qcircuit_adapt.compiler.emit import emit as emit_source
    from qcircuit_adapt.compiler.plan import compile as compile_plan

    code = emit_source(compile_plan(load_circuit(source), tokens=tokens))
    if output:
        write_whole(output, code)
    _report(output, code)


@app.command()
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
    config = CircuitConfig(circuit=circuit, form=_read_form(form), target_modules=targets)
    with _progress("Counting"):
        found = tabulate_model(read_model_config(model), config)
    if as_json:
        _print_json(found.to_dict())
        return
    table = _table("modules", "count", "shape", "parameters", "rank", "MACs per token")
    for row in found.rows:
        rank = f"{row.rank_lower:,}"
        rank += f" to {row.rank_upper:,}" if row.rank_upper != row.rank_lower else ""
        numbers = (f"{row.parameters:,}", rank, f"{row.macs_per_token:,}")
        shape = f"{row.d_in} → {row.d_out}"
        table.add_row(row.modules, str(row.count), shape, *numbers)
    Console().print(table)
    _print_circuits((row.d_in, row.d_out, row.circuit) for row in found.rows)
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


@app.command("import")
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

    with _progress("Importing") as on_progress:
        found = import_adapter(folder, output, base=base, on_progress=on_progress)
    if as_json:
        _print_json({"method": found.method, "layers": [asdict(one) for one in found.layers]})
    else:
        table = _table("module", "shape", "parameters", "error")
        for one in found.layers:
            numbers = (f"{one.parameters:,}", f"{one.error:.1e}")
            table.add_row(one.module, f"{one.d_in} → {one.d_out}", *numbers)
        Console().print(table)
        _print_circuits((one.d_in, one.d_out, one.circuit) for one in found.layers)
        print(
            f"\n{found.method}: {len(found.layers)} layers, {found.parameters:,} parameters; no "
            f"update differs from its source by more than {found.error:.1e}."
        )
    print(f"Wrote {output}.", file=sys.stderr)


@app.command("export")
def export_folder(
    folder: Annotated[
        Path, typer.Argument(help="The folder of an adapter of circuits.", show_default=False)
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write.")],
    rank: Annotated[int | None, typer.Option(min=1, help="The largest rank of a layer.")] = None,
    energy: Annotated[
        float | None, typer.Option(help="The share of each update's squared norm to keep.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write an adapter as LoRA: exact where its circuits are, else the best of the rank."""
    from qcircuit_adapt.hf.interchange import export_lora

    with _progress("Exporting") as on_progress:
        found = export_lora(folder, output, rank=rank, energy=energy, on_progress=on_progress)
    if as_json:
        _print_json([asdict(one) for one in found.layers])
    else:
        table = _table("module", "shape", "rank", "energy", "error")
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


@app.command()
def budget(
    d_in: DIn,
    d_out: DOut = None,
    max_parameters: MaxParameters = "100k",
    families: Annotated[
        str | None, typer.Option(help="Families, separated by commas; all by default.")
    ] = None,
    factorisations: Annotated[
        int, typer.Option(min=1, help="Factorisations tried for each number of axes.")
    ] = 16,
    ordered: Annotated[
        bool, typer.Option("--ordered", help="Try other orders of the same axes, too.")
    ] = False,
    sort: Annotated[
        str, typer.Option(help="parameters, freedom, rank, macs or saved.")
    ] = "parameters",
    front: Annotated[
        bool, typer.Option("--front", help="List those only that no other is proved to beat.")
    ] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: Json = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Draw the rows: .svg, .png or .pdf.")
    ] = None,
) -> None:
    """List what every family offers a layer for a budget of parameters, with what is proved."""
    from qcircuit_adapt.design import budget as design_budget
    from qcircuit_adapt.design.table import tabulate_rows

    d_out = d_out or d_in
    with _progress("Counting") as on_progress:
        rows = design_budget.find_rows(
            d_in,
            d_out,
            max_parameters=read_amount(max_parameters, dense=d_in * d_out),
            families=[name.strip() for name in families.split(",")] if families else None,
            factorisations=factorisations,
            ordered=ordered,
            sort=sort,
            on_progress=on_progress,
        )
    shown = [row for row in rows if row.front or not front]
    if output:
        from qcircuit_adapt.draw.front import save_front

        save_front(rows, output)
    if as_csv:
        print(design_budget.to_csv(shown), end="")
    elif as_json:
        print(design_budget.to_json(shown), end="")
    else:
        _print_table(tabulate_rows(shown))
        best = sum(row.front for row in rows)
        print(
            f"\n{len(rows)} circuits; no other is proved to beat the {best} marked * in "
            "parameters, rank dW, freedom and MACs."
        )
    if output:
        print(f"Wrote {output}.", file=sys.stderr)


@app.command()
def search(
    d_in: DIn,
    max_parameters: MaxParameters = "100k",
    max_macs: Annotated[
        int | None, typer.Option(min=1, help="The most MACs per token, gate after gate.")
    ] = None,
    axes: Annotated[
        str, typer.Option(help="Sizes such as 16-8-8-4, or 'any' for all factorisations.")
    ] = "any",
    max_axes: Annotated[int, typer.Option(min=1, max=16, help="With 'any': the most axes.")] = 5,
    gates: Annotated[int, typer.Option(min=1, max=64, help="The most gates.")] = 6,
    wires: Annotated[str, typer.Option(help="On how many axes a gate acts.")] = "2-3",
    ranks: Annotated[
        int, typer.Option(min=0, max=8, help="How often the rank of a gate may be halved.")
    ] = 0,
    min_rank: Annotated[
        int | None, typer.Option(min=1, help="The least rank of T; the dimension by default.")
    ] = None,
    joined: Annotated[
        bool, typer.Option(help="Whether gates have to join all axes to one another.")
    ] = True,
    against: Annotated[
        str | None,
        typer.Option(help="A circuit to beat: bounds parameters and MACs by its own."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="What the local search is drawn from.")] = 0,
    most: Annotated[int, typer.Option(min=1, help="The most layouts to look at.")] = 3000,
    witness: Annotated[
        int, typer.Option(min=0, help="For how many layouts to settle what theorems leave open.")
    ] = 0,
    workers: Annotated[int, typer.Option(help="The number of processes.")] = 1,
    top: Annotated[int, typer.Option(min=1, help="Of how many layouts to print at most.")] = 30,
    output: Output = None,
    resume: Annotated[
        Path | None, typer.Option(help="A file that -o wrote: what it holds is not done again.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Search for layouts that no one listed: gates on any axes, in any order.

    Ctrl-C prints, and writes, what there is.
    """
    from qcircuit_adapt.design.found import Question, read_assessed, take_freest, write_found
    from qcircuit_adapt.design.row import measure
    from qcircuit_adapt.design.score import Score
    from qcircuit_adapt.design.search import search_layouts, settle
    from qcircuit_adapt.design.table import tabulate_found

    goal = None
    parameters = read_amount(max_parameters, dense=d_in * d_in)
    if against:
        row = measure(load_circuit(against))
        macs = load_circuit(against).macs_per_token
        goal = Score(row.parameters, macs, row.rank, row.freedom)
        parameters, max_macs = min(parameters, row.parameters), min(max_macs or macs, macs)
    question = Question(
        d=d_in,
        max_parameters=parameters,
        max_macs=max_macs,
        axes=() if axes == "any" else read_sizes(axes),
        max_axes=max_axes,
        max_gates=gates,
        wires=read_range(wires),
        ranks=ranks,
        min_rank=min_rank,
        joined=joined,
        seed=seed,
        most=most,
    )
    known = read_assessed(resume, question) if resume else None
    with _progress("Searching") as on_progress:
        found = search_layouts(question, workers=workers, known=known, on_progress=on_progress)
    if witness and not found.interrupted:
        with _progress("Settling") as on_progress:
            found = settle(found, most=witness, on_progress=on_progress)
    if output:
        write_found(found, output)
        print(f"Wrote {output}.", file=sys.stderr)
    if as_json:
        _print_json({key: value for key, value in found.to_dict().items() if key != "assessed"})
    else:
        shown = found.beating(goal) if goal else found.front
        _print_table(tabulate_found(take_freest(shown, count=top)))
        if goal:
            verb = "is" if len(shown) == 1 else "are"
            print(f"\n{len(shown) or 'None'} {verb} proved to beat {against}: {goal}.")
        else:
            print(f"\n{len(shown)} layouts are on the front.")
        print(found.coverage)
    if found.interrupted:
        raise typer.Exit(130)


@app.command()
def suggest(
    d_in: DIn,
    budget: Annotated[
        str, typer.Option(help='Parameters: "43008", "100k", or "0.05%" of the dense layer.')
    ],
    d_out: DOut = None,
    families: Annotated[
        str | None, typer.Option(help="Families, separated by commas; all by default.")
    ] = None,
) -> None:
    """Suggest a circuit for a layer and a budget, and say why."""
    from qcircuit_adapt.design.suggest import suggest as suggest_circuit

    with _progress("Counting") as on_progress:
        suggestion = suggest_circuit(
            d_in,
            d_out or d_in,
            max_parameters=read_amount(budget, dense=d_in * (d_out or d_in)),
            families=[name.strip() for name in families.split(",")] if families else None,
            on_progress=on_progress,
        )
    print(suggestion)


@app.command()
def serve(
    folder: Annotated[
        Path, typer.Option(help="The folder whose circuits are opened and saved.")
    ] = Path(),
    host: Annotated[
        str, typer.Option(help="The address to serve on; only this computer reaches the default.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port; 0 for any that is free.")
    ] = 8765,
    opens: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in a browser.")
    ] = True,
) -> None:
    """Serve the designer: edit a circuit in the browser, with its picture and proofs beside it."""
    from qcircuit_adapt.serve.run import serve as serve_designer

    serve_designer(folder=folder, host=host, port=port, opens=opens)


@app.command()
def demo(
    model: Annotated[
        str | None,
        typer.Option(help="A Hugging Face causal model to fine-tune, by name or folder."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help='The text to fine-tune on: a text file, or JSONL with a "text" field.'),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder for results.")] = Path(
        "qcircuit-demo"
    ),
    circuit: Annotated[
        str, typer.Option(help="The circuit or family to adapt with, or a sum: 'A + zero B'.")
    ] = "quanta(axes=4)",
    form: Annotated[
        str, typer.Option(help=f"Its form, if it names none: {', '.join(FORMS)}.")
    ] = "difference",
    steps: Annotated[int, typer.Option(min=1, help="Steps of each fine-tuning run.")] = 40,
    seed: Annotated[int, typer.Option(min=0, help="The seed of everything random.")] = 0,
    target: Annotated[
        list[str] | None,
        typer.Option(
            help="A module to adapt, such as q_proj; repeat for more. Default: PEFT's own."
        ),
    ] = None,
) -> None:
    """Fine-tune a small LLaMA, or a model of yours, with a circuit and with LoRA, and compare."""
    from qcircuit_adapt.demo import TuneRecipe, run_demo

    result = run_demo(
        output=output,
        model=model,
        data=data,
        circuit=circuit,
        form=_read_form(form),
        targets=tuple(target) if target else None,
        recipe=TuneRecipe(steps=steps, seed=seed),
    )
    if not result.passed:
        raise typer.Exit(1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line.

    Raises:
        SystemExit: Always, with code 0, 1 or 2.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a line-drawing character still shows the rest.
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        app(args=[word for word in given if word != "--debug"], prog_name="qcircuit")
    except CircuitError as error:
        if debug:
            raise
        _fail(f"{type(error).__name__}: {error}")
    except BrokenPipeError:
        # The reader (such as `head`) has seen enough; keep Python from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        _fail("Interrupted.")
    except Exception as error:
        if debug:
            raise
        _fail(f"{type(error).__name__}: {error}\n  This is not expected; --debug shows where.")


def _fail(message: str) -> None:
    print(message, file=sys.stderr)
    sys.exit(1)


def _read_form(word: str) -> Form:
    if word not in FORMS:
        raise GateError(f"unknown form {word!r}.", cure=nearest(word, FORMS, noun="forms"))
    return cast(Form, word)


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on a terminal for what takes longer than a moment."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


_NAMES = ("module", "modules", "name", "shape")
_NUMBERS = ("MACs per token", "count", "energy", "error", "parameters", "rank")


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        number = column in _NUMBERS
        table.add_column(
            column, justify="right" if number else "left", no_wrap=column in _NAMES, overflow="fold"
        )
    return table


def _print_circuits(circuits: Iterable[tuple[int, int, str]]) -> None:
    """Print every circuit of a table once, with its shape."""
    print()
    for d_in, d_out, text in dict.fromkeys(circuits):
        print(f"{d_in} → {d_out}: {text}")


def _print_table(table: Table) -> None:
    """Print a table; what is no terminal gets its lines whole."""
    console = Console()
    Console(width=None if console.is_terminal else 240).print(table)


def _print_json(data: Any) -> None:
    print(json.dumps(data, indent=2))


def _report(output: Path | None, text: str) -> None:
    """Print what was made, or where it was written."""
    if output:
        print(f"Wrote {output}.", file=sys.stderr)
    else:
        print(text, end="" if text.endswith("\n") else "\n")


if __name__ == "__main__":
    main()
