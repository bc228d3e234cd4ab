"""Interval: a number between two bounds, each with its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar


class Evidence(Protocol):
    """What shows a bound."""

    @property
    def bound(self) -> int:
        """The bound."""

    @property
    def statement(self) -> str:
        """Why the bound holds, in a sentence."""


Below = TypeVar("Below", bound=Evidence, covariant=True)
Above = TypeVar("Above", bound=Evidence, covariant=True)


@dataclass(frozen=True)
class Interval(Generic[Below, Above]):
    """Bounds on a number.

    Attributes:
        lower: It is at least this, for almost all gate values.
        upper: It is at most this, for all gate values.
        below: The evidence for `lower`. What was drawn has a ``seed``, and may have ``odds``.
        above: The evidence for `upper`.
    """

    lower: int
    upper: int
    below: Below
    above: Above

    @property
    def exact(self) -> bool:
        """Whether the bounds meet; then both are the generic number."""
        return self.lower == self.upper

    @property
    def status(self) -> str:
        """How far it is proved.

        ``theorem`` and ``proved by witness`` say that the bounds meet, and whether a drawn point
        was needed; ``proved interval`` that they do not. ``Monte Carlo (1 in n)`` says that they do
        not either, and that the lower one, which is proved, is also the exact number but for a
        chance of at most 1 in n over the seed, if the prime divides no number it should not.
        """
        shown = getattr(self.below, "of", self.below)
        if self.exact:
            return "proved by witness" if hasattr(shown, "seed") else "theorem"
        odds = getattr(shown, "odds", 0)
        return f"Monte Carlo (1 in {odds:,})" if odds > 1 else "proved interval"

    def to_dict(self) -> dict[str, Any]:
        """Return ``lower``, ``upper``, ``exact`` and ``status``."""
        return {
            "lower": self.lower,
            "upper": self.upper,
            "exact": self.exact,
            "status": self.status,
        }
