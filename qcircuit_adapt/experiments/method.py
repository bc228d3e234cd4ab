"""Methods: how a model is adapted, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from qcircuit_adapt.adapter import Form


@dataclass(frozen=True)
class Full:
    """Training every number of the model."""

    @property
    def curve(self) -> str:
        """What methods that differ in size only have in common."""
        return "full fine-tuning"


@dataclass(frozen=True)
class Lora:
    """LoRA, or DoRA, by PEFT.

    Attributes:
        rank: Its rank.
        alpha: The update is multiplied by ``alpha / rank``; 0 for twice the rank.
        dora: Whether to train the magnitudes of the outputs as well.
        targets: The ends of the names of the layers to adapt.
        dropout: The probability to drop an entry of the update's input.
    """

    rank: int
    alpha: float = 0.0
    dora: bool = False
    targets: tuple[str, ...] = ("q_proj", "v_proj")
    dropout: float = 0.0

    @property
    def curve(self) -> str:
        """What methods that differ in size only have in common."""
        return "DoRA" if self.dora else "LoRA"


@dataclass(frozen=True)
class Prefix:
    """Prefix tuning by PEFT: keys and values before the text, in every layer.

    Attributes:
        tokens: How many.
    """

    tokens: int

    @property
    def curve(self) -> str:
        """What methods that differ in size only have in common."""
        return "prefix tuning"


@dataclass(frozen=True)
class Bottleneck:
    """A small network with a nonlinearity at the layers named; it cannot be merged.

    Attributes:
        place: ``"series"``: on a layer's output; ``"parallel"``: from its input to its output.
        size: The network's inner dimension.
        targets: The ends of the names of the modules it is put at.
        scale: What its output is multiplied by.
    """

    place: Literal["series", "parallel"]
    size: int
    targets: tuple[str, ...]
    scale: float = 1.0

    @property
    def curve(self) -> str:
        """What methods that differ in size only have in common."""
        return f"{self.place} adapter"


@dataclass(frozen=True)
class Circuits:
    """Circuits, by `qcircuit_adapt.CircuitConfig`.

    Attributes:
        circuit: What the configuration takes: a family, a shipped name, a text, or a sum of these.
        form: The form of circuits that name none.
        scale: What the update is multiplied by.
        targets: The ends of the names of the layers to adapt.
        dropout: The probability to drop an entry of the update's input.
    """

    circuit: str
    form: Form = "difference"
    scale: float = 1.0
    targets: tuple[str, ...] = ("q_proj", "v_proj")
    dropout: float = 0.0

    @property
    def curve(self) -> str:
        """What methods that differ in size only have in common."""
        family = self.circuit.split("(")[0].split("-")[0].strip()
        return {"quanta": "QuanTA", "oft": "OFT", "lokr": "LoKr"}.get(
            family, family.replace("_", " ")
        )


Kind = Full | Lora | Prefix | Bottleneck | Circuits
KINDS: dict[str, type[Kind]] = {
    "full": Full,
    "lora": Lora,
    "prefix": Prefix,
    "bottleneck": Bottleneck,
    "circuit": Circuits,
}


@dataclass(frozen=True)
class Method:
    """A method of an experiment.

    Attributes:
        name: Its name in the file.
        kind: How the model is adapted.
        training: What is trained otherwise than the experiment says: fields of `Training`.
        label: The curve of a picture that it belongs to; by default that of its kind.
    """

    name: str
    kind: Kind
    training: tuple[tuple[str, Any], ...] = ()
    label: str = ""

    @property
    def curve(self) -> str:
        """The curve of a picture that it belongs to."""
        return self.label or self.kind.curve
