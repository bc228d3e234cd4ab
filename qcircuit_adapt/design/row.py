"""Row: a circuit in numbers, for a table of many."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from qcircuit_adapt.adapter import FORMS_ON_WEIGHT, Form
from qcircuit_adapt.analysis.bounds.sylvester import multiply_bounds
from qcircuit_adapt.analysis.structure.statement import find_factors
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.compiler.lower import MAX_LETTERS, Program, lower
from qcircuit_adapt.compiler.path import apply_network, choose_path, contract, written_path
from qcircuit_adapt.design.score import Bounds, Score, bound_freedom, bound_rank
from qcircuit_adapt.errors import LimitError

TOKENS = 2048
"""For how many tokens the contraction path is chosen, as `compile` does unless told."""

MAX_SEARCHED = 8
"""Operands up to which that path is searched for; above, gates are applied as written."""

MAX_COARSENED = 6
"""Gates up to which they are merged for a better bound on the degrees of freedom."""

FORMS: Mapping[str, Form] = {
    **dict.fromkeys(("lora", "adalora", "kronecker", "lokr", "tensor_train", "tt_lora"), "zero"),
    **dict.fromkeys(("tucker", "cp", "gralora", "loha", "khatri_rao", "miss", "mora"), "zero"),
    **dict.fromkeys(("vera", "randlora"), "zero"),
    **dict.fromkeys(("oft", "boft"), "input"),
    **dict.fromkeys(("ia3", "road"), "output"),
}
"""The forms of families that are published in another than ``difference``."""


@dataclass(frozen=True)
class Row:
    """A circuit in numbers; all are exact, or bounds that are proved.

    Attributes:
        spec: The text that names it, as `families.resolve` takes it.
        family: The family.
        axes: The sizes of its input axes.
        form: The form its update is counted in.
        parameters: How many numbers are trained.
        share: Parameters for each parameter of the dense layer.
        freedom: Bounds on the degrees of freedom of the update.
        rank: Bounds on the rank of T.
        update_rank: Bounds on the rank of the update; a base weight that it multiplies counts as
            one of the largest rank.
        macs: Multiply-accumulates for one token, along the contraction path; in form ``input`` also
            those of the base weight, which then multiplies twice.
        saved: Elements kept for backward for one token, beyond x and the gates.
        joined: Whether the graph shows no output axis to be independent of an input axis.
        front: Whether no other row is proved to beat it in parameters, rank of the update, degrees
            of freedom and MACs.
    """

    spec: str
    family: str
    axes: tuple[int, ...]
    form: Form
    parameters: int
    share: float
    freedom: Bounds
    rank: Bounds
    update_rank: Bounds
    macs: int
    saved: int
    joined: bool
    front: bool = False

    @property
    def score(self) -> Score:
        """What it is compared by."""
        return Score(self.parameters, self.macs, self.update_rank, self.freedom)

    def to_dict(self) -> dict[str, Any]:
        """Return the row as data that JSON can hold."""
        return dataclasses.asdict(self)


@lru_cache(maxsize=65536)
def measure(
    circuit: Circuit, *, spec: str = "", family: str = "", layer: tuple[int, int] | None = None
) -> Row:
    """Count and bound a circuit by what is quick: nothing is run, nothing drawn.

    Args:
        circuit: The circuit.
        spec: What to call it; its own text by default.
        family: The family it is of, which decides its form.
        layer: The layer's dimensions, in and out; those of the circuit by default.

    Raises:
        LimitError: A step of its program would act on more wires than einsum has letters.

    Example:
        >>> row = measure(Circuit.parse("a=16 b=8 c=8 d=4 | c d, b d, a d, b c, a c, a b"))
        >>> row.parameters, row.freedom, row.update_rank, row.macs, row.saved
        (43008, (42211, 42211), (4096, 4096), 1835008, 20480)
    """
    form = FORMS.get(family, "difference")
    program = _plan(circuit)
    d_in, d_out = layer or (circuit.d_in, circuit.d_out)
    freedom = bound_freedom(circuit, coarsen=MAX_COARSENED)
    own = rank = bound_rank(circuit)  # in form ``zero`` the update is T
    if form in FORMS_ON_WEIGHT:
        square = bound_rank(circuit, "residual")
        rank = multiply_bounds(square, weight_rank=min(d_in, d_out), dimension=circuit.d_in)
        # A base weight that has a kernel there can hide what T can do.
        hides = min(d_in, d_out) < circuit.d_in
        freedom = (0 if hides else freedom[0], min(freedom[1], d_in * d_out))
    elif form != "zero":
        rank = bound_rank(circuit, form)
    return Row(
        spec=spec or circuit.text,
        family=family,
        axes=tuple(axis.size for axis in circuit.inputs),
        form=form,
        parameters=circuit.parameters,
        share=circuit.parameters / (d_in * d_out),
        freedom=freedom,
        rank=own,
        update_rank=rank,
        macs=-(-program.macs // TOKENS) + (d_in * d_out if form == "input" else 0),
        saved=-(-program.saved_elements // TOKENS),
        # A base weight joins all axes.
        joined=form in FORMS_ON_WEIGHT or len(find_factors(circuit).wires) == 1,
    )


def _plan(circuit: Circuit) -> Program:
    """Return the program that applies a circuit, its path searched for where that is quick."""
    network = apply_network(circuit, tokens=TOKENS)
    searched = len(network.operands) <= MAX_SEARCHED
    path = choose_path(network, max_letters=MAX_LETTERS) if searched else written_path(network)
    if path is None or any(len(one.indices) > MAX_LETTERS for one in contract(network, path)):
        raise LimitError(
            f"{circuit.label} needs a step on more than {MAX_LETTERS} wires, too many for einsum.",
            cure="Merge some of the axes.",
        )
    return lower(network, path, circuit=circuit)
