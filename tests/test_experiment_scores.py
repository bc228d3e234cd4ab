"""Scores, on cases worked out by hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qcircuit_adapt.experiments.item import Question
from qcircuit_adapt.experiments.scores.drop_f1 import normalize, score_answer
from qcircuit_adapt.experiments.scores.glue import (
    accuracy,
    accuracy_and_f1,
    correlation,
    matthews,
)
from qcircuit_adapt.experiments.scores.number import equal_numbers, last_letter, last_number
from qcircuit_adapt.experiments.tasks import arithmetic, drop


@pytest.mark.parametrize(
    ("predicted", "references", "f1", "exact"),
    [
        (["5"], [["5"]], 1.0, 1.0),
        (["5.0"], [["5"]], 1.0, 1.0),
        (["five"], [["5"]], 0.0, 0.0),
        (["6 yards"], [["5 yards"]], 0.0, 0.0),  # another number, so the words do not count
        (["5 yards"], [["5"]], 0.67, 0.0),  # precision 1/2, recall 1
        (["The Bears!"], [["bears"]], 1.0, 1.0),
        (["Chicago Bears"], [["Bears"]], 0.67, 0.0),
        (["Bears", "Lions"], [["Lions", "Bears"]], 1.0, 1.0),  # the order does not count
        (["Bears"], [["Bears", "Lions"]], 0.5, 0.0),
        (["Bears", "Lions", "Rams"], [["Bears"]], 0.33, 0.0),
        (["Bears", "Bears"], [["Bears"]], 0.5, 0.0),
        # Matched to the first alone, the second part would be left with nothing.
        (["green tea", "green"], [["green", "green tea"]], 1.0, 1.0),
        (["green tea", "tea"], [["green", "tea"]], 0.83, 0.0),  # (2/3 + 1) / 2
        (["7"], [["8"], ["7"]], 1.0, 1.0),  # any of the right answers will do
        ([""], [["Bears"]], 0.0, 0.0),
        (["x"], [], 0.0, 0.0),
        (["20-25"], [["20"]], 0.67, 0.0),  # a hyphen parts words
    ],
)
def test_drop(predicted, references, f1, exact):
    assert score_answer(predicted, references) == {"f1": f1, "exact": exact}


@settings(max_examples=30)
@given(st.lists(st.text(alphabet="ab1. -", min_size=1, max_size=6), min_size=1, max_size=4))
def test_drop_s_own_answer_is_right(parts):
    found = score_answer(parts, [parts])
    assert found["exact"] == 1.0
    # An empty part matches nothing, not even itself.
    if all(normalize(part) for part in parts):
        assert found["f1"] == 1.0


def test_an_answer_of_several_parts_is_split():
    question = Question("", "", (("Bears", "Lions"),))
    assert drop.score(" Lions; Bears\nQuestion: more", question)["f1"] == 1.0
    assert drop.score("", question)["f1"] == 0.0


@pytest.mark.parametrize(
    ("answer", "right", "equal"),
    [
        ("The answer is 42.", "42", True),
        ("It is $1,234.50", "1234.5", True),
        ("7, no: 8", "7", False),
        ("-3", "3", False),
        ("2/4", "0.5", True),
        ("1/0", "1", False),
        ("none", "0", False),
        ("0.3333333333", "0.33333334", True),
        ("1000001", "1000000", True),
        ("1000002", "1000000", False),
    ],
)
def test_numbers(answer, right, equal):
    assert equal_numbers(answer, right) is equal


@given(st.integers(), st.text(alphabet="xyz ,.", max_size=5))
def test_the_last_number_is_found(number, after):
    assert last_number(f"1 and 2 is {number} {after}") == number


def test_letters():
    question = Question("", "", (("C",),))
    assert last_letter("A) or B): it is C.") == "C"
    assert last_letter("no option") == ""
    assert arithmetic.score_letter("The answer is C", question) == {"accuracy": 1.0}
    assert arithmetic.score_letter("A, then", question) == {"accuracy": 0.0}


def test_glue():
    predicted, right = [1.0, 1.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, 1.0, 1.0]
    assert accuracy(predicted, right) == {"accuracy": pytest.approx(3 / 5)}
    # 2 true positives, 1 false positive, 1 false negative, 1 true negative.
    assert accuracy_and_f1(predicted, right)["f1"] == pytest.approx(4 / 6)
    assert matthews(predicted, right)["mcc"] == pytest.approx(
        (2 * 1 - 1 * 1) / (3 * 3 * 2 * 2) ** 0.5
    )
    found = correlation([1.0, 2.0, 4.0], [1.0, 2.0, 3.0])
    assert found["spearman"] == pytest.approx(1)
    assert found["pearson"] == pytest.approx(9 / 84**0.5)
    assert found["mean"] == pytest.approx((1 + 9 / 84**0.5) / 2)
    assert correlation([1.0, 1.0], [1.0, 2.0])["mean"] == 0.0
