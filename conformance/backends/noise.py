"""Noise: values moved at random by one unit in the last place, to see how far rounding alone can move a result."""

from __future__ import annotations

import numpy as np

from .. import catalogue
from ..leafdata import EPS
from ..program import Call, Program, refs


def disturb(array: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The array with each element multiplied by 1 - eps, 1 or 1 + eps, in fresh memory of the same strides.

    Arrays that repeat memory, and dtypes that don't round, come back as they are.
    """
    eps = EPS.get(array.dtype.name)
    if eps is None or 0 in array.strides:
        return array
    moves = generator.integers(-1, 2, array.shape)
    with np.errstate(all="ignore"):
        moved = (array * (1 + eps * moves)).astype(array.dtype)
    moved_alike = np.lib.stride_tricks.as_strided(
        np.empty(_extent(array), array.dtype), array.shape, array.strides, writeable=True
    )
    moved_alike[...] = moved
    return moved_alike


def _extent(array: np.ndarray) -> int:
    if not array.size:
        return 1
    return 1 + sum((d - 1) * s for d, s in zip(array.shape, array.strides)) // array.itemsize


def fixed_leaves(program: Program) -> frozenset[int]:
    """Leaves that a discontinuous operator reads: noise there would cross the jump."""
    fixed: set[int] = set()
    for step in program.steps:
        if isinstance(step, Call) and catalogue.find(step.op).jumps:
            fixed.update(ref.index for ref in refs(step.args))
    return frozenset(fixed)
