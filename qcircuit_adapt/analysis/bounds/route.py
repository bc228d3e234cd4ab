"""Route: a lower bound on the generic rank, by values that travel through the gates on paths.

Let each gate copy what its paths bring from one of its bonds to another, and be zero wherever an
index leaves the range of its paths. Then all values of the paths at the input come out as different
values, so with these gates T has at least the rank that the widths of the paths multiply to. The
generic rank is no less than the rank at any one choice of gates.

Gates that cannot be chosen so freely, because they share a tensor or stay at special values, are
held at the identity: their bonds become one.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from qcircuit_adapt.adapter import Term
from qcircuit_adapt.analysis.bounds.cut import Subject, select_network
from qcircuit_adapt.analysis.bounds.flow import Flow, find_flow, find_path
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import CertificateError
from qcircuit_adapt.factors import prime_factors
from qcircuit_adapt.gate import Gate
from qcircuit_adapt.network import INPUT, OUTPUT, Bond, Network
from qcircuit_adapt.wires import split_ranks

MAX_ORDERS = 60
"""How many orders of bases are tried on each part of a network."""


@dataclass(frozen=True)
class Path:
    """A way from the input to the output for a range of values.

    Attributes:
        width: How many values travel on it.
        bonds: The names of the bonds it takes, one more than gates.
        gates: The gates it passes. It may leave a gate by any bond, also backwards in time.
    """

    width: int
    bonds: tuple[str, ...]
    gates: tuple[str, ...]


@dataclass(frozen=True)
class Routing:
    """Paths that share no part of a bond.

    Attributes:
        bound: The product of their widths.
        paths: The paths.
        subject: What the bound is on. In ``T - S`` a path may also go from one trained gate to
            another by their choice between the two; for ``start`` paths go from the gate that
            starts at zero to open wires. See `cut.select_network`.
    """

    bound: int
    paths: tuple[Path, ...]
    subject: Subject = "T"

    @property
    def statement(self) -> str:
        """Why the bound holds, in a sentence."""
        if not self.paths:
            return "the gates can be chosen such that T is not zero."
        widths = Counter(path.width for path in self.paths)
        powers = (f"{width}^{n}" if n > 1 else f"{width}" for width, n in sorted(widths.items()))
        count = f"{len(self.paths)} paths" if len(self.paths) > 1 else "1 path"
        if self.subject == "start":
            return (
                f"copied along {count}, {' * '.join(powers)} entries of the gate that starts at "
                "zero move T independently."
            )
        return f"gates of {self.subject} that copy along {count} carry {' * '.join(powers)} values."

    def check(self, circuit: Circuit) -> None:
        """Follow every path, and compare what each bond carries with its size.

        Raises:
            CertificateError: A path leaves the circuit, a bond carries too much, or the bound is
                not the product of the widths.
        """
        network = settle(circuit, subject=self.subject)
        if network is None:
            raise CertificateError("no routing holds where a gate has special values.")
        check_routing(network, self)


def find_routing(circuit: Circuit, *, subject: Subject = "T") -> Routing | None:
    """Find paths of as large a product of widths as the search knows.

    It is the generic rank exactly where all sizes are powers of one whole number and every gate is
    free.

    Args:
        circuit: The circuit.
        subject: The matrix whose rank is bounded; S has the initial values of the gates.

    Returns:
        The routing, or None where gates have special values for which none is proved.

    Example:
        >>> find_routing(Circuit.parse("x=64 | x -> r=4, r -> y=64")).bound
        4

    Source: Cui et al., "Quantum max-flow / min-cut", arXiv:1508.04644, for powers of one number.
    """
    network = settle(circuit, subject=subject)
    if network is None:
        return None
    return route_network(network, subject=subject)


def route_network(network: Network, *, subject: Subject = "T") -> Routing:
    """Find paths through a network whose gates can be chosen freely."""
    paths = tuple(itertools.chain.from_iterable(map(_route_part, network.parts())))
    return Routing(_multiply(paths), paths, subject)


def settle(circuit: Circuit, *, subject: Subject) -> Network | None:
    """Return the network of the gates that can be chosen freely, with the others at the identity.

    Returns:
        The network, or None where one of the others cannot be the identity, or where nothing is
        left in which T differs from S.
    """
    moved = Term(circuit, "zero").zero_gate if subject == "start" else None
    special = {
        gate.name
        for gate in circuit.gates
        if is_special(circuit, gate) and (subject != "T" or not circuit.trainable(gate))
    } - {moved}
    if not all(can_be_identity(circuit, gate) for gate in circuit.gates if gate.name in special):
        return None
    halves = split_ranks(circuit)
    uses = Counter(halves.owner(gate).name for gate in halves.gates)
    held = [g for g in halves.gates if g.name in special or uses[halves.owner(g).name] > 1]
    names = {gate.name for gate in held}
    if subject == "T - S" and all(g.name in names for g in halves.gates if halves.trainable(g)):
        return None
    return _hold(select_network(circuit, subject), held)


def is_special(circuit: Circuit, gate: Gate) -> bool:
    """Say whether a gate starts at values that are not generic; a diagonal gate does, at ones."""
    generic = ("normal",) if gate.diagonal else ("kaiming", "normal")
    return (circuit.owner(gate).init or "kaiming") not in generic


def can_be_identity(circuit: Circuit, gate: Gate) -> bool:
    """Say whether a gate at special values is, or may be taken for, the identity wire by wire.

    An orthogonal gate may be taken for it: the rank at the identity, or at a reflection that
    changes one sign, bounds that of almost all orthogonal gates.
    """
    on, to = ([axis.size for axis in axes] for axes in (gate.on, gate.to))
    owner = circuit.owner(gate)
    singular = owner.init == "zero" or (owner.init == "ones" and not owner.diagonal)
    return not singular and owner.rank is None and on == to


def _hold(network: Network, held: list[Gate]) -> Network:
    """Join the bonds of each held gate, wire by wire, and drop the wires that it starts or ends.

    A held gate is one on equal indices, whatever its control wires say. Bonds joined through it
    carry what the smallest of them can; one it starts or ends is held at its first value.
    """
    import networkx

    names = {gate.name for gate in held}
    given = {(bond.ends[0], bond.wire): bond for bond in network.bonds}
    taken = {(end, bond.wire): bond for bond in network.bonds for end in bond.ends[1:]}
    joins = networkx.Graph()
    joins.add_nodes_from(network.bonds)
    dropped: set[Bond] = set()
    for gate in held:
        before = [taken[gate.name, axis.name] for axis in gate.on]
        after = [given[gate.name, axis.name] for axis in gate.to]
        joins.add_edges_from(zip(before, after, strict=False))
        count = min(len(before), len(after))
        dropped |= {*before[count:], *after[count:]}
    bonds = []
    order = {bond: n for n, bond in enumerate(network.bonds)}
    for group in networkx.connected_components(joins):
        if group & dropped:
            continue
        chain = sorted(group, key=order.__getitem__)
        ends = dict.fromkeys(end for bond in chain for end in bond.ends if end not in names)
        bonds.append(Bond(chain[0].wire, min(bond.size for bond in chain), tuple(ends)))
    return Network(tuple(gate for gate in network.gates if gate not in names), tuple(bonds))


def check_routing(network: Network, routing: Routing) -> None:
    """Follow every path, and compare what each bond carries with its size.

    Raises:
        CertificateError: A path leaves the network, a bond carries too much, or the bound is not
            the product of the widths.
    """
    bonds = {bond.name: bond for bond in network.bonds}
    carried = dict.fromkeys(bonds, 1)
    for path in routing.paths:
        stops = (INPUT, *path.gates, OUTPUT)
        simple = len(set(stops)) == len(stops) and len(set(path.bonds)) == len(path.bonds)
        if path.width < 1 or len(path.bonds) != len(stops) - 1 or not simple:
            raise CertificateError("a path is not one way from the input to the output.")
        for name, start, stop in zip(path.bonds, stops, stops[1:], strict=False):
            if name not in bonds or not {start, stop} <= set(bonds[name].ends):
                raise CertificateError(f"a path takes a bond {name!r} that does not lead on.")
            carried[name] *= path.width
    for name, amount in carried.items():
        if amount > bonds[name].size:
            raise CertificateError(f"the paths need {amount:,} values of bond {bonds[name]}.")
    product = _multiply(routing.paths)
    if product != routing.bound:
        raise CertificateError(
            f"the paths carry {product:,} values, but {routing.bound:,} are claimed."
        )


def _route_part(part: Network) -> list[Path]:
    """Search one part for paths; stop where its smallest cut is met."""
    best: list[Path] = []
    most = find_flow(part, lambda _, size: size).value
    for rounds in _plans(part):
        paths = _pack(part, rounds)
        if _multiply(paths) > _multiply(best):
            best = paths
        if _multiply(best) == most:
            break
    return best


def _plans(part: Network) -> Iterator[list[tuple[int, bool]]]:
    """Say in which bases, one after another, to fill the bonds, and whether to divide them evenly.

    Even division by every prime is best where all sizes are powers of one number.
    """
    primes = {2} | {prime for bond in part.bonds for prime in prime_factors(bond.size)}
    bases = sorted(primes, reverse=True)
    filling = [(base, False) for base in bases]
    yield [(base, True) for base in bases] + filling
    for first in itertools.islice(itertools.permutations(bases, 2), MAX_ORDERS):
        rest = (base for base in bases if base not in first)
        yield [(base, False) for base in (*first, *rest)]


def _pack(part: Network, rounds: Iterable[tuple[int, bool]]) -> list[Path]:
    """Fill what room is left in the bonds with paths, base by base."""
    room = {bond.name: bond.size for bond in part.bonds}
    paths = []
    for base, evenly in rounds:
        power = _dividing_power if evenly else _fitting_power
        powers = {name: power(base, size) for name, size in room.items()}
        for path in _follow(find_flow(part, lambda name, _: powers[name])):  # noqa: B023
            paths.append(path)
            for name in path.bonds:
                room[name] //= path.width
    return paths


def _follow(flow: Flow) -> Iterator[Path]:
    """Take a flow apart into paths."""
    amounts = {tail: dict(heads) for tail, heads in flow.amounts.items()}
    while nodes := find_path(amounts):
        steps = list(itertools.pairwise(nodes))
        width = min(amounts[tail][head] for tail, head in steps)
        for tail, head in steps:
            amounts[tail][head] /= width
        yield Path(
            int(width),
            tuple(node[0] for node in nodes if isinstance(node, tuple) and node[1] == "in"),
            tuple(node for node in nodes[1:-1] if isinstance(node, str)),
        )


def _multiply(paths: Iterable[Path]) -> int:
    return math.prod(path.width for path in paths)


def _fitting_power(base: int, size: int) -> int:
    power = 1
    while power * base <= size:
        power *= base
    return power


def _dividing_power(base: int, size: int) -> int:
    power = 1
    while size % (power * base) == 0:
        power *= base
    return power
