"""A program in a wider dtype: a truth for values that are too many to evaluate with 60 digits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..programs.leafdata import DTYPES, leaf_array
from ..programs.program import Dtype, Leaf, Program, Step, Transform
from ..programs.trace import Trace
from .compare import Closeness
from .tracing import values

WIDER = {"float32": "float64", "complex64": "complex128"}
MANY = 400


def widened(program: Program) -> Program | None:
    """The program on the same numbers in a dtype of twice the digits; None where it names dtypes itself or is small."""
    leaves = [step for step in program.steps if isinstance(step, Leaf)]
    large = any(leaf_array(leaf).size > MANY for leaf in leaves)
    narrow = any(leaf.dtype in WIDER for leaf in leaves)
    if not (large and narrow) or any(_names_a_dtype(step) for step in program.steps):
        return None
    return Program(
        tuple(_widen(step) if isinstance(step, Leaf) and step.dtype in WIDER else step for step in program.steps)
    )


def _widen(leaf: Leaf) -> Leaf:
    dtype = WIDER[leaf.dtype]
    array = np.ascontiguousarray(leaf_array(leaf)).astype(DTYPES[dtype])
    return replace(leaf, data=array.tobytes(), dtype=dtype)


def _names_a_dtype(step: Step) -> bool:
    if isinstance(step, Transform):
        return step.region is not None and any(map(_names_a_dtype, step.region.steps))
    given = (*getattr(step, "args", ()), *(value for _, value in getattr(step, "attrs", ())))
    return any(isinstance(part, Dtype) for part in given)


def is_near(trace: Trace, truth: Trace, close: Closeness) -> bool:
    """Whether every value of a trace is as near to the truth as its own dtype lets it be."""
    exact = dict(values(truth))
    return all(
        place in exact and close.error(value.array, exact[place].array, value.dtype, place) is None
        for place, value in values(trace)
        if value.dtype in WIDER
    )
