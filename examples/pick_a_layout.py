"""Pick a layout by numbers: what a budget buys, what to take, and whether a new one is better."""

from __future__ import annotations

import qcircuit_adapt as qa
from qcircuit_adapt.design import Question, Score, bound_freedom, find_rows, search_layouts, suggest

# What 0.1 % of a 1,024 x 1,024 layer buys, family by family.
budget = 1024 * 1024 // 100
rows = find_rows(1024, 1024, max_parameters=budget, families=["quanta", "lora", "kronecker"])
print(f"{len(rows)} circuits of at most {budget:,} parameters; the freest of each family:")
for family in ("quanta", "lora", "kronecker"):
    best = max((row for row in rows if row.family == family), key=lambda row: row.freedom)
    print(f"  {best.spec}: rank dW {best.update_rank[0]:,}, {best.score}")

# One of them, with the reason.
print(f"\n{suggest(1024, 1024, max_parameters=budget)}")

# Is there a layout that no one listed, of no more parameters and MACs, and more freedom?
known = qa.resolve("quanta(axes=8-4-4-4-2)", 1024, 1024)
goal = Score(known.parameters, known.macs_per_token, (1024, 1024), bound_freedom(known))
found = search_layouts(
    Question(
        d=1024,
        max_parameters=goal.parameters,
        max_macs=goal.macs,
        max_gates=8,
        most=200,
    )
)
print(f"\nto beat: {known.name}, {goal}")
beating = found.beating(goal)
for one in beating[-3:]:
    print(f"  {one.layout.circuit.text}: {one.score}")
print(f"{len(beating)} found; {found.coverage}")
