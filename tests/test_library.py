"""How a user names a circuit."""

from __future__ import annotations

from pathlib import Path

import pytest

from qcircuit_adapt import Circuit, load_adapter, load_circuit, write_circuit
from qcircuit_adapt.errors import CircuitError, LibraryError
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


def test_an_adapter_is_a_sum_of_scaled_forms_of_circuits() -> None:
    adapter = load_adapter(
        "zero lora(rank=8) + -0.5 a=64 b=64 | a, b + residual quanta(axes=64-64)"
    )
    assert [(term.circuit.text, term.form, term.scale) for term in adapter.terms] == [
        ("x=4096 | x -> r=8, r -> y=4096", "zero", 1.0),
        ("a=64 b=64 | a, b", "difference", -0.5),
        ("a=64 b=64 | a b", "residual", 1.0),
    ]
    assert load_adapter("lora(d_in=8, rank=2)", form="zero").terms[0].form == "zero"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("nothing + lora(rank=2)", "'nothing' is no shipped circuit"),
        ("lora(rank=2) + lora(rank=4)", "'lora(rank=2)' needs the dimensions of a layer."),
        ("0 quanta(axes=2-2) + lora(rank=1)", "the scale of circuit 'quanta-2-2' is 0.0."),
        ("quanta-12-8-8 + quanta-16-8-8-4", "cannot add circuit 'quanta-16-8-8-4' (4096"),
        ("quanta(axes=2-2) + ", "'' is no shipped circuit"),
    ],
)
def test_what_is_wrong_with_a_term(text: str, problem: str) -> None:
    with pytest.raises(CircuitError) as caught:
        load_adapter(text)
    assert str(caught.value).startswith(problem)
