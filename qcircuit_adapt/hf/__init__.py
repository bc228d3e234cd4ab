"""Circuits as a PEFT method: `CircuitConfig` for `peft.get_peft_model`, `load` for saved adapters.

Importing this package tells PEFT of the method; `peft.PeftModel.from_pretrained` needs that.
"""

from __future__ import annotations

from typing import Any

import peft.mapping
from peft.tuners.tuners_utils import BaseTuner
from peft.utils import PeftType

from qcircuit_adapt.hf.config import CircuitConfig, CircuitPeftType
from qcircuit_adapt.hf.folder import load
from qcircuit_adapt.hf.layer import CircuitLayer, CircuitLinear
from qcircuit_adapt.hf.model import CircuitModel

__all__ = ["CircuitConfig", "CircuitLayer", "CircuitLinear", "CircuitModel", "load", "register"]


def register() -> None:
    """Tell PEFT of the method; doing it again changes nothing."""
    kind: Any = CircuitPeftType.QCIRCUIT
    peft.mapping.PEFT_TYPE_TO_CONFIG_MAPPING[kind] = CircuitConfig
    peft.mapping.PEFT_TYPE_TO_TUNER_MAPPING[kind] = CircuitModel
    peft.mapping.PEFT_TYPE_TO_PREFIX_MAPPING[kind] = CircuitModel.prefix
    # Before 0.21, PEFT looks a method up in its enum when it saves.
    if not hasattr(BaseTuner, "_get_adapter_state_dict") and kind.name not in PeftType._member_map_:
        PeftType._member_names_.append(kind.name)
        PeftType._member_map_[kind.name] = kind
        PeftType._value2member_map_[kind.value] = kind


register()
