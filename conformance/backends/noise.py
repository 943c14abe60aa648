"""Noise: values moved at random by one unit in the last place, to see how far rounding alone can move a result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np

from .. import catalogue
from ..programs.leafdata import EPS
from ..programs.program import Call, Program, refs

MOVES = (-2, -1, 1, 2)
"""In eps. Never 0: an element that chance left unmoved would look exact, and the worst of many is just that one."""
_TABLE = np.array(MOVES)
# fmt: off
ROUNDED = frozenset((
    "add", "addcdiv", "addcmul", "div", "mul", "neg", "reciprocal", "rsub", "sqrt", "square", "sub",
))
"""IEEE arithmetic: the error is in the result alone. Moved operands would part what is tied exactly."""
WHOLE = (
    "cholesky", "linalg_", "_linalg_", "_fft_", "fft_", "triangular_solve", "lu_", "ormqr", "geqrf", "inverse", "det",
    "slogdet", "logdet", "upsample_", "_upsample_", "grid_sampler_", "_log_softmax", "_softmax_backward",
)
"""Kernels whose backward error is a share of the whole matrix, signal, image or row, not of each element."""
SELECTORS = frozenset((
    "linalg_vector_norm", "norm", "_cdist_forward", "_cdist_backward", "_pdist_forward", "_pdist_backward",
    "cdist_forward", "cdist_backward", "pdist_forward", "pdist_backward", "dist", "renorm", "scatter_reduce",
    "index_reduce",
))
# fmt: on
SELECTING = (float("inf"), float("-inf"), "amax", "amin")
"""Under these orders and reductions, the selectors round nothing but the moduli that they select among."""


@cache
def exact_kernels() -> frozenset[str]:
    """The catalogue's names of kernels that round nothing, and of those that jump."""
    lines = catalogue.operators().values()
    named = {catalogue.split_name(line.name)[1] for line in lines if line.exact or line.view or line.jumps}
    return frozenset(named - ROUNDED)


def selects(arguments: Sequence[Any]) -> bool:
    """Whether a selector's arguments, its tensor first, have it select."""
    plain = [part for part in arguments[1:] if isinstance(part, (int, float, str))]
    return any(part in SELECTING for part in plain) or plain[:1] == [0]


def is_selecting(step: Call) -> bool:
    """Whether a call selects: its derivative looks for what equals the result."""
    arguments = (*step.args, *(value for _, value in step.attrs))
    return catalogue.split_name(step.op)[1] in SELECTORS and selects(arguments)


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
    """Leaves that a discontinuous operator reads, where noise would cross the jump; exponents, of which a negative number
    has integers only; and those that only exact operators with kinks read, whose results no operator reads: they round
    nothing, and noise would excuse another choice at the kink."""
    fixed: set[int] = set()
    others: set[int] = set()
    ties: dict[int, set[int]] = {}
    for index, step in enumerate(program.steps):
        if not isinstance(step, Call):
            continue
        line, read = catalogue.find(step.op), {ref.index for ref in refs(step.args)}
        if line.jumps:
            fixed |= read
        elif catalogue.split_name(step.op)[1] == "pow":
            fixed.update(ref.index for ref in refs(step.args[1:]))
        if line.exact and line.kinks is not None:
            ties[index] = read
        else:
            others |= read
    others.update(*(read & ties.keys() for read in ties.values()))
    for index, read in ties.items():
        if index not in others:
            fixed |= read - others
    return frozenset(fixed)
