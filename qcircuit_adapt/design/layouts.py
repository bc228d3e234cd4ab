"""Layouts: the texts of a family's circuits for a layer, over factorisations and options."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import lru_cache

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.design.row import FORMS
from qcircuit_adapt.errors import CircuitError, DesignError, nearest
from qcircuit_adapt.factors import match_factors, prime_factors
from qcircuit_adapt.families import FAMILIES, Family, resolve

MAX_AXES = 6
"""Into how many axes a dimension is cut at most."""

MAX_REPEATS = 3
"""Up to which number options that count repeats are tried."""

REPEATS = ("rounds", "layers", "factors")
"""Options that count repeats; the others are ranks and sizes, and are tried at powers of two."""


@lru_cache(maxsize=4096)
def list_factorisations(number: int, *, count: int) -> tuple[tuple[int, ...], ...]:
    """List the ways to write a number as a product of factors above 1, the most balanced first.

    Example:
        >>> list_factorisations(64, count=3)
        ((4, 4, 4), (8, 4, 2), (16, 2, 2))
    """
    found = _descend(number, count, number)
    return tuple(sorted(found, key=lambda factors: (sum(factors), factors)))


def _descend(number: int, count: int, largest: int) -> Iterator[tuple[int, ...]]:
    if count == 1:
        if 1 < number <= largest:
            yield (number,)
        return
    for factor in range(2, min(number, largest) + 1):
        if number % factor == 0:
            for rest in _descend(number // factor, count - 1, factor):
                yield (factor, *rest)


def list_axes(
    number: int, *, count: int, limit: int, ordered: bool = False
) -> tuple[tuple[int, ...], ...]:
    """List the axes to try: the most balanced factorisations first, largest factor first.

    Args:
        number: The dimension.
        count: How many axes.
        limit: How many to list at most.
        ordered: Whether other orders of the same sizes count as well, one after the other.

    Example:
        >>> list_axes(64, count=3, limit=3, ordered=True)
        ((4, 4, 4), (8, 4, 2), (8, 2, 4))
    """
    found = iter(list_factorisations(number, count=count))
    if ordered:
        found = (
            order
            for sizes in found
            for order in sorted(set(itertools.permutations(sizes)), reverse=True)
        )
    return tuple(itertools.islice(found, limit))


def list_layouts(
    name: str, d_in: int, d_out: int, *, max_parameters: int, limit: int, ordered: bool = False
) -> Iterator[tuple[str, Circuit]]:
    """List a family's circuits of a shape, with the texts that name them, within a budget.

    Args:
        name: The family.
        d_in: The input dimension.
        d_out: The output dimension.
        max_parameters: The most parameters.
        limit: How many factorisations are tried for each number of axes.
        ordered: Whether other orders of the same axes count as well.

    Raises:
        DesignError: There is no such family.

    Example:
        >>> [spec for spec, _ in list_layouts("lora", 64, 64, max_parameters=512, limit=1)]
        ['lora(rank=1)', 'lora(rank=2)', 'lora(rank=4)']
    """
    if name not in FAMILIES:
        cure = nearest(name, FAMILIES, noun="families")
        raise DesignError(f"{name!r} is not a family.", cure=cure)
    family = FAMILIES[name]
    if family.square:  # on one side of the weight, whatever the size of the other
        d_in, d_out = (d_out, d_out) if FORMS[name] == "output" else (d_in, d_in)
    for axes in _list_sizes(family, d_in, d_out, limit=limit, ordered=ordered):
        yield from _list_options(name, family, axes, (d_in, d_out), max_parameters)


def _list_sizes(
    family: Family, d_in: int, d_out: int, *, limit: int, ordered: bool
) -> Iterator[str]:
    """List the sizes of axes as texts of options, the empty one for a family without axes."""
    if family.axes is None:
        yield ""
        return
    most = min(MAX_AXES, len(prime_factors(d_in)))
    for count in range(1, most + 1):
        for axes in list_axes(d_in, count=count, limit=limit, ordered=ordered):
            to = axes if d_in == d_out else match_factors(d_out, axes=axes)
            yield f"axes={_dashed(axes)}" + (f", to={_dashed(to)}" if to != axes else "")


def _list_options(
    name: str, family: Family, axes: str, shape: tuple[int, int], max_parameters: int
) -> Iterator[tuple[str, Circuit]]:
    """List circuits over the values of a family's options."""

    def values(option: str) -> list[int]:
        if option in REPEATS:
            return list(range(1, MAX_REPEATS + 1))
        if option == "both":
            return [0, 1]
        return [2**power for power in range(min(shape).bit_length())]

    for chosen in itertools.product(*map(values, family.options)):
        options = [
            f"{key}={value}"
            for (key, default), value in zip(family.options.items(), chosen, strict=True)
            if value != default or "rank" in key
        ]
        spec = f"{name}({', '.join(filter(None, [axes, *options]))})"
        try:
            circuit = resolve(spec, *shape)
        except CircuitError:  # the family has nothing of these sizes
            continue
        if circuit.parameters <= max_parameters and circuit.gates:
            yield spec, circuit


def _dashed(sizes: tuple[int, ...]) -> str:
    return "-".join(map(str, sizes))
