"""From a contraction path to named steps, each one einsum of two tensors."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_letters
from typing import Literal

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.compiler.path import Contraction, Network, Pair, contract

MAX_LETTERS = len(ascii_letters)
"""Letters an einsum equation can have."""

_TOKENS = 0


@dataclass(frozen=True)
class Step:
    """One einsum of a program.

    Attributes:
        operands: The names of its two operands; of one, where axes are only reordered.
        equation: The einsum; ``...`` stands for the batch.
        result: The name of what it makes.
        shape: The shape of the result, batch aside.
        macs: Multiply-accumulates, for all planned tokens.
        elements: Elements written, for all planned tokens.
        saved: Those of its operands, made by earlier steps, that training keeps for backward.
    """

    operands: tuple[str, ...]
    equation: str
    result: str
    shape: tuple[int, ...]
    macs: int
    elements: int
    saved: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """A tensor that a program starts from.

    Attributes:
        name: What the steps call it.
        kind: The input ``x``, a gate, or an identity that passes on a wire which no gate takes.
        tensor: For a gate: the name of the gate that owns the tensor.
        shape: Its shape; for x without the batch, and after splitting the features into axes.
    """

    name: str
    kind: Literal["input", "gate", "identity"]
    tensor: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Program:
    """Einsum steps in order; the last one makes the result.

    Attributes:
        sources: What it starts from; x first, if there is one.
        steps: At least one.
        rows: The sizes of the circuit's output axes.
        columns: Those of its input axes.
        tokens: For how many tokens costs are counted; 1 where no x comes in.
    """

    sources: tuple[Source, ...]
    steps: tuple[Step, ...]
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    tokens: int

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all steps, for all planned tokens."""
        return sum(step.macs for step in self.steps)

    @property
    def elements(self) -> int:
        """Elements written by all steps, for all planned tokens."""
        return sum(step.elements for step in self.steps)

    @property
    def saved_elements(self) -> int:
        """Elements that training keeps for backward beyond x and the gates, for all tokens."""
        made = {step.result: step.elements for step in self.steps}
        kept = {name for step in self.steps for name in step.saved}
        return sum(made[name] for name in kept)


def lower(
    network: Network,
    path: tuple[Pair, ...],
    *,
    circuit: Circuit,
) -> Program:
    """Make the steps of a path; a single operand gets one step that orders its axes.

    Args:
        network: The einsum.
        path: Its pairs.
        circuit: The circuit it is of.
    """
    sources = _name_sources(network)
    names = [source.name for source in sources]
    indices = [operand.indices for operand in network.operands]
    varying = [operand.kind == "input" or operand.trained for operand in network.operands]
    made: set[str] = set()
    steps = []
    contractions = list(contract(network, path)) or [_keep_all(network)]
    for number, one in enumerate(contractions, 1):
        # x, or what came of it, goes first; else the earlier tensor.
        pair = sorted(set(one.pair), key=lambda n: (_TOKENS not in indices[n], n))
        terms = [indices[n] for n in pair]
        order = network.output if number == len(contractions) else _order_axes(terms, one, network)
        saved = [n for n, other in itertools.permutations(pair, 2) if varying[other]]
        step = Step(
            operands=tuple(names[n] for n in pair),
            equation=_write_equation(terms, order, network),
            result=_unused(f"t{number}", names),
            shape=tuple(network.axes[index].size for index in order if index != _TOKENS),
            macs=network.size(one.indices) if len(pair) == 2 else 0,
            elements=network.size(order),
            saved=tuple(names[n] for n in sorted(saved) if names[n] in made),
        )
        steps.append(step)
        made.add(step.result)
        names.append(step.result)
        indices.append(order)
        varying.append(any(varying[n] for n in pair))
    rows, columns = (
        tuple(axis.size for axis in axes) for axes in (circuit.outputs, circuit.inputs)
    )
    return Program(sources, tuple(steps), rows, columns, network.axes[_TOKENS].size)


def _name_sources(network: Network) -> tuple[Source, ...]:
    """Name the tensors apart; gates keep their names."""
    taken = [operand.name for operand in network.operands if operand.kind == "gate"]
    sources = []
    for operand in network.operands:
        name = operand.name
        if operand.kind != "gate":
            name = _unused(name, taken)
            taken.append(name)
        shape = tuple(network.axes[index].size for index in operand.indices if index != _TOKENS)
        sources.append(Source(name, operand.kind, operand.tensor, shape))
    return tuple(sources)


def _unused(name: str, taken: Sequence[str]) -> str:
    return name if name not in taken else _unused(f"{name}_", taken)


def _keep_all(network: Network) -> Contraction:
    indices = frozenset(network.operands[0].indices)
    return Contraction((0, 0), indices, indices)


def _order_axes(
    terms: Sequence[tuple[int, ...]], one: Contraction, network: Network
) -> tuple[int, ...]:
    """Order the axes of a result.

    Wires of x stay in place, and new ones stand where those they replace stood, as in a circuit;
    a product of gates has the axes of the first, then those of the second.
    """
    first, second = terms
    new = [index for index in second if index in one.kept and index not in first]
    if _TOKENS not in first:
        return (*(index for index in first if index in one.kept), *new)
    taken = {network.axes[index].name for index in first if index not in one.kept}
    home: dict[str, int] = {}
    for index in new:
        if network.axes[index].name in taken:
            home.setdefault(network.axes[index].name, index)
    homeless = [index for index in new if index not in home.values()]
    order: list[int] = []
    for index in first:
        if index in one.kept:
            order.append(index)
            continue
        name = network.axes[index].name
        order += [home.pop(name)] if name in home else []
        order += homeless
        homeless = []
    return (*order, *homeless)


def _write_equation(
    terms: Sequence[tuple[int, ...]], order: tuple[int, ...], network: Network
) -> str:
    """Write an einsum: a wire's first letter, small before and large after a gate, if free."""
    letters: dict[int, str] = {}
    for index in sorted({index for term in terms for index in term} - {_TOKENS}):
        small = network.axes[index].name[0].lower()
        choice = (small, small.upper(), *ascii_letters)
        letters[index] = next(
            letter
            for letter in choice
            if letter in ascii_letters and letter not in letters.values()
        )
    spell = {**letters, _TOKENS: "..."}
    left = ",".join("".join(spell[index] for index in term) for term in terms)
    return f"{left}->{''.join(spell[index] for index in order)}"


def find_path(network: Network, operands: Sequence[Sequence[str]]) -> tuple[Pair, ...] | None:
    """Return the path whose steps take operands of given names, as `lower` names them.

    Args:
        network: The einsum.
        operands: The names of the operands of each step.

    Returns:
        The path; None if a step does not take two that are there, or more than one is left.
    """
    names = [source.name for source in _name_sources(network)]
    if len(names) == 1:
        return () if [*map(tuple, operands)] == [(names[0],)] else None
    live = dict(zip(names, range(len(names)), strict=True))
    path: list[Pair] = []
    for number, step in enumerate(operands, 1):
        if len(set(step)) != 2 or len(step) != 2 or not set(step) <= live.keys():
            return None
        first, second = (live.pop(name) for name in step)
        path.append((first, second))
        names.append(_unused(f"t{number}", names))
        live[names[-1]] = len(names) - 1
    return tuple(path) if len(live) == 1 else None
