"""Updates: exactly nothing at the start, then the circuits' difference, applied and merged."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from rounding import assert_within, magnitude, relative
from strategies import circuits
from torch import Tensor, nn

from qcircuit_adapt import Adapter, Circuit, Form, adapter, reference
from qcircuit_adapt.errors import GateError, SizeError
from qcircuit_adapt.families import lora, quanta
from qcircuit_adapt.nn.update import Part, Update

FORMS = ("difference", "residual", "zero")
DTYPES = (torch.float32, torch.bfloat16, torch.float16)
SEEDS = st.integers(0, 2**16)

SQUARE = Circuit("a=4 b=3 c=2", ["b c", "a c", "b per a", "per a c", "a b"], name="square")
RECTANGULAR = Circuit(
    "a=4 b=3", ["a b {rank=2}", "b -> b=2 c=3", "a c per b"], outputs="c a b", name="rectangular"
)
REAL = {
    "4096": quanta((16, 8, 8, 4)),
    "4096 to 1024": quanta((16, 8, 8, 4), to=(4, 8, 8, 4)),
    "5120": quanta((16, 8, 8, 5)),
    "11008 to 4096": quanta((43, 16, 16), to=(16, 16, 16)),
}


def make(circuit: Circuit, form: Form, **options: object) -> Update:
    """An update of one term; an example that its form cannot train is passed over."""
    try:
        return Update(Adapter(circuit, form=form, scale=0.75), **options)  # type: ignore[arg-type]
    except GateError:
        assume(False)
        raise


def magnitudes(update: Update, part: Part, x: Tensor | None) -> Tensor:
    """The sums of absolute values that rounding errors are relative to; of the matrix without x.

    Twice, since the sum of reference and change is rounded once for each gate, which is no more
    than each step; differences and scaling round less than one step does.
    """
    gates, references = update._gates(part, wide=True)
    weights = update._weights(part, wide=True)
    if references:
        gates = {
            gate.name: weights[gate.name].abs()
            + (0 if gate.frozen else references[gate.name].abs())
            for gate in part.gates
        }
    program = part.plan.build if x is None else part.plan.apply
    total = 2 * magnitude(program, x, gates)
    return total + 2 * magnitude(program, x, references) if references else total


def forward_error(part: Part, *, dtype: torch.dtype) -> float:
    # Besides the step itself, the form without cancellation rounds two sums for each gate.
    return (
        3 * relative(part.chain, dtype=dtype)
        if part.chain
        else relative(part.plan.apply, dtype=dtype)
    )


def matrix_error(part: Part) -> float:
    return max(
        relative(part.plan.build, dtype=torch.float32), forward_error(part, dtype=torch.float32)
    )


def exact(update: Update) -> Tensor:
    """What ``dW`` must be, by the reference."""
    total = np.zeros((update.d_out, update.d_in))
    both = zip(update.tensors(), update.reference_tensors(), strict=True)
    for term, (tensors, subtracted) in zip(update.adapter.terms, both, strict=True):
        for sign, gates in ((1, tensors), (-1, subtracted)):
            if gates:
                double = {name: tensor.double() for name, tensor in gates.items()}
                total += sign * term.scale * reference.matrix(term.circuit, double)
    return torch.from_numpy(total)


def test_forms_are_all_tested() -> None:
    assert {*FORMS, *adapter.FORMS_ON_WEIGHT} == set(adapter.FORMS)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", FORMS)
@given(circuits(), SEEDS)
def test_the_update_starts_at_exactly_zero(
    form: Form, dtype: torch.dtype, circuit: Circuit, seed: int
) -> None:
    torch.manual_seed(seed)
    update = make(circuit, form, dtype=dtype)
    x = 10 * torch.randn(3, circuit.d_in, dtype=dtype)
    result = update(x)
    assert result.dtype == dtype
    assert torch.equal(result, torch.zeros(3, circuit.d_out, dtype=dtype))
    assert torch.equal(update.delta_weight(), torch.zeros(circuit.d_out, circuit.d_in))


@pytest.mark.parametrize("form", FORMS)
@given(circuits(), SEEDS)
def test_applied_merged_and_meant_agree(form: Form, circuit: Circuit, seed: int) -> None:
    torch.manual_seed(seed)
    update = make(circuit, form, init_weights=False)
    x = torch.randn(3, circuit.d_in)
    (part,) = update.parts
    expected = exact(update)
    # tensors() rounds sums and products once more, hence twice.
    tolerance = 2 * forward_error(part, dtype=torch.float32) * magnitudes(update, part, x)
    assert_within(update(x), x.double() @ expected.T, tolerance)
    tolerance = 2 * matrix_error(part) * magnitudes(update, part, None)
    assert_within(update.delta_weight(), expected, tolerance)


@pytest.mark.parametrize("form", FORMS)
@given(circuits(), SEEDS)
def test_training_can_start(form: Form, circuit: Circuit, seed: int) -> None:
    """Some parameter has a gradient; in the forms with a reference every trained gate has."""
    torch.manual_seed(seed)
    update = make(circuit, form, dtype=torch.float64)
    update(torch.randn(50, circuit.d_in, dtype=torch.float64)).square().sum().backward()
    # The loss is flat at 0; what it is made of is not.
    assert all(p.grad is not None and not p.grad.any() for p in update.parameters())
    update.zero_grad()
    update(torch.randn(50, circuit.d_in, dtype=torch.float64)).sum().backward()
    moved = [bool(p.grad.any()) for p in update.parameters() if p.grad is not None]
    assert any(moved)
    if form == "difference":
        assert all(moved)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("name", "form"),
    [(name, "difference") for name in REAL]
    + [("4096", "residual"), ("4096", "zero"), ("4096 to 1024", "residual")],
)
def test_real_sizes(name: str, form: Form, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    update = Update(Adapter(REAL[name], form=form, scale=0.5), dtype=dtype)
    x = torch.randn(3, update.d_in, dtype=dtype)
    with torch.no_grad():
        assert not update(x).any()
        update.randomize()
        delta = update.delta_weight()
        assert delta.dtype == torch.float32
        (part,) = update.parts
        error = forward_error(part, dtype=dtype) + matrix_error(part)
        tolerance = error * magnitudes(update, part, x)
        assert_within(update(x), x.double() @ delta.double().T, tolerance)
    assert torch.equal(update.delta_weight(dtype), delta.to(dtype))


@pytest.mark.parametrize("circuit", [SQUARE, RECTANGULAR], ids=lambda circuit: circuit.name)
@pytest.mark.parametrize("form", FORMS)
class TestEveryForm:
    def test_gradients(self, circuit: Circuit, form: Form) -> None:
        torch.manual_seed(0)
        update = make(circuit, form, dtype=torch.float64, init_weights=False)
        names = [name for name, _ in update.named_parameters()]
        x = torch.randn(2, circuit.d_in, dtype=torch.float64, requires_grad=True)

        def function(x: Tensor, *values: Tensor) -> Tensor:
            given = dict(zip(names, values, strict=True))
            return torch.func.functional_call(update, given, (x,))

        assert torch.autograd.gradcheck(function, (x, *update.parameters()))

    def test_compiles_whole(self, circuit: Circuit, form: Form) -> None:
        torch.compiler.reset()
        update = make(circuit, form, init_weights=False)
        compiled = torch.compile(update, fullgraph=True, dynamic=True, backend="eager")
        x = torch.randn(5, circuit.d_in)
        assert torch.equal(compiled(x), update(x))

    def test_exports(self, circuit: Circuit, form: Form) -> None:
        update = make(circuit, form, init_weights=False)
        batch = torch.export.Dim("batch", min=2, max=4096)
        x = torch.randn(5, circuit.d_in)
        program = torch.export.export(update, (x,), dynamic_shapes=({0: batch},))
        x = torch.randn(9, circuit.d_in)
        assert torch.equal(program.module()(x), update(x))

    def test_copies_and_files(self, circuit: Circuit, form: Form) -> None:
        update = make(circuit, form, init_weights=False)
        x = torch.randn(5, circuit.d_in)
        fresh = make(circuit, form)
        fresh.load_state_dict(update.state_dict())
        for twin in (fresh, copy.deepcopy(update), pickle.loads(pickle.dumps(update))):
            assert torch.equal(twin(x), update(x))

    def test_any_leading_sizes(self, circuit: Circuit, form: Form) -> None:
        update = make(circuit, form, init_weights=False)
        for batch in ((), (0,), (2, 0, 3), (2, 1, 3)):
            assert update(torch.randn(*batch, circuit.d_in)).shape == (*batch, circuit.d_out)

    def test_autocast(self, circuit: Circuit, form: Form) -> None:
        update = make(circuit, form)
        x = torch.randn(5, circuit.d_in)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert not update(x).any()
            update.randomize()
            assert update(x).any()
            inside = update.delta_weight()
        assert inside.dtype == torch.float32
        assert torch.equal(inside, update.delta_weight())

    def test_random_start(self, circuit: Circuit, form: Form) -> None:
        update = make(circuit, form, init_weights=False)
        assert update(torch.randn(5, circuit.d_in)).any()
        assert all(p.any() for p in update.parameters())
        update.reset_parameters()
        assert not update(torch.randn(5, circuit.d_in)).any()

    def test_meta(self, circuit: Circuit, form: Form) -> None:
        update = make(circuit, form, device="meta", dtype=torch.bfloat16)
        x = torch.empty(3, circuit.d_in, device="meta", dtype=torch.bfloat16)
        assert update(x).shape == (3, circuit.d_out)
        assert update.delta_weight().shape == (circuit.d_out, circuit.d_in)
        real = update.to_empty(device="cpu")
        real.reset_parameters()
        assert not real(torch.ones(circuit.d_in, dtype=torch.bfloat16)).any()


def kept_activations(update: Update, tokens: int) -> int:
    """How many numbers per token training keeps beyond x and what the module stores."""
    x = torch.randn(tokens, update.d_in, requires_grad=True)
    own = {x.untyped_storage().data_ptr()}
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        count = storage.nbytes() // tensor.element_size()
        if storage.data_ptr() not in own and count % tokens == 0:
            kept[storage.data_ptr()] = count // tokens
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        y = update(x)
    y.sum().backward()
    assert x.grad is not None
    return sum(kept.values())


# A prime number of tokens: no gate's size is a multiple of it.
@pytest.mark.parametrize(("form", "rows"), [("difference", 5), ("residual", 5), ("zero", 5)])
def test_the_reference_keeps_no_activations(form: Form, rows: int) -> None:
    update = Update(Adapter(REAL["4096"], form=form), tokens=67)
    update.randomize()
    assert kept_activations(update, 67) == rows * 4096
    update.requires_grad_(False)
    assert kept_activations(update, 67) == 0


def test_x_has_its_gradient_through_both_branches() -> None:
    update = make(RECTANGULAR, "difference", dtype=torch.float64, init_weights=False)
    x = torch.randn(RECTANGULAR.d_in, dtype=torch.float64, requires_grad=True)
    update(x).sum().backward()
    expected = update.delta_weight().sum(0)
    assert torch.allclose(x.grad, expected, rtol=0, atol=1e3 * torch.finfo(x.dtype).eps)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_small_residual_updates_lose_nothing(dtype: torch.dtype) -> None:
    """The error is small beside dW x itself, however small dW is beside 1."""
    torch.manual_seed(0)
    circuit = quanta((8, 4, 4))
    update = Update(Adapter(circuit, form="residual"), dtype=dtype)
    assert update.parts[0].chain
    update.randomize()
    with torch.no_grad():
        for parameter in update.parameters():
            parameter.mul_(2**-9)
    x = torch.randn(20, 128, dtype=dtype)
    wide = copy.deepcopy(update).double()
    expected = wide(x.double())
    with torch.no_grad():
        for parameter in wide.parameters():
            parameter.abs_()
        # Three roundings a gate: the sum x + u, the product, the sum u + change; then additions.
        steps = 3 * len(circuit.gates) * torch.finfo(dtype).eps
        adding = sum(gate.columns for gate in circuit.gates) * torch.finfo(torch.float32).eps
        tolerance = (steps + adding) * wide(x.double().abs())
    assert_within(update(x), expected, tolerance)
    assert_within(
        update.delta_weight(), wide_matrix(update), 1e-3 * wide_matrix(update).abs().max()
    )


def wide_matrix(update: Update) -> Tensor:
    return copy.deepcopy(update).double().delta_weight()


def test_names() -> None:
    circuit = Circuit("a=4 b=4", ["a b {rank=2}", "a {frozen}", "b", "b {share=g3}"])
    one = Update(Adapter(circuit))
    assert [name for name, _ in one.named_parameters()] == [
        "weight_g1_in",
        "weight_g1_out",
        "weight_g3",
    ]
    assert [name for name, _ in one.named_buffers()] == [
        "reference_g1_in",
        "reference_g1_out",
        "weight_g2",
        "reference_g3",
    ]
    assert sum(p.numel() for p in one.parameters()) == circuit.parameters
    two = Update(Adapter(circuit) + Adapter(lora(16, 16, rank=2), form="zero"))
    names = [*two.state_dict()]
    assert {name[:3] for name in names} == {"t1_", "t2_"}
    assert [name for name in names if name[:3] == "t2_"] == ["t2_weight_g1", "t2_weight_g2"]
    assert not any("." in name for name in names)
    assert repr(two) == (
        "Update(16 -> 16, 80 parameters, difference + lora-16-r2, 16 -> 16, 64 parameters, zero)"
    )


def test_sums_are_sums() -> None:
    torch.manual_seed(0)
    alone = [
        Adapter(SQUARE, scale=2.0),
        Adapter(SQUARE, form="residual", scale=-0.5),
        Adapter(lora(24, 24, rank=3), form="zero"),
    ]
    update = Update(alone[0] + alone[1] + alone[2], dtype=torch.float64)
    x = torch.randn(5, 24, dtype=torch.float64)
    assert not update(x).any()
    update.randomize()
    total = torch.zeros(5, 24, dtype=torch.float64)
    state = update.state_dict()
    for n, term in enumerate(alone, 1):
        one = Update(term, dtype=torch.float64)
        mine = {name[3:]: value for name, value in state.items() if name.startswith(f"t{n}_")}
        one.load_state_dict(mine)
        total += one(x)
    assert torch.allclose(update(x), total, rtol=0, atol=1e3 * torch.finfo(x.dtype).eps)
    assert_within(update.delta_weight(), exact(update), torch.full((24, 24), 1e-12))


def test_the_reference_stays_where_it_was_and_frozen_gates_with_it() -> None:
    circuit = Circuit("a=4 b=4", ["a b", "a {frozen}", "b"])
    update = Update(Adapter(circuit))
    before = {name: value.clone() for name, value in update.named_buffers()}
    optimizer = torch.optim.AdamW(update.parameters(), lr=0.1, weight_decay=0.5)
    x, goal = torch.randn(50, 16), torch.randn(50, 16)
    losses = []
    for _ in range(20):
        loss = nn.functional.mse_loss(update(x), goal)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    after = dict(update.named_buffers())
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_parameters_may_be_wider_than_buffers() -> None:
    """As when parameters are trained in float32 beside a bfloat16 model."""
    update = Update(Adapter(Circuit("a=4 b=4", ["a b", "a {frozen}"])), dtype=torch.bfloat16)
    for parameter in update.parameters():
        parameter.data = parameter.data.float()
    x = torch.randn(5, 16)
    assert torch.equal(update(x), torch.zeros(5, 16))
    assert update(x).dtype == torch.float32
    assert update.delta_weight().dtype == torch.float32


def test_a_seed_decides_the_reference() -> None:
    states = []
    for _ in range(2):
        torch.manual_seed(5)
        states.append(Update(Adapter(SQUARE)).state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert states[0]["reference_g1"].any()


def test_which_gate_starts_at_zero() -> None:
    last = Update(Adapter(Circuit("a=4", ["a", "a {rank=2}", "a {frozen}"]), form="zero"))
    zero = {name for name, value in last.state_dict().items() if not value.any()}
    assert zero == {"weight_g2_out"}
    marked = Update(Adapter(Circuit("a=4", ["a {init=zero}", "a"]), form="zero"))
    zero = {name for name, value in marked.state_dict().items() if not value.any()}
    assert zero == {"weight_g1"}


def test_a_zero_gate_used_twice_is_refused() -> None:
    circuit = Circuit("a=4 b=4", ["a b", "a", "b {share=g2}"], name="twice")
    with pytest.raises(GateError) as caught:
        Update(Adapter(circuit, form="zero"))
    assert str(caught.value).splitlines() == [
        "gate 'g2' of circuit 'twice' starts at zero, but 'g3' shares its tensor.",
        "  With two factors of zero every gradient is zero: nothing would train.",
        "  Give init=zero to a gate whose tensor is used once.",
    ]


def test_a_frozen_gate_is_refused_in_form_residual() -> None:
    circuit = Circuit("a=4", ["a", "a {frozen}"], name="half")
    with pytest.raises(GateError) as caught:
        Update(Adapter(circuit, form="residual"))
    assert str(caught.value).splitlines() == [
        "gate 'g2' of circuit 'half' is frozen, which form 'residual' does not allow.",
        "  In this form every gate starts as the identity: a frozen one would do nothing.",
        "  Remove 'frozen', or use form 'difference'.",
    ]


def test_inputs_of_the_wrong_size_are_refused() -> None:
    with pytest.raises(SizeError) as caught:
        Update(Adapter(SQUARE))(torch.ones(5, 23))
    assert str(caught.value).splitlines()[0] == (
        "circuit 'square' takes x of shape (..., 24), but it has shape (5, 23)."
    )
