"""Trained updates: their exact rank is bounded by what is stored, not by what is rounded."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from exact_rank import rank_mod_p
from hypothesis import assume, given
from strategies import FORMS_ALONE, circuits

from qcircuit_adapt import Adapter, Circuit, families, reference
from qcircuit_adapt.errors import GateError
from qcircuit_adapt.nn.examine import examine
from qcircuit_adapt.nn.update import Update

BOUNDED = Circuit.parse("a=6 b=4 | a b {rank=2}, a", name="bounded")


def trained(adapter: Adapter, *, dtype: torch.dtype = torch.float32) -> Update:
    torch.manual_seed(0)
    return Update(adapter, dtype=dtype, init_weights=False)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(
    ("circuit", "form", "rank"),
    [
        (BOUNDED, "difference", 4),
        (BOUNDED, "zero", 2),
        (families.lora(16, 12, rank=3), "difference", 6),
        (families.quanta((4, 3, 2)), "residual", 24),
        (families.kronecker((4, 14), to=(7, 8)), "difference", 52),
    ],
)
def test_the_exact_rank(circuit: Circuit, form: str, rank: int, dtype: torch.dtype) -> None:
    """Halves that were multiplied and rounded would have full rank."""
    update = trained(Adapter(circuit, form=form), dtype=dtype)  # type: ignore[arg-type]
    (found,) = examine(update)
    assert (found.lower, found.form, found.name) == (rank, form, circuit.name)
    assert found.upper >= rank
    weight = update.delta_weight().numpy()
    expected = np.linalg.svd(weight.astype(np.float64), compute_uv=False)
    assert np.allclose(found.spectrum.singular_values, expected)


def test_a_dead_column_is_noticed() -> None:
    update = trained(Adapter(families.lora(16, 12, rank=3), form="zero"))
    with torch.no_grad():
        update.weight_g1[0] = 0
    (found,) = examine(update)
    assert (found.lower, found.upper) == (2, 3)
    assert str(found).startswith(
        "lora-16-to-12-r3, form 'zero': before rounding the update has rank 2 to 3, proved; "
        "measured in floating point, not proved: numerical rank 2 "
    )


def test_before_training_the_update_is_zero() -> None:
    (found,) = examine(Update(Adapter(BOUNDED)))
    assert (found.lower, found.spectrum.numerical_rank) == (0, 0)


def test_every_term_of_a_sum_is_examined() -> None:
    adapter = Adapter(families.quanta((4, 3))) + Adapter(families.lora(12, 12, rank=2), scale=0.5)
    update = trained(adapter)
    assert [found.lower for found in examine(update)] == [12, 4]
    total = sum(update.delta_weights())
    assert torch.equal(total, update.delta_weight())  # type: ignore[arg-type]


@given(circuits(max_gates=3, max_axes=3, max_width=24))
def test_halves_multiply_to_the_gates(circuit: Circuit) -> None:
    for form in FORMS_ALONE:
        try:
            adapter = Adapter(circuit, form=form)  # type: ignore[arg-type]
        except GateError:
            continue
        update = trained(adapter)
        (found,) = examine(update)
        assert found.lower <= found.upper
        # At gates of small whole numbers nothing is rounded, and the rank is the matrix's own.
        with torch.no_grad():
            for tensor in (*update.parameters(), *update.buffers()):
                tensor.copy_(torch.randint(-2, 3, tensor.shape))
        (found,) = examine(update)
        gates, references = update.tensors()[0], update.reference_tensors()[0]
        exact = reference.matrix(circuit, {n: t.double().numpy() for n, t in gates.items()})
        if references:
            exact = exact - reference.matrix(
                circuit, {n: t.double().numpy() for n, t in references.items()}
            )
        assume(np.abs(exact).max(initial=0) < 2**31)
        assert found.lower <= rank_mod_p(exact.astype(np.int64))
