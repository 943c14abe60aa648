"""Covariance and correlation of the rows of a matrix, composed of rows."""

from __future__ import annotations

import warnings
from typing import Any

from .. import _dtypes as dtypes
from .._dtypes import SCALAR_NAMES
from .._op import PUBLIC, public
from .._tensor import Tensor


def _check_weights(kind: str, weights: Tensor, count: int, fits: bool, wanted: str) -> None:
    if weights.ndim > 1:
        raise RuntimeError(
            f"cov(): expected {kind} to have one or fewer dimensions but got {kind} with {weights.ndim} dimensions"
        )
    if not fits:
        raise RuntimeError(
            f"cov(): expected {kind} to have {wanted} dtype but got {kind} with {SCALAR_NAMES[weights.dtype]} dtype"
        )
    if weights.numel() != count:
        raise RuntimeError(
            f"cov(): expected {kind} to have the same numel as there are observations in the input but got "
            f"{weights.numel()} != {count}"
        )
    if weights.numel() and (weights._array < 0).any():
        raise RuntimeError(f"cov(): {kind} cannot be negative")


def _weights(fweights: Tensor | None, aweights: Tensor | None, count: int) -> Tensor | None:
    if fweights is not None:
        _check_weights("fweights", fweights, count, fweights.dtype.category == dtypes.INTEGER, "integral")
    if aweights is not None:
        _check_weights("aweights", aweights, count, aweights.dtype.is_floating_point, "floating point")
        return aweights if fweights is None else fweights * aweights  # type: ignore[operator]
    return fweights


@public("cov")
def cov(
    input: Tensor, *, correction: int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None
) -> Tensor:
    """The covariance matrix of the variables in the rows, observations in the columns. Source: torch.cov.
    Shape (V, N) -> (V, V), (N,) -> (). fweights count, aweights weigh. Raises RuntimeError for bool and 3-d input."""
    if input.ndim > 2:
        raise RuntimeError(
            f"cov(): expected input to have two or fewer dimensions but got an input with {input.ndim} dimensions"
        )
    if input.dtype is dtypes.bool_:
        raise RuntimeError("cov(): bool dtype is not supported for input")
    x: Any = input.view(1, -1) if input.ndim < 2 else input  # type: ignore[attr-defined]
    count = x._array.shape[1]
    w: Any = _weights(fweights, aweights, count)
    total: Any = count if w is None else w.sum()
    if w is not None and total.item() == 0:
        raise RuntimeError("cov(): weights sum to zero, can't be normalized")
    mean = x.sum(1) / total if w is None else (x * w).sum(1) / total
    freedom = total - correction
    if w is not None and aweights is not None and correction:
        freedom = total - correction * (w * aweights).sum() / total
    if not isinstance(freedom, Tensor):
        freedom = PUBLIC["tensor"](float(freedom), dtype=mean.dtype.to_real())
    if freedom.item() <= 0:  # type: ignore[attr-defined]
        warnings.warn(
            "cov(): degrees of freedom is <= 0. Correction should be strictly less than the number of observations. "
            "(Triggered internally at /__w/pytorch/pytorch/aten/src/ATen/native/Correlation.cpp:129.)",
            UserWarning,
            stacklevel=2,
        )
        freedom = PUBLIC["zeros_like"](freedom)
    x = x - mean.unsqueeze(1)
    return ((x.mm((x if w is None else x * w).t().conj())) / freedom).squeeze()


@public("corrcoef")
def corrcoef(input: Tensor) -> Tensor:
    """Pearson's correlation coefficients of the rows, clipped to [-1, 1]. Source: torch.corrcoef."""
    if input.ndim > 2:
        raise RuntimeError(
            f"corrcoef(): expected input to have two or fewer dimensions but got an input with {input.ndim} dimensions"
        )
    found: Any = cov(input)
    if not found.ndim:
        return found / found
    spread = found.diagonal()
    spread = (spread.real if spread.is_complex() else spread).sqrt()
    found = found / spread.unsqueeze(-1) / spread.unsqueeze(0)
    if found.is_complex():
        return PUBLIC["complex"](found.real.clip(-1, 1), found.imag.clip(-1, 1))
    return found.clip(-1, 1)
