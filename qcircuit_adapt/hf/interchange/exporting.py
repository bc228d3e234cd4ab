"""Export: any adapter of circuits as LoRA, exact where it is one and else the best of its rank."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import torch
from peft import LoraConfig, PeftModel
from peft.utils import SAFETENSORS_WEIGHTS_NAME
from safetensors.torch import save_file
from torch import Tensor

from qcircuit_adapt.errors import FileError, OptionError
from qcircuit_adapt.families import lora
from qcircuit_adapt.hf.saved import SavedAdapter, open_adapter
from qcircuit_adapt.hf.whole import write_folder
from qcircuit_adapt.nn.update import Update


@dataclass(frozen=True)
class LoraLayer:
    """A layer as LoRA has it.

    Attributes:
        module: The module's name in the model.
        d_in: Its input dimension.
        d_out: Its output dimension.
        rank: The rank of its LoRA.
        energy: The share of the squared Frobenius norm of the update that LoRA keeps.
        error: The Frobenius norm of what is lost, relative to that of the update; the square root
            of what the energy leaves.
        exact: Whether the circuit was a LoRA itself, and its tensors are kept to the bit.
    """

    module: str
    d_in: int
    d_out: int
    rank: int
    energy: float
    error: float
    exact: bool


@dataclass(frozen=True)
class LoraExport:
    """What was exported.

    Attributes:
        layers: The layers.
    """

    layers: tuple[LoraLayer, ...]

    @property
    def parameters(self) -> int:
        """How many numbers LoRA stores."""
        return sum(layer.rank * (layer.d_in + layer.d_out) for layer in self.layers)


@dataclass(frozen=True)
class _Factors:
    A: Tensor
    B: Tensor
    alpha: float
    layer: LoraLayer


def export_lora(
    adapter: str | os.PathLike[str] | PeftModel,
    output: str | os.PathLike[str],
    *,
    rank: int | None = None,
    energy: float | None = None,
    adapter_name: str | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> LoraExport:
    """Write an adapter of circuits as LoRA, which PEFT and servers load without this package.

    A circuit that is a LoRA of a rank that is allowed keeps its tensors. The update of any other is
    replaced by the nearest matrix of its rank, from the singular value decomposition.

    Args:
        adapter: The adapter's folder, or a model that has it.
        output: The folder to write, new or empty.
        rank: The largest rank of a layer; as large as it takes if only ``energy`` is given.
        energy: The share of each update's squared Frobenius norm to keep, above 0 and up to 1: the
            smallest rank that does is taken.
        adapter_name: Which adapter of the model; by default the active one.
        on_progress: Told how many layers of how many are done.

    Returns:
        Each layer with its rank and what it keeps.

    Raises:
        OptionError: Neither rank nor energy is given, or one is out of range.
        FileError: The folder cannot be read or written, or the adapter trains biases.
        AdaptError: The model has no such adapter.

    Source: Eckart and Young, "The approximation of one matrix by another of lower rank",
    Psychometrika 1 (1936).
    """
    _check_options(rank, energy)
    saved = open_adapter(adapter, adapter_name)
    done = []
    for module, update in saved.updates():
        done.append(_factor(module, update, rank=rank, energy=energy))
        if on_progress:
            on_progress(len(done), len(saved.layers))
    tensors = dict(saved.rest)
    for factors in done:
        key = f"base_model.model.{factors.layer.module}"
        tensors |= {f"{key}.lora_A.weight": factors.A, f"{key}.lora_B.weight": factors.B}
    with write_folder(output) as draft:
        _build_config(saved, done).save_pretrained(str(draft))
        weights = {name: tensor.cpu().contiguous().clone() for name, tensor in tensors.items()}
        save_file(weights, draft / SAFETENSORS_WEIGHTS_NAME, metadata={"format": "pt"})
    return LoraExport(tuple(factors.layer for factors in done))


def _check_options(rank: int | None, energy: float | None) -> None:
    if rank is None and energy is None:
        raise OptionError("neither rank nor energy is given.", cure="Give rank=16, or energy=0.99.")
    if rank is not None and rank < 1:
        raise OptionError(f"rank={rank!r} is not 1 or more.")
    if energy is not None and not 0 < energy <= 1:
        raise OptionError(f"energy={energy!r} is not above 0 and at most 1.")


@torch.no_grad()
def _factor(module: str, update: Update, *, rank: int | None, energy: float | None) -> _Factors:
    d_in, d_out = update.d_in, update.d_out
    if (own := _own_rank(update)) and (rank is None or own <= rank):
        (weights,) = update.tensors()
        A, B = weights.values()
        layer = LoraLayer(module, d_in, d_out, own, energy=1.0, error=0.0, exact=True)
        return _Factors(A, B, own * update.adapter.terms[0].scale, layer)
    weight = update.delta_weight()
    if not weight.isfinite().all():
        raise FileError(
            f"the update of {module!r} is not finite.",
            cure="Export a checkpoint from before the numbers overflowed.",
        )
    U, S, V = torch.linalg.svd(weight, full_matrices=False)
    # Summed from the smallest, so that the total, and what is lost, are accurate.
    tail = S.double().square().flip(0).cumsum(0).flip(0)
    lost = torch.cat([tail / tail[0] if tail[0] else tail, tail.new_zeros(1)])
    wanted = rank or len(S)
    if energy is not None:
        enough = int((lost <= 1 - energy).nonzero()[0])
        wanted = min(wanted, max(1, enough))
    kept = min(wanted, len(S))
    root = S[:kept].sqrt()
    share = float(lost[kept])
    layer = LoraLayer(module, d_in, d_out, kept, 1 - share, share**0.5, exact=False)
    return _Factors(root[:, None] * V[:kept], U[:, :kept] * root, float(kept), layer)


def _own_rank(update: Update) -> int | None:
    """Return the rank of a circuit that is a LoRA."""
    (term, *others) = update.adapter.terms
    circuit = term.circuit
    if others or term.form != "zero" or len(circuit.gates) != 2:
        return None
    first, second = circuit.gates
    plain = lora(circuit.d_in, circuit.d_out, rank=first.rows)
    same = [gate.shape for gate in circuit.gates] == [gate.shape for gate in plain.gates]
    whole = len(circuit.inputs) == len(circuit.outputs) == len(first.to) == 1
    return first.rows if same and whole and not (second.share or first.rank) else None


def _build_config(saved: SavedAdapter, done: list[_Factors]) -> LoraConfig:
    (((rank, alpha), _),) = Counter((one.layer.rank, one.alpha) for one in done).most_common(1)
    others = [one for one in done if (one.layer.rank, one.alpha) != (rank, alpha)]
    return LoraConfig(
        r=rank,
        lora_alpha=alpha,  # type: ignore[arg-type]
        rank_pattern={one.layer.module: one.layer.rank for one in others},
        alpha_pattern={one.layer.module: one.alpha for one in others},
        target_modules=sorted(one.layer.module for one in done),
        lora_dropout=saved.config.dropout,
        modules_to_save=saved.config.modules_to_save,
        base_model_name_or_path=saved.config.base_model_name_or_path,
        revision=saved.config.revision,
        task_type=saved.config.task_type,
        inference_mode=True,
    )
