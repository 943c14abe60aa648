"""Shrinking: Hypothesis makes the choice log of a failing draw smaller, then whole steps are left out."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

from ..catalogue import find as find_operator
from ..drawing.source import Recording, Replay, Source
from ..programs.program import Call, Leaf, Program, Ref, Region, Step, refs
from .resizing import resized

Draw = Callable[[Source], Program]
BUDGET = 400
SECONDS, WALL = 2.0, 8.0
"""Of this process's time, and of anyone's: an engine elsewhere may be slow, or the machine busy."""


class _Enough(BaseException):
    """The budget is spent. Not an Exception: Hypothesis would take that for the failure."""


def _clock() -> Callable[[], bool]:
    """Says whether the time is over that shrinking one program may take."""
    spent, started = time.process_time(), time.perf_counter()
    return lambda: time.process_time() - spent > SECONDS or time.perf_counter() - started > WALL


def shrink(log: Sequence[int], draw: Draw, fails: Callable[[Program], bool], budget: int = BUDGET) -> Program:
    """The smallest failing program found from a failing log, in at most ``budget`` runs."""
    program = shrink_choices(log, draw, fails, budget)
    return shrink_steps(program, fails, budget)


def shrink_choices(log: Sequence[int], draw: Draw, fails: Callable[[Program], bool], budget: int) -> Program:
    """Hypothesis' shrinker on the choices, started at the failing log through an example database."""
    from hypothesis import HealthCheck, Phase, find, settings
    from hypothesis import strategies as st
    from hypothesis.database import InMemoryExampleDatabase, choices_to_bytes
    from hypothesis.errors import NoSuchExample, Unsatisfiable

    _know_modules()
    best, spent, is_over = draw(Replay(log)), 0, _clock()

    @st.composite
    def programs(choose: Callable[[Any], int]) -> Program:
        return draw(Recording(lambda n: choose(st.integers(0, n - 1))))

    def still_fails(program: Program) -> bool:
        nonlocal best, spent
        spent += 1
        if spent > budget or is_over():
            raise _Enough
        if not fails(program):
            return False
        best = program
        return True

    database = InMemoryExampleDatabase()
    # The primary corpus holds what was shrunk before and is not shrunk again; the secondary one is.
    database.save(b"failing.secondary", choices_to_bytes(_choices(log, draw)))
    quiet = settings(
        database=database,
        phases=(Phase.reuse, Phase.shrink),
        max_examples=budget,
        print_blob=False,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    try:
        return find(programs(), still_fails, settings=quiet, database_key=b"failing")
    except (NoSuchExample, Unsatisfiable, _Enough):
        return best


def _know_modules() -> None:
    """Lets Hypothesis look through no module of ours for numbers to try: that takes seconds, and what it tries would
    depend on what happens to be imported."""
    from hypothesis.internal.conjecture import providers

    known: set[int] = getattr(providers, "_seen_modules", set())
    known.update(map(id, sys.modules.values()))


def _choices(log: Sequence[int], draw: Draw) -> tuple[int, ...]:
    """The log as Hypothesis makes it: without the draws that have one outcome."""
    replay, kept = Replay(log), list[int]()

    def choose(n: int) -> int:
        kept.append(replay.choose(n))
        return kept[-1]

    # Recording skips n = 1, so the replay must be told of those draws.
    class Full(Recording):
        __slots__ = ()

        def choose(self, n: int) -> int:
            return choose(n) if n > 1 else replay.choose(1)

    draw(Full(choose))
    return tuple(kept)


def shrink_steps(program: Program, fails: Callable[[Program], bool], budget: int = BUDGET) -> Program:
    """Cuts sizes, leaves out steps that the failure doesn't need, last first, and straightens layouts, until nothing
    more goes."""
    changed, is_over = True, _clock()
    while changed and budget > 0 and not is_over():
        changed = False
        for candidate in _simpler(program):
            budget -= 1
            if budget > 0 and fails(candidate):
                program, changed = candidate, True
                break
    return program


def _simpler(program: Program) -> Any:
    yield from resized(program)
    for index in reversed(range(len(program.steps))):
        shorter = without(program, index)
        if shorter is not None:
            yield shorter
    for index, step in enumerate(program.steps):
        for simpler in _simpler_steps(step):
            yield Program((*program.steps[:index], simpler, *program.steps[index + 1 :]))


def _simpler_steps(step: Step) -> Any:
    if step.modes:
        yield replace(step, modes=())
    if isinstance(step, Leaf):
        if step.layout != "contiguous":
            yield replace(step, layout="contiguous")
        if step.requires_grad:
            yield replace(step, requires_grad=False)
    if isinstance(step, Call) and step.form == "method" and "function" in find_operator(step.op).forms:
        yield replace(step, form="function")


def without(program: Program, index: int) -> Program | None:
    """The program without a step, later refs moved up; None where a later step needs it."""
    steps: list[Step] = []
    for position, step in enumerate(program.steps):
        if position == index:
            continue
        if position > index:
            if any(ref.index == index for f in fields(step) for ref in refs(getattr(step, f.name))):
                return None
            step = _moved(step, index)
        steps.append(step)
    return Program(tuple(steps)) if steps else None


def _moved(step: Step, gone: int) -> Step:
    changes = {f.name: _move(getattr(step, f.name), gone) for f in fields(step)}
    return replace(step, **changes)


def _move(value: Any, gone: int) -> Any:
    if isinstance(value, Region):
        return value
    if isinstance(value, Ref):
        return Ref(value.index - 1) if value.index > gone else value
    if isinstance(value, tuple):
        return tuple(_move(part, gone) for part in value)
    return value
