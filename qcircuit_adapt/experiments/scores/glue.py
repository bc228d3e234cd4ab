"""GLUE's metrics, by scikit-learn and SciPy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from qcircuit_adapt.errors import ExperimentError


def accuracy(predicted: Sequence[float], right: Sequence[float]) -> dict[str, float]:
    """Return the share of right classes."""
    hits = [one == other for one, other in zip(predicted, right, strict=True)]
    return {"accuracy": sum(hits) / len(hits)}


def accuracy_and_f1(predicted: Sequence[float], right: Sequence[float]) -> dict[str, float]:
    """Return the share of right classes, and F1 of class 1."""
    f1 = float(_sklearn().f1_score(right, predicted, zero_division=0.0))
    return {**accuracy(predicted, right), "f1": f1}


def matthews(predicted: Sequence[float], right: Sequence[float]) -> dict[str, float]:
    """Return Matthews' correlation coefficient, and the share of right classes."""
    mcc = float(_sklearn().matthews_corrcoef(right, predicted))
    return {"mcc": mcc, **accuracy(predicted, right)}


def correlation(predicted: Sequence[float], right: Sequence[float]) -> dict[str, float]:
    """Return Pearson's and Spearman's correlations, 0 where one side is constant, and their mean.

    A model that is not trained yet may give every sentence the same score.
    """
    _sklearn()  # It brings SciPy.
    from scipy import stats

    if len(set(predicted)) == 1 or len(set(right)) == 1:
        return {"mean": 0.0, "pearson": 0.0, "spearman": 0.0}
    pearson = float(stats.pearsonr(predicted, right).statistic)
    spearman = float(stats.spearmanr(predicted, right).statistic)
    assert math.isfinite(pearson)
    assert math.isfinite(spearman)
    return {"mean": (pearson + spearman) / 2, "pearson": pearson, "spearman": spearman}


def _sklearn() -> Any:
    try:
        from sklearn import metrics
    except ImportError:
        raise ExperimentError(
            "GLUE's metrics need scikit-learn.",
            cure='Install it: pip install "qcircuit-adapt[experiments]".',
        ) from None
    return metrics
