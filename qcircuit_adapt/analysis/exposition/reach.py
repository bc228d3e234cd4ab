"""Reach: what the matrices of a circuit can be, and what they cannot."""

from __future__ import annotations

from collections.abc import Iterator

from qcircuit_adapt.analysis.bounds.cut import crossing
from qcircuit_adapt.analysis.certificate import Certificate
from qcircuit_adapt.analysis.exposition.bound import join_sentences, list_bonds
from qcircuit_adapt.analysis.exposition.piece import (
    Code,
    Math,
    Sentence,
    T,
    det,
    expr,
    gate,
    gates,
    interleave,
    listing,
    power,
    rank,
    say,
    wire,
)
from qcircuit_adapt.analysis.exposition.source import QUANTA
from qcircuit_adapt.analysis.exposition.statement import Section, Statement
from qcircuit_adapt.analysis.structure.determinant import (
    DeterminantSign,
    RankGap,
    find_powers,
)
from qcircuit_adapt.analysis.structure.generate import Generated, find_generated
from qcircuit_adapt.analysis.structure.schmidt import SchmidtBound, split_network
from qcircuit_adapt.analysis.structure.statement import (
    BlockDiagonal,
    Dimension,
    Factors,
    Untouched,
    find_structure,
)
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.network import build_network


def state_reach(certificate: Certificate) -> Section:
    """State what the graph says about every matrix T, and what products of such gates reach."""
    return Section("What the circuit reaches", (), tuple(_state(certificate)))


def _state(certificate: Certificate) -> Iterator[Statement]:
    circuit = certificate.circuit
    for found in find_structure(circuit):
        if isinstance(found, Untouched):
            yield _state_untouched(found)
        elif isinstance(found, BlockDiagonal):
            yield _state_blocks(found)
        elif isinstance(found, Factors):
            yield _state_factors(found)
        elif isinstance(found, Dimension):
            yield from _state_dimension(found, certificate)
        elif isinstance(found, SchmidtBound):
            yield from _state_split(found, circuit)
        elif isinstance(found, DeterminantSign):
            yield _state_sign(found, circuit)
        elif isinstance(found, RankGap):
            yield _state_gap(found, circuit)
    generated = find_generated(circuit)
    if generated:
        yield _state_products(generated, circuit)


def _state_untouched(found: Untouched) -> Statement:
    return Statement(
        "Proposition",
        "untouched wires",
        found.status,
        say(
            "No gate acts on {wires}. There {T} is an identity, beside some matrix on the other "
            "wires.",
            wires=listing([wire(name) for name in found.wires]),
            T=T,
        ),
        (say("A wire that no gate acts on leads from the input to the output."),),
    )


def _state_blocks(found: BlockDiagonal) -> Statement:
    return Statement(
        "Proposition",
        "control wires",
        found.status,
        say(
            "{T} is block-diagonal on {wires}.",
            T=T,
            wires=listing([wire(name) for name in found.wires]),
        ),
        (say("Gates have these only as control wires, and no control wire changes its value."),),
    )


def _state_factors(found: Factors) -> Statement:
    if len(found.wires) == 1:
        return Statement(
            "Proposition",
            "no factors",
            found.status,
            say("The graph of the circuit splits {T} into no Kronecker product.", T=T),
            (
                say(
                    "Bonds of more than one value join all open wires. In particular no output is "
                    "shown to be independent of an input: that no path leads forward from one to "
                    "the other would show it only for gates that preserve norms."
                ),
            ),
        )
    parts = [
        say(
            "{given} to {made}",
            given=listing([wire(name) for name in given]) or say("no input"),
            made=listing([wire(name) for name in made]) or say("no output"),
        )
        for given, made in found.wires
    ]
    return Statement(
        "Proposition",
        "factors",
        found.status,
        say(
            "For all gate values {T} is a Kronecker product of {n} factors, up to the order of "
            "wires: {parts}.",
            T=T,
            n=len(found.wires),
            parts=join_sentences(parts),
        ),
        (say("No bond of more than one value joins one of these groups of wires to another."),),
    )


