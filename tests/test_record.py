"""The file of a certificate: small, whole, and the same for the same certificate."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from strategies import circuits

from qcircuit_adapt import Circuit, families, load_adapter, load_circuit, prove
from qcircuit_adapt.analysis.record import digest, to_record, write_certificate
from qcircuit_adapt.errors import FileError
from qcircuit_adapt.library import names


@pytest.mark.parametrize("name", names())
def test_files_of_shipped_circuits_are_small(name: str, tmp_path: Path) -> None:
    path = tmp_path / "certificate.json"
    write_certificate(prove(load_circuit(name), form="difference"), path)
    assert path.stat().st_size < 20_000
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record.pop("digest") == digest(record)
    assert Circuit.parse(record["circuit"]).text == record["circuit"]


@given(circuits())
def test_every_certificate_is_plain_data(circuit: Circuit) -> None:
    record = to_record(prove(circuit, form="difference"))
    assert json.loads(json.dumps(record)) == record


def test_the_file_of_a_small_circuit() -> None:
    record = to_record(prove(families.lora(9, 8, rank=2), form="zero"))
    assert len(record.pop("digest")) == 64
    tree = {"by": "tree", "bound": 30}
    assert record == {
        "format": "qcircuit certificate",
        "version": 1,
        "name": "lora-9-to-8-r2",
        "circuit": "x=9 | x -> r=2, r -> y=8",
        "counts": {
            "d_in": 9,
            "d_out": 8,
            "parameters": 34,
            "frozen_parameters": 0,
            "macs_per_token": 34,
        },
        "quanta_bounds": {"lower": 2, "upper": 2},
        "rank": {
            "lower": 2,
            "upper": 2,
            "exact": True,
            "status": "theorem",
            "at_least": ROUTING,
            "at_most": CUT,
        },
        "degrees_of_freedom": {
            "lower": 30,
            "upper": 30,
            "exact": True,
            "status": "theorem",
            "at_least": tree,
            "at_most": {"by": "gauge", "bound": 30, "blocks": [["g1"], ["g2"]], "parameters": 34},
        },
        "update_rank": {
            "form": "zero",
            "lower": 2,
            "upper": 2,
            "exact": True,
            "status": "theorem",
            "at_least": ROUTING,
            "at_most": CUT,
        },
        "start": {
            "form": "zero",
            "lower": 16,
            "upper": 16,
            "exact": True,
            "status": "theorem",
            "at_least": {
                "by": "routing",
                "bound": 16,
                "subject": "start",
                "paths": [
                    {"width": 2, "bonds": ["g1:r", "<out>:x"], "gates": ["g1"]},
                    {"width": 8, "bonds": ["<in>:y"], "gates": []},
                ],
            },
            "at_most": {"by": "cut", "bound": 16, "subject": "start", "input_side": []},
        },
        "statements": record["statements"],
    }


ROUTING = {
    "by": "routing",
    "bound": 2,
    "subject": "T",
    "paths": [{"width": 2, "bonds": ["<in>:x", "g1:r", "g2:y"], "gates": ["g1", "g2"]}],
}
CUT = {"by": "cut", "bound": 2, "subject": "T", "input_side": ["g1"]}


def test_a_sum_has_a_record_for_each_term() -> None:
    record = to_record(prove(load_adapter("quanta(axes=3-2-2) + 0.5 zero lora(rank=1)")))
    assert [(term["form"], term["scale"]) for term in record["terms"]] == [
        ("difference", 1.0),
        ("zero", 0.5),
    ]
    assert record["update_rank"]["at_least"] == {"by": "term", "bound": 12, "term": 0}
    assert record["name"] == "quanta-3-2-2 + lora-12-r1"


def test_a_file_that_is_there_stays_if_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "certificate.json"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(FileError, match="No space left on device"):
        write_certificate(prove(families.lora(9, 8, rank=2)), path)
    assert path.read_text() == "old"
