"""Running experiments: every cell that is not done yet, one after the other or several at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager, nullcontext
from multiprocessing import get_context

from accelerate.utils import broadcast_object_list

from qcircuit_adapt.demo.training import quiet_transformers
from qcircuit_adapt.experiments.cell import Cell, next_cells
from qcircuit_adapt.experiments.experiment import Experiment
from qcircuit_adapt.experiments.learn import Place, learn
from qcircuit_adapt.experiments.processes import processes
from qcircuit_adapt.experiments.result import Result, append_result, read_results

OnResult = Callable[[Result, int, int], None]
"""Called after each run with its result, how many are done, and how many there will be."""


def run_experiments(
    experiments: Sequence[Experiment],
    place: Place,
    *,
    methods: Sequence[str] = (),
    seeds: Sequence[int] = (),
    jobs: int = 1,
    on_result: OnResult = lambda *_: None,
) -> list[Result]:
    """Do all runs that are not among the results yet, and add each to them when it is finished.

    Args:
        experiments: The experiments.
        place: Where results go, and rows come from.
        methods: The names of the methods wanted; all by default.
        seeds: The seeds wanted; all of an experiment by default.
        jobs: How many runs to do at once, each in a process with one thread.
        on_result: Called after each run.

    Returns:
        What was found by these runs.

    Raises:
        CircuitError: A run cannot be done; those before it are among the results.
    """
    known = _read_everywhere(place)
    already = len(known)
    total = _count(experiments, methods, seeds, known)
    with _runner(place, jobs) as run:
        # What learning rate the later seeds have is known when the first seed is done.
        while cells := [
            cell
            for experiment in experiments
            for cell in next_cells(experiment, known, methods=methods, seeds=seeds)
        ]:
            for result in run(cells):
                if processes().is_main_process:
                    append_result(result, place.output)
                known.append(result)
                on_result(result, len(known) - already, total)
    return known[already:]


@contextmanager
def _runner(place: Place, jobs: int) -> Iterator[Callable[[Sequence[Cell]], Iterable[Result]]]:
    """Yield a function that does runs, and hands each over when it is finished."""
    if jobs == 1:
        yield lambda cells: (_learn(cell, place) for cell in cells)
        return
    # One thread each: small matrices gain little from more, and the processes share the cores.
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), _use_one_thread)
    try:
        yield lambda cells: (
            future.result()
            for future in as_completed([pool.submit(_learn, cell, place) for cell in cells])
        )
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _learn(cell: Cell, place: Place) -> Result:
    with quiet_transformers() if place.quiet else nullcontext():
        return learn(cell, place)


def _use_one_thread() -> None:
    import torch

    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)


def _read_everywhere(place: Place) -> list[Result]:
    """Read the results once: all processes have to agree on what is still to be done."""
    box = [read_results(place.output) if processes().is_main_process else []]
    if processes().num_processes > 1:
        broadcast_object_list(box)
    return box[0]


def _count(
    experiments: Sequence[Experiment],
    methods: Sequence[str],
    seeds: Sequence[int],
    known: Sequence[Result],
) -> int:
    """Count the runs that are still to be done, those included whose learning rate is not known."""
    count = 0
    for experiment in experiments:
        now = next_cells(experiment, known, methods=methods, seeds=seeds)
        count += len(now)
        for method in {cell.method.name: cell.method for cell in now}.values():
            if len(experiment.training_of(method).rates) > 1:
                trials = any(c.method == method and c.seed == experiment.seeds[0] for c in now)
                later = [seed for seed in seeds or experiment.seeds if seed != experiment.seeds[0]]
                count += len(later) if trials else 0
    return count
