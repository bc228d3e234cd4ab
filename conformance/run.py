"""Run PEFT's own tests on our method, and print and write what came of it.

python -m conformance.run [--cache FOLDER] [--jobs N] [--write docs/conformance.md] [PYTEST...]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from conformance.cases import CIRCUITS, SMALL_CIRCUITS, TABLES
from conformance.models import make_hub
from conformance.report import Outcome, read_outcomes, versions, write_reasons, write_table
from conformance.sdist import FetchError, fetch_suites

ROOT = Path(__file__).resolve().parent.parent


def run_suites(cache: Path, *, jobs: int = 1, options: list[str]) -> list[Outcome]:
    """Run the suites and return how each test went.

    Args:
        cache: Where sources and models are kept.
        jobs: How many processes.
        options: Further options of pytest, such as ``["-k", "merge"]``.

    Raises:
        FetchError: PEFT's sources cannot be downloaded.
    """
    suites = fetch_suites(cache)
    make_hub(cache / "hub")
    results = cache / "results.xml"
    results.unlink(missing_ok=True)
    settings = cache / "pytest.ini"
    settings.write_text("[pytest]\naddopts =\njunit_family = xunit1\n")
    offline = {"HF_HUB_CACHE": str(cache / "hub"), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "conformance.rebind"]
    command += ["-c", str(settings), "--rootdir", str(suites.parent), "--junitxml", str(results)]
    command += ["-p", "no:cacheprovider", "--tb", "short", "-n", str(jobs), *options]
    command += [str(suites / f"{suite}.py") for suite in TABLES]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    subprocess.run(
        command, cwd=suites.parent, env={**os.environ, **offline, "PYTHONPATH": path}, check=False
    )
    if not results.exists():
        raise SystemExit("pytest wrote no results; its own words are above.")
    return read_outcomes(results)


def write_report(outcomes: list[Outcome]) -> str:
    """Return the page of results."""
    circuits = {**CIRCUITS, **SMALL_CIRCUITS}
    rows = "\n".join(
        f"* {name}: `{options}`" if options else f"* {name}" for name, options in circuits.items()
    )
    return f"""# Conformance with PEFT

PEFT's own tests, from the sdist of the installed version, with `CircuitConfig` in their tables of
methods. `make conformance` wrote this page; `conformance/README.md` says how.

{versions()}

{write_table(outcomes)}

The circuits and forms (those of the models of transformers first, then those of PEFT's own small
models):

{rows}

## Failed

{write_reasons(outcomes, "failed")}
## Skipped

{write_reasons(outcomes, "skipped")}"""


def main() -> None:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(prog="conformance", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--cache", type=Path, help="where to keep PEFT's sources and the models")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--write", type=Path, help="where to write the page of results")
    arguments, options = parser.parse_known_args()
    with ExitStack() as stack:
        cache = arguments.cache or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        try:
            outcomes = run_suites(cache.resolve(), jobs=arguments.jobs, options=options)
        except FetchError as error:
            raise SystemExit(str(error)) from error
    page = write_report(outcomes)
    print(page)
    if arguments.write:
        arguments.write.write_text(page, encoding="utf-8")
    raise SystemExit(any(one.result == "failed" for one in outcomes))


if __name__ == "__main__":
    main()
