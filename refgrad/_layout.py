"""The memory order that PyTorch gives a fresh result: its dimensions sorted by the operands' strides.

Dimensions are compared pairwise, the first operand that has both strides non-zero deciding, and ambiguous ones keep
row-major order. Observed in PyTorch 2.13's outputs; strides decide whether `view` raises, so they are compared.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Shape = tuple[int, ...]


def _order(a: int, b: int, shape: Shape, operands: Sequence[Shape]) -> int:
    """Negative if dimension a varies faster than b, positive if slower, 0 if the operands do not say."""
    for strides in operands:
        if strides[a] == 0 or strides[b] == 0:
            continue
        if strides[a] != strides[b]:
            return -1 if strides[a] < strides[b] else 1
        if shape[a] > shape[b]:
            return 1
    return 0


def fastest_first(shape: Shape, operands: Sequence[Shape]) -> list[int]:
    """The dimensions of a result, the fastest varying first."""
    order = list(reversed(range(len(shape))))
    for i in range(1, len(order)):
        here = i
        for k in reversed(range(i)):
            found = _order(order[k], order[here], shape, operands)
            if found > 0:
                order[k], order[here] = order[here], order[k]
                here = k
            elif found < 0:
                break
    return order


def in_layout(array: np.ndarray, operands: Sequence[Shape]) -> np.ndarray:
    """A copy of the array in the memory order that operands of these strides give."""
    order = list(reversed(fastest_first(array.shape, operands)))
    made = np.ascontiguousarray(array.transpose(order))
    return made.transpose(np.argsort(order)) if order else made.reshape(array.shape)
