"""The law that asks no other engine: a gradient is the derivative of the operator's definition, taken with 60 digits.

Two engines that fail alike agree; this is what tells. One element of each leaf's gradient is weighed, for each takes
evaluations of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..catalogue import Operator
from ..judging.compare import Closeness
from ..judging.tracing import values
from ..programs.leafdata import EPS
from ..programs.program import Leaf, Pattern, Program
from ..programs.trace import Observed, Trace
from .undefined import UNDEFINED


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
    import mpmath

    for leaf, seen in trace.gradients.items():
        if not isinstance(seen, Observed) or not seen.array.size:
            continue
        element = (7 * seen.array.size) // 11
        place = tuple(int(i) for i in np.unravel_index(element, seen.array.shape))
        truth = derivative(program, leaf, place)
        if truth is None:
            continue
        expected = seen.array.copy()
        expected[place] = complex(truth) if expected.dtype.kind == "c" else float(mpmath.re(truth))
        if close.error(seen.array, expected, seen.dtype, ("gradient", leaf, ())) is not None:
            got = seen.array[place]
            return f"element {element} of a gradient is {got!r}; in 60 digits it is {mpmath.nstr(truth, 17)}"
    return None


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
