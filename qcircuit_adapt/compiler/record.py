"""Record: a plan as plain data, and back.

Read are the circuit, what was asked for, and the order of the steps. All else follows from these,
and must stand there as it follows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.compiler.device import find_device, find_dtype
from qcircuit_adapt.compiler.lower import MAX_LETTERS, Program, find_path, lower
from qcircuit_adapt.compiler.path import Network, apply_network, build_network, fits
from qcircuit_adapt.compiler.plan import Plan, check_request
from qcircuit_adapt.errors import FileError

FORMAT = "qcircuit plan"
VERSION = 1

_CURE = "Compile the circuit again."


def to_record(plan: Plan) -> dict[str, Any]:
    """Return a plan as plain data: what was asked for, totals, candidates, and all steps."""
    circuit, chosen = plan.circuit, plan.candidates[0]
    return {
        "format": FORMAT,
        "version": VERSION,
        "circuit": {"text": circuit.text} | circuit.to_dict(),
        "tokens": plan.tokens,
        "macs_per_token": plan.macs_per_token,
        "dense_macs_per_token": circuit.d_in * circuit.d_out,
        "share_of_dense": plan.share_of_dense,
        "saved_per_token": plan.saved_per_token,
        "dtype": plan.dtype,
        "device": plan.device,
        "asked": plan.asked,
        "max_saved_rows": plan.max_saved_rows,
        "strategy": plan.strategy,
        "build_macs": plan.build.macs,
        "saved_rows": chosen.saved_rows,
        "peak_rows": chosen.peak_rows,
        "rows_moved": chosen.rows_moved,
        "calls": chosen.calls,
        "candidates": [asdict(one) for one in plan.candidates],
        "apply": _write_program(plan.apply),
        "build": _write_program(plan.build),
    }


def _write_program(program: Program) -> dict[str, Any]:
    return {
        "macs": program.macs,
        "elements": program.elements,
        "steps": [
            {
                "operands": list(step.operands),
                "equation": step.equation,
                "result": step.result,
                "shape": list(step.shape),
                "macs": step.macs,
                "elements": step.elements,
                "saved": list(step.saved),
            }
            for step in program.steps
        ],
    }


def from_record(data: Any) -> Plan:
    """Return the plan that plain data was written from.

    Raises:
        FileError: Something is missing, unknown, or not what follows from circuit and steps.
        CircuitError: The circuit is wrong, or what was asked for, as in `compile`.
    """
    if (_get(data, "format", str), _get(data, "version", int)) != (FORMAT, VERSION):
        raise FileError(
            f"the plan is of format {data['format']!r}, version {data['version']}; "
            f"read is {FORMAT!r}, version {VERSION}.",
            cure=_CURE,
        )
    text, name = (_get(data, "circuit", key, str) for key in ("text", "name"))
    circuit = Circuit.parse(text, name=name)
    tokens, asked = _get(data, "tokens", int), _get(data, "asked", str)
    limit = data.get("max_saved_rows")
    check_request(tokens, asked, limit)
    plan = Plan(
        circuit,
        tokens,
        apply=_read_program(data, "apply", circuit, apply_network(circuit, tokens=tokens)),
        build=_read_program(data, "build", circuit, build_network(circuit)),
        dtype=find_dtype(_get(data, "dtype", str)),
        device=find_device(_get(data, "device", str)).name,
        asked=asked,
        max_saved_rows=limit,
    )
    _compare(data, to_record(plan))
    return plan


def _read_program(data: Any, name: str, circuit: Circuit, network: Network) -> Program:
    """Lower the path that steps tell by the names of their operands."""
    operands = []
    for step in range(len(_get(data, name, "steps", list))):
        keys = (name, "steps", step, "operands")
        count = len(_get(data, *keys, list))
        operands.append(tuple(_get(data, *keys, number, str) for number in range(count)))
    path = find_path(network, operands)
    if path is None or not fits(network, path, max_letters=MAX_LETTERS):
        raise FileError(
            f"the plan's steps to {name} {circuit.label} do not.",
            cause="Each has to take two tensors that are there, until one is left.",
            cure=_CURE,
        )
    return lower(network, path, circuit=circuit)


def _get(data: Any, *keys_and_kind: Any) -> Any:
    """Follow keys to an entry, which must be there and of the kind given last."""
    *keys, kind = keys_and_kind
    place = ""
    for key in keys:
        place += f"[{key}]" if isinstance(key, int) else f".{key}"
        there = isinstance(data, list) if isinstance(key, int) else isinstance(data, Mapping)
        if not there or (isinstance(data, Mapping) and key not in data):
            raise FileError(f"the plan has no {place.lstrip('.')}.", cure=_CURE)
        data = data[key]
    if type(data) is not kind:
        raise FileError(f"the plan's {place.lstrip('.')} is of another type.", cure=_CURE)
    return data


def _compare(data: Any, expected: dict[str, Any]) -> None:
    """Refuse data that is not as expected, and name the first place that is not."""
    found, right = dict(_flatten(data)), dict(_flatten(expected))
    for place in right | found:
        if place not in found:
            raise FileError(f"the plan has no {place}.", cure=_CURE)
        if place not in right:
            raise FileError(f"the plan has an unknown {place}.", cure=_CURE)
        if not _equal(found[place], right[place]):
            raise FileError(
                f"the plan's {place} is {found[place]!r}; it follows to be {right[place]!r}.",
                cure=_CURE,
            )


def _flatten(data: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """List every value in nested data with its place, and what kind each container is."""
    if isinstance(data, Mapping):
        yield place, "a mapping"
        for key, value in data.items():
            yield from _flatten(value, f"{place}.{key}".lstrip("."))
    elif isinstance(data, list):
        yield place, "a list"
        for number, value in enumerate(data):
            yield from _flatten(value, f"{place}[{number}]")
    else:
        yield place, data


def _equal(found: Any, right: Any) -> bool:
    """Say whether two values are equal; sums may be rounded otherwise elsewhere."""
    if isinstance(right, float) and type(found) in (int, float):
        return math.isclose(found, right, rel_tol=1e-9)
    return type(found) is type(right) and bool(found == right)
