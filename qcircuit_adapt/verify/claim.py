"""Claim: an interval with evidence for either end, and the word for what kind of proof it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from qcircuit_adapt.verify.read import Field

KEYS = ("lower", "upper", "exact", "status", "at_least", "at_most")


@dataclass(frozen=True)
class Shown:
    """What evidence shows.

    Attributes:
        how: How that was checked, in a line.
        witness: Whether it is, or rests on, a computation at one point.
        odds: n if that falls short at most once in n seeds; 0 or 1 if nothing is known.
    """

    how: str
    witness: bool = False
    odds: int = 0


@dataclass(frozen=True)
class Claim:
    """An interval that was checked.

    Attributes:
        lower: At least this is proved.
        upper: At most this is proved.
        below: What was done for `lower`.
        above: What was done for `upper`.
    """

    lower: int
    upper: int
    below: Shown
    above: Shown

    @property
    def numbers(self) -> str:
        """The interval as a text."""
        exact = self.lower == self.upper
        return f"= {self.upper:,}" if exact else f"from {self.lower:,} to {self.upper:,}"

    @property
    def status(self) -> str:
        """The word for this kind of proof."""
        if self.lower == self.upper:
            return "proved by witness" if self.below.witness else "theorem"
        if self.below.odds >= 2:
            return f"Monte Carlo (1 in {self.below.odds:,})"
        return "proved interval"


@dataclass(frozen=True)
class Kind:
    """A kind of evidence.

    Attributes:
        keys: The keys it has beside ``by`` and ``bound``.
        check: Checks the fields of such evidence, ``bound`` included.
    """

    keys: tuple[str, ...]
    check: Callable[[dict[str, Field]], Shown]


Kinds = Mapping[str, Kind]


def check_claim(field: Field, *, below: Kinds, above: Kinds, more: tuple[str, ...] = ()) -> Claim:
    """Check a claim, given the kinds of evidence that fit its two places."""
    claim = field.keys((*KEYS, *more))
    lower, upper = claim["lower"].whole(), claim["upper"].whole()
    if lower > upper:
        claim["lower"].refuse(f"{lower:,} is more than the upper bound, {upper:,}.")
    shown = [
        check_evidence(claim[side], kinds)
        for side, kinds in (("at_most", above), ("at_least", below))
    ]
    for key, side in (("lower", "at_least"), ("upper", "at_most")):
        claim[key].match(claim[side].value["bound"], f"the evidence {side!r}")
    checked = Claim(lower, upper, shown[1], shown[0])
    claim["exact"].match(lower == upper, "the interval")
    claim["status"].match(checked.status, "the evidence")
    return checked


def check_evidence(field: Field, kinds: Kinds) -> Shown:
    """Check evidence of one of the kinds that fit its place."""
    if not isinstance(field.value, dict) or "by" not in field.value:
        field.refuse("evidence says what it is by.")
    kind = kinds[Field(field.value["by"], f"{field.path}.by").among(kinds, "evidence")]
    evidence = field.keys(("by", "bound", *kind.keys))
    evidence["bound"].whole()
    return kind.check(evidence)
