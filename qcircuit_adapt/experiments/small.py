"""Models that are pretrained here: small LLaMAs, made once and kept in the user's cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qcircuit_adapt.demo.pretrain import BaseRecipe, cached_base
from qcircuit_adapt.demo.text import Text, documentation
from qcircuit_adapt.demo.training import OnStep
from qcircuit_adapt.experiments.tasks.reasoning import make_lookups

TINY = BaseRecipe(
    vocabulary=600, hidden=64, intermediate=96, layers=2, heads=4, kv_heads=2, length=64, steps=4
)
"""For tests: made in seconds, and good for nothing."""

READER = BaseRecipe(
    vocabulary=512,
    hidden=128,
    intermediate=256,
    layers=4,
    heads=4,
    kv_heads=2,
    length=128,
    batch=8,
    steps=800,
)
LOOKUPS = 24_000


def small_base(name: str, *, tiny: bool, say: Callable[[str], None], on_step: OnStep) -> Path:
    """Return the folder of a small model and its tokenizer, pretraining it if it is not cached.

    Args:
        name: ``"small"``: on Python's documentation, as in the demonstration; ``"small-reader"``:
            on short texts with a question that asks to look something up.
        tiny: Whether to make one that is only good for tests.
        say: Called with a sentence about what was found or done.
        on_step: Called after each step of pretraining.
    """
    if name == "small":
        return cached_base(
            documentation(), TINY if tiny else BaseRecipe(), say=say, on_step=on_step
        )
    texts = _lookups(400 if tiny else LOOKUPS)
    return cached_base(texts, TINY if tiny else READER, say=say, on_step=on_step)


def _lookups(count: int) -> Text:
    texts = list(dict.fromkeys(make_lookups(count)))
    tenth = len(texts) // 10
    return Text(
        "look-ups", tuple(texts[2 * tenth :]), tuple(texts[tenth : 2 * tenth]), tuple(texts[:tenth])
    )
