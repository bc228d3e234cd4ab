"""Commands that prove and check: ``prove | verify | relate``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qcircuit_adapt.adapter import FORMS
from qcircuit_adapt.cli.arguments import Json, Source, read_form
from qcircuit_adapt.cli.output import print_json, progress
from qcircuit_adapt.library import load_adapter, load_circuit

if TYPE_CHECKING:
    from qcircuit_adapt.analysis.certificate import Certificate
    from qcircuit_adapt.analysis.sum_certificate import SumCertificate


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
    orthogonal: Annotated[
        bool,
        typer.Option(
            "--orthogonal",
            help="Of gates that are all held orthogonal, in form residual, input or output.",
        ),
    ] = False,
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

    chosen = read_form(form) if form else None
    adapter = load_adapter(source, form=chosen or "difference") if " + " in source else None
    circuit = None if adapter else load_circuit(source)

    def run(
        witness: bool | None, on_progress: Callable[[int, int], None] | None = None
    ) -> Certificate | SumCertificate:
        if adapter:
            return prove_subject(
                adapter, orthogonal=orthogonal, witness=witness, on_progress=on_progress
            )
        assert circuit is not None
        return prove_subject(
            circuit,
            form=chosen,
            orthogonal=orthogonal,
            witness=witness,
            on_progress=on_progress,
        )

    certificate, interrupted = run(False), False
    if witness is not False:
        try:
            with progress("Proving") as on_progress:
                certificate = run(witness, on_progress)
        except KeyboardInterrupt:
            interrupted = True
            print("Interrupted: this is what was proved by then.", file=sys.stderr)
    if not interrupted:
        certificate.check()
    if output:
        write_certificate(certificate, output)
    if as_json:
        print_json(certificate.to_dict())
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


def verify(
    certificate: Annotated[Path, typer.Argument(help="A file that 'prove -o' wrote.")],
    as_json: Json = False,
) -> None:
    """Check a certificate file, by code that shares nothing with 'prove' but reading circuits."""
    from qcircuit_adapt.verify import verify as verify_file

    with progress("Verifying") as on_progress:
        verdict = verify_file(
            certificate, on_progress=lambda done, total, _: on_progress(done, total)
        )
    if as_json:
        print_json(verdict.to_dict())
    else:
        print(verdict)


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

    with progress("Relating"):
        relation = relate_circuits(load_circuit(one), load_circuit(other), witness=witness)
        relation.check()
    if as_json:
        print_json(relation.to_dict())
    else:
        print(relation)
