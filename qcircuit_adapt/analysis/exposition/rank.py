"""Rank: statements on the rank of T and of the update."""

from __future__ import annotations

from collections.abc import Iterator

from qcircuit_adapt.analysis.certificate import Certificate
from qcircuit_adapt.analysis.claim import Invertible, RankClaim, Scaled
from qcircuit_adapt.analysis.count import gate_rank
from qcircuit_adapt.analysis.exposition.bound import (
    curtail,
    explain_above,
    explain_both,
    explain_scaling,
    find_sources,
    subject_of,
)
from qcircuit_adapt.analysis.exposition.piece import (
    DIFFERENCE,
    TIE,
    UPDATE,
    Math,
    S,
    Sentence,
    T,
    W,
    expr,
    gate,
    group,
    indexed,
    interleave,
    number,
    rank,
    say,
)
from qcircuit_adapt.analysis.exposition.source import LORA, QUANTA, SCHWARTZ
from qcircuit_adapt.analysis.exposition.statement import Block, Kind, Section, Statement
from qcircuit_adapt.analysis.field.witness import Witness
from qcircuit_adapt.analysis.rotation import Orthogonal
from qcircuit_adapt.axes import product
from qcircuit_adapt.circuit import Circuit


def state_ranks(certificate: Certificate) -> Section:
    """State QuanTA's bounds, the rank of T, and that of the update."""
    return Section("Rank", (), tuple(_state(certificate)))


def find_status(claim: RankClaim) -> str:
    """Return the status of the bounds: both are proved; a remark says what is likely beyond."""
    return claim.status if claim.exact else "proved interval"


def find_odds(claim: RankClaim) -> int:
    """Return once in how many seeds a larger rank is missed at most; 0 if that says nothing."""
    if claim.exact or not isinstance(claim.below, Witness):
        return 0
    return claim.below.odds if claim.below.odds > 1 else 0


def _state(certificate: Certificate) -> Iterator[Statement]:
    circuit, update = certificate.circuit, certificate.update_rank
    yield _state_quanta_bounds(certificate)
    yield _state_rank(certificate.rank, circuit)
    yield from _state_chance(certificate.rank, circuit)
    if update:
        yield _state_update(update, certificate)
        if update.form != "zero":
            yield from _state_chance(update, circuit)


