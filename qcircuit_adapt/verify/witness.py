"""Witness: a lower bound on a generic rank, by the rank modulo the prime at drawn tensors.

Whole numbers give a matrix of at most the generic rank, and modulo a prime no rank grows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

from qcircuit_adapt.verify.field import PRIME, draw, find_rank
from qcircuit_adapt.verify.graph import Graph
from qcircuit_adapt.verify.matrix import MAX_ENTRIES, Operator, draw_values, list_rows
from qcircuit_adapt.verify.read import Field

Progress = Callable[[int, int, str], None]
"""Called with how much is done, of how much, and what of."""


def check_witness(
    evidence: dict[str, Field], graph: Graph, *, progress: Progress | None
) -> tuple[str, int]:
    """Draw the tensors again, and compute the matrix and its rank again.

    Returns:
        What was done; and n if a rank below the largest modulo the prime is found at most once in
        n seeds, see `count_odds`.
    """
    form = evidence["form"].value
    now, first = draw_values(graph, evidence["by"], form=form, seed=evidence["seed"].whole())
    terms = [(1, now), *([(-1, first)] if first else [])]
    return check_terms(evidence, terms, len(graph.tensors), progress)


def check_sum_witness(
    evidence: dict[str, Field],
    terms: Sequence[tuple[Graph, str, Fraction]],
    *,
    progress: Progress | None,
) -> tuple[str, int]:
    """Compute the rank of ``sum scale (T - S)`` over terms of a graph, a form and a scale."""
    operators = []
    for number, (graph, form, scale) in enumerate(terms):
        now, first = draw_values(
            graph,
            evidence["by"],
            form=None if form == "zero" else form,
            seed=evidence["seed"].whole(),
            prefix=f"term={number}|",
        )
        factor = scale.numerator * pow(scale.denominator, -1, PRIME) % PRIME
        operators += [(factor, now), *([(-factor, first)] if first else [])]
    longest = max(len(graph.tensors) for graph, _, _ in terms)
    return check_terms(evidence, operators, longest, progress)


def count_odds(rank: int, factors: int) -> int:
    """Return n if a polynomial of degree ``(rank + 1) factors`` is 0 at most once in n draws.

    No residue is drawn with a chance above ``2049 / 2^32`` (Schwartz and Zippel).
    """
    return 2**32 // ((2**32 // PRIME + 1) * (rank + 1) * factors)


def check_terms(
    evidence: dict[str, Field],
    terms: Sequence[tuple[int, Operator]],
    factors: int,
    progress: Progress | None,
) -> tuple[str, int]:
    """Compute the rank of a sum of circuits, each times a residue, and its digest.

    Args:
        evidence: With the fields ``prime``, ``seed``, ``projection``, ``digest`` and ``bound``.
        terms: The circuits at their drawn values, and the residues.
        factors: Of how many drawn tensors each entry is a product, at most.
        progress: Told how far it is.

    Returns:
        What was done, and the odds.
    """
    circuit = terms[0][1].graph.circuit
    evidence["prime"].match(PRIME, "this format")
    seed, size, left, right = evidence["seed"].whole(), None, None, None
    rows, columns = circuit.d_out, circuit.d_in
    if evidence["projection"].value is not None:
        size = evidence["projection"].whole(least=1)
        if size > min(rows, columns):
            evidence["projection"].refuse(f"{size:,} is more than the matrix has rows or columns.")
    entries = size * max(rows, columns) if size else rows * columns
    if entries > MAX_ENTRIES:
        evidence["by"].refuse(f"the matrix has {entries:,} entries; the limit is {MAX_ENTRIES:,}.")
    if size:
        left = draw((size, rows), seed=seed, label="project=left")
        right = draw((columns, size), seed=seed, label="project=right")
        rows = columns = size
    matrix, hashed, done = np.empty((rows, columns)), hashlib.sha256(), 0
    for band in list_rows(terms, left=left, right=right):
        matrix[done : done + len(band)] = band
        hashed.update(band.astype("<u4").tobytes())
        done += len(band)
        if progress:
            progress(done, rows + columns, "rows of the matrix")
    evidence["digest"].match(hashed.hexdigest(), "the matrix at this seed")

    def tick(count: int) -> None:
        nonlocal done
        done += count
        if progress:
            progress(done, rows + columns, "columns eliminated")

    evidence["bound"].match(find_rank(matrix, tick=tick), "the elimination")
    projected = ", projected," if size else ""
    how = (
        f"{rows:,} x {columns:,} residues{projected} were drawn again from seed {seed} and "
        f"eliminated modulo {PRIME:,}"
    )
    # A rank that fills the projection says nothing of larger ones.
    full = evidence["bound"].value == size
    return how, 0 if full else count_odds(evidence["bound"].value, factors + (2 if size else 0))
