"""DROP's scores of an answer: exact match, and F1 over aligned parts."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence

import networkx as nx

_ARTICLES = re.compile(r"\b(a|an|the)\b")


def score_answer(predicted: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """Return the best scores of an answer's parts against any of the right answers.

    The parts of the answer are matched one to one with those of the right answer so that the sum of
    their F1 is largest; a part that stays alone counts 0. Two parts of which the right one has
    numbers match only if they share a number.

    Example:
        >>> score_answer(["the 7 dogs"], [["7 dogs"], ["seven"]])
        {'f1': 1.0, 'exact': 1.0}
        >>> score_answer(["8 dogs"], [["7 dogs"]])
        {'f1': 0.0, 'exact': 0.0}

    Source: Dua et al., "DROP", NAACL 2019, arXiv:1903.00161, section 5; rounding of F1 to two
    places as in its published evaluation.
    """
    found = [_score(predicted, reference) for reference in references]
    return {
        "f1": max((f1 for f1, _ in found), default=0.0),
        "exact": max((exact for _, exact in found), default=0.0),
    }


def normalize(text: str) -> str:
    """Return a text in lower case, without punctuation and articles, with numbers written alike.

    Example:
        >>> normalize("The 20,000-strong   crowd!"), normalize("3.0"), normalize("3")
        ('20000.0 strong crowd', '3.0', '3.0')
    """
    words = []
    for word in re.split(r"[ -]", text.lower()):
        if _number(word) is None:
            word = "".join(one for one in word if one not in string.punctuation)
        number = _number(word)
        words += [str(number)] if number is not None else _ARTICLES.sub(" ", word).split()
    return " ".join(words)


def _score(predicted: Sequence[str], gold: Sequence[str]) -> tuple[float, float]:
    ours, theirs = [normalize(one) for one in predicted], [normalize(one) for one in gold]
    exact = set(ours) == set(theirs) and len(ours) == len(theirs)
    graph = nx.Graph()
    for i, one in enumerate(ours):
        for j, other in enumerate(theirs):
            graph.add_edge(("ours", i), ("theirs", j), weight=_f1(one.split(), other.split()))
    matching = nx.max_weight_matching(graph)
    total = sum(graph.edges[edge]["weight"] for edge in matching)
    return round(total / max(len(ours), len(theirs), 1), 2), float(exact)


def _f1(predicted: Sequence[str], gold: Sequence[str]) -> float:
    ours, theirs = set(predicted), set(gold)
    numbers = {word for word in theirs if _number(word) is not None}
    if numbers and not numbers & ours:
        return 0.0
    shared = len(ours & theirs)
    precision = shared / len(ours) if ours else 1.0
    recall = shared / len(theirs) if theirs else 1.0
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None
