"""Sums over any dimension in blocks, so that a long one loses no more digits than a short one."""

from __future__ import annotations

from typing import Any

import numpy as np

BLOCK = 32


def block_sum(a: np.ndarray, axes: tuple[int, ...], keepdims: bool = False) -> Any:
    """The sum over dimensions. NumPy adds pairwise along the innermost dimension only; a long outer one is added in
    blocks of blocks, so that the error grows with its logarithm."""
    longest = max(axes, key=a.shape.__getitem__, default=0)
    if a.size > 4096 and axes and a.dtype.kind in "fc" and a.strides[longest] > a.itemsize:
        while a.shape[longest] > 2 * BLOCK:
            a = _blocks(a, longest)
    return np.add.reduce(a, axes, keepdims=keepdims)


def _blocks(a: np.ndarray, axis: int) -> np.ndarray:
    """The sums of a dimension's blocks."""
    n = a.shape[axis]
    whole = n // BLOCK * BLOCK
    lead = (slice(None),) * axis
    head = a[(*lead, slice(0, whole))].reshape(*a.shape[:axis], n // BLOCK, BLOCK, *a.shape[axis + 1 :])
    parts = np.add.reduce(head, axis + 1)
    if whole == n:
        return parts
    return np.concatenate([parts, np.add.reduce(a[(*lead, slice(whole, n))], axis, keepdims=True)], axis)
