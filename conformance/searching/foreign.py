"""What an engine that doesn't promise to be PyTorch may do otherwise: differences that no mathematics decides.

Each is shown as a convention, with these words, and never held against the engine: a value where the function has
none, NaN where the slope has none, and the rounding of another formula for the same derivative.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..backends import Backend
from ..judging.compare import Divergence
from ..judging.compare.tolerance import SPREAD
from ..judging.judge import Judgement
from ..judging.tracing import values
from ..programs.leafdata import DTYPES, EPS, leaf_array
from ..programs.needs import CAPABILITIES
from ..programs.program import Backward, Call, Grad, Leaf, Program, Ref, Step, Transform
from ..programs.trace import Observed, Outcome

ROUNDING = 16
"""Units in the last place of the largest number of a program: what formulas that are equal on paper may be apart by.
Where there are many numbers, their square root: what adding them up one after another loses."""


FACTORS = {"cholesky_solve": 1, "cholesky_inverse": 0}
"""Operators that take a triangular factor, and as which argument."""
PLACES = "argmax argmin max.dim min.dim cummax cummin sort argsort topk kthvalue mode median.dim nanmedian.dim"
"""Operators that say where they found something; a stable sort promises which of equals."""
FORMULA = "the rounding of another formula"


def choice(program: Program, judgement: Judgement, backend: Backend, oracle: Backend, convention: bool) -> str | None:
    """Why a difference is nobody's fault, if it is. An engine that promises to be PyTorch does so down to its formulas;
    an oracle may have others."""
    if not backend.claims >= CAPABILITIES:
        return otherwise(program, judgement, backend, oracle, convention)
    found = judgement.divergence
    if found is None or found.kind != "value" or getattr(oracle, "sets_formulas", True):
        return None
    return FORMULA if _is_rounding(program, judgement, found) else None


def otherwise(
    program: Program, judgement: Judgement, backend: Backend, oracle: Backend, convention: bool
) -> str | None:
    """Why a difference is nobody's fault, if it is. To refuse an argument without a value is a choice, too."""
    found = judgement.divergence
    if found is None or found.kind not in ("value", "error", "type"):
        return None
    if _is_undefined(program, judgement) or (convention and not _is_all_finite(program)):
        return "the function has no finite value there"
    if found.kind != "value":
        return None
    if _is_place_of_equals(program, judgement, found):
        return "which of equals is named"
    if _is_same_together(program, found):
        return "what each of several elements in one place in memory gets: together they get the same"
    if _is_beside_triangle(program, found):
        return "what lies beside the triangle of a factor: it isn't read"
    if _is_rounding(program, judgement, found):
        return FORMULA
    if convention and _is_nan_for_nothing(program, found, backend, oracle):
        return "NaN, times a cotangent of nothing, where the slope is a choice"
    return None


def _is_undefined(program: Program, judgement: Judgement) -> bool:
    """Whether finite data gives the oracle values that aren't: past those, a derivative is anyone's choice."""
    if not _is_all_finite(program):
        return False
    return any(map(_has_no_value, program.steps, judgement.oracle.steps))


def _has_no_value(step: Step, outcome: Outcome) -> bool:
    if isinstance(step, Transform) and isinstance(outcome, tuple) and step.kind in ("vjp", "jvp"):
        return not _is_finite(outcome[0])
    return isinstance(step, Call) and not _is_finite(outcome)


def _is_all_finite(program: Program) -> bool:
    return all(np.isfinite(array).all() for array in _data(program))


def _data(program: Program) -> list[np.ndarray]:
    arrays = [leaf_array(step) for step in program.steps if isinstance(step, Leaf)]
    return [array for array in arrays if array.dtype.kind in "fc"]


def _is_finite(outcome: Outcome) -> bool:
    if isinstance(outcome, tuple):
        return all(map(_is_finite, outcome))
    if not isinstance(outcome, Observed) or outcome.array.dtype.kind not in "fc":
        return True
    return bool(np.isfinite(outcome.array).all())


def _is_place_of_equals(program: Program, judgement: Judgement, found: Divergence) -> bool:
    """Whether two places differ, and what is there doesn't."""
    kind, index, _ = found.place
    step = program.steps[index] if kind == "step" else None
    mine, theirs = found.backend, found.oracle
    if not isinstance(step, Call) or step.op not in PLACES.split() or not isinstance(step.args[0], Ref):
        return False
    if not isinstance(mine, Observed) or not isinstance(theirs, Observed) or theirs.array.dtype.kind != "i":
        return False
    made = program.steps[step.args[0].index]
    seen = judgement.oracle.steps[step.args[0].index]
    x = leaf_array(made) if isinstance(made, Leaf) else seen.array if isinstance(seen, Observed) else None
    if x is None:
        return False
    try:
        there = [_at_places(x, side.array, dict(step.attrs).get("dim")) for side in (mine, theirs)]
    except (IndexError, ValueError):
        return False
    return np.array_equal(*there, equal_nan=x.dtype.kind in "fc")


