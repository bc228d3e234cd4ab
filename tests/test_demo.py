import io
import json
import math
import shutil
from dataclasses import replace

import pytest
import torch
from peft import PeftModel
from rich.console import Console
from transformers import BertConfig, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

import qcircuit_adapt.hf  # noqa: F401  so that PEFT can load what the demo saves
from qcircuit_adapt.demo import BaseRecipe, TuneRecipe, run_demo
from qcircuit_adapt.demo import text as text_module
from qcircuit_adapt.demo.arms import Layer, Rank, make_arms, nearest_rank
from qcircuit_adapt.demo.finetune import Blocks, Run, finetune
from qcircuit_adapt.demo.merging import MergeCheck, rounding
from qcircuit_adapt.demo.model import load_model
from qcircuit_adapt.demo.output import Output
from qcircuit_adapt.demo.pretrain import cache_folder, cached_base, find_damage
from qcircuit_adapt.demo.report import ArmResult
from qcircuit_adapt.demo.text import Text, documentation, library_source, read_file, split_documents
from qcircuit_adapt.demo.tokens import to_blocks, train_tokenizer
from qcircuit_adapt.demo.training import mean_loss, quiet_transformers
from qcircuit_adapt.errors import CircuitError, DataError, FileError, ModelError

BASE = BaseRecipe(
    vocabulary=300, hidden=32, intermediate=48, layers=2, heads=4, kv_heads=2, length=32, steps=3
)
TUNE = TuneRecipe(
    steps=3, batch=2, length=32, rates=(1e-3, 1e-2), validation=2, held_out=4, checks=2
)
SHORT = split_documents("short", [f"Document {n} says: " + "words and " * n for n in range(20, 60)])


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("COLUMNS", "120")
        yield


def run(output, *, recipe=TUNE, base=BASE, **options):
    """Run the demonstration; its result and what it printed."""
    printed = io.StringIO()
    result = run_demo(
        output=output, recipe=recipe, base=base, console=Console(file=printed), **options
    )
    return result, printed.getvalue()


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return run(tmp_path_factory.mktemp("demo") / "results")


@pytest.fixture(scope="module")
def small_model(tmp_path_factory):
    """A folder with a LLaMA and its tokenizer."""
    folder = tmp_path_factory.mktemp("model")
    tokenizer = train_tokenizer(SHORT.documents, vocabulary=280)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
    )
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def numbers(result):
    """All of a result but the seconds."""
    arms = [arm.to_dict() for arm in result.arms]
    for one in (*arms, *(run for arm in arms for run in arm["runs"])):
        del one["seconds"]
    return arms


def test_the_whole_demo(demo):
    result, printed = demo
    assert result.passed
    arms = [one.arm for one in result.arms]
    assert [arm.name for arm in arms] == ["quanta(axes=4)", "LoRA r=4", "LoRA r=16"]
    assert len({one.after for one in result.arms}) == 3
    assert all(math.isfinite(one.after) for one in result.arms)
    assert len({one.before for one in result.arms}) == 1
    for one in result.arms:
        assert one.arm.name in printed
        assert f"{one.arm.parameters:,}" in printed
        assert f"{one.after:.4f}" in printed
        assert all(str(rank) in printed for rank in one.ranks)
    assert "equal to the bit" in printed
    assert "within rounding" in printed
    assert str(result.folder) in printed
    assert "arning" not in printed.replace("learning", "").replace("Learning", "")


def test_every_arm_starts_from_the_same_model_on_the_same_text(demo):
    """An adapter changes nothing before its first step, so the first loss shows model and batch."""
    runs = [run for one in demo[0].arms for run in one.runs]
    assert len(runs) == 6
    assert len({run.losses[0] for run in runs}) == 1
    assert len({run.curve[0] for run in runs}) == 1
    assert {len(run.losses) for run in runs} == {TUNE.steps}
    assert {tuple(step for step, _ in run.curve) for run in runs} == {(0, 1, 2, 3)}


