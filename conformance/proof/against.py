"""The usual checks beside this suite, on the same planted faults: gradcheck (slow and fast), fixed samples, and JAX's
check_grads where there is an interpreter that has JAX.

Each gets eight small float64 samples of the operators that a fault is about, or one of as many elements as the fault
needs. ``gradcheck`` is refgrad's own, run on the broken engine, and so are the function and the gradient that JAX
checks; fixed samples compare the gradient of the sum (an upstream gradient of ones) with the oracle's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import catalogue
from ..backends import collecting_warnings, load
from ..backends.run import Run
from ..drawing.generate import one_operator
from ..drawing.source import Rejected, Stream, mix
from ..programs.program import Leaf, Pattern, Program, Transform
from ..promises.properties import PROPERTIES
from .faults import find

if TYPE_CHECKING:
    # What it imports is more than an interpreter that has JAX need have.
    from .qualify import Verdict

SAMPLES, ELEMENTS = 8, 48
RELATIVE, ABSOLUTE = 1e-5, 1e-8
METHODS = ("gradcheck slow", "gradcheck fast", "fixed samples")
JAX = "JAX check_grads"
LARGEST_JACOBIAN = 256
Sample = tuple[Callable[..., Any], list[Any]]


@dataclass(slots=True)
class Comparison:
    """Which of the methods that could be asked caught a fault, and the seconds each took."""

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


@cache
def enlarged(line: str, count: int) -> tuple[Program, ...]:
    """A sample of an operator of one operand, made of so many elements."""

    def large(step: Any) -> Any:
        if not isinstance(step, Leaf):
            return step
        return replace(step, shape=(count,), data=Pattern("uniform", 3, 0.25, 2.0), layout="contiguous")

    return tuple(Program(tuple(map(large, program.steps))) for program in drawn(line)[:1])


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


def _by_jax(engine: Any, program: Program) -> bool:
    from ..backends.check_grads import check_grads

    check_grads(engine, *sample(engine, program))
    return True


CHECKS: dict[str, Callable[[Any, Program], bool]] = dict(
    zip((*METHODS, JAX), (_by_gradcheck(False), _by_gradcheck(True), _by_samples, _by_jax))
)


def passes(check: Callable[[Any, Program], bool], engine: Any, program: Program) -> bool:
    """Whether a check passes; an exception is a failure."""
    try:
        with np.errstate(all="ignore"):
            return check(engine, program)
    except Exception:
        return False


@cache
def sound_samples(line: str, method: str, elements: int = 0) -> tuple[Program, ...]:
    """The samples of an operator that the method accepts on the sound engine."""
    if method == METHODS[0] and elements > LARGEST_JACOBIAN:
        return ()
    some = enlarged(line, elements) if elements else drawn(line)
    return tuple(p for p in some if passes(CHECKS[method], load("refgrad"), p))


def lines_of(id: str, caught_by: Sequence[str]) -> list[str]:
    """The operators a fault is about: those of the questions that caught it, else of those expected to."""
    asked = [q for q in (*caught_by, *find(id).expects) if q.startswith("op/")]
    names = [q.split("/")[1] for q in asked]
    return list(dict.fromkeys(n for n in names if n in catalogue.operators() and catalogue.find(n).differentiable))[:2]


def compare(id: str, names: Sequence[str], methods: Sequence[str] = METHODS) -> Comparison:
    """What each method makes of one fault, given the operators that it is about."""
    fault, engine = find(id), load("refgrad")
    found = Comparison(id, fault.kind)
    planted = fault.plant()
    with collecting_warnings():
        for method in methods:
            programs = [p for line in names for p in sound_samples(line, method, fault.elements)]
            if not programs:
                continue  # a method that can't be asked has not missed
            started = time.process_time()
            found.caught[method] = any(_fails(planted, CHECKS[method], engine, p) for p in programs)
            found.seconds[method] = time.process_time() - started
    return found


def _fails(planted: Any, check: Callable[[Any, Program], bool], engine: Any, program: Program) -> bool:
    with planted:
        return not passes(check, engine, program)


def compare_all(faults: Sequence[tuple[str, Sequence[str]]], jobs: int = 2, jax: str | None = None) -> list[Comparison]:
    """The comparisons of (fault, questions that caught it), in several processes; with JAX's in one of its own."""
    asked = [(id, names) for id, caught in faults if (names := lines_of(id, caught))]
    if jobs <= 1:
        found = [compare(*pair) for pair in asked]
    else:
        with ProcessPoolExecutor(jobs) as pool:
            found = list(pool.map(compare, *zip(*asked), chunksize=8)) if asked else []
    if jax is not None:
        by_jax = elsewhere(asked, jax)
        for comparison in found:
            comparison.caught |= by_jax[comparison.fault].caught
            comparison.seconds |= by_jax[comparison.fault].seconds
    return found


def elsewhere(asked: Sequence[tuple[str, Sequence[str]]], python: str) -> dict[str, Comparison]:
    """JAX's comparisons, made by this module run in an interpreter that has JAX."""
    name = f"{__package__}.against"
    root = Path(__file__).parents[name.count(".")]
    paths = os.pathsep.join((str(root), os.environ.get("PYTHONPATH", "")))
    done = subprocess.run(
        [python, "-m", name],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
        check=False,
    )
    if done.returncode:
        raise LookupError(f"{python} can't run JAX's check_grads: {(done.stderr.splitlines() or ['?'])[-1][:200]}")
    return {line["fault"]: Comparison(**line) for line in json.loads(done.stdout)}


def totals(comparisons: Sequence[Comparison], mine: dict[str, Verdict]) -> dict[str, dict[str, float]]:
    """By method: caught, missed (of those that it could be asked about), seconds."""
    ours = [mine[c.fault] for c in comparisons]
    rows = {"this suite": ([v.caught for v in ours], sum(v.seconds for v in ours))}
    for method in dict.fromkeys(name for c in comparisons for name in c.caught):
        tried = [c for c in comparisons if method in c.caught]
        rows[method] = ([c.caught[method] for c in tried], sum(c.seconds[method] for c in tried))
    return {
        name: {"caught": sum(caught), "missed": len(caught) - sum(caught), "seconds": round(seconds, 1)}
        for name, (caught, seconds) in rows.items()
    }


def lines(rows: dict[str, dict[str, float]]) -> Iterator[str]:
    """The table: caught, missed, time, by method."""
    yield f"{'method':<16} {'caught':>8} {'missed':>8} {'seconds':>9}"
    for name, row in rows.items():
        yield f"{name:<16} {row['caught']:>8} {row['missed']:>8} {row['seconds']:>9.1f}"


if __name__ == "__main__":
    import_module("jax")  # without it, every sample would be one that the method can't be asked about
    json.dump([asdict(compare(id, names, (JAX,))) for id, names in json.load(sys.stdin)], sys.stdout)
