"""LoKr: ``dW = scale W1 (x) W2``, each factor a matrix or a product of two thin ones.

Source: Edalati et al., "KronA", arXiv:2212.10650; Yeh et al., "LyCORIS", arXiv:2309.14859.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import FileError
from qcircuit_adapt.families import lokr
from qcircuit_adapt.hf.interchange.layer import Layer
from qcircuit_adapt.hf.interchange.source import Source, Tensors, expect_shapes, take_matrix
from qcircuit_adapt.hf.interchange.written import Written
from qcircuit_adapt.nn.update import Update

_NAMES = tuple(f"lokr_w{n}{half}" for n in (1, 2) for half in ("", "_a", "_b"))
# Some of these matter in training, or for convolutions, only.
_KNOWN = (
    "alpha",
    "alpha_pattern",
    "decompose_both",
    "decompose_factor",
    "init_weights",
    "module_dropout",
    "r",
    "rank_dropout",
    "rank_dropout_scale",
    "rank_pattern",
    "use_effective_conv2d",
)


def read_lokr(source: Source) -> Iterator[Layer]:
    """Yield the layers of a LoKr adapter.

    Raises:
        FileError: Its tensors do not fit, or adapt a layer that is not linear.
    """
    source.require("r", "alpha")
    source.check_options(known=_KNOWN, refused={})
    for module, tensors in source.modules((*_NAMES, "lokr_t2")).items():
        if "lokr_t2" in tensors:
            raise FileError(
                f"module {module!r} is a convolution.", cause="Only linear layers are imported."
            )
        factors = [_read_factor(module, tensors, f"lokr_w{n}") for n in (1, 2)]
        expect_shapes(
            module, tensors, {name: tuple(t.shape) for one in factors for name, t in one.items()}
        )
        alpha = source.number("alpha", module, pattern="alpha_pattern")
        scale = alpha / source.number("r", module, pattern="rank_pattern")
        circuit = _build_circuit(factors)
        gates = {f"weight_g{n}": one for n, one in enumerate(factors, 1)}
        yield Layer(
            module,
            spec=circuit.text,
            circuit=circuit,
            form="zero",
            scale=scale,
            tensors={
                key if len(halves) == 1 else f"{key}_{'in' if name.endswith('b') else 'out'}": half
                for key, halves in gates.items()
                for name, half in halves.items()
            },
            apply=lambda x, factors=factors, scale=scale: (  # type: ignore[misc]
                _apply(x, factors, scale),
            ),
        )


def write_lokr(update: Update) -> tuple[Written, ...]:
    """Return what PEFT's LoKr stores of an update, for each choice of options that gives it."""
    (term, *others) = update.adapter.terms
    if others or term.form != "zero":
        return ()
    (tensors,) = update.tensors(halves=True)
    named = {}
    for name, tensor in tensors.items():
        gate, _, half = name.partition("_")
        suffix = {"": "", "out": "_a", "in": "_b"}.get(half, half)
        named[f"lokr_w{'1' if gate == term.circuit.gates[0].name else '2'}{suffix}"] = tensor
    return tuple(
        Written(named, {**options, "alpha": options["r"] * term.scale})
        for options in _list_options(term.circuit)
    )


def _list_options(circuit: Circuit) -> Iterator[dict[str, Any]]:
    """Yield the options by which PEFT would choose a circuit's sizes and ranks."""
    first, last = circuit.inputs[0].size, circuit.outputs[0].size
    ranks = [gate.rank for gate in circuit.gates if gate.rank] or [max(circuit.d_in, circuit.d_out)]
    for factor, both in itertools.product({None, first, last}, (0, 1)):
        built = lokr(circuit.d_in, circuit.d_out, rank=ranks[0], factor=factor, both=both)
        if built.text == circuit.text:
            sizes = {"decompose_factor": factor or -1, "decompose_both": bool(both)}
            yield {"r": ranks[0], **sizes}


def _read_factor(module: str, tensors: Tensors, name: str) -> dict[str, Tensor]:
    """Return a factor's matrix, or the two it is the product of, by name."""
    if f"{name}_a" not in tensors:
        return {name: take_matrix(module, tensors, name)}
    first, second = (take_matrix(module, tensors, f"{name}_{half}") for half in "ab")
    if first.shape[1] != second.shape[0]:
        raise FileError(
            f"{name}_a and {name}_b of module {module!r} cannot be multiplied: "
            f"{tuple(first.shape)} and {tuple(second.shape)}."
        )
    return {f"{name}_a": first, f"{name}_b": second}


def _build_circuit(factors: list[dict[str, Tensor]]) -> Circuit:
    axes, gates = [], []
    for name, halves in zip("ab", factors, strict=True):
        first, *_, last = [*halves.values()] * 2
        axes.append(f"{name}={last.shape[1]}")
        change = f" -> {name}={first.shape[0]}" if first.shape[0] != last.shape[1] else ""
        rank = f" {{rank={first.shape[1]}}}" if len(halves) > 1 else ""
        gates.append(f"{name}{change}{rank}")
    return Circuit(" ".join(axes), gates)


def _apply(x: Tensor, factors: list[dict[str, Tensor]], scale: float) -> Tensor:
    w1, w2 = (functools.reduce(torch.matmul, [t.to(x) for t in one.values()]) for one in factors)
    result: Tensor = scale * (x @ torch.kron(w1, w2).T)
    return result
