"""Numbers in an answer, compared exactly."""

from __future__ import annotations

import re
from fractions import Fraction

_NUMBER = re.compile(r"-?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:\s*/\s*\d+)?")
_LETTER = re.compile(r"\b([A-E])\b")


def last_number(text: str) -> Fraction | None:
    """Return the last number that a text names, or None.

    Example:
        >>> last_number("So 3 + 4 = 7, and 1,050.50 in all.")
        Fraction(2101, 2)
        >>> last_number("half: 1/2")
        Fraction(1, 2)
    """
    for found in reversed(_NUMBER.findall(text)):
        top, _, bottom = found.replace(",", "").replace(" ", "").partition("/")
        if not bottom or int(bottom):
            return Fraction(top) / (int(bottom) if bottom else 1)
    return None


def equal_numbers(answer: str, right: str) -> bool:
    """Say whether the last number of an answer is the right one, to within a millionth of it.

    Example:
        >>> equal_numbers("It is 0.333333333", "1/3"), equal_numbers("12 apples", "12.0")
        (True, True)
    """
    ours, theirs = last_number(answer), last_number(right)
    if ours is None or theirs is None:
        return False
    # Data sets round what they computed in floating point.
    return abs(ours - theirs) <= abs(theirs) / 10**6


def last_letter(text: str) -> str:
    """Return the last option that a text names, or an empty text.

    Example:
        >>> last_letter("Not A. The answer is (C).")
        'C'
    """
    found = _LETTER.findall(text)
    return found[-1] if found else ""
