"""The headline, with a few methods and next to no steps."""

import os
from dataclasses import replace

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"

from tiny_models import ignore_warnings

from qcircuit_adapt.cli import main
from qcircuit_adapt.experiments import headline
from qcircuit_adapt.experiments.headline import METHODS, STARTS, run_headline, shrink
from qcircuit_adapt.experiments.result import read_results
from qcircuit_adapt.experiments.shipped import find_experiment

pytestmark = ignore_warnings


@pytest.fixture
def few(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setattr(headline, "METHODS", ("small-rank-8",))

    def find(name):
        found = find_experiment(name)
        return replace(found, methods=found.methods[-2:])

    monkeypatch.setattr(headline, "find_experiment", find)


def test_the_headline(few, tmp_path, capsys):
    done = []
    found = run_headline(
        tmp_path / "out",
        tiny=True,
        jobs=1,
        write=tmp_path / "docs",
        on_result=lambda _, count, total: done.append((count, total)),
    )
    assert done == [(count, len(done)) for count in range(1, len(done) + 1)]
    assert {row.experiment for row in found.rows} == {"small-rank-8", *STARTS}
    left = [row.scores["imitate"].mean for row in found.rows]
    assert all(0 < one < 2 for one in left)
    assert sorted(file.name for file in (tmp_path / "docs").iterdir()) == [
        "headline.svg",
        "tables.md",
    ]
    table = (tmp_path / "docs" / "tables.md").read_text()
    assert "**Update of rank 8** (`small-rank-8`)" in table
    assert "Update of rank 8" in (tmp_path / "docs" / "headline.svg").read_text()
    before = read_results(tmp_path / "out")
    words = ["experiment", "headline", "--scale", "tiny", "-o", str(tmp_path / "out")]
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert not caught.value.code
    assert read_results(tmp_path / "out") == before, "what is done is not done again"
    assert "Wrote " in capsys.readouterr().err


def test_a_scale_that_is_none(capsys):
    with pytest.raises(SystemExit):
        main(["experiment", "headline", "--scale", "huge"])
    assert capsys.readouterr().err.splitlines() == [
        "ExperimentError: unknown scale 'huge'.",
        "  The scales are 'small', 'tiny'.",
    ]


@pytest.mark.parametrize("name", [*METHODS, *STARTS])
def test_every_part_compares_with_seeds(name):
    found = find_experiment(name)
    assert shrink(found).seeds == (0,)
    assert len(found.seeds) > 1
    if name == "small-reasoning":  # its runs are long: two seeds, rates that were tried before
        return
    assert len(found.seeds) == 3
    assert all(len(found.training_of(method).rates) > 1 for method in found.methods)
    if name in METHODS:
        curves = {method.curve for method in found.methods}
        assert curves == {"LoRA", "LoKr", "OFT", "QuanTA", "tensor train", "full fine-tuning"}
