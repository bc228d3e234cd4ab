"""Jacobian: lower bounds on the degrees of freedom, which are its generic rank.

Its rank modulo the prime at any tensors of whole numbers is at most that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qcircuit_adapt.verify.field import PRIME, Array, draw, find_rank, multiply, reduce
from qcircuit_adapt.verify.graph import Graph, Tensor
from qcircuit_adapt.verify.matrix import BESIDE, MAX_NUMBERS, Operator, State, draw_values
from qcircuit_adapt.verify.read import Field
from qcircuit_adapt.verify.sparse import MAX_TAIL, Equations, find_sparse_rank
from qcircuit_adapt.verify.witness import Progress, count_odds

Indices = np.ndarray[Any, np.dtype[np.intp]]

MAX_ENTRIES = 2**27
"""How many entries a dense Jacobian, or the states for one row of it, may have."""

MAX_MOVED = 2**24
"""How many entries that are not 0 a sparse Jacobian may have."""


def check_jacobian(
    evidence: dict[str, Field], graph: Graph, *, most: int, progress: Progress | None
) -> tuple[str, int]:
    """Compute the gradients of ``u^T T v`` for drawn u and v, and their rank.

    The tensors are those of a witness for T. The vectors are drawn for as many rows at a time as
    make states of all stages of 2^21 numbers, or for one: v with label ``in=FIRST`` and u with
    ``out=FIRST``, where FIRST counts the rows before.

    Args:
        evidence: The evidence.
        graph: The circuit.
        most: The upper bound; more rows than that are of no use.
        progress: Told how far the computation is.

    Returns:
        What was done, and n if a lower rank is found at most once in n seeds, or 0.
    """
    rows, seed = evidence["rows"].whole(), evidence["seed"].whole()
    trained = [t for t in graph.tensors if t.trained and t.name == t.values]
    columns = sum(tensor.parameters for tensor in trained)
    if rows > most:
        evidence["rows"].refuse(f"{rows:,} rows are of no use where at most {most:,} are free.")
    if rows * columns > MAX_ENTRIES:
        evidence["rows"].refuse(
            f"the Jacobian has {rows * columns:,} entries; the limit is {MAX_ENTRIES:,}."
        )
    states = graph.widest * (len(graph.tensors) + 1)
    if states > MAX_ENTRIES:
        evidence["by"].refuse(f"states have {states:,} numbers; the limit is {MAX_ENTRIES:,}.")
    operator, _ = draw_values(graph, evidence["by"], form=None, seed=seed)
    matrix = np.empty((rows, columns))
    step = max(1, MAX_NUMBERS // states)
    for start in range(0, rows, step):
        count = min(step, rows - start)
        right = draw((count, graph.circuit.d_in), seed=seed, label=f"in={start}")
        left = draw((count, graph.circuit.d_out), seed=seed, label=f"out={start}")
        found = _find_gradients(operator, right, left)
        matrix[start : start + count] = np.hstack([found[tensor.name] for tensor in trained])
        if progress:
            progress(start + count, rows, "rows of the Jacobian")
    rank = find_rank(matrix)
    evidence["bound"].match(rank, "the elimination")
    # A rank that fills the rows says nothing of larger ones.
    odds = 0 if rank == rows else count_odds(rank, len(graph.tensors) + 1)
    evidence["odds"].match(odds, "the degree of the minors")
    return f"{rows:,} gradients were drawn again from seed {seed} and eliminated", odds


def _find_gradients(operator: Operator, right: Array, left: Array) -> Mapping[str, Array]:
    graph = operator.graph
    states = [operator.spread(graph.inputs, right.T)]
    for tensor in graph.tensors:
        states.append(operator.act(tensor, states[-1]))
    state = operator.spread(graph.outputs, left.T)
    found: dict[str, Array] = {}
    for tensor, before in zip(reversed(graph.tensors), states[-2::-1], strict=True):
        if tensor.trained:
            rest = _spectators(tensor, before)
            given = state.group((BESIDE,), tensor.per, tensor.to, rest)
            taken = before.group((BESIDE,), tensor.per, rest, tensor.on)
            gradient = multiply(given, taken).reshape(right.shape[0], -1)
            found[tensor.values] = reduce(found.get(tensor.values, 0.0) + gradient)
        state = operator.act(tensor, state, back=True)
    return found


def check_permuted(evidence: dict[str, Field], graph: Graph) -> str:
    """Compute the rank of the Jacobian where all gates are permutations.

    The permutation of block b sorts the residues of ``permutation=NAME``, taken from about
    ``-PRIME / 2`` to ``PRIME / 2``: value j comes from the place of the j-th smallest. An entry of
    a gate then moves one entry of T for each value of the other wires.
    """
    seed, moved = evidence["seed"].whole(), 0
    for tensor in graph.tensors:
        _, rows, columns = tensor.shape
        if tensor.bounded or rows != columns or not tensor.known:
            evidence["by"].refuse(f"gate {tensor.name!r} cannot be a permutation.")
        moved += rows * graph.circuit.d_in if tensor.trained else 0
    if not 0 < moved <= MAX_MOVED:
        evidence["by"].refuse(f"the Jacobian has {moved:,} entries; the limit is {MAX_MOVED:,}.")
    rank = find_sparse_rank(_write_equations(graph, seed))
    if rank is None:
        evidence["by"].refuse(f"more than {MAX_TAIL:,} unknowns are left after substitution.")
    evidence["bound"].match(rank, "the elimination")
    return f"{moved:,} entries at the permutations of seed {seed} were eliminated"


def _write_equations(graph: Graph, seed: int) -> Equations:
    """Write an equation for each entry of T, with the entries of trained gates for unknowns."""
    operator = Operator(graph, {})
    orders: dict[str, Indices] = {}
    for tensor in graph.tensors:
        if tensor.name == tensor.values:
            blocks, rows, _ = tensor.shape
            numbers = draw((blocks, rows), seed=seed, label=f"permutation={tensor.name}")
            numbers -= PRIME * (numbers > PRIME // 2)
            fixed = tensor.special and not tensor.trained
            numbers = np.broadcast_to(np.arange(rows), numbers.shape) if fixed else numbers
            orders[tensor.name] = np.argsort(numbers, axis=1, kind="stable")[:, :, None]
    # Which entry of the input each entry of a state comes from, and which of the output it becomes.
    dimension = graph.circuit.d_in
    sources = [operator.spread(graph.inputs, np.arange(dimension))]
    for tensor in graph.tensors:
        rest = _spectators(tensor, sources[-1])
        taken = sources[-1].group(tensor.per, tensor.on, (*rest, BESIDE))
        moved = np.take_along_axis(taken, orders[tensor.values], axis=1)
        sources.append(operator.spread((*tensor.per, *tensor.to, *rest), moved))
    target = operator.spread(graph.outputs, np.arange(dimension))
    first: dict[str, int] = {}
    free = 0
    for tensor in graph.tensors:
        if tensor.trained and tensor.name == tensor.values:
            first[tensor.name], free = free, free + tensor.parameters
    entries, unknowns = [], []
    for tensor, source in zip(reversed(graph.tensors), sources[-2::-1], strict=True):
        rest = _spectators(tensor, source)
        given = target.group(tensor.per, tensor.to, (*rest, BESIDE))
        taken = source.group(tensor.per, tensor.on, (*rest, BESIDE))
        if tensor.trained:
            moves = given[:, :, None] * dimension + taken[:, None]
            entries.append(moves.ravel())
            each = first[tensor.values] + np.arange(tensor.parameters)
            unknowns.append(np.repeat(each, moves.shape[-1]))
        back = np.argsort(orders[tensor.values], axis=1)
        moved = np.take_along_axis(given, back, axis=1)
        target = operator.spread((*tensor.per, *tensor.on, *rest), moved)
    ones = np.ones(sum(map(len, entries)), dtype=np.int64)
    return Equations(np.concatenate(entries), np.concatenate(unknowns), ones)


def _spectators(tensor: Tensor, state: State) -> list[str]:
    touched = {*tensor.per, *tensor.on, BESIDE}
    return [name for name in state.axes if name not in touched]
