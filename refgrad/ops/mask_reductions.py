"""torch.masked: reductions, scans and normalisations of the elements that a mask keeps.

Each is the plain operator after what the mask drops was replaced by the operator's identity.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .._dtypes import dtype, get_default_dtype
from .._errors import wrap_dim
from .._op import PUBLIC, public
from .._tensor import Tensor, plain


def _kept(input: Tensor, mask: Tensor | None, identity: Any) -> Any:
    """The tensor with the identity where the mask is false. Raises IndexError for a mask of more dimensions."""
    if mask is None:
        return input
    return PUBLIC["where"](_full_mask(input, mask), input, plain(np.asarray(identity, input.dtype.array)))


def _full_mask(input: Tensor, mask: Tensor) -> Tensor:
    if mask.ndim > input.ndim:
        raise IndexError("_input_mask expected broadcastable mask (got mask dimensionality higher than of the input)")
    return (mask if mask.dtype is dtypes.bool_ else mask.bool()).expand(tuple(input.shape))  # type: ignore[attr-defined]


def _dims(input: Tensor, dim: Any) -> tuple[int, ...]:
    """The dimensions to reduce, all for None and (). Raises RuntimeError for one that comes twice."""
    if dim is None or dim == ():
        return tuple(range(input.ndim))
    found: list[int] = []
    for d in (dim,) if isinstance(dim, int) else dim:
        axis = wrap_dim(d, input.ndim)
        if axis in found:
            raise RuntimeError(f"dim={axis} appears multiple times in the list of dims")
        found.append(axis)
    return tuple(sorted(found))


def _lowest(kind: dtype) -> Any:
    return -math.inf if kind.category >= dtypes.FLOAT else False if kind is dtypes.bool_ else np.iinfo(kind.array).min


def _highest(kind: dtype) -> Any:
    return math.inf if kind.category >= dtypes.FLOAT else True if kind is dtypes.bool_ else np.iinfo(kind.array).max


def _to(t: Any, kind: dtype | None) -> Any:
    return t if kind is None or kind is t.dtype else t.to(kind)


def masked(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Publishes a function as masked.name."""
    return public("masked." + name, method=False)


@masked("sum")
def masked_sum(
    input: Tensor, dim: Any = None, *, keepdim: bool = False, dtype: dtype | None = None, mask: Tensor | None = None
) -> Tensor:
    """The sum of the kept elements. Source: torch.masked.sum."""
    return PUBLIC["sum"](_kept(input, mask, 0), _dims(input, dim), keepdim, dtype=dtype)


@masked("prod")
def masked_prod(
    input: Tensor, dim: Any = None, *, keepdim: bool = False, dtype: dtype | None = None, mask: Tensor | None = None
) -> Tensor:
    """The product of the kept elements, over one dimension after the other. Source: torch.masked.prod."""
    found = _kept(input, mask, 1)
    for axis in reversed(_dims(input, dim)):
        found = found.prod(axis, keepdim=keepdim, dtype=dtype)
    return found


@masked("amax")
def masked_amax(
    input: Tensor, dim: Any = None, *, keepdim: bool = False, dtype: dtype | None = None, mask: Tensor | None = None
) -> Tensor:
    """The largest kept element. Source: torch.masked.amax. Trap: -inf (the least integer) where none is kept."""
    return _to(PUBLIC["amax"](_kept(input, mask, _lowest(input.dtype)), _dims(input, dim), keepdim), dtype)


@masked("amin")
def masked_amin(
    input: Tensor, dim: Any = None, *, keepdim: bool = False, dtype: dtype | None = None, mask: Tensor | None = None
) -> Tensor:
    """The smallest kept element. Source: torch.masked.amin. Trap: inf (the largest integer) where none is kept."""
    return _to(PUBLIC["amin"](_kept(input, mask, _highest(input.dtype)), _dims(input, dim), keepdim), dtype)


