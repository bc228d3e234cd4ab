"""How many circuits are counted, bounded and compared per second, on one core.

python benchmarks/design.py --layouts 1000
"""

from __future__ import annotations

import argparse
import time

from rich.console import Console
from rich.table import Table

from qcircuit_adapt.design import Question, find_rows, measure, search_layouts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layouts", type=int, default=1000)
    options = parser.parse_args()

    table = Table("what", "circuits", "seconds", "per second", "per minute")

    def add(what: str, count: int, seconds: float) -> None:
        numbers = (f"{count / seconds:,.0f}", f"{60 * count / seconds:,.0f}")
        table.add_row(what, f"{count:,}", f"{seconds:.2f}", *numbers)

    for what in ("rows of a budget of 100k at 4,096", "the same again, cached"):
        start = time.process_time()
        rows = find_rows(4096, 4096, max_parameters=100_000)
        add(what, len(rows), time.process_time() - start)
    measure.cache_clear()
    start = time.process_time()
    question = Question(d=4096, max_parameters=43_008, most=options.layouts)
    found = search_layouts(question)
    add("layouts of a search at 4,096", found.count, time.process_time() - start)
    Console().print(table)


if __name__ == "__main__":
    main()
