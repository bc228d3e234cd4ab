"""The rows that take the place of PEFT's own in the tables of its suites."""

from __future__ import annotations

from typing import Any

import pytest

from qcircuit_adapt.hf import CircuitConfig

Row = tuple[Any, ...]
Options = dict[str, Any]

CIRCUITS: dict[str, Options] = {
    "default": {},
    "quanta, residual": {"circuit": "quanta(axes=3)", "form": "residual"},
    "monarch, difference": {"circuit": "monarch(axes=2)", "form": "difference"},
    "butterfly, residual": {"circuit": "butterfly(axes=3)", "form": "residual"},
    "tensor train, zero": {"circuit": "tensor_train(axes=3, rank=2)", "form": "zero"},
    "lora, zero": {"circuit": "lora(rank=4)", "form": "zero"},
}
"""Circuits and forms for the models of transformers."""

# PEFT's own small models have layers 10 -> 20 -> 2, which few circuits fit.
SMALL_CIRCUITS: dict[str, Options] = {
    "quanta, difference": {"circuit": "quanta(axes=2)", "form": "difference"},
    "monarch, residual": {"circuit": "monarch(axes=2)", "form": "residual"},
    "kronecker, zero": {"circuit": "kronecker(axes=2)", "form": "zero"},
    "lora, zero": {"circuit": "lora(rank=4)", "form": "zero"},
}

_TARGETS: dict[str, Options] = {
    "one": {"target_modules": ["lin0"]},
    "pattern": {"target_modules": ".*lin1"},
    "two": {"target_modules": ["lin0", "lin1"]},
    "saved": {"target_modules": ["lin0"], "modules_to_save": ["lin1"]},
    "both": {"target_modules": ["lin0", "lin1"], "modules_to_save": ["lin1"]},
    "dropout": {"target_modules": ["lin0"], "dropout": 0.1},
}


def _transformers_rows(task: str) -> list[Any]:
    return [
        pytest.param(CircuitConfig, {"task_type": task, "target_modules": None, **options}, id=name)
        for name, options in CIRCUITS.items()
    ]


def _custom_rows() -> list[Row]:
    rows: list[Row] = [
        (f"MLP {targets}, {name}", "MLP", CircuitConfig, {**_TARGETS[targets], **options})
        for name, options in SMALL_CIRCUITS.items()
        for targets in _TARGETS
    ]
    lora = SMALL_CIRCUITS["lora, zero"]
    conv1d: Options = {"target_modules": ["conv1d"], **lora}
    rows.append(("transformers Conv1D", "EmbConv1D", CircuitConfig, conv1d))
    # A convolution beside the adapted layer, trained whole.
    saved: Options = {"target_modules": ["lin0"], "modules_to_save": ["conv2d"], **lora}
    rows.append(("Conv2d saved", "Conv2d", CircuitConfig, saved))
    mixed: Options = {"target_modules": ["lin0", "lin1"], "circuits": {"lin1": "lora(rank=2)"}}
    mixed["circuit"] = "quanta(axes=2)"
    rows.append(("MLP, a circuit for each layer", "MLP", CircuitConfig, mixed))
    return rows


def _pairs() -> list[Row]:
    rows = []
    for name, options in SMALL_CIRCUITS.items():
        first: Options = {"target_modules": ["lin0"], "init_weights": False, **options}
        other: Options = {**first, "target_modules": ["lin1"]}
        rows.append((f"same layer, {name}", "qcircuit", CircuitConfig, first, first))
        rows.append((f"other layer, {name}", "qcircuit", CircuitConfig, first, other))
    return rows


def _batch(first: Options, second: Options) -> list[Row]:
    configs = [CircuitConfig(init_weights=False, **options) for options in (first, second)]
    return [("two adapters", *configs)]


_CIRCUIT: Options = {"circuit": "quanta(axes=2)"}
_LORA: Options = SMALL_CIRCUITS["lora, zero"]

TABLES: dict[str, dict[str, list[Row]]] = {
    "test_custom_models": {
        "TEST_CASES": _custom_rows(),
        "ALL_PEFT_CONFIG_CLASSES": [CircuitConfig],  # type: ignore[list-item]
        "MULTIPLE_ACTIVE_ADAPTERS_TEST_CASES": _pairs(),
        "MIXED_ADAPTER_TEST_CASES": _batch(
            {"target_modules": ["lin0"], **_CIRCUIT}, {"target_modules": ["lin0"], **_LORA}
        ),
        # Tables that have no name in PEFT are known by the test that they are for.
        "test_mixed_adapter_batches_different_target_layers": _batch(
            {"target_modules": ["lin0"], **_CIRCUIT}, {"target_modules": ["lin1"], **_LORA}
        ),
        "test_mixed_adapter_batches_multiple_modules_to_save": _batch(
            {"target_modules": ["lin0"], "modules_to_save": ["lin1"], **_CIRCUIT},
            {"target_modules": ["lin0"], "modules_to_save": ["lin1"], **_LORA},
        ),
        "test_mixed_adapter_batches_unsupported_layer_raises": _batch(
            {"target_modules": ["lin0"], "modules_to_save": ["gru"], **_CIRCUIT},
            {"target_modules": ["lin0"], "modules_to_save": ["gru"], **_LORA},
        ),
        "test_mixed_adapter_batches_partly_overlapping_target_layers": _batch(
            {"target_modules": ["lin0"], **_CIRCUIT}, {"target_modules": ["lin0", "lin1"], **_LORA}
        ),
    },
    "test_config": {
        "ALL_CONFIG_CLASSES": [(CircuitConfig, {})],
        "LAYER_INDEXING_CONFIG_CLASSES": [(CircuitConfig, {})],
    },
    "test_decoder_models": {"ALL_CONFIGS": _transformers_rows("CAUSAL_LM")},
    "test_encoder_decoder_models": {"ALL_CONFIGS": _transformers_rows("SEQ_2_SEQ_LM")},
    "test_feature_extraction_models": {"ALL_CONFIGS": _transformers_rows("FEATURE_EXTRACTION")},
    "test_seq_classifier": {"ALL_CONFIGS": _transformers_rows("SEQ_CLS")},
    "test_token_classification_qa": {
        "TOKEN_CLS_CONFIGS": _transformers_rows("TOKEN_CLS"),
        "QA_CONFIGS": _transformers_rows("QUESTION_ANS"),
    },
    "test_quantization": {
        "TEST_CASES": [(CircuitConfig, dict(options)) for options in CIRCUITS.values()],
    },
}
"""For each suite its tables, by name, and our rows in place of theirs."""
