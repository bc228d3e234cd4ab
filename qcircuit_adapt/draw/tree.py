"""The contraction tree of a plan: which tensors meet in which step, and what that costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes

from qcircuit_adapt.draw.style import apply_style, choose_axes
from qcircuit_adapt.draw.theme import blend

if TYPE_CHECKING:
    from qcircuit_adapt.compiler.lower import Program


@dataclass(frozen=True)
class TreeNode:
    """A tensor of a program.

    Attributes:
        name: What the steps call it.
        at: Where it stands: sources at height 0, side by side, and each result above its operands.
        step: The number of the step that makes it, from 1; 0 for a source.
        macs: Multiply-accumulates of that step.
        share: Of those of all steps.
        elements: How many elements the step writes.
        operands: The names of what it is made of.
    """

    name: str
    at: tuple[float, float]
    step: int
    macs: int
    share: float
    elements: int
    operands: tuple[str, ...]


def place_tree(program: Program) -> tuple[TreeNode, ...]:
    """Place a program's tensors: sources first, then results in the order of the steps.

    Sources stand in the order in which the tree is walked, so that no two branches cross.
    """
    made = {step.result: step for step in program.steps}
    order: list[str] = []
    # The last step's result is the root; the last pushed is walked first.
    stack = [program.steps[-1].result]
    while stack:
        name = stack.pop()
        if name in made:
            stack += reversed(made[name].operands)
        else:
            order.append(name)
    nodes = {
        name: TreeNode(name, (float(x), 0.0), 0, 0, 0.0, 0, ()) for x, name in enumerate(order)
    }
    for number, step in enumerate(program.steps, 1):
        below = [nodes[name].at for name in step.operands]
        x = sum(place[0] for place in below) / len(below)
        y = 1 + max(place[1] for place in below)
        share = step.macs / program.macs if program.macs else 0.0
        nodes[step.result] = TreeNode(
            step.result, (x, y), number, step.macs, share, step.elements, step.operands
        )
    return tuple(nodes.values())


def draw_tree(program: Program, ax: Axes | None = None, *, theme: str = "light") -> Axes:
    """Draw a contraction tree: discs grow with the share of the work, numbers are steps.

    Args:
        program: A plan's `apply` or `build`.
        ax: The axes to draw in; by default those of a new figure.
        theme: ``"light"`` or ``"dark"``.

    Returns:
        The axes; ``.figure`` is what to save.
    """
    nodes = {node.name: node for node in place_tree(program)}
    sources = sum(not node.step for node in nodes.values())
    top = max(node.at[1] for node in nodes.values())
    with apply_style(theme) as colours:
        ax = choose_axes(
            ax, width=max(4.5, 0.85 * sources + 1.6), height=max(2.6, 0.62 * top + 1.2)
        )
        for node in nodes.values():
            for name in node.operands:
                (x, y), (left, low) = node.at, nodes[name].at
                ax.plot([left, left, x], [low, y, y], color=colours.wire, lw=1.2, zorder=1)
        for node in nodes.values():
            x, y = node.at
            if not node.step:
                frame = {"boxstyle": "round,pad=0.3", "fc": colours.gate, "ec": colours.edge}
                ax.text(x, y, node.name, ha="center", va="center", bbox=frame, zorder=3)
                continue
            fill = blend(colours.first, colours.last, node.share**0.5)
            size = 180 + 700 * node.share
            ax.scatter([x], [y], s=size, color=fill, edgecolors=colours.edge, zorder=2)
            ax.text(x, y, str(node.step), ha="center", va="center", weight="bold", zorder=3)
            label = f"{node.macs / program.tokens:,.0f} MACs, {node.share:.0%}"
            offset: dict[str, Any] = {
                "xytext": (3 + size**0.5 / 2, 2),
                "textcoords": "offset points",
            }
            ax.annotate(label, (x, y), va="bottom", size=8, color=colours.faint, **offset)
        unit = "per token" if program.tokens > 1 else "in all"
        ax.set_title(f"Contraction tree, MACs {unit}")
        ax.set_xlim(-0.7, max(sources - 0.3, 2.2))
        ax.set_ylim(-0.6, top + 0.7)
        ax.set_axis_off()
    return ax
