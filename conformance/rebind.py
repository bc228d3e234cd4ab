"""A pytest plugin: PEFT's suites with our rows in their tables, and only the tests that have any.

Run by `run.py`; needs ``HF_HUB_CACHE`` as `models.make_hub` fills it.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from huggingface_hub.errors import LocalEntryNotFoundError, OfflineModeIsEnabled

from conformance.cases import TABLES
from conformance.sdist import SUITES
from qcircuit_adapt.hf import CircuitConfig

OURS = "qcircuit"


def _stand_in(module: str, name: str) -> None:
    """Let suites import what only their tests of other things use, if it is not installed."""
    if importlib.util.find_spec(module) is None:
        stand_in: Any = types.ModuleType(module)
        stand_in.__spec__ = importlib.machinery.ModuleSpec(module, None)
        setattr(stand_in, name, type(name, (), {}))
        sys.modules[module] = stand_in


class _Everything(dict[str, int]):
    """The models that are not looked up on the Hub again: all."""

    def __contains__(self, _: object) -> bool:
        return True

    def __missing__(self, _: str) -> int:
        return 1


def pytest_configure(config: pytest.Config) -> None:
    """Prepare what the suites import and ask."""
    config.addinivalue_line("markers", f"{OURS}: has rows of ours")
    pytest.register_assert_rewrite(f"{SUITES}.testing_common")
    _stand_in("diffusers", "StableDiffusionPipeline")
    _stand_in("datasets", "load_dataset")
    sys.path.insert(0, str(config.rootpath))
    utils = importlib.import_module(f"{SUITES}.testing_utils")
    utils._HUB_MODEL_ACCESSES = _Everything()
    common = importlib.import_module(f"{SUITES}.testing_common")
    # A list of methods that adapt GPT-2's layers, written before ours.
    common._skip_if_conv1d_not_supported = lambda *_: None


def pytest_pycollect_makeitem(collector: Any, name: str, obj: Any) -> None:
    """Give a test our rows, if it has a table that we have rows for."""
    module = collector.getparent(pytest.Module).obj
    tables = TABLES.get(module.__name__.rpartition(".")[2], {})
    rows = {id(getattr(module, key)): ours for key, ours in tables.items() if hasattr(module, key)}
    marks = getattr(obj, "pytestmark", [])
    if not name.startswith("test") or isinstance(obj, type) or getattr(obj, OURS, False):
        return
    found = False
    for n, mark in enumerate(marks):
        if mark.name == "parametrize":
            ours = rows.get(
                id(mark.args[1]), tables.get(name) if "config0" in mark.args[0] else None
            )
            if ours is not None:
                marks[n] = pytest.mark.parametrize(mark.args[0], ours, **mark.kwargs).mark
                found = True
    if found:
        setattr(obj, OURS, True)
        pytest.mark.qcircuit(obj)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that are not about a table, or about another one."""
    ours = [item for item in items if item.get_closest_marker(OURS)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(ours)])
    items[:] = ours


@contextmanager
def _as_lora(item: pytest.Item) -> Iterator[None]:
    """Let our method run tests that PEFT skips for every method but LoRA, by its class."""
    name = getattr(item, "originalname", "")
    with pytest.MonkeyPatch.context() as patch:
        if "_with_mixed_adapter_batches" in name or name == "test_mixed_adapter_batches":
            for module in (sys.modules[f"{SUITES}.testing_common"], item.getparent(pytest.Module)):
                patch.setattr(getattr(module, "obj", module), "LoraConfig", CircuitConfig)
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Skip a test that needs a file from the Hub which has not been made."""
    try:
        with _as_lora(item):
            return (yield)
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, (LocalEntryNotFoundError, OfflineModeIsEnabled)):
                pytest.skip("needs a file from the Hub")
            cause = cause.__cause__ or cause.__context__
        raise
