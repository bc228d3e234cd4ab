"""Survey: what is told of a circuit beside its picture, as plain data for pages that show it."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from qcircuit_adapt.analysis import (
    Cut,
    Freedom,
    RankClaim,
    claim_rank,
    find_cut,
    find_freedom,
)
from qcircuit_adapt.axes import format_axes
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.compiler.lower import MAX_LETTERS, Program, lower
from qcircuit_adapt.compiler.path import (
    apply_network,
    choose_path,
    contract,
    written_path,
)
from qcircuit_adapt.network import INPUT, OUTPUT
from qcircuit_adapt.wires import half_names

TOKENS = 2048
"""For how many tokens the steps are chosen and counted."""

MAX_FREEDOM = 60
MAX_QUICK_SEARCH = 12
"""Gates up to which degrees of freedom are looked for, and operands up to which a quick survey
searches for a contraction path: half a second's work at most."""

_STATEMENT = 400


@dataclass(frozen=True)
class Bounds:
    """A proved number: what it is at least and at most, and why.

    Attributes:
        lower: It is at least this.
        upper: It is at most this.
        status: What kind of claim it is.
        reasons: Why at least, and why at most.
    """

    lower: int
    upper: int
    status: str
    reasons: tuple[str, str]

    @property
    def exact(self) -> bool:
        """Whether the bounds meet."""
        return self.lower == self.upper


@dataclass(frozen=True)
class CutBond:
    """A bond of the smallest cut, by the piece of wire on which it is crossed.

    Attributes:
        wire: The wire's name.
        size: Its size.
        giver: The gate the piece comes from; None for the input.
        taker: The gate it goes to; None for the output. Equal to the giver where the bond is inside
            a gate of bounded rank.
    """

    wire: str
    size: int
    giver: str | None
    taker: str | None


@dataclass(frozen=True)
class GateFacts:
    """A gate in numbers.

    Attributes:
        name: Its name.
        wires: What it takes and gives, with sizes.
        on: The names of the wires it takes, its control wires last.
        shape: The shape of its tensor.
        parameters: How many numbers it stores.
        macs: Multiply-accumulates for one token, gate after gate.
        special: What else there is to say, a phrase each.
        steps: The steps of the contraction that take it up, counted from 1.
        cut: The bonds of the smallest cut that it is on.
    """

    name: str
    wires: str
    on: tuple[str, ...]
    shape: tuple[int, ...]
    parameters: int
    macs: int
    special: tuple[str, ...]
    steps: tuple[int, ...]
    cut: tuple[str, ...]


@dataclass(frozen=True)
class StepFacts:
    """A step of the contraction.

    Attributes:
        operands: What it multiplies.
        equation: The einsum.
        result: The name of what it makes.
        shape: The shape of the result, tokens aside.
        macs: Multiply-accumulates, for `TOKENS` tokens.
        elements: Elements written, for `TOKENS` tokens.
        parts: For each operand the gates that are in it by now, by position.
        tokens: For each operand whether the input is in it.
    """

    operands: tuple[str, ...]
    equation: str
    result: str
    shape: tuple[int, ...]
    macs: int
    elements: int
    parts: tuple[tuple[int, ...], ...]
    tokens: tuple[bool, ...]


