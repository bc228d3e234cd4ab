"""DROP: questions on a paragraph that take counting, sorting or adding up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from qcircuit_adapt.experiments.item import Question
from qcircuit_adapt.experiments.scores.drop_f1 import score_answer
from qcircuit_adapt.experiments.task import Row, Scores, Source, Task

SEPARATOR = "; "
"""What stands between the parts of an answer."""


def ask(passage: str, question: str) -> str:
    """Return the prompt of a question on a passage."""
    return f"Text: {passage}\n\nQuestion on the text: {question}\nAnswer:"


def read_row(row: Row) -> Iterator[Question]:
    """Read a row of the hub's data set, or a section of the published file."""
    for pair in row.get("qa_pairs", (row,)):
        references = _references(pair)
        if references:
            answer = SEPARATOR.join(references[0])
            yield Question(ask(row["passage"], pair["question"]), answer, references)


def score(answer: str, question: Question) -> Scores:
    """Score an answer's first line by DROP's F1 and exact match."""
    lines = answer.strip().splitlines() or [""]
    parts = [part.strip() for part in lines[0].split(SEPARATOR.strip())]
    return score_answer([part for part in parts if part] or [""], question.references)


def _references(pair: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    """Return the right answers, that of the question's author first."""
    if "answer" in pair:
        answers = [pair["answer"], *pair.get("validated_answers", ())]
        return tuple(parts for answer in answers if (parts := _parts(answer)))
    spans, types = pair["answers_spans"]["spans"], set(pair["answers_spans"]["types"])
    counts = Counter(spans)
    distinct = tuple(counts)
    # The hub's rows list what several readers answered one after the other, without saying where
    # one answer ends. Equal lists of parts are one answer; numbers and dates have one part.
    if types <= {"number", "date"}:
        return tuple((one,) for one in distinct)
    if len(set(counts.values())) == 1:
        return (distinct,)
    return (distinct, *((one,) for one in distinct))


def _parts(answer: Mapping[str, Any]) -> tuple[str, ...]:
    if answer.get("number"):
        return (str(answer["number"]),)
    if answer.get("spans"):
        return tuple(answer["spans"])
    date = answer.get("date") or {}
    text = " ".join(date[key] for key in ("day", "month", "year") if date.get(key))
    return (text,) if text else ()


DROP = Task(
    name="drop",
    title="DROP",
    kind="generate",
    source=Source("ucinlp/drop", test="validation"),
    read=read_row,
    metric="f1",
    new_tokens=32,
    score=score,
)
