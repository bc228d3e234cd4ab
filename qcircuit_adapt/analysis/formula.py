"""Formula: counts as polynomials in the sizes of axes and the ranks of gates.

A formula has a value as well, so that it stands beside a number and can be compared with it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from qcircuit_adapt.analysis.freedom.gauge import (
    Gauge,
    Pair,
    build_blocking,
    copy_pencils,
    free_gates,
)
from qcircuit_adapt.axes import Axis
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.network import Bond, build_network
from qcircuit_adapt.wires import split_ranks


@dataclass(frozen=True, order=True)
class Symbol:
    """A letter for a size or a rank.

    Attributes:
        name: The axis, or ``r`` for a rank.
        index: What tells it from others of that name, or empty: a number where an axis changes its
            size, the gate for a rank.
        size: Its value.
    """

    name: str
    index: str
    size: int

    def __str__(self) -> str:
        return f"{self.name}_{self.index}" if self.index else self.name

    def tex(self) -> str:
        """Return the symbol in LaTeX, for math mode."""
        name, index = (
            word if len(word) == 1 or word.isdigit() else rf"\mathit{{{word}}}".replace("_", r"\_")
            for word in (self.name, self.index)
        )
        return f"{name}_{{{index}}}" if self.index else name


@dataclass(frozen=True)
class Monomial:
    """A coefficient times symbols.

    Attributes:
        coefficient: A whole number other than 0.
        symbols: In order; as often as the power says.
    """

    coefficient: int
    symbols: tuple[Symbol, ...] = ()

    @property
    def value(self) -> int:
        """The number that it is."""
        return self.coefficient * math.prod(symbol.size for symbol in self.symbols)

    def __str__(self) -> str:
        return " ".join(self._write(tex=False))

    def tex(self) -> str:
        """Return the monomial in LaTeX, for math mode."""
        return r"\, ".join(self._write(tex=True))

    def _write(self, *, tex: bool) -> Iterator[str]:
        sign = "-" if self.coefficient < 0 else ""
        if abs(self.coefficient) != 1 or not self.symbols:
            yield str(self.coefficient)
            sign = ""
        for symbol, power in Counter(self.symbols).items():
            written = symbol.tex() if tex else str(symbol)
            raised = f"{written}^{{{power}}}" if tex else f"{written}^{power}"
            yield sign + (raised if power > 1 else written)
            sign = ""


@dataclass(frozen=True)
class Formula:
    """A polynomial.

    Attributes:
        monomials: Its terms, no two of the same symbols.

    Example:
        >>> formula = count_parameters(Circuit.parse("x=64 | x -> r=4, r -> y=32"))
        >>> print(formula, formula.value)
        r (x + y) 384
        >>> [str(monomial) for monomial in formula.monomials]
        ['r x', 'r y']
    """

    monomials: tuple[Monomial, ...] = ()

    @property
    def value(self) -> int:
        """The number that it is."""
        return sum(monomial.value for monomial in self.monomials)

    def __add__(self, other: Formula) -> Formula:
        """Return the sum, with the terms of this formula first."""
        return collect((*self.monomials, *other.monomials))

    def __sub__(self, other: Formula) -> Formula:
        """Return the difference, with the terms of this formula first."""
        negative = (Monomial(-one.coefficient, one.symbols) for one in other.monomials)
        return collect((*self.monomials, *negative))

    def __str__(self) -> str:
        common, rest = self._factor()
        joined = _join([str(one) for one in rest])
        return f"{common} ({joined})" if common else joined

    def tex(self) -> str:
        """Return the formula in LaTeX, for math mode."""
        common, rest = self._factor()
        joined = _join([one.tex() for one in rest])
        return rf"{common.tex()}\, ({joined})" if common else joined

    def _factor(self) -> tuple[Monomial | None, tuple[Monomial, ...]]:
        """Take out what all terms have in common, if there is anything."""
        if len(self.monomials) < 2:
            return None, self.monomials
        number = math.gcd(*(one.coefficient for one in self.monomials))
        powers = [Counter(one.symbols) for one in self.monomials]
        shared = powers[0]
        for power in powers[1:]:
            shared = shared & power
        if number == 1 and not shared:
            return None, self.monomials
        rest = (
            Monomial(one.coefficient // number, tuple(sorted((power - shared).elements())))
            for one, power in zip(self.monomials, powers, strict=True)
        )
        return Monomial(number, tuple(sorted(shared.elements()))), tuple(rest)


def collect(monomials: Iterable[Monomial]) -> Formula:
    """Add up the monomials of the same symbols, in the order of their first, a number last."""
    totals: dict[tuple[Symbol, ...], int] = {}
    for one in monomials:
        symbols = tuple(sorted(one.symbols))
        totals[symbols] = totals.get(symbols, 0) + one.coefficient
    ordered = sorted(totals.items(), key=lambda item: not item[0])
    return Formula(tuple(Monomial(number, key) for key, number in ordered if number))


def count_parameters(circuit: Circuit) -> Formula:
    """Count the trained numbers.

    Example:
        >>> print(count_parameters(Circuit.parse("a=16 b=8 c=4 | a b, b c -> b=2 c, a c {rank=3}")))
        a^2 b_1^2 + b_1 b_2 c^2 + 2 a c r_g3
    """
    halves, symbols = split_ranks(circuit), list_symbols(circuit)
    return collect(
        Monomial(1, tuple(symbols[axis] for axis in gate.per + gate.to + gate.on))
        for gate in halves.gates
        if not gate.share and not gate.frozen
    )


def count_macs(circuit: Circuit) -> Formula:
    """Count the multiply-accumulates for one input vector, gate after gate.

    Example:
        >>> print(count_macs(Circuit.parse("a=16 b=8 c=4 | a b, b c")))
        a b^2 c (a + c)
    """
    halves, symbols = split_ranks(circuit), list_symbols(circuit)
    steps = zip(halves.gates, halves.stages, strict=False)
    return collect(
        Monomial(1, tuple(symbols[axis] for axis in (*wires, *gate.to))) for gate, wires in steps
    )


def count_freedom(circuit: Circuit, gauge: Gauge) -> Formula | None:
    """Count parameters minus gauge, where that is a formula.

    Args:
        circuit: The circuit.
        gauge: The count of its gauge.

    Returns:
        The formula, or None where gates are merged, share their tensors or have control wires in
        common, where a bond is wider than the rest of a gate, or where a basis does nothing.

    Example:
        >>> from qcircuit_adapt.analysis.freedom.gauge import count_gauge
        >>> circuit = Circuit.parse("x=64 | x -> r=4, r -> y=32")
        >>> formula = count_freedom(circuit, count_gauge(circuit))
        >>> print(formula, formula.value)
        r (x + y - r) 368
    """
    blocking = build_blocking(circuit, gauge.blocks)
    single = all(len(block) == 1 for block in gauge.blocks)
    kept = blocking == copy_pencils(blocking) and not blocking.apart
    if not (single and kept) or any(blocking.controls) or blocking.stabilizer:
        return None
    if {name for (name,) in gauge.blocks} != {*free_gates(circuit)}:
        return None
    symbols, edges = list_symbols(circuit), _list_edges(circuit, gauge)
    if any(math.prod(bond.size for bond in edges[pair]) != k for pair, k in blocking.edges.items()):
        return None
    formula = count_parameters(circuit)
    for bonds in edges.values():
        sizes = tuple(symbols[Axis(bond.wire, bond.size)] for bond in bonds)
        formula -= Formula((Monomial(1, sizes * 2), Monomial(-1)))
    formula -= collect([Monomial(len(gauge.blocks) - 1)])
    return formula if formula.value == gauge.bound else None


def list_symbols(circuit: Circuit) -> dict[Axis, Symbol]:
    """Give every axis of a circuit a symbol, and the bonds of its gates of bounded rank.

    Example:
        >>> print(*list_symbols(Circuit.parse("a=16 b=8 | a b -> a=4 b {rank=3}")).values())
        a_1 b r_g1 a_2
    """
    halves = split_ranks(circuit)
    ranks = _list_ranks(circuit, halves)
    axes = dict.fromkeys(axis for stage in halves.stages for axis in stage)
    sizes: dict[str, list[int]] = {}
    for axis in axes:
        sizes.setdefault(axis.name, []).append(axis.size)
    symbols: dict[Axis, Symbol] = {}
    taken: dict[str, Symbol] = {}
    for axis in axes:
        known = sizes[axis.name]
        index = str(1 + known.index(axis.size)) if len(known) > 1 else ""
        symbol = ranks.get(axis, Symbol(axis.name, index, axis.size))
        while taken.setdefault(str(symbol), symbol) != symbol:
            symbol = Symbol(symbol.name, f"{symbol.index}_", symbol.size)
        symbols[axis] = symbol
    return symbols


def _list_ranks(circuit: Circuit, halves: Circuit) -> dict[Axis, Symbol]:
    """Name the bonds of gates of bounded rank by the gates that own the tensors."""
    found, gates = {}, iter(halves.gates)
    for gate in circuit.gates:
        half, owner = next(gates), circuit.owner(gate)
        if owner.rank:
            found[half.to[0]] = Symbol("r", owner.name, owner.rank)
            next(gates)
    return found


def _list_edges(circuit: Circuit, gauge: Gauge) -> dict[Pair, list[Bond]]:
    """Return the bonds between each two blocks of one gate."""
    number = {name: n for n, (name,) in enumerate(gauge.blocks)}
    edges: dict[Pair, list[Bond]] = {}
    for bond in build_network(circuit).bonds:
        if len(bond.ends) == 2 and number.keys() >= {*bond.ends}:
            first, second = sorted(number[end] for end in bond.ends)
            edges.setdefault((first, second), []).append(bond)
    return edges


def _join(terms: list[str]) -> str:
    """Write a sum; a term that starts with a minus is subtracted."""
    if not terms:
        return "0"
    return "".join(
        f" - {term[1:]}" if n and term.startswith("-") else f" + {term}" if n else term
        for n, term in enumerate(terms)
    )
