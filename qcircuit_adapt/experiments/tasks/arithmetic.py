"""Four arithmetic tasks, and two files of instructions to train on."""

from __future__ import annotations

from collections.abc import Iterator

from qcircuit_adapt.experiments.item import Question
from qcircuit_adapt.experiments.scores.number import equal_numbers, last_letter
from qcircuit_adapt.experiments.task import Row, Scores, Source, Task

NEW_TOKENS = 256


def ask(problem: str) -> str:
    """Return the prompt of a problem."""
    return f"Problem: {problem.strip()}\nSolve it step by step, and end with the answer.\nSolution:"


def read_instruction(row: Row) -> Iterator[Question]:
    """Read ``instruction``, ``input`` and ``output``, as in LLM-Adapters' files."""
    problem = "\n".join(part for part in (row["instruction"], row.get("input")) if part)
    yield Question(ask(problem), row["output"].strip())


def read_aqua(row: Row) -> Iterator[Question]:
    """Read ``question``, ``options`` such as ``"A)21"``, ``rationale`` and ``correct``."""
    problem = "\n".join([row["question"], *row["options"]])
    answer = f"{row['rationale'].strip()}\nThe answer is {row['correct']}"
    yield Question(ask(problem), answer, ((row["correct"],),))


def read_gsm8k(row: Row) -> Iterator[Question]:
    """Read ``question`` and ``answer``, which ends in ``#### 72``."""
    steps, _, number = row["answer"].rpartition("####")
    yield Question(
        ask(row["question"]), f"{steps.strip()}\nThe answer is {number.strip()}", ((number,),)
    )


def read_mawps(row: Row) -> Iterator[Question]:
    """Read ``question`` and ``result``."""
    number = str(row["result"])
    yield Question(ask(row["question"]), f"The answer is {number}", ((number,),))


def read_svamp(row: Row) -> Iterator[Question]:
    """Read ``Body``, ``Question``, ``Equation`` and ``Answer``."""
    number = str(row["Answer"])
    problem = f"{row['Body'].strip()} {row['Question'].strip()}"
    answer = f"{row['Equation']} = {number}\nThe answer is {number}"
    yield Question(ask(problem), answer, ((number,),))


def score_number(answer: str, question: Question) -> Scores:
    """Say whether the last number is the right one."""
    right = any(equal_numbers(answer, parts[0]) for parts in question.references)
    return {"accuracy": float(right)}


def score_letter(answer: str, question: Question) -> Scores:
    """Say whether the last option named is the right one."""
    return {"accuracy": float((last_letter(answer),) in question.references)}


AQUA = Task(
    name="aqua",
    title="AQuA",
    kind="generate",
    source=Source("deepmind/aqua_rat", "raw"),
    read=read_aqua,
    metric="accuracy",
    new_tokens=NEW_TOKENS,
    score=score_letter,
)
GSM8K = Task(
    name="gsm8k",
    title="GSM8K",
    kind="generate",
    source=Source("openai/gsm8k", "main"),
    read=read_gsm8k,
    metric="accuracy",
    new_tokens=NEW_TOKENS,
    score=score_number,
)
MAWPS = Task(
    name="mawps",
    title="MAWPS",
    kind="generate",
    source=Source("MU-NLPC/Calc-mawps"),
    read=read_mawps,
    metric="accuracy",
    new_tokens=NEW_TOKENS,
    score=score_number,
)
SVAMP = Task(
    name="svamp",
    title="SVAMP",
    kind="generate",
    source=Source("ChilleD/SVAMP"),
    read=read_svamp,
    metric="accuracy",
    new_tokens=NEW_TOKENS,
    score=score_number,
)
MATH10K = Task(
    name="math-10k",
    title="Math10K",
    kind="generate",
    source=Source(""),
    read=read_instruction,
    metric="accuracy",
    new_tokens=NEW_TOKENS,
    score=score_number,
)
COMMONSENSE170K = Task(
    name="commonsense-170k",
    title="Commonsense170K",
    kind="generate",
    source=Source("zwhe99/commonsense_170k"),
    read=read_instruction,
    metric="accuracy",
    new_tokens=NEW_TOKENS,
    score=score_number,
)
