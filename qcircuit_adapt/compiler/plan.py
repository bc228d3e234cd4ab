"""Plan: what a circuit's module will compute, step by step, and what that costs."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.compiler.cost import Candidate
from qcircuit_adapt.compiler.device import DTYPES, Device, find_device, find_dtype
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
from qcircuit_adapt.errors import GateError, LimitError, SizeError

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
        asked: The strategy that was asked for, perhaps ``"auto"``.
        max_saved_rows: How many inputs may be kept for backward for each token; None for any.
    """

    circuit: Circuit
    tokens: int
    apply: Program
    build: Program
    dtype: str
    device: str
    asked: str
    max_saved_rows: float | None

    def __post_init__(self) -> None:
        # Every circuit can be computed by einsum; what else cannot be is refused by its price.
        if self.asked != "einsum":
            _ = self.candidates

    @functools.cached_property
    def candidates(self) -> tuple[Candidate, ...]:
        """The strategies with their predicted costs, the chosen one first."""
        return list_candidates(
            self.circuit,
            self.apply,
            self.build,
            dtype=self.dtype,
            device=find_device(self.device),
            strategy=None if self.asked == "auto" else self.asked,
            max_saved_rows=self.max_saved_rows,
        )

    @property
    def strategy(self) -> str:
        """How modules apply the circuit in training; see `compile`."""
        return self.candidates[0].strategy if self.asked == "auto" else self.asked

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
        """Return the plan as plain data: totals, candidates, and the steps of both programs."""
        from qcircuit_adapt.compiler.record import to_record

        return to_record(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Plan:
        """Return the plan that `to_dict` was called on.

        The steps are those of the data, but costs are counted and predicted anew: data that says
        anything else is refused.

        Raises:
            FileError: Something is missing, unknown, or not what follows from circuit and steps.
            CircuitError: The circuit is wrong, or what was asked for, as in `compile`.

        Example:
            >>> plan = compile(Circuit.parse("a=4 b=3 | a b, b"), device="cuda")
            >>> Plan.from_dict(plan.to_dict()) == plan
            True
        """
        from qcircuit_adapt.compiler.record import from_record

        return from_record(data)

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

    The contraction path is found by opt_einsum's dynamic programming, that of circuits too large
    for it (`MAX_SEARCHED` in `compiler/path.py`) by trials; where the written order is as cheap, it
    is taken. On a GPU every number that is written counts as the multiply-accumulates that take as
    long. Plans are cached, so that layers of one shape share one, and a search serves all numbers
    of tokens up to the next power of two.

    Args:
        circuit: The circuit.
        tokens: How many inputs a step of training has. The module takes any number; which path is
            the cheapest depends on it.
        dtype: The type of a training step, ``"float32"`` or ``"bf16"``.
        device: What costs are predicted for: ``"cpu"``, or ``"h200"`` or ``"cuda"``.
        strategy: How modules apply the circuit in training. ``"einsum"`` takes the steps of
            `Plan.apply`; ``"feature-save-all"``, ``"feature-save-x"``, ``"token-save-all"`` and
            ``"token-save-x"`` take gate after gate, with tokens last or first, keeping what gates
            take for backward or x alone; ``"materialised"`` builds the matrix for each step;
            ``"triton"`` is one kernel, on a GPU; ``"auto"`` is the one predicted the fastest,
            triton aside.
        max_saved_rows: With ``"auto"`` alone, how many inputs may be kept for backward for each
            token.

    Raises:
        NotationError: The type or the device is unknown.
        GateError: The strategy is unknown or cannot compute the circuit, none keeps so little, or
            what may be kept is said of a strategy that was asked for.
        SizeError: ``tokens`` is not a whole number, 1 or more, or ``max_saved_rows`` no number.
        LimitError: A step would act on more wires than einsum has letters.

    Example:
        >>> plan = compile(Circuit.parse("a=4 b=3 | a b -> r=2, r -> a=4 b=3"), tokens=10)
        >>> plan.macs_per_token, [step.equation for step in plan.apply.steps]
        (48, ['...ab,rab->...r', '...r,abr->...ab'])
    """
    check_request(tokens, strategy, max_saved_rows)
    dtype, device = find_dtype(dtype), find_device(device).name
    return _compile(circuit, tokens, dtype, device, strategy, max_saved_rows)


def check_request(tokens: int, strategy: str, max_saved_rows: float | None) -> None:
    """Refuse what no circuit can be compiled for; see `compile`."""
    if type(tokens) is not int or tokens < 1:
        raise SizeError(f"tokens is {tokens!r}; it must be a whole number, 1 or more.")
    if max_saved_rows is None:
        return
    if type(max_saved_rows) not in (int, float):
        raise SizeError(f"max_saved_rows is {max_saved_rows!r}; it must be a number.")
    if strategy != "auto":
        raise GateError(
            f"max_saved_rows is {max_saved_rows!r}, but strategy {strategy!r} was asked for, "
            "whatever it keeps.",
            cure="Leave out max_saved_rows, or ask for strategy 'auto'.",
        )


@functools.lru_cache(maxsize=256)
def _compile(
    circuit: Circuit,
    tokens: int,
    dtype: str,
    device: str,
    asked: str,
    max_saved_rows: float | None,
) -> Plan:
    weight = _weigh_writes(find_device(device), dtype)
    apply = _program(circuit, apply_network(circuit, tokens=tokens), weight)
    build = _program(circuit, build_network(circuit), weight)
    return Plan(circuit, tokens, apply, build, dtype, device, asked, max_saved_rows)


@functools.lru_cache(maxsize=256)
def written_program(circuit: Circuit) -> Program:
    """Return the program that applies a circuit gate by gate, in the written order."""
    network = apply_network(circuit, tokens=1)
    return lower(network, written_path(network), circuit=circuit)


def _weigh_writes(device: Device, dtype: str) -> int:
    """Return how many multiply-accumulates take as long as to write a number.

    On a processor, which has a cache, it is 0: there the paths of fewest multiply-accumulates were
    measured to be the fastest.
    """
    if device.cache:
        return 0
    return round(device.macs(dtype) * DTYPES[dtype] / device.bandwidth)


@functools.lru_cache(maxsize=256)
def _program(circuit: Circuit, network: Network, weight: int) -> Program:
    path = choose_path(network, max_letters=MAX_LETTERS, weight=weight)
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
