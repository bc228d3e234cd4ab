"""Network: the tensors of a circuit, and the bonds that join them.

A gate of bounded rank is two tensors. A control wire passes through a gate unchanged, so its bond
has that gate as one more end: a bond may have any number of ends, and its index has the same value
at all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.wires import split_ranks

if TYPE_CHECKING:
    import networkx

INPUT, OUTPUT = "<in>", "<out>"
"""The ends of open wires; neither can be the name of a gate."""


@dataclass(frozen=True)
class Bond:
    """An index that tensors share.

    Attributes:
        wire: The wire it is a piece of.
        size: How many values it takes.
        ends: The gates that have it, in order, the one that gives it first; `INPUT` or `OUTPUT`
            where it is open.
    """

    wire: str
    size: int
    ends: tuple[str, ...]

    @property
    def name(self) -> str:
        """What no other bond or gate is called."""
        return f"{self.ends[0]}:{self.wire}"

    def __str__(self) -> str:
        origin = "the input" if self.ends[0] == INPUT else self.ends[0]
        return f"{self.wire}={self.size} from {origin}"


@dataclass(frozen=True)
class Network:
    """Gates, by name, and the bonds between them.

    Attributes:
        gates: The tensors; of a gate ``g`` of bounded rank its halves, ``g_in`` and ``g_out``.
        bonds: All bonds, open ones included.
    """

    gates: tuple[str, ...]
    bonds: tuple[Bond, ...]

    def graph(self) -> networkx.Graph:
        """Return the graph with a node for each gate and each bond, and an edge for each end.

        Nodes have a ``kind``, ``"gate"``, ``"bond"`` or ``"open"``; those of bonds have a ``size``.
        """
        import networkx

        graph = networkx.Graph()
        graph.add_nodes_from((INPUT, OUTPUT), kind="open")
        graph.add_nodes_from(self.gates, kind="gate")
        for bond in self.bonds:
            graph.add_node(bond.name, kind="bond", size=bond.size)
            graph.add_edges_from((bond.name, end) for end in bond.ends)
        return graph

    def parts(self) -> tuple[Network, ...]:
        """Split it where only the input and the output join it; its matrix is their product."""
        import networkx

        graph = self.graph()
        graph.remove_nodes_from((INPUT, OUTPUT))
        return tuple(self._restrict(nodes) for nodes in networkx.connected_components(graph))

    def _restrict(self, nodes: Iterable[str]) -> Network:
        kept = set(nodes)
        return Network(
            tuple(gate for gate in self.gates if gate in kept),
            tuple(bond for bond in self.bonds if bond.name in kept),
        )


@lru_cache(maxsize=64)
def build_network(circuit: Circuit) -> Network:
    """Return the tensor network of a circuit.

    Example:
        >>> for bond in build_network(Circuit.parse("a=2 b=3 | b per a, a -> c=5")).bonds:
        ...     print(bond, bond.ends)
        a=2 from the input ('<in>', 'g1', 'g2')
        b=3 from the input ('<in>', 'g1')
        b=3 from g1 ('g1', '<out>')
        c=5 from g2 ('g2', '<out>')
    """
    circuit = split_ranks(circuit)
    ends: dict[tuple[str, str], list[str]] = {}
    sizes: dict[tuple[str, str], int] = {}
    for giver, axes in ((INPUT, circuit.inputs), *((gate.name, gate.to) for gate in circuit.gates)):
        for axis in axes:
            ends[giver, axis.name], sizes[giver, axis.name] = [giver], axis.size
    current = {axis.name: (INPUT, axis.name) for axis in circuit.inputs}
    for gate in circuit.gates:
        for axis in gate.per:
            ends[current[axis.name]].append(gate.name)
        for axis in gate.on:
            ends[current.pop(axis.name)].append(gate.name)
        current |= {axis.name: (gate.name, axis.name) for axis in gate.to}
    for key in current.values():
        ends[key].append(OUTPUT)
    return Network(
        tuple(gate.name for gate in circuit.gates),
        tuple(Bond(key[1], size, tuple(ends[key])) for key, size in sizes.items()),
    )
