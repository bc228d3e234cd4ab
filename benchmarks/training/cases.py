"""The layers, token counts and types that are measured."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from qcircuit_adapt import Circuit
from qcircuit_adapt.families import quanta
from qcircuit_adapt.library import resolve

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
TOKENS = (1, 64, 512, 2048)
TOKENS_ON_GPU = (512, 2048, 8192, 32768)
QUICK_SHAPES, QUICK_TOKENS = ("4096", "768"), (64,)


@dataclass(frozen=True)
class Shape:
    """A layer and its circuit.

    Attributes:
        name: What to call it.
        circuit: The circuit of its adapters.
        official: The circuit that the official formula computes, whose outputs are then cut to the
            layer's; None where there is none.
    """

    name: str
    circuit: Circuit
    official: Circuit | None

    @property
    def d_in(self) -> int:
        return self.circuit.d_in

    @property
    def d_out(self) -> int:
        return self.circuit.d_out

    @property
    def floors(self) -> tuple[float, float]:
        """Multiplications of a step over the frozen layer's: all gates' inputs kept, and only x."""
        base = 2 * self.d_in * self.d_out
        macs = self.circuit.gate_macs
        again = sum(macs[:-1])
        return 1 + 3 * sum(macs) / base, 1 + (3 * sum(macs) + again) / base


@dataclass(frozen=True)
class Cell:
    """A layer, with how many tokens at once, of which type."""

    shape: Shape
    tokens: int
    dtype: str

    @property
    def row(self) -> int:
        """The bytes of one input vector."""
        return self.shape.d_in * DTYPES[self.dtype].itemsize

    def __str__(self) -> str:
        sizes = f"{self.shape.d_in} -> {self.shape.d_out}"
        tokens = "1 token" if self.tokens == 1 else f"{self.tokens:,} tokens"
        return f"{self.shape.name}: {sizes}, {tokens}, {self.dtype}"


def _square(name: str, sizes: tuple[int, ...]) -> Shape:
    return Shape(name, quanta(sizes), quanta(sizes))


SHAPES = (
    _square("4096", (16, 8, 8, 4)),
    Shape("4096-1024", quanta((16, 8, 8, 4), to=(4, 8, 8, 4)), quanta((16, 8, 8, 4))),
    _square("768", (12, 8, 8)),
    _square("16-16-16", (16, 16, 16)),
    _square("8-8-8-8", (8, 8, 8, 8)),
    _square("5120", (16, 8, 8, 5)),
)


def own_shape(spec: str, d_in: int, d_out: int) -> Shape:
    """Return a layer with a circuit of the user's; the official formula is for square ones."""
    circuit = resolve(spec, d_in, d_out)
    plain = all(
        gate.on == gate.to and not (gate.per or gate.rank or gate.share or gate.frozen)
        for gate in circuit.gates
    )
    return Shape(spec, circuit, circuit if plain else None)
