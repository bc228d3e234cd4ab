"""Circuit: axes, and gates that act on them in order."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from qcircuit_adapt.axes import Axis, format_axes, product
from qcircuit_adapt.declaration import Declaration, advance
from qcircuit_adapt.gate import Gate
from qcircuit_adapt.notation import split_circuit

if TYPE_CHECKING:
    import os

    from qcircuit_adapt.analysis.certificate import Certificate
    from qcircuit_adapt.compiler.plan import Plan


@dataclass(frozen=True, init=False, repr=False)
class Circuit:
    """Axes of an input vector, gates that act on them in order, and the order of the output wires.

    A circuit says which linear maps ``(d_in) -> (d_out)`` an adapter may take: one for each choice
    of the gates' tensors (`reference.matrix` spells it out). The first axis is the most
    significant, as in ``x.reshape(16, 8, 8, 4)``. A wire that keeps its name keeps its place; new
    wires stand where the first wire a gate consumes stood, in the order written.

    Args:
        axes: The input axes, ``"a=16 b=8"`` or `Axis` objects.
        gates: The gates in order, each as text or as a `Gate`. Text takes its sizes from the wires.
        outputs: The order of the output wires; by default the order they end up in.
        name: What to call the circuit in reports and errors.

    Attributes:
        inputs: The input axes.
        gates: The gates, with all sizes and with distinct names.
        outputs: The output axes.
        name: Its name, perhaps empty.

    Raises:
        NotationError: A text does not follow the notation.
        WireError: A gate names a wire that is not there, or gives one that is.
        SizeError: A gate expects another size than its wire carries.
        GateError: A gate's name or options contradict the circuit.
        LimitError: The circuit is absurdly large; nothing has been allocated.

    Example:
        >>> circuit = Circuit("a=4 b=3", ["a b", "b -> b=2"], name="small")
        >>> circuit.d_in, circuit.d_out, circuit.parameters
        (12, 8, 150)
        >>> circuit
        Circuit('a=4 b=3', ['a b', 'b -> b=2'], name='small')
    """

    inputs: tuple[Axis, ...]
    gates: tuple[Gate, ...]
    outputs: tuple[Axis, ...]
    name: str

    def __init__(
        self,
        axes: str | Iterable[Axis],
        gates: Iterable[str | Gate],
        *,
        outputs: str | Iterable[str] | None = None,
        name: str = "",
    ) -> None:
        declaration = Declaration(axes, gates, name)
        object.__setattr__(self, "inputs", declaration.inputs)
        object.__setattr__(self, "gates", declaration.gates)
        object.__setattr__(self, "outputs", declaration.order_outputs(outputs))
        object.__setattr__(self, "name", name)

    @classmethod
    def parse(cls, text: str, *, name: str = "") -> Circuit:
        """Read a circuit from its text.

        Args:
            text: Axes, a bar, gates separated by commas, and perhaps ``-> wires`` for the output
                order.
            name: What to call the circuit.

        Example:
            >>> Circuit.parse("a=2 b=3 | a b, b {frozen}, -> b a").outputs
            (Axis(name='b', size=3), Axis(name='a', size=2))
        """
        parts = split_circuit(text)
        return cls(parts.axes, parts.gates, outputs=parts.outputs, name=name)

    @property
    def d_in(self) -> int:
        """The input dimension."""
        return product(self.inputs)

    @property
    def d_out(self) -> int:
        """The output dimension."""
        return product(self.outputs)

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum(gate.parameters for gate in self.gates if not gate.frozen)

    @property
    def frozen_parameters(self) -> int:
        """How many numbers are stored but not trained."""
        return sum(gate.parameters for gate in self.gates if gate.frozen)

    @property
    def macs_per_token(self) -> int:
        """Multiply-accumulates for one input vector, gate after gate in the written order."""
        return sum(self.gate_macs)

    @cached_property
    def gate_macs(self) -> tuple[int, ...]:
        """Multiply-accumulates for one input vector, for each gate."""
        macs = []
        for gate, wires in zip(self.gates, self.stages, strict=False):
            spectators = product(wires) // gate.columns
            rank = self.owner(gate).rank
            each = rank * (gate.rows + gate.columns) if rank else gate.rows * gate.columns
            macs.append(spectators * each)
        return tuple(macs)

    @cached_property
    def stages(self) -> tuple[tuple[Axis, ...], ...]:
        """The wires, in order, before each gate and after the last: one stage more than gates."""
        stages = [self.inputs]
        for gate in self.gates:
            stages.append(advance(stages[-1], gate))
        return tuple(stages)

    def owner(self, gate: Gate) -> Gate:
        """Return the gate whose tensor this gate uses: itself unless it shares one."""
        return self._by_name[gate.share] if gate.share else gate

    def trainable(self, gate: Gate) -> bool:
        """Say whether a gate's tensor is trained."""
        return not self.owner(gate).frozen

    @cached_property
    def _by_name(self) -> Mapping[str, Gate]:
        return {gate.name: gate for gate in self.gates}

    def __rshift__(self, other: Circuit) -> Circuit:
        """Apply this circuit, then the other: ``matrix(c >> d) == matrix(d) @ matrix(c)``.

        The other's inputs take the names of this circuit's outputs; the sizes must agree one by
        one. Names that are taken get a number.

        Raises:
            SizeError: The sizes differ.
        """
        from qcircuit_adapt.compose import chain

        return chain(self, other)

    def __or__(self, other: Circuit) -> Circuit:
        """Put two circuits side by side: ``matrix(c | d) == kron(matrix(c), matrix(d))``."""
        from qcircuit_adapt.compose import put_beside

        return put_beside(self, other)

    def reverse(self) -> Circuit:
        """Return the transposed circuit: gates transposed, in reverse order, names kept."""
        from qcircuit_adapt.compose import transpose

        return transpose(self)

    @property
    def label(self) -> str:
        """How reports and errors call it: its name, or its text where it has none."""
        return f"circuit {self.name!r}" if self.name else "the circuit"

    @property
    def text(self) -> str:
        """The text that `parse` reads back to this circuit, name aside."""
        axes, gates, outputs = self.declaration
        ends = [*gates, f"-> {outputs}"] if outputs else gates
        return f"{axes} | {', '.join(ends)}".strip()

    @property
    def declaration(self) -> tuple[str, tuple[str, ...], str]:
        """The texts of the axes, the gates and the output order (empty if it need not be said)."""
        gates = tuple(gate.format(default_name=f"g{n}") for n, gate in enumerate(self.gates, 1))
        stated = self.outputs != self.stages[-1]
        outputs = " ".join(axis.name for axis in self.outputs) if stated else ""
        return format_axes(self.inputs), gates, outputs

    def __repr__(self) -> str:
        axes, gates, outputs = self.declaration
        parts = [repr(axes), repr(list(gates))]
        parts += [f"outputs={outputs!r}"] if outputs else []
        parts += [f"name={self.name!r}"] if self.name else []
        return f"Circuit({', '.join(parts)})"

    def __str__(self) -> str:
        from qcircuit_adapt.draw import draw_text

        return draw_text(self)

    def _repr_svg_(self) -> str:
        from qcircuit_adapt.draw import draw_svg

        return draw_svg(self)

    def _repr_html_(self) -> str:
        from qcircuit_adapt.draw.html import to_figure

        return to_figure(self)

    def draw(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        certificate: Certificate | None = None,
        plan: Plan | None = None,
        theme: str = "light",
    ) -> str:
        """Draw the circuit.

        Args:
            path: Where to write the picture, ``.svg``, ``.png``, ``.pdf``, ``.tex``,
                ``.html`` (a page to explore the circuit with) or ``.txt``; nothing is written if
                None.
            certificate: What `prove` found: adds the cut that bounds the rank, where it says more
                than the shape does, and the rank and the degrees of freedom.
            plan: What `compile` found: adds the order of contraction and what training keeps.
            theme: ``"light"`` or ``"dark"``.

        Returns:
            The picture's text: SVG for an ``.svg`` path, LaTeX for ``.tex``, a page for ``.html``,
            characters otherwise.
        """
        from qcircuit_adapt.draw import draw

        return draw(self, path, certificate=certificate, plan=plan, theme=theme)

    def to_dict(self) -> dict[str, Any]:
        """Return the circuit as plain data: name, axes, gates, outputs."""

        def wires(axes: Iterable[Axis]) -> list[dict[str, Any]]:
            return [{"wire": axis.name, "size": axis.size} for axis in axes]

        def named(axes: Iterable[Axis]) -> list[dict[str, Any]]:
            return [{"name": axis.name, "size": axis.size} for axis in axes]

        return {
            "name": self.name,
            "axes": named(self.inputs),
            "gates": [
                {
                    "name": gate.name,
                    "on": wires(gate.on),
                    "to": wires(gate.to),
                    "per": wires(gate.per),
                    "parameters": gate.parameters,
                    "trainable": self.trainable(gate),
                    "share": gate.share,
                    "rank": gate.rank,
                    "init": gate.init,
                }
                for gate in self.gates
            ],
            "outputs": named(self.outputs),
        }

    def to_json(self) -> str:
        """Return `to_dict` as JSON text, as ``qcircuit show --json`` prints it.

        A gate's tensor has shape ``(per sizes, to sizes, on sizes)``; ``share`` names the gate
        whose tensor is used again, or is null; ``outputs`` is the order of the wires in the result.
        """
        return json.dumps(self.to_dict(), indent=2)
