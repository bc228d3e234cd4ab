"""Axis: a named factor of a feature dimension."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from qcircuit_adapt.errors import NotationError, Place, SizeError, WireError
from qcircuit_adapt.notation import is_name, parse_wires


@dataclass(frozen=True)
class Axis:
    """A named factor of a feature dimension.

    Attributes:
        name: A Python identifier other than ``per``.
        size: Its length, at least 1.

    Raises:
        NotationError: The name is not a name, or the size not a positive whole number.

    Example:
        >>> str(Axis("a", 16))
        'a=16'
    """

    name: str
    size: int

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and is_name(self.name)):
            raise NotationError(
                f"{self.name!r} cannot name an axis.",
                cure="Use letters, digits and '_', starting with a letter; 'per' is a keyword.",
            )
        if type(self.size) is not int or self.size < 1:
            raise NotationError(
                f"axis {self.name!r} has size {self.size!r}; a size is a whole number, 1 or more."
            )

    def __str__(self) -> str:
        return f"{self.name}={self.size}"


def parse_axes(text: str, *, label: str = "axes") -> tuple[Axis, ...]:
    """Read axes, each with its size.

    Args:
        text: For example ``"a=16 b=8"``; names are distinct.
        label: What the text is, for errors.

    Raises:
        NotationError: The text is not a list of axes.
        SizeError: An axis has no size.
        WireError: A name is used twice.

    Example:
        >>> parse_axes("a=16 b=8")
        (Axis(name='a', size=16), Axis(name='b', size=8))
    """
    axes: list[Axis] = []
    for wire in parse_wires(text, label=label):
        place = Place(label, text, wire.start, wire.stop)
        if wire.size is None:
            raise SizeError(
                f"axis {wire.name!r} has no size.", place=place, cure=f'Write "{wire.name}=8".'
            )
        if wire.name in (axis.name for axis in axes):
            raise WireError(
                f"axis {wire.name!r} is named twice.",
                place=place,
                cure="Give each axis its own name.",
            )
        axes.append(Axis(wire.name, wire.size))
    return tuple(axes)


def product(axes: Iterable[Axis]) -> int:
    """Multiply the sizes of axes; 1 for none.

    Example:
        >>> product(parse_axes("a=16 b=8"))
        128
    """
    # A list, because torch.compile does not trace a generator here.
    return math.prod([axis.size for axis in axes])


def format_axes(axes: Iterable[Axis]) -> str:
    """Write axes as `parse_axes` reads them.

    Example:
        >>> format_axes(parse_axes("a=16   b=8"))
        'a=16 b=8'
    """
    return " ".join(map(str, axes))
