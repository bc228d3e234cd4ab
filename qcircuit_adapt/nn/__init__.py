"""The torch side: modules that run a plan."""

from qcircuit_adapt.nn.operator import Operator
from qcircuit_adapt.nn.update import Update

__all__ = ["Operator", "Update"]
