"""The torch side: modules that run a plan."""

from qcircuit_adapt.nn.operator import Operator
from qcircuit_adapt.nn.stream import Stream
from qcircuit_adapt.nn.update import Update
from qcircuit_adapt.nn.weight import Weight

__all__ = ["Operator", "Stream", "Update", "Weight"]
