"""Prove: find a certificate, with what takes longer only where what is quick leaves a gap."""

from __future__ import annotations

from typing import overload

from qcircuit_adapt.adapter import Adapter, Form, Term, check_form
from qcircuit_adapt.analysis.bounds.bridge import find_bridge
from qcircuit_adapt.analysis.bounds.cut import find_cut
from qcircuit_adapt.analysis.bounds.product import find_product
from qcircuit_adapt.analysis.bounds.route import Routing, find_routing
from qcircuit_adapt.analysis.certificate import Certificate
from qcircuit_adapt.analysis.claim import (
    Above,
    Below,
    Invertible,
    RankClaim,
    Scaled,
    Unproved,
    Untrained,
    find_subject,
    is_invertible,
    is_trained,
)
from qcircuit_adapt.analysis.count import quanta_bounds
from qcircuit_adapt.analysis.field.rotation_witness import (
    RotationWitness,
    find_rotation_witness,
)
from qcircuit_adapt.analysis.field.sum_witness import SumWitness, find_sum_witness
from qcircuit_adapt.analysis.field.witness import Progress, find_witness
from qcircuit_adapt.analysis.freedom.claim import (
    MAX_JACOBIAN,
    find_freedom,
    find_rotation_freedom,
)
from qcircuit_adapt.analysis.freedom.start import find_start
from qcircuit_adapt.analysis.rotation import Orthogonal, Turned, find_euler, find_turned
from qcircuit_adapt.analysis.structure.statement import find_structure
from qcircuit_adapt.analysis.sum_certificate import SumCertificate, bound_freedoms, bound_ranks
from qcircuit_adapt.analysis.total import add_up, find_weight_rank
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import GateError
from qcircuit_adapt.rotation import check_rotations, count_all_angles

QUICK_JACOBIAN = 10**6
"""Up to how many entries the Jacobian is computed without being asked for: well under a second."""


@overload
def prove(
    subject: Circuit,
    *,
    form: Form | None = None,
    orthogonal: bool = False,
    witness: bool | None = None,
    on_progress: Progress | None = None,
) -> Certificate: ...


@overload
def prove(
    subject: Adapter,
    *,
    orthogonal: bool = False,
    witness: bool | None = None,
    on_progress: Progress | None = None,
) -> Certificate | SumCertificate: ...


def prove(
    subject: Circuit | Adapter,
    *,
    form: Form | None = None,
    orthogonal: bool = False,
    witness: bool | None = None,
    on_progress: Progress | None = None,
) -> Certificate | SumCertificate:
    """Count what a circuit or an adapter costs, and bound what it can express, without running it.

    Args:
        subject: A circuit, or an adapter, which says its forms itself.
        form: The form of an adapter, to bound the rank of the circuit's update as well. Where it
            multiplies the base weight W, what is said of updates holds for every W of the largest
            rank, as all invertible ones have; `multiply_bounds` says more of the others.
        orthogonal: Whether every gate is held orthogonal, and starts at the identity, as
            ``CircuitConfig(orthogonal=True)`` has it; for one circuit in a form.
        witness: Whether to compute modulo a prime, at drawn gates, what theorems leave open. False:
            no. None: ranks, which takes seconds at 4,096 dimensions, and degrees of freedom where
            that takes no longer than a second. True: degrees of freedom of larger circuits too.
        on_progress: Told how far a computation is, of those that may take seconds.

    Returns:
        The numbers with their evidence; for an adapter of one term those of its circuit.

    Raises:
        GateError: The form is unknown, or is given beside an adapter, or a term multiplies the base
            weight in a sum in which that is too narrow; or the gates cannot be held orthogonal.
        SizeError: The form needs a circuit with ``d_in = d_out``.

    Example:
        >>> certificate = prove(Circuit.parse("x=64 | x -> r=4, r -> y=64", name="lora"))
        >>> print(certificate.rank.above.statement)
        T factors through the bonds r=4 from g1.
        >>> certificate.rank.exact, certificate.rank.upper, certificate.degrees_of_freedom.upper
        (True, 4, 496)
        >>> certificate.check()
    """
    if orthogonal:
        return _prove_rotations(_choose_term(subject, form), witness, on_progress)
    if isinstance(subject, Circuit):
        return _prove_circuit(subject, form, witness, on_progress)
    if form is not None:
        raise GateError("an adapter says its forms itself.", cure="Leave out 'form'.")
    if len(subject.terms) > 1:
        find_weight_rank(subject)
    terms = tuple(
        _prove_circuit(term.circuit, term.form, witness, on_progress) for term in subject.terms
    )
    if len(terms) == 1:
        return terms[0]

    def draw(target: int) -> SumWitness | None:
        return find_sum_witness(subject, target=target, on_progress=on_progress)

    d_in, d_out = subject.d_in, subject.d_out
    drawn = draw if witness is not False else None
    return SumCertificate(
        adapter=subject,
        terms=terms,
        update_rank=add_up(bound_ranks(terms), most=min(d_in, d_out), find_witness=drawn),
        degrees_of_freedom=add_up(bound_freedoms(terms), most=d_in * d_out),
    )


