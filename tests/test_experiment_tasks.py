"""Tasks end to end: rows in the published formats, from files, to scores of a tiny model."""

import csv
import json
import os
import sys
import types

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from tiny_models import ignore_warnings, make_llama
from transformers import RobertaConfig, RobertaForMaskedLM

from qcircuit_adapt.demo.tokens import train_tokenizer
from qcircuit_adapt.demo.training import quiet_transformers
from qcircuit_adapt.errors import ExperimentError
from qcircuit_adapt.experiments.cell import Cell
from qcircuit_adapt.experiments.encode import IGNORED, Collator, encode_answer
from qcircuit_adapt.experiments.evaluate import choose_options
from qcircuit_adapt.experiments.experiment import Data
from qcircuit_adapt.experiments.experiment_file import parse_experiment
from qcircuit_adapt.experiments.item import Choice, Pair, Question
from qcircuit_adapt.experiments.learn import Place, learn
from qcircuit_adapt.experiments.parts import load_parts
from qcircuit_adapt.experiments.rows import ENDINGS, read_rows
from qcircuit_adapt.experiments.task import Source
from qcircuit_adapt.experiments.tasks import TASKS, find_task
from qcircuit_adapt.experiments.tasks.reasoning import make_rows
from qcircuit_adapt.experiments.tasks.samples import SAMPLES

pytestmark = ignore_warnings

COMMONSENSE = ("boolq", "piqa", "siqa", "hellaswag", "winogrande", "arc-e", "arc-c", "obqa")
ARITHMETIC = ("aqua", "gsm8k", "mawps", "svamp")
GLUE = ("sst2", "mrpc", "cola", "rte", "stsb")


def write_rows(folder, name, rows, ending=".jsonl"):
    """Write the same rows as those to train and to test on."""
    source = TASKS[name].source
    for split in {source.train, source.test}:
        file = folder / name / f"{split}{ending}"
        file.parent.mkdir(parents=True, exist_ok=True)
        if ending == ".jsonl":
            file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        elif ending == ".json":
            file.write_text(json.dumps(rows))
        elif ending == ".csv":
            with file.open("w", newline="") as lines:
                writer = csv.DictWriter(lines, list(rows[0]))
                writer.writeheader()
                for row in rows:
                    plain = {
                        k: json.dumps(v) if isinstance(v, (dict, list)) else v
                        for k, v in row.items()
                    }
                    writer.writerow(plain)
        else:
            import pyarrow
            from pyarrow import parquet

            parquet.write_table(pyarrow.Table.from_pylist(rows), file)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Folders of a tiny causal model and of a tiny encoder, with tokenizers."""
    folders = {}
    texts = [json.dumps(row) for row in SAMPLES.values()]
    for name in ("causal", "encoder"):
        folder = folders[name] = str(tmp_path_factory.mktemp(name))
        tokenizer = train_tokenizer(texts, vocabulary=290)
        tokenizer.save_pretrained(folder)
        torch.manual_seed(0)
        if name == "causal":
            model = make_llama(layers=1)
            model.resize_token_embeddings(len(tokenizer))
            model.generation_config.eos_token_id = tokenizer.eos_token_id
            model.config.eos_token_id = tokenizer.eos_token_id
        else:
            config = RobertaConfig(
                vocab_size=len(tokenizer),
                hidden_size=32,
                intermediate_size=32,
                num_hidden_layers=1,
                num_attention_heads=2,
                max_position_embeddings=514,
                pad_token_id=tokenizer.pad_token_id,
            )
            model = RobertaForMaskedLM(config)
        model.save_pretrained(folder)
    return folders


def run(folder, model, train, test=(), *, method='kind = "lora"\nrank = 2', **training):
    settings = {
        "rates": [1e-3],
        "steps": 2,
        "batch": 2,
        "micro_batch": 2,
        "max_length": 96,
        "precision": "fp32",
        "checkpointing": False,
        "save_every": 0,
        **training,
    }
    lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in settings.items())
    text = f"""
