"""Gates that are held orthogonal: what they are, and which cannot be."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peft.tuners.oft.layer import OFTRotationModule

from qcircuit_adapt import Adapter, Circuit, families, reference
from qcircuit_adapt.errors import GateError
from qcircuit_adapt.gate import Gate
from qcircuit_adapt.nn.examine import examine
from qcircuit_adapt.nn.rotation import count_angles, rotate
from qcircuit_adapt.nn.update import Update
from qcircuit_adapt.nn.weight import Weight

EPS = torch.finfo(torch.float64).eps
SQUARE = Circuit.parse("a=4 b=3 c=2 | a b, b c per a, c {share=g4}, c, a c")


@given(st.integers(2, 12), st.integers(1, 4), st.floats(0.01, 30))
def test_a_gate_is_orthogonal_whatever_is_trained(n, blocks, size):
    gate = Gate(f"x={n}", per=f"p={blocks}")
    above = size * torch.randn(count_angles(gate), dtype=torch.float64)
    block = torch.eye(n, dtype=torch.float64) + rotate(above, gate)
    # Of a solution of equations with a condition number of at most 1 + |K|^2.
    bound = 20 * EPS * n * (1 + float(above.square().sum()))
    torch.testing.assert_close(block @ block.mT, torch.eye(n).expand_as(block).double(),
                               rtol=0, atol=bound)  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_it_starts_as_the_identity_to_the_bit(dtype):
    gate = Gate("a=4 b=2", per="c=3")
    change = rotate(torch.zeros(count_angles(gate), dtype=dtype), gate)
    assert (change.shape, change.dtype) == (gate.shape, dtype)
    assert not change.any()


def test_it_is_the_transpose_of_peft_s():
    gate = Gate("b=6", per="a=4")
    theirs = OFTRotationModule(4, 15, 6, 24, use_cayley_neumann=False).double()
    torch.nn.init.normal_(theirs.weight)
    ours = torch.eye(6) + rotate(theirs.weight, gate)
    torch.testing.assert_close(torch.block_diag(*ours.mT), theirs.get_weight())


@pytest.mark.parametrize("form", ["residual", "input", "output"])
@torch.no_grad()
def test_a_circuit_of_rotations_is_one(form):
    torch.manual_seed(0)
    update = Update(
        Adapter(SQUARE, form=form), orthogonal=True, init_weights=False, dtype=torch.float64
    )
    gates = {gate.name: gate for gate in SQUARE.gates}
    for name, parameter in update.named_parameters():
        assert parameter.shape == count_angles(gates[name.removeprefix("weight_")])
    assert sum(p.numel() for p in update.parameters()) == 66 + 4 * 15 + 1 + 28
    (tensors,) = update.tensors()
    matrix = torch.as_tensor(reference.matrix(SQUARE, {k: t.numpy() for k, t in tensors.items()}))
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(24, dtype=torch.float64))
    weight = torch.randn(24, 24, dtype=torch.float64)
    expected = {
        "residual": matrix - torch.eye(24),
        "input": weight @ matrix - weight,
        "output": matrix @ weight - weight,
    }[form]
    torch.testing.assert_close(update.delta_weight(weight=Weight.of(weight)), expected)
    x = torch.randn(5, 24, dtype=torch.float64)
    torch.testing.assert_close(update(x, Weight.of(weight)), x @ expected.T)


def test_every_number_has_a_gradient_at_the_start():
    update = Update(Adapter(SQUARE, form="residual"), orthogonal=True, dtype=torch.float64)
    torch.manual_seed(0)
    (update(torch.randn(9, 24).double()) * torch.randn(9, 24)).sum().backward()
    assert all((parameter.grad != 0).all() for parameter in update.parameters())


@pytest.mark.parametrize(
    ("circuit", "form", "problem"),
    [
        ("a=4 b=2 | a b", "difference", "the gates of the circuit cannot be held orthogonal in"),
        ("a=4 b=2 | a b", "zero", "the gates of the circuit cannot be held orthogonal in form"),
        ("a=4 b=2 | a b -> a=2 b", "residual", "gate 'g1' of the circuit maps 8 to 4, and"),
        ("a=4 b=2 | a b {rank=2}", "residual", "gate 'g1' of the circuit has rank 2, and"),
        ("a=4 b=2 | a, per a", "input", "gate 'g2' of the circuit has blocks of size 1, and"),
    ],
)
def test_what_cannot_be_a_rotation_is_refused(circuit, form, problem):
    with pytest.raises(GateError) as error:
        Update(Adapter(Circuit.parse(circuit), form=form), orthogonal=True)
    first, *_, last = str(error.value).splitlines()
    assert first.startswith(problem)
    assert "cannot be held orthogonal" in first
    assert last.strip() in (
        "Use form 'residual', 'input' or 'output'.",
        "Use a circuit of square gates; in form 'input' or 'output' every layer has one.",
    )


def test_nothing_is_proved_of_them():
    update = Update(Adapter(families.quanta((4, 4)), form="residual"), orthogonal=True)
    with pytest.raises(GateError) as error:
        examine(update)
    assert str(error.value).splitlines() == [
        "the gates are held orthogonal, and what is stored are not the gates.",
        "  A gate is computed from what is stored, and rounded: nothing exact is known.",
        "  Measure the singular values of update.delta_weight().",
    ]
