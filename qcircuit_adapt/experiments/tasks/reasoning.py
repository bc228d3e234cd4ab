"""Generated questions on short texts: counting, sorting and adding up, scored as DROP's are."""

from __future__ import annotations

import random
from collections.abc import Iterator

from qcircuit_adapt.experiments.item import Question
from qcircuit_adapt.experiments.task import Part, Row, Task
from qcircuit_adapt.experiments.tasks.drop import SEPARATOR, ask, score

NAMES = ("Ada", "Ben", "Cid", "Dora", "Emil", "Fay")
THINGS = ("apples", "books", "coins", "keys")
ROWS = {"train": 12_000, "test": 500}


def make_rows(part: Part) -> Iterator[Row]:
    """Make the rows of a part, the same on every machine.

    Example:
        >>> row = next(make_rows("test"))
        >>> row["passage"]
        'Cid has 5 keys. Ada has 1 keys. Dora has 2 keys.'
        >>> row["question"], row["answer"]
        ('How many of them have more than 3 keys?', '1')
    """
    draw = random.Random(f"reasoning {part}")
    for _ in range(ROWS[part]):
        yield _make_row(draw)


def read_row(row: Row) -> Iterator[Question]:
    """Read ``passage``, ``question`` and ``answer``."""
    answer = row["answer"]
    yield Question(ask(row["passage"], row["question"]), answer, (tuple(answer.split(SEPARATOR)),))


def make_lookups(count: int) -> Iterator[str]:
    """Make texts with a question that only asks to look something up, answered.

    A small model learns from them to read such texts; it learns no counting, sorting or adding.
    """
    draw = random.Random("lookup")
    for _ in range(count):
        held, thing, passage = _tell(draw)
        name = draw.choice(list(held))
        questions = (
            (f"How many {thing} has {name}?", str(held[name])),
            (f"Who has {held[name]} {thing}?", name),
        )
        question, answer = draw.choice(questions)
        yield f"{ask(passage, question)} {answer}"


def _make_row(draw: random.Random) -> Row:
    held, thing, passage = _tell(draw)
    numbers = sorted(held.values())
    least = draw.randint(2, 4)
    questions = (
        (
            f"How many of them have more than {least} {thing}?",
            str(sum(number > least for number in numbers)),
        ),
        (f"How many {thing} have they together?", str(sum(numbers))),
        (f"How many {thing} has who has the fewest?", str(numbers[0])),
        (f"How many {thing} has who has the most?", str(numbers[-1])),
        (f"How many {thing} have they, sorted?", SEPARATOR.join(map(str, numbers))),
    )
    question, answer = draw.choice(questions)
    return {"passage": passage, "question": question, "answer": answer}


def _tell(draw: random.Random) -> tuple[dict[str, int], str, str]:
    """Draw who has how many, all of them different, and say so."""
    names, numbers = draw.sample(NAMES, 3), draw.sample(range(1, 7), 3)
    thing = draw.choice(THINGS)
    held = dict(zip(names, numbers, strict=True))
    return held, thing, " ".join(f"{name} has {held[name]} {thing}." for name in names)


REASONING = Task(
    name="reasoning",
    title="counting, sorting, adding",
    kind="generate",
    source=make_rows,
    read=read_row,
    metric="f1",
    new_tokens=12,
    score=score,
)
