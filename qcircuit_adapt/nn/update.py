"""Update: what an adapter adds to a layer's weight, exactly nothing before training."""

from __future__ import annotations

import functools
import operator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from qcircuit_adapt.adapter import FORMS_FROM_IDENTITY, FORMS_ON_WEIGHT, Adapter, Term
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.compiler.device import DTYPES
from qcircuit_adapt.compiler.lower import Program
from qcircuit_adapt.compiler.plan import Plan, compile, written_program
from qcircuit_adapt.compiler.storage import stored_gates
from qcircuit_adapt.gate import Gate
from qcircuit_adapt.nn.execute import (
    Base,
    Change,
    adds_in_place,
    execute,
    find_autocast,
    follows,
)
from qcircuit_adapt.nn.features import check_features
from qcircuit_adapt.nn.init import identity, initialize
from qcircuit_adapt.nn.operator import describe, exact_types, join_halves, widen
from qcircuit_adapt.nn.program import run
from qcircuit_adapt.nn.rotation import check_rotations, count_angles, rotate
from qcircuit_adapt.nn.stream import Stream, digest_tensors
from qcircuit_adapt.nn.weight import Weight, require
from qcircuit_adapt.wires import split_ranks

Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class Part:
    """A term of an adapter, ready to run.

    Attributes:
        term: The term.
        prefix: What the names of its parameters and buffers start with.
        plan: The steps of its circuit, for as many tokens as were foreseen.
        chain: For gates that start as identities, where each gives the wires it takes: the circuit
            gate by gate; else None.
        gates: The gates with tensors, each with the rule by which it starts.
    """

    term: Term
    prefix: str
    plan: Plan
    chain: Program | None
    gates: tuple[Gate, ...]


