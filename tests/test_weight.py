"""Updates that depend on the base weight: forms that multiply it, and magnitudes."""

from __future__ import annotations

from typing import get_args

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import circuits
from torch import Tensor, nn

from qcircuit_adapt import Adapter, Circuit, Form, load_adapter
from qcircuit_adapt.errors import GateError, SizeError
from qcircuit_adapt.families import lora, monarch, quanta
from qcircuit_adapt.library import resolve_adapter
from qcircuit_adapt.nn.examine import examine
from qcircuit_adapt.nn.update import Update
from qcircuit_adapt.nn.weight import Weight

ON_WEIGHT = ("input", "output")
DTYPES = (torch.float32, torch.bfloat16, torch.float16)
SEEDS = st.integers(0, 2**16)


def make_weight(d_in: int, d_out: int, dtype: torch.dtype = torch.float64) -> Weight:
    return Weight.of(torch.randn(d_out, d_in, dtype=dtype))


@pytest.mark.parametrize("form", get_args(Form))
@given(circuits(), st.sampled_from(DTYPES), st.booleans(), SEEDS)
def test_the_update_starts_at_exactly_zero(
    form: Form, circuit: Circuit, dtype: torch.dtype, magnitudes: bool, seed: int
) -> None:
    torch.manual_seed(seed)
    try:
        adapter = Adapter(circuit, form=form, scale=0.75)
    except (GateError, SizeError):
        assume(False)
        raise
    matrix = torch.randn(circuit.d_out, circuit.d_in, dtype=dtype)
    matrix[0] = 0
    weight = Weight(lambda x: nn.functional.linear(x, matrix), matrix.float)
    update = Update(adapter, dtype=dtype, magnitudes=circuit.d_out if magnitudes else 0)
    x = 10 * torch.randn(3, circuit.d_in, dtype=dtype)
    assert torch.equal(update(x, weight), torch.zeros(3, circuit.d_out, dtype=dtype))
    assert not update.delta_weight(weight=weight).any()


@pytest.mark.parametrize("magnitudes", [0, 8])
@pytest.mark.parametrize(
    "text",
    [
        "input quanta(axes=2)",
        "output monarch",
        "0.5 input quanta(axes=3) + -2.0 output quanta(axes=2) + zero lora(rank=2)",
        "input a=4 b=4 | a b -> b a + difference lora(rank=2)",
    ],
)
def test_applied_merged_and_meant_agree(text: str, magnitudes: int) -> None:
    torch.manual_seed(0)
    adapter = resolve_adapter(text, 16, 8)
    weight = make_weight(16, 8)
    dense = weight.dense()
    update = Update(adapter, dtype=torch.float64, magnitudes=magnitudes, init_weights=False)
    meant = torch.zeros(8, 16, dtype=torch.float64)
    both = zip(update.tensors(), update.reference_tensors(), adapter.terms, strict=True)
    for tensors, subtracted, term in both:
        own = matrix(term.circuit, tensors)
        own = own - matrix(term.circuit, subtracted) if subtracted else own
        product = {"input": lambda m: dense @ m, "output": lambda m: m @ dense}
        meant += term.scale * product.get(term.form, lambda m: m)(own)
    if update.magnitude is not None:
        rows = dense + meant
        lengths = dense.norm(dim=1) + update.magnitude.detach()
        meant = rows / rows.norm(dim=1, keepdim=True) * lengths[:, None] - dense
    x = torch.randn(5, 16, dtype=torch.float64)
    # Of at most 100 products of numbers of order 1.
    bound = 100 * torch.finfo(torch.float64).eps * float(meant.abs().max() + dense.abs().max()) * 16
    torch.testing.assert_close(update.delta_weight(weight=weight), meant, rtol=0, atol=bound)
    torch.testing.assert_close(update(x, weight), x @ meant.T, rtol=0, atol=10 * bound)
    assert meant.abs().max() > 1000 * bound


def matrix(circuit: Circuit, tensors: dict[str, Tensor]) -> Tensor:
    from qcircuit_adapt import reference

    return torch.from_numpy(reference.matrix(circuit, tensors))


