"""Use: what the numbers do not say, and how to check them again."""

from __future__ import annotations

from qcircuit_adapt.adapter import Form
from qcircuit_adapt.analysis.exposition.piece import Code, say
from qcircuit_adapt.analysis.exposition.statement import Section, Statement


def describe_use(form: Form | None, *, orthogonal: bool = False) -> Section:
    """Warn that rank is not effective rank, and say how to check a certificate."""
    caution = Statement(
        "Remark",
        "rank is not effective rank",
        "",
        say(
            "Ranks here are of exact real matrices. They do not say how fast the singular values "
            "fall off: a matrix of full rank may be close to one of low rank, and small steps of "
            "training often are. Nor do they say how well an adapter learns. Rounding to a "
            "floating-point format changes ranks."
        ),
    )
    arguments = f"CIRCUIT --form {form}" if form else "CIRCUIT"
    arguments += " --orthogonal" if orthogonal else ""
    check = Statement(
        "Remark",
        "checking",
        "",
        say(
            "{prove} writes the circuit, the claims and the evidence to a file. {verify} checks "
            "them again with code of its own, which shares nothing with the search but the "
            "reader of circuits. CIRCUIT is the text of the circuit above, or its name.",
            prove=Code(f"qcircuit prove {arguments} -o certificate.json"),
            verify=Code("qcircuit verify certificate.json"),
        ),
    )
    return Section("Caution, and how to check", (), (caution, check))
