"""ModelBudget: which circuit on which module of a model, within a total of parameters."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from transformers import PretrainedConfig

from qcircuit_adapt.design.suggest import Suggestion, suggest
from qcircuit_adapt.errors import DesignError
from qcircuit_adapt.hf.config import CircuitConfig, write_pattern
from qcircuit_adapt.hf.model_table import ModelTable, tabulate_model


@dataclass(frozen=True)
class ModuleChoice:
    """The circuit for modules of one name and shape.

    Attributes:
        modules: Their names, with ``*`` for the numbers of layers.
        count: How many there are.
        suggestion: The circuit for each, with the reason.
    """

    modules: str
    count: int
    suggestion: Suggestion

    @property
    def parameters(self) -> int:
        """How many numbers all of them train."""
        return self.count * self.suggestion.row.parameters

    @property
    def spec(self) -> str:
        """The circuit with its form, as a configuration declares it."""
        return f"{self.suggestion.row.form} {self.suggestion.row.spec}"


@dataclass(frozen=True)
class ModelBudget:
    """Which circuit on which module.

    Attributes:
        model: The architecture.
        targets: The modules that were asked for, or are by default.
        model_parameters: How many numbers the model has.
        max_parameters: The budget, for all modules together.
        choices: The circuits.
    """

    model: str
    targets: tuple[str, ...]
    model_parameters: int
    max_parameters: int
    choices: tuple[ModuleChoice, ...]

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum(choice.parameters for choice in self.choices)

    @property
    def config(self) -> CircuitConfig:
        """The configuration that adapts the model so, its circuits written out."""
        first, *others = dict.fromkeys(choice.spec for choice in self.choices)
        config = CircuitConfig(
            circuit=first,
            circuits={self._match(spec): spec for spec in others},
            target_modules=self.targets[0] if self.targets == ("all-linear",) else {*self.targets},
        )
        for choice in self.choices:
            shape = choice.suggestion.d_in, choice.suggestion.d_out
            config.adapter_for(choice.modules.replace("*", "0"), *shape)
        return config

    def _match(self, spec: str) -> str:
        """Return a pattern for the modules with a circuit, and for none of the others."""
        chosen = {choice.modules for choice in self.choices if choice.spec == spec}
        return write_pattern(
            chosen, {choice.modules for choice in self.choices if choice.spec != spec}
        )

    def __str__(self) -> str:
        parts = [
            f"{choice.modules} ({choice.count} of {choice.suggestion.d_in} -> "
            f"{choice.suggestion.d_out})\n" + "\n".join(choice.suggestion.reasons)
            for choice in self.choices
        ]
        return "\n\n".join([*parts, self.total])

    @property
    def total(self) -> str:
        """What all choices have together, in a sentence."""
        share = self.parameters / self.model_parameters
        return (
            f"{self.model}: {self.parameters:,} of the {self.max_parameters:,} parameters allowed, "
            f"{share:.4%} of the model's {self.model_parameters:,}."
        )

    @property
    def code(self) -> str:
        """The line of Python that adapts the model so."""
        config = self.config
        others = f", circuits={config.circuits}" if config.circuits else ""
        named = sorted(config.target_modules or ())
        targets = "all-linear" if self.targets == ("all-linear",) else named
        return f"qa.CircuitConfig(circuit={config.circuit!r}{others}, target_modules={targets!r})"

    def to_dict(self) -> dict[str, Any]:
        """Return it as data that JSON can hold."""
        return {
            "model": self.model,
            "model_parameters": self.model_parameters,
            "max_parameters": self.max_parameters,
            "parameters": self.parameters,
            "choices": [
                {"modules": one.modules, "count": one.count, **asdict(one.suggestion)}
                for one in self.choices
            ],
        }

    def to_csv(self) -> str:
        """Return a line for each kind of module."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for choice in self.choices:
            row = choice.suggestion.row
            shape = (choice.suggestion.d_in, choice.suggestion.d_out)
            bounds = (*row.freedom, *row.update_rank)
            numbers = (row.parameters, choice.parameters, *bounds, row.macs, row.saved)
            writer.writerow([choice.modules, choice.count, *shape, row.spec, row.form, *numbers])
        return text.getvalue()

    def to_json(self) -> str:
        """Return `to_dict` as text."""
        return json.dumps(self.to_dict(), indent=2) + "\n"


_COLUMNS = (
    *("modules", "count", "d_in", "d_out", "spec", "form", "parameters", "parameters_of_all"),
    *("freedom_lower", "freedom_upper", "update_rank_lower", "update_rank_upper"),
    *("macs", "saved"),
)


def find_model_budget(
    model_config: PretrainedConfig,
    *,
    read_budget: Callable[[int], int],
    targets: Sequence[str] | None = None,
    families: Sequence[str] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> ModelBudget:
    """Choose a circuit for every adapted module of a model, within a total of parameters.

    Each module's part of the budget is proportional to the sum of its dimensions, as if all had a
    LoRA of one rank; what the choices leave over is then offered to one kind of module after the
    other, those with the most numbers first.

    Args:
        model_config: The model's configuration; see `meta.read_model_config`.
        read_budget: Returns the budget, given how many parameters the model has.
        targets: The modules to adapt, or ``["all-linear"]``; by default those of PEFT's LoRA.
        families: The families to choose from; see `suggest`.
        on_progress: Told how many choices of how many are made.

    Raises:
        DesignError: Nothing fits a module's part of the budget.
        ModelError: transformers cannot build the model.
    """
    chosen = "all-linear" if targets is not None and [*targets] == ["all-linear"] else targets
    plain = CircuitConfig(
        circuit="lora(rank=1)",
        form="zero",
        target_modules=chosen if chosen is None or isinstance(chosen, str) else [*chosen],
    )
    table = tabulate_model(model_config, plain)
    budget = read_budget(table.model_parameters)
    choices = tuple(_choose(table, budget, families, on_progress))
    return ModelBudget(table.model, table.targets, table.model_parameters, budget, choices)


def _choose(
    table: ModelTable,
    budget: int,
    families: Sequence[str] | None,
    on_progress: Callable[[int, int], None] | None,
) -> Iterator[ModuleChoice]:
    # Modules of one shape share a circuit.
    shapes: dict[tuple[int, int], int] = {}
    for row in table.rows:
        shapes[row.d_in, row.d_out] = shapes.get((row.d_in, row.d_out), 0) + row.count
    whole = sum(count * sum(shape) for shape, count in shapes.items())
    done = 0

    def take(shape: tuple[int, int], allowed: int) -> Suggestion:
        nonlocal done
        try:
            found = suggest(*shape, max_parameters=allowed, families=families)
        except DesignError as error:
            raise DesignError(
                f"nothing fits a layer from {shape[0]} to {shape[1]}, whose part of the "
                f"{budget:,} parameters is {allowed:,}.",
                cause=error.problem,
                cure="Raise the budget, or adapt fewer modules.",
            ) from error
        done += 1
        if on_progress:
            on_progress(done, 2 * len(shapes))
        return found

    parts = {shape: int(Fraction(budget * sum(shape), whole)) for shape in shapes}
    found = {shape: take(shape, max(part, 1)) for shape, part in parts.items()}
    left = budget - sum(count * found[shape].row.parameters for shape, count in shapes.items())
    for shape, count in sorted(shapes.items(), key=lambda one: -one[1] * sum(one[0])):
        before = found[shape].row.parameters
        found[shape] = take(shape, before + left // count)
        left -= count * (found[shape].row.parameters - before)
    for row in table.rows:
        yield ModuleChoice(row.modules, row.count, found[row.d_in, row.d_out])
