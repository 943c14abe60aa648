"""Quantiles: sorted, two neighbours picked, interpolated."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .._op import public
from .._tensor import Tensor, plain
from .reduce import numpy_names, one_dim

MODES = ("linear", "lower", "higher", "midpoint", "nearest")


def _levels(input: Tensor, q: Any) -> np.ndarray:
    """q as an array in the input's dtype. Raises RuntimeError outside [0, 1] and for another dtype."""
    if not input.numel():
        raise RuntimeError("quantile() input tensor must be non-empty")
    if input.dtype not in (dtypes.float32, dtypes.float64):
        raise RuntimeError("quantile() input tensor must be either float or double dtype")
    if not isinstance(q, Tensor):
        if not 0 <= q <= 1:
            raise RuntimeError(f"quantile() q must be in the range [0, 1] but got {q:g}")
        return np.asarray(q, input.dtype.array)
    if q.ndim > 1:
        raise RuntimeError("quantile() q must be a scalar or 1D tensor")
    if q.dtype is not input.dtype:
        raise RuntimeError("quantile() q tensor must be same dtype as the input tensor")
    if q.numel() and not ((q._array >= 0) & (q._array <= 1)).all():
        raise RuntimeError("quantile() q values must be in the range [0, 1]")
    return q._array


def _ranks(ordered: np.ndarray, q: np.ndarray, ignore_nan: bool, interpolation: str) -> np.ndarray:
    """The (fractional) rank of each level in each slice; a slice with a nan gets its last, which is the nan."""
    isnan = ordered != ordered
    n = ordered.shape[-1]
    if ignore_nan:
        last = np.maximum(np.add.reduce(~isnan, -1, keepdims=True) - 1, 0)
        ranks = q * last.astype(ordered.dtype)
    else:
        ranks = np.where(isnan.any(-1, keepdims=True), ordered.dtype.type(n - 1), q * ordered.dtype.type(n - 1))
    if interpolation == "lower":
        return np.floor(ranks)
    if interpolation == "higher":
        return np.ceil(ranks)
    return np.rint(ranks) if interpolation == "nearest" else ranks


def _quantile(input: Tensor, q: Any, dim: Any, keepdim: bool, interpolation: str, ignore_nan: bool) -> Tensor:
    if interpolation not in MODES:
        raise RuntimeError(
            "quantile() interpolation must be one of linear, lower, higher, midpoint or nearest, but got "
            + interpolation
        )
    levels = _levels(input, q)
    ordered = _slices(input, dim, keepdim).sort(-1)[0]
    ranks = _ranks(ordered.detach()._array, np.atleast_1d(levels), ignore_nan, interpolation)
    found = _picked(ordered, ranks, interpolation)
    # Written in place, as in PyTorch: the result's version counts these writes.
    return found.unsqueeze_(0).transpose_(0, -1).squeeze_(-1) if levels.ndim else found.squeeze_(-1)


def _slices(input: Tensor, dim: Any, keepdim: bool) -> Any:
    """What is ranked as a last dimension, after those that the result keeps."""
    if dim is None or not input.ndim:
        if dim is not None:
            one_dim(input, dim, "quantile")
        return input.reshape((1,) * (input.ndim if keepdim else 0) + (-1,))  # type: ignore[attr-defined]
    axis = one_dim(input, dim, "quantile")
    moved: Any = input.unsqueeze(-1).transpose(axis, -1)  # type: ignore[attr-defined]
    return moved if keepdim else moved.squeeze(axis)


def _picked(ordered: Any, ranks: np.ndarray, interpolation: str) -> Any:
    """The neighbours of each rank, interpolated."""
    below = np.floor(ranks)
    lower = ordered.gather(-1, plain(below.astype(np.int64)))
    if interpolation not in ("linear", "midpoint"):
        return lower
    weight = np.full(ranks.shape, 0.5, ranks.dtype) if interpolation == "midpoint" else ranks - below
    upper = ordered.gather(-1, plain(np.ceil(ranks).astype(np.int64)))
    return lower.lerp_(upper, plain(weight))


@public("quantile")
@numpy_names
def quantile(
    input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """The q-th quantiles along `dim` (all without it); a vector q makes a first dimension. Source: torch.quantile.
    Raises RuntimeError for q outside [0, 1]. Trap: a nan anywhere in a slice makes its quantiles nan."""
    return _quantile(input, q, dim, keepdim, interpolation, False)


@public("nanquantile")
@numpy_names
def nanquantile(
    input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """quantile of what is not nan. Source: torch.nanquantile."""
    return _quantile(input, q, dim, keepdim, interpolation, True)
