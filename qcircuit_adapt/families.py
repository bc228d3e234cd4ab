"""Families: functions from sizes to circuits, and the circuit of a family for a layer's shape.

A family is called as a function, ``quanta((16, 8, 8, 4))``, or by a text that leaves sizes open,
``"quanta(axes=4)"``, which `resolve` fills in for a layer.
"""

from __future__ import annotations

import itertools
import math
import re
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import FamilyError, Place, nearest
from qcircuit_adapt.factors import factorize, match_factors, prime_factors
from qcircuit_adapt.notation import check_gate_count

Sizes = Sequence[int]


def quanta(axes: Sizes, *, to: Sizes | None = None, rounds: int = 1) -> Circuit:
    """One dense gate on every pair of axes, in the order of the official implementation.

    Args:
        axes: The sizes of the input axes, at least two.
        to: The sizes of the output axes, if they differ; the last gate on an axis changes its size.
        rounds: How often the whole sequence of pairs is repeated.

    Example:
        >>> quanta((16, 8, 8, 4)).text
        'a=16 b=8 c=8 d=4 | c d, b d, a d, b c, a c, a b'

    Source: Chen et al., "QuanTA", arXiv:2406.00132; order of the pairs from its published code.
    """
    _check_count("quanta", axes, at_least=2)
    name = _name("quanta", axes, to, x=rounds if rounds != 1 else None)
    pairs = itertools.combinations(range(len(axes) - 1, -1, -1), 2)
    one_round = [(first, second) for second, first in pairs]
    _check_positive("quanta", rounds=rounds)
    check_gate_count(len(one_round) * rounds, name=name)
    return _on_axes(name, axes, to, one_round * rounds)


def lora(d_in: int, d_out: int, *, rank: int) -> Circuit:
    """A product of two thin matrices, ``d_in -> rank -> d_out``.

    Example:
        >>> lora(64, 32, rank=4).text
        'x=64 | x -> r=4, r -> y=32'

    Source: Hu et al., "LoRA", arXiv:2106.09685.
    """
    _check_positive("lora", d_in=d_in, d_out=d_out, rank=rank)
    return Circuit(
        f"x={d_in}",
        [f"x -> r={rank}", f"r -> y={d_out}"],
        name=f"lora-{d_in}" + ("" if d_in == d_out else f"-to-{d_out}") + f"-r{rank}",
    )


def kronecker(axes: Sizes, *, to: Sizes | None = None) -> Circuit:
    """One gate on each axis: a Kronecker product of matrices.

    Example:
        >>> kronecker((64, 64), to=(32, 64)).text
        'a=64 b=64 | a -> a=32, b'

    Source: Edalati et al., "KronA", arXiv:2212.10650.
    """
    _check_count("kronecker", axes, at_least=1)
    return _on_axes(_name("kronecker", axes, to), axes, to, [(axis,) for axis in range(len(axes))])


def tensor_train(axes: Sizes, *, rank: int, to: Sizes | None = None) -> Circuit:
    """A matrix product operator: one core for each axis, joined by bonds of one size.

    Example:
        >>> tensor_train((16, 16, 16), rank=4).text
        'a=16 b=16 c=16 | a -> a r1=4, b r1 -> b r2=4, c r2 -> c'

    Source: Oseledets, "Tensor-train decomposition", SIAM J. Sci. Comput. 33 (2011).
    """
    _check_count("tensor_train", axes, at_least=2)
    _check_positive("tensor_train", rank=rank)
    names, given = _axis_names(axes), _given("tensor_train", axes, to)
    gates = []
    for index, (name, size) in enumerate(zip(names, given, strict=True)):
        on = name if index == 0 else f"{name} r{index}"
        bond = f" r{index + 1}={rank}" if index + 1 < len(axes) else ""
        gates.append(f"{on} -> {name}={size}{bond}")
    return Circuit(_inputs(axes), gates, name=_name("tensor-train", axes, to, r=rank))


def butterfly(axes: Sizes, *, to: Sizes | None = None) -> Circuit:
    """A block-diagonal gate on each axis in turn, with blocks for all values of the other axes.

    Example:
        >>> butterfly((2, 2, 2)).text
        'a=2 b=2 c=2 | c per a b, b per a c, a per b c'

    Source: Dao et al., "Learning fast algorithms for linear transforms using butterfly
    factorizations", arXiv:1903.05895.
    """
    _check_count("butterfly", axes, at_least=2)
    return _blocks(_name("butterfly", axes, to), "butterfly", axes, to)


def monarch(axes: Sizes, *, to: Sizes | None = None) -> Circuit:
    """Two block-diagonal gates, each with a block for every value of the other's axis.

    Example:
        >>> monarch((64, 64)).text
        'a=64 b=64 | b per a, a per b'

    Source: Dao et al., "Monarch", arXiv:2204.00595.
    """
    _check_count("monarch", axes, at_least=2, at_most=2)
    return _blocks(_name("monarch", axes, to), "monarch", axes, to)


