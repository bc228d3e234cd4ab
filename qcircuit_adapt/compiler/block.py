"""Block: neighbouring gates applied as one, and a circuit cut into such blocks.

What a block does is a gate again, so that the blocks are a circuit too: it is laid out, counted and
priced like any other. The tensor of a block of several gates is built from theirs, once a step.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from functools import cached_property

from qcircuit_adapt.axes import Axis, product
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.compiler.cost import Kernel
from qcircuit_adapt.compiler.lower import MAX_LETTERS, Program, lower
from qcircuit_adapt.compiler.path import Network, build_network, choose_path
from qcircuit_adapt.gate import Gate
from qcircuit_adapt.wires import split_ranks


@dataclass(frozen=True)
class Block:
    """Gates applied as one.

    Attributes:
        gate: What they do together, under the name of the first of them.
        gates: The gates in order; of a block of one, the same gate. None shares a tensor by
            itself: whose tensor each has, `Blocks.owners` says.
        build: The products that make its tensor, two gates or blocks at a time; none for one gate.
    """

    gate: Gate
    gates: tuple[Gate, ...]
    build: tuple[Kernel, ...] = ()

    @property
    def circuit(self) -> Circuit:
        """The gates as a circuit on their own wires, of which the first are the control wires."""
        gate = self.gate
        outputs = [axis.name for axis in gate.per + gate.to]
        return Circuit(gate.per + gate.on, self.gates, outputs=outputs)

    @cached_property
    def touched(self) -> frozenset[str]:
        """The names of all wires of its gates."""
        per = (axis.name for gate in self.gates for axis in gate.per)
        return self.acted.union(per)

    @cached_property
    def acted(self) -> frozenset[str]:
        """The names of the wires that its gates take or give, and do not merely control."""
        return frozenset(axis.name for gate in self.gates for axis in gate.on + gate.to)

    def commutes(self, other: Block) -> bool:
        """Say whether two blocks may change places: they have no wire in common that one acts on.

        A name used again, after its wire has ended, counts as the same wire.
        """
        return self.acted.isdisjoint(other.touched) and other.acted.isdisjoint(self.touched)


@dataclass(frozen=True)
class Blocks:
    """A circuit cut into blocks.

    Attributes:
        source: The circuit; of bounded ranks the half-gates.
        blocks: The blocks, in the order in which they are applied.
    """

    source: Circuit
    blocks: tuple[Block, ...]

    @cached_property
    def circuit(self) -> Circuit:
        """The circuit whose n-th gate is what the n-th block does; its map is the source's."""
        return Circuit(
            self.source.inputs,
            [block.gate for block in self.blocks],
            outputs=[axis.name for axis in self.source.outputs],
            name=self.source.name,
        )

    @cached_property
    def owners(self) -> dict[str, str]:
        """The name of the gate whose tensor each gate of the source has, by the gate's name."""
        return {gate.name: self.source.owner(gate).name for gate in self.source.gates}

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """Numbers for each token before each block."""
        widths = [self.source.d_in]
        for block in self.blocks:
            widths.append(widths[-1] // block.gate.columns * block.gate.rows)
        return tuple(widths[:-1])

    @property
    def macs_per_token(self) -> int:
        """Multiply-accumulates to apply the blocks to one input vector."""
        pairs = zip(self.blocks, self.widths, strict=True)
        return sum(width * block.gate.rows for block, width in pairs)

    @property
    def build_macs(self) -> int:
        """Multiply-accumulates to build the tensors of all blocks."""
        return sum(kernel.macs for block in self.blocks for kernel in block.build)

    def __str__(self) -> str:
        """Return the gates of each block: ``{g1 g2} {g3}``."""
        groups = (" ".join(gate.name for gate in block.gates) for block in self.blocks)
        return " ".join(f"{{{group}}}" for group in groups)


def cut(circuit: Circuit) -> Blocks:
    """Make a block of every gate; a gate of bounded rank is two.

    Example:
        >>> print(cut(Circuit.parse("a=4 b=3 | a b, a {rank=2}")))
        {g1} {g2_in} {g2_out}
    """
    halves = split_ranks(circuit)
    gates = [
        replace(gate, share=None, frozen=halves.owner(gate).frozen) if gate.share else gate
        for gate in halves.gates
    ]
    return Blocks(halves, tuple(Block(gate, (gate,)) for gate in gates))


def join(first: Block, second: Block) -> Block:
    """Make one block of two, of which the second is applied right after the first.

    It is dense on all wires that one of them acts on; wires that both merely control stay so.

    Example:
        >>> first, second = cut(Circuit.parse("a=4 b=3 c=2 | a b per c, b -> r=5 per c")).blocks
        >>> join(first, second).gate
        Gate('a=4 b=3', to='a=4 r=5', per='c=2', name='g1')
    """
    one, two = first.gate, second.gate
    given = {axis.name for axis in one.to}
    taken = {axis.name: axis for axis in one.per + one.on}
    taken |= {axis.name: axis for axis in two.per + two.on if axis.name not in given}
    live = dict(taken)
    for gate in (one, two):
        for axis in gate.on:
            del live[axis.name]
        live |= {axis.name: axis for axis in gate.to}
    acted = {axis.name for gate in (one, two) for axis in gate.on + gate.to}
    on = [axis for axis in taken.values() if axis.name in acted]
    place = {axis.name: n for n, axis in enumerate(on)}
    gate = Gate(
        on,
        to=sorted(
            (axis for axis in live.values() if axis.name in acted),
            key=lambda axis: place.get(axis.name, len(place)),
        ),
        per=[axis for axis in taken.values() if axis.name not in acted],
        name=one.name,
        frozen=one.frozen and two.frozen,
    )
    return Block(
        gate, first.gates + second.gates, (*first.build, *second.build, _build(one, two, gate))
    )


def _build(one: Gate, two: Gate, joint: Gate) -> Kernel:
    """Return the product that makes the tensor of two gates."""
    summed = product(axis for axis in two.on if axis.name in {given.name for given in one.to})
    made = math.prod(joint.shape)
    elements = math.prod(one.shape) + math.prod(two.shape) + made
    return Kernel(made * summed, elements, summed, min(joint.rows, joint.columns))


def count_letters(block: Block) -> int:
    """Return how many indices the einsum of a block's tensor has."""
    inner = sum(len(gate.to) for gate in block.gates)
    return len(block.gate.per) + len(block.gate.on) + inner


@functools.lru_cache(maxsize=256)
def block_program(block: Block) -> Program:
    """Return the steps that build the tensor of a block from those of its gates.

    The result has a row for each number of the control wires and of what the block gives, a column
    for each that it takes: reshaped, it is the tensor ``(per..., to..., on...)`` of `Block.gate`.

    Args:
        block: A block of at most `MAX_LETTERS` indices; see `count_letters`.
    """
    network = build_network(block.circuit)
    controls, gives = len(block.gate.per), len(block.gate.to)
    given = network.output[controls : controls + gives]
    per_on = network.output[controls + gives :]
    # A control wire has one index in the tensor, where the matrix has two, joined by an identity.
    network = Network(
        tuple(operand for operand in network.operands if operand.kind == "gate"),
        network.axes,
        (*per_on[:controls], *given, *per_on[controls:]),
    )
    path = choose_path(network, max_letters=MAX_LETTERS)
    assert path is not None
    program = lower(network, path, circuit=block.circuit)
    return replace(
        program, rows=_sizes(block.gate.per + block.gate.to), columns=_sizes(block.gate.on)
    )


def _sizes(axes: tuple[Axis, ...]) -> tuple[int, ...]:
    return tuple(axis.size for axis in axes)
