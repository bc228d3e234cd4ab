"""Reach: what the matrices of a circuit can be, and what they cannot."""

from __future__ import annotations

from collections.abc import Iterator

from qcircuit_adapt.analysis.bounds.cut import crossing
from qcircuit_adapt.analysis.certificate import Certificate
from qcircuit_adapt.analysis.exposition.bound import (
    describe_bonds,
    join_sentences,
    name_gates,
)
from qcircuit_adapt.analysis.exposition.piece import (
    Code,
    Math,
    Sentence,
    T,
    det,
    expr,
    gate,
    interleave,
    listing,
    number,
    power,
    rank,
    say,
    wire,
)
from qcircuit_adapt.analysis.exposition.rotation import state_rotation
from qcircuit_adapt.analysis.exposition.source import QUANTA
from qcircuit_adapt.analysis.exposition.statement import Section, Statement
from qcircuit_adapt.analysis.structure.determinant import (
    DeterminantSign,
    RankGap,
    Rotation,
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
    wide = [axis for axis in (*circuit.inputs, *circuit.outputs) if axis.size > 1]
    joined = len(wide) > 2 and not certificate.orthogonal
    for found in find_structure(circuit, orthogonal=certificate.orthogonal):
        if isinstance(found, Untouched):
            yield _state_untouched(found)
        elif isinstance(found, BlockDiagonal):
            yield _state_blocks(found)
        elif isinstance(found, Factors) and (len(found.wires) > 1 or joined):
            yield _state_factors(found)
        elif isinstance(found, Dimension):
            yield from _state_dimension(found, certificate)
        elif isinstance(found, SchmidtBound):
            yield from _state_split(found, circuit)
        elif isinstance(found, DeterminantSign):
            yield _state_sign(found, circuit)
        elif isinstance(found, RankGap):
            yield _state_gap(found, circuit)
        elif isinstance(found, Rotation):
            yield from state_rotation(found)
    generated = None if certificate.orthogonal else find_generated(circuit)
    if generated and generated.gap > 1:
        yield from _state_products(generated, circuit)


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
    sizes = ([axis.size for axis in axes] for axes in (circuit.inputs, circuit.outputs))
    if most < min(circuit.d_in, circuit.d_out):
        if next(sizes) == next(sizes):
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
        passes = _count_passes(found, circuit)
    yield Statement(
        "Proposition", "dimension", found.status, claim, (proof, passes) if passes else (proof,)
    )


def _count_passes(found: Dimension, circuit: Circuit) -> Sentence:
    """Say how the dimension grows with the number of passes."""
    assert found.passes
    n = Math("n", "n")
    moved = found.once + found.each * (found.passes - 1) < found.space
    once, each = (found.once, found.each) if moved else (0, circuit.parameters)
    growth = expr(Math(f"{each:,} n", f"{number(each).tex}\\, n"))
    why = (
        say(
            ", since what gates do to single wires can be moved from one to the next and counts "
            "once"
        )
        if once
        else ()
    )
    return say(
        "The matrices of {n} repetitions have dimension at most {growth}{why}. That is less than "
        "{space} for all {n} below {passes}.",
        n=n,
        growth=expr(once, "+", growth) if once else growth,
        why=why,
        space=found.space,
        passes=found.passes,
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
            "Between {side} on one side and all other open wires on the other, {T} has "
            "operator-Schmidt rank at most {bound}, for all gate values. Almost all matrices have "
            "{most}.",
            side=side,
            T=T,
            bound=found.bound,
            most=found.most,
        ),
        (
            say(
                "Put {gates} on the one side, and all other gates on the other. {bonds} So the "
                "entries of {T}, as a matrix from the indices of one side to those of the other, "
                "factor through {n}.",
                gates=name_gates(found.gates),
                bonds=describe_bonds(bonds),
                n=say("one value") if found.bound == 1 else say("{n} values", n=found.bound),
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
            "{what} A real matrix whose determinant has the other sign is not {T}, nor a limit of "
            "such matrices.",
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
                "All gates are square. If one is singular, or a block of one, so is each of its "
                "copies on the other wires. There are at least {gap} copies, and each lowers the "
                "rank by 1 or more.",
                gap=found.gap,
            ),
        ),
    )


def _state_products(found: Generated, circuit: Circuit) -> Iterator[Statement]:
    """State what products of such gates reach, and what that says of QuanTA's universality."""
    supports = dict.fromkeys(tuple(axis.name for axis in one.on) for one in circuit.gates)
    least = found.dimension - found.gap
    claim = say(
        "Finite products of real gates on the wires {named}, in any number and order, reach every "
        "real {shape} matrix {which}. They reach none {exceptions}of a rank from {first} to "
        "{last}.",
        named=listing([Code(" ".join(names)) for names in supports]),
        shape=expr(found.dimension, "x", found.dimension),
        which="of positive determinant" if found.positive else "that is invertible",
        exceptions="of negative determinant, and none " if found.positive else "",
        first=least + 1,
        last=found.dimension - 1,
    )
    claim += say(" Every singular matrix is a limit of such products.")
    group = say(
        "Gates of positive determinant are products of exponentials, so their products form a "
        "connected group. The wires hang together, and brackets of matrices on overlapping sets of "
        "wires give those on their union, so its Lie algebra is that of all matrices. The "
        "connected group with that Lie algebra is that of all matrices of positive determinant."
    )
    if not found.positive:
        group += say(
            " A gate of negative determinant that enters by an odd power gives the other "
            "invertible ones."
        )
    powers = say(
        "The determinant of a gate of {r} rows enters by the power {power}{even}. A singular gate "
        "lowers the rank by at least that much, which is {n} or more.",
        r=Math("r", "r"),
        power=Math(f"{found.dimension:,} / r", f"{number(found.dimension).tex} / r"),
        even=", which is even for all of them" if found.positive else "",
        n=found.gap,
    )
    yield Statement("Proposition", "products of such gates", found.status, claim, (group, powers))
    if all(len([axis for axis in one.on if axis.size > 1]) == 2 for one in circuit.gates):
        yield Statement(
            "Remark",
            "universality",
            "",
            say(
                "The universality theorem of QuanTA is about such products of gates on two wires. "
                "On these wires it holds for every invertible complex matrix, and over the real "
                "numbers as just stated. Read literally, for every real matrix, real gates and an "
                "exact equality, it has the exceptions just stated; {sign}. It says nothing of one "
                "pass through this circuit.",
                sign="those of negative determinant are not even limits of products"
                if found.positive
                else "all of them are limits of products",
            ),
            (),
            (QUANTA,),
        )
