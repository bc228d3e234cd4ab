import copy
import json
import pickle
import subprocess
import sys

import pytest
from peft import LoraConfig, PeftConfig
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.errors import AdaptError, FileError, OptionError
from qcircuit_adapt.hf import CircuitConfig
from qcircuit_adapt.hf.config import FORMAT_VERSION, matches

SQUARE = Circuit("a=4 b=4", ["a b", "b"], name="square")


def save_and_read(config, folder):
    config.save_pretrained(str(folder))
    return json.loads((folder / "adapter_config.json").read_text())


def test_circuits_are_kept_as_text():
    config = CircuitConfig(circuit=SQUARE, circuits={"v_proj": SQUARE.reverse()})
    assert config.circuit == "a=4 b=4 | a b, b"
    assert config.circuits == {"v_proj": "a=4 b=4 | b {name=g2}, a b {name=g1}"}


@pytest.mark.parametrize("reader", [CircuitConfig, PeftConfig])
def test_json_round_trip(reader, tmp_path):
    config = CircuitConfig(
        circuit=SQUARE,
        circuits={"v_proj": "lora(rank=2)"},
        form="zero",
        scale=0.5,
        target_modules=["v_proj", "q_proj"],
        exclude_modules=["layers.0.q_proj"],
        dropout=0.1,
        modules_to_save=["classifier"],
        task_type="SEQ_CLS",
    )
    config.adapter_for("layers.1.q_proj", 16, 16)
    config.adapter_for("layers.1.v_proj", 16, 4)
    config.save_pretrained(str(tmp_path))
    again = reader.from_pretrained(str(tmp_path))
    assert type(again) is CircuitConfig
    assert again == config
    assert again.to_dict() == config.to_dict()


def test_the_file_holds_every_resolved_circuit_as_text(tmp_path):
    config = CircuitConfig(circuit="quanta(axes=3)", circuits={"v_proj": "lora(rank=2)"})
    config.adapter_for("q_proj", 64, 64)
    config.adapter_for("v_proj", 64, 32)
    config.adapter_for("k_proj", 64, 32)
    file = save_and_read(config, tmp_path)
    assert file["format_version"] == FORMAT_VERSION
    assert file["peft_type"] == "QCIRCUIT"
    assert {spec: sorted(shapes) for spec, shapes in file["resolved"].items()} == {
        "quanta(axes=3)": ["64->32", "64->64"],
        "lora(rank=2)": ["64->32"],
    }
    for shapes in file["resolved"].values():
        for shape, text in shapes.items():
            circuit = Circuit.parse(text)
            assert f"{circuit.d_in}->{circuit.d_out}" == shape


def test_names_are_written_in_order(tmp_path):
    names = [f"layer_{n}" for n in range(50)]
    file = save_and_read(CircuitConfig(target_modules=names, exclude_modules=names), tmp_path)
    assert file["target_modules"] == file["exclude_modules"] == sorted(names)


def test_the_resolved_text_decides_not_todays_families():
    text = "p=2 q=32 | p q"
    config = CircuitConfig(resolved={"quanta(axes=4)": {"64->64": text}})
    assert config.adapter_for("q_proj", 64, 64).terms[0].circuit.text == text
    other = CircuitConfig().adapter_for("q_proj", 64, 64)
    assert other.terms[0].circuit.text != text


def test_the_first_pattern_that_matches_decides():
    config = CircuitConfig(
        circuit="quanta(axes=2)",
        circuits={r"layers\.0\.v_proj": "lora(rank=1)", "[qv]_proj": "lora(rank=2)"},
    )
    assert config.spec_for("model.layers.0.v_proj") == "lora(rank=1)"
    assert config.spec_for("model.layers.1.v_proj") == "lora(rank=2)"
    assert config.spec_for("model.layers.1.k_proj") == "quanta(axes=2)"