def test_what_the_table_says_is_what_was_trained(demo):
    """Parameters, base loss and held-out loss, measured again on the saved adapter."""
    result, _ = demo
    base, tokenizer = load_model(only_folder(cache_folder()))
    blocks = Blocks.of(library_source(), tokenizer, TUNE)
    circuit = result.arms[0]
    assert mean_loss(base, blocks.held_out, batch=2) == circuit.before
    with quiet_transformers():
        model = PeftModel.from_pretrained(base, result.folder / "adapter", is_trainable=True)
    trainable, _ = model.get_nb_trainable_parameters()
    assert trainable == circuit.arm.parameters
    assert mean_loss(model, blocks.held_out, batch=2) == circuit.after


def test_the_folder_holds_whole_files_only(demo):
    result, _ = demo
    names = sorted(
        path.relative_to(result.folder).as_posix()
        for path in result.folder.rglob("*")
        if path.is_file()
    )
    assert names == [
        "adapter/README.md",
        "adapter/adapter_config.json",
        "adapter/adapter_model.safetensors",
        "circuits/q_proj-32-to-32.svg",
        "circuits/v_proj-32-to-16.svg",
        "losses.png",
        "results.json",
    ]
    assert (result.folder / "losses.png").read_bytes().startswith(b"\x89PNG")
    saved = json.loads((result.folder / "results.json").read_text())
    assert [arm["method"] for arm in saved["arms"]] == [one.arm.name for one in result.arms]
    assert saved["arms"] == [one.to_dict() for one in result.arms]
    assert saved["merge"]["passed"] is True
    assert saved["settings"]["rates"] == list(TUNE.rates)


def test_equal_seeds_give_equal_tables(demo, tmp_path):
    result, _ = demo
    again, printed = run(tmp_path)
    assert "Base model from the cache" in printed
    assert numbers(again) == numbers(result)
    other, _ = run(tmp_path, recipe=replace(TUNE, seed=1))
    for one, another in zip(other.arms, result.arms, strict=True):
        assert one.before == another.before
        assert one.best.losses != another.best.losses


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_given_model_and_data(small_model, tmp_path, dtype):
    model = tmp_path / "model"
    base, tokenizer = load_model(small_model)
    base.to(dtype).save_pretrained(model)
    tokenizer.save_pretrained(model)
    data = tmp_path / "[red]own.jsonl"
    data.write_text("".join(json.dumps({"text": text}) + "\n" for text in SHORT.documents))
    result, printed = run(
        tmp_path / "out",
        model=str(model),
        data=data,
        circuit="monarch",
        form="residual",
        targets=("q_proj", "o_proj"),
    )
    assert result.passed
    assert result.merge.tolerance == rounding(dtype, layers=2)
    assert "Fine-tuning on: [red]own.jsonl" in printed
    assert "[red]own.jsonl: 40 documents" in printed
    assert {layer.kind for layer in result.arms[0].arm.layers} == {"q_proj", "o_proj"}
    assert sorted(path.stem for path in (tmp_path / "out" / "circuits").iterdir()) == [
        "o_proj-16-to-16",
        "q_proj-16-to-16",
    ]


def test_a_circuit_that_does_not_fit_is_found_before_pretraining(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(CircuitError, match="quanta") as caught:
        run(tmp_path / "out", circuit="quant(axes=4)")
    assert "quanta" in str(caught.value)
    assert not (tmp_path / "cache").exists()


# --- the cache of base models ------------------------------------------------------------------


def only_folder(path):
    (folder,) = path.iterdir()
    return folder


def make_base(*, on_step=lambda *_: None):
    said = []
    with quiet_transformers():
        folder = cached_base(SHORT, BASE, say=said.append, on_step=on_step)
    return folder, said


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return cache_folder()


def shorten(file):
    file.write_bytes(file.read_bytes()[:-7])


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (
            lambda folder: shorten(folder / "model.safetensors"),
            "model.safetensors is not as it was",
        ),
        (lambda folder: shorten(folder / "tokenizer.json"), "tokenizer.json is not as it was"),
        (lambda folder: (folder / "config.json").unlink(), "config.json is missing"),
        (lambda folder: shorten(folder / "manifest.json"), "manifest.json is not as it was"),
        (lambda folder: (folder / "manifest.json").write_text("[]"), "manifest.json is not as it"),
        (lambda folder: (folder / "manifest.json").unlink(), "manifest.json is missing"),
    ],
)
def test_damage_is_found(demo, tmp_path, damage, says):
    folder = tmp_path / "base"
    shutil.copytree(only_folder(cache_folder()), folder)
    assert find_damage(folder) is None
    damage(folder)
    assert says in str(find_damage(folder))


