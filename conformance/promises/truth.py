"""The law that asks no other engine: a gradient is the derivative of the operator's definition, taken with 60 digits.

Two engines that fail alike agree; this is what tells. One element of each leaf's gradient is weighed, for each takes
evaluations of its own.
"""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from ..catalogue import Operator
from ..judging.compare import Closeness
from ..judging.definitions import REFERENCES
from ..judging.evaluation import Evaluation
from ..judging.references import DIGITS, NoReference
from ..judging.rewriting import without_writes
from ..programs.program import Program
from ..programs.trace import Observed, Trace


def is_defined(line: Operator) -> bool:
    """Whether the arbiter knows what the operator computes."""
    return line.differentiable and not line.random and line.name in REFERENCES


def true_gradients(program: Program, trace: Trace, close: Closeness) -> str | None:
    """What is wrong with the gradients beside the derivatives of the definitions; at a kink nothing is."""
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
            return f"element {element} of a gradient is {got!r}; in {DIGITS} digits it is {mpmath.nstr(truth, 17)}"
    return None


def derivative(program: Program, leaf: int, place: tuple[int, ...]) -> Any:
    """One element of a leaf's gradient; None at a kink, or where it is too much work."""
    try:
        with mpmath.workdps(DIGITS), np.errstate(all="ignore"):
            plain = without_writes(program)
            truth = Evaluation(plain).gradient(leaf, len(plain.steps), {}, 0, place)[place]
    except (NoReference, ArithmeticError, TypeError, ValueError, IndexError, AttributeError):
        return None
    return truth if mpmath.isfinite(truth) else None
