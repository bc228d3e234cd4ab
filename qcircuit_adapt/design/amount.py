"""Amounts, sizes and ranges as a user writes them."""

from __future__ import annotations

import re
from fractions import Fraction

from qcircuit_adapt.errors import DesignError

_AMOUNT = re.compile(r"\s*(\d{1,12}(?:[,_]\d{3})*(?:\.\d{1,9})?)\s*([kKmM%]?)\s*")
_UNITS = {"": 1, "k": 1000, "m": 10**6}


def read_amount(text: str, *, dense: int) -> int:
    """Read a number of parameters: whole, in thousands or millions, or as a share.

    Args:
        text: ``"43008"``, ``"43,008"``, ``"100k"``, ``"1.5M"`` or ``"0.05%"``.
        dense: The parameters of the dense layer, of which a share is taken; rounded down.

    Raises:
        DesignError: The text is no such number, or less than 1.

    Example:
        >>> read_amount("100k", dense=0), read_amount("0.05%", dense=4096 * 1024)
        (100000, 2097)
    """
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise DesignError(
            f"{text!r} is no number of parameters.",
            cure='Write "43008", "100k", "1.5M", or "0.05%" of the dense layer.',
        )
    number = Fraction(match[1].replace(",", "").replace("_", ""))
    unit = match[2].lower()
    amount = int(number * dense / 100 if unit == "%" else number * _UNITS[unit])
    if amount < 1:
        raise DesignError(
            f"{text!r} is less than one parameter.",
            cure=f"One parameter is {100 / dense:.2g}% of this layer." if unit == "%" else "",
        )
    return amount


def read_sizes(text: str) -> tuple[int, ...]:
    """Read the sizes of axes.

    Raises:
        DesignError: The text is no list of sizes.

    Example:
        >>> read_sizes("16-8-8-4")
        (16, 8, 8, 4)
    """
    if not re.fullmatch(r"\d{1,9}(-\d{1,9})*", text):
        raise DesignError(f"{text!r} is no list of sizes.", cure="Write '16-8-8-4', or 'any'.")
    return tuple(map(int, text.split("-")))


def read_range(text: str) -> tuple[int, int]:
    """Read a range of numbers of axes.

    Raises:
        DesignError: The text is no range.

    Example:
        >>> read_range("2-3"), read_range("2")
        ((2, 3), (2, 2))
    """
    match = re.fullmatch(r"(\d{1,2})(?:-(\d{1,2}))?", text)
    if match is None:
        raise DesignError(f"{text!r} is no range of numbers.", cure="Write '2-3', or '2'.")
    return int(match[1]), int(match[2] or match[1])
