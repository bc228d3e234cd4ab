"""Fits: the error they report is that of their gates, never grows, and is the best where known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file
from strategies import circuits

from qcircuit_adapt import Adapter, Circuit, load_circuit
from qcircuit_adapt.cli import main
from qcircuit_adapt.design import fit as fit_module
from qcircuit_adapt.design import fit_circuit
from qcircuit_adapt.design.fit import find_low_rank
from qcircuit_adapt.design.fit_file import to_state, write_fit
from qcircuit_adapt.errors import CircuitError, DesignError, FileError
from qcircuit_adapt.nn.difference import read_difference
from qcircuit_adapt.nn.update import Update
from qcircuit_adapt.reference import matrix as reference_matrix
from qcircuit_adapt.wires import split_ranks

EPS = float(np.finfo(float).eps)


def draw_gates(circuit: Circuit, seed: int = 7) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    gates = split_ranks(circuit).gates
    return {gate.name: rng.standard_normal(gate.shape) / gate.columns**0.5 for gate in gates}


def draw_matrix(circuit: Circuit, seed: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((circuit.d_out, circuit.d_in))


def multiply(found: fit_module.Fit) -> np.ndarray:
    """The update of a fit's gates, by the slow way."""
    circuit = split_ranks(found.circuit)
    update = reference_matrix(circuit, found.tensors)
    return update - reference_matrix(circuit, found.start) if found.start else update


@example(Circuit.parse("a=1 b=4 | a b -> a=2 b=1 {rank=1 frozen}, per a, a"), "zero")
@given(circuits(max_gates=4, max_width=24), st.sampled_from(["zero", "difference", "residual"]))
@settings(max_examples=40, deadline=None)
def test_the_error_is_that_of_the_gates_and_never_grows(circuit: Circuit, form: Any) -> None:
    assume(not any(gate.share for gate in circuit.gates))
    wanted = draw_matrix(circuit)
    try:
        Adapter(circuit, form=form)
    except CircuitError:
        assume(False)
    found = fit_circuit(wanted, circuit, form=form, sweeps=3, starts=1)
    error = np.linalg.norm(wanted - multiply(found)) / np.linalg.norm(wanted)
    assert found.error == pytest.approx(error, rel=1e-9, abs=1e-9)
    assert all(
        after <= before for before, after in zip(found.errors, found.errors[1:], strict=False)
    )
    assert form == "zero" or found.errors[0] <= 1 + 1e-9


@pytest.mark.parametrize(
    "text",
    [
        "a=3 b=2 c=2 | b c, a c, a b",
        "a=4 b=6 | b per a, a per b",
        "a=4 b=4 c=3 | a -> a r1=2, b r1 -> b r2=2, c r2 -> c",
        "a=4 b=12 | a, b -> b=9 {rank=2}",
        "a=6 b=2 | a {rank=2}, b per a, per a b",
        "a=3 b=4 | a -> a=1 {init=ones frozen}, b, a -> a=3 {init=ones frozen}",
    ],
)
def test_a_matrix_that_is_a_circuit_is_recovered(text: str) -> None:
    circuit = Circuit.parse(text)
    gates = draw_gates(circuit)
    gates |= {g.name: np.ones(g.shape) for g in circuit.gates if g.frozen}
    wanted = reference_matrix(split_ranks(circuit), gates)
    found = fit_circuit(wanted, circuit, sweeps=300, starts=5)
    assert found.error < 1e-9
    assert found.below.error > 0.1, "LoRA could do it too"


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 6), st.integers(0, 99), st.booleans())
@settings(max_examples=40, deadline=None)
def test_lora_is_as_good_as_eckart_and_young_allow(
    d_in: int, d_out: int, rank: int, seed: int, halved: bool
) -> None:
    text = f"x={d_in} | x -> y={d_out} {{rank={rank}}}"
    plain = f"x={d_in} | x -> r={rank}, r -> y={d_out}"
    circuit = Circuit.parse(text if halved else plain)
    wanted = np.random.default_rng(seed).standard_normal((d_out, d_in))
    found = fit_circuit(wanted, circuit, sweeps=2)
    values = np.linalg.svd(wanted, compute_uv=False)
    best = np.linalg.norm(values[rank:]) / np.linalg.norm(values)
    assert found.below.rank == min(rank, d_in, d_out)
    assert abs(found.error - best) <= 64 * EPS * (d_in + d_out)
    assert abs(found.below.error - best) <= 64 * EPS * (d_in + d_out)