@pytest.mark.parametrize("form", ON_WEIGHT)
def test_every_gate_and_magnitude_trains_at_once(form: Form) -> None:
    torch.manual_seed(0)
    d_in, d_out = (16, 8) if form == "input" else (12, 16)
    update = Update(Adapter(quanta((4, 2, 2)), form=form), magnitudes=d_out)
    update(torch.randn(9, d_in), make_weight(d_in, d_out, torch.float32)).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in update.parameters())


def test_a_magnitude_is_the_length_of_a_row() -> None:
    torch.manual_seed(0)
    update = Update(Adapter(lora(16, 8, rank=2), form="zero"), magnitudes=8, dtype=torch.float64)
    update.randomize()
    weight = make_weight(16, 8)
    assert update.magnitude is not None
    after = (weight.dense() + update.delta_weight(weight=weight)).norm(dim=1)
    torch.testing.assert_close(after, weight.dense().norm(dim=1) + update.magnitude.detach())


@pytest.mark.parametrize("form", ON_WEIGHT)
def test_the_base_weight_must_be_given(form: Form) -> None:
    update = Update(Adapter(monarch((4, 4)), form=form))
    for compute in (lambda: update(torch.zeros(16)), update.delta_weight):
        with pytest.raises(GateError) as caught:
            compute()
        assert str(caught.value) == (
            f"form {form!r} depends on the base weight, which is not given.\n"
            "  Pass weight=Weight.of(matrix), the matrix of shape (d_out, d_in)."
        )
    update = Update(Adapter(monarch((4, 4))), magnitudes=16)
    with pytest.raises(GateError, match="the magnitude of an output depends on the base weight"):
        update(torch.zeros(16))


@pytest.mark.parametrize("form", ON_WEIGHT)
def test_a_circuit_on_one_side_is_square(form: Form) -> None:
    with pytest.raises(SizeError) as caught:
        Adapter(lora(16, 8, rank=2), form=form)
    assert str(caught.value) == (
        f"circuit 'lora-16-to-8-r2' maps 16 to 8, which form {form!r} does not allow.\n"
        f"  In this form it changes what a layer {'takes' if form == 'input' else 'gives'}, and "
        "keeps its size.\n"
        "  Use a circuit with d_in = d_out, or form 'difference'."
    )
    with pytest.raises(GateError, match=f"is frozen, which form {form!r} does not allow"):
        Adapter(Circuit.parse("a=4 | a, a {frozen}"), form=form)


def test_the_other_side_is_that_of_the_other_terms() -> None:
    adapter = load_adapter("input quanta(axes=4-4) + output quanta(axes=4-2) + zero lora(rank=2)")
    assert (adapter.d_in, adapter.d_out) == (16, 8)
    assert adapter.terms[2].circuit.text == "x=16 | x -> r=2, r -> y=8"
    assert (Adapter(quanta((4, 4)), form="input").d_out) == 16
    with pytest.raises(SizeError) as caught:
        load_adapter("input quanta(axes=4-4) + a=4 | a")
    assert str(caught.value).splitlines()[0] == (
        "cannot add the circuit (4 -> 4) to circuit 'quanta-4-4' (16 -> any)."
    )


@pytest.mark.parametrize("form", ON_WEIGHT)
def test_a_product_with_the_weight_is_not_examined(form: Form) -> None:
    with pytest.raises(GateError) as caught:
        examine(Update(Adapter(quanta((4, 4)), form=form)))
    assert str(caught.value) == (
        f"the update of form {form!r} is a product with the base weight, which is not in it.\n"
        "  Prove what its circuit can do: prove(circuit, form=...)."
    )


def test_an_examination_says_that_magnitudes_are_left_out() -> None:
    update = Update(Adapter(lora(9, 8, rank=2), form="zero"), magnitudes=8, init_weights=False)
    (found,) = examine(update)
    assert (found.lower, found.magnitudes) == (2, True)
    assert str(found).endswith("; magnitudes left out")
