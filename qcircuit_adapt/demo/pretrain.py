"""The demonstration's own base model: a small LLaMA, pretrained once and kept in a cache."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase, set_seed

from qcircuit_adapt.demo.text import Text
from qcircuit_adapt.demo.tokens import to_blocks, train_tokenizer
from qcircuit_adapt.demo.training import OnStep, Schedule, mean_loss, train
from qcircuit_adapt.errors import FileError

# Raised whenever the same recipe and text would give another model.
VERSION = 1
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class BaseRecipe:
    """Everything, with the text, that defines the base model.

    Attributes:
        vocabulary: Tokens the tokenizer may have.
        hidden: Features per token.
        intermediate: Features inside each MLP.
        layers: Transformer layers.
        heads: Attention heads.
        kv_heads: Heads of keys and values; fewer than ``heads`` make ``v_proj`` rectangular.
        length: Tokens per block.
        batch: Blocks per step.
        steps: Optimizer steps.
        rate: The highest learning rate.
        seed: Decides the initial weights and the order of the blocks.
    """

    vocabulary: int = 4096
    hidden: int = 256
    intermediate: int = 512
    layers: int = 4
    heads: int = 8
    kv_heads: int = 2
    length: int = 128
    batch: int = 4
    steps: int = 480
    rate: float = 2e-3
    seed: int = 0

    def key(self, text: Text) -> str:
        """Return the name of the model this makes from a text, for the cache."""
        defining = json.dumps([VERSION, asdict(self), text.digest], sort_keys=True)
        return hashlib.sha256(defining.encode()).hexdigest()[:16]


def cache_folder() -> Path:
    """Return this user's folder for base models, by the custom of the operating system."""
    if sys.platform == "win32":
        root = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin" and not os.environ.get("XDG_CACHE_HOME"):
        root = Path.home() / "Library" / "Caches"
    else:
        root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "qcircuit_adapt" / "demo"


def cached_base(
    text: Text, recipe: BaseRecipe, *, say: Callable[[str], None], on_step: OnStep
) -> Path:
    """Return the folder of the base model and its tokenizer, pretraining it if it is not cached.

    A folder appears in the cache at once and whole; one that was damaged since is made anew.

    Args:
        text: The text to pretrain on.
        recipe: The model and its training.
        say: Called with a sentence about what was found or done.
        on_step: Called after each step of pretraining.

    Raises:
        FileError: The cache cannot be written.
    """
    target = cache_folder() / recipe.key(text)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            damage = find_damage(target)
            if damage is None:
                say(f"Base model from the cache: {target}")
                return target
            say(f"The cached base model is damaged ({damage}); it is made anew.")
            shutil.rmtree(target)
        with tempfile.TemporaryDirectory(prefix=".making-", dir=target.parent) as made:
            folder = Path(made) / "base"
            say(pretrain(text, recipe, folder, on_step=on_step))
            _write_manifest(folder)
            _move(folder, target)
    except OSError as error:
        raise FileError(
            f"cannot keep the base model in {str(target)!r}: {error.strerror or error}.",
            cure="Free some space, or name another folder: XDG_CACHE_HOME=FOLDER.",
        ) from error
    say(f"Base model kept for the next run: {target}")
    return target


def pretrain(text: Text, recipe: BaseRecipe, folder: Path, *, on_step: OnStep) -> str:
    """Train a tokenizer and a model on a text, write both into a folder, and sum the run up."""
    tokenizer = train_tokenizer(text.documents, vocabulary=recipe.vocabulary)
    need = recipe.steps * recipe.batch
    blocks = to_blocks(text.train, tokenizer, length=recipe.length, most=need)
    held_out = to_blocks(text.held_out, tokenizer, length=recipe.length, most=128)
    set_seed(recipe.seed)
    model = untrained(recipe, tokenizer)
    before = mean_loss(model, held_out, batch=recipe.batch)
    schedule = Schedule(recipe.steps, recipe.batch, recipe.rate, recipe.seed)
    train(model, blocks, schedule, on_step=on_step)
    after = mean_loss(model, held_out, batch=recipe.batch)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return (
        f"Pretrained a LLaMA of {model.num_parameters():,} parameters on {blocks.numel():,} tokens "
        f"({need * recipe.length / blocks.numel():.1f} epochs): held-out loss "
        f"{before:.2f} -> {after:.2f}."
    )


def untrained(
    recipe: BaseRecipe, tokenizer: PreTrainedTokenizerBase | None = None
) -> LlamaForCausalLM:
    """Return the model with random weights, for a tokenizer if there is one already."""
    special = {}
    if tokenizer is not None:
        special = {
            f"{role}_token_id": getattr(tokenizer, f"{role}_token_id")
            for role in ("bos", "eos", "pad")
        }
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=recipe.vocabulary if tokenizer is None else len(tokenizer),
            hidden_size=recipe.hidden,
            intermediate_size=recipe.intermediate,
            num_hidden_layers=recipe.layers,
            num_attention_heads=recipe.heads,
            num_key_value_heads=recipe.kv_heads,
            max_position_embeddings=max(512, recipe.length),
            tie_word_embeddings=True,
            **special,
        )
    )


def find_damage(folder: Path) -> str | None:
    """Say which file of a cached model is missing or changed, or None where all are as written."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        for name, digest in manifest.items():
            if _digest(folder / name) != digest:
                return f"{name} is not as it was written"
    except FileNotFoundError as error:
        return f"{Path(error.filename).name} is missing"
    except (ValueError, AttributeError):
        return f"{MANIFEST} is not as it was written"
    return None


def _write_manifest(folder: Path) -> None:
    digests = {file.name: _digest(file) for file in sorted(folder.iterdir())}
    (folder / MANIFEST).write_text(json.dumps(digests, indent=2), encoding="utf-8")


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _move(folder: Path, target: Path) -> None:
    try:
        folder.rename(target)
    except OSError:
        # Another process may have been faster; its model is as good.
        if not target.exists() or find_damage(target) is not None:
            raise
