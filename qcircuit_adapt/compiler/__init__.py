"""From a circuit to the steps that compute it."""

from qcircuit_adapt.compiler.emit import emit
from qcircuit_adapt.compiler.lower import Program, Source, Step
from qcircuit_adapt.compiler.plan import Plan, compile
from qcircuit_adapt.compiler.strategy import STRATEGIES

__all__ = ["STRATEGIES", "Plan", "Program", "Source", "Step", "compile", "emit"]
