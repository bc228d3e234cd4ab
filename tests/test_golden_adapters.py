"""Adapters that earlier versions saved load, and compute what they did."""

import pytest
import torch
from golden_adapters import FOLDER, RECORD, Base, record
from safetensors.torch import load_file
from tiny_models import ignore_warnings

import qcircuit_adapt as qa
from qcircuit_adapt.errors import FileError
from qcircuit_adapt.hf.config import FORMAT_VERSION
from qcircuit_adapt.hf.saved import read_adapter

pytestmark = ignore_warnings

SAVED = sorted(path.parent for path in FOLDER.glob("v*/*/adapter_config.json"))
ROUNDING = 64 * torch.finfo(torch.float32).eps
"""Relative: each number is a sum of at most a few dozen products."""


def test_every_form_of_this_format_is_there():
    forms = {path.name for path in SAVED if path.parent.name == f"v{FORMAT_VERSION}"}
    assert forms == {*qa.FORMS, "orthogonal", "seed", "sum"}


@pytest.mark.parametrize("folder", SAVED, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_saved_adapter_means_what_it_meant(folder):
    model = qa.load(Base(), folder)
    expected, found = load_file(folder / RECORD), record(model)
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert tensor.abs().max() > 0.01
        assert (found[name] - tensor).abs().max() <= ROUNDING * tensor.abs().max(), name
    state = model.state_dict()
    for key, tensor in load_file(folder / "adapter_model.safetensors").items():
        loaded = key.replace("qcircuit_delta.", "qcircuit_delta.default.")
        loaded = loaded.replace("head.", "head.modules_to_save.default.")
        assert torch.equal(state[loaded], tensor)


NOT_ALONE = {
    **dict.fromkeys(("input", "output", "orthogonal"), "is a product with the base weight"),
    "seed": "as save_reference=False",
    "sum": "as use_dora=True",
}


@pytest.mark.parametrize("folder", SAVED, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_saved_adapter_is_read_without_its_model(folder):
    expected = load_file(folder / RECORD)
    if (why := NOT_ALONE.get(folder.name)) is not None:
        with pytest.raises(FileError, match=why):
            dict(read_adapter(folder).updates())
        return
    updates = dict(read_adapter(folder).updates())
    assert updates.keys() == {"square", "narrow"}
    for name, update in updates.items():
        difference = update.delta_weight() - expected[f"delta.{name}"]
        assert difference.abs().max() <= ROUNDING * expected[f"delta.{name}"].abs().max()