model = "llama2-7b"
seeds = [0]
[data]
train = {json.dumps(list(train))}
test = {json.dumps(list(test or train))}
[training]
{lines}
[methods.one]
{method}
"""
    experiment = parse_experiment(text, name="tiny")
    cell = Cell(experiment, experiment.methods[0], 0, experiment.training.rates[0])
    with quiet_transformers():
        return learn(cell, Place(folder / "out", folder, model, quiet=True))


def test_every_published_task_has_a_row_that_is_read():
    published = {name for name, task in TASKS.items() if isinstance(task.source, Source)}
    assert published == SAMPLES.keys()
    kinds = {"generate": Question, "choose": Choice, "classify": Pair}
    for name, row in SAMPLES.items():
        (item,) = TASKS[name].read(row)
        assert isinstance(item, kinds[TASKS[name].kind])


def test_what_the_rows_become():
    def read(name):
        (item,) = TASKS[name].read(SAMPLES[name])
        return item

    assert read("drop").references == (("5",),)
    assert read("drop").prompt.endswith("How many times did the home side score?\nAnswer:")
    right = {
        "boolq": "yes", "piqa": "A", "siqa": "A", "hellaswag": "B", "winogrande": "B",
        "arc-e": "B", "arc-c": "C", "obqa": "A",
    }  # fmt: skip
    assert {name: read(name).answer for name in COMMONSENSE} == right
    assert read("aqua").references == (("B",),)
    for name, number in (("gsm8k", "36"), ("mawps", "5"), ("svamp", "5")):
        item = read(name)
        assert TASKS[name].score(item.answer, item) == {"accuracy": 1.0}
        assert TASKS[name].score("The answer is 7", item) == {"accuracy": 0.0}
        assert item.references[0][0].strip() == number
    assert [read(name).label for name in GLUE] == [1, 1, 0, 0, 4.8]
    assert read("sst2").second is None
    assert read("rte").second == "Bo has a car."


def test_drop_s_published_file_and_its_rows_on_the_hub(tmp_path):
    answer = {"number": "", "date": {"day": "", "month": "", "year": ""}, "spans": ["a", "b"]}
    date = {"number": "", "date": {"day": "3", "month": "May", "year": ""}, "spans": []}
    section = {
        "passage": "P",
        "qa_pairs": [
            {"question": "Q", "query_id": "1", "answer": answer, "validated_answers": [date]},
            {"question": "R", "query_id": "2", "answer": {**answer, "number": "4", "spans": []}},
        ],
    }
    folder = tmp_path / "drop"
    folder.mkdir()
    (folder / "validation.json").write_text(json.dumps({"s": section}))
    (row,) = read_rows(TASKS["drop"], "test", folder=tmp_path)
    first, second = TASKS["drop"].read(row)
    assert (first.answer, first.references) == ("a; b", (("a", "b"), ("3 May",)))
    assert second.references == (("4",),)

    def hub(spans, kind="span"):
        spans = {"spans": spans, "types": [kind] * len(spans)}
        items = list(TASKS["drop"].read({"passage": "P", "question": "Q", "answers_spans": spans}))
        return [item.references for item in items]

    assert hub(["a"]) == [(("a",),)]
    assert hub(["a", "b", "a", "b"]) == [(("a", "b"),)]
    assert hub(["a", "b", "a"]) == [(("a", "b"), ("a",), ("b",))]
    assert hub(["4", "5"], "number") == [(("4",), ("5",))]
    assert hub([]) == []


@pytest.mark.parametrize("ending", ENDINGS)
def test_rows_are_the_same_from_every_format(ending, tmp_path):
    for name in ("drop", "boolq", "hellaswag", "arc-c", "aqua", "stsb"):
        write_rows(tmp_path, name, [SAMPLES[name]] * 3, ending)
        items = [
            item
            for row in read_rows(TASKS[name], "test", folder=tmp_path)
            for item in TASKS[name].read(row)
        ]
        assert items == list(TASKS[name].read(SAMPLES[name])) * 3


def test_commonsense_end_to_end(models, tmp_path):
    for name in COMMONSENSE:
        write_rows(tmp_path, name, [SAMPLES[name]] * 2)
    result = run(tmp_path, models["causal"], COMMONSENSE)
    assert set(result.scores) == set(COMMONSENSE)
    assert all(found["accuracy"] in (0, 1) for found in result.scores.values())


def test_training_teaches_the_right_option(models, tmp_path):
    """Rows that are all alike: after a few steps the model has to choose as they say."""
    write_rows(tmp_path, "obqa", [{**SAMPLES["obqa"], "answerKey": "C"}] * 4)
    full = run(tmp_path, models["causal"], ["obqa"], method='kind = "full"', rates=[1e-2], steps=8)
    assert full.scores["obqa"]["accuracy"] == 1.0


def test_arithmetic_end_to_end(models, tmp_path, monkeypatch):
    for name in ("math-10k", *ARITHMETIC):
        write_rows(tmp_path, name, [SAMPLES[name]] * 2)
    result = run(tmp_path, models["causal"], ["math-10k"], ARITHMETIC)
    assert set(result.scores) == set(ARITHMETIC)
    taught = run(
        tmp_path,
        models["causal"],
        ["mawps"],
        method='kind = "full"',
        rates=[1e-2],
        steps=60,
    )
    assert taught.scores["mawps"]["accuracy"] == 1.0


def test_drop_end_to_end(models, tmp_path):
    write_rows(tmp_path, "drop", [SAMPLES["drop"]] * 3)
    taught = run(
        tmp_path, models["causal"], ["drop"], method='kind = "full"', rates=[1e-2], steps=25
    )
    assert taught.scores["drop"] == {"f1": 1.0, "exact": 1.0}


@pytest.mark.parametrize("name", GLUE)
def test_glue_end_to_end(name, models, tmp_path):
    other = (
        {**SAMPLES[name], "label": 1 - SAMPLES[name]["label"]}
        if name != "stsb"
        else {**SAMPLES[name], "sentence2": "No one is here.", "label": 0.2}
    )
    other = {key: "bad bad" if key.startswith("sentence") else v for key, v in other.items()}
    write_rows(tmp_path, name, [SAMPLES[name], other] * 3)
    method = 'kind = "circuit"\ncircuit = "quanta(axes=2)"\ntargets = ["query", "value"]'
    result = run(tmp_path, models["encoder"], [name], method=method, rates=[1e-2], steps=20)
    assert result.scores[name][TASKS[name].metric] > 0.9
    assert result.more["head"] > 0


def test_only_the_answer_is_learnt(models):
    tokenizer = train_tokenizer(["Question: one two. Answer: yes no"], vocabulary=280)
    found = encode_answer("Question: one\nAnswer:", "yes", tokenizer, max_length=99)
    learnt = [
        token
        for token, label in zip(found["input_ids"], found["labels"], strict=True)
        if label != IGNORED
    ]
    assert tokenizer.decode(learnt) == " yes<|endoftext|>"
    assert [label for label in found["labels"] if label != IGNORED] == learnt
    short = encode_answer("Question: one\nAnswer:", "yes", tokenizer, max_length=5)
    assert short["input_ids"] == found["input_ids"][-5:]
    assert short["labels"] == found["labels"][-5:]


def test_batches_are_padded():
    rows = [{"input_ids": [1, 2, 3], "labels": [1, 2, 3]}, {"input_ids": [4], "labels": [4]}]
    right, left = Collator(9)(rows), Collator(9, left=True)(rows)
    assert right["input_ids"].tolist() == [[1, 2, 3], [4, 9, 9]]
    assert right["labels"].tolist() == [[1, 2, 3], [4, IGNORED, IGNORED]]
    assert right["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert left["input_ids"].tolist() == [[1, 2, 3], [9, 9, 4]]
    assert Collator(9)([{"input_ids": [1], "labels": 1.0}])["labels"].dtype == torch.long
    scored = Collator(9, scores=True)([{"input_ids": [1], "labels": 2.5}])["labels"]
    assert scored.tolist() == [2.5]


def test_options_are_weighed_by_their_likelihood():
    """Whatever the batches, the choice is that of the plain sum of log-likelihoods."""
    tokenizer = train_tokenizer(["one two three four five"], vocabulary=270)
    model = make_llama()
    model.resize_token_embeddings(len(tokenizer))
    choices = [Choice(f"one {word}", ("two", "three four", "five"), 0) for word in "abcdefg"]
    expected = []
    for choice in choices:
        found = []
        for option in choice.options:
            row = encode_answer(choice.prompt, option, tokenizer, max_length=64)
            labels = torch.tensor([row["labels"]])
            with torch.no_grad():
                loss = model(input_ids=torch.tensor([row["input_ids"]]), labels=labels).loss
            found.append(-float(loss) * int((labels != IGNORED).sum()))
        expected.append(found.index(max(found)))
    for batch in (1, 4, 64):
        with torch.no_grad():
            assert choose_options(model, tokenizer, choices, batch=batch, max_length=64) == expected


def test_validation_rows_are_not_trained_on(tmp_path):
    rows = [{**SAMPLES["sst2"], "sentence": f"film {n}"} for n in range(20)]
    write_rows(tmp_path, "sst2", rows)
    parts = load_parts(
        Data(("sst2",), train_rows=8, validation_rows=4, test_rows=5), folder=tmp_path
    )
    assert [len(one) for one in (parts.train, parts.validation, parts.tests["sst2"])] == [8, 4, 5]
    assert not set(parts.train) & set(parts.validation)
    other = load_parts(Data(("sst2",), train_rows=8, seed=1), folder=tmp_path)
    assert set(other.train) != set(parts.train)


def test_generated_rows_are_right():
    rows = list(make_rows("test"))
    assert rows == list(make_rows("test"))
    assert len({json.dumps(row) for row in rows} & {json.dumps(r) for r in make_rows("train")}) < 50
    for row in rows[:100]:
        (item,) = TASKS["reasoning"].read(row)
        held = {s.split()[0]: int(s.split()[2]) for s in row["passage"].rstrip(".").split(". ")}
        numbers, words = sorted(held.values()), row["question"].rstrip("?").split()
        answer = [int(number) for number in item.references[0]]
        if "sorted" in words:
            assert answer == numbers
        else:
            expected = {"together": sum(numbers), "fewest": numbers[0], "most": numbers[-1]}
            more = sum(number > int(words[-2]) for number in numbers) if "more" in words else 0
            assert answer == [expected.get(words[-1], more)]
        assert TASKS["reasoning"].score(item.answer, item)["f1"] == 1.0


@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        (None, ["there are no rows of 'sst2' in "]),
        (
            '{"label": 1}',
            [
                "row 1 of 'sst2' is not as in that data set: KeyError 'sentence'.",
                "  It has 'label'.",
            ],
        ),
        ("[1]", ["row 1 of 'sst2' is not as in that data set: TypeError "]),
        ("{", ["cannot read the rows of "]),
        ("", ["no rows are left for 'train'.", "  0 rows are there to train on; 0 of them"]),
    ],
)  # fmt: skip
def test_rows_that_are_wrong_are_named(rows, lines, tmp_path):
    if rows is not None:
        for split in ("train", "validation"):
            (tmp_path / "sst2").mkdir(exist_ok=True)
            (tmp_path / "sst2" / f"{split}.jsonl").write_text(rows)
    with pytest.raises(ExperimentError) as caught:
        load_parts(Data(("sst2",)), folder=tmp_path)
    for one, start in zip(str(caught.value).splitlines(), lines, strict=False):
        assert one.startswith(start)


def test_the_hub_is_asked_by_name(monkeypatch):
    asked = []

    def load_dataset(path, config, split):
        asked.append((path, config, split))
        if path == "ybisk/piqa":
            raise ConnectionError("no network\nat all")
        return [SAMPLES["arc-e"]]

    monkeypatch.setitem(sys.modules, "datasets", types.SimpleNamespace(load_dataset=load_dataset))
    assert read_rows(TASKS["arc-e"], "test") == [SAMPLES["arc-e"]]
    assert asked == [("allenai/ai2_arc", "ARC-Easy", "test")]
    with pytest.raises(ExperimentError) as caught:
        read_rows(TASKS["piqa"], "train")
    assert str(caught.value).splitlines() == [
        "cannot load 'ybisk/piqa' from the hub.",
        "  ConnectionError: no network",
        "  Give files: --data FOLDER, with piqa/train.jsonl.",
    ]
    with pytest.raises(ExperimentError, match="the data set 'math-10k' is not on the hub"):
        read_rows(TASKS["math-10k"], "train")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ExperimentError, match="needs the package datasets"):
        read_rows(TASKS["piqa"], "train")


def test_tasks_that_do_not_go_together():
    with pytest.raises(ExperimentError, match="tasks of the kinds answer, classify cannot be"):
        load_parts(Data(("reasoning",), ("sst2",)))
    with pytest.raises(ExperimentError) as caught:
        find_task("boolk")
    assert str(caught.value).splitlines() == [
        "there is no task 'boolk'.",
        "  Did you mean 'boolq'?",
    ]