def test_a_damaged_base_model_is_made_anew(own_cache):
    folder, _ = make_base()
    weights = (folder / "model.safetensors").read_bytes()
    shorten(folder / "model.safetensors")
    again, said = make_base()
    assert again == folder
    assert said[0].startswith("The cached base model is damaged (model.safetensors")
    assert (folder / "model.safetensors").read_bytes() == weights
    assert find_damage(folder) is None
    assert make_base()[1] == [f"Base model from the cache: {folder}"]


def test_an_interrupted_pretraining_leaves_nothing(own_cache):
    def interrupt(step, loss):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_base(on_step=interrupt)
    assert list(own_cache.iterdir()) == []


def test_a_base_model_that_another_process_made_meanwhile_is_taken(own_cache):
    started = []

    def make_it_meanwhile(step, loss):
        if not started:
            started.append(make_base())

    folder, _ = make_base(on_step=make_it_meanwhile)
    assert folder == only_folder(own_cache)
    assert find_damage(folder) is None


def test_everything_that_defines_a_base_model_is_in_its_key():
    keys = {BASE.key(SHORT)}
    for name, value in vars(BASE).items():
        keys.add(replace(BASE, **{name: value + 1}).key(SHORT))
    keys.add(BASE.key(Text("short", SHORT.train[1:], SHORT.validation, SHORT.held_out)))
    assert len(keys) == len(vars(BASE)) + 2


def test_a_cache_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(FileError) as caught:
        make_base()
    assert "cannot keep the base model in" in str(caught.value)
    assert "XDG_CACHE_HOME=FOLDER" in str(caught.value)


# --- texts -------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [documentation(), library_source(), SHORT])
def test_a_split_covers_the_text_once(text):
    parts = (text.train, text.validation, text.held_out)
    assert len(set(text.documents)) == len(text.documents) == sum(map(len, parts))
    total = sum(map(len, text.documents))
    for part in parts[1:]:
        # A tenth, and at most one document more.
        assert total // 10 <= sum(map(len, part)) < total // 10 + max(map(len, text.documents))


def test_a_split_depends_on_the_documents_alone():
    documents = list(SHORT.documents)
    assert split_documents("short", [*reversed(documents), documents[3], " "]) == SHORT


def test_a_text_file_is_cut_at_empty_lines(tmp_path):
    paragraphs = [f"{n} " + "x" * 900 for n in range(30)]
    unbroken = " ".join(map(str, range(1800)))
    (tmp_path / "a.txt").write_text("\n\n".join(paragraphs) + "\n\n" + unbroken)
    text = read_file(tmp_path / "a.txt")
    whole = "".join(text.documents)
    assert all(f"{paragraph}\n\n" in whole for paragraph in paragraphs)
    assert all(unbroken[start : start + text_module.PASSAGE] in whole for start in (0, 2000, 8000))
    longest = 2 * text_module.PASSAGE + len("\n\n")
    assert max(map(len, text.documents)) <= longest