@pytest.mark.parametrize(
    ("pattern", "module", "expected"),
    [
        ("v_proj", "v_proj", True),
        ("v_proj", "layers.0.v_proj", True),
        ("v_proj", "layers.0.qv_proj", False),
        ("v_proj", "v_proj.inner", False),
        ("k_proj|v_proj", "layers.0.v_proj", True),
    ],
)
def test_patterns_match_from_a_dot_to_the_end(pattern, module, expected):
    assert matches(pattern, module) is expected


def test_form_and_scale_reach_the_adapter():
    (term,) = CircuitConfig(form="residual", scale=0.25).adapter_for("q_proj", 64, 64).terms
    assert (term.form, term.scale) == ("residual", 0.25)


def test_copies_are_equal_and_independent():
    config = CircuitConfig(circuit=SQUARE, target_modules=["q_proj"])
    for again in (copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        assert again == config
        again.adapter_for("q_proj", 16, 16)
        assert config.resolved == {}


def test_it_is_registered():
    import qcircuit_adapt.hf as hf

    hf.register()
    hf.register()
    assert PEFT_TYPE_TO_CONFIG_MAPPING["QCIRCUIT"] is CircuitConfig
    assert sys.modules["qcircuit_adapt"].CircuitConfig is CircuitConfig


def lines(error):
    return str(error.value).splitlines()


def test_an_unknown_option_is_named():
    with pytest.raises(OptionError) as error:
        CircuitConfig(circut="quanta(axes=4)")
    assert lines(error) == [
        "CircuitConfig got an unexpected keyword argument 'circut'.",
        "  Did you mean 'circuit' or 'circuits'?",
    ]
    assert isinstance(error.value, TypeError)


def test_an_option_of_a_later_peft_is_ignored_as_in_peft(tmp_path):
    file = save_and_read(CircuitConfig(), tmp_path)
    (tmp_path / "adapter_config.json").write_text(json.dumps({**file, "from_tomorrow": 1}))
    with pytest.warns(UserWarning, match=r"\['from_tomorrow'\] for class CircuitConfig"):
        assert CircuitConfig.from_pretrained(str(tmp_path)) == CircuitConfig()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            {"form": "diference"},
            ["form='diference' is not possible.", "  Did you mean 'difference'?"],
        ),
        (
            {"bias": "lora_only"},
            ["bias='lora_only' is not possible.", "  Did you mean 'qcircuit_only'?"],
        ),
        ({"dropout": 1.0}, ["dropout=1.0 is not at least 0 and less than 1."]),
        ({"dropout": -0.1}, ["dropout=-0.1 is not at least 0 and less than 1."]),
        ({"scale": float("nan")}, ["scale=nan is not a finite number other than 0."]),
        (
            {"circuits": {"v_proj(": SQUARE}},
            [
                "the pattern 'v_proj(' in circuits is not a regular expression: missing ), "
                "unterminated subpattern at position 6."
            ],
        ),
        (
            {"target_modules": ".*q_proj", "layers_to_transform": [0]},
            [
                "layers_to_transform cannot go with target_modules='.*q_proj'.",
                "  A text is a regular expression for the whole name of a module.",
                "  Write the layers into it, or give target_modules as a list.",
            ],
        ),
    ],
)
def test_an_impossible_value_is_named(options, expected):
    with pytest.raises(OptionError) as error:
        CircuitConfig(**options)
    assert lines(error) == expected


def test_a_circuit_that_does_not_fit_names_layer_shape_and_cure():
    with pytest.raises(AdaptError) as error:
        CircuitConfig(circuit=SQUARE).adapter_for("layers.3.v_proj", 16, 4)
    assert lines(error) == [
        "layer 'layers.3.v_proj' (16 -> 4) cannot have circuit 'a=4 b=4 | a b, b'.",
        "  the circuit maps 16 to 16, but the layer maps 16 to 4.",
        '  Use a family, which fits every shape: "quanta(axes=4)". Or leave the layer out: '
        "exclude_modules.",
    ]


