"""Freedom: the statement on the degrees of freedom, with the gauge counted edge by edge."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

from qcircuit_adapt.analysis.certificate import Certificate
from qcircuit_adapt.analysis.claim import Untrained
from qcircuit_adapt.analysis.exposition.bound import UNTRAINED, curtail, join_sentences
from qcircuit_adapt.analysis.exposition.piece import (
    TIE,
    Math,
    Part,
    Sentence,
    T,
    expr,
    formula,
    gate,
    gates,
    group,
    interleave,
    listing,
    number,
    power,
    say,
    wire,
)
from qcircuit_adapt.analysis.exposition.rotation import explain_rotations
from qcircuit_adapt.analysis.exposition.source import (
    DIMENSION,
    KAC,
    SCHWARTZ,
    SHAKE,
    TRAINS,
    Source,
)
from qcircuit_adapt.analysis.exposition.start import state_start
from qcircuit_adapt.analysis.exposition.statement import Block, Section, Statement
from qcircuit_adapt.analysis.field.chance import PRIME
from qcircuit_adapt.analysis.formula import count_freedom
from qcircuit_adapt.analysis.freedom.claim import Below, Freedom, NoTheorem
from qcircuit_adapt.analysis.freedom.gauge import (
    Blocking,
    Blocks,
    Gauge,
    Pair,
    build_blocking,
    copy_pencils,
    settle_edges,
)
from qcircuit_adapt.analysis.freedom.jacobian import Jacobian
from qcircuit_adapt.analysis.freedom.permutation import Permuted
from qcircuit_adapt.analysis.freedom.span import Space
from qcircuit_adapt.analysis.freedom.tangent import Tangent, list_spaces
from qcircuit_adapt.analysis.freedom.tree import Tree
from qcircuit_adapt.analysis.rotation import Angles, Skew
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.network import build_network

MAX_SUPPORT = 12
"""Up to how many wires of a gate all subsets of them are counted."""


def state_freedom(certificate: Certificate) -> Section:
    """State the degrees of freedom of T, which are those of the update."""
    meaning = say(
        "The degrees of freedom are the dimension of the set of all matrices {T}. They are the "
        "generic rank of the Jacobian of {T} in the trained numbers, and the same for every "
        "update, which is a shifted and scaled copy of the set.",
        T=T,
    )
    statements = (*_state(certificate), *state_start(certificate))
    return Section("Degrees of freedom", (meaning,), statements)


def _state(certificate: Certificate) -> Iterator[Statement]:
    circuit, freedom = certificate.circuit, certificate.degrees_of_freedom
    jacobian = freedom.below if isinstance(freedom.below, Jacobian) else None
    chance = jacobian and not freedom.exact and jacobian.rows > freedom.lower and jacobian.odds
    yield Statement(
        "Theorem" if freedom.exact else "Proposition",
        "degrees of freedom",
        freedom.status if freedom.exact else "proved interval",
        _claim(freedom, circuit),
        tuple(
            dict.fromkeys(
                (*_explain_above(freedom, circuit), *_explain_below(freedom.below, circuit))
            )
        ),
        _find_sources(freedom),
    )
    if chance and jacobian:
        yield Statement(
            "Remark",
            "the generic rank of the Jacobian",
            freedom.status,
            say(
                "The degrees of freedom are {n}, unless seed {seed} is one of few or the prime "
                "{p} divides what it should not.",
                n=freedom.lower,
                seed=jacobian.seed,
                p=PRIME,
            ),
            (
                say(
                    "A larger minor would be a polynomial that is not zero everywhere, of a degree "
                    "of which at most 1 in {odds} seeds would make it 0 modulo the prime, if seeds "
                    "draw like chance. This is no proof.",
                    odds=jacobian.odds,
                ),
            ),
            (SCHWARTZ,),
        )


def _claim(freedom: Freedom, circuit: Circuit) -> Sentence:
    above = freedom.above
    polynomial = count_freedom(circuit, above) if isinstance(above, Gauge) else None
    upper: Sentence = (number(freedom.upper),)
    if polynomial and not str(polynomial).isdigit():
        upper = (expr(formula(polynomial), "=", freedom.upper),)
    if freedom.exact:
        return say("There are exactly {n} degrees of freedom.", n=upper)
    if not freedom.lower:
        return say("There are at most {n} degrees of freedom.", n=upper)
    return say(
        "There are at least {lower} and at most {upper} degrees of freedom.",
        lower=freedom.lower,
        upper=upper,
    )


def _find_sources(freedom: Freedom) -> tuple[Source, ...]:
    sources: tuple[Source, ...] = ()
    if isinstance(freedom.above, Gauge) and freedom.above.bound < freedom.above.parameters:
        sources = (DIMENSION, KAC)
    if isinstance(freedom.below, Tree):
        sources += (TRAINS,)
    if isinstance(freedom.below, Jacobian | Permuted):
        sources += (SHAKE,)
    return sources


def _explain_above(freedom: Freedom, circuit: Circuit) -> Iterator[Block]:
    gauge = freedom.above
    if isinstance(gauge, Untrained):
        yield UNTRAINED
        return
    if isinstance(gauge, Angles):
        yield explain_rotations(gauge, circuit)
        return
    plain = build_blocking(circuit, gauge.blocks)
    blocking = copy_pencils(plain)
    names = [_name(gauge.blocks, n) for n in range(len(gauge.blocks))]
    yield _explain_blocks(gauge, circuit, blocking, names)
    if blocking.edges:
        yield say(
            "On a bond of size {k} between two of them, any invertible {shape} matrix and its "
            "inverse can be slipped in, and {T} stays as it is. Up to scale that has {each} "
            "dimensions; bonds between the same two count as one:",
            k=Math("k", "k"),
            shape=expr(Math("k", "k"), "x", Math("k", "k")),
            T=T,
            each=expr(power(Math("k", "k"), 2), "-", 1),
        )
        bonds = _list_bonds(circuit, gauge.blocks)
        yield curtail(
            [_write_edge(blocking, pair, names, bonds.get(pair, ())) for pair in blocking.edges],
            "bonds",
        )
    if blocking != plain:
        yield say(
            "Where a tensor is a pair of square matrices between two others that also share a "
            "bond, almost every such pair is diagonal in suitable bases. Its bonds then are a "
            "control wire."
        )
    yield _explain_scales(gauge, blocking, names)


def _explain_blocks(
    gauge: Gauge, circuit: Circuit, blocking: Blocking, names: Sequence[Math]
) -> Sentence:
    merged = [n for n, block in enumerate(gauge.blocks) if len(block) > 1]
    text = say("Upper bound. ")
    if merged:
        parts = [
            say("{name} of {gates}", name=names[n], gates=gates(gauge.blocks[n])) for n in merged
        ]
        text += say(
            "Merge gates into one tensor on the bonds that leave it: {parts}. This reaches at "
            "least all that the circuit does. ",
            parts=join_sentences(parts),
        )
    count = len(gauge.blocks)
    if blocking.apart:
        text += say(
            "Tensors that are used at several places are left as they are, with {n} parameters. ",
            n=sum(blocking.apart),
        )
    if not count:
        return text + say("There are {n} parameters.", n=gauge.parameters)
    tensors = say("one tensor") if count == 1 else say("{n} tensors", n=count)
    wide = (
        ""
        if gauge.parameters == circuit.parameters or merged
        else (", once bonds wider than the rest of a tensor are cut down to that")
    )
    return text + say(
        "{tensors} of trained numbers {have} {n} parameters{wide}.",
        tensors=say("The {tensors}", tensors=tensors) if count > 1 else say("One tensor"),
        have="have" if count > 1 else "has",
        n=gauge.parameters,
        wide=wide,
    )


def _explain_scales(gauge: Gauge, blocking: Blocking, names: Sequence[Math]) -> Sentence:
    count = len(gauge.blocks) + len(blocking.apart)
    scales, lost = blocking.scales, blocking.stabilizer
    text = say("Together these are {n}. ", n=blocking.bases) if blocking.edges else ()
    if any(blocking.controls):
        text += say(
            "Scaling tensors against each other, differently for each value of control wires that "
            "they have in common, adds {n} dimensions. ",
            n=scales,
        )
    elif scales:
        text += say(
            "Scaling the tensors against each other adds {n}. ", n=expr(count, "-", 1, "=", scales)
        )
    terms: list[Part] = [gauge.parameters]
    for value in (blocking.bases, scales):
        terms += ["-", value] if value else []
    if lost:
        terms += ["+", lost]
        text += say(
            "Of all these changes {n} dimensions at most leave every tensor as it is, and do not "
            "count. ",
            n=lost,
        )
    elif any(size > 1 for size in blocking.edges.values()):
        text += say(
            "Generically only scalars among these changes leave every tensor as it is. To see it, "
            "settle the bonds tensor by tensor. Where the bonds still open at a tensor fall into "
            "two groups of sizes {a} and {b}, and its other indices, settled bonds among them, "
            "have {R} values, it is {R} generic {shape} matrices. Their only endomorphisms are "
            "scalars if {form}, except for {two} with {same}. In this order tensors settle their "
            "bonds: {order}. ",
            order=listing(
                [names[step.block] for step in settle_edges(blocking) if step.block is not None]
            ),
            a=Math("a", "a"),
            b=Math("b", "b"),
            two=expr(Math("R", "R"), "=", 2),
            same=expr(Math("a", "a"), "=", Math("b", "b")),
            R=Math("R", "R"),
            shape=expr(Math("a", "a"), "x", Math("b", "b")),
            form=expr(
                power(Math("a", "a"), 2),
                "+",
                power(Math("b", "b"), 2),
                "-",
                Math(f"R{TIE}a{TIE}b", "R a b"),
                "<=",
                1,
            ),
        )
    total = expr(*terms, "=", gauge.bound) if len(terms) > 1 else number(gauge.bound)
    return text + say("So the degrees of freedom are at most {total}.", total=total)


def _name(blocks: Blocks, n: int) -> Math:
    block = blocks[n]
    return gate(block[0]) if len(block) == 1 else Math(f"block {n + 1}", rf"\text{{block {n + 1}}}")


def _list_bonds(circuit: Circuit, blocks: Blocks) -> dict[Pair, list[str]]:
    """Return the wires of the bonds that only two blocks have."""
    number_of = {name: n for n, block in enumerate(blocks) for name in block}
    found: dict[Pair, list[str]] = {}
    for bond in build_network(circuit).bonds:
        ends = sorted({number_of.get(end, -1) for end in bond.ends})
        if len(ends) == 2 and ends[0] >= 0:
            found.setdefault((ends[0], ends[1]), []).append(bond.wire)
    return found


def _write_edge(
    blocking: Blocking, pair: Pair, names: Sequence[Math], wires: Sequence[str]
) -> Sentence:
    size, repeats = blocking.edges[pair], blocking.repeats(pair)
    one = expr(power(size, 2), "-", 1)
    count = expr(repeats, group(one)) if repeats > 1 else one
    first, second = (names[end] for end in pair)
    over = join_sentences([(wire(name),) for name in dict.fromkeys(wires)])
    return say(
        "{first} and {second}{over}: {count}",
        first=first,
        second=second,
        over=say(", over {wires}", wires=over) if over else "",
        count=expr(count, "=", repeats * (size**2 - 1)),
    )


def _explain_below(evidence: Below, circuit: Circuit) -> Iterator[Block]:
    if isinstance(evidence, Tree):
        yield say(
            "Lower bound. Bonds join the tensors like the nodes of trees, and none is wider than "
            "the rest of the tensor at either end. Take a leaf. Generically the values of {T} "
            "across its bond, as a matrix, have the bond's size for their rank, and their column "
            "space is that of the leaf: {T} determines it up to a basis of its bond. What is left "
            "is a smaller tree. Of a Kronecker product {T} determines the factors up to scale. So "
            "{T} leaves nothing open but what was counted.{controls}",
            T=T,
            controls=" With control wires that lead from the input to the output, there is such a "
            "tree for each of their values."
            if any(one.per for one in circuit.gates)
            else "",
        )
    elif isinstance(evidence, Tangent):
        yield from _explain_tangent(evidence, circuit)
    elif isinstance(evidence, Jacobian):
        yield say(
            "Lower bound, by witness. The gates are drawn from seed {seed} as whole numbers modulo "
            "{p}. {rows} rows of the Jacobian, the gradients of {form} for drawn vectors {u} and "
            "{v}, have rank {n} modulo {p}, by exact elimination. A minor that is not 0 modulo "
            "{p} is not 0, so the generic rank is no smaller.",
            seed=evidence.seed,
            p=PRIME,
            rows=evidence.rows,
            form=Math("u^T T v", r"u^{\top} T v"),
            u=Math("u", "u"),
            v=Math("v", "v"),
            n=evidence.bound,
        )
    elif isinstance(evidence, Permuted):
        yield say(
            "Lower bound, by witness. Let every gate be a permutation matrix, drawn from seed "
            "{seed}. The Jacobian there has entries 0 and 1, and exact elimination finds rank {n} "
            "modulo {p}. A minor that is not 0 modulo {p} is not 0, so the generic rank is no "
            "smaller.",
            seed=evidence.seed,
            p=PRIME,
            n=evidence.bound,
        )
    elif isinstance(evidence, Skew):
        yield explain_rotations(evidence, circuit)
    elif isinstance(evidence, NoTheorem):
        yield say("No lower bound is proved here.")


def _explain_tangent(evidence: Tangent, circuit: Circuit) -> Iterator[Block]:
    spaces = list_spaces(circuit) or []
    sizes = count_by_wires(spaces)
    yield say(
        "Lower bound. Let every gate be the identity. Moving one gate then moves {T} along any "
        "matrix on the gate's wires{diagonal}, beside the identity on the others. The degrees of "
        "freedom are at least the dimension of the space that these directions span together.",
        T=T,
        diagonal=", diagonal on its control wires" if any(one.per for one in circuit.gates) else "",
    )
    if sizes is None:
        yield say(
            "Each is a product over the wires, of scalars, diagonal or all matrices. Products of "
            "nested spaces meet in products, so inclusion and exclusion count the span: {n}.",
            n=evidence.bound,
        )
        return
    counts: list[Part] = [count for _, count in sizes]
    parts = [
        say("{count} for {wires}", count=count, wires=_count_wires(wires)) for wires, count in sizes
    ]
    yield say(
        "The matrices on a wire of size {w} are the scalars and the {traceless} of trace 0, so "
        "the span is a direct sum over the sets of wires that lie within one gate, each with the "
        "product of {traceless} over its wires. That is {parts}. Together {total}.",
        w=Math("w", "w"),
        traceless=expr(power(Math("w", "w"), 2), "-", 1),
        parts=join_sentences(parts),
        total=expr(interleave("+", counts), "=", evidence.bound)
        if len(counts) > 1
        else evidence.bound,
    )


def _count_wires(count: int) -> str:
    return {0: "the empty set", 1: "single wires", 2: "pairs"}.get(count, f"sets of {count}")


def count_by_wires(spaces: Sequence[Space]) -> list[tuple[int, int]] | None:
    """Count the dimensions of a sum of matrix spaces by how many wires they are not scalar on.

    Args:
        spaces: For each wire of a space the dimension of its matrices, all a square.

    Returns:
        Pairs of a number of wires and the dimensions; None if a space is diagonal on a wire, or has
        too many wires.
    """
    sets: dict[frozenset[str], int] = {}
    for space in spaces:
        wide = {name: size for name, size in space.items() if size > 1}
        if len(wide) > MAX_SUPPORT or any(math.isqrt(size) ** 2 != size for size in wide.values()):
            return None
        for count in range(len(wide) + 1):
            for names in itertools.combinations(wide, count):
                sets[frozenset(names)] = math.prod(wide[name] - 1 for name in names)
    totals: dict[int, int] = {}
    for names_of, dimension in sets.items():
        totals[len(names_of)] = totals.get(len(names_of), 0) + dimension
    return sorted(totals.items())
