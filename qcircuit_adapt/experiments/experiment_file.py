"""Experiments in files: one TOML file each. Reading executes nothing."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from qcircuit_adapt.errors import ExperimentError, nearest
from qcircuit_adapt.experiments.experiment import Data, Experiment, Teacher, Training
from qcircuit_adapt.experiments.method import KINDS, Method

T = TypeVar("T")
_KEYS = ("title", "model", "seeds", "data", "training", "teacher", "methods")
_AT_LEAST_ONE = ("batch", "micro_batch", "max_length", "tokens", "size", "rank")


def read_experiment(path: Path) -> Experiment:
    """Read an experiment.

    Raises:
        ExperimentError: The file is not there, is not TOML, or says what there cannot be.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ExperimentError(f"cannot read the experiment {str(path)!r}: {error}.") from None
    return parse_experiment(text, name=path.stem)


def parse_experiment(text: str, *, name: str) -> Experiment:
    """Read an experiment from its text.

    Raises:
        ExperimentError: It is not TOML, or says what there cannot be.

    Example:
        >>> lines = ['model = "small"', "seeds = [0]", 'data.train = ["language"]']
        >>> lines += ["training.rates = [1e-3]", 'methods.lora-r8 = {kind = "lora", rank = 8}']
        >>> parse_experiment(chr(10).join(lines), name="mine").method("lora-r8").kind.rank
        8
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ExperimentError(f"experiment {name!r} is not TOML: {error}.") from None
    _check_keys(table, _KEYS, required=("model", "seeds", "data", "training", "methods"), at=name)
    methods = _expect_table(table["methods"], at=f"{name}, [methods]")
    if not methods:
        raise ExperimentError(f"experiment {name!r} has no methods.")
    experiment = Experiment(
        name=name,
        title=_convert(table.get("title", name), str, at=f"{name}, title"),
        model=_convert(table["model"], str, at=f"{name}, model"),
        seeds=_convert(table["seeds"], tuple[int, ...], at=f"{name}, seeds"),
        data=_read(Data, table["data"], at=f"{name}, [data]"),
        training=_read(Training, table["training"], at=f"{name}, [training]"),
        methods=tuple(_read_method(one, methods[one], at=name) for one in methods),
        teacher=_read(Teacher, table["teacher"], at=f"{name}, [teacher]")
        if "teacher" in table
        else None,
    )
    _check(experiment)
    return experiment


def _read_method(method: str, value: Any, *, at: str) -> Method:
    at = f"{at}, [methods.{method}]"
    table = dict(_expect_table(value, at=at))
    kind = table.pop("kind", None)
    if kind not in KINDS:
        raise ExperimentError(
            f"unknown kind {kind!r}.",
            cause=f"in {at}",
            cure=nearest(str(kind), KINDS, noun="kinds"),
        )
    training = _expect_table(table.pop("training", {}), at=f"{at}, training")
    types = get_type_hints(Training)
    _check_keys(training, types, required=(), at=f"{at}, training")
    return Method(
        method,
        _read(KINDS[kind], {k: v for k, v in table.items() if k != "label"}, at=at),
        tuple((k, _convert(v, types[k], at=f"{at}, training.{k}")) for k, v in training.items()),
        _convert(table.get("label", ""), str, at=f"{at}, label"),
    )


def _read(kind: type[T], value: Any, *, at: str) -> T:
    """Make a dataclass of a table, each value of the type that the field has."""
    table = _expect_table(value, at=at)
    known: Any = fields(kind)  # type: ignore[arg-type]
    required = [one.name for one in known if one.default is MISSING]
    _check_keys(table, [one.name for one in known], required=required, at=at)
    types = get_type_hints(kind)
    return kind(**{key: _convert(one, types[key], at=f"{at}, {key}") for key, one in table.items()})


def _check_keys(table: Mapping[str, Any], known: Any, *, required: Any, at: str) -> None:
    for key in table:
        if key not in known:
            raise ExperimentError(
                f"unknown key {key!r}.", cause=f"in {at}", cure=nearest(key, known, noun="keys")
            )
    for key in required:
        if key not in table:
            raise ExperimentError(f"the key {key!r} is missing.", cause=f"in {at}")


def _expect_table(value: Any, *, at: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ExperimentError(f"{value!r} is not a table.", cause=f"in {at}")
    return value


def _convert(value: Any, kind: Any, *, at: str) -> Any:
    """Return a value as a field of a type has it."""
    if get_origin(kind) is tuple and isinstance(value, list) and value:
        return tuple(_convert(one, get_args(kind)[0], at=at) for one in value)
    if get_origin(kind) is Literal and value in get_args(kind):
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    # bool is a kind of int.
    if isinstance(kind, type) and get_origin(kind) is None and type(value) is kind:
        return value
    raise ExperimentError(f"{value!r} is not {_describe(kind)}.", cause=f"in {at}")


def _describe(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return f"one of {', '.join(map(repr, get_args(kind)))}"
    if get_origin(kind) is tuple:
        return f"a list, not empty, in which each is {_describe(get_args(kind)[0])}"
    assert not isinstance(kind, UnionType)
    return {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}[kind]


def _check(experiment: Experiment) -> None:
    """Refuse numbers that no training can have."""
    tables: list[tuple[str, Any]] = [("[data]", experiment.data)]
    for method in experiment.methods:
        at = f"[methods.{method.name}]"
        tables += [(at, method.kind), (f"{at} and [training]", experiment.training_of(method))]
    for at, table in tables:
        for field in fields(table):
            value = getattr(table, field.name)
            for one in value if isinstance(value, tuple) else (value,):
                if isinstance(one, (int, float)) and not isinstance(one, bool):
                    least = 1 if field.name in _AT_LEAST_ONE else 0
                    if not math.isfinite(one) or one < least or (field.name == "rates" and not one):
                        raise ExperimentError(
                            f"{field.name} = {one} cannot be.", cause=f"in {experiment.name}, {at}"
                        )
    if ("imitate" in experiment.data.train) != (experiment.teacher is not None):
        raise ExperimentError(
            "the task 'imitate' and a table [teacher] go together.", cause=f"in {experiment.name}"
        )
