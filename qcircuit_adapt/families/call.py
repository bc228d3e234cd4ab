"""Calling a family by text, ``"quanta(axes=4)"``, for the shape of a layer."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import FamilyError, Place, nearest
from qcircuit_adapt.factors import factorize, match_factors, prime_factors
from qcircuit_adapt.families.layout import join_sizes
from qcircuit_adapt.families.registry import FAMILIES, Family

_CALL = re.compile(r"\s*([A-Za-z_][\w-]*)\s*(?:\((.*)\))?\s*", re.DOTALL)
_ARGUMENT = re.compile(r"\s*([A-Za-z_]\w*)\s*=\s*(\d{1,9}(?:-\d{1,9})*)\s*")


def is_family(spec: str) -> bool:
    """Say whether a text calls a family: its name alone, or with options in parentheses.

    Example:
        >>> is_family("quanta(axes=4)"), is_family("quanta-16-8-8-4"), is_family("a=2 | a")
        (True, False, False)
    """
    match = _CALL.fullmatch(spec)
    return match is not None and (match[1] in FAMILIES or match[2] is not None)


def resolve(spec: str | Circuit, d_in: int, d_out: int) -> Circuit:
    """Return the circuit of a family for a layer of given shape.

    Axes that a text leaves open are found by balanced factors of ``d_in``; the output axes change
    as few of them as they can.

    Args:
        spec: A family such as ``"quanta(axes=4)"``, ``"lora(rank=8)"``, or
            ``"quanta(axes=16-8-8-4, to=4-8-8-4)"``; whatever else `library.load_circuit` takes; or
            a circuit.
        d_in: The layer's input dimension.
        d_out: The layer's output dimension.

    Raises:
        FamilyError: The family or an option is unknown, or nothing of it has this shape.

    Example:
        >>> resolve("quanta(axes=4)", 4096, 1024).text
        'a=8 b=8 c=8 d=8 | c d, b d, a d, b c, a c, a b -> a=2 b'
        >>> resolve("lora(rank=8)", 4096, 1024).parameters
        40960
    """
    if isinstance(spec, Circuit):
        circuit = spec
    elif is_family(spec):
        circuit = call_family(spec, d_in=d_in, d_out=d_out)
    else:
        from qcircuit_adapt.library import load_circuit

        circuit = load_circuit(spec)
    if (circuit.d_in, circuit.d_out) != (d_in, d_out):
        raise FamilyError(
            f"{circuit.label} maps {circuit.d_in} to {circuit.d_out}, but the layer maps {d_in} to "
            f"{d_out}.",
            cure='Use a family, which fits every shape: "quanta(axes=4)".',
        )
    return circuit


def call_family(spec: str, *, d_in: int | None = None, d_out: int | None = None) -> Circuit:
    """Call a family by text.

    Args:
        spec: The family's name, with options in parentheses. ``axes`` is a number of axes or their
            sizes, ``to`` the sizes of the output axes; ``d_in`` and ``d_out`` may stand there too.
        d_in: The input dimension, where the text leaves it open.
        d_out: The output dimension, likewise.

    Raises:
        FamilyError: The family or an option is unknown, or nothing of it has this shape.

    Example:
        >>> call_family("quanta(axes=12-8-8)").name
        'quanta-12-8-8'
    """
    name, options = _parse_call(spec)
    family = FAMILIES[name]
    sizes = {key: value for key, value in options.items() if key in ("axes", "to")}
    d_in = _dimension(spec, options, "d_in", d_in)
    d_out = _dimension(spec, options, "d_out", d_out)
    numbers = {
        key: default if key not in options else _number(spec, key, options[key])
        for key, default in family.options.items()
        if key in options or default is not None
    }
    if family.axes is None:
        if d_in is None:
            raise FamilyError(
                f"{spec!r} needs the dimensions of a layer.",
                cure=f'Write "{name}(d_in=4096, d_out=4096)".',
            )
        if not family.square:
            return family.build(d_in, d_out or d_in, **numbers)
        if d_out not in (None, d_in):
            raise FamilyError(
                f"{spec!r} is square, but the layer maps {d_in} to {d_out}.",
                cause="It acts on one side of the weight: W (T - I) or (T - I) W.",
                cure="Call it with the dimension of that side.",
            )
        return family.build(d_in, **numbers)
    axes, to = _find_axes(spec, family, sizes, d_in, d_out)
    return family.build(axes, to=None if to == axes else to, **numbers)


def _find_axes(
    spec: str,
    family: Family,
    sizes: Mapping[str, tuple[int, ...]],
    d_in: int | None,
    d_out: int | None,
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the sizes of the input and output axes."""
    axes = sizes.get("axes", (family.axes or 0,))
    if len(axes) == 1:
        if d_in is None:
            raise FamilyError(
                f"{spec!r} leaves the sizes of its axes open.",
                cure='Write them out: "quanta(axes=16-8-8-4)", or give "d_in=4096".',
            )
        count = axes[0] or min(len(prime_factors(d)) for d in (d_in, d_out or d_in))
        axes = factorize(d_in, count=count)
    d_in = math.prod(axes) if d_in is None else d_in
    to = sizes.get("to")
    if to is None:
        to = axes if d_out in (None, math.prod(axes)) else match_factors(d_out or 0, axes=axes)
    for what, wanted, factors in (("axes", d_in, axes), ("to", d_out, to)):
        if wanted is not None and math.prod(factors) != wanted:
            raise FamilyError(
                f"{spec!r} has {what} {join_sizes(factors)} = {math.prod(factors)}, but the "
                f"dimension is {wanted}.",
                cure='Leave the sizes open, and they are found: "axes=4".',
            )
    return axes, to