@masked("argmax")
def masked_argmax(
    input: Tensor,
    dim: int | None = None,
    *,
    keepdim: bool = False,
    dtype: dtype | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Where the largest kept element is, in the input's dtype. Source: torch.masked.argmax."""
    found = PUBLIC["argmax"](_kept(input, mask, _lowest(input.dtype)), dim, keepdim)
    return _to(found, dtype or input.dtype)


@masked("argmin")
def masked_argmin(
    input: Tensor,
    dim: int | None = None,
    *,
    keepdim: bool = False,
    dtype: dtype | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Where the smallest kept element is, in the input's dtype. Source: torch.masked.argmin."""
    found = PUBLIC["argmin"](_kept(input, mask, _highest(input.dtype)), dim, keepdim)
    return _to(found, dtype or input.dtype)


def _count(input: Tensor, dims: tuple[int, ...], keepdim: bool, mask: Tensor | None) -> Tensor:
    ones = PUBLIC["ones"](tuple(input.shape), dtype=dtypes.int64)
    return masked_sum(ones, dims, keepdim=keepdim, mask=mask)


@masked("mean")
def masked_mean(
    input: Tensor, dim: Any = None, *, keepdim: bool = False, dtype: dtype | None = None, mask: Tensor | None = None
) -> Tensor:
    """The mean of the kept elements. Source: torch.masked.mean. Raises ValueError for integers without a dtype.
    Trap: nan where none is kept."""
    wanted, which = (input.dtype, "Input") if dtype is None else (dtype, "Optional")
    if wanted.category < dtypes.FLOAT:
        raise ValueError(
            f"mean(): Could not infer output dtype. {which} dtype must be either a floating point or complex dtype. "
            f"Got: {wanted}"
        )
    dims = _dims(input, dim)
    total: Any = masked_sum(input, dims, keepdim=keepdim, dtype=dtype, mask=mask)
    return total / _count(input, dims, keepdim, mask)


@masked("median")
def masked_median(
    input: Tensor, dim: Any = -1, *, keepdim: bool = False, dtype: dtype | None = None, mask: Tensor | None = None
) -> Tensor:
    """The (lower) median of the kept elements along one dimension; `dtype` is ignored. Source: torch.masked.median.
    Raises ValueError for integers where a slice keeps none."""
    axis = _dims(input, dim)[0] if input.ndim else 0
    x: Any = input if input.is_floating_point() else input.to(get_default_dtype())  # type: ignore[attr-defined]
    found = PUBLIC["nanmedian"](_kept(x, mask, math.nan), axis, keepdim)[0]
    if not input.is_floating_point() and np.isnan(found._array).any():
        raise ValueError("masked median expects no fully masked out rows if dtype is not floating point")
    return _to(found, input.dtype)


@masked("logsumexp")
def masked_logsumexp(
    input: Tensor, dim: Any = None, *, keepdim: bool = False, dtype: dtype | None = None, mask: Tensor | None = None
) -> Tensor:
    """log Σ exp of the kept elements. Source: torch.masked.logsumexp."""
    found = PUBLIC["logsumexp"](_kept(input, mask, _lowest(input.dtype)), _dims(input, dim), keepdim)
    return _to(found, dtype or input.dtype)


def _variance(
    input: Tensor, dim: Any, unbiased: bool | None, correction: float | None, keepdim: bool, kind: Any, mask: Any
) -> Any:
    if unbiased is not None and correction is not None:
        raise ValueError("Only one of unbiased and correction may be given; use correction")
    correction = correction if correction is not None else 1 if unbiased is None else int(unbiased)
    if kind is None and input.dtype.category < dtypes.FLOAT:
        kind = get_default_dtype()
    x: Any = _to(input, kind)
    dims = _dims(input, dim)
    count: Any = _count(input, dims, True, mask)
    away = x - masked_sum(x, dims, keepdim=True, mask=mask) / count
    squares = away * away.conj() if away.is_complex() else away * away
    total: Any = masked_sum(squares, dims, keepdim=keepdim, mask=mask)
    if not keepdim:
        count = count.reshape(tuple(total.shape))
    if correction:
        count = PUBLIC["maximum"](count - correction, PUBLIC["zeros_like"](count))
    return total / count


@masked("var")
def masked_var(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    *,
    correction: float | None = None,
    keepdim: bool = False,
    dtype: dtype | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The variance of the kept elements. Source: torch.masked.var."""
    return _variance(input, dim, unbiased, correction, keepdim, dtype, mask)


@masked("std")
def masked_std(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    *,
    correction: float | None = None,
    keepdim: bool = False,
    dtype: dtype | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The standard deviation of the kept elements. Source: torch.masked.std. Trap: its gradient at 0 is not finite."""
    return _variance(input, dim, unbiased, correction, keepdim, dtype, mask).sqrt()


@masked("norm")
def masked_norm(
    input: Tensor,
    ord: float = 2.0,
    dim: Any = None,
    *,
    keepdim: bool = False,
    dtype: dtype | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The vector norm of the kept elements. Source: torch.masked.norm."""
    identity = math.inf if ord == -math.inf else 0
    return PUBLIC["linalg.vector_norm"](_kept(input, mask, identity), ord, _dims(input, dim), keepdim, dtype=dtype)


@masked("normalize")
def masked_normalize(
    input: Tensor, ord: float, dim: int, *, eps: float = 1e-12, dtype: dtype | None = None, mask: Tensor | None = None
) -> Tensor:
    """The kept elements divided by their norm (at least eps), zeros elsewhere. Source: torch.masked.normalize."""
    x = _to(input, dtype)
    size = masked_norm(x, ord, dim, keepdim=True, mask=mask)
    floor = PUBLIC["full"]((), eps, dtype=size.dtype)
    return _kept(x, mask, 0) / PUBLIC["maximum"](size, floor)


def _along(name: str, function: str, identity: Callable[[dtype], Any], text: str) -> None:
    """Publishes a masked function along one dimension with an output of the input's shape."""

    def call(input: Tensor, dim: int, *, dtype: dtype | None = None, mask: Tensor | None = None) -> Tensor:
        return PUBLIC[function](_kept(input, mask, identity(input.dtype)), dim, dtype=dtype)

    call.__name__ = call.__qualname__ = "masked_" + name
    call.__doc__ = f"{text} Source: torch.masked.{name}."
    masked(name)(call)


_along("softmax", "softmax", _lowest, "softmax of the kept elements, 0 elsewhere.")
_along("log_softmax", "log_softmax", _lowest, "log_softmax of the kept elements, -inf elsewhere.")
_along("softmin", "nn.functional.softmin", _highest, "softmin of the kept elements, 0 elsewhere.")
_along("cumsum", "cumsum", lambda kind: 0, "The running sum of the kept elements.")
_along("cumprod", "cumprod", lambda kind: 1, "The running product of the kept elements.")


@masked("logaddexp")
def masked_logaddexp(
    input: Tensor,
    other: Tensor,
    *,
    dtype: dtype | None = None,
    input_mask: Tensor | None = None,
    other_mask: Tensor | None = None,
) -> Tensor:
    """log(e^input + e^other) of the kept elements of each. Source: torch.masked.logaddexp."""
    a, b = _kept(input, input_mask, -math.inf), _kept(other, other_mask, -math.inf)
    return _to(PUBLIC["logaddexp"](a, b), dtype)
