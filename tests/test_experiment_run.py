"""Runs: methods, resuming, results that survive crashes, tables and commands."""

import json
import math
import os
from dataclasses import replace

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from tiny_models import ignore_warnings, make_llama, make_roberta, make_tokens
from transformers import TrainerCallback

from qcircuit_adapt.cli import main
from qcircuit_adapt.demo.training import quiet_transformers
from qcircuit_adapt.errors import ExperimentError
from qcircuit_adapt.experiments import learn as learn_module
from qcircuit_adapt.experiments.adapt import adapt, count_trained
from qcircuit_adapt.experiments.bottleneck import remove_bottlenecks
from qcircuit_adapt.experiments.cell import Cell, next_cells
from qcircuit_adapt.experiments.experiment import Teacher
from qcircuit_adapt.experiments.experiment_file import parse_experiment
from qcircuit_adapt.experiments.learn import Learner, Place, learn
from qcircuit_adapt.experiments.method import Bottleneck, Circuits, Full, Lora, Prefix
from qcircuit_adapt.experiments.picture import draw_results
from qcircuit_adapt.experiments.result import FILE, Result, append_result, best_rate, read_results
from qcircuit_adapt.experiments.run import run_experiments
from qcircuit_adapt.experiments.table import Spread, make_rows, to_csv, to_markdown
from qcircuit_adapt.experiments.teacher import make_teacher

pytestmark = ignore_warnings

TEXT = """
title = "Tiny"
model = "small"
seeds = [0, 1]
[data]
train = ["language"]
validation_rows = 4
test_rows = 4
[training]
rates = [1e-3, 1e-2]
steps = 4
batch = 4
micro_batch = 2
max_length = 32
precision = "fp32"
checkpointing = false
save_every = 2
[methods.lora]
kind = "lora"
rank = 2
dropout = 0.1
[methods.circuit]
kind = "circuit"
circuit = "quanta(axes=3)"
training.rates = [1e-2]
[methods.series]
kind = "bottleneck"
place = "series"
size = 4
targets = ["down_proj"]
training.rates = [1e-2]
[methods.full]
kind = "full"
training.rates = [1e-3]
training.keep_best = true
"""
EXPERIMENT = parse_experiment(TEXT, name="tiny")


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def place(folder):
    return Place(folder, tiny=True, quiet=True)


def cell(method, *, rate=1e-2, experiment=EXPERIMENT):
    return Cell(experiment, experiment.method(method), 0, rate)


KINDS = [
    Lora(2),
    Lora(2, dora=True),
    Prefix(3),
    Bottleneck("series", 4, ("down_proj", "dense")),
    Bottleneck("parallel", 4, ("up_proj", "dense")),
    Circuits("quanta(axes=3)"),
    Circuits("zero lora(rank=2) + input oft"),
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.curve)
@pytest.mark.parametrize("make", [make_llama, make_roberta])
def test_methods_start_unchanged_and_train_only_their_own(kind, make):
    model, tokens = make(), make_tokens()
    classify = make is make_roberta
    targets = ("query", "value") if classify else ("q_proj", "v_proj")
    if isinstance(kind, (Lora, Circuits)):
        kind = replace(kind, targets=targets)
    with torch.no_grad():
        before = model(tokens).logits
    own = {id(p) for p in model.parameters()}
    whole = sum(p.numel() for name, p in model.named_parameters() if "classifier" not in name)
    adapted = adapt(model, kind, classify=classify)
    trained = [(name, p) for name, p in adapted.named_parameters() if p.requires_grad]
    assert all(id(p) not in own or "classifier" in name for name, p in trained)
    found = count_trained(adapted)
    assert found.parameters + found.head == sum(p.numel() for _, p in trained)
    assert (found.head > 0) is classify
    if not isinstance(kind, Prefix):
        assert found.total == whole
        with torch.no_grad():
            assert torch.equal(adapted.eval()(input_ids=tokens).logits, before)


def test_full_fine_tuning_trains_all():
    model = make_llama()
    assert count_trained(adapt(model, Full())).share == 1


def test_bottlenecks_compute_what_they_say():
    model, tokens = make_llama(), make_tokens()
    plain = model.model.layers[0].mlp.up_proj
    for kind in ("series", "parallel"):
        layer_in = torch.randn(3, 64)
        adapt(model, Bottleneck(kind, 4, ("up_proj",), scale=0.5))
        layer = model.model.layers[0].mlp.up_proj
        torch.nn.init.normal_(layer.up.weight)
        y = plain(layer_in)
        inner = torch.relu(layer.down(y if kind == "series" else layer_in))
        torch.testing.assert_close(layer(layer_in), y + 0.5 * layer.up(inner))
        remove_bottlenecks(model)
        assert model.model.layers[0].mlp.up_proj is plain
    assert model(tokens).logits.shape == (2, 9, 96)
    with pytest.raises(ExperimentError) as caught:
        adapt(model, Bottleneck("series", 4, ("up_prj",)))
    assert str(caught.value).splitlines() == [
        "the model has no linear layer 'up_prj'.",
        "  Did you mean 'up_proj' or 'v_proj' or 'q_proj'?",
    ]