def _parse_call(spec: str) -> tuple[str, dict[str, tuple[int, ...]]]:
    match = _CALL.fullmatch(spec)
    if match is None or match[1] not in FAMILIES:
        word = match[1] if match else spec
        raise FamilyError(
            f"{word!r} is not a family.", cure=nearest(word, FAMILIES, noun="families")
        )
    known = [*FAMILIES[match[1]].options, "d_in", "d_out"]
    known += ["axes", "to"] if FAMILIES[match[1]].axes is not None else []
    options: dict[str, tuple[int, ...]] = {}
    start = match.start(2)
    for part in (match[2] or "").split(","):
        place = Place("family", spec, start, start + max(len(part), 1))
        start += len(part) + 1
        if not part.strip() and not (match[2] or "").strip():
            continue
        argument = _ARGUMENT.fullmatch(part)
        if argument is None:
            raise FamilyError(
                f"{part.strip()!r} is not an option of a family.",
                place=place,
                cure='Write "name=number", or sizes as in "axes=16-8-8-4".',
            )
        if argument[1] not in known:
            raise FamilyError(
                f"{match[1]} has no option {argument[1]!r}.",
                place=place,
                cure=nearest(argument[1], known, noun="options"),
            )
        options[argument[1]] = tuple(int(size) for size in argument[2].split("-"))
    return match[1], options


def _dimension(
    spec: str, options: Mapping[str, tuple[int, ...]], key: str, given: int | None
) -> int | None:
    stated = _number(spec, key, options[key]) if key in options else None
    if stated is not None and given not in (None, stated):
        raise FamilyError(
            f"{spec!r} says {key}={stated}, but the layer has {key}={given}.",
            cure=f"Leave {key} out: the layer decides it.",
        )
    return stated if given is None else given


def _number(spec: str, key: str, value: tuple[int, ...]) -> int:
    if len(value) != 1 or value[0] < 1:
        raise FamilyError(
            f"{spec!r} has {key}={join_sizes(value)}; expected one whole number, 1 or more.",
            cure=f'Write "{key}=2".',
        )
    return value[0]
