"""OFT: ``W R`` with R orthogonal blocks on what a layer takes, as a circuit in form ``input``.

Source: Qiu et al., "OFT", arXiv:2306.07280; the Cayley-Neumann series: "OFTv2", arXiv:2506.19847.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import FileError
from qcircuit_adapt.families import oft
from qcircuit_adapt.hf.interchange.layer import Layer
from qcircuit_adapt.hf.interchange.source import Source, expect_shapes, take_matrix
from qcircuit_adapt.hf.interchange.written import Written
from qcircuit_adapt.nn.update import Update

_NAME = "oft_R.weight"
# Some of these matter in training only.
_KNOWN = (
    "block_share",
    "eps",
    "init_weights",
    "module_dropout",
    "num_cayley_neumann_terms",
    "oft_block_size",
    "r",
    "use_cayley_neumann",
)
_NEW_SERIES = (0, 18)
_REFUSED = {
    "bias": "It trains biases too, which are no part of a weight's update.",
    "coft": "It cuts its parameters down each time that it runs.",
}


def read_oft(
    source: Source, find_shape: Callable[[str], tuple[int, int] | None]
) -> Iterator[Layer]:
    """Yield the layers of an OFT adapter.

    With Cayley's formula the blocks are held orthogonal here too, by the same numbers; with its
    series, which gives matrices that are nearly so, the blocks are free.

    Args:
        source: The adapter.
        find_shape: Returns the dimensions of a module, if they are known.

    Raises:
        FileError: It is of a variant that is no circuit, or its tensors do not fit.
    """
    source.require("r", "oft_block_size", "use_cayley_neumann")
    source.check_options(known=_KNOWN, refused=_REFUSED)
    shared = bool(source.options.get("block_share"))
    series = bool(source.options["use_cayley_neumann"])
    if series and _read_version(source.options.get("peft_version")) < _NEW_SERIES:
        raise FileError(
            f"{str(source.folder)!r} was trained by a version of peft before 0.18, which summed "
            "another series.",
            cure="Train it again, or load it with peft 0.17 and merge it: merge_and_unload().",
        )
    terms = int(source.number("num_cayley_neumann_terms", "", pattern="")) if series else 0
    for module, tensors in source.modules((_NAME,)).items():
        above = take_matrix(module, tensors, _NAME)
        count, numbers = above.shape
        block = (1 + math.isqrt(1 + 8 * numbers)) // 2
        d_in = count * block
        if shape := find_shape(module):
            d_in = shape[0]
        elif shared:
            raise FileError(
                f"the size of {module!r} is not in the adapter, as its blocks share their tensor.",
                cure="Give the base model, or its config.json: base=...",
            )
        if d_in % block:
            raise FileError(f"module {module!r} has {d_in} inputs, not blocks of {block}.")
        rows = 1 if shared else d_in // block
        expect_shapes(module, tensors, {_NAME: (rows, block * (block - 1) // 2)})
        circuit = build_circuit(d_in, block=block, shared=shared)
        yield Layer(
            module,
            spec=circuit.text,
            circuit=circuit,
            form="input",
            scale=1.0,
            tensors={"weight_g1": _sum_series(above, circuit, terms) if series else above},
            apply=lambda x, above=above, block=block, terms=terms: (  # type: ignore[misc]
                _apply(x, above, block=block, terms=terms),
            ),
            orthogonal=not series,
        )


def build_circuit(d: int, *, block: int, shared: bool) -> Circuit:
    """Return the circuit of equal blocks, each with a tensor of its own or all with one.

    Example:
        >>> build_circuit(64, block=16, shared=True).text
        'a=4 b=16 | b'
    """
    return Circuit(f"a={d // block} b={block}", ["b"]) if shared else oft(d, block=block)


def write_oft(update: Update) -> tuple[Written, ...]:
    """Return what PEFT's OFT stores of an update; nothing if it is no OFT."""
    (term, *others) = update.adapter.terms
    if others or term.form != "input" or term.scale != 1 or not update.orthogonal:
        return ()
    *_, last = term.circuit.inputs
    for shared in (False, True):
        if term.circuit.text == build_circuit(update.d_in, block=last.size, shared=shared).text:
            options: dict[str, Any] = {"oft_block_size": last.size, "block_share": shared}
            above: Any = update.weight_g1
            fixed = {"r": 0, "use_cayley_neumann": False}
            return (Written({_NAME: above.detach()}, {**options, **fixed}),)
    return ()


def _read_version(text: object) -> tuple[int, ...]:
    match = re.match(r"(\d+)\.(\d+)", str(text))
    return tuple(map(int, match.groups())) if match else (0, 0)


def _apply(x: Tensor, above: Tensor, *, block: int, terms: int) -> Tensor:
    """Return ``R x - x`` by PEFT's formula; rows are multiplied by the transpose of R."""
    blocks = _turn(above.to(x), block, terms)
    parts = x.reshape(len(x), -1, block)
    turned = torch.einsum("nrk,rkc->nrc", parts, blocks.expand(parts.shape[1], -1, -1))
    return turned.flatten(-2) - x


def _turn(above: Tensor, block: int, terms: int) -> Tensor:
    """Return the matrices that PEFT multiplies rows by, of shape ``(blocks, block, block)``."""
    skew = above.new_zeros(len(above), block, block)
    rows, columns = torch.triu_indices(block, block, 1)
    skew[:, rows, columns] = above
    skew = skew - skew.mT
    eye = torch.eye(block, dtype=above.dtype)
    if not terms:
        exact: Tensor = (eye - skew) @ torch.linalg.inv(eye + skew)
        return exact
    # Of more than two terms PEFT takes the first four at least, and the last one half.
    highest = max(3, terms - 1) if terms > 2 else terms - 1
    total, power = eye.expand_as(skew), skew
    for n in range(1, highest + 1):
        total = total + (1 if n == highest and terms > 2 else 2) * power
        power = power @ skew
    return total


def _sum_series(above: Tensor, circuit: Circuit, terms: int) -> Tensor:
    """Return by how much the gate differs from the identity where PEFT sums a series."""
    (gate,) = circuit.gates
    blocks = _turn(above.double(), gate.rows, terms).mT
    change = blocks - torch.eye(gate.rows, dtype=torch.float64)
    return change.float().reshape(gate.shape)