def test_sweeps_alone_come_to_the_best_lora_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other circuits have no closed form to start from."""
    monkeypatch.setattr(fit_module._Walk, "is_chain", False)
    wanted = np.diag(0.5 ** np.arange(12))
    found = fit_circuit(wanted, load_circuit("lora(d_in=12, rank=4)"), tolerance=0)
    assert len(found.errors) > 2
    assert found.error == pytest.approx(found.below.error, rel=1e-12)


def test_more_starts_are_no_worse_and_equal_seeds_equal() -> None:
    circuit = Circuit.parse("a=3 b=3 c=3 | b c, a c, a b")
    wanted = draw_matrix(circuit)
    one, again, more = (fit_circuit(wanted, circuit, starts=n, sweeps=6) for n in (1, 1, 4))
    assert one.errors == again.errors
    assert more.error <= one.error
    again = fit_circuit(wanted, circuit, starts=1, sweeps=6, seed=more.seed)
    assert again.errors == more.errors


def test_the_lora_to_compare_with_has_no_more_parameters() -> None:
    below, above = find_low_rank(np.diag([3.0, 4.0]), 7)
    assert (below.rank, below.parameters, above.rank, above.parameters) == (1, 4, 2, 8)
    assert below.error == pytest.approx(0.6)
    assert above.error == 0
    nothing, _ = find_low_rank(np.eye(9), 17)
    assert (nothing.rank, nothing.error) == (0, 1)


@pytest.mark.parametrize("form", ["zero", "difference", "residual"])
def test_the_tensors_are_those_of_a_layer(form: Any, tmp_path: Path) -> None:
    circuit = Circuit.parse("a=4 b=3 | a b {rank=5}, b per a, a")
    wanted = draw_matrix(circuit)
    found = fit_circuit(wanted, circuit, form=form, sweeps=3)
    update = Update(Adapter(circuit, form=form), dtype=torch.float64)
    update.load_state_dict({n: torch.from_numpy(t.copy()) for n, t in to_state(found).items()})
    error = np.linalg.norm(wanted - update.delta_weight().numpy()) / np.linalg.norm(wanted)
    assert error == pytest.approx(found.error, rel=1e-9)
    write_fit(found, tmp_path / "fit.safetensors")
    with safe_open(tmp_path / "fit.safetensors", framework="pt") as opened:
        assert opened.metadata() == {"circuit": circuit.text, "form": form, "format": "pt"}
        assert {*opened.keys()} == {*update.state_dict()}


def test_ctrl_c_gives_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    circuit = Circuit.parse("a=3 b=3 c=3 | b c, a c, a b")
    wanted = draw_matrix(circuit)
    whole = fit_circuit(wanted, circuit, sweeps=2, starts=1)

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    found = fit_circuit(wanted, circuit, sweeps=9, starts=2, on_progress=stop)
    assert found.interrupted
    assert found.error == whole.error
    assert not whole.interrupted


def refused(*arguments: Any, **options: Any) -> str:
    with pytest.raises(DesignError) as caught:
        fit_circuit(*arguments, **options)
    return str(caught.value)


def test_what_cannot_be_fitted_is_refused_with_the_reason() -> None:
    circuit = Circuit.parse("a=2 b=2 | a b, a", name="mine")
    assert refused(np.ones((3, 4)), circuit).splitlines() == [
        "the matrix has shape (3, 4), but circuit 'mine' maps 4 to 4: its matrix has shape (4, 4)."
    ]
    assert refused(np.zeros((4, 4)), circuit) == "the matrix is zero: there is nothing to fit."
    assert refused(np.full((4, 4), np.nan), circuit) == (
        "the matrix holds numbers that are not finite."
    )
    assert refused(np.eye(4), circuit, form="input").splitlines() == [
        "form 'input' multiplies the base weight, so that there is no T to fit.",
        "  Use 'zero', 'difference' or 'residual'.",
    ]
    shared = Circuit.parse("a=2 b=2 | a b, a b {share=g1}", name="mine")
    assert refused(np.eye(4), shared, form="difference").splitlines() == [
        "gate 'g2' of circuit 'mine' shares the tensor of 'g1'.",
        "  T is not linear in a tensor that stands in it twice.",
        "  Fit the circuit without 'share=g1'.",
    ]


def save_checkpoints(folder: Path) -> tuple[np.ndarray, Path, Path]:
    """Two checkpoints of a layer in bfloat16, the second in two files."""
    torch.manual_seed(0)
    before = torch.randn(12, 8).bfloat16()
    after = before + torch.randn(12, 8).bfloat16()
    save_file({"q.weight": before, "norm": torch.ones(3)}, folder / "before.safetensors")
    (folder / "after").mkdir()
    save_file({"norm": torch.ones(3)}, folder / "after" / "one.safetensors")
    save_file({"q.weight": after}, folder / "after" / "two.safetensors")
    index = {"weight_map": {"norm": "one.safetensors", "q.weight": "two.safetensors"}}
    (folder / "after" / "model.safetensors.index.json").write_text(json.dumps(index))
    difference = (after.double() - before.double()).numpy()
    return difference, folder / "after", folder / "before.safetensors"


def test_a_difference_of_checkpoints_is_read_exactly(tmp_path: Path) -> None:
    difference, after, before = save_checkpoints(tmp_path)
    assert (read_difference(after, before, tensor="q.weight") == difference).all()
    np.save(tmp_path / "d.npy", difference)
    assert (read_difference(tmp_path / "d.npy") == difference).all()


def test_files_that_hold_no_matrix_are_refused(tmp_path: Path) -> None:
    _, after, before = save_checkpoints(tmp_path)

    def problem(*paths: Path, tensor: str | None = None) -> list[str]:
        with pytest.raises(FileError) as caught:
            read_difference(*paths, tensor=tensor)
        return str(caught.value).replace(str(tmp_path), "F").splitlines()

    assert problem(after) == ["'F/after' holds 2 tensors.", "  Name one: --tensor norm."]
    assert problem(after, tensor="q.weigt") == [
        "'F/after' holds no tensor 'q.weigt'.",
        "  Did you mean 'q.weight'?",
    ]
    assert problem(before, tensor="norm") == [
        "'F/before.safetensors' holds an array of shape (3,) and type float64, not a matrix of "
        "real numbers."
    ]
    np.save(tmp_path / "other.npy", np.ones((2, 2)))
    assert problem(before, tmp_path / "other.npy", tensor="q.weight") == [
        "the matrix in 'F/before.safetensors' has shape (12, 8), but that in 'F/other.npy' has "
        "(2, 2).",
        "  Give two checkpoints of one model.",
    ]
    np.save(tmp_path / "pickled.npy", np.array([{}]), allow_pickle=True)
    assert problem(tmp_path / "pickled.npy")[0].startswith("'F/pickled.npy' cannot be read as an")
    assert problem(tmp_path)[0] == "'F' holds no weights: model.safetensors is missing."
    (tmp_path / "cut.safetensors").write_bytes(b"\x09")
    assert problem(tmp_path / "cut.safetensors")[0].startswith("'F/cut.safetensors' cannot be read")
    (after / "model.safetensors.index.json").write_text("[]")
    assert "no index of weights" in problem(after)[0]


def test_the_command_fits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, after, before = save_checkpoints(tmp_path)
    words = ["fit", str(after), "--minus", str(before), "--tensor", "q.weight"]
    written = tmp_path / "fit.safetensors"
    more = ["--circuit", "kronecker(axes=4-2)", "--json", "-o", str(written)]
    with pytest.raises(SystemExit) as caught:
        main([*words, *more])
    out, err = capsys.readouterr()
    assert (caught.value.code, err) == (0, f"Wrote {written}.\n")
    told = json.loads(out)
    assert told["error"] == told["errors"][-1] < 1
    assert written.exists()
    with pytest.raises(SystemExit):
        main([*words, "--circuit", "lora(rank=2)"])
    out, _ = capsys.readouterr()
    assert out.startswith("circuit 'lora-8-to-12-r2', form 'zero', 40 parameters: ")
    assert "The best LoRA loses, of rank 2, 40 parameters: " in out
