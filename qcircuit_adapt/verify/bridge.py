"""Bridge: an upper bound on a rank from blocks of tensors that few values join.

With the tensors on the input's side, on the output's side, or in blocks between, the matrix factors
through ``sum_k A_k (x) B_k (x) ...`` with a term for each value of the bonds between blocks. Almost
every tuple of such A falls apart, up to bases, into the same smaller tuples (Kac, Invent. Math. 56
(1980)); every product of those has at most the rank that it has rows or columns.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from qcircuit_adapt.verify.graph import IN, OUT, Bond
from qcircuit_adapt.verify.read import Field

MAX_BLOCKS = 8
"""How many blocks there may be."""


def check_bridge(evidence: dict[str, Field], names: Sequence[str], bonds: Sequence[Bond]) -> str:
    """Measure the blocks, decompose their shapes, and add up.

    A bond that joins both sides is an index in which all is block-diagonal. One that joins a side
    and several blocks is an index of the first of these, and reaches the others over the bridge.
    """
    where: dict[str, int | str] = dict.fromkeys((OUT, *names), OUT)
    where |= dict.fromkeys((IN, *evidence["input_side"].gates(names)), IN)
    blocks = [
        item.keys(("gates", "rows", "columns", "pieces")) for item in evidence["blocks"].items()
    ]
    if len(blocks) > MAX_BLOCKS:
        evidence["blocks"].refuse(f"there are {len(blocks)} of them; at most {MAX_BLOCKS} may be.")
    for number, block in enumerate(blocks):
        for name in block["gates"].gates(names):
            if where[name] != OUT:
                block["gates"].refuse(f"{name!r} already stands elsewhere.")
            where[name] = number
    rows, columns = [1] * len(blocks), [1] * len(blocks)
    bridge = direct = 1
    for bond in bonds:
        ends = {where[end] for end in bond.ends}
        joined = sorted(end for end in ends if isinstance(end, int))
        if {IN, OUT} <= ends:
            direct *= bond.size
            continue
        bridge *= bond.size if len(joined) > 1 else 1
        if joined and IN in ends:
            columns[joined[0]] *= bond.size
        if joined and OUT in ends:
            rows[joined[0]] *= bond.size
    evidence["bridge"].match(bridge, "the product of the bonds between blocks")
    evidence["direct"].match(direct, "the product of the bonds between the sides")
    pieces = [decompose(bridge, *shape) for shape in zip(rows, columns, strict=True)]
    for number, block in enumerate(blocks):
        block["rows"].match(rows[number], "the product of the bonds to the output's side")
        block["columns"].match(columns[number], "the product of the bonds to the input's side")
        block["pieces"].match([list(piece) for piece in pieces[number]], "the decomposition")
    total = 0
    for chosen in itertools.product(*pieces):
        count, high, wide = (math.prod(piece[n] for piece in chosen) for n in range(3))
        total += count * min(high, wide)
    evidence["bound"].match(direct * total, "the sum over the pieces")
    return "the blocks were measured, and their shapes decomposed by reflections"


def decompose(arrows: int, rows: int, columns: int) -> tuple[tuple[int, int, int], ...]:
    """Decompose a generic tuple of ``rows x columns`` matrices, up to bases common to all.

    Where ``q = rows^2 + columns^2 - arrows rows columns`` is negative it does not fall apart, and
    where q = 0 into square ones of size 1. Else: of more than ``arrows columns`` rows the surplus
    is not reached at all; and otherwise the joint map ``columns * arrows -> rows`` is onto, its
    kernel has ``arrows columns - rows`` dimensions, and what it falls into decides what the tuple
    does (the reflection functors of Bernstein, Gelfand and Ponomarev).

    Returns:
        How often each shape occurs: tuples of a count, rows and columns.

    Example:
        >>> decompose(2, 9, 5), decompose(3, 16, 44), decompose(2, 3, 3)
        (((3, 2, 1), (1, 3, 2)), ((4, 1, 3), (4, 3, 8)), ((3, 1, 1),))
    """
    if rows < columns:
        turned = decompose(arrows, columns, rows)
        return tuple((count, high, wide) for count, wide, high in turned)
    form = rows * rows + columns * columns - arrows * rows * columns
    if form < 0:
        return ((1, rows, columns),)
    if form == 0:
        return ((rows, 1, 1),) if rows else ()
    steps = 0
    surplus, onto = (1, 0), (arrows, 1)
    if arrows == 2 and columns:
        # Each step takes as much from both as there are more rows than columns: take all at once.
        more = rows - columns
        jump = -(-columns // more) - 1
        rows, columns = rows - jump * more, columns - jump * more
        surplus, onto = (1 + jump, jump), (2 + jump, 1 + jump)
    while rows < arrows * columns:
        rows, columns, steps = columns, arrows * columns - rows, steps + 1
    for _ in range(steps):
        surplus, onto = (
            (arrows * surplus[0] - surplus[1], surplus[0]),
            (arrows * onto[0] - onto[1], onto[0]),
        )
    pieces = ((rows - arrows * columns, *surplus), (columns, *onto))
    return tuple(piece for piece in pieces if piece[0])
