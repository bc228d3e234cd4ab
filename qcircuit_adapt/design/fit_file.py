"""Files of fitted gates: safetensors, with the tensors that a trained adapter's layer has."""

from __future__ import annotations

import os

import numpy as np
from safetensors.numpy import save

from qcircuit_adapt.circuit_file import write_whole
from qcircuit_adapt.compiler.storage import stored_gates
from qcircuit_adapt.design.fit import Fit
from qcircuit_adapt.design.state import Array


def to_state(fit: Fit) -> dict[str, Array]:
    """Return the tensors of a layer, by the names that `nn.update.Update` gives them.

    Example:
        >>> from qcircuit_adapt.design.fit import fit_circuit
        >>> from qcircuit_adapt.families import quanta
        >>> [*to_state(fit_circuit(np.eye(4), quanta((2, 2)), form="difference"))]
        ['weight_g1', 'reference_g1']
    """
    state: dict[str, Array] = {}
    for gate in stored_gates(fit.circuit):
        values = fit.tensors[gate.name]
        if gate.frozen or fit.form == "zero":
            state[f"weight_{gate.name}"] = values
            continue
        state[f"weight_{gate.name}"] = values - fit.start[gate.name]
        if fit.form == "difference":
            state[f"reference_{gate.name}"] = fit.start[gate.name]
    return state


def write_fit(fit: Fit, path: str | os.PathLike[str]) -> None:
    """Write the gates in float32, whole or not at all; the circuit and its form are metadata.

    Raises:
        FileError: The file cannot be written.
    """
    tensors = {name: np.ascontiguousarray(t, np.float32) for name, t in to_state(fit).items()}
    told = {"circuit": fit.circuit.text, "form": fit.form, "format": "pt"}
    write_whole(path, save(tensors, metadata=told))
