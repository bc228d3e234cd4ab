"""Experiment files: what is read, what is refused, and dry runs of all that are shipped."""

import os

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"

from tiny_models import ignore_warnings

from qcircuit_adapt.errors import ExperimentError
from qcircuit_adapt.experiments.dry_run import build_model, dry_run
from qcircuit_adapt.experiments.experiment import Data
from qcircuit_adapt.experiments.experiment_file import parse_experiment, read_experiment
from qcircuit_adapt.experiments.method import Circuits, Lora
from qcircuit_adapt.experiments.model_shape import SMALL, shapes
from qcircuit_adapt.experiments.shipped import find_experiment, names
from qcircuit_adapt.experiments.tasks import TASKS

pytestmark = ignore_warnings

TEXT = """
title = "Mine"
model = "small"
seeds = [0, 1]
data.train = ["language"]
training.rates = [1e-3]

[methods.lora]
kind = "lora"
rank = 8
training = { steps = 5, rates = [1, 2] }

[methods.circuit]
kind = "circuit"
circuit = "quanta(axes=3)"
label = "ours"
"""


def test_a_file_is_read():
    found = parse_experiment(TEXT, name="mine")
    assert found.data == Data(train=("language",))
    assert found.data.tests == ("language",)
    lora, circuit = found.methods
    assert lora.kind == Lora(8)
    assert found.training_of(lora).rates == (1.0, 2.0)
    assert found.training_of(lora).steps == 5
    assert found.training_of(circuit).rates == (1e-3,)
    assert circuit.kind == Circuits("quanta(axes=3)")
    assert (lora.curve, circuit.curve) == ("LoRA", "ours")


def test_the_digest_changes_with_what_decides_a_score_and_with_nothing_else():
    one = parse_experiment(TEXT, name="mine")
    method = one.methods[0]
    for before, after, same in (
        ("Mine", "Other", True),
        ("[0, 1]", "[2]", True),
        ("rates = [1, 2]", "rates = [3]", True),
        ("steps = 5", "steps = 6", False),
        ("rank = 8", "rank = 9", False),
        ('"small"', '"small-reader"', False),
    ):
        assert before in TEXT
        other = parse_experiment(TEXT.replace(before, after), name="other")
        assert (other.digest(other.methods[0]) == one.digest(method)) is same, after
    assert one.digest(method) != one.digest(one.methods[1])


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ("rank = 8", "rank = ", ["experiment 'mine' is not TOML: "]),
        ("seeds = [0, 1]\n", "", ["the key 'seeds' is missing.", "  in mine"]),
        (
            "model =",
            "modle =",
            ["unknown key 'modle'.", "  in mine", "  Did you mean 'model' or 'methods'?"],
        ),
        (
            '"lora"',
            '"lore"',
            ["unknown kind 'lore'.", "  in mine, [methods.lora]", "  Did you mean 'lora'?"],
        ),
        (
            "steps = 5",
            "stps = 5",
            [
                "unknown key 'stps'.",
                "  in mine, [methods.lora], training",
                "  Did you mean 'steps'?",
            ],
        ),
        (
            "rank = 8",
            "rank = 8.5",
            ["8.5 is not a whole number.", "  in mine, [methods.lora], rank"],
        ),
        ("rank = 8", "rank = 0", ["rank = 0 cannot be.", "  in mine, [methods.lora]"]),
        (
            "rank = 8",
            "rank = true",
            ["True is not a whole number.", "  in mine, [methods.lora], rank"],
        ),
        (
            "rates = [1, 2]",
            "rates = [0]",
            ["rates = 0.0 cannot be.", "  in mine, [methods.lora] and [training]"],
        ),
        (
            "seeds = [0, 1]",
            "seeds = []",
            ["[] is not a list, not empty, in which each is a whole number.", "  in mine, seeds"],
        ),
        (
            'label = "ours"',
            'form = "own"',
            [
                "'own' is not one of 'difference', 'residual', 'zero', 'input', 'output'.",
                "  in mine, [methods.circuit], form",
            ],
        ),
        (
            '["language"]',
            '["imitate"]',
            ["the task 'imitate' and a table [teacher] go together.", "  in mine"],
        ),
    ],
)
def test_what_is_wrong_is_named(before, after, lines):
    assert before in TEXT
    with pytest.raises(ExperimentError) as caught:
        parse_experiment(TEXT.replace(before, after), name="mine")
    found = str(caught.value).splitlines()
    assert len(found) == len(lines)
    for one, start in zip(found, lines, strict=True):
        assert one.startswith(start)