def _state_dimension(found: Dimension, certificate: Certificate) -> Iterator[Statement]:
    """State that T misses almost all matrices, and how many passes would be needed at least."""
    reached = min(found.reached, certificate.degrees_of_freedom.upper)
    if reached == found.space:
        return
    circuit, most = certificate.circuit, certificate.rank.upper
    claim = say(
        "{T} misses almost all matrices of its shape: those have dimension {space}, all {T} "
        "together at most {reached}.",
        T=T,
        space=found.space,
        reached=reached,
    )
    proof = say(
        "Matrices of {rows} rows and {columns} columns form a space of dimension {space}. The "
        "set of all {T} is no larger than its degrees of freedom, and has measure zero.",
        rows=circuit.d_out,
        columns=circuit.d_in,
        space=found.space,
        T=T,
    )
    passes: Sentence = ()
    if most < min(circuit.d_in, circuit.d_out):
        claim += say(
            " Passing through the circuit again and again does not change that, since {bound}.",
            bound=expr(rank(T), "<=", most),
        )
    elif found.passes:
        claim += say(
            " Of circuits that repeat this one, with gates of their own each time, those of fewer "
            "than {n} passes miss almost all matrices too.",
            n=found.passes,
        )
        passes = say(
            "Repetitions add at most {each} each{once}, which takes {n} of them to reach {space}.",
            each=found.each,
            once=say(
                " to {once}, as what a gate does to single wires can be moved to others",
                once=found.once,
            )
            if found.once
            else "",
            n=found.passes,
            space=found.space,
        )
    yield Statement(
        "Proposition", "dimension", found.status, claim, (proof, passes) if passes else (proof,)
    )


def _state_split(found: SchmidtBound, circuit: Circuit) -> Iterator[Statement]:
    """State a narrow split, unless it is between the input and the output: that is the rank."""
    inputs = {axis.name for axis in circuit.inputs if axis.size > 1}
    outputs = {axis.name for axis in circuit.outputs if axis.size > 1}
    if ({*found.inputs}, {*found.outputs}) in ((inputs, set()), (set(), outputs)):
        return
    side = join_sentences(
        [
            say(f"{kind} {{wires}}", wires=listing([wire(name) for name in names]))
            for kind, names in (("input", found.inputs), ("output", found.outputs))
            if names
        ]
    )
    bonds = crossing(
        split_network(build_network(circuit), found.inputs, found.outputs), found.gates
    )
    yield Statement(
        "Proposition",
        "operator-Schmidt rank",
        found.status,
        say(
            "Between {side} and all other open wires, {T} has operator-Schmidt rank at most "
            "{bound}, for all gate values. Almost all matrices have {most}.",
            side=side,
            T=T,
            bound=found.bound,
            most=found.most,
        ),
        (
            say(
                "Put {gates} on that side, and all others on the other. {bonds} Their sizes "
                "multiply to {n}, through which the entries of {T} factor, as a matrix from one "
                "side's indices to the other's.",
                gates=gates(found.gates) if found.gates else "no gate",
                bonds=say("Between the sides are {bonds}.", bonds=list_bonds(bonds))
                if bonds
                else say("No bond is between the sides."),
                n=found.bound,
                T=T,
            ),
        ),
    )


def _write_determinant(circuit: Circuit) -> Math:
    factors = [power(det(gate(name)), exponent) for name, exponent in find_powers(circuit).items()]
    return expr(det(T), "=", "+-", interleave("*", factors))