def test_at_most_so_many_characters_are_read(tmp_path, monkeypatch):
    lines = [json.dumps({"text": f"line {n}"}) for n in range(10)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    monkeypatch.setattr(text_module, "MOST_CHARACTERS", 4 * (len(lines[0]) + 1) + 5)
    assert sorted(read_file(tmp_path / "a.jsonl").documents) == [f"line {n}" for n in range(4)]


def test_blocks_hold_the_tokens_in_order():
    tokenizer = train_tokenizer(SHORT.documents, vocabulary=280)
    blocks = to_blocks(SHORT.train[:2], tokenizer, length=8, most=1000)
    whole = "".join(f"{document}<|endoftext|>" for document in SHORT.train[:2])
    decoded = tokenizer.decode(blocks.flatten())
    assert decoded
    assert whole.startswith(decoded)
    assert len(tokenizer(whole).input_ids) // 8 == len(blocks)
    assert torch.equal(to_blocks(SHORT.train, tokenizer, length=8, most=3), blocks[:3])


GOOD = [json.dumps({"text": text}) for text in ("one", "two", "three")]


@pytest.mark.parametrize(
    ("name", "content", "lines"),
    [
        ("gone.txt", None, ["there is no file '{}'.", "There are none."]),
        (
            "a.txt",
            "",
            [
                "the text 'a.txt' has 0 distinct documents, but the split needs three.",
                "One part is trained on, one chooses the learning rate, one is held out.",
                "Give a longer text, or a .jsonl file with more lines.",
            ],
        ),
        (
            "a.txt",
            b"\xff\xfe",
            [
                "the file '{}' is not UTF-8 text: invalid start byte.",
                "Give plain text, or a .jsonl file with a 'text' field in each line.",
            ],
        ),
        (
            "a.jsonl",
            "\n".join([*GOOD, '{"text": 1']),
            [
                "the line is not JSON: Expecting ',' delimiter.",
                'in a.jsonl, line 4:  {"text": 1',
                " " * 32 + "^",
                'Write one object per line: {"text": "..."}.',
            ],
        ),
        (
            "a.jsonl",
            "\n".join([GOOD[0], "", '{"txt": "a", "id": 3}']),
            [
                "the line has no field 'text'.",
                'in a.jsonl, line 3:  {"txt": "a", "id": 3}',
                "^" * 21,
                "Its fields are 'txt', 'id'.",
                'Write one object per line: {"text": "..."}.',
            ],
        ),
        (
            "a.jsonl",
            "[1]",
            [
                "the line has no field 'text'.",
                "in a.jsonl, line 1:  [1]",
                "^^^",
                'Write one object per line: {"text": "..."}.',
            ],
        ),
        (
            "a.jsonl",
            '{"text": 5}',
            [
                "the field 'text' is of type int, not a string.",
                'in a.jsonl, line 1:  {"text": 5}',
                "^" * 11,
            ],
        ),
    ],
)
def test_a_text_that_cannot_be_used(tmp_path, name, content, lines):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError) as caught:
        read_file(path)
    said = [line.strip() for line in str(caught.value).split("\n")]
    assert said == [
        line.replace("{}", str(path), 1).strip() if "{}" in line else line.strip() for line in lines
    ]


def test_a_folder_is_no_text(tmp_path):
    with pytest.raises(DataError, match=r"cannot read '.*': Is a directory\."):
        read_file(tmp_path)


def test_a_text_that_fills_no_block():
    tokenizer = train_tokenizer(SHORT.documents, vocabulary=280)
    with pytest.raises(DataError) as caught:
        to_blocks(["a"], tokenizer, length=32, most=1)
    assert str(caught.value).split("\n") == [
        "the text is too short: a part of it has 2 tokens, but one block takes 32.",
        "  A tenth of the text is held out, and a tenth chooses the learning rate.",
        "  Give a text of more than 640 tokens.",
    ]


# --- models ------------------------------------------------------------------------------------


def model_error(source):
    with quiet_transformers(), pytest.raises(ModelError) as caught:
        load_model(source)
    return str(caught.value)


def test_a_folder_that_is_not_there(small_model):
    said = model_error(str(small_model) + "x")
    assert f"there is no folder '{small_model}x' with a model." in said
    assert f"Did you mean '{small_model.name}'" in said


