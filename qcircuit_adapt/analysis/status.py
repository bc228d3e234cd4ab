"""Status: the word for how far a claim is proved."""

from __future__ import annotations

from typing import Protocol


class Evidence(Protocol):
    """What shows a bound."""

    @property
    def bound(self) -> int:
        """The bound."""


def name_status(below: Evidence, *, exact: bool) -> str:
    """Return the word for two bounds.

    ``theorem`` and ``proved by witness`` say that the bounds meet, and whether a drawn point was
    needed; ``proved interval`` that they do not. ``Monte Carlo (1 in n)`` says that they do not
    either, and that the lower one, which is proved, is also the exact number but for a chance of at
    most 1 in n over the seed, if the prime divides no number it should not.

    Args:
        below: The evidence for the lower bound; what was drawn has a ``seed``, and may have
            ``odds``.
        exact: Whether the bounds meet.
    """
    shown = getattr(below, "of", below)
    if exact:
        return "proved by witness" if hasattr(shown, "seed") else "theorem"
    odds = getattr(shown, "odds", 0)
    return f"Monte Carlo (1 in {odds:,})" if odds > 1 else "proved interval"
