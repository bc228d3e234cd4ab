"""Layout: gates on any axes of a dimension, as the search moves among them."""

from __future__ import annotations

import itertools
import math
import string
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from qcircuit_adapt.analysis.freedom.span import count_span
from qcircuit_adapt.axes import Axis
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.gate import Gate


@dataclass(frozen=True, order=True)
class Move:
    """A gate by the axes it acts on.

    Attributes:
        on: The axes, by number, in order.
        rank: The size of its bond; 0 for a dense gate.
    """

    on: tuple[int, ...]
    rank: int = 0

    def takes(self, other: Move) -> bool:
        """Say whether this gate could do what the other does beside it as well."""
        return not self.rank and not other.rank and set(other.on) <= set(self.on)


@dataclass(frozen=True, order=True)
class Layout:
    """Axes, and gates on them that keep all sizes.

    Attributes:
        axes: The sizes of the axes, largest first.
        moves: The gates in order.
    """

    axes: tuple[int, ...]
    moves: tuple[Move, ...] = ()

    def size(self, move: Move) -> int:
        """Return how many rows a gate has, and columns."""
        return math.prod(self.axes[axis] for axis in move.on)

    @property
    def parameters(self) -> int:
        """How many numbers its circuit has."""
        return sum(
            2 * size * move.rank if move.rank else size * size
            for move in self.moves
            for size in [self.size(move)]
        )

    @property
    def macs(self) -> int:
        """Multiply-accumulates of its circuit for one token, gate after gate."""
        each = sum(2 * move.rank if move.rank else self.size(move) for move in self.moves)
        return math.prod(self.axes) * each

    @property
    def freedom(self) -> int:
        """A lower bound on its degrees of freedom, from gates near the identity; 0 if unknown.

        Example:
            >>> Layout((16, 8, 8), (Move((0, 1)), Move((1, 2)))).freedom
            20416
        """
        if any(move.rank for move in self.moves):
            return 0
        spaces = ({str(axis): self.axes[axis] ** 2 for axis in move.on} for move in self.moves)
        return count_span([{}, *spaces])

    @property
    def is_joined(self) -> bool:
        """Whether gates join all axes, so that T is no Kronecker product that the graph shows.

        Example:
            >>> Layout((4, 4, 4), (Move((0, 1)),)).is_joined
            False
        """
        parts = [{axis} for axis in range(len(self.axes))]
        for move in self.moves:
            met = [part for part in parts if part & set(move.on)]
            parts = [part for part in parts if part not in met] + [set().union(*met)]
        return len(parts) == 1

    @property
    def is_reduced(self) -> bool:
        """Whether no dense gate could take over another that commutes up to it.

        One that is not has a layout of fewer gates that expresses as much for less.

        Example:
            >>> moves = Move((0, 1)), Move((1, 2)), Move((0,))
            >>> Layout((4, 4, 4), moves).is_reduced, Layout((4, 4, 4), moves[:2]).is_reduced
            (False, True)
        """
        for position, move in enumerate(self.moves):
            for step in (1, -1):
                rest = self.moves[position + 1 :] if step > 0 else self.moves[:position][::-1]
                met = next((other for other in rest if set(other.on) & set(move.on)), None)
                if met is not None and met.takes(move):
                    return False
        return True

    @property
    def ordered(self) -> Layout:
        """The same circuit with each gate as early as those it commutes with allow.

        Of gates that could stand in one place the least comes first, so that all ways to write one
        circuit on numbered axes become one.

        Example:
            >>> Layout((4, 4), (Move((1,)), Move((0,)))).ordered.moves
            (Move(on=(0,), rank=0), Move(on=(1,), rank=0))
        """
        left, moves = list(self.moves), []
        while left:
            free = [
                move
                for position, move in enumerate(left)
                if not any(set(move.on) & set(other.on) for other in left[:position])
            ]
            moves.append(min(free))
            left.remove(moves[-1])
        return Layout(self.axes, tuple(moves))

    @property
    def circuit(self) -> Circuit:
        """The circuit."""
        names = string.ascii_lowercase
        wires = tuple(Axis(names[n], size) for n, size in enumerate(self.axes))
        gates = (Gate([wires[n] for n in move.on], rank=move.rank or None) for move in self.moves)
        return Circuit(wires, gates)

    def to_list(self) -> list[object]:
        """Return the layout as data that JSON can hold."""
        return [list(self.axes), [[list(move.on), move.rank] for move in self.moves]]

    @classmethod
    def from_list(cls, data: Any) -> Layout:
        """Read what `to_list` gives."""
        axes, moves = data
        return cls(tuple(axes), tuple(Move(tuple(on), rank) for on, rank in moves))


@lru_cache(maxsize=256)
def list_moves(
    axes: tuple[int, ...], *, wires: tuple[int, int], ranks: int = 0
) -> tuple[Move, ...]:
    """List the gates there can be on axes.

    Args:
        axes: The sizes.
        wires: On how many axes a gate acts, at least and at most.
        ranks: How often the rank of a gate may be halved; 0 for dense gates only.

    Example:
        >>> [move.on for move in list_moves((4, 2, 2), wires=(2, 2))]
        [(0, 1), (0, 2), (1, 2)]
    """
    moves = []
    for count in range(wires[0], wires[1] + 1):
        for on in itertools.combinations(range(len(axes)), count):
            moves.append(Move(on))
            size = math.prod(axes[axis] for axis in on)
            # Halved once it has as many parameters as before.
            each = (size >> halved for halved in range(2, ranks + 1))
            moves += [Move(on, rank) for rank in each if rank]
    return tuple(moves)
