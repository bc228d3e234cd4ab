"""The families by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.families.blocks import butterfly, gralora, monarch
from qcircuit_adapt.families.decompositions import cp, tucker
from qcircuit_adapt.families.entrywise import khatri_rao, loha
from qcircuit_adapt.families.frozen import randlora, vera
from qcircuit_adapt.families.kron import kronecker, lokr
from qcircuit_adapt.families.low_rank import adalora, lora
from qcircuit_adapt.families.one_side import boft, ia3, oft, road
from qcircuit_adapt.families.pairs import brickwork, quanta
from qcircuit_adapt.families.sums import miss, mora
from qcircuit_adapt.families.trains import tensor_train, tt_lora


@dataclass(frozen=True)
class Family:
    """A family as texts name it.

    Attributes:
        build: The function from sizes to a circuit.
        options: The whole-number options with their defaults, axes aside; None for an option that
            is left to the function unless a text gives it.
        axes: How many axes a layer's dimensions are cut into unless told; 0 for as many as there
            are prime factors, None for a family without axes.
        square: Whether it takes one dimension, and acts on one side of a weight.
    """

    build: Callable[..., Circuit]
    options: Mapping[str, int | None]
    axes: int | None = None
    square: bool = False


FAMILIES: Mapping[str, Family] = {
    "quanta": Family(quanta, {"rounds": 1}, 4),
    "brickwork": Family(brickwork, {"layers": 2}, 4),
    "lora": Family(lora, {"rank": 8}),
    "adalora": Family(adalora, {"rank": 8}),
    "kronecker": Family(kronecker, {}, 2),
    "lokr": Family(lokr, {"rank": 8, "factor": None, "both": None}),
    "tensor_train": Family(tensor_train, {"rank": 4}, 3),
    "tt_lora": Family(tt_lora, {"rank": 4}, 3),
    "tucker": Family(tucker, {"rank": 4}, 3),
    "cp": Family(cp, {"rank": 8}, 2),
    "butterfly": Family(butterfly, {}, 0),
    "monarch": Family(monarch, {}, 2),
    "gralora": Family(gralora, {"rank": 8, "blocks": 2}),
    "loha": Family(loha, {"rank": 8}),
    "khatri_rao": Family(khatri_rao, {}),
    "miss": Family(miss, {"rank": 64}),
    "mora": Family(mora, {"size": 256}),
    "vera": Family(vera, {"rank": 256}),
    "randlora": Family(randlora, {"rank": 32}),
    "ia3": Family(ia3, {}, square=True),
    "oft": Family(oft, {"block": 32}, square=True),
    "boft": Family(boft, {"block": 4, "factors": 2}, square=True),
    "road": Family(road, {"group": 64}, square=True),
}
