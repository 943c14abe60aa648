"""Values at the edge of a function's domain, and what is computed past it.

Where one rounding decides whether an operand is 0 or a little more, or below the largest number, two correct engines
give a number and an infinity; and past an infinity or a NaN that both have, what inf - inf or 0 · inf a formula meets
is its own affair. Asked of programs of several operators alone: of one, on the data itself, all of this is compared.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..backends import Backend
from ..programs.leafdata import leaf_array
from ..programs.program import Call, Leaf, Program, Transform
from ..programs.trace import Observed, Trace
from .compare import Closeness, Divergence, Place
from .rounding import NOISE, Rounding
from .tracing import values
from .unspecified import specified

Sides = tuple[tuple[Backend, Trace], tuple[Backend, Trace]]


def is_past_an_edge(rounding: Rounding, found: Divergence, close: Closeness, sides: Sides) -> bool:
    """Whether values differ only where one is finite and the other isn't, or both are not, and either both engines left
    the numbers before, or rounding decides. ``sides``: the backend and the oracle, with their traces."""
    program = rounding.program
    if not (isinstance(found.backend, Observed) and isinstance(found.oracle, Observed)) or not _combines(program):
        return False
    mine, theirs = found.backend, found.oracle
    if mine.array.dtype.kind not in "fc" or mine.array.shape != theirs.array.shape:
        return False
    lost = ~(np.isfinite(mine.array) & np.isfinite(theirs.array))
    if not lost.any():
        return False
    rest = [np.where(lost, 0, side.array).astype(side.array.dtype) for side in (mine, theirs)]
    widest = Closeness(close.ulps, 0.0, rounding.all(), close.free)
    if widest.error(rest[0], rest[1], theirs.dtype, found.place) is not None:
        return False
    left = _lost_alike(mine.array, theirs.array) or _both_left(sides[0][1], sides[1][1])
    return left or _is_decided_by_rounding(program, found, lost, sides)


def _combines(program: Program) -> bool:
    """Whether finite data goes through several operators."""
    leaves = [leaf_array(step).astype(complex) for step in program.steps if isinstance(step, Leaf)]
    return len(set(_operators(program))) > 1 and all(np.isfinite(array).all() for array in leaves)


def _operators(program: Program) -> Iterator[str]:
    for step in program.steps:
        if isinstance(step, Transform) and step.region is not None:
            yield from (inner.op for inner in step.region.steps if isinstance(inner, Call) and inner.op != "sum")
        elif isinstance(step, Transform):
            yield "function"
        elif isinstance(step, Call) and step.op != "sum":
            yield step.op


def _both_left(mine: Trace, theirs: Trace) -> bool:
    """Whether a step has the same infinities or NaNs in both traces."""
    there = dict(values(theirs))
    return any(
        place[0] == "step" and place in there and _lost_alike(value.array, there[place].array)
        for place, value in values(mine)
    )


def _lost_alike(mine: np.ndarray, theirs: np.ndarray) -> bool:
    if mine.dtype.kind not in "fc" or mine.shape != theirs.shape:
        return False
    return bool((~np.isfinite(mine) & ~np.isfinite(theirs)).any())


def _is_decided_by_rounding(program: Program, found: Divergence, lost: np.ndarray, sides: Sides) -> bool:
    """Whether each element that parts is now finite and now not in one engine's own runs with noise."""
    wavering = np.zeros(lost.shape, bool)
    for backend, trace in sides:
        first = np.isfinite(_at(program, trace, found.place, lost.shape))
        for seed in NOISE:
            run = _at(program, backend.execute(program, noise=seed), found.place, lost.shape)
            wavering |= np.isfinite(run) != first
            if wavering[lost].all():
                return True
    return False


def _at(program: Program, trace: Trace, place: Place, shape: tuple[int, ...]) -> np.ndarray:
    """The values at a place of a trace; zeros where it has none of that shape."""
    value = dict(values(specified(program, trace))).get(place)
    return value.array if value is not None and value.array.shape == shape else np.zeros(shape)
