import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tiny_models import ignore_warnings, make_tokens
from two_processes import ROWS, collect, make_model, train

pytestmark = ignore_warnings
TESTS = Path(__file__).parent


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """The adapters that two processes trained."""
    folder = tmp_path_factory.mktemp("together")
    path = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    command = [sys.executable, str(TESTS / "two_processes.py")]
    started = [
        subprocess.Popen(
            [*command, str(rank), "2", str(folder / "store"), str(folder / "result.pt")],
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    for process in started:
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0, said
    return torch.load(folder / "result.pt")


@pytest.mark.parametrize("kind", ["ddp", "fsdp"])
def test_two_processes_train_as_one(kind, together):
    model = make_model()
    before = {key: value.clone() for key, value in collect(model).items()}
    train(model, make_tokens(rows=ROWS))
    expected = collect(model)
    assert together[kind].keys() == expected.keys()
    for key, value in expected.items():
        # Gradients are added in another order.
        torch.testing.assert_close(together[kind][key], value, rtol=1e-5, atol=1e-6, msg=key)
    assert max(float((expected[key] - before[key]).abs().max()) for key in expected) > 1e-3
