"""Adapters of other methods as circuits, and circuits as LoRA or as what they are."""

from qcircuit_adapt.hf.interchange.exporting import LoraExport, LoraLayer, export_lora
from qcircuit_adapt.hf.interchange.importing import (
    METHODS,
    Imported,
    ImportedLayer,
    import_adapter,
)
from qcircuit_adapt.hf.interchange.native import (
    NATIVE_METHODS,
    NativeExport,
    NativeLayer,
    export_native,
)

__all__ = [
    "METHODS",
    "NATIVE_METHODS",
    "Imported",
    "ImportedLayer",
    "LoraExport",
    "LoraLayer",
    "NativeExport",
    "NativeLayer",
    "export_lora",
    "export_native",
    "import_adapter",
]
