"""Search: layouts that no one listed, under a budget of parameters.

First all layouts of one gate are looked at, then all of two, and so on; each by adding a gate to
one of the step before. Where that would be too many, a seeded local search goes on from the best.
Circuits that differ in names, in the order of commuting gates or of axes, are looked at once, and
nothing is added to a layout that costs too much or whose rank a cut proves too low: more gates of
kept sizes raise neither.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial

from qcircuit_adapt.analysis import find_cut
from qcircuit_adapt.analysis.relation.canonical import canonical_text
from qcircuit_adapt.design.found import Assessed, Found, Question, choose_front
from qcircuit_adapt.design.layout import Layout, Move, list_moves
from qcircuit_adapt.design.layouts import list_factorisations
from qcircuit_adapt.design.pool import Run, open_pool
from qcircuit_adapt.design.score import Score, bound_freedom, bound_rank
from qcircuit_adapt.errors import DesignError
from qcircuit_adapt.factors import prime_factors

DRAWN = 400
GENERATION = 48
"""How many neighbours are drawn at a time, and how many of them are looked at, whatever the number
of processes."""

BEST = 8
"""How many of the front, those of most degrees of freedom, are changed twice as often as others."""

PATIENCE = 40
"""After how many generations without a layout not met before the local search ends."""


def search_layouts(
    question: Question,
    *,
    workers: int = 1,
    dask: str | None = None,
    known: Mapping[Layout, Assessed] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Found:
    """Search for the layouts that no other beats in parameters, degrees of freedom and MACs.

    The outcome depends on the question alone: not on where layouts are looked at, nor on whether it
    was interrupted and resumed. MACs are counted gate after gate.

    Args:
        question: What to search for.
        workers: How many processes look at layouts.
        dask: The address of a Dask scheduler whose workers do; see `open_pool`.
        known: What an earlier search looked at, which is not computed again.
        on_progress: Told how many layouts are done, of at most how many.

    Returns:
        The front, all that was looked at, and whether that was everything. On Ctrl-C what there is.

    Raises:
        DesignError: The question has no answer.

    Example:
        >>> found = search_layouts(Question(d=8, max_parameters=64, axes=(2, 2, 2)))
        >>> found.complete, [one.text for one in found.front][-1]
        (True, 'a=2 b=2 c=2 | a b c')
    """
    check_question(question)
    walk = _Walk(question, known or {}, on_progress)
    try:
        with open_pool(workers=workers, dask=dask) as run:
            walk.run = run
            complete = walk.grow() and not walk.full
            if not complete:
                walk.wander()
    except KeyboardInterrupt:
        return walk.conclude(complete=False, interrupted=True)
    return walk.conclude(complete=complete, interrupted=False)


def check_question(question: Question) -> None:
    """Refuse a question that has no answer.

    Raises:
        DesignError: It has none.
    """
    for name in ("d", "max_parameters", "max_axes", "max_gates", "most"):
        number = getattr(question, name)
        if type(number) is not int or number < 1:
            raise DesignError(f"{name} is {number!r}; it must be a whole number, 1 or more.")
    product = 1
    for size in question.axes:
        product *= size
    if question.axes and (product != question.d or min(question.axes) < 2):
        sizes = "-".join(map(str, question.axes))
        raise DesignError(
            f"the axes {sizes} multiply to {product}, but the dimension is {question.d}."
            if product != question.d
            else f"the axes {sizes} have one of size {min(question.axes)}; 2 is the least.",
            cure="Write 'any' to try all factorisations.",
        )
    if not 1 <= question.target <= question.d:
        raise DesignError(
            f"the least rank is {question.min_rank}, but a layout of {question.d} has a rank from "
            f"1 to {question.d}."
        )
    least, most = question.wires
    if not 1 <= least <= most:
        raise DesignError(
            f"gates are to act on {least} to {most} axes.", cure="Write '2-3', or '2'."
        )
    if not any(list_steps(Layout(axes), question) for axes in list_starts(question)):
        raise DesignError(
            f"no gate on {least} to {most} axes of {question.d} has at most "
            f"{question.max_parameters:,} parameters.",
            cure="Raise the budget, or allow more axes, or gates on fewer.",
        )


def list_starts(question: Question) -> tuple[tuple[int, ...], ...]:
    """List the axes to try; their order does not matter, as any gate may come in any place."""
    if question.axes:
        return (tuple(sorted(question.axes, reverse=True)),)
    most = min(question.max_axes, len(prime_factors(question.d)))
    return tuple(
        axes
        for count in range(1, most + 1)
        for axes in list_factorisations(question.d, count=count)
    )


def list_steps(layout: Layout, question: Question) -> tuple[Layout, ...]:
    """List the layouts of one gate more that are within the budget, and worth a look."""
    more = (
        Layout(layout.axes, (*layout.moves, move))
        for move in list_moves(layout.axes, wires=question.wires, ranks=question.ranks)
    )
    return tuple(filter(question.allows, more))


def list_near(move: Move, choices: list[Move]) -> list[Move]:
    """List the gates that have one axis in another's place."""
    near = [one for one in choices if len(set(one.on) ^ set(move.on)) == 2]
    return [one for one in near if len(one.on) == len(move.on)] or [move]


