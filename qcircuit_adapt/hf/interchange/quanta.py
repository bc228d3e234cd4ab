"""QuanTA's published code: ``dW = T - S``, a gate for each pair of axes, S the gates at the start.

The layer pads its input with zeros up to the product of the axes, and keeps as many outputs as it
needs. Where the layer is that much smaller along the first axis only, the padding meets one gate's
columns and the cut another's rows: the gates are cut instead, and nothing of them is idle.

Source: Chen et al., "QuanTA", arXiv:2406.00132, and its published code.
"""

from __future__ import annotations

import itertools
import math
import string
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import FileError
from qcircuit_adapt.hf.interchange.layer import Layer
from qcircuit_adapt.hf.interchange.source import Source, Tensors, expect_shapes

_KNOWN = (
    "d",
    "initialize_mode",
    "merge_weights",
    "per_dim_features",
    "quanta_dropout",
    "tensor_rank",
)
_MOST_AXES = 24
_MARKS = ("merged.merged", "frozen_merged.merged")
"""Whether the base weight was changed when the checkpoint was written; the gates are the same."""


@dataclass(frozen=True)
class Layout:
    """The axes of a layer.

    Attributes:
        axes: Their sizes.
        d_in: The layer's input dimension.
        d_out: Its output dimension.
    """

    axes: tuple[int, ...]
    d_in: int
    d_out: int

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """The pairs of axes in order, each ``(last, first)``, counted back from -1."""
        return tuple(itertools.combinations(range(-1, -len(self.axes) - 1, -1), 2))

    @property
    def rest(self) -> int:
        """The product of all sizes but the first."""
        return math.prod(self.axes[1:])


def read_quanta(
    source: Source, find_shape: Callable[[str], tuple[int, int] | None]
) -> Iterator[Layer]:
    """Yield the layers of a QuanTA checkpoint.

    Args:
        source: The checkpoint.
        find_shape: Returns a module's ``(d_in, d_out)``, or None if it is not known; then the layer
            is taken to be as large as its axes.

    Raises:
        FileError: Its tensors do not fit, or the layer's sizes do not fit its axes.
    """
    source.check_options(known=_KNOWN, refused={})
    pairs = list(itertools.combinations(range(-1, -_MOST_AXES - 1, -1), 2))
    names = [f"quanta_weights{n}.{last} {first}" for n in ("", "2") for last, first in pairs]
    for module, found in source.modules((*names, *_MARKS)).items():
        tensors = {name: tensor for name, tensor in found.items() if name not in _MARKS}
        axes = _read_axes(module, tensors)
        layout = Layout(axes, *(find_shape(module) or (math.prod(axes),) * 2))
        if any(d > math.prod(axes) or d % layout.rest for d in (layout.d_in, layout.d_out)):
            raise FileError(
                f"module {module!r} maps {layout.d_in} to {layout.d_out}, but its axes are "
                f"{'-'.join(map(str, axes))} = {math.prod(axes)}.",
                cause="The checkpoint was padded or cut within an axis, which no gate can follow.",
                cure=f"Only multiples of {layout.rest}, up to {math.prod(axes)}, are imported.",
            )
        trained = _cut(layout, [tensors[f"quanta_weights.{b} {a}"] for b, a in layout.pairs])
        start = _cut(layout, [tensors[f"quanta_weights2.{b} {a}"] for b, a in layout.pairs])
        circuit = _build_circuit(layout)
        parts = zip(trained, start, strict=True)
        changes = {f"weight_g{n}": new - old for n, (new, old) in enumerate(parts, 1)}
        yield Layer(
            module,
            spec=circuit.text,
            circuit=circuit,
            form="difference",
            scale=1.0,
            tensors=changes | {f"reference_g{n}": old for n, old in enumerate(start, 1)},
            apply=lambda x, layout=layout, tensors=tensors: (  # type: ignore[misc]
                _apply(x, layout, tensors, "quanta_weights"),
                -_apply(x, layout, tensors, "quanta_weights2"),
            ),
        )


def _read_axes(module: str, tensors: Tensors) -> tuple[int, ...]:
    """Find the sizes of the axes in the shapes of the gates."""
    count = next((n for n in range(2, _MOST_AXES) if n * (n - 1) == len(tensors)), 0)
    pairs = list(itertools.combinations(range(-1, -count - 1, -1), 2))
    names = [f"quanta_weights.{last} {first}" for last, first in pairs]
    if not count or any(name not in tensors or tensors[name].dim() != 4 for name in names):
        raise FileError(
            f"module {module!r} has {len(tensors)} tensors, which are not two gates for each pair "
            "of axes.",
            cause="The checkpoint is cut off, or is not of QuanTA's published code.",
        )
    sizes = {-1: tensors[names[0]].shape[1]}
    sizes |= {first: tensors[f"quanta_weights.-1 {first}"].shape[0] for first in range(-count, -1)}
    shapes = {}
    for which, (last, first) in itertools.product(("", "2"), pairs):
        both = (sizes[first], sizes[last])
        shapes[f"quanta_weights{which}.{last} {first}"] = both + both
    expect_shapes(module, tensors, shapes)
    return tuple(sizes[axis] for axis in range(-count, 0))


def _cut(layout: Layout, gates: Sequence[Tensor]) -> list[Tensor]:
    """Take the rows and columns that padding and cutting leave, in float32 or wider."""
    cut = [gate.to(torch.promote_types(gate.dtype, torch.float32)) for gate in gates]
    # The first gate on the first axis takes what is padded; the last gate of all gives what is cut.
    first = len(layout.axes) - 2
    cut[first] = cut[first][:, :, : layout.d_in // layout.rest]
    cut[-1] = cut[-1][: layout.d_out // layout.rest]
    return cut


def _build_circuit(layout: Layout) -> Circuit:
    names = string.ascii_lowercase[: len(layout.axes)]
    taken, given = layout.d_in // layout.rest, layout.d_out // layout.rest
    sizes = (taken, *layout.axes[1:])
    gates = [f"{names[first]} {names[last]}" for last, first in layout.pairs]
    if len(names) > 2 and taken != layout.axes[0]:
        gates[len(names) - 2] += f" -> a={layout.axes[0]} {names[-1]}"
    if given != (layout.axes[0] if len(names) > 2 else taken):
        gates[-1] += f" -> a={given} b"
    inputs = (f"{name}={size}" for name, size in zip(names, sizes, strict=True))
    return Circuit(" ".join(inputs), gates)


def _apply(x: Tensor, layout: Layout, tensors: Tensors, which: str) -> Tensor:
    """Return what the published layer computes with these gates."""
    count = len(layout.axes)
    padded = torch.nn.functional.pad(x, (0, math.prod(layout.axes) - layout.d_in))
    state = padded.reshape(-1, *layout.axes)
    for last, first in layout.pairs:
        gate = tensors[f"{which}.{last} {first}"].to(x)
        state = torch.tensordot(state, gate, dims=([first, last], [2, 3]))
        state = state.movedim((-2, -1), (count + 1 + first, count + 1 + last))
    return state.flatten(1)[:, : layout.d_out]
