"""Inspection: the matrices of a trained update, measured, with what is proved of them beside."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from qcircuit_adapt.adapter import FORMS_ON_WEIGHT, Form, Term
from qcircuit_adapt.analysis.field.witness import Progress
from qcircuit_adapt.analysis.structure.schmidt import SchmidtBound, find_schmidt
from qcircuit_adapt.analysis.trained.spectrum import Spectrum, measure_spectrum
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.compiler.plan import compile
from qcircuit_adapt.errors import WireError
from qcircuit_adapt.nn.examine import bound_rank
from qcircuit_adapt.nn.program import run
from qcircuit_adapt.nn.update import Tensors, Update

TOLERANCE = float(np.finfo(np.float32).eps)
"""What counts as zero, for each row or column: gates are stored in float32 or less."""

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Split:
    """T across a split of its open wires.

    Attributes:
        bound: The operator-Schmidt rank that no gate values exceed; proved.
        measured: The one of the trained T, as computed in floating point.
    """

    bound: SchmidtBound
    measured: int

    @property
    def side(self) -> str:
        """The wires on the one side, inputs before and outputs after an arrow."""
        return f"{' '.join(self.bound.inputs)} -> {' '.join(self.bound.outputs)}".strip()


@dataclass(frozen=True)
class Inspection:
    """What is known of one circuit of an update.

    Attributes:
        circuit: The circuit.
        form: The form in which it enters the weight. In those that multiply the base weight, what
            is inspected is ``T - I``.
        lower: The update has at least this rank before rounding; proved for the stored gates.
        upper: No values of the gates give a larger one; proved.
        update: The singular values of the update; measured, as are those below.
        trained: Those of T.
        start: Those of what T was before training; None in form ``zero``, where that is not stored.
        splits: T across splits of its open wires.
    """

    circuit: Circuit
    form: Form
    lower: int
    upper: int
    update: Spectrum
    trained: Spectrum
    start: Spectrum | None
    splits: tuple[Split, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as data that JSON can hold."""
        spectra = {"update": self.update, "trained": self.trained, "start": self.start}
        return {
            "circuit": self.circuit.text,
            "form": self.form,
            "parameters": self.circuit.parameters,
            "update_rank": {"lower": self.lower, "upper": self.upper, "status": "proved"},
            "measured": {
                name: spectrum and spectrum.to_dict() for name, spectrum in spectra.items()
            },
            "splits": [
                {
                    "inputs": split.bound.inputs,
                    "outputs": split.bound.outputs,
                    "bound": split.bound.bound,
                    "most": split.bound.most,
                    "measured": split.measured,
                }
                for split in self.splits
            ],
        }


def inspect_update(
    update: Update,
    *,
    splits: Iterable[str] | None = None,
    on_progress: Progress | None = None,
) -> tuple[Inspection, ...]:
    """Inspect every circuit of an update.

    Args:
        update: The update, trained or not.
        splits: Across which splits to measure T, each as ``"a b -> a"``: the input and the output
            wires of one side. By default each axis against the rest.
        on_progress: Told how far an exact rank is computed.

    Raises:
        WireError: A split names a wire that a circuit does not have.

    Example:
        >>> from qcircuit_adapt.adapter import Adapter
        >>> lokr = Circuit.parse("a=4 b=3 | a, b")
        >>> (found,) = inspect_update(Update(Adapter(lokr, form="zero"), init_weights=False))
        >>> found.upper, [(split.side, split.measured, split.bound.bound) for split in found.splits]
        (12, [('a -> a', 1, 1), ('b -> b', 1, 1)])
    """
    found = (
        _inspect(part.term, gates, references, splits, on_progress)
        for part, gates, references in zip(
            update.parts,
            update.tensors(halves=True),
            update.reference_tensors(halves=True),
            strict=True,
        )
    )
    # Gates that are held orthogonal are computed and rounded: a block of odd size differs from the
    # identity by a matrix without full rank, which its rounding may have.
    return tuple(replace(one, lower=0) if update.orthogonal else one for one in found)


def _inspect(
    term: Term,
    gates: Tensors,
    references: Tensors,
    splits: Iterable[str] | None,
    on_progress: Progress | None,
) -> Inspection:
    # Where the update is W (T - I) or (T - I) W, what is known without W is T - I.
    form: Form = "residual" if term.form in FORMS_ON_WEIGHT else term.form
    lower, upper = bound_rank(term.circuit, form, gates, references, on_progress=on_progress)
    after = _build(term.circuit, gates)
    before = _build(term.circuit, references) if references else None
    change = after if before is None else after - before
    return Inspection(
        term.circuit,
        term.form,
        lower,
        upper,
        update=_measure(term.scale * change),
        trained=_measure(after),
        start=None if before is None else _measure(before),
        splits=tuple(_split(term.circuit, after, one) for one in _choose(term, splits)),
    )


def _build(circuit: Circuit, tensors: Tensors) -> Array:
    """Return T in float64."""
    wide = {name: tensor.to(torch.float64) for name, tensor in tensors.items()}
    matrix: Array = run(compile(circuit).build, None, wide).numpy()
    return matrix


def _measure(matrix: Array) -> Spectrum:
    return measure_spectrum(matrix, tolerance=TOLERANCE * max(matrix.shape))


def _choose(term: Term, splits: Iterable[str] | None) -> list[tuple[list[str], list[str]]]:
    """Return the wires on one side of each split."""
    if splits is None:
        outputs = [axis.name for axis in term.circuit.outputs]
        wide = [axis.name for axis in term.circuit.inputs if axis.size > 1]
        # With a single axis there is no rest.
        return [([name], [name]) for name in wide if name in outputs] if len(wide) > 1 else []
    chosen = []
    for text in splits:
        taken, arrow, given = text.partition("->")
        if not arrow:
            raise WireError(
                f"{text!r} is no split of wires.",
                cure='Write the inputs and outputs of one side: "a b -> a".',
            )
        chosen.append((taken.split(), given.split()))
    return chosen


def _split(circuit: Circuit, matrix: Array, side: tuple[list[str], list[str]]) -> Split:
    """Bound and measure T across a split."""
    bound = find_schmidt(circuit, inputs=side[0], outputs=side[1])
    axes = [(axis, bound.outputs) for axis in circuit.outputs]
    axes += [(axis, bound.inputs) for axis in circuit.inputs]
    first = [n for n, (axis, chosen) in enumerate(axes) if axis.name in chosen]
    other = [n for n in range(len(axes)) if n not in first]
    array = matrix.reshape([axis.size for axis, _ in axes]).transpose(first + other)
    rows = int(np.prod([axes[n][0].size for n in first]))
    joined = array.reshape(rows, -1)
    # Of a wide matrix the same singular values are those of a small square one.
    small = np.linalg.qr((joined if rows > joined.shape[1] else joined.T), mode="r")
    spectrum = measure_spectrum(small, tolerance=TOLERANCE * max(matrix.shape))
    return Split(bound, spectrum.numerical_rank)