def test_a_resolved_text_that_does_not_fit_is_refused():
    config = CircuitConfig(resolved={"quanta(axes=4)": {"64->64": SQUARE.text}})
    with pytest.raises(AdaptError, match=r"the circuit maps 16 to 16, but the layer maps 64 to 64"):
        config.adapter_for("q_proj", 64, 64)


def test_an_error_in_a_text_keeps_its_place():
    with pytest.raises(AdaptError) as error:
        CircuitConfig(circuit="a=4 b=4 | a c").adapter_for("q_proj", 16, 16)
    assert lines(error)[0].startswith("layer 'q_proj' (16 -> 16) cannot have circuit")
    assert any(set(line.strip()) == {"^"} for line in lines(error))


def test_a_refused_layer_leaves_no_trace():
    config = CircuitConfig(circuit=SQUARE)
    with pytest.raises(AdaptError):
        config.adapter_for("v_proj", 16, 4)
    assert config == CircuitConfig(circuit=SQUARE)


def test_a_later_format_is_refused(tmp_path):
    file = save_and_read(CircuitConfig(), tmp_path)
    later = {**file, "format_version": 2, "from_tomorrow": 1}
    (tmp_path / "adapter_config.json").write_text(json.dumps(later))
    with pytest.raises(FileError) as error:
        CircuitConfig.from_pretrained(str(tmp_path))
    assert lines(error) == [
        "the adapter has format 2, but this version of qcircuit_adapt reads format 1.",
        "  Upgrade it: pip install -U qcircuit_adapt.",
    ]
    with pytest.raises(FileError, match="the adapter has format 2"):
        CircuitConfig(format_version=2)


def test_a_file_without_circuits_is_refused(tmp_path):
    file = save_and_read(CircuitConfig(), tmp_path)
    del file["circuit"], file["resolved"]
    (tmp_path / "adapter_config.json").write_text(json.dumps(file))
    with pytest.raises(FileError) as error:
        CircuitConfig.from_pretrained(str(tmp_path))
    assert lines(error) == [
        "adapter_config.json lacks 'circuit' and 'resolved'.",
        "  Save the adapter again with save_pretrained.",
    ]


def test_a_file_of_no_method_is_refused(tmp_path):
    (tmp_path / "adapter_config.json").write_text('{"r": 8}')
    with pytest.raises(OptionError) as error:
        CircuitConfig.from_pretrained(str(tmp_path))
    assert lines(error) == [
        "The CircuitConfig config that is trying to be loaded is missing required keys: "
        "{'peft_type'}.",
        "  Give the folder that save_pretrained wrote.",
    ]


def test_a_file_of_another_method_is_read_as_in_peft(tmp_path):
    LoraConfig(r=3).save_pretrained(str(tmp_path))
    config = CircuitConfig.from_pretrained(str(tmp_path))
    assert isinstance(config, LoraConfig)
    assert config.r == 3


def test_a_model_card_says_once_how_to_load(tmp_path):
    card = tmp_path / "README.md"
    CircuitConfig().save_pretrained(str(tmp_path))
    assert not card.exists()
    card.write_text("# My adapter\n")
    CircuitConfig().save_pretrained(str(tmp_path))
    CircuitConfig().save_pretrained(str(tmp_path))
    assert card.read_text().startswith("# My adapter\n")
    assert card.read_text().count("import qcircuit_adapt as qa") == 1


@pytest.mark.parametrize("first", ["import peft, qcircuit_adapt", "import qcircuit_adapt.hf, peft"])
def test_peft_knows_the_method(first: str) -> None:
    script = f"{first}; assert 'QCIRCUIT' in peft.mapping.PEFT_TYPE_TO_CONFIG_MAPPING"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_options_have_names():
    with pytest.raises(OptionError) as error:
        CircuitConfig("quanta(axes=4)")
    assert str(error.value).splitlines() == [
        "CircuitConfig takes options by name, but 'quanta(axes=4)' has none.",
        '  Write circuit="quanta(axes=4)".',
    ]
