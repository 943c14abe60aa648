"""The usual checks beside this suite, on the same planted faults: gradcheck (slow and fast), and fixed samples.

Each gets eight small float64 samples of the operators that a fault is about. ``gradcheck`` is refgrad's own, run on the
broken engine; fixed samples compare the gradient of the sum (an upstream gradient of ones) with the oracle's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from . import catalogue
from .backends import collecting_warnings, load
from .backends.run import Run
from .faults import find
from .generate import one_operator
from .program import Leaf, Program, Transform
from .properties import PROPERTIES
from .search import Rejected
from .source import Stream, mix

SAMPLES, ELEMENTS = 8, 48
RELATIVE, ABSOLUTE = 1e-5, 1e-8
METHODS = ("gradcheck slow", "gradcheck fast", "fixed samples")
Sample = tuple[Callable[..., Any], list[Any]]


@dataclass(slots=True)
class Comparison:
    """Which methods caught a fault, and the seconds each took."""

    fault: str
    kind: str
    caught: dict[str, bool] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


@cache
def drawn(line: str) -> tuple[Program, ...]:
    """The fixed samples of an operator: programs whose forward-mode step holds it as a function."""
    found: list[Program] = []
    draw = one_operator(catalogue.find(line), PROPERTIES["jvp"].build, ("float64",))
    for index in range(10 * SAMPLES):
        try:
            program = draw(Stream(mix(11, index)))
        except Rejected:
            continue
        leaves = [step for step in program.steps if isinstance(step, Leaf)]
        if all(0 < int(np.prod(leaf.shape)) <= ELEMENTS and leaf.layout == "contiguous" for leaf in leaves):
            found.append(program)
        if len(found) == SAMPLES:
            break
    return tuple(found)


def sample(engine: Any, program: Program) -> Sample:
    """The operator as a function of its differentiable leaves, on an engine, and the leaves."""
    step = next(step for step in program.steps if isinstance(step, Transform))
    run = Run(engine)
    for leaf in program.steps:
        run.values.append(run.leaf(leaf) if isinstance(leaf, Leaf) else None)
    assert step.region is not None
    inputs = [run.resolve(ref) for ref in step.args]
    return run.function(step.region, run.resolve(step.captures)), inputs


def gradients(engine: Any, program: Program) -> list[np.ndarray]:
    """The outputs, then the gradients of their sum."""
    function, inputs = sample(engine, program)
    outputs = function(*inputs)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    total: Any = sum(o.sum() for o in outputs)
    total.backward()
    found = [o.detach() for o in outputs] + [x.grad for x in inputs if x.grad is not None]
    return [engine.array(t) for t in found]


def _by_gradcheck(fast: bool) -> Callable[[Any, Program], bool]:
    def passes(engine: Any, program: Program) -> bool:
        function, inputs = sample(engine, program)
        check = engine.ns.autograd.gradcheck
        return bool(check(function, inputs, fast_mode=fast, raise_exception=False))

    return passes


def _by_samples(engine: Any, program: Program) -> bool:
    mine, theirs = gradients(engine, program), gradients(load("torch"), program)
    return len(mine) == len(theirs) and all(
        a.shape == b.shape and np.allclose(a, b, RELATIVE, ABSOLUTE, equal_nan=True) for a, b in zip(mine, theirs)
    )


CHECKS: dict[str, Callable[[Any, Program], bool]] = dict(
    zip(METHODS, (_by_gradcheck(False), _by_gradcheck(True), _by_samples))
)


def passes(check: Callable[[Any, Program], bool], engine: Any, program: Program) -> bool:
    """Whether a check passes; an exception is a failure."""
    try:
        with np.errstate(all="ignore"):
            return check(engine, program)
    except Exception:
        return False


@cache
def sound_samples(line: str, method: str) -> tuple[Program, ...]:
    """The samples of an operator that the method accepts on the sound engine."""
    return tuple(p for p in drawn(line) if passes(CHECKS[method], load("refgrad"), p))


def lines_of(id: str, caught_by: Sequence[str]) -> list[str]:
    """The operators a fault is about: those of the questions that caught it, else of those expected to."""
    asked = [q for q in (*caught_by, *find(id).expects) if q.startswith("op/")]
    names = [q.split("/")[1] for q in asked]
    return list(dict.fromkeys(n for n in names if n in catalogue.operators() and catalogue.find(n).differentiable))[:2]


def compare(id: str, caught_by: Sequence[str]) -> Comparison:
    """What each method makes of one fault."""
    fault, engine = find(id), load("refgrad")
    found = Comparison(id, fault.kind)
    planted = fault.plant()
    with collecting_warnings():
        for method, check in CHECKS.items():
            programs = [p for line in lines_of(id, caught_by) for p in sound_samples(line, method)]
            started = time.perf_counter()
            found.caught[method] = any(_fails(planted, check, engine, p) for p in programs)
            found.seconds[method] = time.perf_counter() - started
    return found


def _fails(planted: Any, check: Callable[[Any, Program], bool], engine: Any, program: Program) -> bool:
    with planted:
        return not passes(check, engine, program)


def compare_all(faults: Sequence[tuple[str, Sequence[str]]], jobs: int = 2) -> list[Comparison]:
    """The comparisons of (fault, questions that caught it), in several processes."""
    asked = [(id, caught) for id, caught in faults if lines_of(id, caught)]
    if jobs <= 1:
        return [compare(*pair) for pair in asked]
    with ProcessPoolExecutor(jobs) as pool:
        return list(pool.map(compare, *zip(*asked), chunksize=8)) if asked else []


def lines(comparisons: Sequence[Comparison], mine: int, seconds: float) -> Iterator[str]:
    """The table: caught, missed, time, by method."""
    count = len(comparisons)
    yield f"{'method':<16} {'caught':>8} {'missed':>8} {'seconds':>9}"
    yield f"{'this suite':<16} {mine:>8} {count - mine:>8} {seconds:>9.1f}"
    for method in METHODS:
        caught = sum(c.caught[method] for c in comparisons)
        yield f"{method:<16} {caught:>8} {count - caught:>8} {sum(c.seconds[method] for c in comparisons):>9.1f}"
