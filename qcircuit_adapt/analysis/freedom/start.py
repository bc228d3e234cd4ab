"""Start: in how many independent directions the update can take its first step.

Training begins where the update is zero, and there the gates may move it less freely than almost
anywhere else: a gate behind one that is zero moves nothing yet.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from qcircuit_adapt.adapter import FORMS_FROM_IDENTITY, Form
from qcircuit_adapt.analysis.bounds.cut import Cut, find_cut
from qcircuit_adapt.analysis.bounds.route import Routing, find_routing, is_special
from qcircuit_adapt.analysis.claim import Unproved, Untrained, is_trained
from qcircuit_adapt.analysis.freedom.claim import Above as FreedomAbove
from qcircuit_adapt.analysis.freedom.claim import Below as FreedomBelow
from qcircuit_adapt.analysis.freedom.claim import Freedom
from qcircuit_adapt.analysis.freedom.tangent import Tangent, find_tangent
from qcircuit_adapt.analysis.interval import Interval
from qcircuit_adapt.analysis.rotation import Skew, find_skew, has_whole_tangent
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import GateError


@dataclass(frozen=True)
class Start(
    Interval[FreedomBelow | Routing | Unproved, FreedomAbove | Cut | Skew | Tangent],
):
    """Bounds on the dimension of the update's tangent space where training starts."""


def find_start(circuit: Circuit, form: Form, freedom: Freedom) -> Start | None:
    """Bound the dimension of the update's tangent space where training starts.

    In form ``difference`` gates start at generic values, so it is the degrees of freedom. In form
    ``residual`` they start as identities, where the tangent space is known if sizes stay, and so it
    is beside a base weight of full rank. In form ``zero`` only the gate that starts at zero moves
    the update, through the others.

    Args:
        circuit: The circuit.
        form: The form of the adapter.
        freedom: The circuit's degrees of freedom; it says whether gates are held orthogonal.

    Returns:
        The bounds, or None where nothing is proved.

    Example:
        >>> from qcircuit_adapt.analysis.freedom.claim import find_freedom
        >>> lora = Circuit.parse("x=20 | x -> r=3, r -> x=24")
        >>> freedom, start = find_freedom(lora), find_start(lora, "zero", find_freedom(lora))
        >>> freedom.lower, start.lower, start.upper
        (123, 72, 72)
    """
    if freedom.orthogonal:
        skew = find_skew(circuit)
        return Start(skew.bound, skew.bound, skew, skew) if has_whole_tangent(circuit) else None
    if not is_trained(circuit):
        return Start(0, 0, Untrained(), Untrained())
    trained = [gate for gate in circuit.gates if circuit.trainable(gate)]
    if form == "difference":
        if any(is_special(circuit, gate) for gate in trained):
            return None
        return Start(freedom.lower, freedom.upper, freedom.below, freedom.above)
    if form in FORMS_FROM_IDENTITY:
        uses = Counter(circuit.owner(gate).name for gate in circuit.gates)
        tangent = find_tangent(circuit)
        if tangent is None or len(uses) < len(circuit.gates) or len(trained) < len(uses):
            return None
        return Start(tangent.bound, tangent.bound, tangent, tangent)
    try:
        above = find_cut(circuit, subject="start")
    except GateError:
        # The form cannot train this circuit at all.
        return None
    below = find_routing(circuit, subject="start") or Unproved()
    return Start(below.bound, above.bound, below, above)
