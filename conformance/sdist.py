"""Fetch the sources of the installed PEFT; its wheel has no tests, its sdist does."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

SUITES = "peft_suites"
"""What PEFT's folder ``tests`` is called here: a package of its own, apart from our tests."""


class FetchError(Exception):
    """The sdist could not be had, from here and now."""


def fetch_suites(cache: Path) -> Path:
    """Return the folder of PEFT's test suites, of the version that is installed.

    Args:
        cache: Where they are kept for the next time.

    Raises:
        FetchError: pip cannot download the sdist.
    """
    wanted = f"peft-{version('peft')}"
    suites = cache / wanted / SUITES
    if not suites.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        part = cache / f"{wanted}.part"
        shutil.rmtree(part, ignore_errors=True)
        with tarfile.open(_download(wanted.replace("-", "=="), cache)) as archive:
            archive.extractall(part, filter="data")
        (part / wanted / "tests").rename(part / wanted / SUITES)
        (part / wanted / SUITES / "__init__.py").touch()
        shutil.rmtree(cache / wanted, ignore_errors=True)
        (part / wanted).rename(cache / wanted)
        part.rmdir()
    return suites


def _download(requirement: str, cache: Path) -> Path:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    what = ["--no-deps", "--no-binary", ":all:", "--dest", str(cache), requirement]
    done = subprocess.run([*pip, *what], capture_output=True, text=True, check=False)
    archive = cache / f"{requirement.replace('==', '-')}.tar.gz"
    if done.returncode or not archive.is_file():
        raise FetchError(f"pip cannot download {requirement}: {done.stderr.strip()[-300:]}")
    return archive
