"""CircuitConfig: which layers of a model get which circuit, and in which form."""

from __future__ import annotations

import enum
import json
import math
import re
from collections.abc import Collection
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from peft import PeftConfig
from peft.utils import CONFIG_NAME

from qcircuit_adapt.adapter import FORMS, Adapter, Form
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.circuit_file import write_whole
from qcircuit_adapt.compiler.strategy import STRATEGIES
from qcircuit_adapt.errors import AdaptError, CircuitError, FileError, OptionError, nearest
from qcircuit_adapt.library import resolve_adapter, split_terms
from qcircuit_adapt.nn.rotation import check_rotations

FORMAT_VERSION = 1
"""The format that `CircuitConfig` writes, and the newest it reads."""

_BIASES = ("none", "all", "qcircuit_only")
_parse = lru_cache(maxsize=256)(Circuit.parse)
_read = lru_cache(maxsize=256)(resolve_adapter)

_HOW_TO_LOAD = """
## How to load this adapter

It needs the package `qcircuit_adapt`:

```python
import qcircuit_adapt as qa

model = qa.load(base_model, "path/to/this/folder")
```
"""


class CircuitPeftType(enum.StrEnum):
    """The name of the method; equals and hashes like its text, as the members of `PeftType` do."""

    QCIRCUIT = "QCIRCUIT"


