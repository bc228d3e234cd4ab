"""A circuit as a tensor network, with the cut that bounds its rank."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from matplotlib.axes import Axes

from qcircuit_adapt.analysis.bounds.cut import Cut, find_cut
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.draw.layout import MAX_DRAWN, lay_out
from qcircuit_adapt.draw.style import apply_style, choose_axes
from qcircuit_adapt.errors import LimitError
from qcircuit_adapt.network import INPUT, OUTPUT, build_network
from qcircuit_adapt.wires import split_ranks


@dataclass(frozen=True)
class NetworkNode:
    """A tensor, the end of an open wire, or the meeting of more than two ends of one bond.

    Attributes:
        name: What no other node is called.
        label: What is written on it.
        kind: What it is.
        at: Where it stands.
        near: Whether it is on the input's side of the cut.
    """

    name: str
    label: str
    kind: Literal["gate", "open", "copy"]
    at: tuple[float, float]
    near: bool


@dataclass(frozen=True)
class NetworkLink:
    """A bond between two nodes, or one of the ends of a bond that has more.

    Attributes:
        ends: The names of the nodes.
        size: The size of the bond.
        cut: Whether the cut passes it; of the ends of one bond it passes one.
    """

    ends: tuple[str, str]
    size: int
    cut: bool


@dataclass(frozen=True)
class NetworkPicture:
    """A tensor network, placed; y grows upwards.

    Attributes:
        nodes: The nodes.
        links: The links.
        cut: A smallest cut.
        binds: Whether it says more than the shape of the matrix.
    """

    nodes: tuple[NetworkNode, ...]
    links: tuple[NetworkLink, ...]
    cut: Cut
    binds: bool


def place_network(circuit: Circuit) -> NetworkPicture:
    """Place a circuit's tensors, inputs on the left, and its smallest cut.

    A tensor stands in the column of its gate, at the middle of its wires.

    Raises:
        LimitError: The circuit has more than `MAX_DRAWN` tensors.

    Example:
        >>> picture = place_network(Circuit.parse("x=64 | x -> r=4, r -> y=64"))
        >>> [(link.ends, link.cut) for link in picture.links][1:]
        [(('g1', 'g2'), True), (('g2', 'y>'), False)]
    """
    layout, network = lay_out(split_ranks(circuit)), build_network(circuit)
    if layout.note:
        raise LimitError(
            f"{circuit.label} has more than {MAX_DRAWN} tensors, too many to be told apart.",
            cure="Draw a part of it.",
        )
    cut = find_cut(circuit)
    nodes = {
        symbol.name: NetworkNode(
            symbol.name,
            symbol.name,
            "gate",
            (symbol.column + 1.0, -sum(symbol.rows) / len(symbol.rows)),
            symbol.name in cut.input_side,
        )
        for symbol in layout.symbols
    }
    rows = {(piece.axis.name, piece.start): piece.row for piece in layout.pieces}
    ends_at = 1.0 + len(layout.layers)
    links = []
    for bond in network.bonds:
        start = -1 if bond.ends[0] == INPUT else int(nodes[bond.ends[0]].at[0]) - 1
        y = -float(rows[bond.wire, start])
        ends = []
        for end in bond.ends:
            name = end
            if end == INPUT:
                name = f">{bond.wire}"
                nodes[name] = NetworkNode(name, bond.wire, "open", (0.0, y), True)
            elif end == OUTPUT:
                name = f"{bond.wire}>"
                nodes[name] = NetworkNode(name, bond.wire, "open", (ends_at, y), False)
            ends.append(nodes[name])
        if len(ends) == 2:
            cuts = ends[0].near != ends[1].near
            links.append(NetworkLink((ends[0].name, ends[1].name), bond.size, cuts))
            continue
        # The meeting stands by the giver, so that what is cut is a way to the other side.
        near = ends[0].near
        nodes[bond.name] = NetworkNode(bond.name, "", "copy", (ends[0].at[0] + 0.5, y), near)
        across = next((end for end in ends if end.near != near), None)
        links += [NetworkLink((bond.name, end.name), bond.size, end is across) for end in ends]
    binds = cut.bound < min(circuit.d_in, circuit.d_out)
    return NetworkPicture(tuple(nodes.values()), tuple(links), cut, binds)


def draw_network(circuit: Circuit, ax: Axes | None = None, *, theme: str = "light") -> Axes:
    """Draw a circuit's tensor network, with a cross on each bond of a smallest cut if it binds.

    Bonds are as thick as the logarithm of their size; gates on the two sides of the cut differ in
    colour and outline.

    Args:
        circuit: The circuit.
        ax: The axes to draw in; by default those of a new figure.
        theme: ``"light"`` or ``"dark"``.

    Returns:
        The axes; ``.figure`` is what to save.
    """
    picture = place_network(circuit)
    places = {node.name: node.at for node in picture.nodes}
    with apply_style(theme) as colours:
        ax = choose_axes(
            ax, width=max(5.0, 0.8 * max(x for x, _ in places.values()) + 2), height=3.6
        )
        for link in picture.links:
            (x, y), (right, high) = (places[name] for name in link.ends)
            red = link.cut and picture.binds
            colour = colours.cut if red else colours.wire
            thick = 1 + 0.35 * (link.size.bit_length() - 1)
            ax.plot([x, right], [y, high], color=colour, lw=thick, zorder=1, solid_capstyle="butt")
            share = 0.62 if red else 0.5
            at = (x + share * (right - x), y + share * (high - y))
            under = {"fc": colours.ground, "ec": "none", "pad": 0.8}
            ax.text(*at, str(link.size), ha="center", va="center", size=8, bbox=under, zorder=2)
            if red:
                middle = (x + 0.36 * (right - x), y + 0.36 * (high - y))
                ax.plot(*middle, "x", color=colours.cut, ms=9, mew=2.4, zorder=4)
        for node in picture.nodes:
            x, y = node.at
            if node.kind == "copy":
                ax.plot(x, y, "o", color=colours.edge, ms=6, zorder=3)
                continue
            far = picture.binds and not node.near
            frame = {
                "boxstyle": "round,pad=0.4" if node.kind == "gate" else "square,pad=0.2",
                "fc": colours.ground
                if node.kind == "open"
                else colours.frozen
                if far
                else colours.gate,
                "ec": colours.ground if node.kind == "open" else colours.edge,
                "ls": "--" if far and node.kind == "gate" else "-",
            }
            ax.text(x, y, node.label, ha="center", va="center", size=9, bbox=frame, zorder=3)
        ax.set_title("\n".join(_tell(circuit, picture)))
        ax.margins(0.08, 0.15)
        ax.set_axis_off()
    return ax


def _tell(circuit: Circuit, picture: NetworkPicture) -> Iterator[str]:
    yield circuit.name or "Tensor network"
    if picture.binds:
        sizes = " · ".join(str(bond.size) for bond in picture.cut.bonds)
        yield f"rank ≤ {sizes}" + (
            f" = {picture.cut.bound:,}" if len(picture.cut.bonds) > 1 else ""
        )
