"""A small part of PEFT's own suites; `make conformance` runs all of them."""

import ast
from pathlib import Path

import pytest

from conformance.cases import TABLES
from conformance.report import Outcome, read_outcomes, write_reasons, write_table
from conformance.run import run_suites
from conformance.sdist import FetchError, fetch_suites

SLICE = (
    "(TestPeftCustomModel and quanta and pattern)"
    " or TestMixedAdapterBatches"
    " or (TestDecoderModels and default and Llama and (generate or save or merge or delete))"
    " or (TestPeftConfig and not task_type)"
)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("peft")
    try:
        fetch_suites(folder)
    except FetchError as error:
        pytest.skip(str(error))
    return folder


def test_every_table_is_in_the_installed_version(cache):
    for suite, tables in TABLES.items():
        tree = ast.parse((fetch_suites(cache) / f"{suite}.py").read_text(encoding="utf-8"))
        names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        for statement in tree.body:
            if isinstance(statement, ast.Assign):
                names.update(ast.unparse(target) for target in statement.targets)
        assert set(tables) <= names


def test_a_part_of_the_suites_passes(cache):
    outcomes = run_suites(cache, options=["-k", SLICE])
    assert [one for one in outcomes if one.result == "failed"] == []
    assert sum(one.result == "passed" for one in outcomes) > 80


RESULTS = """<testsuites><testsuite>
<testcase classname="peft_suites.test_b.TestX" name="test_one[quanta]"/>
<testcase classname="peft_suites.test_b.TestX" name="test_two[quanta]">
<skipped message="not | for us"/></testcase>
<testcase classname="peft_suites.test_b.TestX" name="test_two[lora]">
<skipped message="not | for us"/></testcase>
<testcase classname="peft_suites.test_a.TestX" name="test_three"><failure message="assert\n 1"/>
</testcase></testsuite></testsuites>"""


def test_the_table_counts_every_test(tmp_path: Path) -> None:
    path = tmp_path / "results.xml"
    path.write_text(RESULTS)
    outcomes = read_outcomes(path)
    assert outcomes[3] == Outcome("test_a", "test_three", "failed", "assert 1")
    assert write_table(outcomes).splitlines()[2:] == [
        "| `test_a` | 1 | 0 | 0 | 1 |",
        "| `test_b` | 3 | 1 | 2 | 0 |",
        "| **all** | 4 | 1 | 2 | 1 |",
    ]
    assert write_reasons(outcomes, "skipped").splitlines()[2:] == [
        "| 2 | `test_b` | `test_two` | not \\| for us |"
    ]
    assert write_reasons(outcomes, "failed").splitlines()[2:] == [
        "| 1 | `test_a` | `test_three` | assert 1 |"
    ]
    assert write_reasons(outcomes[:1], "failed") == "None.\n"
