"""Design a layout of your own and weigh it against the published one.

The layout below mixes what circuits can do: a gate of bounded rank, a block-diagonal gate, a merge
and a split of wires, and a change of size for a layer that maps 4096 to 1024.
"""

from __future__ import annotations

import qcircuit_adapt as qa
from qcircuit_adapt.analysis.interval import Interval

MINE = """
    a=16 b=8 c=8 d=4 |
    c d -> e=32,
    b e {rank=64},
    a per b,
    e -> c=8 d=4,
    a b -> a=4 b
"""


def show(bounds: Interval) -> str:
    """Write what is proved of a number."""
    return f"{bounds.upper:,}" if bounds.exact else f"{bounds.lower:,} to {bounds.upper:,}"


mine = qa.Circuit.parse(MINE, name="mine")
published = qa.load_circuit("quanta-16-8-8-4-to-4-8-8-4")

print(mine)
print(f"\n{'circuit':<28}{'parameters':>12}{'MACs per token':>16}{'rank':>8}{'freedom':>16}")
scores = []
for circuit in (mine, published):
    certificate = qa.prove(circuit)
    rank, freedom = certificate.rank, certificate.degrees_of_freedom
    numbers = f"{circuit.parameters:>12,}{circuit.macs_per_token:>16,}"
    proved = f"{show(rank):>8}{show(freedom):>16}"
    print(f"{circuit.name:<28}{numbers}{proved}")
    scores.append((circuit.parameters, circuit.macs_per_token, rank, freedom))

(parameters, macs, rank, freedom), (known_parameters, known_macs, known_rank, known_freedom) = (
    scores
)
# Better is what is proved: my lower bound is above the other's upper one.
verdicts = {
    "parameters": (parameters < known_parameters, parameters > known_parameters),
    "MACs": (macs < known_macs, macs > known_macs),
    "rank": (rank.lower > known_rank.upper, rank.upper < known_rank.lower),
    "freedom": (freedom.lower > known_freedom.upper, freedom.upper < known_freedom.lower),
}
for what, (better, worse) in verdicts.items():
    print(f"{what}: mine is {'better' if better else 'worse' if worse else 'as good, or open'}")

# Mistakes are pointed at.
try:
    qa.Circuit.parse("a=16 b=8 | a b, a bb")
except qa.CircuitError as error:
    print(f"\n{type(error).__name__}: {error}")