def _at_places(x: np.ndarray, places: np.ndarray, dim: int | None) -> np.ndarray:
    """The elements that are named. Raises IndexError where there are none."""
    if (places < 0).any():
        raise IndexError
    if dim is None or not x.ndim:
        return x.reshape(-1)[places]
    return np.take_along_axis(x, places if places.ndim == x.ndim else np.expand_dims(places, dim), dim)


def _is_same_together(program: Program, found: Divergence) -> bool:
    """Whether two gradients in a leaf whose elements share memory differ, and their sums over what is shared don't."""
    index = _differentiated(program, found)
    step = None if index is None else program.steps[index]
    mine, theirs = found.backend, found.oracle
    if not isinstance(step, Leaf) or not isinstance(mine, Observed) or not isinstance(theirs, Observed):
        return False
    shared = tuple(d for d, stride in enumerate(leaf_array(step).strides) if stride == 0 and step.shape[d] > 1)
    if not shared or theirs.dtype not in EPS:
        return False
    sums = [side.array.sum(shared) for side in (mine, theirs)]
    bound = ROUNDING * EPS[theirs.dtype] * max(float(np.abs(theirs.array).sum()), 1.0)
    return bool(np.abs(sums[0] - sums[1]).max(initial=0.0) <= bound)


def _differentiated(program: Program, found: Divergence) -> int | None:
    """Of which value a difference is the gradient."""
    kind, index, path = found.place
    step = program.steps[index] if index < len(program.steps) else None
    if isinstance(step, Grad) and path:
        return step.inputs[path[0]].index
    return index if kind == "gradient" else None


def _is_beside_triangle(program: Program, found: Divergence) -> bool:
    """Whether gradients in a triangular factor differ beside its triangle alone, where the backend's are 0: it takes
    the factor for what it is, and reads nothing there."""
    index = _differentiated(program, found)
    calls = [step for step in program.steps if isinstance(step, Call) and step.op in FACTORS]
    calls = [call for call in calls if index is not None and call.args[FACTORS[call.op]] == Ref(index)]
    mine, theirs = found.backend, found.oracle
    if not calls or not isinstance(mine, Observed) or not isinstance(theirs, Observed) or theirs.dtype not in EPS:
        return False
    upper = bool(dict(calls[0].attrs).get("upper"))
    rows, columns = np.indices(mine.array.shape[-2:])
    beside = rows > columns if upper else rows < columns
    gap = np.abs(mine.array - theirs.array)
    bound = ROUNDING * EPS[theirs.dtype] * max(float(np.abs(theirs.array).max(initial=0.0)), 1.0)
    return not mine.array[..., beside].any() and bool(gap[..., ~beside].max(initial=0.0) <= bound)


def _is_rounding(program: Program, judgement: Judgement, found: Divergence) -> bool:
    """Whether the error is within a few units of the largest number in sight, or of what as many units of noise in the
    oracle's own kernels come to: the allowance is that for ``SPREAD`` of them."""
    if found.error_scaled is not None and found.error_scaled <= ROUNDING / SPREAD:
        return True
    made = found.oracle
    if not isinstance(made, Observed) or found.error_abs is None or made.dtype not in EPS:
        return False
    seen = [value.array for _, value in values(judgement.oracle)] + _data(program)
    floats = [np.abs(array[np.isfinite(array)]) for array in seen if array.dtype.kind in "fc"]
    largest = max((float(array.max()) for array in floats if array.size), default=0.0)
    units = max(ROUNDING, max((array.size for array in _data(program)), default=1) ** 0.5)
    return found.error_abs <= units * EPS[made.dtype] * max(largest, 1.0)


def _is_nan_for_nothing(program: Program, found: Divergence, backend: Backend, oracle: Backend) -> bool:
    """Whether the backend's NaN is nothing times a slope that, weighed with a cotangent of ones, is a choice."""
    mine = found.backend
    if not isinstance(mine, Observed) or _is_finite(mine):
        return False
    seeds = {ref.index for step in program.steps for ref in _seeds(step)}
    weighed = Program(tuple(_ones(step) if index in seeds else step for index, step in enumerate(program.steps)))
    if weighed == program:
        return False
    sides = [dict(values(engine.execute(weighed))).get(found.place) for engine in (backend, oracle)]
    if not all(isinstance(side, Observed) for side in sides):
        return False
    again: Divergence = replace(found, backend=sides[0], oracle=sides[1])
    from ..judging.arbitrate import arbitrate

    return arbitrate(weighed, again, True).verdict == "convention"


def _seeds(step: Step) -> tuple[Any, ...]:
    given = getattr(step, "grad_outputs" if isinstance(step, Grad) else "gradients", None)
    return tuple(ref for ref in given or () if ref is not None) if isinstance(step, (Grad, Backward)) else ()


def _ones(step: Step) -> Step:
    if not isinstance(step, Leaf) or leaf_array(step).any():
        return step
    return replace(step, data=np.ones(step.shape, DTYPES[step.dtype]).tobytes(), layout="contiguous")