@dataclass(frozen=True)
class Survey:
    """All that is told of a circuit beside its picture.

    Attributes:
        name: Its name, perhaps empty.
        text: Its text.
        d_in: The input dimension.
        d_out: The output dimension.
        parameters: How many numbers are trained.
        frozen_parameters: How many are stored but not trained.
        macs_per_token: Multiply-accumulates for one token, gate after gate.
        planned_macs: The same along the contraction path, rounded up; None without one.
        searched: Whether that path was searched for; else it is the written order.
        saved_per_token: Elements kept for backward beyond x and the gates; None without a path.
        rank: The rank of T.
        update_rank: The rank of the update T - S.
        freedom: Degrees of freedom; None where they would take long.
        cut_bound: What the smallest cut proves: rank T is at most this.
        cut: Its bonds.
        gates: The gates, in written order.
        steps: The steps of the contraction; none where no path can be written down.
    """

    name: str
    text: str
    d_in: int
    d_out: int
    parameters: int
    frozen_parameters: int
    macs_per_token: int
    planned_macs: int | None
    searched: bool
    saved_per_token: int | None
    rank: Bounds
    update_rank: Bounds
    freedom: Bounds | None
    cut_bound: int
    cut: tuple[CutBond, ...]
    gates: tuple[GateFacts, ...]
    steps: tuple[StepFacts, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the survey as data that JSON can hold."""
        return dataclasses.asdict(self)


def survey(circuit: Circuit, *, quick: bool = False) -> Survey:
    """Count, bound and plan a circuit; nothing is run.

    Args:
        circuit: The circuit.
        quick: Whether an answer is waited for: paths of more than `MAX_QUICK_SEARCH` operands are
            then not searched.

    Example:
        >>> found = survey(Circuit.parse("x=64 | x -> r=4, r -> y=64", name="lora"))
        >>> found.rank.upper, found.update_rank.upper, [bond.wire for bond in found.cut]
        (4, 8, ['r'])
        >>> [gate.steps for gate in found.gates]
        [(1,), (2,)]
    """
    program, searched = _plan(circuit, quick=quick)
    cut = find_cut(circuit)
    owners = _owners_of_halves(circuit)
    bonds = tuple(_cross(cut, owners))
    free = find_freedom(circuit) if len(circuit.gates) <= MAX_FREEDOM else None
    return Survey(
        name=circuit.name,
        text=circuit.text,
        d_in=circuit.d_in,
        d_out=circuit.d_out,
        parameters=circuit.parameters,
        frozen_parameters=circuit.frozen_parameters,
        macs_per_token=circuit.macs_per_token,
        planned_macs=-(-program.macs // TOKENS) if program else None,
        searched=searched,
        saved_per_token=-(-program.saved_elements // TOKENS) if program else None,
        rank=_bound(claim_rank(circuit, witness=False), "proved"),
        update_rank=_bound(claim_rank(circuit, form="difference", witness=False), "proved"),
        freedom=_bound(free, free.status) if free else None,
        cut_bound=cut.bound,
        cut=bonds,
        gates=tuple(_describe_gates(circuit, program, bonds, owners)),
        steps=tuple(_follow(program, circuit, owners)) if program else (),
    )


def _plan(circuit: Circuit, *, quick: bool) -> tuple[Program | None, bool]:
    """Return the program that `compile` would apply the circuit with, and whether it was searched.

    A circuit that einsum has too few letters for has none.
    """
    network = apply_network(circuit, tokens=TOKENS)
    searched = not quick or len(network.operands) <= MAX_QUICK_SEARCH
    path = choose_path(network, max_letters=MAX_LETTERS) if searched else written_path(network)
    if path is None or any(len(one.indices) > MAX_LETTERS for one in contract(network, path)):
        return None, searched
    return lower(network, path, circuit=circuit), searched


def _bound(claim: RankClaim | Freedom, status: str) -> Bounds:
    reasons = (claim.below.statement[:_STATEMENT], claim.above.statement[:_STATEMENT])
    return Bounds(claim.lower, claim.upper, status, reasons)


def _owners_of_halves(circuit: Circuit) -> Mapping[str, str]:
    """Return the gate behind each tensor of the network: itself, or the gate that it is half of."""
    names = [gate.name for gate in circuit.gates]
    owners = {name: name for name in names}
    for gate in circuit.gates:
        if circuit.owner(gate).rank:
            owners |= dict.fromkeys(half_names(gate.name, names), gate.name)
    return owners


def _cross(cut: Cut, owners: Mapping[str, str]) -> Iterator[CutBond]:
    """Say on which piece of its wire each bond of a cut passes from one side to the other."""
    inner = {INPUT, *cut.input_side}
    for bond in cut.bonds:
        for giver, taker in itertools.pairwise(bond.ends):
            if (giver in inner) != (taker in inner):
                yield CutBond(
                    bond.wire,
                    bond.size,
                    None if giver == INPUT else owners[giver],
                    None if taker == OUTPUT else owners[taker],
                )
                break


def _describe_gates(
    circuit: Circuit,
    program: Program | None,
    cut: tuple[CutBond, ...],
    owners: Mapping[str, str],
) -> Iterator[GateFacts]:
    steps: dict[str, list[int]] = {}
    for number, step in enumerate(program.steps if program else (), 1):
        for name in step.operands:
            if name in owners:
                steps.setdefault(owners[name], []).append(number)
    for gate, macs in zip(circuit.gates, circuit.gate_macs, strict=True):
        owner = circuit.owner(gate)
        wires = format_axes(gate.on)
        wires += f" -> {format_axes(gate.to)}" if gate.to != gate.on else ""
        wires += f" per {format_axes(gate.per)}" if gate.per else ""
        special = (
            f"rank {owner.rank}" if owner.rank else "",
            "diagonal" if gate.diagonal else "",
            "frozen" if owner.frozen else "",
            f"starts as {owner.init}" if owner.init else "",
            f"shares the tensor of {owner.name}" if gate.share else "",
        )
        yield GateFacts(
            name=gate.name,
            wires=wires.strip(),
            on=tuple(axis.name for axis in gate.on + gate.per),
            shape=gate.shape,
            parameters=gate.parameters,
            macs=macs,
            special=tuple(filter(None, special)),
            steps=tuple(dict.fromkeys(steps.get(gate.name, ()))),
            cut=tuple(
                f"{bond.wire}={bond.size}" for bond in cut if gate.name in (bond.giver, bond.taker)
            ),
        )


def _follow(program: Program, circuit: Circuit, owners: Mapping[str, str]) -> Iterator[StepFacts]:
    """Say for each step which gates have come together in its operands."""
    position = {gate.name: n for n, gate in enumerate(circuit.gates)}
    parts: dict[str, tuple[int, ...]] = {}
    tokens: dict[str, bool] = {}
    for source in program.sources:
        parts[source.name] = (position[owners[source.name]],) if source.kind == "gate" else ()
        tokens[source.name] = source.kind == "input"
    for step in program.steps:
        inside = tuple(parts[name] for name in step.operands)
        parts[step.result] = tuple(sorted({gate for part in inside for gate in part}))
        tokens[step.result] = any(tokens[name] for name in step.operands)
        yield StepFacts(
            operands=step.operands,
            equation=step.equation,
            result=step.result,
            shape=step.shape,
            macs=step.macs,
            elements=step.elements,
            parts=inside,
            tokens=tuple(tokens[name] for name in step.operands),
        )
