"""LoHa: ``dW = scale (A1 B1) o (A2 B2)``, the entrywise product of two matrices of low rank.

Both products see every input and give every output: the axis ``x`` controls the first gate and is
consumed by the second, ``y`` is given by the third and controls the fourth.

Source: Hyeon-Woo et al., "FedPara", arXiv:2108.06098; Yeh et al., "LyCORIS", arXiv:2309.14859.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from qcircuit_adapt.errors import FileError
from qcircuit_adapt.families import loha
from qcircuit_adapt.hf.interchange.layer import Layer
from qcircuit_adapt.hf.interchange.source import Source, expect_shapes, take_matrix
from qcircuit_adapt.hf.interchange.written import Written
from qcircuit_adapt.nn.update import Update

_NAMES = ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b")
# Some of these matter in training, or for convolutions, only.
_KNOWN = (
    "alpha",
    "alpha_pattern",
    "init_weights",
    "module_dropout",
    "r",
    "rank_dropout",
    "rank_pattern",
    "use_effective_conv2d",
)


def read_loha(source: Source) -> Iterator[Layer]:
    """Yield the layers of a LoHa adapter.

    Raises:
        FileError: Its tensors do not fit, or adapt a layer that is not linear.
    """
    source.require("r", "alpha")
    source.check_options(known=_KNOWN, refused={})
    for module, tensors in source.modules((*_NAMES, "hada_t1", "hada_t2")).items():
        if "hada_t1" in tensors:
            raise FileError(
                f"module {module!r} is a convolution.", cause="Only linear layers are imported."
            )
        a1, b1, a2, b2 = (take_matrix(module, tensors, name) for name in _NAMES)
        (d_out, rank), d_in = a1.shape, b1.shape[1]
        shapes = [(d_out, rank), (rank, d_in)] * 2
        expect_shapes(module, tensors, dict(zip(_NAMES, shapes, strict=True)))
        alpha = source.number("alpha", module, pattern="alpha_pattern")
        scale = alpha / source.number("r", module, pattern="rank_pattern")
        circuit = loha(d_in, d_out, rank=rank)
        yield Layer(
            module,
            spec=f"loha(rank={rank})",
            circuit=circuit,
            form="zero",
            scale=scale,
            tensors={
                "weight_g1": b1.T.reshape(d_in, rank, 1),
                "weight_g2": b2,
                "weight_g3": a2,
                "weight_g4": a1.reshape(d_out, 1, rank),
            },
            apply=lambda x, w=(a1, b1, a2, b2), scale=scale: (  # type: ignore[misc]
                _apply(x, *w, scale=scale),
            ),
        )


def write_loha(update: Update) -> tuple[Written, ...]:
    """Return what PEFT's LoHa stores of an update; nothing if it is no LoHa."""
    (term, *others) = update.adapter.terms
    circuit = term.circuit
    if others or term.form != "zero" or len(circuit.gates) != 4:
        return ()
    rank = circuit.gates[1].rows
    if circuit.text != loha(circuit.d_in, circuit.d_out, rank=rank).text:
        return ()
    ((b1, b2, a2, a1),) = (gates.values() for gates in update.tensors())
    matrices = (a1.reshape(-1, rank), b1.reshape(-1, rank).T, a2, b2)
    tensors = dict(zip(_NAMES, matrices, strict=True))
    return (Written(tensors, {"r": rank, "alpha": rank * term.scale}),)


def _apply(x: Tensor, a1: Tensor, b1: Tensor, a2: Tensor, b2: Tensor, *, scale: float) -> Tensor:
    a1, b1, a2, b2 = (tensor.to(x) for tensor in (a1, b1, a2, b2))
    result: Tensor = scale * (x @ ((a1 @ b1) * (a2 @ b2)).T)
    return result