def assess(layout: Layout, *, target: int) -> Assessed:
    """Count and bound a layout.

    Args:
        layout: The layout.
        target: The least rank of T.

    Example:
        >>> from qcircuit_adapt.design.layout import Move
        >>> assess(Layout((4, 2), (Move((0, 1), rank=3),)), target=4).score is None
        True
    """
    circuit = layout.circuit
    text = canonical_text(circuit, up_to_axes=True)
    if any(move.rank for move in layout.moves) and find_cut(circuit).bound < target:
        return Assessed(layout, text, None)
    score = Score(
        circuit.parameters, circuit.macs_per_token, bound_rank(circuit), bound_freedom(circuit)
    )
    return Assessed(layout, text, score)


class _Walk:
    """A search under way."""

    def __init__(
        self,
        question: Question,
        known: Mapping[Layout, Assessed],
        on_progress: Callable[[int, int], None] | None,
    ) -> None:
        self.question = question
        self.run: Run = map
        self.known = known
        self.on_progress = on_progress
        self.met: set[Layout] = set()
        self.seen: dict[str, Assessed] = {}
        self.assessed: list[Assessed] = []
        self.fresh: list[Assessed] = []  # looked at, and not yet compared
        self.front: tuple[Assessed, ...] = ()

    @property
    def full(self) -> bool:
        return len(self.seen) >= self.question.most

    def grow(self) -> bool:
        """Look at all layouts, those of fewest gates first; say whether that was possible.

        At most half of what may be looked at goes into this.
        """
        level: list[Layout] = [Layout(axes) for axes in list_starts(self.question)]
        while level:
            following: list[Layout] = []
            more = (one for layout in level for one in list_steps(layout, self.question))
            while batch := list(itertools.islice(self.pick(more), GENERATION)):
                following += [one.layout for one in self.look(batch) if one.score]
                if len(self.seen) >= (self.question.most + 1) // 2:
                    # Complete all the same, if nothing at all is left.
                    rest = itertools.chain(
                        self.pick(more),
                        (one for layout in following for one in list_steps(layout, self.question)),
                    )
                    return next(iter(rest), None) is None
            level = following
        return True

    def wander(self) -> None:
        """Change the best layouts at random, again and again.

        Half of what is looked at was drawn just so; the other half is what promises most of many.
        """
        random_ = random.Random(self.question.seed)
        idle = 0
        while not self.full and idle < PATIENCE:
            parents = self.list_parents()
            if not parents:
                return
            drawn = (self.change(random_.choice(parents), random_) for _ in range(DRAWN))
            new = list(self.pick(one for one in drawn if one is not None))
            first, others = new[: GENERATION // 2], new[GENERATION // 2 :]
            others.sort(key=lambda one: (-one.freedom, one))
            batch = (first + others)[: min(GENERATION, self.question.most - len(self.seen))]
            self.met -= set(new) - set(batch)
            idle = 0 if self.look(batch) else idle + 1

    def list_parents(self) -> list[Layout]:
        """List the front, and those on it of most degrees of freedom as often again."""
        # Where nothing answers the question yet, what was looked at last is as near as any.
        front = [one.layout for one in self.compare() or self.assessed[-GENERATION:]]
        best = sorted(front, key=lambda one: (-one.freedom, one))[:BEST]
        return front + best * (1 + 2 * len(front) // BEST)

    def change(self, layout: Layout, random_: random.Random) -> Layout | None:
        """Return a neighbour, or None where what was drawn is not within the question."""
        axes, moves = layout.axes, list(layout.moves)
        if random_.random() < 0.05:
            axes = random_.choice(list_starts(self.question))
            moves = [move for move in moves if max(move.on) < len(axes)]
        choices = list(list_moves(axes, wires=self.question.wires, ranks=self.question.ranks))
        if not choices:
            return None
        for _ in range(random_.choice((1, 1, 2, 2, 3, 4))):
            kind = random_.random()
            if not moves or kind < 0.2:
                moves.insert(random_.randint(0, len(moves)), random_.choice(choices))
            elif kind < 0.35:
                moves.pop(random_.randrange(len(moves)))
            elif kind < 0.55:
                moves[random_.randrange(len(moves))] = random_.choice(choices)
            elif kind < 0.9:
                place = random_.randrange(len(moves))
                moves[place] = random_.choice(list_near(moves[place], choices))
            else:
                random_.shuffle(moves)
        changed = Layout(axes, tuple(moves))
        return changed if moves and self.question.allows(changed) else None

    def pick(self, layouts: Iterable[Layout]) -> Iterator[Layout]:
        """Yield layouts, in order of gates, that were not met before."""
        for layout in layouts:
            one = layout.ordered
            if one not in self.met:
                self.met.add(one)
                yield one

    def look(self, layouts: list[Layout]) -> list[Assessed]:
        """Assess layouts, in their order; return those whose circuit is new.

        The lower bound may be better for another way to number axes of one size: it is kept.
        """
        unknown = [layout for layout in layouts if layout not in self.known]
        job = partial(assess, target=self.question.target)
        computed = {one.layout: one for one in self.run(job, unknown)}
        looked = []
        for layout in layouts:
            one = computed.get(layout) or self.known[layout]
            self.assessed.append(one)
            first = self.seen.setdefault(one.text, one)
            if first is one:
                looked.append(one)
            if one.score and first.score and one.score.freedom[0] >= first.score.freedom[0]:
                self.seen[one.text] = one
                self.fresh.append(one)
        if self.on_progress:
            self.on_progress(len(self.seen), self.question.most)
        return looked

    def compare(self) -> tuple[Assessed, ...]:
        """Return the best of what was looked at, and answers the question."""
        for one in filter(self.question.accepts, self.fresh):
            score = one.score
            assert score  # what the question accepts has one
            # What was known of the same circuit before is no better.
            front = [(o, o.score) for o in self.front if o.score and o.text != one.text]
            if not any(other == score or other.beats(score) for _, other in front):
                front = [(o, other) for o, other in front if not score.beats(other)]
                front.append((one, score))
            self.front = tuple(o for o, _ in front)
        self.fresh = []
        return self.front

    def conclude(self, *, complete: bool, interrupted: bool) -> Found:
        front = choose_front(self.compare())
        return Found(self.question, front, tuple(self.assessed), complete, interrupted)


def settle(found: Found, *, most: int, on_progress: Callable[[int, int], None] | None) -> Found:
    """Compute, at drawn gates, degrees of freedom that theorems leave open on the front.

    Args:
        found: What a search found.
        most: For how many layouts; those with the highest upper bounds come first.
        on_progress: Told how many are done.
    """
    from qcircuit_adapt.analysis import find_freedom

    open_ones = sorted(
        (one for one in found.front if one.score and one.score.freedom[0] < one.score.freedom[1]),
        key=lambda one: (-(one.score.freedom[1] if one.score else 0), one.text),
    )[:most]
    settled: dict[str, Assessed] = {}
    for done, one in enumerate(open_ones, 1):
        freedom = find_freedom(one.layout.circuit, witness=True)
        assert one.score
        score = replace(one.score, freedom=(freedom.lower, freedom.upper))
        settled[one.text] = replace(one, score=score)
        if on_progress:
            on_progress(done, len(open_ones))
    return replace(
        found, front=choose_front(tuple(settled.get(one.text, one) for one in found.front))
    )
