"""Experiments under ``accelerate launch``: two processes find what one finds."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import yaml
from safetensors.torch import load_file
from test_experiment_run import Interrupt
from tiny_models import ignore_warnings, make_llama

from qcircuit_adapt.demo.tokens import train_tokenizer
from qcircuit_adapt.demo.training import quiet_transformers
from qcircuit_adapt.experiments import learn as learn_module
from qcircuit_adapt.experiments.cell import next_cells
from qcircuit_adapt.experiments.experiment_file import parse_experiment
from qcircuit_adapt.experiments.learn import Learner, Place, learn
from qcircuit_adapt.experiments.result import read_results
from qcircuit_adapt.experiments.tasks.reasoning import make_lookups

pytestmark = ignore_warnings

TESTS = Path(__file__).parent
LAUNCH = TESTS.parent / "examples" / "launch"
TEXT = """
model = "small"
seeds = [0]
[data]
train = ["reasoning"]
train_rows = 64
test_rows = 7
[training]
rates = [1e-2]
steps = 4
batch = 4
max_length = 96
precision = "fp32"
checkpointing = false
save_every = 2
[methods.circuit]
kind = "circuit"
circuit = "quanta(axes=3)"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with an experiment, a model, and what one process finds, as a whole and cut off."""
    folder = tmp_path_factory.mktemp("launched")
    (folder / "mine.toml").write_text(TEXT)
    tokenizer = train_tokenizer(make_lookups(50), vocabulary=280)
    tokenizer.save_pretrained(folder / "model")
    torch.manual_seed(0)
    model = make_llama()
    model.resize_token_embeddings(len(tokenizer))
    model.save_pretrained(folder / "model")
    (cell,) = next_cells(parse_experiment(TEXT, name="mine"), [])
    options = {"model": str(folder / "model"), "keep": True, "quiet": True}
    with quiet_transformers():
        one = learn(cell, Place(folder / "one", **options))
    assert one.parameters

    class Interrupted(Learner):
        def __init__(self, **options):
            super().__init__(**options)
            self.add_callback(Interrupt())

    with pytest.MonkeyPatch.context() as patch, quiet_transformers():
        patch.setattr(learn_module, "Learner", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            learn(cell, Place(folder / "cut", **options))
    (folder / "one.json").write_text(json.dumps(one.scores))
    return folder


def launch(folder, output, *options, program=("-m", "qcircuit_adapt")):
    """Run the experiment in two processes; what it found, and its adapter."""
    flags = "--num_processes 2 --num_machines 1 --mixed_precision no --dynamo_backend no"
    flags += " --num_cpu_threads_per_process 1 --main_process_port 0"
    words = [
        "--debug",
        "experiment",
        "run",
        "mine.toml",
        "--model",
        "model",
        "--keep",
        "-o",
        output,
    ]
    accelerate = [sys.executable, "-m", "accelerate.commands.launch", *flags.split(), *options]
    path = os.pathsep.join([str(TESTS.parent), *sys.path])
    done = subprocess.run(
        [*accelerate, *program, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "ACCELERATE_USE_CPU": "true"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-12000:]
    assert done.stdout.count("[1/1] mine circuit seed 0") == 1, "only the first process reports"
    (found,) = read_results(folder / output)
    assert found.more["processes"] == 2
    return found, read_adapter(folder, output)


def read_adapter(folder, output):
    (file,) = (folder / output / "trained").glob("*/adapter_model.safetensors")
    return load_file(file)


def test_two_processes_go_on_where_one_was_cut_off(folder):
    compare(folder, *launch(folder, "cut", "--multi_gpu"))


def test_sharded_over_two_processes(folder):
    flags = "--use_fsdp --fsdp_version 2 --fsdp_auto_wrap_policy TRANSFORMER_BASED_WRAP"
    flags += " --fsdp_transformer_layer_cls_to_wrap LlamaDecoderLayer"
    flags += " --fsdp_state_dict_type FULL_STATE_DICT --fsdp_cpu_ram_efficient_loading false"
    program = (str(TESTS / "fsdp_on_cpu.py"),)
    found = launch(folder, "sharded", *flags.split(), program=program)
    compare(folder, *found)


def compare(folder, found, adapter):
    expected = read_adapter(folder, "one")
    assert adapter.keys() == expected.keys()
    for key, value in expected.items():
        # Gradients are added in another order, and Adam divides by their size.
        torch.testing.assert_close(
            adapter[key], value, rtol=1e-4, atol=1e-5, msg=lambda text, key=key: f"{key}: {text}"
        )
    assert found.scores == json.loads((folder / "one.json").read_text())


@pytest.mark.parametrize("file", sorted(LAUNCH.glob("*.yaml")), ids=lambda file: file.stem)
def test_launch_files_are_of_accelerate_s_form(file):
    from accelerate.commands.config.config_args import load_config_from_file

    config = load_config_from_file(str(file))
    assert config.num_processes % config.num_machines == 0
    known = set(vars(config))
    assert set(yaml.safe_load(file.read_text())) <= known
