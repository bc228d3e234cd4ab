"""The tensors of a circuit as one einsum, and the order in which to contract them."""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from opt_einsum.paths import DynamicProgramming

from qcircuit_adapt.axes import Axis
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.compiler.greedy import draw_paths, improve_path
from qcircuit_adapt.wires import split_ranks

MAX_SEARCHED = 16
MAX_SEARCHED_SHARED = 10
MAX_SEARCHED_OUTER = 8
"""Operands up to which paths are searched: about a second's work at most. The second is for
networks with an index in three operands or more, as control wires make them: there every further
operand takes three times as long, elsewhere at most twice. Up to the third, the search also tries
to multiply operands that have no index in common."""

Pair = tuple[int, int]
"""Two operands by position; a result is numbered on from the operands, in order of the steps."""


@dataclass(frozen=True)
class Operand:
    """A tensor of the einsum.

    Attributes:
        name: ``x``, the name of the gate, or ``eye_`` and the wire that an identity passes on.
        kind: What it is.
        tensor: For a gate: the name of the gate that owns the tensor.
        trained: For a gate: whether the tensor is trained.
        indices: The index of each of its axes, in order; distinct.
    """

    name: str
    kind: Literal["input", "gate", "identity"]
    tensor: str
    trained: bool
    indices: tuple[int, ...]


@dataclass(frozen=True)
class Network:
    """One einsum: all operands multiplied, and all indices summed that the result does not have.

    A control wire keeps its index through a gate, so that an index may be in many operands.

    Attributes:
        operands: The operands: x if there is one, the gates in written order, then identities.
        axes: The wire and size behind every index. Index 0 counts the tokens, if there are any.
        output: The indices of the result, in order.
    """

    operands: tuple[Operand, ...]
    axes: tuple[Axis, ...]
    output: tuple[int, ...]

    def size(self, indices: frozenset[int] | tuple[int, ...]) -> int:
        """Multiply the sizes of indices."""
        return math.prod(self.axes[index].size for index in indices)


@dataclass(frozen=True)
class Contraction:
    """One pair of a path, made concrete.

    Attributes:
        pair: The two operands or earlier results.
        indices: All indices of the two.
        kept: Those of the result: the others are summed.
    """

    pair: Pair
    indices: frozenset[int]
    kept: frozenset[int]


def apply_network(circuit: Circuit, *, tokens: int) -> Network:
    """Return the einsum of ``T x`` for a batch of inputs.

    Args:
        circuit: The circuit.
        tokens: How many inputs there are.
    """
    axes = [Axis("tokens", tokens)]
    inputs, gates, outputs = _index_wires(circuit, axes)
    x = Operand("x", "input", "", False, (0, *inputs))
    return Network((x, *gates), tuple(axes), (0, *outputs))


def build_network(circuit: Circuit) -> Network:
    """Return the einsum of the matrix ``T``, axes in order outputs, inputs.

    A wire that no gate takes would need its index twice in the result, so an identity passes it on.
    """
    axes = [Axis("tokens", 1)]
    inputs, gates, outputs = _index_wires(circuit, axes)
    identities = []
    for position, index in enumerate(outputs):
        if index in inputs:
            wire = axes[index]
            outputs[position] = len(axes)
            ends = (outputs[position], index)
            identities.append(Operand(f"eye_{wire.name}", "identity", "", False, ends))
            axes.append(wire)
    return Network((*gates, *identities), tuple(axes), (*outputs, *inputs))


def _index_wires(
    circuit: Circuit, axes: list[Axis]
) -> tuple[list[int], tuple[Operand, ...], list[int]]:
    """Give every piece of wire an index, adding to ``axes``; half-gates stand for bounded ranks."""
    halves = split_ranks(circuit)
    index: dict[str, int] = {}

    def start(wires: tuple[Axis, ...]) -> list[int]:
        first = len(axes)
        axes.extend(wires)
        index.update({wire.name: first + n for n, wire in enumerate(wires)})
        return [index[wire.name] for wire in wires]

    inputs = start(halves.inputs)
    gates = []
    for gate in halves.gates:
        per = [index[wire.name] for wire in gate.per]
        on = [index.pop(wire.name) for wire in gate.on]
        to = start(gate.to)
        owner = halves.owner(gate)
        gates.append(Operand(gate.name, "gate", owner.name, not owner.frozen, (*per, *to, *on)))
    return inputs, tuple(gates), [index[wire.name] for wire in halves.outputs]


def written_path(network: Network) -> tuple[Pair, ...]:
    """Return the path that takes the operands one after another as they stand."""
    count = len(network.operands)
    return tuple((0 if n == 1 else count + n - 2, n) for n in range(1, count))