def test_no_methods(tmp_path):
    text = TEXT[: TEXT.index("[methods.lora]")] + "[methods]"
    with pytest.raises(ExperimentError, match="experiment 'mine' has no methods"):
        parse_experiment(text, name="mine")


def test_experiments_are_found_by_name_or_file(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(TEXT)
    assert (
        find_experiment(str(file)) == read_experiment(file) == parse_experiment(TEXT, name="mine")
    )
    with pytest.raises(ExperimentError) as caught:
        find_experiment("llama2-7b-dorp")
    assert str(caught.value).splitlines() == [
        "'llama2-7b-dorp' is no shipped experiment and no file.",
        "  Did you mean 'llama2-7b-drop' or 'llama2-70b-drop' or 'llama-7b-drop'?",
    ]
    with pytest.raises(ExperimentError, match=r"cannot read the experiment 'none\.toml'"):
        find_experiment("none.toml")
    with pytest.raises(ExperimentError) as caught:
        find_experiment("llama2-7b-drop").method("lora")
    assert str(caught.value).splitlines()[0] == (
        "experiment 'llama2-7b-drop' has no method 'lora'."
    )


def test_the_shipped_files_cover_models_tasks_and_methods():
    found = [find_experiment(name) for name in names()]
    assert {one.model for one in found} == {*shapes(), *SMALL}
    trained = {task for one in found for task in (*one.data.train, *one.data.tests)}
    assert trained == TASKS.keys() - {"commonsense-170k"}
    for one in found:
        kinds = {type(method.kind).__name__ for method in one.methods}
        if one.model not in SMALL and one.name != "llama2-70b-drop":
            assert kinds == {"Full", "Lora", "Prefix", "Bottleneck", "Circuits"}, one.name
            assert {"LoRA", "DoRA", "QuanTA"} <= {method.curve for method in one.methods}


@pytest.mark.parametrize("name", names())
def test_every_shipped_file_passes_a_dry_run(name):
    experiment = find_experiment(name)
    found = dry_run(experiment)
    assert [one.method for one in found.methods] == [method.name for method in experiment.methods]
    assert all(one.parameters > 0 for one in found.methods)
    assert {len(shape) for key, shape in found.batch.items() if key != "labels"} == {2}
    # What a method does to the shared model is undone.
    assert sum(p.numel() for p in build_model(*_key(experiment)).parameters()) == (
        found.model_parameters
    )


def _key(experiment):
    return experiment.model, TASKS[experiment.data.tests[0]].labels


def test_a_dry_run_counts_as_the_paper_does():
    """Published sizes of models, and the shares that the layouts' arithmetic gives."""
    found = {name: dry_run(find_experiment(name)) for name in ("llama2-7b-drop", "llama3-8b-drop")}
    assert found["llama2-7b-drop"].model_parameters == 6_738_415_616
    assert found["llama3-8b-drop"].model_parameters == 8_030_261_248
    shares = {one.method: f"{one.share:.4%}" for one in found["llama2-7b-drop"].methods}
    assert shares["quanta-16-8-8-4"] == "0.0408%"
    assert shares["quanta-16-16-16"] == "0.1867%"
    assert shares["lora-r8"] == "0.0622%"
    assert shares["full"] == "100.0000%"
    modules = {one.method: one.modules for one in found["llama2-7b-drop"].methods}
    assert modules["quanta-16-8-8-4"] == modules["lora-r8"] == modules["parallel"] == 64
    assert modules["series"] == 32


def test_an_unknown_model_is_named():
    text = TEXT.replace('"small"', '"llama-7"')
    with pytest.raises(ExperimentError) as caught:
        dry_run(parse_experiment(text, name="mine"))
    assert str(caught.value).splitlines()[0] == "there is no model 'llama-7'."
