"""Examine: the rank that a trained update has, proved, and how its singular values fall off."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from qcircuit_adapt.adapter import FORMS_ON_WEIGHT, Form, Term
from qcircuit_adapt.analysis.field.witness import Progress
from qcircuit_adapt.analysis.proof import claim_rank
from qcircuit_adapt.analysis.trained.exact import certified_rank
from qcircuit_adapt.analysis.trained.spectrum import Spectrum, measure_spectrum
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import GateError
from qcircuit_adapt.nn.update import Update


@dataclass(frozen=True)
class Examination:
    """What is known of the update of one circuit at the values that training left.

    Attributes:
        name: The circuit's.
        form: The form in which it enters the weight.
        lower: The exact product of the stored gates, less that of the gates it started from, has at
            least this rank; proved.
        upper: No values of the gates give a larger one; proved.
        spectrum: The singular values of the update as computed; measured.
        magnitudes: Whether the layer's magnitudes are trained too, which is left out here.
    """

    name: str
    form: Form
    lower: int
    upper: int
    spectrum: Spectrum
    magnitudes: bool = False

    def __str__(self) -> str:
        rank = (
            f"{self.lower:,}" if self.lower == self.upper else f"{self.lower:,} to {self.upper:,}"
        )
        left_out = "; magnitudes left out" if self.magnitudes else ""
        return (
            f"{self.name or 'circuit'}, form {self.form!r}: before rounding the update has rank "
            f"{rank}, proved; {self.spectrum}{left_out}"
        )


def examine(update: Update, *, on_progress: Progress | None = None) -> tuple[Examination, ...]:
    """Examine every term of an update.

    What is merged into a weight is rounded, and may have another rank.

    Args:
        update: The update, trained or not.
        on_progress: Told how far a rank is computed.

    Returns:
        One examination for each term.

    Raises:
        GateError: A term's form multiplies the base weight, which is not in the update, or the
            gates are held orthogonal.

    Example:
        >>> from qcircuit_adapt import Adapter, families
        >>> update = Update(Adapter(families.lora(9, 8, rank=2), form="zero"), init_weights=False)
        >>> examine(update)[0].lower
        2
    """
    for term in update.adapter.terms:
        if term.form in FORMS_ON_WEIGHT:
            raise GateError(
                f"the update of form {term.form!r} is a product with the base weight, which is not "
                "in it.",
                cure="Prove what its circuit can do: prove(circuit, form=...).",
            )
    if update.orthogonal:
        raise GateError(
            "the gates are held orthogonal, and what is stored are not the gates.",
            cause="A gate is computed from what is stored, and rounded: nothing exact is known.",
            cure="Measure the singular values of update.delta_weight().",
        )
    magnitudes = update.magnitude is not None
    terms = zip(
        (part.term for part in update.parts),
        update.tensors(halves=True),
        update.reference_tensors(halves=True),
        update.delta_weights(),
        strict=True,
    )
    return tuple(
        replace(_examine(term, gates, references, weight, on_progress), magnitudes=magnitudes)
        for term, gates, references, weight in terms
    )


def _examine(
    term: Term,
    gates: dict[str, Tensor],
    references: dict[str, Tensor],
    weight: Tensor,
    on_progress: Progress | None,
) -> Examination:
    lower, upper = bound_rank(term.circuit, term.form, gates, references, on_progress=on_progress)
    spectrum = measure_spectrum(weight.cpu().numpy())
    return Examination(term.circuit.name, term.form, lower, upper, spectrum)


def bound_rank(
    circuit: Circuit,
    form: Form,
    gates: dict[str, Tensor],
    references: dict[str, Tensor],
    *,
    on_progress: Progress | None = None,
) -> tuple[int, int]:
    """Bound the rank of an update at given gates: from below for these, from above for all.

    Args:
        circuit: The circuit.
        form: Its form, which does not multiply the base weight.
        gates: The gates of T, those of bounded rank in halves.
        references: Those of what is subtracted; none in form ``zero``.
        on_progress: Told how far a rank is computed.
    """
    upper = claim_rank(circuit, form=form, witness=False).upper
    lower = certified_rank(
        circuit,
        _to_arrays(gates),
        minus=_to_arrays(references) or None,
        target=upper,
        on_progress=on_progress,
    )
    return lower, upper


def _to_arrays(tensors: dict[str, Tensor]) -> dict[str, Any]:
    return {name: tensor.numpy() for name, tensor in tensors.items()}
