"""The benchmark of a training step runs, and counts what can be known beforehand."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def step(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("step")


def test_a_quick_run(step: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    numbers, picture = tmp_path / "step.json", tmp_path / "step.svg"
    layer = ("--circuit", "quanta(axes=2)", "--d-in", "16", "--tokens", "4096")
    only = ("--variant", "ours, ", "--variant", "official", "--variant", "LoRA r8")
    files = ("--json", str(numbers), "--picture", str(picture))
    step.main(["--quick", "--dtype", "float32", *layer, *only, *files])
    assert "quanta(axes=2): 16 -> 16, 4,096 tokens, float32" in capsys.readouterr().out
    assert picture.read_text(encoding="utf-8").startswith("<?xml")
    (cell,) = json.loads(numbers.read_text(encoding="utf-8"))["cells"]
    # One gate on all 16 features: as many multiplications as the layer, and its gradient.
    assert cell["floors"] == [2.5, 2.5]
    # A product forward and one backward; the result and the gradient of x.
    row = 16 * 4 * 4096
    assert cell["base"]["calls"] == 2
    assert cell["base"]["flops"] == 4 * 4096 * 16 * 16
    assert cell["base"]["peak"] == cell["base"]["moved_forward"] - 16 * 16 * 4 == 2 * row
    found = {one["variant"]: one for one in cell["variants"]}
    official, lora = found["official formula"], found["LoRA r8"]
    assert official["flops"] == 2.5
    assert official["parameters"] == 256
    # x padded, which copies it, and the gate transposed.
    assert official["saved_rows"] == pytest.approx(1, abs=0.01)
    assert lora["parameters"] == 256
    # The inputs of its second product: 8 numbers for each token, of 16.
    assert lora["saved_rows"] == 0.5
    assert all(one["ratio"]["rounds"] == 3 for one in found.values())
    assert all(0 < one["ratio"]["low"] <= one["ratio"]["median"] for one in found.values())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--rounds", "1"), "--rounds must be 2 or more: quartiles need two timings."),
        (("--tokens", "0"), "--tokens must be 1 or more."),
        (("--shape", "4"), "invalid choice: '4'"),
    ],
)
def test_wrong_options_are_named(
    step: ModuleType, options: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        step.main([*options])
    assert message in capsys.readouterr().err
