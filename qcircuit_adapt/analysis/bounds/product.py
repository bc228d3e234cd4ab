"""Product: an upper bound on the rank of ``T - S`` where T is a Kronecker product.

Parts of a circuit that only the input and the output join are factors of its matrix. What has no
trained gate is the same in T and S and multiplies the rank. Of the rest, the images of T and S meet
at least in the product of what their factors' images have in common, so ``T - S`` has at most the
rank of T and of S together less that much. The same holds for the spaces of rows.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from qcircuit_adapt.analysis.bounds.cut import crossing
from qcircuit_adapt.analysis.bounds.flow import find_flow
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import CertificateError
from qcircuit_adapt.network import INPUT, OUTPUT, Bond, Network, build_network
from qcircuit_adapt.wires import split_ranks

Space = Literal["columns", "rows"]
"""What T and S share: they map into one space, or out of one space."""


@dataclass(frozen=True)
class Factor:
    """A part of a circuit that stands beside the others.

    Attributes:
        gates: Its gates, or half-gates.
        rank: Its rank is at most this, in T and in S.
        rank_side: The gates on the input side of the cut that shows it.
        span: The columns of both, or the rows of both, lie in a space of this dimension.
        span_side: The gates on the input side of the cut that shows it: for columns all that are
            trained, for rows none of them.
    """

    gates: tuple[str, ...]
    rank: int
    rank_side: tuple[str, ...]
    span: int
    span_side: tuple[str, ...]


@dataclass(frozen=True)
class ProductBound:
    """The factors of ``T - S``, and what T and S have in common in each.

    Attributes:
        bound: ``2 prod(rank) - prod(max(0, 2 rank - span))`` over the factors with trained gates,
            times the ranks of the others, times `through`.
        through: The product of the sizes of the wires that no gate changes.
        factors: The factors.
        space: Whether the factors' `span` is of columns or of rows.
    """

    bound: int
    through: int
    factors: tuple[Factor, ...]
    space: Space
    subject: Literal["T - S"] = "T - S"

    @property
    def statement(self) -> str:
        """Why the bound holds, in a sentence."""
        ranks = " * ".join(f"{factor.rank:,}" for factor in self.factors) or "1"
        spans = ", ".join(f"{factor.span:,}" for factor in self.factors)
        beside = f", beside an identity of size {self.through:,}" if self.through > 1 else ""
        return (
            f"T and S are products of factors of rank {ranks}{beside}, and the {self.space} of "
            f"the factors, which span {spans} dimensions, meet."
        )

    def check(self, circuit: Circuit) -> None:
        """Multiply the bonds of every cut, and put the numbers together again.

        Raises:
            CertificateError: The factors are not joined by the input and the output alone, a cut is
                none, or a number differs.
        """
        whole = build_network(circuit)
        network, trained = loosen(whole), find_trained(circuit)
        gates = [gate for factor in self.factors for gate in factor.gates]
        if sorted(gates) != sorted(network.gates):
            raise CertificateError("the factors do not have each gate of the circuit once.")
        for factor in self.factors:
            _check_factor(network, factor, trained, self.space)
        if self.through != math.prod(bond.size for bond in whole.bonds if is_through(bond)):
            raise CertificateError("the wires that no gate changes have another size.")
        derived = _combine(self.through, self.factors, trained)
        if self.bound != derived:
            raise CertificateError(
                f"the factors give the bound {derived:,}, but {self.bound:,} is claimed."
            )


def find_product(circuit: Circuit) -> ProductBound:
    """Bound the rank of ``T - S`` by its factors.

    Example:
        >>> find_product(Circuit.parse("a=9 b=9 | a {rank=3}, b {rank=6}")).bound
        36
    """
    whole, trained = build_network(circuit), find_trained(circuit)
    through = math.prod(bond.size for bond in whole.bonds if is_through(bond))
    parts = loosen(whole).parts()
    found = []
    for space in ("columns", "rows"):
        factors = tuple(_find_factor(part, trained, space) for part in parts)
        found.append(ProductBound(_combine(through, factors, trained), through, factors, space))
    return min(found, key=lambda bound: bound.bound)


def find_trained(circuit: Circuit) -> frozenset[str]:
    """Return the names of the gates and half-gates that are trained."""
    halves = split_ranks(circuit)
    return frozenset(gate.name for gate in halves.gates if halves.trainable(gate))


def is_through(bond: Bond) -> bool:
    """Say whether a bond joins the input to the output: gates at most see its index."""
    return INPUT in bond.ends and OUTPUT in bond.ends


def loosen(network: Network) -> Network:
    """Drop the bonds that need not join anything: those of size 1, and those through the network.

    With the indices fixed that join the input to the output, T is one of several diagonal blocks,
    so its rank is at most that of the network which is left times the sizes of these bonds.
    """
    kept = (bond for bond in network.bonds if bond.size > 1 and not is_through(bond))
    return Network(network.gates, tuple(kept))


def find_span(part: Network, trained: Collection[str], *, space: Space) -> tuple[str, ...]:
    """Return the input side of a smallest cut with all trained gates on one side of it.

    That is the input's side for a space of columns, and the output's for one of rows.
    """
    end = INPUT if space == "columns" else OUTPUT
    other = OUTPUT if end == INPUT else INPUT
    # The other end's own bonds are a cut, so none that costs more is a smallest one.
    most = math.prod(bond.size for bond in part.bonds if other in bond.ends)
    ends = (end, *(gate for gate in part.gates if gate in trained))
    joined = Network(part.gates, (*part.bonds, Bond("T - S", most + 1, ends)))
    flow = find_flow(joined, lambda _, size: size)
    return tuple(gate for gate in part.gates if gate in flow.input_side)


def _find_factor(part: Network, trained: Collection[str], space: Space) -> Factor:
    flow = find_flow(part, lambda _, size: size)
    side = tuple(gate for gate in part.gates if gate in flow.input_side)
    span_side = find_span(part, trained, space=space)
    return Factor(part.gates, _cross(part, side), side, _cross(part, span_side), span_side)


def _cross(network: Network, side: tuple[str, ...]) -> int:
    return math.prod(bond.size for bond in crossing(network, side))


def _combine(through: int, factors: Iterable[Factor], trained: Collection[str]) -> int:
    """Put the bounds on the factors together.

    The result grows with the ranks, as long as they are at most the spans, so it holds for ranks
    below the bounds as well.
    """
    kept, product, common, changed = through, 1, 1, False
    for factor in factors:
        rank = min(factor.rank, factor.span)
        if any(gate in trained for gate in factor.gates):
            changed = True
            product *= rank
            common *= max(0, 2 * rank - factor.span)
        else:
            kept *= rank
    return kept * (2 * product - common) if changed else 0


def _check_factor(network: Network, factor: Factor, trained: Collection[str], space: Space) -> None:
    gates = {*factor.gates}
    inside, ends = [], {INPUT, OUTPUT}
    for bond in network.bonds:
        if gates & {*bond.ends}:
            inside.append(bond)
            if not {*bond.ends} <= gates | ends:
                raise CertificateError(f"bond {bond} joins two factors.")
    part = Network(factor.gates, tuple(inside))
    for side in (factor.rank_side, factor.span_side):
        if not {*side} <= gates:
            raise CertificateError("a cut of a factor has gates of another.")
    if _cross(part, factor.rank_side) != factor.rank:
        raise CertificateError(f"the cut of a factor does not show the rank {factor.rank:,}.")
    wrong = gates - {*factor.span_side} if space == "columns" else {*factor.span_side}
    if wrong & {*trained} or _cross(part, factor.span_side) != factor.span:
        raise CertificateError(f"the cut of a factor does not show the span {factor.span:,}.")