@functools.lru_cache(maxsize=256)
def search_path(network: Network, *, weight: int = 0) -> tuple[Pair, ...]:
    """Return the path of least cost.

    Above `MAX_SEARCHED_OUTER` operands it is the best of those without needless outer products.

    Args:
        network: The einsum.
        weight: What it costs to write a number, in multiply-accumulates.

    Source: opt_einsum's dynamic programming, after Pfeifer et al., arXiv:1304.6112.
    """
    if len(network.operands) < 2:
        return ()
    terms = [set(operand.indices) for operand in network.operands]
    sizes = {index: axis.size for index, axis in enumerate(network.axes)}
    # With a bound that some path keeps to, there is one pass; the bound is doubled if none does.
    search: Any = DynamicProgramming(
        minimize=_objective(weight),
        cost_cap=count_macs(network, written_path(network), weight=weight),
        search_outer=len(terms) <= MAX_SEARCHED_OUTER,
    )
    return _number_results(search(terms, set(network.output), sizes), len(terms))


@functools.lru_cache(maxsize=256)
def draw_path(network: Network, *, max_letters: int, weight: int = 0) -> tuple[Pair, ...] | None:
    """Return the cheapest of the written path and some that are drawn, improved where possible.

    Args:
        network: The einsum.
        max_letters: How many indices two operands may have between them.
        weight: As for `search_path`.

    Returns:
        The path; None if none has few enough letters.
    """
    terms = [frozenset(operand.indices) for operand in network.operands]
    sizes = {index: axis.size for index, axis in enumerate(network.axes)}
    output = frozenset(network.output)
    paths = [written_path(network), *draw_paths(terms, output, sizes)]
    best = _take_cheapest(network, paths, max_letters, weight)
    if best is None:
        return None
    better = improve_path(terms, output, sizes, best, minimize=_objective(weight))
    return _take_cheapest(network, [best, better], max_letters, weight)


def _objective(weight: int) -> str:
    """Return what is minimized as opt_einsum and cotengra call it."""
    return f"combo-{weight}" if weight else "flops"


def _number_results(path: list[tuple[int, ...]], count: int) -> tuple[Pair, ...]:
    """Translate a path that renumbers after every pair into one that numbers every tensor once."""
    live, pairs = list(range(count)), []
    for left, right in path:
        pairs.append((live[left], live[right]))
        live = [one for n, one in enumerate(live) if n not in (left, right)]
        live.append(count + len(pairs) - 1)
    return tuple(pairs)


def contract(network: Network, path: tuple[Pair, ...]) -> Iterator[Contraction]:
    """Follow a path: say for each pair which indices meet, and which are left."""
    live = {n: frozenset(operand.indices) for n, operand in enumerate(network.operands)}
    output = frozenset(network.output)
    uses = Counter(index for indices in (*live.values(), output) for index in indices)
    for step, pair in enumerate(path):
        left, right = (live.pop(position) for position in pair)
        both = left | right
        uses.subtract(left)
        uses.subtract(right)
        kept = frozenset(index for index in both if uses[index] > 0)
        uses.update(kept)
        live[len(network.operands) + step] = kept
        yield Contraction(pair, both, kept)


def count_macs(network: Network, path: tuple[Pair, ...], *, weight: int = 0) -> int:
    """Return the multiply-accumulates of a path, those included that it costs to write results.

    Args:
        network: The einsum.
        path: Its pairs.
        weight: As for `search_path`.
    """
    return sum(
        network.size(one.indices) + weight * network.size(one.kept)
        for one in contract(network, path)
    )


def is_searchable(network: Network) -> bool:
    """Say whether a network is small enough to search."""
    uses = Counter(index for operand in network.operands for index in operand.indices)
    shared = max(uses.values(), default=0) > 2
    return len(network.operands) <= (MAX_SEARCHED_SHARED if shared else MAX_SEARCHED)


def choose_path(network: Network, *, max_letters: int, weight: int = 0) -> tuple[Pair, ...] | None:
    """Return the cheaper of the written path and the best one found; if equal, the written one.

    Paths are looked for as if the tokens were the next power of two, once for all numbers between.
    Networks too large to search (see `MAX_SEARCHED`) take the best of some that are drawn.

    Args:
        network: The einsum.
        max_letters: How many indices two operands may have between them.
        weight: As for `search_path`.

    Returns:
        The path, or None if all have a step with too many indices.
    """
    rounded, paths = _round_tokens(network), [written_path(network)]
    if is_searchable(network):
        paths.append(search_path(rounded, weight=weight))
    elif drawn := draw_path(rounded, max_letters=max_letters, weight=weight):
        paths.append(drawn)
    return _take_cheapest(network, paths, max_letters, weight)


def _take_cheapest(
    network: Network, paths: list[tuple[Pair, ...]], max_letters: int, weight: int
) -> tuple[Pair, ...] | None:
    """Return the first of the cheapest paths of those that have few enough letters."""
    fitting = [path for path in paths if fits(network, path, max_letters=max_letters)]
    return min(fitting, key=lambda path: count_macs(network, path, weight=weight), default=None)


def fits(network: Network, path: tuple[Pair, ...], *, max_letters: int) -> bool:
    """Say whether no two operands of a path have too many indices between them."""
    return all(len(one.indices) <= max_letters for one in contract(network, path))


def _round_tokens(network: Network) -> Network:
    """Return the network for the next power of two of tokens."""
    tokens, *wires = network.axes
    rounded = Axis(tokens.name, 1 << (tokens.size - 1).bit_length())
    return replace(network, axes=(rounded, *wires))
