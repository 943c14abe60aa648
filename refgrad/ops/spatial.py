"""What convolutions and pools share: numbers given once for all spatial dimensions, and inputs without a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._layout import with_strides
from .._storage import contiguous_strides
from .._tensor import Tensor

Numbers = tuple[int, ...]


def spread_number(value: Any, dims: int) -> Numbers | None:
    """One number for each spatial dimension from an int or a sequence of 1 or `dims` ints; None for another length."""
    given = (int(value),) if isinstance(value, (int, float)) else tuple(int(v) for v in value)
    if len(given) == 1:
        return given * dims
    return given if len(given) == dims else None


def channels_last(array: np.ndarray) -> bool:
    """Whether the memory of (N, C, …) lies as (N, …, C), and that isn't the row-major order as well."""
    shape, strides = array.shape, array.strides
    if array.ndim == 3:
        # PyTorch sees one spatial dimension as the second of two.
        shape, strides = (*shape[:2], 1, shape[2]), (*strides[:2], shape[2] * strides[2], strides[2])
    if len(shape) not in (4, 5) or not array.size or not strides[1]:
        return False
    least = 0
    for d in (1, *range(len(shape) - 1, 1, -1), 0):
        if strides[d] < least or (d == 0 and least == strides[1]):
            return False
        least = strides[d] * shape[d] if shape[d] > 1 else strides[d]
    return True


def in_channels_last(result: np.ndarray) -> np.ndarray:
    """A result with the channels innermost in memory."""
    strides, step = [0] * result.ndim, 1
    for d in (1, *range(result.ndim - 1, 1, -1), 0):
        strides[d] = step
        step *= result.shape[d]
    return with_strides(result, tuple(strides))


def laid_out_like(result: np.ndarray, operands: Sequence[np.ndarray]) -> np.ndarray:
    """For a row's `layout`: a result (N, C, …) with its channels innermost if the first operand's are."""
    is_image = result.ndim == operands[0].ndim and result.ndim in (4, 5)
    return in_channels_last(result) if is_image and channels_last(operands[0]) else result


def laid_out_like_any(result: np.ndarray, operands: Sequence[np.ndarray]) -> np.ndarray:
    """The same if the input's or the kernels' are, else row-major. PyTorch keeps it for three dimensions in float32
    only, and makes the input of one dimension row-major first."""
    x, w = operands[:2]
    keeps = result.ndim != 5 or result.dtype == np.float32
    counts = channels_last(w) or (channels_last(x) and (result.ndim != 3 or x.flags.c_contiguous))
    if keeps and counts and not _is_joined(result, x, w):
        return in_channels_last(result)
    return with_strides(result, contiguous_strides(result.shape))


def _is_joined(result: np.ndarray, x: np.ndarray, w: np.ndarray) -> bool:
    """Whether PyTorch joins the result from groups of one channel and one pixel, whose layout is row-major."""
    is_direct = w.shape[0] == result.shape[1]
    groups = (x.shape[1] if is_direct else result.shape[1]) // max(w.shape[1], 1)
    return result.dtype == np.float64 and 1 < groups == result.shape[1] and all(n == 1 for n in result.shape[2:])


def batched(input: Tensor, dims: int, function: Callable[[Tensor], Any]) -> Any:
    """Calls a function of (N, C, …) on an input that may be (C, …)."""
    if input.ndim == dims + 2:
        return function(input)
    found = function(input.unsqueeze(0))
    return tuple(t.squeeze(0) for t in found) if isinstance(found, tuple) else found.squeeze(0)


def by_plane(input: Tensor, function: Callable[[Tensor], Any]) -> Any:
    """A pool over one dimension as one over two, the first of size 1."""
    found = function(input.unsqueeze(-2))
    return tuple(t.squeeze(-2) for t in found) if isinstance(found, tuple) else found.squeeze(-2)
