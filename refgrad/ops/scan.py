"""Cumulative operators and products. No rule divides by an element, so zeros are differentiated through."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .._dtypes import C_NAMES, dtype
from .._inplace import write
from .._interpreters import formula
from .._modes import is_recording
from .._op import LINEAR, op, public
from .._sums import BLOCK
from .._tensor import Tensor
from ..return_types import named
from .recurrence import shift
from .reduce import accumulated, kept, not_implemented, numpy_names, one_dim, packed

WIDE = {np.dtype(np.float32): np.dtype(np.float64), np.dtype(np.complex64): np.dtype(np.complex128)}


def running(ufunc: np.ufunc, a: np.ndarray, dim: int) -> np.ndarray:
    """A ufunc accumulated along a dimension in double precision, as PyTorch's CPU kernels do, and rounded.

    NumPy accumulates an outer dimension one column after the other; whole rows at a time are 4 times faster."""
    if not a.ndim:
        return a.copy()
    wide = np.array(a, WIDE.get(a.dtype, a.dtype), order="C", copy=True)
    if math.prod(a.shape[dim + 1 :]) < 64:
        return ufunc.accumulate(wide, dim).astype(a.dtype, copy=False)
    rows = np.moveaxis(wide, dim, 0)
    for k in range(1, len(rows)):
        ufunc(rows[k - 1], rows[k], rows[k])
    return wide.astype(a.dtype, copy=False)


def _cumsum_back(a: np.ndarray, dim: int) -> np.ndarray:
    """The sum of each element and all after it: the transpose of cumsum."""
    return np.array(np.flip(running(np.add, np.flip(a, dim), dim), dim)) if a.ndim else a.copy()


cumsum_row = op(
    "cumsum(self, *, dim)",
    lambda a, dim: running(np.add, a, dim),
    public=False,
    jvp=LINEAR,
    self=lambda g, F, dim: F.cumsum_back(g, dim),
)
cumsum_back_row = op(
    "cumsum_back(self, *, dim)", _cumsum_back, public=False, jvp=LINEAR, self=lambda g, F, dim: F.cumsum(g, dim)
)


@formula
def cumprod_vjp(F: Any, g: Any, x: Any, out: Any, dim: int) -> Any:
    """dx[k] = Π(before k) · r[k], where r[k] = g[k] + x[k+1]·r[k+1] gathers the later products."""
    if not x.ndim or x.shape[dim] <= 1 or 0 in tuple(x.shape):
        return g
    later = F.linear_scan(g, F.conj(F.shift(x, dim, -1, 0)), dim, True)
    return F.conj(F.shift(out, dim, 1, 1)) * later


def _cumprod_jvp(F: Any, x: Any, t: Any, attrs: Any, out: Any) -> Any:
    (dim,) = attrs
    if not out[0].ndim:
        x, t, out = ([F.reshape(given[0], (1,))] for given in (x, t, out))
        return F.reshape(_cumprod_jvp(F, x, t, (0,), out), ())
    return F.linear_scan(F.shift(out[0], dim, 1, 1) * t[0], x[0], dim, False)


cumprod_row = op(
    "cumprod(self, *, dim)", lambda a, dim: running(np.multiply, a, dim), public=False, jvp=_cumprod_jvp,
    self=lambda g, F, self, out, dim: F.cumprod_vjp(g, self, out, dim),
)  # fmt: skip


def _inplace(name: str, row: Callable[..., Tensor], self: Tensor, dim: int, dtype: dtype | None) -> Tensor:
    if dtype is not None and dtype is not self.dtype:
        raise RuntimeError(
            f"Bad in-place call: input tensor dtype {C_NAMES[self.dtype]} and output tensor dtype {C_NAMES[dtype]} "
            "should match"
        )
    if self.dtype is dtypes.bool_:
        not_implemented(f"{name}_out_cpu", self)
    return write(row.row, (self,), (one_dim(self, dim, name),))  # type: ignore[attr-defined]


@public("cumsum")
@numpy_names
def cumsum(input: Tensor, dim: int, *, dtype: dtype | None = None) -> Tensor:
    """The running sum along `dim`; integers sum in int64. Source: torch.cumsum."""
    axis = one_dim(input, dim, "cumsum")
    return cumsum_row(accumulated(input, dtype), axis)


@public("cumprod")
@numpy_names
def cumprod(input: Tensor, dim: int, *, dtype: dtype | None = None) -> Tensor:
    """The running product along `dim`; integers multiply in int64. Source: torch.cumprod."""
    axis = one_dim(input, dim, "cumprod")
    return cumprod_row(accumulated(input, dtype), axis)


@public("cumsum_", method=True)
@numpy_names
def cumsum_(self: Tensor, dim: int, *, dtype: dtype | None = None) -> Tensor:
    """cumsum written into self. Source: torch.Tensor.cumsum_."""
    return _inplace("cumsum", cumsum_row, self, dim, dtype)


@public("cumprod_", method=True)
@numpy_names
def cumprod_(self: Tensor, dim: int, *, dtype: dtype | None = None) -> Tensor:
    """cumprod written into self. Source: torch.Tensor.cumprod_."""
    return _inplace("cumprod", cumprod_row, self, dim, dtype)


@formula
def other_factors(F: Any, x: Any, dim: int) -> Any:
    """For each element the product of all the others along a dimension."""
    return F.exclusive_product(x, dim, False) * F.exclusive_product(x, dim, True)


def _prod_vjp(g: Any, F: Any, self: Any, out: Any, dim: int | None, keepdim: bool) -> Any:
    shape = tuple(self.shape)
    if not shape:
        return g
    if dim is None:
        others = F.reshape(F.other_factors(F.reshape(self, (-1,)), 0), shape)
    else:
        others, g = F.other_factors(self, dim), kept(F, g, shape, (dim,), keepdim)
    return g * F.conj(others)


def _prod_jvp(F: Any, x: Any, t: Any, attrs: Any, out: Any) -> Any:
    dim, keepdim = attrs
    shape = tuple(x[0].shape)
    if not shape:
        return t[0]
    if 0 in shape or (x[0].numel() if dim is None else shape[dim]) < 2:
        # No other factors: the tangent does not depend on the operand.
        return [F.sum(t[0], tuple(range(len(shape))) if dim is None else (dim,), keepdim)]
    if dim is None:
        return F.sum(F.reshape(t[0], (-1,)) * F.other_factors(F.reshape(x[0], (-1,)), 0), (0,), False)
    return F.sum(t[0] * F.other_factors(x[0], dim), (dim,), keepdim)


def _prod(a: np.ndarray, dim: int | None, keepdim: bool) -> np.ndarray:
    axes = None if dim is None else (dim,) if a.ndim else ()
    return packed(np.multiply.reduce(a, axes, keepdims=keepdim))


prod_row = op("prod(self, *, dim, keepdim)", _prod, public=False, jvp=_prod_jvp, self=_prod_vjp)
prod_dim_row = op(
    "prod_dim(self, *, dim, keepdim)", _prod, public=False, node="prod", overload=1, jvp=_prod_jvp, self=_prod_vjp
)


@public("prod")
@numpy_names
def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Tensor:
    """The product of all elements, or along one dimension; integers multiply in int64. Source: torch.prod.
    Trap: the gradient is exact at zeros."""
    input = accumulated(input, dtype)
    if dim is None:
        return prod_row(input, None, False)
    return prod_dim_row(input, one_dim(input, dim, "prod"), keepdim)


def _record_positions(a: np.ndarray, compare: np.ufunc, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """The running extreme and the place of its latest occurrence; a nan stays, and each later nan is a new place."""
    if not a.ndim:
        return a.copy(), np.zeros((), np.int64)
    best = compare.accumulate(a, dim)
    places = np.arange(a.shape[dim]).reshape((-1,) + (1,) * (a.ndim - dim - 1))
    index = np.maximum.accumulate(np.where((a == best) | (a != a), places, 0), dim)
    return packed(np.take_along_axis(a, index, dim)), packed(index)


def _added_at_records(F: Any, g: Any, x: Any, indices: Any, dim: int) -> Any:
    """The vjp of cummax. For an empty input PyTorch's gradient is the input itself, with its history."""
    if 0 in tuple(x.shape):
        return x
    return F.place_along(g, indices, dim, x.shape[dim] if x.ndim else 1, False)


