"""Passes: a circuit cut into blocks, made simpler without a look at what its gates hold.

Two passes that such compilers often have are missing, for a reason each. A frozen gate that starts
as the identity may have been loaded with anything else, so that it is not removed; neither are the
rows that a frozen gate cuts off. Both cost nothing once their gate is merged into a neighbour,
whatever it holds. In a circuit itself nothing is unused: all that a gate gives is taken by a later
one or is an output, and a wire of size 1 carries a number like any other.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from qcircuit_adapt.axes import Axis, format_axes
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.compiler.block import Block, Blocks, count_letters, cut, join
from qcircuit_adapt.compiler.lower import MAX_LETTERS
from qcircuit_adapt.gate import Gate

MAX_BLOCKS = 32
"""Blocks up to which a circuit is simplified; of more, every gate is a block, as written."""

MAX_ORDERED = 32
"""Sets of blocks, for each number of them, that are kept in the search for the order."""


@functools.lru_cache(maxsize=256)
def simplify(circuit: Circuit, *, tokens: int) -> Blocks:
    """Merge gates where that saves work, and put what commutes in one order.

    Circuits that differ in the order of commuting gates alone give the same blocks.

    Args:
        circuit: The circuit.
        tokens: How many inputs a step of training has.

    Example:
        >>> blocks = simplify(Circuit.parse("a=4 b=3 c=2 | b c, a b, a per b"), tokens=100)
        >>> print(blocks, blocks.macs_per_token, blocks.source.macs_per_token)
        {g1} {g2 g3} 432 528
    """
    blocks = cut(circuit)
    if len(blocks.blocks) > MAX_BLOCKS:
        return blocks
    blocks = _checked(order, blocks)
    while (merged := _checked(lambda one: merge(one, tokens=tokens), blocks)) != blocks:
        blocks = _checked(order, merged)
    return blocks


def _checked(step: Callable[[Blocks], Blocks], blocks: Blocks) -> Blocks:
    """Take a pass and check what comes of it."""
    changed = step(blocks)
    check_same(blocks, changed)
    return changed


def commutation(blocks: Blocks) -> tuple[frozenset[int], ...]:
    """Say, for each block, which earlier ones must stay before it; others may follow from these.

    Blocks that only share control wires commute, as diagonal matrices do. In `wires.layers` they
    stand in different layers, since a layer is a column of a picture.

    Example:
        >>> blocks = cut(Circuit.parse("a=2 b=2 c=2 | a per c, b per c, c"))
        >>> [set(one) for one in commutation(blocks)]
        [set(), set(), {0, 1}]
    """
    every = blocks.blocks
    return tuple(
        frozenset(m for m in range(n) if not every[m].commutes(block))
        for n, block in enumerate(every)
    )


def order(blocks: Blocks) -> Blocks:
    """Put the blocks in the order of fewest multiply-accumulates that commutation allows.

    It matters where wires change their size: what shrinks comes first. Of orders that cost the
    same, it is the first by the texts of the wires that gates take, give and control, and by the
    gates' names. Where very many sets of blocks can come first, the cheapest are followed.
    """
    earlier = commutation(blocks)
    turn = sorted(range(len(earlier)), key=lambda n: _text(blocks.blocks[n]))
    ready = [blocks.blocks[n] for n in turn]
    needs = [sum(1 << turn.index(m) for m in earlier[n]) for n in turn]
    width = blocks.source.d_in
    trails = {0: _Trail(0, (), width)}
    for _ in ready:
        longer: dict[int, _Trail] = {}
        for done, trail in trails.items():
            for n, block in enumerate(ready):
                if done >> n & 1 or needs[n] & ~done:
                    continue
                now, one = done | 1 << n, trail.add(n, block, width)
                longer[now] = min(one, longer.get(now, one))
        cheapest = sorted(longer.items(), key=lambda item: item[1])
        trails = dict(cheapest[:MAX_ORDERED])
    (best,) = trails.values()
    return Blocks(blocks.source, tuple(ready[n] for n in best.places))


@dataclass(frozen=True, order=True)
class _Trail:
    """A way to begin.

    Attributes:
        excess: Multiply-accumulates beyond what the same blocks take where no width has changed.
        places: The blocks, by their place in the order of texts.
        width: Numbers for each token after them.
    """

    excess: int
    places: tuple[int, ...]
    width: int

    def add(self, place: int, block: Block, width: int) -> _Trail:
        """Return the trail with one block more; ``width`` is that of the input."""
        rows, columns = block.gate.rows, block.gate.columns
        excess = self.excess + (self.width - width) * rows
        return _Trail(excess, (*self.places, place), self.width // columns * rows)


def _text(block: Block) -> tuple[str, ...]:
    gate = block.gate
    return (*map(format_axes, (gate.on, gate.to, gate.per)), gate.name)


def merge(blocks: Blocks, *, tokens: int) -> Blocks:
    """Join neighbours where a step of training takes fewer multiply-accumulates so.

    Building the joint tensor is counted. Blocks on the same wires, and a block on some of the wires
    of another, are joined unless tokens are very few.
    """
    return join_neighbours(blocks, lambda one: tokens * one.macs_per_token + one.build_macs)


def join_neighbours(
    blocks: Blocks, cost: Callable[[Blocks], float], *, most: float = math.inf
) -> Blocks:
    """Join two neighbours at a time, the pair of least cost, and return the best on the way.

    Two blocks are neighbours if commutation allows that one follows the other. They are not joined
    to a gate that has control wires and acts on others, unless one of them is such a gate. Joining
    goes on where a pair raises the cost, since three may lower it, until no two can be joined.

    Args:
        blocks: The blocks.
        cost: What is lowered.
        most: How many numbers a joint block may take, and give.
    """
    best, lowest = blocks, cost(blocks)
    while joined := list(_list_joined(blocks, most)):
        blocks = min(joined, key=cost)
        if (least := cost(blocks)) < lowest:
            best, lowest = blocks, least
    return best


def _list_joined(blocks: Blocks, most: float) -> Iterator[Blocks]:
    """List what a join of two neighbours can lead to."""
    every = blocks.blocks
    for m, first in enumerate(every):
        # Between the two, what must follow the first is put behind the pair, the rest before it.
        earlier, later = [*every[:m]], [first]
        for n in range(m + 1, len(every)):
            second = every[n]
            if all(block.commutes(second) for block in later[1:]):
                joint = join(first, second)
                if _is_allowed(joint, (first, second), most):
                    yield Blocks(blocks.source, (*earlier, joint, *later[1:], *every[n + 1 :]))
            if all(block.commutes(second) for block in later):
                earlier.append(second)
            else:
                later.append(second)


def _is_allowed(joint: Block, pair: tuple[Block, Block], most: float) -> bool:
    gate = joint.gate
    controlled = bool(gate.per and gate.on)
    return (
        gate.blocks * max(gate.rows, gate.columns) <= most
        and (not controlled or any(block.gate.per and block.gate.on for block in pair))
        and count_letters(joint) <= MAX_LETTERS
    )


def check_same(before: Blocks, after: Blocks) -> None:
    """Check that a pass has left the map of a circuit alone, without computing it.

    Raises:
        AssertionError: The blocks are of another circuit, lack a gate, have one twice or changed,
            have two in an order that commutation forbids, or do something else than their gates.
    """
    if after.source != before.source:
        raise AssertionError("the pass returned blocks of another circuit.")
    singles = cut(before.source)
    gates = [gate for block in after.blocks for gate in block.gates]
    names = [gate.name for gate in gates]
    known = {block.gate.name: block.gate for block in singles.blocks}
    for name in known:
        if (count := names.count(name)) != 1:
            raise AssertionError(f"gate {name!r} is in {count} blocks instead of one.")
    for gate in gates:
        if known.get(gate.name) != gate:
            raise AssertionError(f"gate {gate.name!r} is not as the circuit has it.")
    for single, earlier in zip(singles.blocks, commutation(singles), strict=True):
        for m in earlier:
            name, first = single.gate.name, singles.blocks[m].gate.name
            if names.index(name) < names.index(first):
                raise AssertionError(f"gate {name!r} comes before {first!r}, and must not.")
    for block in after.blocks:
        if not block.gates:
            raise AssertionError(f"block {block.gate.name!r} has no gates.")
        joint = functools.reduce(join, (Block(gate, (gate,)) for gate in block.gates)).gate
        if _wires(joint) != _wires(block.gate):
            raise AssertionError(
                f"block {block.gate.name!r} is {block.gate!r}, but its gates do {joint!r}."
            )


def _wires(gate: Gate) -> tuple[frozenset[Axis], ...]:
    """Return what a gate takes, gives and controls; in which order it has them is its own."""
    return frozenset(gate.on), frozenset(gate.to), frozenset(gate.per)
