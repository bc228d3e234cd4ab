"""Families: functions from sizes to circuits, and the circuit of a family for a layer's shape.

A family is called as a function, ``quanta((16, 8, 8, 4))``, or by a text that leaves sizes open,
``"quanta(axes=4)"``, which `resolve` fills in for a layer.
"""

from qcircuit_adapt.families.blocks import butterfly, gralora, monarch
from qcircuit_adapt.families.call import call_family, is_family, resolve
from qcircuit_adapt.families.decompositions import cp, tucker
from qcircuit_adapt.families.entrywise import khatri_rao, loha
from qcircuit_adapt.families.frozen import randlora, vera
from qcircuit_adapt.families.kron import kronecker, lokr
from qcircuit_adapt.families.low_rank import adalora, lora
from qcircuit_adapt.families.one_side import boft, ia3, oft, road
from qcircuit_adapt.families.pairs import brickwork, quanta
from qcircuit_adapt.families.registry import FAMILIES, Family
from qcircuit_adapt.families.sums import miss, mora
from qcircuit_adapt.families.trains import tensor_train, tt_lora

__all__ = [
    "FAMILIES",
    "Family",
    "adalora",
    "boft",
    "brickwork",
    "butterfly",
    "call_family",
    "cp",
    "gralora",
    "ia3",
    "is_family",
    "khatri_rao",
    "kronecker",
    "loha",
    "lokr",
    "lora",
    "miss",
    "monarch",
    "mora",
    "oft",
    "quanta",
    "randlora",
    "resolve",
    "road",
    "tensor_train",
    "tt_lora",
    "tucker",
    "vera",
]
