"""Pool: where the layouts of a search are looked at: here, in other processes, on other machines.

Every pool gives the outcomes in the order of the layouts, so that a search does not depend on it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from typing import Any, TypeVar

from qcircuit_adapt.errors import DesignError

CHUNK = 4
"""How many layouts go to a process, or a machine, at a time."""

MAX_WORKERS = 256

TIMEOUT = 10
"""Seconds in which a scheduler has to answer."""

One = TypeVar("One")
Other = TypeVar("Other")

Run = Callable[[Callable[[Any], Any], Sequence[Any]], Iterable[Any]]
"""Apply a function to each of a sequence; the outcomes come in its order."""


@contextmanager
def open_pool(*, workers: int = 1, dask: str | None = None) -> Iterator[Run]:
    """Open what applies a function to many things.

    Args:
        workers: In how many processes.
        dask: The address of a Dask scheduler, such as ``"tcp://10.0.0.1:8786"``; its workers need
            this package in the same version.

    Raises:
        DesignError: The number is out of range, both are given, or no scheduler answers.

    Example:
        >>> with open_pool() as run:
        ...     list(run(abs, [-1, 2]))
        [1, 2]
    """
    if not 1 <= workers <= MAX_WORKERS:
        raise DesignError(f"workers is {workers}; it must be from 1 to {MAX_WORKERS}.")
    if dask is not None:
        if workers > 1:
            raise DesignError(
                "workers and dask are both given.", cure="Dask's cluster says how many there are."
            )
        with _connect(dask) as run:
            yield run
    elif workers > 1:
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            try:
                yield partial(pool.map, chunksize=CHUNK)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    else:
        yield map


@contextmanager
def _connect(address: str) -> Iterator[Run]:
    try:
        from distributed import Client
    except ImportError:
        raise DesignError(
            "Dask is not installed.", cure='Install it: pip install "qcircuit-adapt[dask]".'
        ) from None
    try:
        client = Client(address, timeout=TIMEOUT, set_as_default=False)
    except (OSError, ValueError, ImportError) as error:
        raise DesignError(
            f"no Dask scheduler answers at {address!r}: {error}.",
            cure="Start one with 'dask scheduler', and workers with 'dask worker ADDRESS'.",
        ) from None

    def run(job: Callable[[One], Other], things: Sequence[One]) -> Iterable[Other]:
        chunks = [things[start : start + CHUNK] for start in range(0, len(things), CHUNK)]
        futures = client.map(partial(_apply, job), chunks, pure=False)
        try:
            return itertools.chain.from_iterable(client.gather(futures))
        except BaseException:
            client.cancel(futures)
            raise

    with client:
        yield run


def _apply(job: Callable[[One], Other], things: Sequence[One]) -> list[Other]:
    return [job(one) for one in things]
