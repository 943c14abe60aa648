"""Histograms, distinct values and searches: not differentiable."""

from __future__ import annotations

from math import prod
from typing import Any, NoReturn

import numpy as np

from .. import _dtypes as dtypes
from .._calls import owned
from .._errors import NoDerivative, warn_once
from .._layout import canonical
from .._op import op, public
from .._tensor import Tensor, plain, resolved
from .reduce import not_implemented


@public("histc")
def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """How many elements fall into each of `bins` equal intervals from min to max (the data's own if equal).
    Source: torch.histc. Raises RuntimeError for max < min or an infinite range; NotImplementedError for integers."""
    a = resolved(input)
    if input.is_complex():
        not_implemented("aminmax_cpu" if min == max else "histogram_cpu", input)
    if bins <= 0:
        raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins} for dimension 0")
    low, high = (float(min), float(max))
    if low == high and a.size:
        low, high = float(a.min()), float(a.max())
    if low == high:
        low, high = low - 1, high + 1
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RuntimeError(f"torch.histc: range of [{low:g}, {high:g}] is not finite")
    if low > high:
        raise RuntimeError("torch.histc: max must be larger than min")
    if input.dtype.category < dtypes.FLOAT:
        not_implemented("linspace_cpu" if input.dtype is dtypes.bool_ else "histogram_cpu", input)
    wide = a.astype(np.float64)
    return plain(np.histogram(wide[np.isfinite(wide)], bins, (low, high))[0].astype(a.dtype))


@public("bincount")
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each number 0, 1, … comes in a vector of integers, or the sum of the weights there.
    Source: torch.bincount."""
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    if input.dtype.category != dtypes.INTEGER:
        not_implemented("bincount_cpu", input)
    if input.ndim != 1 or (input.numel() and input._array.min() < 0):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if weights is None:
        return plain(np.bincount(input._array, minlength=minlength).astype(np.int64))
    if weights._array.shape != input._array.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    kind = np.float32 if weights.dtype is dtypes.float32 else np.float64
    return plain(np.bincount(input._array, weights._array.astype(np.float64), minlength).astype(kind))


def _no_derivative(name: str) -> Any:
    def vjp(g_values: Any) -> NoReturn:
        raise NoDerivative(f"the derivative for '{name}' is not implemented.")

    return vjp


def _put_back(slices: np.ndarray, a: np.ndarray, dim: int) -> np.ndarray:
    """Slices, first in memory as they are compared, along the dimension that they were taken from."""
    if not a.size:
        return canonical(np.zeros(a.shape, a.dtype))
    shape = (len(slices), *np.moveaxis(a, dim, 0).shape[1:])
    return np.moveaxis(np.ascontiguousarray(slices).reshape(shape), 0, dim)


def _unique(a: np.ndarray, dim: int | None, whole: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct values sorted (or runs of equal ones, `whole` False), the inverse, and counts."""
    if whole:
        values, inverse, counts = np.unique(a, return_inverse=True, return_counts=True, axis=dim, equal_nan=False)
        values = values if dim is None else _put_back(np.moveaxis(values, dim, 0), a, dim)
        return values, inverse.reshape(a.shape if dim is None else -1).astype(np.int64), counts.astype(np.int64)
    first = a if dim is None else np.moveaxis(a, dim, 0)
    rows = a.reshape(-1, 1) if dim is None else first.reshape(len(first), prod(first.shape[1:]))
    starts = np.ones(len(rows), bool)
    starts[1:] = (rows[1:] != rows[:-1]).any(1)
    inverse = np.cumsum(starts) - 1
    counts = np.bincount(inverse) if len(rows) else np.zeros(0, np.int64)
    values = canonical(a.reshape(-1)[starts]) if dim is None else _put_back(rows[starts], a, dim)
    return values, inverse.reshape(a.shape if dim is None else -1).astype(np.int64), counts.astype(np.int64)


unique_row = op(
    "unique(self, *, dim, whole) -> values, inverse!, counts!", _unique, public=False, exact=True, node="unique2",
    self=_no_derivative("_unique2"),
)  # fmt: skip
unique_dim_row = op(
    "unique_dim(self, *, dim, whole) -> values, inverse!, counts!", _unique, public=False, exact=True,
    keeps_strides=True, self=_no_derivative("unique_dim"),
)  # fmt: skip
unique_consecutive_row = op(
    "unique_consecutive(self, *, dim, whole) -> values, inverse!, counts!", _unique, public=False, exact=True,
    keeps_strides=True, self=_no_derivative("unique_consecutive"),
)  # fmt: skip


