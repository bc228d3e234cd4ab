"""Greedy: cheap contraction paths for networks that are too large to search.

Networks are given here by the indices of each operand, those of the result, and the sizes of all.
"""

from __future__ import annotations

import functools
import heapq
import math
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from opt_einsum.paths import ssa_greedy_optimize

Terms = Sequence[frozenset[int]]
Path = tuple[tuple[int, int], ...]
"""Pairs of operands by position; results are numbered on from the operands."""

MAX_TRIALS = 64
MAX_STEPS = 2000
MAX_IMPROVED = 200
"""Paths drawn, steps in all of them, and parts of one that are searched again: about a second's
work."""

_BRANCHES = 8


def draw_paths(terms: Terms, output: frozenset[int], sizes: dict[int, int]) -> Iterator[Path]:
    """Draw contraction paths that take, at each step, one of the pairs that shrink the most.

    The first takes the best pair every time. The others are drawn by a generator of their own,
    always the same.

    Source: the random-greedy search of opt_einsum, after Gray and Kourtis, arXiv:2002.01935.
    """
    for trial in range(min(MAX_TRIALS, MAX_STEPS // len(terms))):
        choose = functools.partial(_choose, rng=Random(trial)) if trial else None
        path: Any = ssa_greedy_optimize(list(terms), output, sizes, choose, "memory-removed")
        yield tuple(path)


def improve_path(
    terms: Terms, output: frozenset[int], sizes: dict[int, int], path: Path, *, minimize: str
) -> Path:
    """Return a path in which no few steps that meet could be cheaper, if cotengra is installed.

    Without it the path is returned as it is.

    Source: subtree reconfiguration, Gray and Kourtis, arXiv:2002.01935.
    """
    if len(terms) > MAX_STEPS:
        return path
    try:
        from cotengra import ContractionTree
    except ImportError:
        return path
    tree = ContractionTree.from_path(
        [tuple(sorted(term)) for term in terms], tuple(sorted(output)), sizes, ssa_path=path
    )
    tree.subtree_reconfigure_(minimize=minimize, maxiter=MAX_IMPROVED, seed=0)
    return tuple((first, second) for first, second in tree.get_ssa_path())


def _choose(queue: list[Any], remaining: dict[frozenset[int], int], *, rng: Random) -> Any:
    """Take one of the best candidates, the likelier the nearer it comes to the best.

    Args:
        queue: A heap of candidates: costs, the two operands, and what they make.
        remaining: The operands that are left.
        rng: Where the choice comes from.
    """
    found: list[Any] = []
    while queue and len(found) < _BRANCHES:
        one = heapq.heappop(queue)
        if one[1] in remaining and one[2] in remaining:
            found.append(one)
    if not found:
        return None
    least = found[0][0][0]
    scale = max(1, abs(least))
    weights = [math.exp((least - one[0][0]) / scale) for one in found]
    (chosen,) = rng.choices(range(len(found)), weights)
    taken = found.pop(chosen)
    for one in found:
        heapq.heappush(queue, one)
    return taken
