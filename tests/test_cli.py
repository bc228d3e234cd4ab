"""The command line: every command on a name, a file and a text; errors without tracebacks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from qcircuit_adapt import Circuit, load_circuit, prove, write_circuit
from qcircuit_adapt.analysis.record import to_record
from qcircuit_adapt.cli import main
from qcircuit_adapt.library import names

SMALL = "a=4 b=3 | a b, b -> b=2"


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Run a command; return its exit code and what it printed."""
    with pytest.raises(SystemExit) as caught:
        main(words)
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


@pytest.fixture
def sources(tmp_path: Path) -> list[str]:
    write_circuit(Circuit.parse(SMALL, name="mine"), tmp_path / "mine.toml")
    return ["quanta-12-8-8", str(tmp_path / "mine.toml"), SMALL, "lora(d_in=8, rank=2)"]


@pytest.mark.parametrize("command", ["show", "prove", "draw", "compile", "emit"])
def test_every_command_takes_every_kind_of_source(
    command: str, sources: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for source in sources:
        code, out, err = run(capsys, command, source)
        assert (code, err) == (0, "")
        assert out.strip()


def test_show_as_json_is_the_circuit(
    sources: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for source in sources:
        code, out, _ = run(capsys, "show", source, "--json")
        assert code == 0
        assert json.loads(out) == json.loads(load_circuit(source).to_json())


def test_prove_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "prove", "quanta-16-8-8-4", "--json")
    assert code == 0
    data = json.loads(out)
    assert [each["status"] for each in data.pop("statements")] == ["theorem"] * 4
    assert data == {
        "name": "quanta-16-8-8-4",
        "d_in": 4096,
        "d_out": 4096,
        "parameters": 43008,
        "frozen_parameters": 0,
        "macs_per_token": 1835008,
        "rank": {"lower": 4096, "upper": 4096, "exact": True, "status": "theorem"},
        "quanta_bounds": {"lower": 4096, "upper": 4096},
        "degrees_of_freedom": {
            "lower": 42211,
            "upper": 42211,
            "exact": True,
            "status": "theorem",
        },
    }
    _, out, _ = run(capsys, "prove", "lora(d_in=64, rank=4)", "--form", "zero", "--json")
    assert json.loads(out)["update_rank"] == {
        "form": "zero",
        "lower": 4,
        "upper": 4,
        "exact": True,
        "status": "theorem",
    }


def test_prove_a_sum(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "prove", "quanta-12-8-8 + 2.0 zero lora(rank=8)", "--json")
    assert code == 0
    data = json.loads(out)
    assert data["update_rank"]["exact"]
    assert [term["scale"] for term in data["terms"]] == [1.0, 2.0]


def test_prove_writes_the_certificate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "certificate.json"
    code, out, err = run(capsys, "prove", SMALL, "--form", "difference", "-o", str(path))
    assert (code, err) == (0, f"Wrote {path}.\n")
    assert out.startswith("circuit: 12 -> 8")
    written = json.loads(path.read_text(encoding="utf-8"))
    certificate = prove(Circuit.parse(SMALL), form="difference")
    assert written == to_record(certificate)


@pytest.mark.parametrize("source", ["quanta-12-8-8", "quanta-12-8-8 + zero lora(rank=4)"])
def test_verify_checks_what_prove_wrote(
    source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "certificate.json"
    assert run(capsys, "prove", source, "--form", "difference", "-o", str(path))[0] == 0
    code, out, err = run(capsys, "verify", str(path))
    assert (code, err) == (0, "")
    assert "every claim holds" in out.splitlines()[0]
    _, out, _ = run(capsys, "verify", str(path), "--json")
    assert json.loads(out)["checks"]
    path.write_text(path.read_text(encoding="utf-8").replace("768", "769"), encoding="utf-8")
    code, out, err = run(capsys, "verify", str(path))
    assert (code, out) == (1, "")
    assert err.startswith("CertificateError: ")


def test_prove_rotations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "certificate.json")
    arguments = ["prove", "quanta(axes=3-3-3)", "--form", "output", "--orthogonal"]
    code, out, _ = run(capsys, *arguments, "-o", path)
    assert code == 0
    assert out.splitlines()[1] == "  Every gate is held orthogonal, and starts at the identity."
    code, out, _ = run(capsys, "verify", path)
    assert code == 0
    assert out.splitlines()[1] == "  every gate is held orthogonal"
    code, out, err = run(capsys, *arguments[:2], "--orthogonal")
    assert (code, out) == (1, "")
    assert err.startswith("GateError: gates that are held orthogonal start at the identity")


def test_prove_explains(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "prove", SMALL, "--explain")
    assert (code, err) == (0, "")
    assert out.startswith("What is proved about a circuit\n==")
    code, out, err = run(capsys, "prove", SMALL, "--tex")
    assert (code, err) == (0, "")
    assert r"\begin{theorem}" in out


def test_relate(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "relate", "lora(d_in=8, rank=2)", "x=8 | x -> r=1, r -> y=8")
    assert (code, err) == (0, "")
    assert out.startswith("the first gives every T of the second, and more.")
    _, out, _ = run(capsys, "relate", SMALL, SMALL, "--json")
    assert json.loads(out)["same"] is True


def test_an_interrupted_proof_prints_what_is_proved(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("qcircuit_adapt.analysis.proof.find_witness", interrupt)
    text = "a=4 b=14 | a -> c=7, b -> d=8"
    code, out, err = run(capsys, "prove", text, "--form", "difference", "--json")
    assert code == 130
    assert err == "Interrupted: this is what was proved by then.\n"
    assert json.loads(out)["update_rank"]["status"] == "proved interval"


def test_compile_as_json_counts_the_tokens(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "compile", "quanta-16-8-8-4", "--tokens", "8", "--json")
    plan = json.loads(out)
    assert plan["tokens"] == 8
    assert sum(step["macs"] for step in plan["apply"]["steps"]) == 8 * 1_835_008


def test_compile_keeps_to_the_memory_it_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("compile", "quanta-16-8-8-4", "--max-saved-rows", "0.05", "--json")
    code, out, _ = run(capsys, *words)
    plan = json.loads(out)
    assert (code, plan["strategy"], plan["saved_rows"]) == (0, "feature-save-x", 0)
    code, _, err = run(capsys, *words, "--strategy", "einsum")
    assert (code, err.splitlines()[0]) == (
        1,
        "GateError: max_saved_rows is 0.05, but strategy 'einsum' was asked for, whatever it "
        "keeps.",
    )


def test_list_names_every_shipped_circuit(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "list", "--json")
    rows = json.loads(out)
    assert [row["name"] for row in rows] == list(names())
    for row in rows:
        assert row["parameters"] == load_circuit(row["name"]).parameters
    _, out, _ = run(capsys, "list")
    assert all(name in out for name in names())


def test_draw_and_emit_write_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture, code = tmp_path / "picture.svg", tmp_path / "operator.py"
    assert run(capsys, "draw", SMALL, "-o", str(picture)) == (0, "", f"Wrote {picture}.\n")
    assert picture.read_text("utf-8").startswith("<svg")
    page = tmp_path / "page.html"
    assert run(capsys, "draw", SMALL, "-o", str(page)) == (0, "", f"Wrote {page}.\n")
    assert page.read_text("utf-8").startswith("<!doctype html>")
    assert run(capsys, "emit", SMALL, "--output", str(code)) == (0, "", f"Wrote {code}.\n")
    assert "import torch" in code.read_text("utf-8")
    _, kernels, _ = run(capsys, "emit", "quanta-16-8-8-4", "--target", "triton")
    assert "import triton" in kernels
    assert "import torch" not in kernels
    assert run(capsys, "emit", "quanta-12-8-8", "--target", "triton") == (
        1,
        "",
        "GateError: there is no fused kernel of circuit 'quanta-12-8-8': wire 'a' has size 12, "
        "which is no power of two.\n  Leave out --target triton.\n",
    )


def test_draw_shows_the_cut_the_order_and_themes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lora = "x=64 | x -> r=4, r -> y=64"
    _, plain, _ = run(capsys, "draw", lora)
    _, overlaid, _ = run(capsys, "draw", lora, "--cut", "--order")
    assert "rank" not in plain
    assert "cut: rank = 4" in overlaid
    assert "g2²" in overlaid
    picture = tmp_path / "dark.svg"
    run(capsys, "draw", lora, "--no-cut", "--theme", "dark", "-o", str(picture))
    assert "#10161d" in picture.read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["draw", SMALL, "--theme", "drak", "-o", "x.svg"],
            "CircuitError: there is no theme 'drak'",
        ),
        (
            ["show", "a=2 b=3 | a bb"],
            "WireError: gate 'g1' acts on wire 'bb', which is not there.\n"
            "  in the circuit, gate 1 of 1:  a bb\n"
            "                                  ^^\n"
            "  Did you mean 'b'?\n",
        ),
        (
            ["prove", "quanta-16-8-8"[:-1] + "9"],
            "LibraryError: 'quanta-16-8-9' is no shipped circuit, no file, and no circuit's text.\n"
            "  Did you mean 'quanta-16-8-8' or 'quanta-16-8-8-8' or 'quanta-16-8-8-5'?\n",
        ),
        (["show", "missing.toml"], "FileError: cannot read missing.toml: No such file or dir"),
        (
            ["prove", SMALL, "--form", "zro"],
            "GateError: unknown form 'zro'.\n  Did you mean 'zero'?",
        ),
        (["draw", SMALL, "-o", "x.jpeg"], "FileError: "),
        (["serve", "--folder", "/nowhere"], "FileError: '/nowhere' is not a folder."),
        (["emit", SMALL, "-o", "/nowhere/x.py"], "FileError: cannot write /nowhere/x.py: No such"),
        (["show", "a=1000000 | a"], "LimitError: the circuit has 1,000,000,000,000 parameters"),
        (["show", "quanta(axes=2-2, rounds=1000000)"], "LimitError: circuit 'quanta-2-2-x1000000'"),
    ],
)
def test_failures_are_told_without_a_traceback(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, *words)
    assert (code, out) == (1, "")
    assert err.startswith(message)


@pytest.mark.parametrize(
    "words",
    [["shwo"], ["show"], ["show", SMALL, "--jsno"], ["compile", SMALL, "--tokens", "0"], []],
)
def test_usage_errors_exit_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, *words)
    assert code == 2
    assert "Usage" in err + out


def test_debug_shows_the_traceback_wherever_it_stands() -> None:
    for words in (["--debug", "show", "a=2 | b"], ["show", "a=2 | b", "--debug"]):
        done = subprocess.run(
            [sys.executable, "-m", "qcircuit_adapt", *words], capture_output=True, text=True
        )
        assert done.returncode == 1
        assert "Traceback" in done.stderr
        assert "WireError" in done.stderr


def test_a_closed_pipe_is_no_error() -> None:
    command = f"{sys.executable} -m qcircuit_adapt show quanta-16-8-8-4 --json | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("{\n", "")
