"""Difference: by how much training changed a weight, from files of weights."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open

from qcircuit_adapt.errors import FileError, nearest

_INDEX = "model.safetensors.index.json"
_SINGLE = ("model.safetensors", "adapter_model.safetensors")

Array = np.ndarray[Any, np.dtype[np.float64]]


def read_difference(
    after: str | os.PathLike[str],
    before: str | os.PathLike[str] | None = None,
    *,
    tensor: str | None = None,
) -> Array:
    """Read a matrix, or the difference of two, in float64.

    Args:
        after: A ``.npy`` or ``.safetensors`` file, or the folder of a model saved in safetensors,
            which may be in several files. Nothing is unpickled.
        before: Likewise, what is subtracted.
        tensor: The name of the tensor, as in ``model.layers.0.self_attn.q_proj.weight``; needed
            where there are several.

    Returns:
        An array of shape ``(d_out, d_in)``.

    Raises:
        FileError: A file cannot be read, has no such tensor, or one that is no matrix; or the
            shapes of the two differ.
    """
    matrix = _read(Path(after), tensor)
    if before is None:
        return matrix
    start = _read(Path(before), tensor)
    if matrix.shape != start.shape:
        raise FileError(
            f"the matrix in {str(after)!r} has shape {matrix.shape}, but that in {str(before)!r} "
            f"has {start.shape}.",
            cure="Give two checkpoints of one model.",
        )
    return matrix - start


def _read(path: Path, tensor: str | None) -> Array:
    if path.suffix == ".npy":
        return _check(path, _load_array(path))
    files = _list_files(path)
    if tensor is None and len(files) != 1:
        raise FileError(
            f"{str(path)!r} holds {len(files)} tensors.",
            cure=f"Name one: --tensor {next(iter(files), 'NAME')}.",
        )
    name = tensor or next(iter(files))
    if name not in files:
        raise FileError(
            f"{str(path)!r} holds no tensor {name!r}.", cure=nearest(name, files, noun="tensors")
        )
    with safe_open(files[name], framework="pt") as opened:
        return _check(path, opened.get_tensor(name).to(torch.float64).numpy())


def _load_array(path: Path) -> Any:
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise FileError(f"{str(path)!r} cannot be read as an array: {error}.") from None


def _list_files(path: Path) -> Mapping[str, Path]:
    """Return the file that each tensor is in."""
    if path.is_dir():
        index = path / _INDEX
        if index.is_file():
            return _read_index(index)
        found = next((path / name for name in _SINGLE if (path / name).is_file()), None)
        if found is None:
            raise FileError(
                f"{str(path)!r} holds no weights: {_SINGLE[0]} is missing.",
                cause="Only safetensors files are read: a pickled file can run any code.",
            )
        path = found
    try:
        with safe_open(path, framework="pt") as opened:
            return dict.fromkeys(opened.keys(), path)
    except (OSError, SafetensorError) as error:
        raise FileError(
            f"{str(path)!r} cannot be read as a safetensors file: {error}.",
            cure="Give a .npy or .safetensors file, or a folder of the latter.",
        ) from None


def _read_index(index: Path) -> Mapping[str, Path]:
    try:
        places = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        return {name: index.parent / Path(file).name for name, file in places.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FileError(f"{str(index)!r} is cut off or no index of weights: {error}.") from None


def _check(path: Path, matrix: Any) -> Array:
    if matrix.ndim != 2 or matrix.dtype.kind not in "fiu":
        raise FileError(
            f"{str(path)!r} holds an array of shape {matrix.shape} and type {matrix.dtype}, not a "
            "matrix of real numbers."
        )
    return matrix.astype(np.float64)  # type: ignore[no-any-return]