def _running_extreme(name: str, compare: np.ufunc) -> Callable[..., Any]:
    return op(
        f"{name}(self, *, dim) -> values, indices!",
        lambda a, dim: _record_positions(a, compare, dim),
        public=False, exact=True,
        self=lambda g_values, F, self, indices, dim: _added_at_records(F, g_values, self, indices, dim),
        jvp=lambda F, x, t, attrs, out: [F.take_along(t[0], out[1], *attrs), None],
    )  # fmt: skip


RUNNING = {"cummax": _running_extreme("cummax", np.maximum), "cummin": _running_extreme("cummin", np.minimum)}


def _running(name: str, input: Tensor, dim: int) -> Any:
    if not input.ndim and isinstance(dim, int) and dim not in (0, -1):
        raise IndexError(f"{name}(): Expected reduction dim -1 or 0 for scalar but got {dim}")
    axis = one_dim(input, dim, name)
    if input.is_complex():
        if input.ndim:
            not_implemented(f"{name}_cpu", input)
        if input.requires_grad and is_recording():
            raise RuntimeError(f"{name} does not support automatic differentiation for outputs with complex dtype.")
    return named(name, "values", "indices")(*RUNNING[name](input, axis))


@public("cummax")
@numpy_names
def cummax(input: Tensor, dim: int) -> Any:
    """The named tuple (values, indices) of running maxima; at ties the latest index, which gets the gradient.
    Source: torch.cummax."""
    return _running("cummax", input, dim)


@public("cummin")
@numpy_names
def cummin(input: Tensor, dim: int) -> Any:
    """The named tuple (values, indices) of running minima; at ties the latest index, which gets the gradient.
    Source: torch.cummin."""
    return _running("cummin", input, dim)


