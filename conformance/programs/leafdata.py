"""Leaf data: dtypes, patterns and layouts, as NumPy arrays that any engine can take over.

Patterns, so that any language can restate them. ``z(i)`` is the i-th output of SplitMix64 started at ``seed``
(state += 0x9E3779B97F4A7C15; z = (z ^ z>>30)·0xBF58476D1CE4E5B9; z = (z ^ z>>27)·0x94D049BB133111EB; z ^ z>>31)
and ``u(i) = (z(i) >> 11) · 2⁻⁵³``, all in float64, then rounded once to the dtype:

- ``uniform``: low + (high - low)·u(i)
- ``dyadic``: floor(4·low + (4·high - 4·low + 1)·u(i)) / 4
- ``eighths``: floor(4·low + 4·(high - low)·u(i)) / 4 + 1/8
- ``ends``: low where u(i) < 1/2, else high
- ``distinct``: low + (high - low)·(rank of z(i) among all + 1/2) / n
- ``constant``: low

Complex elements take two consecutive draws (real, imaginary); integers and bool take the value truncated.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache

import ml_dtypes
import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from .program import Leaf, Pattern

Array = NDArray[np.generic]

DTYPES: dict[str, np.dtype] = {
    "float16": np.dtype(np.float16),
    "float32": np.dtype(np.float32),
    "float64": np.dtype(np.float64),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
    "complex64": np.dtype(np.complex64),
    "complex128": np.dtype(np.complex128),
    "uint8": np.dtype(np.uint8),
    "int8": np.dtype(np.int8),
    "int16": np.dtype(np.int16),
    "int32": np.dtype(np.int32),
    "int64": np.dtype(np.int64),
    "bool": np.dtype(np.bool_),
}
FLOATING = ("float32", "float64")
HALF = ("float16", "bfloat16")
COMPLEX = ("complex64", "complex128")
EPS: dict[str, float] = {
    "float16": 2.0**-10,
    "bfloat16": 2.0**-7,
    "float32": 2.0**-23,
    "float64": 2.0**-52,
    "complex64": 2.0**-23,
    "complex128": 2.0**-52,
}
_DIFFERENTIABLE = frozenset(EPS)
LAYOUTS = ("contiguous", "fortran", "transposed", "strided", "offset", "channels_last", "expanded")
_WEYL = np.uint64(0x9E3779B97F4A7C15)


def is_differentiable(dtype: str) -> bool:
    return dtype in _DIFFERENTIABLE


def is_complex(dtype: str) -> bool:
    return dtype in COMPLEX


def splitmix(seed: int, count: int) -> NDArray[np.uint64]:
    """The first ``count`` outputs of SplitMix64."""
    z = np.uint64(seed & (2**64 - 1)) + np.arange(1, count + 1, dtype=np.uint64) * _WEYL
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _reals(pattern: Pattern, count: int) -> NDArray[np.float64]:
    low, high = pattern.low, pattern.high
    if pattern.kind == "constant":
        return np.full(count, low)
    z = splitmix(pattern.seed, count)
    if pattern.kind == "distinct":
        rank = np.empty(count)
        rank[np.argsort(z, kind="stable")] = np.arange(count)
        return low + (high - low) * (rank + 0.5) / max(count, 1)
    unit = (z >> np.uint64(11)).astype(np.float64) * 2.0**-53
    if pattern.kind == "uniform":
        return low + (high - low) * unit
    if pattern.kind == "dyadic":
        return np.floor(4 * low + (4 * high - 4 * low + 1) * unit) / 4
    if pattern.kind == "eighths":
        return np.floor(4 * low + 4 * (high - low) * unit) / 4 + 0.125
    if pattern.kind == "ends":
        return np.where(unit < 0.5, low, high)
    raise ValueError(f"unknown pattern {pattern.kind!r}: expected uniform, dyadic, eighths, ends, distinct or constant")


@lru_cache(16)
def pattern_array(pattern: Pattern, dtype: str, shape: tuple[int, ...]) -> Array:
    """The array that a pattern stands for."""
    count = math.prod(shape)
    if is_complex(dtype):
        pairs = _reals(pattern, 2 * count)
        return (pairs[0::2] + 1j * pairs[1::2]).astype(DTYPES[dtype]).reshape(shape)
    return _reals(pattern, count).astype(DTYPES[dtype]).reshape(shape)


def leaf_array(leaf: Leaf) -> Array:
    """A leaf's data as a fresh writable array with the leaf's strides (read-only where the layout repeats memory)."""
    if type(leaf.data) is bytes:
        values: Array = np.frombuffer(bytearray(leaf.data), DTYPES[leaf.dtype]).reshape(leaf.shape)
    else:
        values = pattern_array(leaf.data, leaf.dtype, leaf.shape).copy()
    return values if leaf.layout == "contiguous" else with_layout(values, leaf.layout)


@cache
def memory_order(layout: str, rank: int) -> tuple[int, ...] | None:
    """Dimensions from the outermost in memory to the innermost, or None where the layout isn't a permutation."""
    dims = list(range(rank))
    if layout == "fortran" and rank >= 2:
        return tuple(reversed(dims))
    if layout == "transposed" and rank >= 2:
        return (*dims[:-2], dims[-1], dims[-2])
    if layout == "channels_last" and rank >= 3:
        return (dims[0], *dims[2:], dims[1])
    return None


def with_layout(values: Array, layout: str) -> Array:
    """The same values, laid out in fresh memory. A layout that needs more dimensions than there are is contiguous."""
    order = memory_order(layout, values.ndim)
    if order is not None:
        out = np.ascontiguousarray(values.transpose(order))
        return out.reshape(out.shape).transpose(np.argsort(order))
    if layout == "strided" and values.ndim:
        out = np.zeros((*values.shape[:-1], 2 * values.shape[-1]), values.dtype)
        out[..., ::2] = values
        return out[..., ::2]
    if layout == "offset":
        out = np.zeros(values.size + 1, values.dtype)
        out[1:] = values.reshape(-1)
        return out[1:].reshape(values.shape)
    if layout == "expanded" and values.ndim and values.shape[0] > 1:
        row = np.ascontiguousarray(values[:1])
        return as_strided(row, values.shape, (0, *row.strides[1:]))
    return np.ascontiguousarray(values).reshape(values.shape)
