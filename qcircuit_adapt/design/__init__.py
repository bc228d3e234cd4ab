"""Design by numbers: what circuits cost and can express, listed, searched and chosen from."""

from qcircuit_adapt.design.amount import read_amount
from qcircuit_adapt.design.budget import find_rows
from qcircuit_adapt.design.fit import Fit, LowRank, fit_circuit
from qcircuit_adapt.design.found import Found, Question
from qcircuit_adapt.design.row import Row, measure
from qcircuit_adapt.design.score import Score, bound_freedom, find_front
from qcircuit_adapt.design.search import search_layouts
from qcircuit_adapt.design.suggest import Suggestion, suggest

__all__ = [
    "Fit",
    "Found",
    "LowRank",
    "Question",
    "Row",
    "Score",
    "Suggestion",
    "bound_freedom",
    "find_front",
    "find_rows",
    "fit_circuit",
    "measure",
    "read_amount",
    "search_layouts",
    "suggest",
]
