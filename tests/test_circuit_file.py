"""Circuits in TOML files: exact both ways, checked, written whole or not at all."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from strategies import circuits

from qcircuit_adapt import Circuit, read_circuit, write_circuit
from qcircuit_adapt.circuit_file import dumps, loads, write_whole
from qcircuit_adapt.errors import CircuitError, FileError
from qcircuit_adapt.library import names
from qcircuit_adapt.locate import shared_folder

SCHEMA = json.loads((shared_folder("circuits") / "circuit.schema.json").read_text("utf-8"))


@given(circuits())
def test_every_file_follows_the_schema(circuit: Circuit) -> None:
    jsonschema.validate(tomllib.loads(dumps(circuit)), SCHEMA)


@pytest.mark.parametrize("name", names())
def test_shipped_files_follow_the_schema(name: str) -> None:
    text = (shared_folder("circuits") / f"{name}.toml").read_text("utf-8")
    jsonschema.validate(tomllib.loads(text), SCHEMA)


@pytest.mark.parametrize(
    "change",
    [{"gates": "a"}, {"format": 2}, {"axes": "a"}, {"colour": "red"}, {"gates": ["a -> {"]}],
)
def test_the_schema_refuses_what_the_reader_refuses(change: dict[str, object]) -> None:
    data = {"format": 1, "axes": "a=2", "gates": ["a"], **change}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, SCHEMA)


def test_a_file_comes_back(tmp_path: Path) -> None:
    circuit = Circuit.parse("a=2 b=3 | a b {rank=2}, -> b a", name='with "quotes" and ü')
    write_circuit(circuit, tmp_path / "mine.toml")
    assert read_circuit(tmp_path / "mine.toml") == circuit
    assert [path.name for path in tmp_path.iterdir()] == ["mine.toml"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gates = [", "the text is not TOML: "),
        ('axes = "a=2"', "the text is not a circuit file: it has no whole number 'format'.\n"),
        (
            "format = 2",
            "the text is of format 2; this version reads up to 1.\n"
            "  Install a later version of qcircuit_adapt.",
        ),
        (
            'format = 1\naxis = "a=2"\ngates = []',
            "the text has an unknown key 'axis'.\n  Did you mean 'axes'?",
        ),
        ("format = 1\ngates = []", "the text has no 'axes'.\n  Write axes = "),
        ('format = 1\naxes = "a=2"', "the text has no 'gates'.\n  Write axes = "),
        ('format = 1\naxes = 2\ngates = ["a"]', "the text has a 'axes' of another type.\n"),
        ('format = 1\naxes = "a=2"\ngates = [1]', "the text has a gate that is not a text.\n"),
        ("x" * 1_000_001, "the text has 1,000,001 characters; at most 1,000,000 are read."),
    ],
)
def test_wrong_texts(text: str, message: str) -> None:
    with pytest.raises(FileError) as caught:
        loads(text)
    assert str(caught.value).startswith(message)


def test_errors_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    with pytest.raises(FileError) as caught:
        read_circuit(path)
    assert str(caught.value) == f"cannot read {path}: No such file or directory."
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(FileError) as caught:
        read_circuit(path)
    assert str(caught.value) == f"{path} is not a text file."
    path.write_bytes(b" " * 4_000_001)
    with pytest.raises(FileError) as caught:
        read_circuit(path)
    assert str(caught.value) == f"{path} is too large for a circuit file."
    path.write_text('format = 1\nname = "w"\naxes = "a=2"\ngates = ["b"]\n')
    with pytest.raises(CircuitError) as caught:
        read_circuit(path)
    assert str(caught.value) == (
        "gate 'g1' acts on wire 'b', which is not there.\n"
        "  in circuit 'w', gate 1 of 1:  b\n"
        "                                ^\n"
        f"  The circuit is read from {path}.\n"
        "  There is only 'a'."
    )


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(FileError) as caught:
        write_circuit(Circuit.parse("a=2 | a"), path)
    assert str(caught.value) == f"cannot write {path}: No space left on device."
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["mine.toml"]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "mine.toml"
    with pytest.raises(FileError) as caught:
        write_circuit(Circuit.parse("a=2 | a"), path)
    assert str(caught.value) == f"cannot write {path}: No such file or directory."


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_stops_a_write_leaves_the_old_file_alone(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "circuit.toml"
    path.write_text("old")

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises((FileError, KeyboardInterrupt)):
        write_whole(path, "new")
    assert [one.name for one in tmp_path.iterdir()] == ["circuit.toml"]
    assert path.read_text() == "old"