def _state_sign(found: DeterminantSign, circuit: Circuit) -> Statement:
    signs = {1: expr(det(T), ">=", 0), -1: expr(det(T), "<=", 0)}
    what = (
        say("{sign} for all gate values.", sign=signs[found.sign])
        if found.sign
        else say("{det} has one sign for all values of the trained gates.", det=det(T))
    )
    return Statement(
        "Proposition",
        "sign of the determinant",
        found.status,
        say(
            "{what} A real matrix of the other sign is not {T}, nor a limit of such matrices.",
            what=what,
            T=T,
        ),
        (
            say(
                "{formula}; every trained gate has an even power, and {rest}. A determinant is "
                "continuous.",
                formula=_write_determinant(circuit),
                rest=say("the sign is that of the order of the wires")
                if found.sign
                else say("the others are frozen"),
            ),
        ),
    )


def _state_gap(found: RankGap, circuit: Circuit) -> Statement:
    least = found.dimension - found.gap
    return Statement(
        "Proposition",
        "gap in the ranks",
        found.status,
        say(
            "For all gate values {equal} or {less}. A matrix of a rank between is at best a limit "
            "of matrices {T}.",
            equal=expr(rank(T), "=", found.dimension),
            less=expr(rank(T), "<=", expr(found.dimension, "-", found.gap, "=", least)),
            T=T,
        ),
        (
            say(
                "All gates are square. If one is singular, so is each of its copies on the other "
                "wires, of which there are at least {gap}, and each lowers the rank by 1 or more.",
                gap=found.gap,
            ),
        ),
    )


def _state_products(found: Generated, circuit: Circuit) -> Statement:
    supports = dict.fromkeys(tuple(axis.name for axis in one.on) for one in circuit.gates)
    named = listing([Code(" ".join(names)) for names in supports])
    exceptions = [say("those of negative determinant")] if found.positive else []
    if found.gap > 1:
        exceptions.append(
            say("singular ones of rank above {n}", n=expr(found.dimension, "-", found.gap))
        )
    which = say("of positive determinant") if found.positive else say("that is invertible")
    claim = say(
        "Finite products of real gates on the wires {named}, in any number and order, reach "
        "every real {shape} matrix {which}.",
        named=named,
        shape=expr(found.dimension, "x", found.dimension),
        which=which,
    )
    if exceptions:
        claim += say(" They do not reach {which}.", which=join_sentences(exceptions))
        claim += say(" Every singular matrix is a limit of such products.")
    proof = [
        say(
            "Gates of positive determinant generate a connected group. The wires hang together, "
            "and brackets of matrices on overlapping sets of wires give those on their union, so "
            "its Lie algebra is that of all matrices. The connected group with that Lie algebra "
            "is that of all matrices of positive determinant."
        )
    ]
    if not found.positive:
        proof.append(
            say(
                "A gate of negative determinant that has an odd power in the product gives the "
                "others."
            )
        )
    if exceptions:
        proof.append(
            say(
                "The determinant of a gate of {r} rows enters by the power {power}"
                "{even}, and a singular one costs the rank at least that much: {n} or more.",
                r=Math("r", "r"),
                power=Math(f"{found.dimension:,} / r", f"{found.dimension} / r"),
                even=", which is even for all of them" if found.positive else "",
                n=found.gap,
            )
        )
    if all(len([a for a in one.on if a.size > 1]) == 2 for one in circuit.gates):
        verdict = (
            say(
                "Read literally, for every real matrix, real gates and an exact equality, it has "
                "these exceptions on these wires. Over the complex numbers every invertible "
                "matrix is such a product, and the gap in the ranks remains."
                if found.gap > 1
                else "Read literally, for every real matrix and real gates, it has these "
                "exceptions on these wires. Over the complex numbers there is none of the sign."
            )
            if exceptions
            else say("On these wires invertible matrices are no exception to it.")
        )
        proof.append(
            say(
                "The universality theorem of QuanTA is about such products of gates on two wires. "
                "{verdict} None of this is about one pass through this circuit.",
                verdict=verdict,
            )
        )
    return Statement("Remark", "universality", found.status, claim, tuple(proof), (QUANTA,))
