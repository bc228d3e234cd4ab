"""What the families share: names of axes and circuits, gates laid on axes, checks of sizes."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import FamilyError

Sizes = Sequence[int]


def lay_gates(
    name: str, axes: Sizes, to: Sizes | None, supports: Sequence[tuple[int, ...]]
) -> Circuit:
    """Put a dense gate on each support; the last one on an axis gives it its output size."""
    names, given = axis_names(axes), output_sizes(name, axes, to)
    last = {axis: position for position, support in enumerate(supports) for axis in support}
    for axis, (size, new) in enumerate(zip(axes, given, strict=True)):
        if size != new and axis not in last:
            raise FamilyError(
                f"{name} has no gate on axis {names[axis]!r} that could change its size from "
                f"{size} to {new}.",
                cure="Use more layers, or change the size of another axis.",
            )
    gates = []
    for position, support in enumerate(supports):
        wires = " ".join(names[axis] for axis in support)
        changed = [axis for axis in support if last[axis] == position and given[axis] != axes[axis]]
        after = (f"{names[a]}={given[a]}" if a in changed else names[a] for a in support)
        gates.append(f"{wires} -> {' '.join(after)}" if changed else wires)
    return Circuit(write_axes(axes), gates, name=name)


def lay_blocks(name: str, family: str, axes: Sizes, to: Sizes | None) -> Circuit:
    """Put a gate on each axis, last first, that all the other axes control."""
    names, given = axis_names(axes), output_sizes(family, axes, to)
    gates = []
    for axis in reversed(range(len(axes))):
        change = f" -> {names[axis]}={given[axis]}" if given[axis] != axes[axis] else ""
        others = " ".join(names[:axis] + names[axis + 1 :])
        gates.append(f"{names[axis]}{change} per {others}")
    return Circuit(write_axes(axes), gates, name=name)


def axis_names(axes: Sizes) -> list[str]:
    """Name axes ``a``, ``b``, and so on."""
    return list(string.ascii_lowercase[: len(axes)])


def write_axes(axes: Sizes) -> str:
    """Write input axes as a circuit's text has them."""
    return " ".join(f"{name}={size}" for name, size in zip(axis_names(axes), axes, strict=True))


def output_sizes(family: str, axes: Sizes, to: Sizes | None) -> Sizes:
    """Return the sizes of the output axes: those of the input axes unless they are given."""
    if to is not None and len(to) != len(axes):
        raise FamilyError(
            f"{family} has {len(axes)} axes but {len(to)} output sizes.",
            cure="Give one output size for each axis.",
        )
    return axes if to is None else to


def check_count(family: str, axes: Sizes, *, at_least: int, at_most: int = 24) -> None:
    """Refuse too few or too many axes."""
    if not at_least <= len(axes) <= at_most:
        wanted = f"{at_least}" if at_least == at_most else f"{at_least} to {at_most}"
        raise FamilyError(
            f"{family} needs {wanted} axes, not {len(axes)}.",
            cure=f'For example "{family}(axes={at_least})", or the sizes: "axes=64-64".',
        )


def check_positive(family: str, **numbers: int) -> None:
    """Refuse numbers below 1."""
    for key, number in numbers.items():
        if number < 1:
            raise FamilyError(f"{family} has {key}={number}; expected 1 or more.")


def check_divides(family: str, option: str, number: int, **dimensions: int) -> None:
    """Refuse a number that does not divide all the dimensions, and name the next that does."""
    check_positive(family, **{option: number})
    check_positive(family, **dimensions)
    for key, dimension in dimensions.items():
        if dimension % number:
            common = math.gcd(*dimensions.values())
            below = next(n for n in range(min(number, common), 0, -1) if common % n == 0)
            raise FamilyError(
                f"{family} has {option}={number}, which does not divide {key}={dimension}.",
                cure=f'Write "{option}={below}".',
            )


def name_circuit(family: str, axes: Sizes, to: Sizes | None, **suffixes: int | None) -> str:
    """Name a circuit after its family, sizes and options: ``lora-64-to-32-r4``."""
    parts = [family, join_sizes(axes)] + (
        ["to", join_sizes(to)] if to and tuple(to) != tuple(axes) else []
    )
    parts += [f"{key}{value}" for key, value in suffixes.items() if value is not None]
    return "-".join(parts)


def join_sizes(sizes: Sizes) -> str:
    """Write sizes as options have them: ``16-8-8-4``."""
    return "-".join(map(str, sizes))