def _prove_circuit(
    circuit: Circuit, form: Form | None, witness: bool | None, on_progress: Progress | None
) -> Certificate:
    if form is not None:
        check_form(circuit, form)
    ranked = witness is not False
    freedom = find_freedom(
        circuit, witness=ranked, largest=MAX_JACOBIAN if witness else QUICK_JACOBIAN
    )
    rank = claim_rank(circuit, witness=ranked, on_progress=on_progress)
    update = start = None
    if form is not None:
        update = claim_rank(circuit, form=form, witness=ranked, on_progress=on_progress)
        start = find_start(circuit, form, freedom)
    return Certificate(
        circuit=circuit,
        parameters=circuit.parameters,
        frozen_parameters=circuit.frozen_parameters,
        macs_per_token=circuit.macs_per_token,
        quanta_bounds=quanta_bounds(circuit),
        rank=rank,
        degrees_of_freedom=freedom,
        statements=find_structure(circuit),
        update_rank=update,
        start=start,
    )


def _choose_term(subject: Circuit | Adapter, form: Form | None) -> Term:
    """Return the one circuit and its form, of which each gate can be held orthogonal."""
    if isinstance(subject, Circuit):
        if form is None:
            raise GateError(
                "gates that are held orthogonal start at the identity, in some form.",
                cure="Give form 'residual', 'input' or 'output'.",
            )
        subject = Adapter(subject, form=form)
    elif form is not None:
        raise GateError("an adapter says its forms itself.", cure="Leave out 'form'.")
    check_rotations(subject)
    if len(subject.terms) > 1:
        raise GateError(
            f"this is a sum of {len(subject.terms)} circuits, of which nothing is proved if gates "
            "are held orthogonal.",
            cure="Prove the terms one by one.",
        )
    return subject.terms[0]


def _prove_rotations(term: Term, witness: bool | None, on_progress: Progress | None) -> Certificate:
    circuit, freedom = term.circuit, find_rotation_freedom(term.circuit)
    whole = Orthogonal(circuit.d_in)
    above = find_euler(circuit) or find_cut(circuit, subject="T - S")
    below: Turned | RotationWitness = find_turned(circuit)
    if witness is not False and below.bound < above.bound:
        drawn = find_rotation_witness(circuit, on_progress=on_progress)
        below = drawn if drawn and drawn.bound > below.bound else below
    return Certificate(
        circuit=circuit,
        parameters=count_all_angles(circuit),
        frozen_parameters=0,
        macs_per_token=circuit.macs_per_token,
        quanta_bounds=quanta_bounds(circuit),
        rank=RankClaim(whole.bound, whole.bound, whole, whole, orthogonal=True),
        degrees_of_freedom=freedom,
        statements=find_structure(circuit, orthogonal=True),
        update_rank=RankClaim(below.bound, above.bound, below, above, term.form, orthogonal=True),
        start=find_start(circuit, term.form, freedom),
    )


def claim_rank(
    circuit: Circuit,
    *,
    form: Form | None = None,
    witness: bool = True,
    on_progress: Progress | None = None,
) -> RankClaim:
    """Bound the rank of T, or of the update that a form makes of it.

    What takes longer is done only while the bounds are apart: theorems, cuts and paths first, then
    the bounds of products and bridges, last the prime field.

    Example:
        >>> claim = claim_rank(Circuit.parse("x=64 | x -> r=4, r -> y=64"), form="difference")
        >>> claim.lower, claim.upper, claim.exact
        (8, 8, True)
        >>> claim_rank(Circuit.parse("a=9 b=9 | a {rank=3}, b {rank=6}"), form="difference").upper
        36
    """
    if form is not None:
        check_form(circuit, form)
    subject = find_subject(form)
    if form is not None and not is_trained(circuit):
        return RankClaim(0, 0, Untrained(), Untrained(), form)
    above: Above = find_cut(circuit, subject=subject)
    below = _find_evidence(circuit, form, target=above.bound)
    if below.bound < above.bound:
        bounds = [find_product(circuit)] if subject == "T - S" else []
        above = min((above, *bounds), key=lambda evidence: evidence.bound)
    if below.bound < above.bound:
        bridge = find_bridge(circuit, subject=subject)
        above = bridge if bridge and bridge.bound < above.bound else above
    if witness and below.bound < above.bound:
        drawn = find_witness(circuit, form=form, target=above.bound, on_progress=on_progress)
        below = drawn if drawn and drawn.bound > below.bound else below
    return RankClaim(below.bound, above.bound, below, above, form)


def _find_evidence(circuit: Circuit, form: Form | None, *, target: int) -> Below:
    """Find a lower bound: theorems first, then paths, and more paths only below the target."""
    on_t: Invertible | Routing | None = (
        Invertible(circuit.d_in) if is_invertible(circuit) else find_routing(circuit)
    )
    if on_t is None:
        return Unproved()
    if find_subject(form) == "T":
        return on_t
    if form == "difference" and on_t.bound < target:
        routing = find_routing(circuit, subject="T - S")
        if routing and routing.bound > on_t.bound:
            return routing
    return Scaled(on_t.bound, on_t)
