"""Adapters of other methods as circuits, and circuits as LoRA."""

from qcircuit_adapt.hf.interchange.exporting import LoraExport, LoraLayer, export_lora
from qcircuit_adapt.hf.interchange.importing import (
    METHODS,
    Imported,
    ImportedLayer,
    import_adapter,
)

__all__ = [
    "METHODS",
    "Imported",
    "ImportedLayer",
    "LoraExport",
    "LoraLayer",
    "export_lora",
    "import_adapter",
]