def _chosen(found: tuple[Tensor, ...], return_inverse: bool, return_counts: bool) -> Any:
    wanted = [found[0], *([found[1]] if return_inverse else []), *([found[2]] if return_counts else [])]
    return tuple(wanted) if len(wanted) > 1 else wanted[0]


def _check_distinct(input: Tensor, dim: int | None) -> None:
    if input.is_complex():
        not_implemented("unique" if dim is None else "unique_dim", input)
    if dim is not None and input.ndim:
        rest = [n for k, n in enumerate(input._array.shape) if k != dim % input.ndim]
        if 0 in rest and input._array.shape[dim]:
            raise RuntimeError("There are 0 sized dimensions, and they aren't selected, so unique cannot be applied")
        if 0 in rest:
            raise RuntimeError("Number of zero sized dimensions is more than one, so unique cannot be applied ")


@public("unique")
def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The distinct values (slices along `dim`), sorted in any case; on wish also where each element went and how often
    each came. Source: torch.unique. Trap: backward through it raises."""
    _check_distinct(input, dim)
    row = unique_row if dim is None else unique_dim_row
    return _chosen(row(input, dim if dim is None else dim % max(input.ndim, 1), True), return_inverse, return_counts)


@public("unique_consecutive")
def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The first of each run of equal values (slices along `dim`). Source: torch.unique_consecutive."""
    _check_distinct(input, dim)
    axis = dim if dim is None else dim % max(input.ndim, 1)
    return _chosen(unique_consecutive_row(input, axis, False), return_inverse, return_counts)


def _check_search(bounds: Tensor, values: Tensor, side: str | None, right: bool) -> None:
    name = "torch.searchsorted()"
    if side not in (None, "left", "right"):
        raise RuntimeError(f"{name}: side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError(f"{name}: side and right can't be set to opposites, got side of left while right was True")
    shape, theirs = bounds._array.shape, values._array.shape
    if not values.ndim and bounds.ndim != 1:
        raise RuntimeError(
            f"{name}: input value can be a scalar only when boundaries tensor dimension is 1, but we got boundaries "
            f"tensor dim({bounds.ndim}) and input value's dim(0) numel(1)"
        )
    if bounds.ndim != 1 and shape[:-1] != theirs[:-1]:
        raise RuntimeError(
            f"{name}: boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries tensor and "
            f"input value tensor must match, but we got boundaries tensor {list(shape)} and input value tensor "
            f"{list(theirs)}"
        )
    if values.numel() and (bounds.dtype is dtypes.bool_ or bounds.is_complex() or values.is_complex()):
        not_implemented("searchsorted_out_cpu", values if values.is_complex() else bounds)


def _warn_strided(what: str, line: int, t: Tensor) -> None:
    if not t.is_contiguous():
        warn_once(
            f"torch.searchsorted(): {what} tensor is non-contiguous, this will lower the performance due to extra data "
            f"copy when converting non-contiguous tensor to contiguous, please use contiguous {what} tensor if possible"
            ". This message will only appear once per program. (Triggered internally at "
            f"/__w/pytorch/pytorch/aten/src/ATen/native/BucketizationUtils.h:{line}.)",
            4,
        )


def _places(bounds: np.ndarray, values: np.ndarray, right: bool) -> np.ndarray:
    """How many bounds lie before each value; a nan lies behind all."""
    if bounds.ndim == 1:
        return np.asarray(np.searchsorted(bounds, values, "right" if right else "left"))
    pair = bounds[..., None, :], values[..., :, None]
    behind = np.greater(*pair) if right else np.greater_equal(*pair)
    return np.add.reduce(~behind, -1)


def _as_values(given: Any) -> Tensor:
    return (
        given
        if isinstance(given, Tensor)
        else plain(np.asarray(given, np.float32 if isinstance(given, float) else None))
    )


@public("searchsorted", method=False)
def searchsorted(
    sorted_sequence: Tensor,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    """Where each value would go to keep the (innermost) sequence sorted. Source: torch.searchsorted."""
    values = _as_values(input)
    if values.numel():
        _warn_strided("input value", 32, values)
        _warn_strided("boundary", 38, sorted_sequence)
    _check_search(sorted_sequence, values, side, right)
    bounds = resolved(sorted_sequence)
    if sorter is not None:
        bounds = np.take_along_axis(bounds, sorter._array, -1)
    found = _places(bounds, resolved(values), right or side == "right")
    return owned(found.astype(np.int32 if out_int32 else np.int64, order="C"))


@public("bucketize", method=False)
def bucketize(input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """The interval between boundaries that each value falls in. Source: torch.bucketize."""
    if boundaries.ndim != 1:
        raise RuntimeError(f"boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)
