"""Products: the actions of a layout, forward and backward, on the activations of some tokens.

The activations are contiguous; with tokens last their shape is ``(wires..., tokens)``, with tokens
first ``(tokens, wires...)``. A gate comes as a stack of matrices ``(matrices, rows, columns)``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor

from qcircuit_adapt.compiler.layout import Layout, Move, Product, Scaling


def stack(layout: Layout, tensors: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
    """Bring the tensors of gates into the shapes that the products of a layout take.

    Args:
        layout: The layout.
        tensors: A tensor ``(per..., to..., on...)`` for each gate's name.
    """
    found = []
    for action in layout.actions:
        if isinstance(action, Product):
            shape = (action.matrices, action.rows, action.columns)
            found.append(tensors[action.gate].permute(action.order).reshape(shape))
        elif isinstance(action, Scaling):
            found.append(tensors[action.gate].permute(action.order).reshape(action.shape))
    return tuple(found)


def enter(layout: Layout, x: Tensor) -> Tensor:
    """Lay out inputs ``(tokens, d_in)``."""
    return _lay(layout, x, layout.inputs, layout.first)


def leave(layout: Layout, state: Tensor) -> Tensor:
    """Return the outputs as a view ``(tokens, outputs...)``."""
    return _read(layout, state, layout.sizes, layout.last)


def enter_back(layout: Layout, gy: Tensor) -> Tensor:
    """Lay out gradients of outputs, ``(tokens, d_out)``."""
    outputs = [layout.sizes[wire] for wire in layout.last]
    return _lay(layout, gy, outputs, _invert(layout.last))


def leave_back(layout: Layout, state: Tensor) -> Tensor:
    """Return the gradients of inputs as a view ``(tokens, inputs...)``."""
    return _read(
        layout, state, [layout.inputs[wire] for wire in layout.first], _invert(layout.first)
    )


def follow(
    layout: Layout, state: Tensor, gates: Sequence[Tensor], *, kept: list[Tensor] | None = None
) -> Tensor:
    """Take all actions; each gate's input is added to ``kept``, if given."""
    remaining = iter(gates)
    for action in layout.actions:
        if isinstance(action, Move):
            state = _move(layout, action.sizes, action.order, state)
            continue
        if kept is not None:
            kept.append(state)
        state = _take(layout, action, state, next(remaining))
    return state


def collect(layout: Layout, state: Tensor, gates: Sequence[Tensor]) -> list[Tensor]:
    """Return what each gate takes; what the last one gives is not computed."""
    kept: list[Tensor] = []
    for action in layout.actions:
        if isinstance(action, Move):
            state = _move(layout, action.sizes, action.order, state)
            continue
        kept.append(state)
        if len(kept) == len(gates):
            break
        state = _take(layout, action, state, gates[len(kept) - 1])
    return kept


def follow_back(
    layout: Layout,
    grad: Tensor,
    gates: Sequence[Tensor],
    *,
    kept: Sequence[Tensor] = (),
    sums: Sequence[Tensor | None] = (),
    whole: bool = True,
) -> Tensor | None:
    """Take all actions back.

    Args:
        layout: The layout.
        grad: The gradient of what comes out, laid out.
        gates: The stacks.
        kept: What each gate took, where there are sums.
        sums: Where the gradient of each gate is added; None for those that have none.
        whole: Whether the gradient of what went in is wanted.

    Returns:
        The gradient of what went in; None if it is not wanted.
    """
    number = len(gates)
    # Before the first gate that has a gradient there is nothing to do, unless for x.
    first = 0 if whole else next((n for n, total in enumerate(sums) if total is not None), number)
    for action in reversed(layout.actions):
        if isinstance(action, Move):
            sizes = [action.sizes[wire] for wire in action.order]
            grad = _move(layout, sizes, _invert(action.order), grad)
            continue
        number -= 1
        total = sums[number] if sums else None
        if total is not None:
            _add_gradient(layout, action, grad, kept[number], total)
        if number == first and not whole:
            return None
        grad = _take_back(layout, action, grad, gates[number])
    return grad


def _take(layout: Layout, action: Product | Scaling, state: Tensor, gate: Tensor) -> Tensor:
    if isinstance(action, Scaling):
        return _scale(layout, action, state, gate)
    if layout.major == "token":
        return state.view(-1, action.columns) @ gate[0].mT
    return _multiply(gate, state.view(action.matrices * action.before, action.columns, -1))


def _take_back(layout: Layout, action: Product | Scaling, grad: Tensor, gate: Tensor) -> Tensor:
    if isinstance(action, Scaling):
        return _scale(layout, action, grad, gate)
    if layout.major == "token":
        return grad.view(-1, action.rows) @ gate[0]
    return _multiply(gate.mT, grad.view(action.matrices * action.before, action.rows, -1))


def _multiply(gate: Tensor, state: Tensor) -> Tensor:
    if len(state) == 1:
        return gate[0] @ state[0]
    return gate.expand(len(state), -1, -1).bmm(state)


def _scale(layout: Layout, action: Scaling, state: Tensor, gate: Tensor) -> Tensor:
    if layout.major == "token":
        return state.view(-1, *action.sizes) * gate
    return state.view(*action.sizes, -1) * gate.unsqueeze(-1)


def _add_gradient(
    layout: Layout, action: Product | Scaling, grad: Tensor, taken: Tensor, total: Tensor
) -> None:
    """Add the gradient of a gate, summed in the type of the total."""
    if isinstance(action, Scaling):
        front = layout.major == "token"
        sizes = (-1, *action.sizes) if front else (*action.sizes, -1)
        spread = [n + front for n, size in enumerate(action.shape) if size == 1]
        product = grad.view(sizes) * taken.view(sizes)
        dims = [*spread, 0 if front else len(action.sizes)]
        total += product.sum(dims, dtype=total.dtype).view(total.shape)
    elif layout.major == "token":
        total[0] += grad.view(-1, action.rows).mT @ taken.view(-1, action.columns)
    else:
        count = action.matrices * action.before
        grads, inputs = grad.view(count, action.rows, -1), taken.view(count, action.columns, -1)
        if count == 1:
            total[0] += grads[0] @ inputs[0].mT
        elif action.matrices == 1:
            total += grads.bmm(inputs.mT).sum(0, keepdim=True, dtype=total.dtype)
        else:
            total += grads.bmm(inputs.mT)


def _lay(layout: Layout, x: Tensor, sizes: Iterable[int], order: Sequence[int]) -> Tensor:
    """Copy a row for each token into the order of a layout."""
    if layout.major == "feature" and list(order) == list(range(len(order))):
        return x.mT.contiguous()
    x = x.reshape(len(x), *sizes)
    wires = [1 + wire for wire in order]
    return (
        x.permute(*wires, 0).contiguous()
        if layout.major == "feature"
        else (x.permute(0, *wires).contiguous())
    )


def _read(layout: Layout, state: Tensor, sizes: Sequence[int], order: Sequence[int]) -> Tensor:
    """Return a view with the tokens first and the wires in another order."""
    if layout.major == "feature":
        return state.view(*sizes, -1).permute(len(sizes), *order)
    return state.view(-1, *sizes).permute(0, *(1 + wire for wire in order))


def _move(layout: Layout, sizes: Sequence[int], order: Sequence[int], state: Tensor) -> Tensor:
    if layout.major == "feature":
        return state.view(*sizes, -1).permute(*order, len(sizes)).contiguous()
    return state.view(-1, *sizes).permute(0, *(1 + wire for wire in order)).contiguous()


def _invert(order: Sequence[int]) -> tuple[int, ...]:
    return tuple(order.index(wire) for wire in range(len(order)))
