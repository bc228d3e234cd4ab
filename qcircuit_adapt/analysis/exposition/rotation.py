"""Rotation: what is said of gates that are held orthogonal."""

from __future__ import annotations

from collections.abc import Iterator

from qcircuit_adapt.analysis.exposition.piece import (
    DIFFERENCE,
    TIE,
    Math,
    Sentence,
    T,
    det,
    expr,
    group,
    rank,
    say,
)
from qcircuit_adapt.analysis.exposition.statement import Statement
from qcircuit_adapt.analysis.field.rotation_witness import RotationWitness
from qcircuit_adapt.analysis.rotation import Angles, Euler, Orthogonal, Skew, Turned, keeps_wires
from qcircuit_adapt.analysis.structure.determinant import Rotation
from qcircuit_adapt.circuit import Circuit

K, N = Math("K", "K"), Math("n", "n")
CAYLEY = Math(f"(1 + K) (1 -{TIE}K)^-1", "(1 + K) (1 - K)^{-1}")
ANGLES = Math(f"n (n -{TIE}1) / 2", "n (n - 1) / 2")
QUOTIENT = Math("S^-1 T", "S^{-1} T")

Evidence = Angles | Euler | Orthogonal | RotationWitness | Skew | Turned


def describe_rotations() -> Sentence:
    """Say what the gates are, and what is trained."""
    return say(
        "Every gate is held orthogonal, and starts at the identity. Each of its blocks, a matrix "
        "of {n} rows, is {cayley} with a skew matrix {K}. The {angles} numbers above the diagonal "
        "of {K} are trained, from zero; they are called angles here. Such a block is orthogonal "
        "and has determinant 1, whatever is trained.",
        n=N,
        cayley=CAYLEY,
        K=K,
        angles=ANGLES,
    )


def explain_rotations(evidence: Evidence, circuit: Circuit) -> Sentence:
    """Say why evidence on rotations shows its bound."""
    if isinstance(evidence, Orthogonal):
        return say("{T} is a product of orthogonal matrices, so it has an inverse.", T=T)
    if isinstance(evidence, Euler):
        return _explain_euler(evidence)
    if isinstance(evidence, Turned):
        return _explain_turned(evidence, circuit)
    if isinstance(evidence, Skew):
        return _explain_skew(evidence, circuit)
    if isinstance(evidence, Angles):
        return _explain_angles(evidence)
    return say(
        "Lower bound, by witness. The angles are drawn from seed {seed} as whole numbers modulo "
        "{p}, and Cayley's formula is computed modulo {p}. There {difference} has rank {n}, by "
        "exact elimination. Its entries are quotients of polynomials in the angles, so a minor "
        "that is not 0 modulo {p} is generically not 0.",
        seed=evidence.seed,
        p=evidence.prime,
        difference=DIFFERENCE,
        n=evidence.bound,
    )


def state_rotation(found: Rotation) -> Iterator[Statement]:
    """State that T is orthogonal."""
    yield Statement(
        "Proposition",
        "orthogonality",
        found.status,
        say(
            "{T} is orthogonal and {det}, for all gate values. It keeps the norm of every vector.",
            T=T,
            det=expr(det(T), "=", found.sign) if found.sign > 0 else _write_minus(),
        ),
        (
            say(
                "Every gate is orthogonal and has determinant 1, and so it has beside an identity. "
                "The sign of {det} is that of the order of the wires.",
                det=det(T),
            ),
        ),
    )


def _write_minus() -> Math:
    return Math(f"{det(T).text} = -1", f"{det(T).tex} = -1", (-1,))


def _explain_euler(evidence: Euler) -> Sentence:
    size = (evidence.bound + evidence.through) // evidence.through
    text = say(
        "Upper bound. {quotient} is orthogonal and has determinant 1. ",
        quotient=QUOTIENT,
    )
    if evidence.through > 1:
        text += say(
            "No gate changes the wires that lead from the input to the output, so for each of "
            "their {count} values it has a block of {m} rows, which is a rotation too. ",
            count=evidence.through,
            m=size,
        )
    fixed = expr(rank(DIFFERENCE), "<=", expr(evidence.through, "*", group(expr(size, "-", 1))))
    return text + say(
        "A rotation in an odd number of dimensions fixes a direction (Euler): its eigenvalues "
        "other than 1 and -1 come in pairs, and so do those that are -1. As {m} is odd, {fixed}.",
        m=size,
        fixed=fixed if evidence.through > 1 else expr(rank(DIFFERENCE), "<=", evidence.bound),
    )


def _explain_turned(evidence: Turned, circuit: Circuit) -> Sentence:
    if not keeps_wires(circuit):
        return say(
            "Lower bound. Let one gate whose tensor is used once turn, and all others be the "
            "identity. Generically {difference} then loses one dimension for each copy of the "
            "gate's blocks if they have an odd number of rows, and none if it is even. For the "
            "best gate {n} are left.",
            difference=DIFFERENCE,
            n=evidence.bound,
        )
    return say(
        "Lower bound. Gates whose tensors are used once can turn each wire by itself. Then "
        "{quotient} is a Kronecker product of rotations, and its eigenvalues are products of "
        "theirs. Generically these are 1 only if all factors are 1. On a wire of odd size one "
        "eigenvalue is 1, and on one of even size none. So {difference} has rank {n} there, and "
        "generically no less.",
        quotient=QUOTIENT,
        difference=DIFFERENCE,
        n=evidence.bound,
    )


def _explain_skew(evidence: Skew, circuit: Circuit) -> Sentence:
    """Say how the directions at the identity are counted."""
    if not evidence.bound:
        return say("No lower bound is proved, as every tensor is used more than once.")
    start = say(
        "Lower bound. At the identity an angle moves its gate along a skew matrix, for each value "
        "of the gate's control wires, beside the identity on the other wires. "
    )
    if not keeps_wires(circuit):
        return start + say(
            "Some gate does not keep its wires. One gate whose tensor is used once moves {T} in "
            "{n} directions, if it moves alone.",
            T=T,
            n=evidence.bound,
        )
    return start + say(
        "Without the constraint the gates whose tensors are used once would move {T} along a "
        "space of matrices that contains the transpose and the diagonal of each. Without the "
        "diagonal matrices in it, half of that space is skew: {n} dimensions.",
        T=T,
        n=evidence.bound,
    )


def _explain_angles(evidence: Angles) -> Sentence:
    text = say("Upper bound. The number of angles is {angles}. ", angles=evidence.angles)
    if evidence.gauge:
        k = Math("k", "k")
        text += say(
            "On the bonds of {k} values between two gates whose tensors are used once, a rotation "
            "and its inverse can be slipped in, for each value of the control wires that both "
            "have, and {T} stays as it is. It has {each} dimensions. All gates are invertible, so "
            "only finitely many of these leave all gates as they are. Together they take {n}, "
            "which leaves {rest}. ",
            k=k,
            T=T,
            each=Math(f"k (k -{TIE}1) / 2", "k (k - 1) / 2"),
            n=evidence.gauge,
            rest=expr(evidence.angles, "-", evidence.gauge, "=", evidence.angles - evidence.gauge),
        )
    return text + say(
        "All {quotient} that are rotations for each value of the control wires, and an identity "
        "where no gate acts, have dimension {space}.",
        quotient=QUOTIENT,
        space=evidence.space,
    )
