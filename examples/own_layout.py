"""Design a layout of your own and weigh it against the published one.

The layout below mixes what circuits can do: a gate of bounded rank, a block-diagonal gate, a merge
and a split of wires, and a change of size for a layer that maps 4096 to 1024.
"""

from __future__ import annotations

import qcircuit_adapt as qa

MINE = """
    a=16 b=8 c=8 d=4 |
    c d -> e=32,
    b e {rank=64},
    a per b,
    e -> c=8 d=4,
    a b -> a=4 b
"""

mine = qa.Circuit.parse(MINE, name="mine")
published = qa.load_circuit("quanta-16-8-8-4-to-4-8-8-4")

print(mine)
print(f"\n{'circuit':<28}{'parameters':>12}{'MACs per token':>16}{'rank':>14}")
for circuit in (mine, published):
    rank = qa.prove(circuit).rank
    bounds = f"{rank.lower}" if rank.exact else f"{rank.lower}..{rank.upper}"
    numbers = f"{circuit.parameters:>12,}{circuit.macs_per_token:>16,}"
    print(f"{circuit.name:<28}{numbers}{bounds:>14}")

# Mistakes are pointed at.
try:
    qa.Circuit.parse("a=16 b=8 | a b, a bb")
except qa.CircuitError as error:
    print(f"\n{type(error).__name__}: {error}")
