"""Bound: why each kind of evidence bounds the rank of T, or of T - S."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence

from qcircuit_adapt.analysis.bounds.bridge import Block as BridgeBlock
from qcircuit_adapt.analysis.bounds.bridge import BridgeBound
from qcircuit_adapt.analysis.bounds.cut import Cut, Subject
from qcircuit_adapt.analysis.bounds.product import ProductBound, find_trained
from qcircuit_adapt.analysis.bounds.route import Path, Routing, settle
from qcircuit_adapt.analysis.claim import (
    Above,
    Below,
    Invertible,
    Scaled,
    Unproved,
)
from qcircuit_adapt.analysis.exposition.piece import (
    DIFFERENCE,
    TIE,
    Code,
    Math,
    Part,
    S,
    Sentence,
    T,
    det,
    expr,
    gate,
    gates,
    group,
    indexed,
    interleave,
    number,
    path,
    power,
    say,
    wire,
)
from qcircuit_adapt.analysis.exposition.rotation import explain_rotations
from qcircuit_adapt.analysis.exposition.source import FLOW, KAC, SCHOFIELD, SHAKE, Source
from qcircuit_adapt.analysis.exposition.statement import Block, Listing
from qcircuit_adapt.analysis.field.rotation_witness import RotationWitness
from qcircuit_adapt.analysis.field.witness import Witness
from qcircuit_adapt.analysis.rotation import Euler, Orthogonal, Turned
from qcircuit_adapt.analysis.structure.determinant import find_powers
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.network import INPUT, OUTPUT, Bond
from qcircuit_adapt.wires import split_ranks

MAX_LISTED = 16
"""How many items of a kind are written out; the rest are counted."""

SOURCES: dict[type, tuple[Source, ...]] = {
    Cut: (FLOW,),
    Routing: (FLOW,),
    BridgeBound: (KAC, SCHOFIELD),
    RotationWitness: (SHAKE,),
    Witness: (SHAKE,),
}
"""Whose results each kind of evidence uses."""


def find_sources(*evidence: Above | Below) -> tuple[Source, ...]:
    """Return the sources of some evidence, each once."""
    inner = [one.of if isinstance(one, Scaled) else one for one in evidence]
    inner = [one for one in inner if not (isinstance(one, Cut) and _count_side(one))]
    return tuple(dict.fromkeys(source for one in inner for source in SOURCES.get(type(one), ())))


def subject_of(subject: Subject) -> Math:
    """Write the matrix that is bounded."""
    return T if subject == "T" else DIFFERENCE


def explain_above(evidence: Above, circuit: Circuit) -> tuple[Block, ...]:
    """Say why an upper bound holds."""
    if isinstance(evidence, Cut):
        return tuple(_explain_cut(evidence))
    if isinstance(evidence, ProductBound):
        return tuple(_explain_product(evidence, circuit))
    if isinstance(evidence, BridgeBound):
        return tuple(_explain_bridge(evidence, circuit))
    if isinstance(evidence, Euler | Orthogonal):
        return (explain_rotations(evidence, circuit),)
    return (UNTRAINED,)


def explain_below(evidence: Below, circuit: Circuit) -> tuple[Block, ...]:
    """Say why a lower bound holds; the evidence of `Scaled` on T is explained as well."""
    if isinstance(evidence, Invertible):
        return tuple(_explain_invertible(circuit))
    if isinstance(evidence, Routing):
        return tuple(_explain_routing(evidence, circuit))
    if isinstance(evidence, Witness):
        return tuple(_explain_witness(evidence, circuit))
    if isinstance(evidence, Scaled):
        return (*explain_below(evidence.of, circuit), explain_scaling(evidence, circuit))
    if isinstance(evidence, Orthogonal | RotationWitness | Turned):
        return (explain_rotations(evidence, circuit),)
    if isinstance(evidence, Unproved):
        return (say("No lower bound is proved: a frozen gate stays at special values."),)
    return (UNTRAINED,)


def explain_both(above: Above, below: Below, circuit: Circuit) -> tuple[Block, ...]:
    """Say why both bounds hold, and what is the same for both only once."""
    blocks = (*explain_above(above, circuit), *explain_below(below, circuit))
    return tuple(dict.fromkeys(blocks))


UNTRAINED = say("No gate is trained, so the update stays zero.")


def explain_scaling(evidence: Scaled, circuit: Circuit) -> Sentence:
    """Say why the rank of T is a lower bound on that of T - S, whatever S is."""
    trained = next(one for one in circuit.gates if circuit.trainable(one) and not one.share)
    uses = sum(circuit.owner(one).name == trained.name for one in circuit.gates)
    c, prime = Math("c", "c"), Math("T'", "T'")
    factor = power(c, uses)
    scaled = expr(factor, group(expr(prime, "-", S, Math(f"/ {factor.text}", f"/ {factor.tex}"))))
    return say(
        "Lower bound for {difference}. Take gates at which {T} is a matrix {prime} of rank {n}, "
        "and multiply the trained gate {gate} by a number {c}. Then {difference} becomes {scaled}. "
        "For large {c} the matrix in parentheses is as close to {prime} as one likes, so its rank "
        "is at least {n}. A minor of {difference} of that size is then not zero everywhere, "
        "whatever {S} is.",
        difference=DIFFERENCE,
        T=T,
        S=S,
        prime=prime,
        n=evidence.bound,
        gate=gate(trained.name),
        c=c,
        scaled=scaled,
    )


def write_bond(bond: Bond) -> Math:
    """Write a bond as its wire and size."""
    return expr(wire(bond.wire), "=", bond.size)


def describe_bonds(bonds: Sequence[Bond]) -> Sentence:
    """Say which bonds are between two sides, by wire, size and where they start."""
    if not bonds:
        return say("No bond joins the two sides.")
    items: list[Sentence] = []
    for bond in bonds:
        origin = say("the input") if bond.ends[0] == INPUT else (gate(bond.ends[0]),)
        items.append(say("{bond} from {origin}", bond=write_bond(bond), origin=origin))
    start = (
        "The only bond between the two sides is "
        if len(bonds) == 1
        else ("The bonds between the two sides are ")
    )
    return (start, *join_sentences(items), ".")


def name_gates(names: Sequence[str]) -> Sentence:
    """List gates after the word "gate" or "gates"."""
    if not names:
        return say("no gate")
    return say("gates {names}" if len(names) > 1 else "gate {names}", names=gates(names))


def join_sentences(items: Sequence[Sentence]) -> Sentence:
    """Put parts of sentences together, with commas and a last "and"."""
    found: Sentence = ()
    for place, item in enumerate(items):
        if place:
            found += (" and " if place == len(items) - 1 else ", ",)
        found += item
    return found


def curtail(items: Sequence[Sentence], what: str) -> Listing:
    """Make a list of items, of which the last ones are only counted if there are many."""
    shown = tuple(items[:MAX_LISTED])
    rest = len(items) - len(shown)
    return Listing((*shown, say(f"and {{n}} more {what}.", n=rest)) if rest else shown)


def _explain_cut(cut: Cut) -> Iterator[Block]:
    subject = subject_of(cut.subject)
    doubled = any(bond.wire == cut.subject for bond in cut.bonds)
    bonds = [bond for bond in cut.bonds if bond.wire != cut.subject]
    if name := _count_side(cut):
        sizes = interleave("*", [bond.size for bond in bonds] or [1])
        yield say(
            f"Upper bound. {{subject}} has {{count}} {name}.",
            subject=subject,
            count=_evaluate(sizes, cut.bound),
        )
        return
    sizes = interleave("*", [2] * doubled + [bond.size for bond in bonds] or [1])
    text = say(
        "Upper bound. Put {side} on the side of the input, and all others on that of the output. "
        "{bonds} Multiplying out each side writes {T} as {product}, where {M} has as many rows as "
        "the indices of these bonds have values together.",
        side=name_gates(cut.input_side),
        bonds=describe_bonds(bonds),
        T=T,
        product=Math(f"N{TIE}M", "N M"),
        M=Math("M", "M"),
    )
    if cut.subject == "T - S" and doubled:
        text += say(
            " In the same way {S} is {other}. Both sides hold trained gates. {difference} is the "
            "product of {left} and {right}, with twice as many rows between.",
            S=S,
            other=Math(f"N'{TIE}M'", "N' M'"),
            difference=DIFFERENCE,
            left=Math(f"[N,{TIE}-N']", r"\begin{bmatrix} N & -N' \end{bmatrix}"),
            right=Math(f"[M;{TIE}M']", r"\begin{bmatrix} M \\ M' \end{bmatrix}"),
        )
    elif cut.subject == "T - S":
        text += say(
            " In the same way {S} is a product. All trained gates are on one side, so the factor "
            "of the other side is the same in both, and a factor of {difference} too.",
            S=S,
            difference=DIFFERENCE,
        )
    yield text + say(" So the rank is at most {n}.", n=_evaluate(sizes, cut.bound))


def _count_side(cut: Cut) -> str:
    """Say whether a cut is that of all columns or of all rows; empty if it is neither."""
    for place, end, name in ((0, INPUT, "columns"), (-1, OUTPUT, "rows")):
        if all(bond.wire != cut.subject and bond.ends[place] == end for bond in cut.bonds):
            return name
    return ""


def _evaluate(written: Math, value: int) -> Math:
    """Write a term and its value, or the value alone if that is the term."""
    return written if written == number(value) else expr(written, "=", value)


def _explain_product(bound: ProductBound, circuit: Circuit) -> Iterator[Block]:
    trained = find_trained(circuit)
    changed = [one for one in bound.factors if trained & {*one.gates}]
    kept = [one for one in bound.factors if not trained & {*one.gates}]
    ranks = [min(one.rank, one.span) for one in changed]
    common = [max(0, 2 * min(one.rank, one.span) - one.span) for one in changed]
    if bound.through > 1:
        yield say(
            "Upper bound. Wires of sizes that multiply to {n} are changed by no gate. {T} and {S} "
            "are block-diagonal on them, with so many blocks; the rest is about one block.",
            n=bound.through,
            T=T,
            S=S,
        )
    yield say(
        "{start}The input and the output alone join the parts of the circuit listed here, of which "
        "{T} and {S} are the Kronecker products:",
        start="" if bound.through > 1 else "Upper bound. ",
        T=T,
        S=S,
    )
    items = []
    for place, one in enumerate(bound.factors, 1):
        factor = indexed("T", number(place))
        item = say(
            "{factor}, of {names}: rank at most {rank}",
            factor=factor,
            names=gates(one.gates),
            rank=min(one.rank, one.span),
        )
        if trained & {*one.gates}:
            item += say(
                f"; its {bound.space} lie in a space of dimension {{span}}, for {{T}} and {{S}} "
                "the same.",
                span=one.span,
                T=T,
                S=S,
            )
        else:
            item += say("; no gate is trained, so it is the same in {S}.", S=S)
        items.append(item)
    yield Listing(tuple(items))
    product, shared = interleave("*", ranks), interleave("*", common)
    through = [bound.through] if bound.through > 1 else []
    outside = [*through, *(min(one.rank, one.span) for one in kept)]
    inner = expr(2, "*", product, "-", shared)
    total = expr(interleave("*", outside), "*", group(inner)) if outside else inner
    yield say(
        f"Two subspaces of dimension {{c}} in a space of dimension {{s}} meet in at least "
        f"{{meet}} dimensions, and the spaces of {bound.space} of {{T}} and {{S}} meet in the "
        "product of what the factors have in common. So the rank of {difference} is at most "
        "{total}. The expression grows with the ranks, so it holds for smaller ranks as well.",
        c=Math("c", "c"),
        s=Math("s", "s"),
        meet=expr(Math("2 c".replace(" ", TIE), "2 c"), "-", Math("s", "s")),
        T=T,
        S=S,
        difference=DIFFERENCE,
        total=_evaluate(total, bound.bound),
    )


def _explain_bridge(bound: BridgeBound, circuit: Circuit) -> Iterator[Block]:
    subject = subject_of(bound.subject)
    letters = [Math(letter, letter) for letter in "ABCDEFGH"]
    k = Math("k", "k")
    items = []
    for letter, block in zip(letters, bound.blocks, strict=False):
        items.append(
            say(
                "The {letter} come from {names} and have {rows} rows and {columns} columns. "
                "Generically they fall apart into {pieces}.",
                letter=indexed(letter.text, k),
                names=gates(block.gates) if block.gates else "no gate",
                rows=block.rows,
                columns=block.columns,
                pieces=_list_pieces(block),
            )
        )
    term = interleave("(x)", [indexed(letter.text, k) for letter in letters[: len(bound.blocks)]])
    placed = {*bound.input_side, *(name for block in bound.blocks for name in block.gates)}
    rest = [one.name for one in split_ranks(circuit).gates if one.name not in placed]
    sides = say("")
    if bound.input_side:
        sides += say("; {names} stand before them", names=gates(bound.input_side))
    if rest:
        sides += say("; {names} stand behind them", names=gates(rest))
    choice = (
        say(" The choice between {T} and {S} is one of these bonds, of size 2.", T=T, S=S)
        if bound.subject == "T - S"
        else ()
    )
    yield say(
        "Upper bound. Divide the gates into the blocks below{sides}. Bonds whose sizes multiply to "
        "{n} join the blocks.{choice} So {subject} factors through a sum of {n} products {term}, "
        "{k} from 1 to {n}.",
        sides=sides,
        n=bound.bridge,
        choice=choice,
        subject=subject,
        term=term,
        k=k,
    )
    yield Listing(tuple(items))
    pieces = [block.pieces for block in bound.blocks]
    terms: list[Part] = []
    for combination in itertools.product(*pieces):
        count, rows, columns = (math.prod(one[n] for one in combination) for n in range(3))
        if count and rows and columns:
            terms.append(expr(count, "*", min(rows, columns)))
    total = interleave("+", terms or [0])
    if bound.direct > 1:
        total = expr(bound.direct, "*", group(total))
    yield say(
        "This is the canonical decomposition of {n} complex matrices of one shape, up to bases "
        "that they have in common; almost all families of {n} such matrices have the same one. The "
        "sum of products falls apart along with its factors, and each piece has at most as large a "
        "rank as it has rows or columns. Adding up gives {total}. Ranks do not grow in limits, so "
        "this bounds all ranks, and real ones among them.",
        n=bound.bridge,
        total=_evaluate(total, bound.bound),
    )


def _list_pieces(block: BridgeBlock) -> Sentence:
    items: list[Sentence] = []
    for count, rows, columns in block.pieces:
        shape = expr(rows, "x", columns)
        items.append(say("{count} of shape {shape}", count=count, shape=shape))
    return join_sentences(items) or say("nothing")


def _explain_invertible(circuit: Circuit) -> Iterator[Block]:
    powers = find_powers(circuit)
    if not powers:
        yield say("Lower bound. {T} is a permutation matrix.", T=T)
        return
    factors = [power(det(gate(name)), exponent) for name, exponent in powers.items()]
    blocks = any(one.per for one in circuit.gates)
    yield say(
        "Lower bound. Every gate is square. {one} of {r} rows acts on {copies} copies of its "
        "wires, so {formula}{blocks}. The determinant of a matrix is a polynomial in its entries, "
        "and that of each gate is not zero everywhere. So {T} is invertible exactly when every "
        "gate is, and that is the case generically.",
        r=Math("r", "r"),
        one=say("A block of a gate with {b} blocks, each", b=Math("b", "b"))
        if blocks
        else "A gate",
        copies=Math("d / (b r)", "d / (b r)") if blocks else Math("d / r", "d / r"),
        formula=expr(det(T), "=", "+-", interleave("*", factors)),
        blocks=", where the determinant of a gate with control wires is the product of those of "
        "its blocks"
        if blocks
        else "",
        T=T,
    )


def _explain_routing(routing: Routing, circuit: Circuit) -> Iterator[Block]:
    subject = subject_of(routing.subject)
    if not routing.paths:
        yield say("Lower bound. The gates can be chosen such that {T} is not zero.", T=subject)
        return
    network = settle(circuit, subject=routing.subject)
    halves = split_ranks(circuit)
    known = {*network.gates} if network else set()
    held = [one.name for one in halves.gates if one.name not in known]
    if held:
        yield say(
            "Lower bound. Gates that share their tensor or keep special values are held at the "
            "identity, and the bonds on both sides of them become one. These are {names}.",
            names=gates(held),
        )
    if routing.subject == "T - S":
        yield say(
            "{start}{difference} is the network of {T} with one more index of two values, which "
            "says whether all trained gates hold their values in {T} or those in {S}; the sign is "
            "part of a gate. A path may use that index, called choice, like a bond.",
            start="" if held else "Lower bound. ",
            difference=DIFFERENCE,
            T=T,
            S=S,
        )
    begin = "" if held or routing.subject == "T - S" else "Lower bound. "
    yield say("{begin}Let values travel from the input to the output on these paths:", begin=begin)
    yield curtail(_list_paths(routing.paths), "paths")
    widths = Counter(one.width for one in routing.paths)
    product = interleave("*", [power(width, count) for width, count in sorted(widths.items())])
    yield say(
        "No bond carries more values than its size. Let each gate copy what its paths bring, and "
        "be zero at all other indices. Then different values at the input come out as different "
        "ones, so with these gates {subject} has rank at least {total}. A minor of that size is "
        "not zero everywhere.",
        subject=subject,
        total=_evaluate(product, routing.bound),
    )


def _list_paths(paths: Sequence[Path]) -> list[Sentence]:
    """Write every way once, with all the values that travel on it."""
    widths: dict[tuple[tuple[str, ...], tuple[str, ...]], int] = {}
    for one in paths:
        way = (one.bonds, one.gates)
        widths[way] = widths.get(way, 1) * one.width
    items = []
    for (bonds, names), width in widths.items():
        wires = [name.split(":", 1)[1].replace("T - S", "choice") for name in bonds]
        stops = [Math("<in>", r"\text{in}"), *map(gate, names), Math("<out>", r"\text{out}")]
        items.append(say("{n} values: {way}", n=width, way=path(stops, wires)))
    return items


def _explain_witness(witness: Witness, circuit: Circuit) -> Iterator[Block]:
    subject, p = subject_of(witness.subject), Math("p", "p")
    gates_of = say("of {T} and of {S}", T=T, S=S) if witness.form == "difference" else ()
    drawn = gates_of or say("of {T}", T=T)
    first = next(one.name for one in split_ranks(circuit).gates if not one.share)
    fixed = (
        say("; those of {S} are (partial) identities", S=S) if witness.form == "residual" else ()
    )
    yield say(
        "Lower bound, by witness. The gates {drawn} are drawn from seed {seed} as whole numbers "
        "modulo the prime {p}{fixed}. Those of {first} are the SHAKE-128 digest of {text}, in "
        "words of 32 bits, the least significant byte first; the others likewise{initial}.",
        first=gate(first),
        text=Code(f"qca-rank-witness-v1|seed={witness.seed}|gate={first}"),
        initial=say(
            ", those of {S} with {word} for {other}", S=S, word=Code("initial"), other=Code("gate")
        )
        if witness.form == "difference"
        else "",
        drawn=drawn,
        seed=witness.seed,
        p=expr(p, "=", witness.prime),
        fixed=fixed,
    )
    projected = (
        say(
            " It is multiplied from both sides by drawn matrices, to {shape}, which does not raise "
            "a rank.",
            shape=expr(witness.projection, "x", witness.projection),
        )
        if witness.projection
        else ()
    )
    yield say(
        "With these gates {subject} is a matrix of whole numbers.{projected} Modulo {p} it has "
        "rank {n}, by exact elimination; the SHA-256 digest of the matrix begins with {digest}. "
        "A minor that is not 0 modulo {p} is not 0. So some minor of size {n} is a polynomial in "
        "the entries of the gates that is not zero everywhere. Chance has no part in this: another "
        "seed might show less, never more than is true.",
        subject=subject,
        projected=projected,
        p=p,
        n=witness.bound,
        digest=Code(witness.digest[:16]),
    )
