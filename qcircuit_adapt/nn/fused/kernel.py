"""Compile the source of a circuit's kernels, and launch them."""

from __future__ import annotations

import functools
import linecache
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.compiler.kernel.schedule import Schedule, schedule
from qcircuit_adapt.compiler.kernel.source import triton_source

LAUNCH = {"num_warps": 8, "enable_fp_fusion": True}
INTERPRETED_PROGRAMS = 2
"""Programs of the backward kernel in the interpreter, where one waits for the other."""


@dataclass(frozen=True)
class Kernels:
    """The kernels of a circuit.

    Attributes:
        plan: What they do.
        forward: Takes x, y, the gates, the number of tokens and the type that is multiplied.
        backward: Takes x, dy, dx, the gates, sums, the number of tokens and that type.
    """

    plan: Schedule
    forward: Any
    backward: Any

    def apply(self, x: Tensor, gates: tuple[Tensor, ...]) -> Tensor:
        """Return ``T x``.

        Args:
            x: Of shape ``(tokens, d_in)``, contiguous.
            gates: The tensors of ``plan.owners``, contiguous.

        Returns:
            A tensor of shape ``(tokens, d_out)``.
        """
        y = x.new_empty(len(x), self.plan.circuit.d_out)
        grid = (-(-len(x) // self.plan.tile),)
        if len(x):
            self.forward[grid](x, y, *gates, len(x), TYPE=_type(x.dtype), **LAUNCH)
        return y

    def gradients(
        self, x: Tensor, gates: tuple[Tensor, ...], dy: Tensor
    ) -> tuple[Tensor, tuple[Tensor | None, ...]]:
        """Return the gradients of x, ``(tokens, d_in)``, and of the gates, None if frozen."""
        trained = [gate.parameters for gate in self.plan.owners if not gate.frozen]
        tiles = -(-len(x) // self.plan.tile_back)
        programs = min(tiles, _programs(x.device))
        dx = torch.empty_like(x)
        sums = x.new_zeros(programs, sum(trained), dtype=torch.float32)
        if len(x):
            self.backward[(programs,)](
                x, dy, dx, *gates, sums, len(x), TYPE=_type(x.dtype), **LAUNCH
            )
        parts = iter(torch.split(sums.sum(0), trained))
        changes = tuple(
            None if gate.frozen else next(parts).view(tensor.shape).to(tensor.dtype)
            for gate, tensor in zip(self.plan.owners, gates, strict=True)
        )
        return dx, changes


@functools.lru_cache(maxsize=64)
def kernels(circuit: Circuit) -> Kernels:
    """Return the kernels of a circuit, compiled when they first run."""
    source = triton_source(circuit)
    # triton reads a function's source, which linecache then has without a file.
    name = f"<fused kernels of {circuit.text}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    space: dict[str, Any] = {"__name__": "qcircuit_adapt.nn.fused.generated"}
    exec(compile(source, name, "exec"), space)
    return Kernels(schedule(circuit), space["forward"], space["backward"])


def interpreted() -> bool:
    """Say whether triton runs kernels in its interpreter, as ``TRITON_INTERPRET=1`` asks."""
    from triton import knobs

    return bool(knobs.runtime.interpret)


def _type(dtype: torch.dtype) -> Any:
    """Return the type that is multiplied; the interpreter multiplies bfloat16 as whole numbers."""
    import triton.language as tl

    own = {torch.float32: tl.float32, torch.bfloat16: tl.bfloat16, torch.float16: tl.float16}
    return tl.float32 if interpreted() else own[dtype]


def _programs(device: torch.device) -> int:
    if interpreted():
        return INTERPRETED_PROGRAMS
    return torch.cuda.get_device_properties(device).multi_processor_count
