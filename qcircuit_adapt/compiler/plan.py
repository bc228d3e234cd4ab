"""Plan: what a circuit's module will compute, step by step, and what that costs."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.compiler.cost import Candidate
from qcircuit_adapt.compiler.device import find_device, find_dtype
from qcircuit_adapt.compiler.emit import emit
from qcircuit_adapt.compiler.lower import MAX_LETTERS, Program, lower
from qcircuit_adapt.compiler.path import (
    Network,
    apply_network,
    build_network,
    choose_path,
    written_path,
)
from qcircuit_adapt.compiler.strategy import list_candidates
from qcircuit_adapt.errors import LimitError, SizeError

if TYPE_CHECKING:
    import torch

    from qcircuit_adapt.nn.operator import Operator


@dataclass(frozen=True)
class Plan:
    """The steps by which a circuit is applied and built, with their costs.

    Attributes:
        circuit: The circuit.
        tokens: For how many tokens costs are counted, and the path was chosen.
        apply: From x, of shape ``(..., d_in)``, and the gates to ``T x``, ``(..., d_out)``.
        build: From the gates alone to the matrix ``T``, of shape ``(d_out, d_in)``.
        dtype: The type that costs are predicted for.
        device: The device that they are predicted for.
        candidates: The strategies with their predicted costs, the chosen one first.
    """

    circuit: Circuit
    tokens: int
    apply: Program
    build: Program
    dtype: str
    device: str
    candidates: tuple[Candidate, ...]

    @property
    def strategy(self) -> str:
        """How modules apply the circuit in training; see `compile`."""
        return self.candidates[0].strategy

    @property
    def macs_per_token(self) -> int:
        """Multiply-accumulates of `apply` for one token, rounded up."""
        return -(-self.apply.macs // self.tokens)

    @property
    def saved_per_token(self) -> int:
        """Elements that training keeps for backward beyond x and the gates, rounded up."""
        return -(-self.apply.saved_elements // self.tokens)

    @property
    def share_of_dense(self) -> float:
        """Multiply-accumulates of `apply` over those of a dense ``(d_out, d_in)`` layer."""
        return self.apply.macs / (self.tokens * self.circuit.d_in * self.circuit.d_out)

    @property
    def source(self) -> str:
        """The module as a Python file of its own; see `emit`."""
        return emit(self)

    def module(
        self, *, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> Operator:
        """Return a module ``(..., d_in) -> (..., d_out)`` with the circuit's gates as parameters.

        Args:
            dtype: The gates' type; torch's default if None.
            device: Where they are; torch's default if None.
        """
        from qcircuit_adapt.nn.operator import Operator

        return Operator(self, dtype=dtype, device=device)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain data: totals, and the steps of both programs."""

        def program(one: Program) -> dict[str, Any]:
            return {
                "macs": one.macs,
                "elements": one.elements,
                "steps": [
                    {
                        "operands": list(step.operands),
                        "equation": step.equation,
                        "result": step.result,
                        "shape": list(step.shape),
                        "macs": step.macs,
                        "elements": step.elements,
                        "saved": list(step.saved),
                    }
                    for step in one.steps
                ],
            }

        return {
            "circuit": self.circuit.to_dict(),
            "tokens": self.tokens,
            "macs_per_token": self.macs_per_token,
            "dense_macs_per_token": self.circuit.d_in * self.circuit.d_out,
            "share_of_dense": self.share_of_dense,
            "saved_per_token": self.saved_per_token,
            "dtype": self.dtype,
            "device": self.device,
            "strategy": self.strategy,
            "build_macs": self.build.macs,
            "saved_rows": self.candidates[0].saved_rows,
            "peak_rows": self.candidates[0].peak_rows,
            "rows_moved": self.candidates[0].rows_moved,
            "calls": self.candidates[0].calls,
            "candidates": [asdict(one) for one in self.candidates],
            "apply": program(self.apply),
            "build": program(self.build),
        }

    def __str__(self) -> str:
        return "\n".join(_report(self))


