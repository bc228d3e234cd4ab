"""Budgets of models: the choices keep within the total, and the configuration adapts so."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from peft import PeftConfig, get_peft_model
from tiny_models import ignore_warnings, make_llama
from transformers import LlamaConfig

import qcircuit_adapt as qa
from qcircuit_adapt.cli import main
from qcircuit_adapt.design import suggest
from qcircuit_adapt.errors import DesignError
from qcircuit_adapt.hf.model_budget import ModelBudget, find_model_budget

pytestmark = ignore_warnings
CONFIG = make_llama().config
FEW = ["lora", "quanta", "kronecker", "oft"]


def find(budget: int = 6000, **options: Any) -> ModelBudget:
    found: ModelBudget = find_model_budget(
        CONFIG, read_budget=lambda parameters: budget, **{"families": FEW, **options}
    )
    return found


@pytest.mark.parametrize(
    "targets", [None, ["q_proj", "v_proj", "up_proj", "down_proj"], ["all-linear"]], ids=str
)
def test_the_configuration_adapts_the_model_so(targets: Any, tmp_path: Path) -> None:
    found = find(20_000, targets=targets)
    assert 0.5 * 20_000 < found.parameters <= 20_000
    found.config.save_pretrained(str(tmp_path))
    loaded = PeftConfig.from_pretrained(str(tmp_path))
    for config in (loaded, eval(found.code, {"qa": qa})):
        model = get_peft_model(make_llama(), config)
        trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
        assert trained == found.parameters
        for choice in found.choices:
            name = choice.modules.replace("*", "1")
            (update,) = model.base_model.model.get_submodule(name).qcircuit_delta.values()
            assert update.adapter.parameters == choice.suggestion.row.parameters
            assert update.adapter.terms[0].form == choice.suggestion.row.form


def test_every_choice_is_a_suggestion_for_its_shape() -> None:
    found = find(targets=["q_proj", "v_proj"])
    assert [(choice.modules, choice.count) for choice in found.choices] == [
        ("model.layers.*.self_attn.q_proj", 2),
        ("model.layers.*.self_attn.v_proj", 2),
    ]
    for choice in found.choices:
        chosen = choice.suggestion
        again = suggest(
            chosen.d_in, chosen.d_out, max_parameters=chosen.max_parameters, families=FEW
        )
        assert again == chosen


def test_what_is_left_over_is_offered_again() -> None:
    """At 1 % of a module's part nothing else would fit."""
    alone = suggest(64, 64, max_parameters=6000 * 128 // (2 * 128 + 2 * 96), families=FEW)
    (first, _) = find(targets=["q_proj", "v_proj"]).choices
    assert first.suggestion.row.parameters >= alone.row.parameters


def test_a_share_is_of_the_whole_model() -> None:
    total = sum(p.numel() for p in make_llama().parameters())
    asked = []
    find_model_budget(CONFIG, read_budget=lambda n: asked.append(n) or n // 20, families=FEW)
    assert asked == [total]


def test_too_small_a_budget_says_for_which_layer() -> None:
    with pytest.raises(DesignError) as caught:
        find(40)
    assert str(caught.value).splitlines() == [
        "nothing fits a layer from 64 to 64, whose part of the 40 parameters is 11.",
        "  no circuit from 64 to 64 has at most 11 parameters.",
        "  Raise the budget, or adapt fewer modules.",
    ]


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        main(words)
    return int(caught.value.code or 0), *capsys.readouterr()


def test_the_commands_take_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    LlamaConfig(**CONFIG.to_dict()).save_pretrained(str(tmp_path))
    words = ["--model", str(tmp_path), "--families", ",".join(FEW)]
    code, out, err = run(capsys, "budget", *words, "--max-parameters", "6000")
    assert (code, err) == (0, "")
    assert "model.layers.*.self_attn.q_proj" in out
    picture = tmp_path / "rows.svg"
    code, out, err = run(
        capsys, "budget", *words, "--max-parameters", "6000", "--csv", "-o", str(picture)
    )
    assert picture.exists()
    lines = list(csv.DictReader(io.StringIO(out)))
    assert sum(int(line["parameters_of_all"]) for line in lines) <= 6000
    _, out, _ = run(capsys, "budget", *words, "--max-parameters", "6000", "--json")
    data = json.loads(out)
    assert [int(line["parameters"]) for line in lines] == [
        choice["row"]["parameters"] for choice in data["choices"]
    ]
    folder = tmp_path / "adapter"
    code, out, err = run(capsys, "suggest", *words, "--budget", "6000", "-o", str(folder))
    assert (code, err) == (0, f"Wrote {folder / 'adapter_config.json'}.\n")
    assert out.splitlines()[-1].startswith("qa.CircuitConfig(circuit=")
    assert PeftConfig.from_pretrained(str(folder)).target_modules == {"q_proj", "v_proj"}


def test_neither_a_layer_nor_a_model_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["budget"], ["suggest", "--budget", "1k"]):
        code, out, err = run(capsys, *words)
        assert (code, out) == (1, "")
        assert err.splitlines() == [
            "DesignError: neither a layer nor a model is given.",
            "  Give --d-in 4096, or --model CONFIG.",
        ]
    code, _, err = run(capsys, "suggest", "--d-in", "64", "--budget", "1k", "-o", "x")
    assert code == 1
    assert err.startswith("DesignError: -o is for the configuration of a model.\n")
