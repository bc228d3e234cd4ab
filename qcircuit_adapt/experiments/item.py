"""Items: what a row of a data set is turned into, by what the model has to do with it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """Something to answer in words of the model's own.

    Attributes:
        prompt: What the model reads.
        answer: What it learns to write.
        references: The answers that count as right, each a tuple of parts.
    """

    prompt: str
    answer: str
    references: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Choice:
    """Something to answer by one of the options.

    Attributes:
        prompt: What the model reads, options included.
        options: The answers whose likelihoods are compared.
        right: The index of the right one.
    """

    prompt: str
    options: tuple[str, ...]
    right: int

    @property
    def answer(self) -> str:
        """What the model learns to write."""
        return self.options[self.right]


@dataclass(frozen=True)
class Pair:
    """A sentence, or two, with a label.

    Attributes:
        first: The sentence.
        second: The other one, or None.
        label: The number of the class, or a score.
    """

    first: str
    second: str | None
    label: float


@dataclass(frozen=True)
class Passage:
    """A text whose every token is predicted."""

    text: str


Item = Question | Choice | Pair | Passage