@pytest.mark.parametrize("rank", [1, 8, 0])
def test_a_teacher_differs_by_an_update_of_its_rank(rank):
    base, teacher = make_llama(), make_llama()
    make_teacher(teacher, Teacher(rank, ("q_proj", "v_proj"), size=0.5), seed=3)
    for (name, one), other in zip(base.named_parameters(), teacher.parameters(), strict=True):
        update = other - one
        if "q_proj" not in name and "v_proj" not in name:
            assert not update.any()
            continue
        values = torch.linalg.svdvals(update)
        expected = rank or min(one.shape)
        torch.testing.assert_close(values[:expected], values[0].expand(expected), rtol=1e-3, atol=0)
        assert all(values[expected:] < 1e-4)
        torch.testing.assert_close(update.norm(), 0.5 * one.norm())
    again = make_llama()
    make_teacher(again, Teacher(rank, ("q_proj", "v_proj"), size=0.5), seed=4)
    assert not torch.equal(
        again.model.layers[0].self_attn.q_proj.weight,
        teacher.model.layers[0].self_attn.q_proj.weight,
    )
    with pytest.raises(ExperimentError, match="none of the teacher's modules"):
        make_teacher(again, Teacher(rank, ("query",)), seed=0)


class Interrupt(TrainerCallback):
    def on_step_end(self, args, state, control, **_):
        if state.global_step == 3:
            raise KeyboardInterrupt


@pytest.mark.parametrize("method", ["lora", "circuit", "series", "full"])
def test_a_run_that_was_interrupted_ends_as_one_that_was_not(method, tmp_path, monkeypatch):
    with quiet_transformers():
        whole = learn(cell(method), place(tmp_path / "whole"))

    class Interrupted(Learner):
        def __init__(self, **options):
            super().__init__(**options)
            self.add_callback(Interrupt())

    with monkeypatch.context() as patch, quiet_transformers():
        patch.setattr(learn_module, "Learner", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            learn(cell(method), place(tmp_path / "cut"))
    assert len(list((tmp_path / "cut" / "checkpoints").glob("*/checkpoint-2"))) == 1
    with quiet_transformers():
        resumed = learn(cell(method), place(tmp_path / "cut"))
    assert resumed.scores == whole.scores
    assert resumed.validation == whole.validation
    assert not list((tmp_path / "cut" / "checkpoints").iterdir())
    assert whole.scores["language"]["loss"] < 6.6  # ln(600) is 6.4


def test_runs_at_once_find_what_runs_in_turn_do(tmp_path):
    done = []
    experiment = replace(EXPERIMENT, methods=EXPERIMENT.methods[:2])
    options = {"methods": ["lora", "circuit"], "on_result": lambda *found: done.append(found)}
    in_turn = run_experiments([experiment], place(tmp_path / "turn"), **options)
    # Two learning rates, then the other seed with the better one; and one run for each seed.
    assert [(one.method, one.seed) for one in in_turn] == [
        ("lora", 0), ("lora", 0), ("circuit", 0), ("circuit", 1), ("lora", 1),
    ]  # fmt: skip
    assert [(count, total) for _, count, total in done] == [(n, 5) for n in range(1, 6)]
    assert in_turn[-1].rate == best_rate(in_turn[:2])
    assert read_results(tmp_path / "turn") == in_turn
    assert run_experiments([experiment], place(tmp_path / "turn")) == []
    at_once = run_experiments([experiment], place(tmp_path / "once"), methods=["circuit"], jobs=2)
    expected = {one.key: one.scores for one in in_turn if one.method == "circuit"}
    assert {one.key: one.scores for one in at_once} == expected


def test_a_batch_that_cannot_be_shared(tmp_path):
    experiment = parse_experiment(TEXT.replace("batch = 4", "batch = 3", 1), name="tiny")
    with pytest.raises(ExperimentError) as caught, quiet_transformers():
        learn(cell("lora", experiment=experiment), place(tmp_path))
    assert str(caught.value).splitlines()[0] == (
        "a batch of 3 cannot be made of 1 processes with 2 rows each."
    )


def result(method="lora", seed=0, rate=0.1, loss=1.0, validation=None, **options):
    values = {
        "experiment": "tiny",
        "digest": "d",
        "curve": "LoRA",
        "parameters": 100,
        "share": 0.01,
        "scores": {"language": {"loss": loss}},
        "seconds": 1.0,
    }
    return Result(
        method=method, seed=seed, rate=rate, validation=validation, **{**values, **options}
    )


def test_torn_lines_are_left_out(tmp_path):
    assert read_results(tmp_path) == []
    append_result(result(seed=0), tmp_path)
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'{"experiment": "ti')
    assert read_results(tmp_path) == [result(seed=0)]
    append_result(result(seed=1), tmp_path)
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'[1]\n{"method": 1}\n\xff\n')
    append_result(result(seed=0, loss=2.0), tmp_path)
    assert read_results(tmp_path) == [result(seed=1), result(seed=0, loss=2.0)]
    (tmp_path / "file").write_text("")
    with pytest.raises(ExperimentError, match="cannot write"):
        append_result(result(), tmp_path / "file")


