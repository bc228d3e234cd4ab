"""The table of results, from what pytest writes."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree


@dataclass(frozen=True)
class Outcome:
    """How one test went.

    Attributes:
        suite: The file of PEFT's that it is in.
        test: Its name, with its row.
        result: ``"passed"``, ``"skipped"`` or ``"failed"``.
        why: What pytest says of a skip or failure, in one line.
    """

    suite: str
    test: str
    result: str
    why: str


def read_outcomes(path: Path) -> list[Outcome]:
    """Read a file that ``pytest --junitxml`` wrote."""
    outcomes = []
    for case in ElementTree.parse(path).iter("testcase"):
        parts = (case.get("classname") or "").split(".")
        suite = next((part for part in parts if part.startswith("test_")), parts[-1])
        result, why = "passed", ""
        for kind in ("skipped", "failure", "error"):
            found = case.find(kind)
            if found is not None:
                result = "skipped" if kind == "skipped" else "failed"
                why = " ".join((found.get("message") or "").split())
        outcomes.append(Outcome(suite, case.get("name") or "", result, why))
    return outcomes


def write_table(outcomes: list[Outcome]) -> str:
    """Return the results as Markdown, the same for the same results."""
    lines = ["| suite | collected | passed | skipped | failed |", "|---|---:|---:|---:|---:|"]
    suites = sorted({one.suite for one in outcomes})
    for name, chosen in [*((s, [o for o in outcomes if o.suite == s]) for s in suites)]:
        lines.append(_row(f"`{name}`", chosen))
    lines.append(_row("**all**", outcomes))
    return "\n".join(lines)


def write_reasons(outcomes: list[Outcome], result: str) -> str:
    """Return why tests were skipped, or failed: each reason with how many."""
    chosen = [one for one in outcomes if one.result == result]
    if not chosen:
        return "None.\n"
    lines = ["| tests | suite | test | reason |", "|---:|---|---|---|"]
    groups = Counter((one.suite, one.test.partition("[")[0], _shorten(one.why)) for one in chosen)
    for (suite, test, why), count in sorted(groups.items(), key=lambda g: (-g[1], g[0])):
        lines.append(f"| {count} | `{suite}` | `{test}` | {why} |")
    return "\n".join(lines) + "\n"


def _row(name: str, outcomes: list[Outcome]) -> str:
    counts = Counter(one.result for one in outcomes)
    numbers = [len(outcomes), counts["passed"], counts["skipped"], counts["failed"]]
    return f"| {name} | {' | '.join(str(n) for n in numbers)} |"


def _shorten(why: str) -> str:
    why = re.sub(r"0x[0-9a-f]+", "0x...", why).replace("|", "\\|")
    return why if len(why) <= 160 else f"{why[:157]}..."


def versions() -> str:
    """Return the versions that results are for, of what is installed."""
    names = ("peft", "transformers", "torch", "bitsandbytes", "torchao")
    there = [name for name in names if find_spec(name)]
    return ", ".join(f"{name} {version(name).partition('+')[0]}" for name in there)
