"""Cost: how many numbers are trained, and how many are multiplied."""

from __future__ import annotations

from collections import Counter

from qcircuit_adapt.analysis.certificate import Certificate
from qcircuit_adapt.analysis.exposition.piece import (
    TIE,
    Math,
    Part,
    Sentence,
    expr,
    formula,
    interleave,
    say,
)
from qcircuit_adapt.analysis.exposition.statement import Section, Statement
from qcircuit_adapt.analysis.formula import Formula, count_macs, count_parameters, list_symbols
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.rotation import count_angles


def state_cost(certificate: Certificate) -> Section:
    """State the number of parameters, and of multiply-accumulates."""
    circuit = certificate.circuit
    if certificate.orthogonal:
        return Section("Parameters", (), (_state_angles(certificate),))
    parameters, macs = count_parameters(circuit), count_macs(circuit)
    frozen = certificate.frozen_parameters
    claim = say(
        "The circuit trains {count} numbers. One input vector takes {macs} multiply-accumulates, "
        "gate after gate.",
        count=equal(parameters, certificate.parameters),
        macs=equal(macs, certificate.macs_per_token),
    )
    if frozen:
        claim += say(" Frozen gates store {n} more numbers.", n=frozen)
    proof = say(
        "A gate that takes wires of sizes that multiply to {n}, gives wires of sizes that multiply "
        "to {m}, and has {b} values of its control wires holds {bmn} numbers. Each is multiplied "
        "once for every value of the other wires. A tensor that is used again is counted once "
        "among the parameters.",
        bmn=Math(f"b{TIE}m{TIE}n", "b m n"),
        n=Math("n", "n"),
        m=Math("m", "m"),
        b=Math("b", "b"),
    )
    numbers = say(
        "In numbers, term by term, these are {parameters} and {macs}.",
        parameters=add_up(parameters),
        macs=add_up(macs),
    )
    statement = Statement(
        "Proposition",
        "parameters and cost",
        "theorem",
        claim + name_symbols(circuit),
        (proof, numbers),
    )
    return Section("Parameters", (), (statement,))


def _state_angles(certificate: Certificate) -> Statement:
    """State the number of angles, and of multiply-accumulates."""
    circuit = certificate.circuit
    blocks = [count_angles(gate) for gate in circuit.gates if not gate.share]
    counts: Counter[int] = Counter()
    for number, each in blocks:
        counts[each] += number
    terms = [
        expr(number, "*", each) if number > 1 else expr(each) for each, number in counts.items()
    ]
    claim = say(
        "The number of angles that the circuit trains is {count}. One input vector takes {macs} "
        "multiply-accumulates, gate after gate.",
        count=certificate.parameters,
        macs=equal(count_macs(circuit), certificate.macs_per_token),
    )
    proof = say(
        "A block of {n} rows has {half} angles. Over the blocks of all gates, each tensor once, "
        "that is {sum}. Each number of a gate is multiplied once for every value of the other "
        "wires; what it takes to compute the gates from the angles is not counted.",
        n=Math("n", "n"),
        half=Math(f"n (n -{TIE}1) / 2", "n (n - 1) / 2"),
        sum=expr(interleave("+", terms), "=", certificate.parameters),
    )
    return Statement(
        "Proposition",
        "parameters and cost",
        "theorem",
        claim + name_symbols(circuit),
        (proof,),
    )


def equal(polynomial: Formula, value: int) -> Math:
    """Write a formula and its value; a number that is its own formula stands alone."""
    text = formula(polynomial)
    return expr(value) if text.text.isdigit() else expr(text, "=", value)


def add_up(polynomial: Formula) -> Math:
    """Write the values of the terms of a formula, equal ones together, and their sum."""
    values = Counter(one.value for one in polynomial.monomials)
    terms: list[Part] = [
        expr(count, "*", value) if count > 1 else expr(value) for value, count in values.items()
    ]
    if len(terms) < 2 and max(values.values(), default=1) < 2:
        return expr(polynomial.value)
    return expr(interleave("+", terms), "=", polynomial.value)


def name_symbols(circuit: Circuit) -> Sentence:
    """Say what symbols with an index stand for, if there are any."""
    symbols = sorted({one for one in list_symbols(circuit).values() if one.index})
    if not symbols:
        return ()
    each = [expr(Math(str(one), one.tex()), "=", one.size) for one in symbols]
    return say(
        " Here a name alone is the size of that axis, and {each}.", each=interleave(",", each)
    )
