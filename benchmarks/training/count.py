"""What a step does whatever the machine: bytes kept, bytes live, bytes moved, calls, flops."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from training.clock import forget, step

_ALLOCATE = ("empty", "new_empty", "empty_like", "empty_strided", "new_empty_strided")
_ONLY_WRITE = ("copy_", "fill_", "zero_")


@dataclass(frozen=True)
class Counts:
    """What one step of a model does, in bytes and numbers.

    Attributes:
        saved: Bytes that autograd keeps beyond x, parameters and buffers.
        peak: The most bytes allocated at once during forward and backward, beyond those before.
        moved: Bytes read and written by all calls.
        moved_forward: Those of the forward pass.
        calls: Calls that move bytes.
        flops: Flops of matrix products.
    """

    saved: int
    peak: int
    moved: int
    moved_forward: int
    calls: int
    flops: int


def count(model: nn.Module, x: Tensor, gradient: Tensor) -> Counts:
    """Count what a step does; the model is warm."""
    forget(model, x)
    peak = _peak(model, x, gradient)
    forget(model, x)
    saved = Saved(model, x)
    with FlopCounterMode(display=False) as flops:
        with Traffic() as forward, saved.hooks():
            result = model(x)
        with Traffic() as backward:
            result.backward(gradient)
    forget(model, x)
    return Counts(
        saved=sum(saved.storages.values()),
        peak=peak,
        moved=forward.bytes + backward.bytes,
        moved_forward=forward.bytes,
        calls=forward.calls + backward.calls,
        flops=flops.get_total_flops(),
    )


class Saved:
    """Notes the storages that autograd keeps, other than those of a model and its input.

    Attributes:
        storages: Bytes by address.
    """

    def __init__(self, model: nn.Module, x: Tensor) -> None:
        known = (x, *model.parameters(), *model.buffers())
        self.known = {tensor.untyped_storage().data_ptr() for tensor in known}
        self.storages: dict[int, int] = {}

    def hooks(self) -> torch.autograd.graph.saved_tensors_hooks:
        return torch.autograd.graph.saved_tensors_hooks(self._pack, lambda tensor: tensor)

    def _pack(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self.known:
            self.storages[storage.data_ptr()] = storage.nbytes()
        return tensor


class Traffic(TorchDispatchMode):
    """Adds up what every ATen call reads and writes; views and allocations move nothing.

    An argument that is read costs its bytes once per call, a result its bytes once; what is
    expanded counts as it is stored. A kernel of our own outside ATen is not seen.
    """

    def __init__(self) -> None:
        super().__init__()
        self.bytes = self.calls = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> object:
        result = func(*args, **(kwargs or {}))
        name = func._schema.name.removeprefix("aten::")
        written = [one for one in tree_leaves(result) if isinstance(one, Tensor)]
        if func.is_view or not written or name in (*_ALLOCATE, "_unsafe_view"):
            return result
        read = [one for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)]
        if name in _ONLY_WRITE:
            read = read[1:]
        self.calls += 1
        self.bytes += sum(map(_bytes, read + written))
        return result


def _bytes(tensor: Tensor) -> int:
    return min(tensor.nbytes, tensor.untyped_storage().nbytes())


def _peak(model: nn.Module, x: Tensor, gradient: Tensor) -> int:
    if x.is_cuda:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        step(model, x, gradient)
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        step(model, x, gradient)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        record.export_chrome_trace(str(path))
        events = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    changes = [(e["ts"], e["args"]["Bytes"]) for e in events if e.get("name") == "[memory]"]
    live = most = 0
    for _, change in sorted(changes, key=lambda one: one[0]):
        live += change
        most = max(most, live)
    return most
