"""The public names: all there, all documented, and cheap to import."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import qcircuit_adapt
from qcircuit_adapt.analysis import relation


@pytest.mark.parametrize("name", qcircuit_adapt.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    thing = getattr(qcircuit_adapt, name)
    if callable(thing) and not name[0].islower() and not inspect.isclass(thing):
        return  # a type alias such as Form
    if inspect.isclass(thing) or inspect.isfunction(thing):
        assert inspect.getdoc(thing)
        assert thing.__module__.startswith("qcircuit_adapt")


@pytest.mark.parametrize("name", relation.__all__)
def test_every_name_about_relations_is_documented(name: str) -> None:
    assert inspect.getdoc(getattr(relation, name))


def test_all_is_what_is_public() -> None:
    public = {name for name in dir(qcircuit_adapt) if not name.startswith("_")}
    modules = {name for name in public if inspect.ismodule(getattr(qcircuit_adapt, name))}
    assert public - modules - {"TYPE_CHECKING", "Any", "annotations"} == set(qcircuit_adapt.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'cirquit'"):
        qcircuit_adapt.cirquit  # noqa: B018


def test_the_version_is_the_installed_one() -> None:
    from importlib.metadata import version

    assert qcircuit_adapt.__version__ == version("qcircuit_adapt")


def test_compile_is_the_function_whatever_is_imported_first() -> None:
    script = (
        "import qcircuit_adapt.compiler.plan, qcircuit_adapt as qa; "
        "assert callable(qa.compile), qa.compile"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