def compile(
    circuit: Circuit,
    *,
    tokens: int = 2048,
    dtype: str = "float32",
    device: str = "cpu",
    strategy: str = "einsum",
    max_saved_rows: float | None = None,
) -> Plan:
    """Choose the steps by which a circuit is computed: those of fewest multiply-accumulates.

    The contraction path is found by opt_einsum's dynamic programming; circuits too large for it
    (`MAX_SEARCHED` in `compiler/path.py`), or whose written order is as cheap, are computed gate by
    gate. Plans are cached, so that layers of one shape share one.

    Args:
        circuit: The circuit.
        tokens: How many inputs a step of training has. The module takes any number; which path is
            the cheapest depends on it.
        dtype: The type of a training step, ``"float32"`` or ``"bf16"``, for predicted costs.
        device: ``"cpu"``, or ``"h200"`` or ``"cuda"``, for the same.
        strategy: How modules apply the circuit in training. ``"einsum"`` takes the steps of
            `Plan.apply`; ``"feature-save-all"``, ``"feature-save-x"``, ``"token-save-all"`` and
            ``"token-save-x"`` take gate after gate, with tokens last or first, keeping what gates
            take for backward or x alone; ``"auto"`` is the one predicted the fastest.
        max_saved_rows: With ``"auto"``, how many inputs may be kept for backward for each token.

    Raises:
        NotationError: The type or the device is unknown.
        GateError: The strategy is unknown or cannot compute the circuit, or none keeps so little.
        SizeError: ``tokens`` is not a whole number, 1 or more.
        LimitError: A step would act on more wires than einsum has letters.

    Example:
        >>> plan = compile(Circuit.parse("a=4 b=3 | a b -> r=2, r -> a=4 b=3"), tokens=10)
        >>> plan.macs_per_token, [step.equation for step in plan.apply.steps]
        (48, ['...ab,rab->...r', '...r,abr->...ab'])
    """
    if type(tokens) is not int or tokens < 1:
        raise SizeError(f"tokens is {tokens!r}; it must be a whole number, 1 or more.")
    wanted = None if strategy == "auto" else strategy
    return _compile(circuit, tokens, find_dtype(dtype), device, wanted, max_saved_rows)


@functools.lru_cache(maxsize=256)
def _compile(
    circuit: Circuit,
    tokens: int,
    dtype: str,
    device: str,
    strategy: str | None,
    max_saved_rows: float | None,
) -> Plan:
    apply, build = _programs(circuit, tokens)
    found = find_device(device)
    candidates = list_candidates(
        circuit,
        apply,
        build,
        dtype=dtype,
        device=found,
        strategy=strategy,
        max_saved_rows=max_saved_rows,
    )
    return Plan(circuit, tokens, apply, build, dtype, found.name, candidates)


@functools.lru_cache(maxsize=256)
def _programs(circuit: Circuit, tokens: int) -> tuple[Program, Program]:
    """Return the programs that apply and build a circuit; the search is the slow part."""
    return (
        _program(circuit, apply_network(circuit, tokens=tokens)),
        _program(circuit, build_network(circuit)),
    )


@functools.lru_cache(maxsize=256)
def written_program(circuit: Circuit) -> Program:
    """Return the program that applies a circuit gate by gate, in the written order."""
    network = apply_network(circuit, tokens=1)
    return lower(network, written_path(network), circuit=circuit)


def _program(circuit: Circuit, network: Network) -> Program:
    path = choose_path(network, max_letters=MAX_LETTERS)
    if path is None:
        raise LimitError(
            f"{circuit.label} needs a step on more than {MAX_LETTERS} wires, too many for einsum.",
            cure="Merge some of the axes.",
        )
    return lower(network, path, circuit=circuit)


def _report(plan: Plan) -> Iterator[str]:
    circuit, dense = plan.circuit, plan.circuit.d_in * plan.circuit.d_out
    yield f"plan of {circuit.label} for {plan.tokens:,} tokens"
    yield ""
    yield f"apply: x (..., {circuit.d_in}) -> (..., {circuit.d_out})"
    yield from _table(plan.apply)
    share = f"{plan.share_of_dense:.1%} of a dense layer's {dense:,}"
    yield f"  per token: {plan.macs_per_token:,} MACs, {share}"
    saved = f"{plan.saved_per_token:,} elements per token beyond x and the gates"
    yield f"  saved for backward: {saved}"
    if plan.apply.macs > plan.tokens * dense:
        yield f"  slower than the dense layer: {plan.share_of_dense:.2f} times its MACs"
    yield ""
    yield f"build: gates -> T ({circuit.d_out}, {circuit.d_in})"
    yield from _table(plan.build)


def _table(program: Program) -> Iterator[str]:
    """Lay out the steps in columns, with a line of totals."""
    head = ("step", "operands", "einsum", "MACs", "elements", "saves")
    rows = [
        (
            step.result,
            " ".join(step.operands),
            step.equation,
            f"{step.macs:,}",
            f"{step.elements:,}",
            " ".join(step.saved),
        )
        for step in program.steps
    ]
    total = ("total", "", "", f"{program.macs:,}", f"{program.elements:,}", "")
    lines = [head, *rows, total]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [
            cell.rjust(width) if title in ("MACs", "elements") else cell.ljust(width)
            for cell, width, title in zip(line, widths, head, strict=True)
        ]
        yield f"  {'  '.join(cells)}".rstrip()
