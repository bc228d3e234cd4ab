"""Adapter: circuits, and the form in which they enter a weight."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import GateError, SizeError, nearest

if TYPE_CHECKING:
    import os

Form = Literal["difference", "residual", "zero", "input", "output"]
"""How a circuit's matrix ``T`` becomes an update ``dW`` that is exactly 0 before training.

* ``difference``: ``dW = scale (T - S)``, with S the frozen circuit that T starts as (QuanTA,
  arXiv:2406.00132);
* ``residual``: ``dW = scale (T - I)``, every gate starting as the (partial) identity;
* ``zero``: ``dW = scale T``, one gate starting at zero (LoRA, arXiv:2106.09685);
* ``input``: ``dW = scale W0 (T - I)``, with W0 the base weight and gates as in ``residual``: the
  circuit acts on what the layer takes, ``d_in -> d_in``;
* ``output``: ``dW = scale (T - I) W0``: it acts on what the layer gives, ``d_out -> d_out`` (OFT,
  arXiv:2306.07280, whose T is orthogonal).
"""

FORMS: tuple[str, ...] = get_args(Form)

FORMS_ON_WEIGHT: tuple[Form, ...] = ("input", "output")
"""The forms that multiply the base weight."""

FORMS_FROM_IDENTITY: tuple[Form, ...] = ("residual", *FORMS_ON_WEIGHT)
"""The forms whose gates all start as the (partial) identity."""

_ACTS = {"input": "takes", "output": "gives"}


def strip_weight(form: Form | None) -> Form | None:
    """Return the form whose update is what a form multiplies the base weight by, or its own.

    Example:
        >>> strip_weight("input"), strip_weight("zero")
        ('residual', 'zero')
    """
    return "residual" if form in FORMS_ON_WEIGHT else form


def check_form(circuit: Circuit, form: Form) -> None:
    """Refuse a form that is none, or that a circuit's shape does not allow.

    Raises:
        GateError: The form is unknown.
        SizeError: The form needs a circuit with ``d_in = d_out``.
    """
    if form not in FORMS:
        raise GateError(f"unknown form {form!r}.", cure=nearest(str(form), FORMS, noun="forms"))
    if form in FORMS_ON_WEIGHT and circuit.d_in != circuit.d_out:
        raise SizeError(
            f"{circuit.label} maps {circuit.d_in} to {circuit.d_out}, which form {form!r} does not "
            "allow.",
            cause=f"In this form it changes what a layer {_ACTS[form]}, and keeps its size.",
            cure="Use a circuit with d_in = d_out, or form 'difference'.",
        )


@dataclass(frozen=True)
class Term:
    """One circuit of an adapter.

    Attributes:
        circuit: The circuit.
        form: How it enters the weight.
        scale: The number its update is multiplied by, not 0.

    Raises:
        GateError: The form is unknown or cannot train this circuit, or the scale is 0.
        SizeError: The form needs a circuit with ``d_in = d_out``.
    """

    circuit: Circuit
    form: Form = "difference"
    scale: float = 1.0

    def __post_init__(self) -> None:
        check_form(self.circuit, self.form)
        if not math.isfinite(self.scale) or not self.scale:
            raise GateError(
                f"the scale of {self.circuit.label} is {self.scale!r}.",
                cure="Give a finite number other than 0.",
            )
        if not any(self.circuit.trainable(gate) for gate in self.circuit.gates):
            raise GateError(
                f"{self.circuit.label} has no gate to train.",
                cure="Remove 'frozen' from a gate, or add one.",
            )
        frozen = [gate for gate in self.circuit.gates if gate.frozen]
        for gate in frozen:
            if gate.init == "zero":
                raise GateError(
                    f"gate {gate.name!r} of {self.circuit.label} is frozen at zero.",
                    cause="The circuit stays zero whatever its other gates learn.",
                    cure="Remove 'frozen' or init=zero.",
                )
        if self.form in FORMS_FROM_IDENTITY and frozen:
            raise GateError(
                f"gate {frozen[0].name!r} of {self.circuit.label} is frozen, which form "
                f"{self.form!r} does not allow.",
                cause="In this form every gate starts as the identity: a frozen one would do "
                "nothing.",
                cure="Remove 'frozen', or use form 'difference'.",
            )
        self._check_zeros()

    def _check_zeros(self) -> None:
        """Refuse gates that start at zero where they would stop the others from training."""
        zeros = [gate.name for gate in self.circuit.gates if gate.init == "zero"]
        if self.form != "zero":
            if zeros:
                raise GateError(
                    f"gate {zeros[0]!r} starts at zero, which only form 'zero' allows.",
                    cause=f"In form {self.form!r} the other gates would have no gradient.",
                    cure="Remove init=zero, or use form 'zero'.",
                )
            return
        if len(zeros) > 1:
            raise GateError(
                f"form 'zero' needs one gate that starts at zero, but {self.circuit.label} has "
                f"{' and '.join(map(repr, zeros))}.",
                cause="With two of them every gradient is zero, and nothing would train.",
                cure="Keep init=zero on one gate.",
            )
        uses = [gate.name for gate in self.circuit.gates if gate.share == self.zero_gate]
        if uses:
            raise GateError(
                f"gate {self.zero_gate!r} of {self.circuit.label} starts at zero, but {uses[0]!r} "
                "shares its tensor.",
                cause="With two factors of zero every gradient is zero: nothing would train.",
                cure="Give init=zero to a gate whose tensor is used once.",
            )

    @property
    def d_in(self) -> int | None:
        """The input dimension of the update; None in form ``output``, where the layer has it."""
        return None if self.form == "output" else self.circuit.d_in

    @property
    def d_out(self) -> int | None:
        """The output dimension of the update; None in form ``input``, where the layer has it."""
        return None if self.form == "input" else self.circuit.d_out

    @property
    def text(self) -> str:
        """The term as `library.load_adapter` reads it; names of circuits are not in it.

        Example:
            >>> Term(Circuit.parse("a=2 b=2 | a b"), "residual", 0.5).text
            '0.5 residual a=2 b=2 | a b'
        """
        scale = "" if self.scale == 1 else f"{self.scale!r} "
        return f"{scale}{self.form} {self.circuit.text}"

    @property
    def zero_gate(self) -> str:
        """The gate that starts at zero in form ``zero``: the marked one, else the last trained."""
        gates = self.circuit.gates
        marked = [gate.name for gate in gates if gate.init == "zero"]
        trained = [gate.name for gate in gates if not gate.share and self.circuit.trainable(gate)]
        return (marked or trained[-1:])[0]


@dataclass(frozen=True, init=False, repr=False)
class Adapter:
    """An update of a linear layer's weight: one circuit in a form, or a sum of such terms.

    Args:
        circuit: A circuit, or the terms of a sum.
        form: How the circuit enters the weight.
        scale: The number its update is multiplied by.

    Attributes:
        terms: The terms; the updates of all map ``d_in`` to ``d_out``.

    Raises:
        GateError: The form is unknown, or cannot train the circuit.
        SizeError: The terms differ in ``d_in`` or ``d_out``.

    Example:
        >>> quanta = Circuit.parse("a=4 b=2 | a b", name="quanta")
        >>> lora = Circuit.parse("x=8 | x -> r=1, r -> y=8", name="lora")
        >>> adapter = Adapter(quanta) + Adapter(lora, form="zero", scale=2.0)
        >>> adapter.parameters, [term.form for term in adapter.terms]
        (80, ['difference', 'zero'])
        >>> eval(repr(adapter)) == adapter
        True
    """

    terms: tuple[Term, ...]

    def __init__(
        self,
        circuit: Circuit | Iterable[Term],
        *,
        form: Form = "difference",
        scale: float = 1.0,
    ) -> None:
        single = isinstance(circuit, Circuit)
        terms = (Term(circuit, form, scale),) if single else tuple(circuit)  # type: ignore[arg-type]
        if not terms:
            raise GateError("an adapter needs at least one circuit.")
        d_in = next((term.d_in for term in terms if term.d_in), None)
        d_out = next((term.d_out for term in terms if term.d_out), None)
        for term in terms:
            if term.d_in not in (d_in, None) or term.d_out not in (d_out, None):
                raise SizeError(
                    f"cannot add {_describe(term)} to {_describe(terms[0])}.",
                    cure="Add circuits of the same d_in and d_out.",
                )
        object.__setattr__(self, "terms", terms)

    def __add__(self, other: Adapter) -> Adapter:
        """Return the adapter whose update is the sum of both updates."""
        return Adapter(self.terms + other.terms)

    @property
    def d_in(self) -> int:
        """The input dimension; where the layer decides it, that of a square layer."""
        return next((term.d_in for term in self.terms if term.d_in), self.terms[0].circuit.d_in)

    @property
    def d_out(self) -> int:
        """The output dimension; where the layer decides it, that of a square layer."""
        return next((term.d_out for term in self.terms if term.d_out), self.terms[0].circuit.d_out)

    @property
    def text(self) -> str:
        """The adapter as `library.load_adapter` reads it; names of circuits are not in it."""
        return " + ".join(term.text for term in self.terms)

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum(term.circuit.parameters for term in self.terms)

    def draw(self, path: str | os.PathLike[str] | None = None, *, theme: str = "light") -> str:
        """Draw the circuits one below the other, with a plus between them.

        Args:
            path: Where to write the picture; see `Circuit.draw`.
            theme: ``"light"`` or ``"dark"``.

        Returns:
            The picture's text; see `Circuit.draw`.
        """
        from qcircuit_adapt.draw import draw

        return draw(self, path, theme=theme)

    def __repr__(self) -> str:
        return " + ".join(
            f"Adapter({term.circuit!r}, form={term.form!r}, scale={term.scale!r})"
            for term in self.terms
        )


def _describe(term: Term) -> str:
    """Name a term's circuit with the dimensions of its update, as far as it decides them."""
    d_in, d_out = (size or "any" for size in (term.d_in, term.d_out))
    return f"{term.circuit.label} ({d_in} -> {d_out})"