def test_what_is_next():
    cells = next_cells(EXPERIMENT, [])
    assert [(c.method.name, c.seed, c.rate) for c in cells] == [
        ("lora", 0, 1e-3), ("lora", 0, 1e-2),
        ("circuit", 0, 1e-2), ("circuit", 1, 1e-2),
        ("series", 0, 1e-2), ("series", 1, 1e-2),
        ("full", 0, 1e-3), ("full", 1, 1e-3),
    ]  # fmt: skip
    known = [result(rate=c.rate, validation=c.rate, digest=c.digest) for c in cells[:2]]
    found = next_cells(EXPERIMENT, known, methods=["lora"])
    assert [(c.seed, c.rate) for c in found] == [(1, 1e-3)]
    diverged = [replace(one, validation=None) for one in known]
    assert [c.rate for c in next_cells(EXPERIMENT, diverged, methods=["lora"])] == [1e-3]
    other = [replace(one, digest="other") for one in known]
    assert next_cells(EXPERIMENT, other, methods=["lora"]) == cells[:2]
    assert [c.seed for c in next_cells(EXPERIMENT, [], methods=["full"], seeds=[7])] == [7]


def test_tables_say_mean_and_spread():
    found = [
        result(seed=0, loss=9.0, digest="old"),
        result(seed=0, rate=0.1, loss=1.0, validation=5.0),
        result(seed=0, rate=0.2, loss=2.0, validation=4.0),
        result(seed=1, rate=0.2, loss=4.0, validation=7.0),  # chooses no more
        result("full", loss=0.5, curve="full fine-tuning", parameters=10_000, share=1.0),
        result("full", seed=1, loss=None, curve="full fine-tuning", parameters=10_000, share=1.0),
    ]
    lora, full = make_rows(found)
    assert (lora.rate, lora.seeds) == (0.2, 2)
    assert lora.scores == {"language": Spread(3.0, math.sqrt(2), 2)}
    assert full.scores["language"] == Spread(0.5, 0.0, 1, failed=1)
    assert to_markdown([lora, full]).splitlines() == [
        "**tiny**",
        "",
        "| method | parameters | % of model | rate | seeds | Python source (loss) |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        "| lora | 100 | 1 | 0.2 | 2 | 3.000 ± 1.414 |",
        "| full | 10,000 | 100 | 0.1 | 2 | 0.500 (1 failed) |",
    ]
    assert (
        to_csv([lora]).splitlines()[1].startswith("tiny,lora,100,0.01,0.2,language,loss,3.0,1.41")
    )
    assert make_rows(found, experiment="none") == []
    several = result(scores={"boolq": {"accuracy": 0.5}, "piqa": {"accuracy": 0.7}})
    assert to_markdown(make_rows([several])).splitlines()[-1].endswith("| 50.0 | 70.0 | 60.0 |")


def test_pictures(tmp_path):
    rows = make_rows([result(), result("big", parameters=1000), result("full", curve="full")])
    for name in ("one.svg", "one.png"):
        draw_results(rows, tmp_path / name, titles={"tiny": "A title"})
    text = (tmp_path / "one.svg").read_text()
    assert "</svg>" in text
    draw_results(rows, tmp_path / "two.svg", titles={"tiny": "A title"})
    assert (tmp_path / "two.svg").read_text() == text
    with pytest.raises(ExperimentError, match="no results to draw"):
        draw_results([], tmp_path / "none.svg")
    with pytest.raises(ExperimentError, match="cannot draw into"):
        draw_results(rows, tmp_path / "one.xyz")


def run_command(words, capsys):
    with pytest.raises(SystemExit) as caught:
        main(words)
    return caught.value.code, capsys.readouterr()


def test_commands(tmp_path, capsys, monkeypatch):
    code, said = run_command(["experiment", "list", "--json"], capsys)
    assert not code
    assert "quanta-16-8-8-4" in json.loads(said.out)[5]["methods"]
    file, out = tmp_path / "mine.toml", str(tmp_path / "out")
    file.write_text(TEXT)
    code, said = run_command(["experiment", "run", str(file), "--dry-run", "--json"], capsys)
    assert not code
    assert [one["method"] for one in json.loads(said.out)["methods"]] == [
        "lora", "circuit", "series", "full",
    ]  # fmt: skip
    code, said = run_command(["experiment", "run", str(file), "--dry-run"], capsys)
    assert "small: " in said.out
    code, said = run_command(["experiment", "table", "-o", out], capsys)
    assert code == 1
    assert "there are no results in" in said.err
    code, said = run_command(["experiment", "run", str(file), "--method", "lor"], capsys)
    assert code == 1
    assert "experiment 'mine' has no method 'lor'." in said.err
    append_result(result(), tmp_path / "out")
    picture = tmp_path / "p.svg"
    code, said = run_command(["experiment", "table", "-o", out, "--picture", str(picture)], capsys)
    assert not code
    assert "| lora | 100 |" in said.out
    assert picture.is_file()
    code, said = run_command(["experiment", "table", "-o", out, "--csv"], capsys)
    assert said.out.startswith("experiment,method")