def _state_quanta_bounds(certificate: Certificate) -> Statement:
    circuit, bounds = certificate.circuit, certificate.quanta_bounds
    if not circuit.gates:
        return Statement(
            "Proposition",
            "QuanTA's bounds",
            "theorem",
            say("Without gates, {rank}.", rank=expr(rank(T), "=", bounds.upper)),
            (say("{T} is a permutation matrix.", T=T),),
            (QUANTA,),
        )
    a = Math("a", "a")
    largest = indexed("R", a)
    claim = say(
        "For all gate values {upper}. If every gate {a} has rank at least {R}, or each of its "
        "blocks does, then {lower}{nothing}. Here {R} is the largest rank of which the gate is "
        "capable.",
        upper=expr(rank(T), "<=", bounds.upper),
        a=a,
        R=largest,
        lower=expr(rank(T), ">=", bounds.lower),
        nothing=", which says nothing" if bounds.lower <= 0 else "",
    )
    widths = [product(stage) for stage in circuit.stages]
    ranks = [
        width // one.columns * gate_rank(circuit, one)
        for one, width in zip(circuit.gates, widths, strict=False)
    ]
    items = [
        say(
            "{gate}: {R}, with the other wires {whole}",
            gate=gate(one.name),
            R=expr(indexed("R", gate(one.name)), "=", gate_rank(circuit, one)),
            whole=expr(total // gate_rank(circuit, one), "*", gate_rank(circuit, one), "=", total),
        )
        for one, total in zip(circuit.gates, ranks, strict=True)
    ]
    between = widths[1:-1]
    sums = expr(sum(ranks), "-", sum(between), "=", bounds.lower)
    proof: list[Block] = [
        say("The ranks of the gates, alone and beside the identity on all other wires:"),
        curtail(items, "gates"),
        say(
            "The least of the latter bounds the rank of the product. By Sylvester's inequality, "
            "{sylvester} for matrices {A} and {B} that meet in {n} dimensions. {meet} So a lower "
            "bound is {sums}.",
            sylvester=expr(
                rank(Math(f"A{TIE}B", "A B")),
                ">=",
                rank(Math("A", "A")),
                "+",
                rank(Math("B", "B")),
                "-",
                Math("n", "n"),
            ),
            A=Math("A", "A"),
            B=Math("B", "B"),
            n=Math("n", "n"),
            meet=say("There is one gate, which meets no other.")
            if not between
            else say(
                "Between the gates there are {widths} dimensions.",
                widths=expr(len(between), "*", between[0])
                if len({*between}) == 1 and len(between) > 1
                else interleave("+", between),
            ),
            sums=sums,
        ),
    ]
    return Statement("Proposition", "QuanTA's bounds", "theorem", claim, tuple(proof), (QUANTA,))


def _state_rank(claim: RankClaim, circuit: Circuit) -> Statement:
    sentence = _claim(claim, rank(T))
    if isinstance(claim.below, Invertible) and circuit.gates:
        sentence += say(" {T} is invertible exactly when every gate is.", T=T)
    proof = explain_both(claim.above, claim.below, circuit)
    kind: Kind = "Theorem" if claim.exact else "Proposition"
    sources = find_sources(claim.above, claim.below)
    return Statement(kind, "rank of the circuit", find_status(claim), sentence, proof, sources)


def _claim(claim: RankClaim, of: Math) -> Sentence:
    if claim.exact:
        if isinstance(claim.below, Orthogonal):
            return say("For all gate values {equal}.", equal=expr(of, "=", claim.upper))
        if not claim.upper:
            return say("For all gate values {equal}.", equal=expr(of, "=", 0))
        return say(
            "For all gate values {bound}, with equality generically.",
            bound=expr(of, "<=", claim.upper),
        )
    upper = say("For all gate values {bound}", bound=expr(of, "<=", claim.upper))
    if not claim.lower:
        return say("{upper}. No lower bound is proved.", upper=upper)
    return say("{upper}, and generically {lower}.", upper=upper, lower=expr(of, ">=", claim.lower))


def _state_update(claim: RankClaim, certificate: Certificate) -> Statement:
    circuit = certificate.circuit
    sentence = _claim(claim, rank(UPDATE))
    same = claim.form == "zero" and (claim.below, claim.above) == (
        certificate.rank.below,
        certificate.rank.above,
    )
    below = claim.below
    if isinstance(below, Scaled):
        sentence += say(" The latter holds whatever {S} is.", S=S)
    proof: tuple[Block, ...]
    if same:
        proof = (say("The update is {T} up to scale; its rank is shown above.", T=T),)
    elif isinstance(below, Scaled) and below.of == certificate.rank.below:
        shown = say("The rank of {T} is shown above.", T=T)
        proof = (
            *explain_above(claim.above, circuit),
            shown,
            explain_scaling(below, circuit),
        )
    else:
        proof = explain_both(claim.above, below, circuit)
    if certificate.weight_rank:
        sentence, proof = _multiply(claim, certificate.weight_rank, sentence, proof)
    if claim.upper:
        sentence += say(" At the start of training {start}.", start=expr(UPDATE, "=", 0))
    sources = find_sources(claim.above, claim.below)
    sources += {"zero": (LORA,), "difference": (QUANTA,)}.get(claim.form or "", ())
    kind: Kind = "Theorem" if claim.exact else "Proposition"
    return Statement(kind, "rank of the update", find_status(claim), sentence, proof, sources)


def _multiply(
    claim: RankClaim, dimension: int, sentence: Sentence, proof: tuple[Block, ...]
) -> tuple[Sentence, tuple[Block, ...]]:
    """Put the base weight around what is proved of the other factor."""
    w, n, of = Math("w", "w"), number(dimension), rank(UPDATE)
    sentence = say("Let {W} have rank {n}. ", W=W, n=n) + sentence
    shown = say("As {W} loses nothing, the rank is that of {d}.", W=W, d=DIFFERENCE)
    if not claim.upper:
        return sentence, (shown, *proof)
    least = expr(claim.lower, "-", group(expr(n, "-", w)))
    if claim.lower == dimension:
        sentence += say(" With {W} of any rank {w}, generically {r}.", W=W, w=w, r=expr(of, "=", w))
    else:
        sentence += say(
            " With {W} of any rank {w}, for all gate values {upper} and {rank}, and generically "
            "{lower}.",
            W=W,
            w=w,
            upper=expr(of, "<=", claim.upper),
            rank=expr(of, "<=", w),
            lower=expr(of, ">=", least),
        )
    other = say(
        "With {W} of rank {w}, a product has at most the rank of each factor, and by Sylvester's "
        "inequality, in {n} dimensions, at least {least}.",
        W=W,
        w=w,
        n=n,
        least=least,
    )
    return sentence, (shown, *proof, other)


def _state_chance(claim: RankClaim, circuit: Circuit) -> Iterator[Statement]:
    odds = find_odds(claim)
    if not odds:
        return
    of = rank(subject_of(claim.subject))
    p = Math("p", "p")
    assert isinstance(claim.below, Witness)
    yield Statement(
        "Remark",
        "the generic rank",
        f"Monte Carlo (1 in {odds:,})",
        say(
            "Generically {equal} modulo the prime {p}, unless seed {seed} is one of few.",
            equal=expr(of, "=", claim.lower),
            p=expr(p, "=", claim.below.prime),
            seed=claim.below.seed,
        ),
        (
            say(
                "If the rank were larger, a minor of one row more would be a polynomial that is "
                "not zero everywhere, and its degree is at most the number of its rows times that "
                "of the factors that are drawn. At most 1 in {odds} seeds would make it 0, if "
                "seeds draw like chance. This is no proof.",
                odds=odds,
            ),
        ),
        (SCHWARTZ,),
    )
