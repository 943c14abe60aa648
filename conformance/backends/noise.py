"""Noise: values moved at random by one unit in the last place, to see how far rounding alone can move a result."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .. import catalogue
from ..programs.leafdata import EPS
from ..programs.program import Call, Program, refs

MOVES = (-2, -1, 1, 2)
"""In eps. Never 0: an element that chance left unmoved would look exact, and the worst of many is just that one."""
_TABLE = np.array(MOVES)


def disturb(array: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The array with each element moved by one or two units in the last place, in fresh memory of the same strides.

    Elements that share memory move together; dtypes that don't round come back as they are.
    """
    eps = EPS.get(array.dtype.name)
    if eps is None:
        return array
    if array.flags.c_contiguous:
        return _moved(array, eps, generator)
    compact = array[tuple(slice(0, 1) if stride == 0 and size > 1 else slice(None) for size, stride in _dims(array))]
    memory = np.empty(_extent(array), array.dtype)
    np.lib.stride_tricks.as_strided(memory, compact.shape, array.strides)[...] = _moved(compact, eps, generator)
    return np.lib.stride_tricks.as_strided(memory, array.shape, array.strides)


def _moved(array: np.ndarray, eps: float, generator: np.random.Generator) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.asarray(array * (1 + eps * _TABLE[generator.integers(len(MOVES), size=array.shape)]), array.dtype)


def _dims(array: np.ndarray) -> Iterator[tuple[int, int]]:
    return zip(array.shape, array.strides)


def _extent(array: np.ndarray) -> int:
    if not array.size:
        return 1
    return 1 + sum((d - 1) * s for d, s in _dims(array)) // array.itemsize


def fixed_leaves(program: Program) -> frozenset[int]:
    """Leaves that a discontinuous operator reads, where noise would cross the jump; and those that only exact operators
    with kinks read, whose results no operator reads: they round nothing, and noise would excuse another choice at the
    kink."""
    fixed: set[int] = set()
    others: set[int] = set()
    ties: dict[int, set[int]] = {}
    for index, step in enumerate(program.steps):
        if not isinstance(step, Call):
            continue
        line, read = catalogue.find(step.op), {ref.index for ref in refs(step.args)}
        if line.jumps:
            fixed |= read
        if line.exact and line.kinks is not None:
            ties[index] = read
        else:
            others |= read
    others.update(*(read & ties.keys() for read in ties.values()))
    for index, read in ties.items():
        if index not in others:
            fixed |= read - others
    return frozenset(fixed)
