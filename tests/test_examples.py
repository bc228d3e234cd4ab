"""Every example and every Python block of the README runs."""

from __future__ import annotations

import re
import runpy
import shlex
from pathlib import Path

import pytest

from qcircuit_adapt.cli import main

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(path), run_name="__main__")
    assert capsys.readouterr().out.strip()


def test_the_parameter_table_is_the_papers(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(ROOT / "examples" / "parameter_table.py"), run_name="__main__")
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert [(row[0], row[1], row[2], row[3]) for row in rows] == [
        ("LLaMA2-7B", "16-8-8-4", "2,752,512", "0.0408%"),
        ("LLaMA2-7B", "16-16-16", "12,582,912", "0.1867%"),
        ("LLaMA2-7B", "8-8-8-8", "1,572,864", "0.0233%"),
        ("LLaMA2-7B", "8-8-4-4-4", "704,512", "0.0105%"),
        ("LLaMA2-13B", "16-8-8-5", "3,717,120", "0.0286%"),
        ("LLaMA2-70B", "16-8-8-8", "9,830,400", "0.0143%"),
        ("LLaMA3-8B", "16-8-8-4", "2,752,512", "0.0343%"),
    ]


def blocks(language: str) -> list[str]:
    readme = (ROOT / "README.md").read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)


def test_the_readme_s_python_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The blocks run one after the other in one namespace, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    assert blocks("python")
    namespace: dict[str, object] = {"__name__": "readme"}
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), namespace)


def test_the_readme_s_commands_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    commands = [shlex.split(line)[1:] for line in lines if line.startswith("qcircuit ")]
    assert commands
    for words in commands:
        with pytest.raises(SystemExit) as caught:
            main(words)
        assert not caught.value.code, words


def test_the_readme_s_table_of_circuits_is_true() -> None:
    from qcircuit_adapt import load_circuit
    from qcircuit_adapt.library import names

    readme = (ROOT / "README.md").read_text("utf-8")
    row = r"^\| `(\S+)` \| (\d+) → (\d+) \| ([\d,]+) \| ([\d,]+) \|"
    rows = re.findall(row, readme, re.MULTILINE)
    assert [row[0] for row in rows] == list(names())
    for name, *numbers in rows:
        circuit = load_circuit(name)
        expected = (circuit.d_in, circuit.d_out, circuit.parameters, circuit.macs_per_token)
        assert tuple(int(number.replace(",", "")) for number in numbers) == expected
