"""No proof rests on a rounded number."""

from __future__ import annotations

import ast
import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import qcircuit_adapt
from qcircuit_adapt import families, prove
from qcircuit_adapt.analysis.bounds.cut import crossing
from qcircuit_adapt.analysis.bounds.flow import find_flow
from qcircuit_adapt.analysis.record import to_record
from qcircuit_adapt.network import INPUT, OUTPUT, Bond, Network

ANALYSIS = Path(qcircuit_adapt.__file__).parent / "analysis"

NOT_IN_PROOFS = {
    "bounds/flow.py": "divides fractions",
    "bounds/route.py": "divides fractions",
    "record.py": "the scale of a term is a float, taken as the fraction it is",
    "relation/fit.py": "fits numbers as evidence, and says that it is no proof",
    "report.py": "prints shares in percent",
    "trained/spectrum.py": "singular values, which are measured and said to be",
    "field/modular.py": "whole numbers in float64, below 2^53; a quotient may be off by one",
    "field/dyadic.py": "takes floats apart into whole numbers and powers of two",
}
ROUNDING = {
    "acos",
    "cos",
    "exp",
    "exp2",
    "fsum",
    "log",
    "log10",
    "log2",
    "log1p",
    "sin",
    "sqrt",
}


def find_rounding(tree: ast.AST) -> list[str]:
    """What in a source may round: float constants, true division, and functions of reals."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            found.append(f"{node.lineno}: {node.value!r}")
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            found.append(f"{node.lineno}: /")
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name == "float" or name.rpartition(".")[2] in ROUNDING:
                found.append(f"{node.lineno}: {name}")
    return found


@pytest.mark.parametrize(
    "path", sorted(ANALYSIS.rglob("*.py")), ids=lambda path: path.relative_to(ANALYSIS).as_posix()
)
def test_proofs_do_not_round(path: Path) -> None:
    if path.relative_to(ANALYSIS).as_posix() in NOT_IN_PROOFS:
        return
    assert find_rounding(ast.parse(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("source", ["x = 0.5", "x = a / b", "x /= 2", "math.log2(3)", "float(3)"])
def test_rounding_is_found(source: str) -> None:
    assert len(find_rounding(ast.parse(source))) == 1


SIZES = st.integers(2**53 - 2, 2**53 + 2) | st.integers(1, 3) | st.just(10**30)
ENDS = st.sampled_from([INPUT, "g1", "g2", "g3", OUTPUT])


@given(st.lists(st.tuples(ENDS, ENDS, SIZES).filter(lambda b: b[0] != b[1]), max_size=7))
def test_smallest_cuts_of_sizes_that_no_float_holds(drawn: list[tuple[str, str, int]]) -> None:
    bonds = tuple(Bond(f"w{n}", size, (a, b)) for n, (a, b, size) in enumerate(drawn))
    network = Network(("g1", "g2", "g3"), bonds)
    cuts = [
        math.prod(bond.size for bond in crossing(network, side))
        for count in range(4)
        for side in itertools.combinations(network.gates, count)
    ]
    flow = find_flow(network, lambda _, size: size)
    assert flow.value == min(cuts)
    side = tuple(gate for gate in network.gates if gate in flow.input_side)
    assert math.prod(bond.size for bond in crossing(network, side)) == min(cuts)


def test_numbers_in_a_certificate_are_whole() -> None:
    record = to_record(prove(families.quanta((12, 8, 8)), form="difference"))
    assert [type(leaf) for leaf in leaves(record)].count(float) == 0


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from leaves(item)
    else:
        yield value
