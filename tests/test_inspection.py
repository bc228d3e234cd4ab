"""Inspected adapters: each number is that of the matrix, whichever method the folder is of."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from peft import IA3Config, LoHaConfig, LoKrConfig, LoraConfig, OFTConfig
from strategies import circuits, tensors_for
from test_interchange import adapt
from tiny_models import ignore_warnings

import qcircuit_adapt as qa
from qcircuit_adapt.analysis.structure.schmidt import list_splits
from qcircuit_adapt.cli import main
from qcircuit_adapt.draw.inspection import draw_inspection, list_panels
from qcircuit_adapt.errors import AdaptError, FileError, WireError
from qcircuit_adapt.hf.inspection import inspect_adapter
from qcircuit_adapt.nn.inspection import _split, inspect_update
from qcircuit_adapt.nn.update import Update
from qcircuit_adapt.reference import matrix as reference_matrix

pytestmark = ignore_warnings
TARGETS = ["q_proj", "v_proj"]

CONFIGS: dict[str, Any] = {
    "ours": qa.CircuitConfig(circuit="quanta(axes=3)", target_modules=TARGETS),
    "sum": qa.CircuitConfig(
        circuit="quanta(axes=3) + 2.0 zero lora(rank=2)", target_modules=TARGETS
    ),
    "input": qa.CircuitConfig(circuit="oft(block=8)", form="input", target_modules=TARGETS),
    "lora": LoraConfig(r=4, lora_alpha=8, target_modules=TARGETS),
    "lokr": LoKrConfig(r=4, target_modules=TARGETS),
    "oft": OFTConfig(r=0, oft_block_size=8, use_cayley_neumann=False, target_modules=TARGETS),
    "loha": LoHaConfig(r=3, target_modules=TARGETS),
}


def save(name: str, folder: Path) -> Any:
    model = adapt(CONFIGS[name])
    model.save_pretrained(str(folder))
    return model


@pytest.mark.parametrize("name", ["lora", "lokr", "loha", "ours"])
def test_the_spectrum_is_that_of_the_layer(name: str, tmp_path: Path) -> None:
    model = save(name, tmp_path)
    layers = tuple(inspect_adapter(tmp_path))
    modules = dict(model.base_model.model.named_modules())
    assert [layer.module for layer in layers] == [
        f"model.layers.{n}.self_attn.{t}" for n, t in itertools.product(range(2), TARGETS)
    ]
    for layer in layers:
        (term,) = layer.terms
        weight = modules[layer.module].get_delta_weight("default").detach().double().numpy()
        values = np.linalg.svd(weight, compute_uv=False)
        largest = values[0]
        assert np.allclose(term.update.singular_values, values, atol=1e-5 * largest)
        assert term.lower <= term.upper
        assert term.update.numerical_rank == term.lower
        assert term.update.condition_number == pytest.approx(
            largest / values[term.lower - 1], rel=0.02
        )
        assert (term.start is None) == (term.form == "zero")


def test_ranks_of_low_rank_methods(tmp_path: Path) -> None:
    for name, rank in (("lora", 4), ("loha", 9)):
        save(name, tmp_path / name)
        for layer in inspect_adapter(tmp_path / name):
            assert (layer.terms[0].lower, layer.terms[0].upper) == (rank, rank)


def test_terms_of_a_sum_are_inspected_apart(tmp_path: Path) -> None:
    save("sum", tmp_path)
    (layer, _) = inspect_adapter(tmp_path, modules="q_proj")
    assert [(term.form, term.lower) for term in layer.terms] == [("difference", 64), ("zero", 2)]
    ratio = layer.terms[1].update.singular_values[0] / layer.terms[1].trained.singular_values[0]
    assert ratio == pytest.approx(2.0)


def test_on_one_side_of_a_weight_what_is_inspected_is_the_circuit(tmp_path: Path) -> None:
    save("input", tmp_path)
    layer = next(iter(inspect_adapter(tmp_path)))
    (term,) = layer.terms
    assert term.form == "input"
    assert term.start
    assert set(term.start.singular_values) == {1.0}
    assert (term.lower, term.upper) == (64, 64)


def test_of_gates_that_are_held_orthogonal_no_lower_bound_is_claimed(tmp_path: Path) -> None:
    """A block of odd size keeps a direction, which rounded numbers do not."""
    circuit = qa.Circuit.parse("a=3 b=5 | b per a")
    update = Update(qa.Adapter(circuit, form="residual"), orthogonal=True, init_weights=False)
    (term,) = inspect_update(update)
    assert (term.lower, term.upper) == (0, 15)
    assert term.update.numerical_rank == 12
    save("oft", tmp_path)
    layer = next(iter(inspect_adapter(tmp_path)))
    assert (layer.terms[0].form, layer.terms[0].lower) == ("input", 0)
    values = layer.terms[0].trained.singular_values
    assert np.allclose(values, 1, atol=1e-5)


@given(circuits(max_gates=3, max_axes=3, max_width=24))
@settings(max_examples=30, deadline=None)
def test_no_measured_schmidt_rank_exceeds_its_bound(circuit: qa.Circuit) -> None:
    """Whole numbers, so that a rank has no rounding; compared with a slow matricisation."""
    tensors = tensors_for(circuit, np.random.default_rng(0), low=2)
    T = reference_matrix(circuit, tensors).astype(float)
    outputs, inputs = circuit.outputs, circuit.inputs
    array = T.reshape([axis.size for axis in outputs + inputs])
    for taken, given_ in itertools.islice(list_splits(circuit), 12):
        split = _split(circuit, T, ([*taken], [*given_]))
        letters = [axis.name in given_ for axis in outputs] + [
            axis.name in taken for axis in inputs
        ]
        order = sorted(range(len(letters)), key=lambda n: not letters[n])
        rows = int(np.prod([array.shape[n] for n in order[: sum(letters)]]))
        slow = np.linalg.matrix_rank(array.transpose(order).reshape(rows, -1)) if T.any() else 0
        assert split.measured == slow <= split.bound.bound


def test_splits_are_chosen_by_their_wires(tmp_path: Path) -> None:
    circuit = qa.Circuit.parse("a=4 b=4 c=2 | a b, b c")
    update = Update(qa.Adapter(circuit), init_weights=False)
    (term,) = inspect_update(update, splits=["a b -> a", "-> c"])
    assert [(split.side, split.measured, split.bound.bound) for split in term.splits] == [
        ("a b -> a", 4, 4),
        ("-> c", 2, 2),
    ]
    (term,) = inspect_update(update)
    assert [split.side for split in term.splits] == ["a -> a", "b -> b", "c -> c"]
    with pytest.raises(WireError) as caught:
        inspect_update(update, splits=["a b"])
    assert str(caught.value).splitlines() == [
        "'a b' is no split of wires.",
        '  Write the inputs and outputs of one side: "a b -> a".',
    ]
    with pytest.raises(WireError, match="no open wire 'z'"):
        inspect_update(update, splits=["z -> a"])


def test_before_training_the_update_is_zero() -> None:
    update = Update(qa.Adapter(qa.Circuit.parse("a=4 b=3 | a b, b")))
    (term,) = inspect_update(update)
    assert (term.lower, term.update.numerical_rank, term.update.condition_number) == (0, 0, 0.0)
    assert term.trained == term.start
    with torch.no_grad():
        update.weight_g1.normal_()
    (term,) = inspect_update(update)
    assert term.trained != term.start


def test_what_cannot_be_inspected_says_why(tmp_path: Path) -> None:
    adapt(IA3Config(target_modules=TARGETS, feedforward_modules=[])).save_pretrained(str(tmp_path))
    with pytest.raises(FileError, match="It multiplies the base weight"):
        list(inspect_adapter(tmp_path))
    save("lora", tmp_path / "lora")
    with pytest.raises(AdaptError) as caught:
        list(inspect_adapter(tmp_path / "lora", modules="k_proj"))
    assert str(caught.value).splitlines() == [
        "no module of the adapter matches 'k_proj'.",
        "  Did you mean 'v_proj' or 'q_proj'?",
    ]


def test_the_picture_has_a_row_for_each_kind_of_module(tmp_path: Path) -> None:
    save("sum", tmp_path)
    layers = tuple(inspect_adapter(tmp_path))
    panels = list_panels(layers)
    assert [panel.modules for panel in panels] == [
        f"{target}, term {n}" for target, n in itertools.product(TARGETS, (1, 2))
    ]
    assert [len(panel.update) for panel in panels] == [2] * 4
    assert [len(panel.start) for panel in panels] == [2, 0, 2, 0]
    figure = draw_inspection(layers)
    assert len(figure.axes) == 8
    assert figure.axes[0].get_title(loc="left") == "q_proj, term 1: update, rank 64 (proved)"


def test_the_command_inspects(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save("ours", tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            main(["inspect", str(tmp_path), *words])
        return int(caught.value.code or 0), *capsys.readouterr()

    code, out, err = run("--only", "layers.0.*", "-o", str(tmp_path / "it.svg"))
    assert (code, err) == (0, f"Wrote {tmp_path / 'it.svg'}.\n")
    assert (tmp_path / "it.svg").exists()
    line = next(
        row for row in out.splitlines() if row.startswith("model.layers.0.self_attn.v_proj")
    )
    assert re.fullmatch(r"\S+ +dW +32 +32 +32 +[\d.]+ +\S+", line)
    assert "model.layers.0.self_attn.v_proj  a -> a" in out
    code, out, _ = run("--split", "a -> a b", "--json")
    data = json.loads(out)
    assert len(data) == 4
    (term,) = data[0]["terms"]
    assert term["update_rank"] == {"lower": 64, "upper": 64, "status": "proved"}
    assert [split["measured"] for split in term["splits"]] == [64]
    assert len(term["measured"]["start"]["singular_values"]) == 64
    code, _, err = run("-o", "it.txt")
    assert (code, err) == (
        1,
        "FileError: it.txt does not end in what a plot can be drawn to.\n"
        "  Use .svg, .png or .pdf.\n",
    )