@pytest.mark.parametrize(
    ("file", "what"), [("adapter_config.json", "an adapter"), ("notes.txt", "no model")]
)
def test_a_folder_without_a_model(tmp_path, file, what):
    (tmp_path / file).write_text("{}")
    assert model_error(tmp_path).split("\n") == [
        f"the folder '{tmp_path}' holds {what}: it has no config.json.",
        "  Give the folder of a whole model, as save_pretrained writes it.",
    ]


@pytest.mark.parametrize("classes", [["BertForMaskedLM"], ["BertModel"]])
def test_a_model_that_is_not_causal(tmp_path, classes):
    BertConfig(architectures=classes).save_pretrained(tmp_path)
    assert model_error(tmp_path).split("\n") == [
        f"'{tmp_path}' is not a causal language model, but a {classes[0]}.",
        "  Give a model that predicts the next token, such as a LLaMA, Qwen or GPT-2.",
    ]


@pytest.fixture
def copied_model(small_model, tmp_path):
    for file in small_model.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def test_weights_that_are_cut_short(copied_model):
    shorten(copied_model / "model.safetensors")
    assert f"cannot load the weights of '{copied_model}'." in model_error(copied_model)


def test_a_tokenizer_that_is_not_there(copied_model):
    for file in copied_model.glob("token*"):
        file.unlink()
    assert f"cannot load the tokenizer of '{copied_model}'." in model_error(copied_model)


def test_weights_that_lack_tensors(copied_model):
    config = json.loads((copied_model / "config.json").read_text())
    (copied_model / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 2}))
    said = model_error(copied_model)
    assert "lack 9 tensors, the first 'model.layers.1.input_layernorm.weight'" in said
    assert "They would be random numbers." in said


# --- arms --------------------------------------------------------------------------------------


def test_arms_count_as_their_models_do(small_model):
    """The parameters declared against PEFT's count; the base model is left as it was."""
    base, _ = load_model(small_model)
    before = [name for name, _ in base.named_modules()]
    arms = make_arms(base, circuit="quanta(axes=2)", form="difference", targets=None, larger_rank=4)
    assert [name for name, _ in base.named_modules()] == before
    for arm in arms:
        with quiet_transformers():
            model = demo_adapt(base, arm)
        assert model.get_nb_trainable_parameters()[0] == arm.parameters
        model.unload()


def demo_adapt(base, arm):
    from qcircuit_adapt.demo.finetune import adapt

    return adapt(base, arm, seed=0)


def test_gpt2_is_adapted_too(tmp_path):
    """Its layers store the weight the other way round, and have other names."""
    tokenizer = train_tokenizer(SHORT.documents, vocabulary=280)
    base = GPT2LMHeadModel(
        GPT2Config(vocab_size=len(tokenizer), n_embd=16, n_layer=1, n_head=2, n_positions=32)
    )
    with quiet_transformers():
        arms = make_arms(
            base, circuit="quanta(axes=2)", form="difference", targets=None, larger_rank=2
        )
        assert arms[0].layers == (Layer("transformer.h.0.attn.c_attn", 16, 48, transposed=True),)
        brief = replace(TUNE, steps=1, rates=(1e-2,))
        blocks = Blocks.of(SHORT, tokenizer, brief)
        for arm in arms:
            (one,) = finetune(base, arm, blocks, brief, on_step=lambda *_: None)
            assert one.curve[0] != one.curve[1]
            assert math.isfinite(one.validation)


def test_ranks_and_macs_of_the_arms(small_model):
    base, _ = load_model(small_model)
    circuit, equal, larger = make_arms(
        base, circuit="quanta(axes=2)", form="difference", targets=None, larger_rank=1
    )
    assert [layer.kind for layer in circuit.layers] == ["q_proj", "v_proj"]
    # q_proj 16x16 and v_proj 16x8, one dense gate each.
    assert circuit.parameters == 16 * 16 + 16 * 8
    assert circuit.macs_per_token == 2 * circuit.parameters
    assert equal.parameters == equal.macs_per_token == 7 * (32 + 24)
    assert equal.ranks() == (Rank("q_proj", 7, 7), Rank("v_proj", 7, 7))
    assert larger.name == "LoRA r=14"


