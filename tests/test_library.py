"""How a user names a circuit."""

from __future__ import annotations

from pathlib import Path

import pytest

from qcircuit_adapt import Circuit, load_circuit, write_circuit
from qcircuit_adapt.errors import LibraryError
from qcircuit_adapt.families import quanta


def test_by_name_by_file_by_text_and_by_family(tmp_path: Path) -> None:
    circuit = quanta((16, 8, 8, 4))
    write_circuit(circuit, tmp_path / "mine.toml")
    (tmp_path / "odd name").write_text((tmp_path / "mine.toml").read_text())
    assert load_circuit("quanta-16-8-8-4") == circuit
    assert load_circuit(tmp_path / "mine.toml") == circuit
    assert load_circuit(str(tmp_path / "odd name")) == circuit
    assert load_circuit("quanta(axes=16-8-8-4)") == circuit
    assert load_circuit(circuit.text) == Circuit.parse(circuit.text)


def test_an_unknown_name_lists_near_ones() -> None:
    with pytest.raises(LibraryError) as caught:
        load_circuit("quanta-12-8")
    assert str(caught.value) == (
        "'quanta-12-8' is no shipped circuit, no file, and no circuit's text.\n"
        "  Did you mean 'quanta-12-8-8' or 'quanta-16-8-8' or 'quanta-16-8-8-8'?"
    )
