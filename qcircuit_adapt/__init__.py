"""Fine-tuning adapters as tensor-network circuits: declare, prove, draw, compile, adapt.

Names that need torch, transformers or peft are imported when they are first used.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from qcircuit_adapt.adapter import FORMS, Adapter, Form, Term
from qcircuit_adapt.axes import Axis
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.circuit_file import read_circuit, write_circuit
from qcircuit_adapt.errors import CircuitError
from qcircuit_adapt.families import resolve
from qcircuit_adapt.gate import Gate
from qcircuit_adapt.library import load_adapter, load_circuit

if TYPE_CHECKING:
    from qcircuit_adapt.analysis.certificate import Certificate
    from qcircuit_adapt.analysis.proof import prove
    from qcircuit_adapt.analysis.sum_certificate import SumCertificate
    from qcircuit_adapt.compiler.emit import emit
    from qcircuit_adapt.compiler.plan import Plan, compile
    from qcircuit_adapt.hf.config import CircuitConfig
    from qcircuit_adapt.hf.folder import load

_LAZY = {
    "Certificate": "qcircuit_adapt.analysis.certificate",
    "CircuitConfig": "qcircuit_adapt.hf",
    "Plan": "qcircuit_adapt.compiler.plan",
    "compile": "qcircuit_adapt.compiler.plan",
    "emit": "qcircuit_adapt.compiler.emit",
    "load": "qcircuit_adapt.hf",
    "SumCertificate": "qcircuit_adapt.analysis.sum_certificate",
    "prove": "qcircuit_adapt.analysis.proof",
}

__all__ = [
    "FORMS",
    "Adapter",
    "Axis",
    "Certificate",
    "Circuit",
    "CircuitConfig",
    "CircuitError",
    "Form",
    "Gate",
    "Plan",
    "SumCertificate",
    "Term",
    "compile",
    "emit",
    "load",
    "load_adapter",
    "load_circuit",
    "prove",
    "read_circuit",
    "resolve",
    "write_circuit",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("qcircuit_adapt")
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _register() -> None:
    """Tell PEFT of the method, for whoever uses PEFT already, so that it reads saved adapters."""
    if "peft" in sys.modules:
        importlib.import_module("qcircuit_adapt.hf")


_register()
