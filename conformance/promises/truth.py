"""The law that asks no other engine: a gradient is the derivative of the operator's definition, taken with 60 digits.

Two engines that fail alike agree; this is what tells. One element of each leaf's gradient is weighed, for each takes
evaluations of its own. What an oracle's noise excuses isn't enough of an excuse: a formula that cancels, and rounds as
badly in both engines, is shown by what moves of the data by one unit do to the derivative itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ml_dtypes
import numpy as np

from ..backends.noise import disturb
from ..catalogue import Operator
from ..drawing.build import Builder
from ..judging.compare import Closeness
from ..judging.tracing import values
from ..programs.leafdata import DTYPES, EPS, leaf_array
from ..programs.program import Backward, Leaf, Pattern, Program
from ..programs.trace import Observed, Trace
from .undefined import UNDEFINED

UNITS, MOVES = 512.0, 8
"""A gradient may err by so many times what so many random moves of the data do to it. Of the definitions' gradients those
of refgrad err by less than 16 nearly always, by 104 at most; where PyTorch's err by more than 512 a formula is at fault."""


TINY = {name: float(ml_dtypes.finfo(DTYPES[name]).tiny) for name in EPS}
SCALES = {"float16": 2, "bfloat16": 2}
"""Near 0 of a dtype are values so many powers of ten down, or up to eight."""


def near_zero(b: Builder) -> None:
    """Brings one leaf's data near 0, where what a formula subtracts cancels: by a power of ten."""
    leaves = [
        k for k, step in enumerate(b.steps) if isinstance(step, Leaf) and step.requires_grad and _is_movable(step)
    ]
    if leaves:
        index = b.pick(leaves)
        leaf = b.steps[index]
        assert isinstance(leaf, Leaf)
        scale = 10.0 ** -b.integer(1, SCALES.get(leaf.dtype, 8))
        b.steps[index] = _changed(leaf, lambda data: data * np.asarray(scale, data.dtype))


def is_defined(line: Operator) -> bool:
    """Whether the arbiter knows what the operator computes."""
    return line.differentiable and not line.random and line.name not in UNDEFINED


def true_gradients(program: Program, trace: Trace, close: Closeness) -> str | None:
    """What is wrong with the gradients beside the derivatives of the definitions. Nothing is at a kink, and where a
    value is infinite or NaN; large leaves would take minutes."""
    if _is_large(program) or not all(
        np.isfinite(value.array).all() for _, value in values(trace) if value.dtype in EPS
    ):
        return None
    for leaf, seen in trace.gradients.items():
        if not isinstance(seen, Observed) or not seen.array.size:
            continue
        element = (7 * seen.array.size) // 11
        place = tuple(int(i) for i in np.unravel_index(element, seen.array.shape))
        truth = derivative(program, leaf, place)
        if truth is not None and _is_off(program, leaf, place, seen, truth, close):
            return f"element {element} of a gradient is {seen.array[place]!r}; in 60 digits it is {_digits(truth)}"
    return None


def _is_off(program: Program, leaf: int, place: tuple[int, ...], seen: Observed, truth: Any, close: Closeness) -> bool:
    expected = seen.array.copy()
    expected[place] = complex(truth) if expected.dtype.kind == "c" else float(truth.real)
    if close.error(seen.array, expected, seen.dtype, ("gradient", leaf, ())) is not None:
        return True
    if truth == 0:
        # As the cosine of two numbers: a difference of equal terms, of which nothing tells how large they are.
        return False
    eps, error = EPS[seen.dtype], abs(complex(seen.array[place]) - complex(expected[place]))
    # The terms of a documented difference, such as p - 1 of a cross-entropy, are as large as the cotangent.
    terms = max(float(np.abs(seen.array).max()), _cotangent(program))
    least = 4 * eps * terms + UNITS * eps * abs(complex(truth)) + TINY[seen.dtype]
    return error > least and error > least + UNITS * sensitivity(program, leaf, place, truth)


def _cotangent(program: Program) -> float:
    """The size of the largest cotangent."""
    given = [ref for step in program.steps if isinstance(step, Backward) for ref in step.gradients or () if ref]
    leaves = [program.steps[ref.index] for ref in given]
    return max(
        (float(np.abs(leaf_array(leaf)).max(initial=0)) for leaf in leaves if isinstance(leaf, Leaf)), default=1.0
    )


def sensitivity(program: Program, leaf: int, place: tuple[int, ...], truth: Any) -> float:
    """How far one element of a gradient moves, at most, when the data moves by a unit or two in the last place."""
    moved = (derivative(_moved(program, seed), leaf, place) for seed in range(MOVES))
    return max((np.inf if other is None else float(abs(other - truth)) for other in moved), default=0.0)


def _moved(program: Program, seed: int) -> Program:
    generator = np.random.default_rng(seed)

    def move(step: Any) -> Any:
        if not isinstance(step, Leaf) or not _is_movable(step):
            return step
        return _changed(step, lambda data: disturb(data, generator))

    return Program(tuple(map(move, program.steps)))


def _is_movable(leaf: Leaf) -> bool:
    return leaf.dtype in EPS and not isinstance(leaf.data, Pattern)


def _changed(leaf: Leaf, change: Callable[[np.ndarray], np.ndarray]) -> Leaf:
    data = leaf.data
    assert isinstance(data, bytes)
    with np.errstate(all="ignore"):
        changed = change(np.frombuffer(data, DTYPES[leaf.dtype]))
    return replace(leaf, data=changed.astype(DTYPES[leaf.dtype]).tobytes())


def _digits(value: Any) -> str:
    import mpmath

    return str(mpmath.nstr(value, 17))


def _is_large(program: Program) -> bool:
    return any(isinstance(step, Leaf) and isinstance(step.data, Pattern) for step in program.steps)


def derivative(program: Program, leaf: int, place: tuple[int, ...]) -> Any:
    """One element of a leaf's gradient; None at a kink, or where it is too much work."""
    # The arbiter's are loaded when they are asked: collection needs none of them.
    import mpmath

    from ..judging.evaluation import Evaluation
    from ..judging.references import DIGITS, NoReference
    from ..judging.rewriting import without_writes

    try:
        with mpmath.workdps(DIGITS), np.errstate(all="ignore"):
            plain = without_writes(program)
            truth = Evaluation(plain).gradient(leaf, len(plain.steps), {}, 0, place)[place]
    except (NoReference, ArithmeticError, TypeError, ValueError, IndexError, AttributeError):
        return None
    return truth if mpmath.isfinite(truth) else None
