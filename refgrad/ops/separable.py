"""Maps that act along each spatial dimension apart, as sparse matrices: averages over windows, and resampling.

A Factor names a matrix (one dimension's sizes and how windows or samples lie); the matrix is made once and kept.
Sparse rather than dense: an output then depends on its own window only, so that an infinity elsewhere stays there.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse

from .._op import op


class Factor(NamedTuple):
    """A matrix (outputs × inputs) of a kind, with what it depends on."""

    kind: str
    inputs: int
    outputs: int
    options: tuple[Any, ...] = ()


Factors = tuple[Factor, ...]


@lru_cache(512)
def matrix(factor: Factor, dtype: str, transposed: bool) -> Any:
    """The factor's sparse matrix. Weights are computed in the dtype in which PyTorch computes them."""
    wide = np.dtype(np.float32) if dtype == "float32" else np.dtype(np.float64)
    rows, columns, weights = ENTRIES[factor.kind](factor, wide)
    shape = (factor.outputs, factor.inputs)
    found = scipy.sparse.csr_matrix((weights.astype(dtype), (rows, columns)), shape)
    return found.T.tocsr() if transposed else found


def _separable(x: np.ndarray, factors: Factors, transposed: bool) -> np.ndarray:
    kind = x.dtype if x.dtype.kind in "fc" else np.dtype(np.int64)
    lead = x.ndim - len(factors)
    made = x
    for k, factor in enumerate(factors):
        axis = lead + k
        moved = np.moveaxis(made, axis, 0)
        rest = moved.shape[1:]
        flat = moved.reshape(moved.shape[0], math.prod(rest))
        found = matrix(factor, kind.name, transposed) @ flat
        made = np.moveaxis(np.asarray(found).reshape(-1 if found.size else found.shape[0], *rest), 0, axis)
    return np.ascontiguousarray(made.astype(x.dtype, copy=False))


separable_row = op(
    "separable(self, *, factors, transposed)", _separable, public=False, jvp="linear",
    self=lambda g, F, factors, transposed: F.separable(g, factors, not transposed),
)  # fmt: skip


def _windows(starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The (row, column) pairs of windows [start, end)."""
    lengths = np.maximum(ends - starts, 0)
    rows = np.repeat(np.arange(len(starts)), lengths)
    first = np.cumsum(lengths) - lengths
    columns = np.arange(int(lengths.sum())) - np.repeat(first, lengths) + np.repeat(starts, lengths)
    return rows, columns


def pool_bounds(factor: Factor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Start and end within the input, and the padded length, of each pooling window."""
    kernel, stride, padding = factor.options
    starts = np.arange(factor.outputs) * stride - padding
    padded = np.minimum(starts + kernel, factor.inputs + padding) - starts
    return np.maximum(starts, 0), np.minimum(starts + kernel, factor.inputs), padded


def adaptive_bounds(factor: Factor) -> tuple[np.ndarray, np.ndarray]:
    """Start and end of windows that share the input out evenly."""
    i = np.arange(factor.outputs)
    n, m = factor.inputs, max(factor.outputs, 1)
    return i * n // m, -(-(i + 1) * n // m)


def _ones(bounds: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows, columns = _windows(bounds[0], bounds[1])
    return rows, columns, np.ones(len(rows))


def _scale(factor: Factor, wide: np.dtype, align: bool, scale: float | None) -> Any:
    """Input steps for an output step."""
    if align:
        return wide.type(factor.inputs - 1) / wide.type(factor.outputs - 1) if factor.outputs > 1 else wide.type(0)
    return wide.type(1.0 / scale) if scale else wide.type(factor.inputs) / wide.type(factor.outputs)


def _nearest(factor: Factor, wide: np.dtype) -> tuple[np.ndarray, ...]:
    (scale, exact) = factor.options
    step = _scale(factor, wide, False, scale)
    i = np.arange(factor.outputs, dtype=wide)
    source = np.floor((i + wide.type(0.5)) * step if exact else i * step)
    return np.arange(factor.outputs), np.minimum(source.astype(np.int64), factor.inputs - 1), np.ones(factor.outputs)


def _linear(factor: Factor, wide: np.dtype) -> tuple[np.ndarray, ...]:
    align, scale = factor.options
    step, i = _scale(factor, wide, align, scale), np.arange(factor.outputs, dtype=wide)
    half = wide.type(0.5)
    source = i * step if align else np.maximum((i + half) * step - half, 0)
    low = np.minimum(np.floor(source).astype(np.int64), factor.inputs - 1)
    high = np.minimum(low + 1, factor.inputs - 1)
    weight = np.clip(source - low.astype(wide), 0, 1)
    rows = np.arange(factor.outputs)
    return np.r_[rows, rows], np.r_[low, high], np.r_[1 - weight, weight]


def cubic(t: np.ndarray, a: float) -> np.ndarray:
    """Keys' convolution kernel at distance t."""
    t = np.abs(t)
    near = ((a + 2) * t - (a + 3)) * t * t + 1
    far = ((t - 5) * t + 8) * t * a - 4 * a
    return np.where(t <= 1, near, np.where(t < 2, far, 0))


def _cubic(factor: Factor, wide: np.dtype) -> tuple[np.ndarray, ...]:
    align, scale = factor.options
    step, i = _scale(factor, wide, align, scale), np.arange(factor.outputs, dtype=wide)
    half = wide.type(0.5)
    source = i * step if align else (i + half) * step - half
    low = np.floor(source)
    part = source - low
    taps = [np.clip(low.astype(np.int64) + k, 0, factor.inputs - 1) for k in (-1, 0, 1, 2)]
    weights = [cubic(part - k, -0.75) for k in (-1, 0, 1, 2)]
    return np.tile(np.arange(factor.outputs), 4), np.concatenate(taps), np.concatenate(weights)


def _triangle(t: np.ndarray) -> np.ndarray:
    return np.maximum(1 - np.abs(t), 0)


def _lanczos(t: np.ndarray) -> np.ndarray:
    return np.where(np.abs(t) < 3, np.sinc(t) * np.sinc(t / 3), 0)


FILTERS = {2: _triangle, 4: lambda t: cubic(t, -0.5), 6: _lanczos}


def _smooth(factor: Factor, wide: np.dtype) -> tuple[np.ndarray, ...]:
    """Filtered against aliasing: the kernel is as wide as an output step, and its weights sum to 1."""
    align, scale, taps = factor.options
    step = _scale(factor, wide, align, scale)
    stretch = max(step, wide.type(1))
    support = wide.type(taps / 2) * stretch
    center = step * (np.arange(factor.outputs, dtype=wide) + wide.type(0.5))
    starts = np.maximum((center - support + wide.type(0.5)).astype(np.int64), 0)
    ends = np.minimum((center + support + wide.type(0.5)).astype(np.int64), factor.inputs)
    rows, columns = _windows(starts, ends)
    distance = (columns.astype(wide) - center[rows] + wide.type(0.5)) / stretch
    weights = FILTERS[taps](distance).astype(wide)
    return rows, columns, weights / np.bincount(rows, weights, factor.outputs).astype(wide)[rows]


ENTRIES: dict[str, Any] = {
    "pool": lambda factor, wide: _ones(pool_bounds(factor)),
    "adaptive": lambda factor, wide: _ones(adaptive_bounds(factor)),
    "nearest": _nearest,
    "linear": _linear,
    "cubic": _cubic,
    "smooth": _smooth,
}


def resampled_size(size: int, factor: float) -> int:
    """The size that a scale factor leads to."""
    return math.floor(float(size) * factor)
