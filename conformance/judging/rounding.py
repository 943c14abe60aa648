"""What rounding may do to the values of one program: allowances ever wider, made as far as they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from .. import catalogue
from ..backends import Backend
from ..programs.leafdata import DTYPES, EPS
from ..programs.program import Backward, Call, Grad, GradOf, Item, Leaf, Observe, Pattern, Program, Region, Transform
from ..programs.trace import Observed, Trace
from .compare import Allowance, Divergence, Place
from .compare.tolerance import largest, scaled, spread
from .tracing import values
from .unspecified import specified

NOISE = (1, 3, 0, 2, *range(4, 16))
"""Seeds of the noisy runs, the cheap kind first. An allowance only grows, so that one run at a time decides what all
of them would."""
FEW, FAR = 4, 64.0
"""After so many runs, half of either kind, a difference of so many times the allowance is hardly rounding: of a thousand
programs that noise excused, one was still so far off then, for noise seldom moved its choice."""
MORE = range(16, 48)
NEAR = 2.0
"""A difference that is so little beyond what all runs allow may be one that no run happened to reach: more are made."""
_LINEAR_STEPS = (Leaf, Item, Backward, Grad, GradOf, Observe)


class Rounding:
    """The allowances for a program and the oracle's trace of it. ``at_kinks``: the program stands at convention points,
    where much noise would excuse any other choice. ``runs``: the noisy runs so far."""

    def __init__(self, oracle: Backend, program: Program, reference: Trace, at_kinks: bool) -> None:
        self.oracle, self.program, self.reference, self.at_kinks = oracle, program, reference, at_kinks
        self.runs = 0
        self._seen: dict[Place, Observed] = {}
        self._bound: Allowance | None = None
        self._widest: Allowance = {}

    def __iter__(self) -> Iterator[Allowance]:
        """The bound of a contraction, then what ever more noisy runs allow."""
        if self.runs == 0:
            if self._begin():
                yield self._widest
        else:
            yield self._widest
        while self.runs < len(NOISE):
            self._run(NOISE[self.runs])
            yield self._widest

    def more(self) -> Iterator[Allowance]:
        """What more runs than the usual ones allow."""
        self.all()
        for seed in MORE:
            self._run(seed)
            yield self._widest

    def all(self) -> Allowance:
        """The allowance of all runs."""
        for _ in self:
            pass
        return self._widest

    def is_beyond(self, found: Divergence) -> bool:
        """Whether no run of noise can excuse a difference: of what isn't a value, of one that isn't finite, or, at a
        kink, of one as large as that to another choice."""
        if found.error_abs is None or found.error_scaled == np.inf:
            return True
        if not self.at_kinks or self._bound is None or not isinstance(found.oracle, Observed):
            return False
        return found.error_abs > self._most(found.oracle)

    def is_far(self, found: Divergence) -> bool:
        """Whether a few runs came nowhere near excusing a difference."""
        return self.runs >= FEW and found.error_scaled is not None and found.error_scaled > FAR

    def _begin(self) -> bool:
        """Makes the bound of a contraction; False where there is none."""
        if self._bound is None:
            self._seen = {place: value for place, value in self._compared(self.reference) if value.dtype in EPS}
            bound = self._bound = self._contraction()
            self._widest = {p: bound[p] if p in bound else spread(x.array, []) for p, x in self._seen.items()}
        return bool(self._bound)

    def _run(self, seed: int) -> None:
        trace = self.oracle.execute(self.program, noise=seed)
        self.runs += 1
        run = dict(self._compared(trace))
        for place, value in self._seen.items():
            if place in run and run[place].shape == value.shape:
                moved = spread(value.array, [run[place].array], self._most(value))
                self._widest[place] = np.fmax(self._widest[place], moved)

    def _most(self, value: Observed) -> float:
        """The most that noise may excuse: at a kink, less than another choice there would differ by."""
        return largest(value.array) * EPS[value.dtype] ** 0.5 if self.at_kinks else np.inf

    def _contraction(self) -> Allowance:
        if not is_contraction(self.program):
            return {}
        sizes = dict(self._compared(self.oracle.execute(absolute_program(self.program))))
        return {
            place: scaled(value.array, sizes[place].array, value.dtype)
            for place, value in self._seen.items()
            if place in sizes
        }

    def _compared(self, trace: Trace) -> Iterator[tuple[Place, Observed]]:
        """The values of a trace at the places where they are compared: a call of a hook has its number among those."""
        return values(specified(self.program, trace))


def is_contraction(program: Program | Region) -> bool:
    """Whether the program only contracts: then its value on absolute data bounds its rounding error."""
    return all(_contracts(step) for step in program.steps)


def _contracts(step: Any) -> bool:
    if isinstance(step, Call):
        line = catalogue.find(step.op)
        return line.contraction is True or line.exact
    if isinstance(step, Transform):
        return step.region is not None and is_contraction(step.region)
    return isinstance(step, _LINEAR_STEPS)


def absolute_program(program: Program) -> Program:
    """The same program on the absolute values of its leaves."""
    return Program(tuple(_absolute(step) if isinstance(step, Leaf) else step for step in program.steps))


def _absolute(leaf: Leaf) -> Leaf:
    if isinstance(leaf.data, Pattern):
        high = max(abs(leaf.data.low), abs(leaf.data.high))
        return replace(leaf, data=Pattern("constant", 0, high, high))
    if leaf.dtype not in EPS:
        return leaf
    array = np.abs(np.frombuffer(leaf.data, DTYPES[leaf.dtype])).astype(DTYPES[leaf.dtype])
    return replace(leaf, data=array.tobytes())