class Update(nn.Module):
    """The update ``dW`` of an adapter as a module, ``(..., d_in) -> (..., d_out)``.

    After construction it is 0 to the bit in every type (`Form` says what ``dW`` is). Parameters and
    buffers have flat names. In form ``zero`` the parameter ``weight_g`` is the gate ``g`` itself;
    in the others it is what training adds to the gate, and starts at zero. What it is added to is
    the buffer ``reference_g`` in form ``difference``, else the (partial) identity. A frozen gate is
    a buffer ``weight_g``; a gate of bounded rank counts as two, ``g_in`` and ``g_out``. In a sum
    the names of the n-th term start with ``tn_``.

    With magnitudes, as in DoRA, row i of ``W0 + dW`` is scaled to the length
    ``|W0_i| + magnitude_i``, where the parameter ``magnitude`` starts at zero; as there, the length
    that it had before counts as constant in backward.

    Args:
        adapter: The adapter.
        tokens: How many inputs a step of training has; see `compile`.
        strategy: How circuits are applied in training; see `compile`. ``"auto"`` is chosen anew for
            as many inputs as come.
        max_saved_rows: How many of them may be kept for backward then; see `compile`.
        dtype: The type of parameters and buffers; torch's default if None.
        device: Where they are; torch's default if None.
        magnitudes: How many outputs the layer has, to train their magnitudes too; 0 for not.
        orthogonal: Whether every gate is held orthogonal; ``weight_g`` are then the numbers that
            `nn.rotation` makes it of.
        stream: Where the values of the buffers come from, which are then not in the state that is
            saved; by default torch's generator.
        init_weights: If False, start with a random update (see `randomize`) instead of none.

    Raises:
        GateError: The form cannot train one of the circuits, the stream cannot draw one's gates, or
            a gate cannot be held orthogonal.

    Example:
        >>> update = Update(Adapter(Circuit.parse("a=4 b=3 | a b, b"), form="difference"))
        >>> bool(update(torch.randn(7, 12)).any())
        False
        >>> [*update.state_dict()]
        ['weight_g1', 'weight_g2', 'reference_g1', 'reference_g2']

    Source: the magnitudes: Liu et al., "DoRA", arXiv:2402.09353, equations 5 and 11.
    """

    magnitude: nn.Parameter | None

    def __init__(
        self,
        adapter: Adapter,
        *,
        tokens: int = 2048,
        strategy: str = "einsum",
        max_saved_rows: float | None = None,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        magnitudes: int = 0,
        orthogonal: bool = False,
        stream: Stream | None = None,
        init_weights: bool = True,
    ) -> None:
        super().__init__()
        if orthogonal:
            check_rotations(adapter)
        self.adapter = adapter
        self.orthogonal = orthogonal
        self.strategy, self.max_saved_rows = strategy, max_saved_rows
        self.d_in, self.d_out = adapter.d_in, adapter.d_out
        self.stream = stream
        count = len(adapter.terms)
        self.parts = tuple(
            Part(
                term,
                f"t{n}_" if count > 1 else "",
                plan=compile(
                    term.circuit,
                    tokens=tokens,
                    dtype=_name_dtype(dtype),
                    device=_name_device(device),
                    strategy=strategy,
                    max_saved_rows=max_saved_rows,
                ),
                chain=_find_chain(term),
                gates=_list_stored(term),
            )
            for n, term in enumerate(adapter.terms, 1)
        )
        for part in self.parts:
            for gate in part.gates:
                self._store(part, gate, dtype=dtype, device=device)
        lengths = nn.Parameter(torch.empty(magnitudes, dtype=dtype, device=device))
        self.register_parameter("magnitude", lengths if magnitudes else None)
        self.reset_parameters()
        if not init_weights:
            self.randomize()

    def _store(
        self,
        part: Part,
        gate: Gate,
        *,
        dtype: torch.dtype | None,
        device: torch.device | str | None,
    ) -> None:
        def empty() -> Tensor:
            shape = count_angles(gate) if self.orthogonal else gate.shape
            return torch.empty(shape, dtype=dtype, device=device)

        saved = self.stream is None
        if gate.frozen:
            self.register_buffer(f"{part.prefix}weight_{gate.name}", empty(), persistent=saved)
            return
        self.register_parameter(f"{part.prefix}weight_{gate.name}", nn.Parameter(empty()))
        if part.term.form == "difference":
            self.register_buffer(f"{part.prefix}reference_{gate.name}", empty(), persistent=saved)

    def reset_parameters(self) -> None:
        """Draw the frozen and the reference gates anew, and set the update to 0."""
        for part in self.parts:
            for gate in part.gates:
                name = f"{part.prefix}weight_{gate.name}"
                if gate.frozen or part.term.form == "zero":
                    self._draw(name, gate)
                    continue
                nn.init.zeros_(getattr(self, name))
                if part.term.form == "difference":
                    self._draw(f"{part.prefix}reference_{gate.name}", gate)
        if self.magnitude is not None:
            nn.init.zeros_(self.magnitude)

    def _draw(self, name: str, gate: Gate) -> None:
        """Fill a gate's tensor: what is trained by torch's generator, the rest by the stream."""
        tensor = getattr(self, name)
        if self.stream is None or isinstance(tensor, nn.Parameter):
            initialize(tensor, gate)
            return
        if not tensor.is_meta:
            tensor.copy_(self.stream.draw(gate, name=name))

    def digest(self) -> str | None:
        """Return a digest of all that is not trained, see `digest_tensors`; None if on meta."""
        buffers = sorted(self.named_buffers())
        return None if any(b.is_meta for _, b in buffers) else digest_tensors(buffers)

    def randomize(self) -> None:
        """Give the parameters random values, so that the update is not 0."""
        for part in self.parts:
            for gate in part.gates:
                weight = getattr(self, f"{part.prefix}weight_{gate.name}")
                if self.orthogonal:
                    nn.init.normal_(weight, std=0.1)
                elif not gate.frozen:
                    initialize(weight, replace(gate, init="normal"))
                    with torch.no_grad():
                        weight.mul_(1 if part.term.form == "zero" else 0.1)
        if self.magnitude is not None:
            nn.init.normal_(self.magnitude, std=0.1)

    def forward(self, x: Tensor, weight: Weight | None = None) -> Tensor:
        """Return ``dW x``.

        Args:
            x: Of shape ``(..., d_in)`` and the parameters' type.
            weight: The base weight, for the forms that multiply it and for magnitudes.

        Returns:
            A tensor of shape ``(..., d_out)``.

        Raises:
            SizeError: x has another last size than ``d_in``.
            GateError: The base weight is needed, but not given.
        """
        change = _add([self._change(part, x, weight) for part in self.parts])
        if self.magnitude is None:
            return change
        weight = require(weight, what="the magnitude of an output")
        ratio = self._ratio(weight.dense()).to(change.dtype)
        # While nothing is trained the ratio is 1 and the change 0, both to the bit.
        return (ratio - 1) * weight.multiply(x) + ratio * change

    def add_to(self, x: Tensor, base: Base) -> Tensor | None:
        """Return ``W x + b + dW x`` without a tensor of its own for ``dW x``.

        Args:
            x: Of shape ``(..., d_in)`` and the type of W, whatever that of the parameters.
            base: The layer.

        Returns:
            A tensor of shape ``(..., d_out)`` and W's type; None where that cannot be, as with
            several terms, magnitudes, the forms that multiply W, or the strategy ``einsum``.
        """
        part = self.parts[0]
        if (
            len(self.parts) > 1
            or self.magnitude is not None
            or part.term.form in FORMS_ON_WEIGHT
            or x.dtype != base.weight.dtype
        ):
            return None
        plan = self._find_plan(part, x)
        change = self._find_change(part, plan, x) if adds_in_place(plan, base) else None
        return None if change is None else execute(plan, x, change, base=base)

    @torch.no_grad()
    def delta_weight(
        self, dtype: torch.dtype | None = None, *, weight: Weight | None = None
    ) -> Tensor:
        """Return ``dW``, of shape ``(d_out, d_in)``, computed in float32 or wider.

        Args:
            dtype: The type to round the result to, once; by default as computed.
            weight: As for `forward`.
        """
        total = _add([*self.delta_weights(weight)])
        if self.magnitude is not None:
            dense = require(weight, what="the magnitude of an output").dense()
            ratio = self._ratio(dense, total)[:, None]
            total = (ratio - 1) * dense + ratio * total
        return total if dtype is None else total.to(dtype)

    @torch.no_grad()
    def delta_weights(self, weight: Weight | None = None) -> tuple[Tensor, ...]:
        """Return what each term adds to ``dW``, of shape ``(d_out, d_in)``, before magnitudes.

        Args:
            weight: As for `forward`.
        """
        return tuple(self._matrix(part, weight).detach() for part in self.parts)

    def _ratio(self, dense: Tensor, change: Tensor | None = None) -> Tensor:
        """Return by what each row of ``W0 + dW`` is multiplied, dW being a constant."""
        assert self.magnitude is not None
        with torch.no_grad():
            if change is None:
                change = _add([*self.delta_weights(Weight.of(dense))])
            before = torch.linalg.vector_norm(dense, dim=1)
            after = torch.linalg.vector_norm(dense + change, dim=1)
        # A row of zeros has no direction to scale; its ratio is 0, not 0 / 0.
        after = after.clamp_min(torch.finfo(after.dtype).tiny)
        ratio: Tensor = (before + self.magnitude.to(before.dtype)) / after
        return ratio

    def tensors(self, *, halves: bool = False) -> tuple[Tensors, ...]:
        """Return, for each term, copies of the gates of ``T``, as `reference.matrix` takes them.

        Args:
            halves: Whether gates of bounded rank come as their two half-gates, as they are stored,
                and not multiplied and rounded.
        """
        return tuple(
            _copy(part, self._gates(part, wide=True)[0], halves=halves) for part in self.parts
        )

    def reference_tensors(self, *, halves: bool = False) -> tuple[Tensors, ...]:
        """Return, for each term, copies of the gates of what is subtracted from ``T``.

        Empty in form ``zero``, where nothing is. In the forms that multiply the base weight T is
        the circuit's matrix, and not the layer's.

        Args:
            halves: As for `tensors`.
        """
        return tuple(
            _copy(part, self._gates(part, wide=True)[1], halves=halves) for part in self.parts
        )

    def extra_repr(self) -> str:
        """Say what is computed, for torch's ``repr``."""
        terms = [f"{describe(part.plan.circuit)}, {part.term.form}" for part in self.parts]
        terms += ["orthogonal"] if self.orthogonal else []
        terms += ["magnitudes"] if self.magnitude is not None else []
        return " + ".join(terms)

    def _change(self, part: Part, x: Tensor, weight: Weight | None) -> Tensor:
        """Return ``dW x`` of one term."""
        if part.term.form not in FORMS_ON_WEIGHT:
            return self._map(part, x)
        multiply = require(weight, what=f"form {part.term.form!r}").multiply
        if part.term.form == "input":
            return multiply(self._map(part, x))
        return self._map(part, multiply(x))

    def _map(self, part: Part, x: Tensor) -> Tensor:
        """Return what a term's circuit makes of x, less what it did before training."""
        check_features(x, part.plan.circuit.d_in, circuit=part.plan.circuit)
        plan = self._find_plan(part, x)
        change = self._find_change(part, plan, x)
        if change is None:
            assert part.chain is not None
            return _scale(part, _accumulate(part.chain, x, self._weights(part)))
        return execute(plan, x, change)

    def _find_plan(self, part: Part, x: Tensor) -> Plan:
        """Return the plan for x; `compile` remembers those for counts up to a power of two."""
        if self.strategy != "auto" or torch.compiler.is_compiling():
            return part.plan
        tokens = max(1, x.numel() // part.plan.circuit.d_in)
        return compile(
            part.plan.circuit,
            tokens=1 << (tokens - 1).bit_length(),
            dtype=_name_dtype(find_autocast(x) or x.dtype),
            device=_name_device(x.device),
            strategy=self.strategy,
            max_saved_rows=self.max_saved_rows,
        )

    def _find_change(self, part: Part, plan: Plan, x: Tensor) -> Change | None:
        """Return a term's circuit as a change; None if what its gates change is to be added up."""
        if part.chain is not None and not follows(plan):
            return None
        gates, references = self._gates(part)
        if part.chain is None:
            return Change(gates, references, scale=part.term.scale)
        # In 16 bits T x - x would be what rounding leaves of it.
        dtype = find_autocast(x) or next(iter(gates.values())).dtype
        if dtype.itemsize < 4:
            return None
        return Change(gates, less_x=True, scale=part.term.scale)

    def _matrix(self, part: Part, weight: Weight | None) -> Tensor:
        """Return ``dW`` of one term."""
        if part.term.form not in FORMS_ON_WEIGHT:
            return self._build(part)
        dense = require(weight, what=f"form {part.term.form!r}").dense()
        own = self._build(part)
        dtype = torch.promote_types(own.dtype, dense.dtype)
        own, dense = own.to(dtype), dense.to(dtype)
        with exact_types(own):
            return dense @ own if part.term.form == "input" else own @ dense

    def _build(self, part: Part) -> Tensor:
        """Return the matrix that `_map` multiplies by."""
        gates, references = self._gates(part, wide=True)
        like = next(iter(gates.values()))
        with exact_types(like):
            if part.chain:
                # As accurate as forward; T - I would lose what is small beside 1.
                eye = torch.eye(part.plan.circuit.d_in, dtype=like.dtype, device=like.device)
                changes = self._weights(part, wide=True)
                return _scale(part, _accumulate(part.chain, eye, changes).mT.contiguous())
            result = run(part.plan.build, None, gates)
            if references:
                result = result - run(part.plan.build, None, references)
        return _scale(part, result)

    def _weights(self, part: Part, *, wide: bool = False) -> Tensors:
        """Return the stored tensors of a term, all in the parameters' type, or in a wide one."""
        stored = {g.name: getattr(self, f"{part.prefix}weight_{g.name}") for g in part.gates}
        dtype = next(stored[gate.name].dtype for gate in part.gates if not gate.frozen)
        dtype = widen(dtype) if wide else dtype
        weights = {name: tensor.to(dtype) for name, tensor in stored.items()}
        if self.orthogonal:
            return {gate.name: rotate(weights[gate.name], gate) for gate in part.gates}
        return weights

    def _gates(self, part: Part, *, wide: bool = False) -> tuple[Tensors, Tensors]:
        """Return the gates of ``T`` and those of what is subtracted, which may be none."""
        weights = self._weights(part, wide=wide)
        if part.term.form == "zero":
            return weights, {}
        gates, references = {}, {}
        for gate in part.gates:
            name, weight = gate.name, weights[gate.name]
            if gate.frozen:
                gates[name] = references[name] = weight
                continue
            if part.term.form == "difference":
                references[name] = getattr(self, f"{part.prefix}reference_{name}").to(weight.dtype)
            else:
                references[name] = identity(gate, dtype=weight.dtype, device=weight.device)
            gates[name] = references[name] + weight
        return gates, references


def _copy(part: Part, gates: Tensors, *, halves: bool) -> Tensors:
    """Return copies of gates, of which those of bounded rank are stored as halves."""
    if halves or not gates:
        return {name: tensor.detach().to("cpu", copy=True) for name, tensor in gates.items()}
    return join_halves(part.plan.circuit, gates)


def _find_chain(term: Term) -> Program | None:
    """Return the steps gate by gate, if a term adds up what each gate changes."""
    chained = term.form in FORMS_FROM_IDENTITY and _keeps_wires(term.circuit)
    return written_program(term.circuit) if chained else None


def _list_stored(term: Term) -> tuple[Gate, ...]:
    return stored_gates(term.circuit, zero=term.zero_gate if term.form == "zero" else "")


def _name_dtype(dtype: torch.dtype | None) -> str:
    """Return the name of the type that costs are predicted for."""
    name = str(dtype or torch.get_default_dtype()).removeprefix("torch.")
    return name if name in DTYPES else "float32"


def _name_device(device: torch.device | str | None) -> str:
    return "cuda" if torch.device(device or "cpu").type == "cuda" else "cpu"


def _keeps_wires(circuit: Circuit) -> bool:
    """Say whether every gate gives the wires it takes, so that all can be the identity."""
    gates = split_ranks(circuit).gates
    return circuit.outputs == circuit.inputs and all(gate.on == gate.to for gate in gates)


def _accumulate(chain: Program, x: Tensor, changes: Tensors) -> Tensor:
    """Return ``T x - x`` where every gate is the identity plus a change.

    Args:
        chain: The circuit gate by gate.
        x: Of shape ``(..., d_in)``.
        changes: What is added to the identity in each gate.
    """
    owners = {source.name: source.tensor for source in chain.sources}
    start = state = torch.unflatten(x, -1, chain.sources[0].shape)
    total: Tensor | None = None
    for step in chain.steps:
        # Only what the gates change is added up, so that nothing cancels.
        change = torch.einsum(step.equation, state, changes[owners[step.operands[1]]])
        total = change if total is None else total + change
        state = start + total
    assert total is not None
    return total.flatten(-len(chain.rows))


def _add(changes: list[Tensor]) -> Tensor:
    return functools.reduce(operator.add, changes)


def _scale(part: Part, change: Tensor) -> Tensor:
    return change if part.term.scale == 1 else part.term.scale * change
