"""How circuits relate: which are the same, which give all that others give, which are closed."""

from qcircuit_adapt.analysis.relation.canonical import canonical_text, find_renaming
from qcircuit_adapt.analysis.relation.composition import Composition, find_composition
from qcircuit_adapt.analysis.relation.containment import Containment
from qcircuit_adapt.analysis.relation.express import Open, express
from qcircuit_adapt.analysis.relation.obstruction import NotContained
from qcircuit_adapt.analysis.relation.relation import Relation, relate
from qcircuit_adapt.analysis.relation.renaming import Renaming

__all__ = [
    "Composition",
    "Containment",
    "NotContained",
    "Open",
    "Relation",
    "Renaming",
    "canonical_text",
    "express",
    "find_composition",
    "find_renaming",
    "relate",
]