@dataclass
class CircuitConfig(PeftConfig):
    """Which linear layers of a model are adapted, each by which circuit.

    A circuit's declaration is kept as text. When a model is adapted, the circuit of each layer
    shape is written into ``resolved``, so that a saved adapter never depends on how a later version
    would factor a size.

    Attributes:
        circuit: A family call such as ``"quanta(axes=4)"``, a shipped name, a circuit's text, a
            `Circuit`, or a sum of these, each with a scale and a form of its own if it names them:
            ``"quanta(axes=4) + 0.5 zero lora(rank=8)"``; or an `Adapter`, which names its forms.
        circuits: Other circuits for some modules, by pattern: a regular expression that matches a
            module's whole name or its end after a dot. The first that matches counts.
        form: How the circuits that name no form enter the weights, see `adapter.Form`.
        scale: The number the updates are multiplied by, beside what their terms name.
        use_dora: Whether to train the magnitude of every output as well, as PEFT's LoRA can.
        orthogonal: Whether to hold every gate orthogonal, as OFT does; in forms ``residual``,
            ``input`` and ``output``, of circuits whose gates are square. See `nn.rotation`.
        strategy: How circuits are applied in training, see `compile`: by default the way that is
            predicted to be the fastest for as many tokens as come. Forms that start from the
            identity take ``"einsum"`` in 16 bits, where nothing else would be exact.
        max_saved_rows: With strategy ``"auto"``, how many inputs each layer may keep for backward
            for each token, beyond its own; None for any number. Keeping some takes less time.
        save_reference: Whether what is not trained, such as the circuit that form ``difference``
            subtracts, is in the saved file. If not it is drawn from ``seed`` by `nn.stream`, and
            checked against a digest when it is drawn again.
        seed: Which values the reference has if it is not saved; they differ from layer to layer.
        target_modules: The modules to adapt: ends of their names, a regular expression, or
            ``"all-linear"``; by default what PEFT adapts with LoRA in this architecture.
        exclude_modules: The modules not to adapt, in the same way.
        dropout: The probability to drop an entry of the update's input in training.
        bias: Which biases to train: ``"none"``, ``"all"`` or ``"qcircuit_only"``.
        modules_to_save: Modules to train and save whole, such as a classifier.
        layers_to_transform: The indices of the layers to adapt; by default all.
        layers_pattern: The name of the list of layers, where it is not a common one.
        init_weights: Whether the updates start at exactly 0; False fills them with random numbers,
            for tests.
        resolved: The text of the circuit, or of the terms with their forms, for each declaration
            and layer shape ``"d_in->d_out"``.
        reference_digests: The digest of the reference of each layer, if it is not saved.
        format_version: The format of the saved configuration.

    Raises:
        OptionError: An option is unknown, or has a value it cannot have.
        FileError: The configuration was saved by a later version.

    Example:
        >>> config = CircuitConfig(circuits={"v_proj": "lora(rank=8)"}, target_modules=["q_proj"])
        >>> config.adapter_for("layers.0.q_proj", 16, 16).terms[0].circuit.text
        'a=2 b=2 c=2 d=2 | c d, b d, a d, b c, a c, a b'
        >>> list(config.resolved["quanta(axes=4)"])
        ['16->16']
    """

    circuit: str | Circuit | Adapter = "quanta(axes=4)"
    circuits: dict[str, str | Circuit | Adapter] = field(default_factory=dict)
    form: Form = "difference"
    scale: float = 1.0
    use_dora: bool = False
    orthogonal: bool = False
    strategy: str = "auto"
    max_saved_rows: float | None = 0
    save_reference: bool = True
    seed: int = 0
    target_modules: list[str] | set[str] | str | None = None
    exclude_modules: list[str] | set[str] | str | None = None
    dropout: float = 0.0
    bias: str = "none"
    modules_to_save: list[str] | None = None
    layers_to_transform: list[int] | int | None = None
    layers_pattern: list[str] | str | None = None
    init_weights: bool = True
    resolved: dict[str, dict[str, str]] = field(default_factory=dict)
    reference_digests: dict[str, str] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION

    def __new__(cls, *positional: Any, **options: Any) -> CircuitConfig:
        """Refuse unknown options by name; PEFT relies on the words of the built-in error."""
        if positional:
            raise OptionError(
                f"{cls.__name__} takes options by name, but {positional[0]!r} has none.",
                cure='Write circuit="quanta(axes=4)".',
            )
        known = [one.name for one in fields(cls)]
        for option in options:
            if option not in known:
                raise OptionError(
                    f"{cls.__name__} got an unexpected keyword argument {option!r}.",
                    cure=nearest(option, known, noun="options"),
                )
        return super().__new__(cls)

    def __post_init__(self) -> None:
        super().__post_init__()  # type: ignore[no-untyped-call]
        self.peft_type = CircuitPeftType.QCIRCUIT
        _check_format(self.format_version)
        self.circuit = _text(self.circuit)
        self.circuits = {pattern: _text(spec) for pattern, spec in (self.circuits or {}).items()}
        # As in PEFT's own methods: matching is by membership.
        if isinstance(self.target_modules, (list, tuple)):
            self.target_modules = set(self.target_modules)
        if isinstance(self.exclude_modules, (list, tuple)):
            self.exclude_modules = set(self.exclude_modules)
        self._check_options()

    def _check_options(self) -> None:
        strategies = ("auto", *STRATEGIES)
        options = (("form", FORMS), ("bias", _BIASES), ("strategy", strategies))
        for option, choices in options:
            value = getattr(self, option)
            if value not in choices:
                raise OptionError(
                    f"{option}={value!r} is not possible.",
                    cure=nearest(str(value), choices, noun=f"choices for {option}"),
                )
        if not 0 <= self.dropout < 1:
            raise OptionError(f"dropout={self.dropout!r} is not at least 0 and less than 1.")
        if self.max_saved_rows is not None and not self.max_saved_rows >= 0:
            raise OptionError(f"max_saved_rows={self.max_saved_rows!r} is not 0 or more, or None.")
        if not math.isfinite(self.scale) or not self.scale:
            raise OptionError(f"scale={self.scale!r} is not a finite number other than 0.")
        if not isinstance(self.seed, int) or self.seed < 0:
            raise OptionError(f"seed={self.seed!r} is not a whole number, 0 or more.")
        for pattern in self.circuits:
            try:
                re.compile(pattern)
            except re.error as error:
                raise OptionError(
                    f"the pattern {pattern!r} in circuits is not a regular expression: {error}."
                ) from error
        if isinstance(self.target_modules, str):
            for option in ("layers_to_transform", "layers_pattern"):
                if getattr(self, option) is not None:
                    raise OptionError(
                        f"{option} cannot go with target_modules={self.target_modules!r}.",
                        cause="A text is a regular expression for the whole name of a module.",
                        cure="Write the layers into it, or give target_modules as a list.",
                    )

    def spec_for(self, module: str) -> str:
        """Return the declaration of the circuit that a module is to have."""
        for pattern, spec in self.circuits.items():
            if matches(pattern, module):
                return _text(spec)
        return _text(self.circuit)

    def adapter_for(self, module: str, d_in: int, d_out: int) -> Adapter:
        """Return the adapter of a layer, and note its circuit in ``resolved``.

        Args:
            module: The layer's name in the model.
            d_in: Its input dimension.
            d_out: Its output dimension.

        Raises:
            AdaptError: The layer cannot have the circuit that is declared for it.
        """
        spec, shape = self.spec_for(module), f"{d_in}->{d_out}"
        try:
            text = self.resolved.get(spec, {}).get(shape)
            if text is None:
                text = self._write(resolve_adapter(spec, d_in, d_out, form=self.form))
            for term in split_terms(text):
                # A file says each circuit out, and names none that is elsewhere.
                _parse(term.circuit)
            adapter = _read(text, d_in, d_out, form=self.form, scale=self.scale)
            if self.orthogonal:
                check_rotations(adapter)
        except CircuitError as error:
            raise AdaptError(
                f"layer {module!r} ({d_in} -> {d_out}) cannot have circuit {spec!r}.",
                place=error.place,
                cause=error.problem,
                cure=f"{error.cure} Or leave the layer out: exclude_modules.".strip(),
            ) from error
        self.resolved.setdefault(spec, {})[shape] = text
        return adapter

    def _write(self, adapter: Adapter) -> str:
        """Write an adapter out; the form and scale that this configuration has need no words."""
        (first, *more) = adapter.terms
        plain = not more and first.form == self.form and first.scale == 1
        return first.circuit.text if plain else adapter.text

    def check_reference(self, module: str, digest: str) -> None:
        """Compare the digest of a layer's reference with the one noted, or note it.

        Args:
            module: The layer's name in the model, with its shape.
            digest: The digest, see `nn.update.Update.digest`.

        Raises:
            FileError: They differ.
        """
        noted = self.reference_digests.setdefault(module, digest)
        if noted != digest:
            raise FileError(
                f"the reference of layer {module!r}, drawn from seed {self.seed}, is not the one "
                "that the adapter was trained with.",
                cause=f"Its digest is {digest[:16]}..., but reference_digests says "
                f"{str(noted)[:16]}...",
                cure="Restore adapter_config.json as it was saved. In a configuration used before, "
                "empty reference_digests.",
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the options as plain data; names are sorted, so that equal files are equal."""
        plain: dict[str, Any] = super().to_dict()
        return {key: sorted(v) if isinstance(v, set) else v for key, v in plain.items()}

    def save_pretrained(self, save_directory: str, **kwargs: Any) -> None:
        """Write ``adapter_config.json``, and into a model card that is there how to load it.

        Each file is written whole, so that a full disk leaves what was there.

        Args:
            save_directory: The folder.
            **kwargs: ``auto_mapping_dict``, the class that a model of others is of.

        Raises:
            FileError: The folder cannot be written.
        """
        folder = Path(save_directory)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError(f"cannot write {save_directory}: {error.strerror}.") from None
        options = self.to_dict()
        if kwargs.get("auto_mapping_dict") is not None:
            options["auto_mapping"] = kwargs["auto_mapping_dict"]
        write_whole(folder / CONFIG_NAME, json.dumps(options, indent=2, sort_keys=True))
        card = folder / "README.md"
        # PEFT strips the card's last line break when it saves again.
        if card.exists() and _HOW_TO_LOAD.strip() not in (text := card.read_text("utf-8")):
            write_whole(card, text + _HOW_TO_LOAD)

    @classmethod
    def check_kwargs(cls, **kwargs: Any) -> dict[str, Any]:
        """Check what a file says before a configuration is made of it.

        As in PEFT, a file of another method makes that method's configuration.

        Raises:
            OptionError: It does not say of which method it is.
            FileError: It does not say which circuits the adapter has, or is of a later version.
        """
        if "peft_type" not in kwargs:
            raise OptionError(
                f"The {cls.__name__} config that is trying to be loaded is missing required keys: "
                "{'peft_type'}.",
                cure="Give the folder that save_pretrained wrote.",
            )
        if kwargs["peft_type"] != CircuitPeftType.QCIRCUIT:
            return kwargs
        missing = [key for key in ("circuit", "resolved", "format_version") if key not in kwargs]
        if missing:
            raise FileError(
                f"adapter_config.json lacks {' and '.join(map(repr, missing))}.",
                cure="Save the adapter again with save_pretrained.",
            )
        _check_format(kwargs["format_version"])
        return kwargs

    @classmethod
    def from_json_file(cls, path_json_file: str, **kwargs: Any) -> dict[str, Any]:
        """Read a file's options.

        Raises:
            FileError: The file is not JSON, or is cut off.
        """
        try:
            options = super().from_json_file(path_json_file, **kwargs)
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise FileError(
                f"{path_json_file} is cut off or not JSON: {error}.",
                cure="Copy it again from where it was saved.",
            ) from error
        if not isinstance(options, dict):
            raise FileError(f"{path_json_file} holds no options, but {type(options).__name__}.")
        return options


def write_pattern(chosen: Collection[str], others: Collection[str]) -> str:
    """Write a pattern for modules that `matches` finds in their names, and in none of the others.

    Args:
        chosen: The modules' names, with ``*`` for numbers of layers.
        others: The names of modules that are not to match.

    Example:
        >>> write_pattern(["model.layers.*.q_proj"], ["model.layers.*.v_proj"])
        'q_proj'
    """
    ends = {name.rpartition(".")[2] for name in chosen}
    if ends & {name.rpartition(".")[2] for name in others}:
        ends = {*chosen}
    return "|".join(re.escape(name).replace(r"\*", r"\d+") for name in sorted(ends))


def matches(pattern: str, module: str) -> bool:
    """Say whether a pattern matches a module's name, whole or from after a dot to its end."""
    return re.match(rf"(.*\.)?({pattern})$", module) is not None


def _check_format(version: object) -> None:
    if version != FORMAT_VERSION:
        raise FileError(
            f"the adapter has format {version!r}, but this version of qcircuit_adapt reads format "
            f"{FORMAT_VERSION}.",
            cure="Upgrade it: pip install -U qcircuit_adapt.",
        )


def _text(spec: str | Circuit | Adapter) -> str:
    return spec if isinstance(spec, str) else spec.text
