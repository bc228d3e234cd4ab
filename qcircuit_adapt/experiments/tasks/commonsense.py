"""Eight commonsense tasks: one option is right, and its letter is the answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qcircuit_adapt.experiments.item import Choice
from qcircuit_adapt.experiments.task import Row, Source, Task

LETTERS = "ABCDE"


def choose(question: str, options: Sequence[str], right: int) -> Choice:
    """Return a question with its options under letters.

    Example:
        >>> print(choose("What floats?", ["a cork", "a stone"], 0).prompt)
        What floats?
        A) a cork
        B) a stone
        The right option is
    """
    lines = [f"{letter}) {one}" for letter, one in zip(LETTERS, options, strict=False)]
    prompt = "\n".join([question.strip(), *lines, "The right option is"])
    return Choice(prompt, tuple(LETTERS[: len(options)]), right)


def read_boolq(row: Row) -> Iterator[Choice]:
    """Read ``passage``, ``question`` and ``answer``, true or false."""
    prompt = f"{row['passage']}\n\nIs this so? {row['question'].strip().rstrip('?')}?\nYes or no:"
    yield Choice(prompt, ("yes", "no"), 0 if row["answer"] in (True, "True", "true") else 1)


def read_piqa(row: Row) -> Iterator[Choice]:
    """Read ``goal``, ``sol1``, ``sol2`` and ``label``, from 0."""
    if int(row["label"]) >= 0:
        question = f"What is the better way to do this? {row['goal']}"
        yield choose(question, [row["sol1"], row["sol2"]], int(row["label"]))


def read_siqa(row: Row) -> Iterator[Choice]:
    """Read ``context``, ``question``, ``answerA`` to ``answerC`` and ``label``, from 1."""
    options = [row["answerA"], row["answerB"], row["answerC"]]
    yield choose(f"{row['context']} {row['question']}", options, int(row["label"]) - 1)


def read_hellaswag(row: Row) -> Iterator[Choice]:
    """Read ``activity_label``, ``ctx``, ``endings`` and ``label``, from 0."""
    if row["label"] != "":
        question = f"{row['activity_label']}: how does this go on?\n{row['ctx']}"
        yield choose(question, row["endings"], int(row["label"]))


def read_winogrande(row: Row) -> Iterator[Choice]:
    """Read ``sentence`` with a gap ``_``, ``option1``, ``option2`` and ``answer``, from 1."""
    if row["answer"] not in ("", None):
        question = f"What belongs into the gap? {row['sentence'].replace('_', '____')}"
        yield choose(question, [row["option1"], row["option2"]], int(row["answer"]) - 1)


def read_arc(row: Row) -> Iterator[Choice]:
    """Read ``question``, ``choices`` with ``text`` and ``label``, and ``answerKey``."""
    yield _read_keyed(row, row["question"])


def read_openbookqa(row: Row) -> Iterator[Choice]:
    """Read ``question_stem``, ``choices`` with ``text`` and ``label``, and ``answerKey``."""
    yield _read_keyed(row, row["question_stem"])


def _read_keyed(row: Row, question: str) -> Choice:
    # Some rows name their options 1 to 4.
    right = list(row["choices"]["label"]).index(row["answerKey"])
    return choose(question, row["choices"]["text"], right)


BOOLQ = Task(
    "boolq", "BoolQ", "choose", Source("google/boolq", test="validation"), read_boolq, "accuracy"
)
PIQA = Task(
    "piqa", "PIQA", "choose", Source("ybisk/piqa", test="validation"), read_piqa, "accuracy"
)
SIQA = Task(
    "siqa",
    "SIQA",
    "choose",
    Source("allenai/social_i_qa", test="validation"),
    read_siqa,
    "accuracy",
)
HELLASWAG = Task(
    "hellaswag",
    "HellaSwag",
    "choose",
    Source("Rowan/hellaswag", test="validation"),
    read_hellaswag,
    "accuracy",
)
WINOGRANDE = Task(
    "winogrande",
    "WinoGrande",
    "choose",
    Source("allenai/winogrande", "winogrande_xl", test="validation"),
    read_winogrande,
    "accuracy",
)
ARC_EASY = Task(
    "arc-e", "ARC-e", "choose", Source("allenai/ai2_arc", "ARC-Easy"), read_arc, "accuracy"
)
ARC_CHALLENGE = Task(
    "arc-c", "ARC-c", "choose", Source("allenai/ai2_arc", "ARC-Challenge"), read_arc, "accuracy"
)
OPENBOOKQA = Task(
    "obqa", "OBQA", "choose", Source("allenai/openbookqa", "main"), read_openbookqa, "accuracy"
)
