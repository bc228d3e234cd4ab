"""Verdict: check a certificate, claim by claim, and say how each was checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qcircuit_adapt.verify.body import Check, check_body
from qcircuit_adapt.verify.read import read_file
from qcircuit_adapt.verify.total import check_sum
from qcircuit_adapt.verify.witness import Progress


@dataclass(frozen=True)
class Verdict:
    """All that a certificate claims, every bit of it checked. Printing it is the report.

    Attributes:
        name: What the certificate calls its circuit.
        checks: The claims.
    """

    name: str
    checks: tuple[Check, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return ``name``, and ``checks`` with what was claimed and how it was checked."""
        checks = [{"claim": check.claim, "how": list(check.how)} for check in self.checks]
        return {"name": self.name, "checks": checks}

    def __str__(self) -> str:
        lines = [f"{self.name or 'the certificate'}: every claim holds"]
        for check in self.checks:
            lines += [f"  {check.claim}", *(f"    {how}" for how in check.how)]
        return "\n".join(lines)


def verify(
    certificate: str | Path | Mapping[str, Any], *, on_progress: Progress | None = None
) -> Verdict:
    """Check a certificate without the code that made it.

    Everything is derived again from the circuit's text: sizes and counts, what cuts, paths, blocks
    and counts of parameters show, ranks modulo a prime at residues that are drawn again. Bounds are
    compared for equality, so that a weaker claim than its evidence shows is refused as well.

    Args:
        certificate: A file, or what is in it.
        on_progress: Called with how much of a long computation is done, of how much, and what.

    Returns:
        The claims, with how each was checked.

    Raises:
        CertificateError: Something is not as claimed; the text says where, what, and both values.
    """
    root = read_file(certificate)
    check = check_sum if "terms" in root.value else check_body
    name, checks = check(root, progress=on_progress)
    return Verdict(name, tuple(checks))
