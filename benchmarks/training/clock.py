"""Times of variants as ratios to the frozen layer, paired in one interleaved run."""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

Work = Callable[[], None]
Clock = Callable[[Work, int], float]

LEAST_SECONDS = 0.02
"""What one timing lasts at least: shorter steps are repeated."""
MOST_SECONDS = 60.0
"""What the timings of one variant last at most, beyond the least number of rounds."""
LEAST_ROUNDS = 3


@dataclass(frozen=True)
class Ratio:
    """The median and the quartiles of paired ratios, and how many there were."""

    median: float
    low: float
    high: float
    rounds: int

    @classmethod
    def of(cls, ratios: list[float]) -> Ratio:
        low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
        return cls(middle, low, high, len(ratios))

    def __str__(self) -> str:
        return f"{self.median:.2f} [{self.low:.2f}, {self.high:.2f}]"


def step(model: nn.Module, x: Tensor, gradient: Tensor) -> None:
    """Take one training step without its update: forward, and backward to x and all parameters."""
    model(x).backward(gradient)


def forget(model: nn.Module, x: Tensor) -> None:
    """Drop the gradients of the last step, so that none is added to another."""
    x.grad = None
    model.zero_grad(set_to_none=True)


def cpu_seconds(work: Work, repeats: int) -> float:
    """CPU time of this process, all its threads, for one of several calls."""
    start = time.process_time()
    for _ in range(repeats):
        work()
    return (time.process_time() - start) / repeats


def cuda_seconds(work: Work, repeats: int) -> float:
    """Time on the GPU between two events, for one of several calls; waits for launches count."""
    start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    start.record()
    for _ in range(repeats):
        work()
    stop.record()
    torch.cuda.synchronize()
    return start.elapsed_time(stop) / 1000 / repeats


def paired_ratios(
    base: Work,
    works: Mapping[str, Work],
    *,
    clock: Clock,
    rounds: int,
    tick: Callable[[str], None],
) -> dict[str, Ratio]:
    """Time each variant between two timings of the base, over and over, in random order.

    Args:
        base: A step of the frozen layer.
        works: A step of each variant, all warm.
        clock: Measures a work's time.
        rounds: How often each variant is timed; slow ones less often, see `MOST_SECONDS`.
        tick: Is told each variant that was timed.
    """
    repeats = _repeats(base, clock)
    plans = {name: _repeats(work, clock) for name, work in works.items()}
    left = dict.fromkeys(works, rounds)
    ratios: dict[str, list[float]] = {name: [] for name in works}
    spent = dict.fromkeys(works, 0.0)
    before = clock(base, repeats)
    while todo := [name for name, more in left.items() if more]:
        for name in random.sample(todo, len(todo)):
            taken = clock(works[name], plans[name])
            after = clock(base, repeats)
            ratios[name].append(2 * taken / (before + after))
            before = after
            spent[name] += taken * plans[name]
            slow = spent[name] > MOST_SECONDS and len(ratios[name]) >= LEAST_ROUNDS
            left[name] = 0 if slow else left[name] - 1
            tick(name)
    return {name: Ratio.of(found) for name, found in ratios.items()}


def _repeats(work: Work, clock: Clock) -> int:
    return math.ceil(LEAST_SECONDS / max(clock(work, 1), LEAST_SECONDS / 1000))