def _logcumsumexp(a: np.ndarray, dim: int) -> np.ndarray:
    if not a.ndim:
        return a.copy()
    if a.dtype.kind != "c":
        return _real_logcumsumexp(a, dim)
    wide = np.array(a, np.complex128, order="C", copy=True)
    made = wide.copy()
    lead, step = (slice(None),) * dim, 1
    while step < made.shape[dim]:
        later, earlier = made[(*lead, slice(step, None))], made[(*lead, slice(None, -step))]
        made[(*lead, slice(step, None))] = _complex_logaddexp(later, earlier)
        step *= 2
    made.imag = _continued(wide, made, dim)
    return made.astype(a.dtype)


def _real_logcumsumexp(a: np.ndarray, dim: int) -> np.ndarray:
    """Within blocks, and over the blocks' totals: the rounding of each step shows in all that follow, so that a long
    chain of them would lose many digits."""
    n = a.shape[dim]
    if n <= 2 * BLOCK:
        return running(np.logaddexp, a, dim)
    wide = np.moveaxis(a, dim, -1).astype(WIDE.get(a.dtype, a.dtype))
    filled = np.full((*wide.shape[:-1], -(-n // BLOCK) * BLOCK), -np.inf)
    filled[..., :n] = wide
    within = np.logaddexp.accumulate(filled.reshape(*wide.shape[:-1], -1, BLOCK), -1)
    before = _real_logcumsumexp(within[..., :-1, -1], within.ndim - 2)
    np.logaddexp(within[..., 1:, :], before[..., None], out=within[..., 1:, :])
    found = within.reshape(filled.shape)[..., :n]
    return np.array(np.moveaxis(found, -1, dim), a.dtype, order="C")


def _wrapped(angle: np.ndarray) -> np.ndarray:
    """The angle in [-π, π]."""
    return angle - 2 * np.pi * np.rint(angle / (2 * np.pi))


def _continued(x: np.ndarray, found: np.ndarray, dim: int) -> np.ndarray:
    """The phases on the branch that adding one term after another reaches: each is next to the phase of the larger of
    the running sum and the new term. So they are continued from where a new term was last not smaller. The turns that
    add up on the way tell the branch alone, since their rounding adds up too."""
    if x.shape[dim] < 2:
        return x.imag
    lead = (slice(None),) * dim
    phase, before = found.imag, shift(found, dim, 1, 0)
    turns = _wrapped(phase - before.imag)
    turns[(*lead, slice(0, 1))] = 0
    restart = x.real >= before.real
    restart[(*lead, slice(0, 1))] = True
    places = np.arange(x.shape[dim]).reshape((-1,) + (1,) * (x.ndim - dim - 1))
    last = np.maximum.accumulate(np.where(restart, places, 0), dim)
    total = np.add.accumulate(turns, dim)
    fresh = x.imag + _wrapped(phase - x.imag) - total
    continued = total + np.take_along_axis(fresh, last, dim)
    return phase + 2 * np.pi * np.rint((continued - phase) / (2 * np.pi))


def _complex_logaddexp(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """log(e^x + e^y), the larger factored out."""
    swap = y.real > x.real
    high, low = np.where(swap, y, x), np.where(swap, x, y)
    found = high + np.log1p(np.exp(low - high))
    return np.where(np.isneginf(high.real), high, found)


def _decay(F: Any, out: Any, by: int, dim: int) -> Any:
    """exp of the difference to the earlier (later) result; where both are log 0 the ratio counts as 1."""
    other = F.shift(out, dim, by, 0)
    return F.where(out == other, 1, F.exp(other - out if by > 0 else out - other))


@formula
def logcumsumexp_vjp(F: Any, g: Any, x: Any, out: Any, dim: int) -> Any:
    """dx[k] = Σ(i ≥ k) g[i]·exp(x[k] - out[i]), as a recurrence whose factors never exceed 1."""
    if not x.ndim or 0 in x.shape:
        return g
    later = F.linear_scan(g, F.conj(_decay(F, out, -1, dim)), dim, True)
    return F.conj(F.exp(x - out)) * later


def _logcumsumexp_jvp(F: Any, x: Any, t: Any, attrs: Any, out: Any) -> Any:
    (dim,) = attrs
    if not out[0].ndim:
        return t[0]
    if not out[0].shape[dim] and not F.is_complex(out[0]):
        raise IndexError(f"max(): Expected reduction dim {dim} to have non-zero size.")
    return F.linear_scan(t[0] * F.exp(x[0] - out[0]), _decay(F, out[0], 1, dim), dim, False)


logcumsumexp_row = op(
    "logcumsumexp(self, *, dim)", _logcumsumexp, public=False, jvp=_logcumsumexp_jvp,
    self=lambda g, F, self, out, dim: F.logcumsumexp_vjp(g, self, out, dim),
)  # fmt: skip


@public("logcumsumexp")
@numpy_names
def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """log of the running sum of exponentials along `dim`. Source: torch.logcumsumexp. Raises NotImplementedError for
    integers."""
    axis = one_dim(input, dim, "logcumsumexp")
    if input.dtype.category < dtypes.FLOAT:
        not_implemented("logcumsumexp_out_cpu", input)
    return logcumsumexp_row(input, axis)