def test_sums_and_circuits_on_the_weight_have_arms_too(small_model):
    base, _ = load_model(small_model)
    text = "quanta(axes=2) + zero lora(rank=1)"
    both = make_arms(base, circuit=text, form="difference", targets=None, larger_rank=1)[0]
    assert both.macs_per_token == 2 * (16 * 16 + 16 * 8) + (32 + 24)
    assert both.ranks() == (Rank("q_proj", 16, 16), Rank("v_proj", 8, 8))
    assert list(both.drawings()) == ["q_proj-16-to-16", "v_proj-16-to-8"]
    before = make_arms(base, circuit="quanta(axes=2)", form="input", targets=None, larger_rank=1)[0]
    assert before.parameters == 2 * 16 * 16
    # The base layer is applied once more.
    assert before.macs_per_token == 2 * 16 * 16 + 16 * 16 + 16 * 8
    assert before.ranks() == ()


def test_a_sum_is_demonstrated(tmp_path):
    text = "quanta(axes=2) + 0.5 input quanta(axes=2)"
    brief = replace(TUNE, steps=1, rates=(1e-2,))
    result, printed = run(tmp_path / "demo", recipe=brief, circuit=text)
    assert result.arms[0].arm.name == text
    pictures = list((tmp_path / "demo" / "circuits").iterdir())
    assert len(pictures) == 2
    assert all("form input, scale 0.5" in one.read_text() for one in pictures)
    assert "0.5 input" in printed


@pytest.mark.parametrize(("parameters", "rank"), [(1, 1), (149, 1), (151, 2), (250, 2), (1000, 10)])
def test_the_nearest_rank(parameters, rank):
    layers = (Layer("q_proj", 30, 30), Layer("v_proj", 30, 10))
    assert nearest_rank(parameters, layers) == rank


# --- choosing, checking, writing ---------------------------------------------------------------


def one_run(rate, validation):
    return Run(rate, (1.0,), ((0, 2.0), (1, validation)), 1.0, {})


def test_the_rate_is_chosen_by_validation(demo):
    arm = demo[0].arms[0].arm
    runs = (one_run(0.1, math.nan), one_run(0.2, 1.0), one_run(0.3, 2.0))
    result = ArmResult(arm, (), 3.0, 1.0, runs)
    assert result.best.rate == 0.2
    assert not result.at_the_edge
    assert ArmResult(arm, (), 3.0, 1.0, runs[:2]).at_the_edge
    assert result.to_dict()["runs"][0]["validation_losses"] == [[0, 2.0], [1, None]]


@pytest.mark.parametrize(
    "change", [{"difference": 0.2}, {"reloaded": False}, {"clean": False}, {"difference": math.nan}]
)
def test_each_part_of_the_check_counts(change):
    good = {"difference": 0.1, "tolerance": 0.1, "change": 1.0, "reloaded": True, "clean": True}
    assert MergeCheck(**good).passed
    assert not MergeCheck(**{**good, **change}).passed


def test_rounding_is_far_below_what_the_adapter_changes(demo):
    merge = demo[0].merge
    assert merge.tolerance == rounding(torch.float32, layers=4) < 1e-5
    assert 0 < merge.difference <= merge.tolerance < merge.change / 10


def test_a_result_replaces_the_old_one_when_it_is_finished(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    (tmp_path / "mine.txt").write_text("mine")
    output = Output(tmp_path)

    def fail(path):
        path.write_text("half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        output.put("a.txt", fail)
    assert (tmp_path / "a.txt").read_text() == "old"
    assert output.put("a.txt", lambda path: path.write_text("new")).read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "mine.txt"]


def test_a_folder_that_cannot_be_written(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(FileError) as caught:
        Output(file)
    assert str(caught.value).split("\n") == [
        f"the results cannot go into '{file}': it is a file, not a folder.",
        "  Name another folder: --output FOLDER.",
    ]
    with pytest.raises(FileError, match="cannot write into"):
        Output(file / "below")