def brickwork(axes: Sizes, *, layers: int, to: Sizes | None = None) -> Circuit:
    """Layers of gates on neighbouring axes, shifted by one axis from layer to layer.

    Example:
        >>> brickwork((4, 4, 4, 4), layers=2).text
        'a=4 b=4 c=4 d=4 | a b, c d, b c'
    """
    _check_count("brickwork", axes, at_least=2)
    _check_positive("brickwork", layers=layers)
    name = _name("brickwork", axes, to, x=layers)
    even, odd = (layers + 1) // 2, layers // 2
    check_gate_count(even * (len(axes) // 2) + odd * ((len(axes) - 1) // 2), name=name)
    supports = [
        (axis, axis + 1) for layer in range(layers) for axis in range(layer % 2, len(axes) - 1, 2)
    ]
    return _on_axes(name, axes, to, supports)


@dataclass(frozen=True)
class Family:
    """A family as texts name it.

    Attributes:
        build: The function from sizes to a circuit.
        options: The whole-number options with their defaults, axes aside.
        axes: How many axes a layer's dimensions are cut into unless told; 0 for as many as there
            are prime factors, None for a family without axes.
    """

    build: Callable[..., Circuit]
    options: Mapping[str, int]
    axes: int | None


FAMILIES: Mapping[str, Family] = {
    "quanta": Family(quanta, {"rounds": 1}, 4),
    "lora": Family(lora, {"rank": 8}, None),
    "kronecker": Family(kronecker, {}, 2),
    "tensor_train": Family(tensor_train, {"rank": 4}, 3),
    "butterfly": Family(butterfly, {}, 0),
    "monarch": Family(monarch, {}, 2),
    "brickwork": Family(brickwork, {"layers": 2}, 4),
}

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
    numbers = {key: _number(spec, key, options.get(key, (n,))) for key, n in family.options.items()}
    if family.axes is None:
        if d_in is None:
            raise FamilyError(
                f"{spec!r} needs the dimensions of a layer.",
                cure=f'Write "{name}(d_in=4096, d_out=4096)".',
            )
        return family.build(d_in, d_out or d_in, **numbers)
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
                f"{spec!r} has {what} {_dashed(factors)} = {math.prod(factors)}, but the dimension "
                f"is {wanted}.",
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
            f"{spec!r} has {key}={_dashed(value)}; expected one whole number, 1 or more.",
            cure=f'Write "{key}=2".',
        )
    return value[0]


def _on_axes(
    name: str, axes: Sizes, to: Sizes | None, supports: Sequence[tuple[int, ...]]
) -> Circuit:
    """Put a dense gate on each support; the last one on an axis gives it its output size."""
    names, given = _axis_names(axes), _given(name, axes, to)
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
    return Circuit(_inputs(axes), gates, name=name)


def _blocks(name: str, family: str, axes: Sizes, to: Sizes | None) -> Circuit:
    """Put a gate on each axis, last first, that all the other axes control."""
    names, given = _axis_names(axes), _given(family, axes, to)
    gates = []
    for axis in reversed(range(len(axes))):
        change = f" -> {names[axis]}={given[axis]}" if given[axis] != axes[axis] else ""
        others = " ".join(names[:axis] + names[axis + 1 :])
        gates.append(f"{names[axis]}{change} per {others}")
    return Circuit(_inputs(axes), gates, name=name)


def _axis_names(axes: Sizes) -> list[str]:
    return list(string.ascii_lowercase[: len(axes)])


def _inputs(axes: Sizes) -> str:
    pairs = zip(_axis_names(axes), axes, strict=True)
    return " ".join(f"{name}={size}" for name, size in pairs)


def _given(family: str, axes: Sizes, to: Sizes | None) -> Sizes:
    if to is not None and len(to) != len(axes):
        raise FamilyError(
            f"{family} has {len(axes)} axes but {len(to)} output sizes.",
            cure="Give one output size for each axis.",
        )
    return axes if to is None else to


def _check_count(family: str, axes: Sizes, *, at_least: int, at_most: int = 24) -> None:
    if not at_least <= len(axes) <= at_most:
        wanted = f"{at_least}" if at_least == at_most else f"{at_least} to {at_most}"
        raise FamilyError(
            f"{family} needs {wanted} axes, not {len(axes)}.",
            cure=f'For example "{family}(axes={at_least})", or the sizes: "axes=64-64".',
        )


def _check_positive(family: str, **numbers: int) -> None:
    for key, number in numbers.items():
        if number < 1:
            raise FamilyError(f"{family} has {key}={number}; expected 1 or more.")


def _name(family: str, axes: Sizes, to: Sizes | None, **suffixes: int | None) -> str:
    parts = [family, _dashed(axes)] + (
        ["to", _dashed(to)] if to and tuple(to) != tuple(axes) else []
    )
    parts += [f"{key}{value}" for key, value in suffixes.items() if value is not None]
    return "-".join(parts)


def _dashed(sizes: Sizes) -> str:
    return "-".join(map(str, sizes))
