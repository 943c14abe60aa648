"""Variance and standard deviation in two passes, in double precision within."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .._interpreters import formula
from .._op import op, public
from .._tensor import Tensor
from .reduce import Axes, axes_of, count_of, kept, numpy_names, packed, spread, summed
from .scan import WIDE


def _moments(a: np.ndarray, dim: Axes | None, correction: float, keepdim: bool) -> tuple[np.ndarray, np.ndarray]:
    """Variance and mean, in double precision."""
    wide = a.astype(WIDE.get(a.dtype, a.dtype), copy=False)
    dim = tuple(range(a.ndim)) if dim is None else dim
    n = count_of(a.shape, dim)
    mean = np.true_divide(summed(wide, dim, True), n)
    away = wide - mean
    # Of the parts of complex numbers one by one: without degrees of freedom 0/0 in one of them is nan.
    parts = (away.real, away.imag) if away.dtype.kind == "c" else (away,)
    sums = [summed(part * part, dim, keepdim) for part in parts]
    variance = np.asarray(sum(np.true_divide(s, max(n - correction, 0)) for s in sums))
    return packed(variance), packed(mean if keepdim else mean.squeeze(dim))


def _var(a: np.ndarray, dim: Axes | None, correction: float, keepdim: bool) -> np.ndarray:
    return _moments(a, dim, correction, keepdim)[0].astype(a.real.dtype)


def _std(a: np.ndarray, dim: Axes | None, correction: float, keepdim: bool) -> np.ndarray:
    return np.sqrt(_moments(a, dim, correction, keepdim)[0]).astype(a.real.dtype)


def _var_mean(a: np.ndarray, dim: Axes | None, correction: float, keepdim: bool) -> tuple[np.ndarray, np.ndarray]:
    variance, mean = _moments(a, dim, correction, keepdim)
    return variance.astype(a.real.dtype), mean.astype(a.dtype)


def _std_mean(a: np.ndarray, dim: Axes | None, correction: float, keepdim: bool) -> tuple[np.ndarray, np.ndarray]:
    variance, mean = _moments(a, dim, correction, keepdim)
    return np.sqrt(variance).astype(a.real.dtype), mean.astype(a.dtype)


@formula
def centred(F: Any, x: Any, dim: Axes | None) -> Any:
    """x minus its mean over dimensions."""
    return x - F.mean_dim(x, dim, True)


@formula
def var_vjp(F: Any, g: Any, x: Any, dim: Axes | None, correction: float, keepdim: bool) -> Any:
    """2·g·(x - mean)/(n - correction). Without degrees of freedom PyTorch's full reduction gives ±inf, nan at the mean,
    and its partial one the formula."""
    shape = tuple(x.shape)
    dim, everything = (tuple(range(len(shape))), True) if dim is None else (dim, False)
    n = count_of(shape, dim)
    if n <= correction and (everything or not shape):
        return F.where(F.centred(x, dim) == 0, float("nan"), float("inf")) * kept(F, g, shape, dim, keepdim)
    factor = 2.0 / (n - correction) if n != correction else float("inf")  # inf·0 is PyTorch's nan
    return factor * kept(F, g, shape, dim, keepdim) * F.centred(x, dim)


@formula
def std_vjp(F: Any, g: Any, x: Any, out: Any, dim: Axes | None, correction: float, keepdim: bool) -> Any:
    """The vjp of var's square root; zero where the deviation is zero."""
    return F.var_vjp(F.where(out == 0, 0, F.div(g, F.where(out == 0, 1, out * 2))), x, dim, correction, keepdim)


def _var_jvp(F: Any, x: Any, t: Any, dim: Axes | None, correction: float, keepdim: bool) -> Any:
    axes = tuple(range(x.ndim)) if dim is None else dim
    freedom = count_of(tuple(x.shape), axes) - correction
    if freedom <= 0 and (dim is None or not x.ndim):
        product = F.where(F.centred(x, axes) == 0, float("nan"), float("inf")) * t
    else:
        product = F.conj(F.centred(x, axes)) * t * (2.0 / freedom if freedom else float("inf"))
    return F.sum(F.real_part(product) if F.is_complex(product) else product, axes, keepdim)


def _std_jvp(F: Any, x: Any, t: Any, out: Any, *attrs: Any) -> Any:
    """Of one number the deviation is 0 whatever it is, and so are all derivatives; of several that are equal only the
    first is: the quotient by a deviation of zero stays in the graph."""
    axes = tuple(range(x.ndim)) if attrs[0] is None else attrs[0]
    divisor = F.where(out == 0, 1, out * 2) if count_of(tuple(x.shape), axes) == 1 else out * 2
    return F.where(out == 0, 0, F.div(_var_jvp(F, x, t, *attrs), divisor))


def _mean_jvp(F: Any, t: Any, dim: Axes | None, keepdim: bool) -> Any:
    return F.mean_dim(t, tuple(range(t.ndim)) if dim is None else dim, keepdim)


def _mean_part(g: Any, F: Any, shape: tuple[int, ...], dim: Axes | None, keepdim: bool) -> Any:
    dim = tuple(range(len(shape))) if dim is None else dim
    return spread(F, F.div(g, count_of(shape, dim) or 1), shape, dim, keepdim)


def _sum_of(a: Any, b: Any) -> Any:
    return b if a is None else a if b is None else a + b


def _with_mean(first: Any, g_mean: Any, F: Any, x: Any, dim: Axes | None, keepdim: bool) -> Any:
    second = None if g_mean is None else _mean_part(g_mean, F, tuple(x.shape), dim, keepdim)
    return _sum_of(first, second)


var_row = op(
    "var(self, *, dim, correction, keepdim)",
    _var,
    public=False,
    jvp=lambda F, x, t, attrs, out: _var_jvp(F, x[0], t[0], *attrs),
    self=lambda g, F, self, dim, correction, keepdim: F.var_vjp(g, self, dim, correction, keepdim),
)
std_row = op(
    "std(self, *, dim, correction, keepdim)",
    _std,
    public=False,
    jvp=lambda F, x, t, attrs, out: _std_jvp(F, x[0], t[0], out[0], *attrs),
    self=lambda g, F, self, out, dim, correction, keepdim: F.std_vjp(g, self, out, dim, correction, keepdim),
)
var_mean_row = op(
    "var_mean(self, *, dim, correction, keepdim) -> result0, result1",
    _var_mean,
    public=False,
    jvp=lambda F, x, t, attrs, out: [_var_jvp(F, x[0], t[0], *attrs), _mean_jvp(F, t[0], attrs[0], attrs[2])],
    self=lambda g_result0, g_result1, F, self, dim, correction, keepdim: _with_mean(
        None if g_result0 is None else F.var_vjp(g_result0, self, dim, correction, keepdim),
        g_result1,
        F,
        self,
        dim,
        keepdim,
    ),
)
std_mean_row = op(
    "std_mean(self, *, dim, correction, keepdim) -> result0, result1",
    _std_mean,
    public=False,
    jvp=lambda F, x, t, attrs, out: [_std_jvp(F, x[0], t[0], out[0], *attrs), _mean_jvp(F, t[0], attrs[0], attrs[2])],
    self=lambda g_result0, g_result1, F, self, result0, dim, correction, keepdim: _with_mean(
        None if g_result0 is None else F.std_vjp(g_result0, self, result0, dim, correction, keepdim),
        g_result1,
        F,
        self,
        dim,
        keepdim,
    ),
)


def _spread_of(name: str, row: Callable[..., Any], input: Tensor, args: tuple[Any, ...], given: dict[str, Any]) -> Any:
    """Checks and calls: (dim, correction, keepdim), with the older `unbiased` in correction's place."""
    dim, correction, keepdim = _arguments(args, given)
    if input.dtype.category < dtypes.FLOAT:
        raise RuntimeError(
            ("std and var" if row in (var_row, std_row) else name) + " only support floating point and complex dtypes"
        )
    axes = axes_of(input, dim)
    short = count_of(input._array.shape, axes) <= correction and input.numel()
    made = row(input, None if dim is None else axes, correction, keepdim)
    # Once the operand is packed, as in PyTorch: a hook may raise.
    for _ in range((1 + input.is_complex()) if short else 0):  # real and imaginary parts, one by one
        warnings.warn(
            f"{name}(): degrees of freedom is <= 0. Correction should be strictly less than the reduction factor "
            "(input numel divided by output numel). (Triggered internally at "
            "/__w/pytorch/pytorch/aten/src/ATen/native/ReduceOps.cpp:1861.)",
            UserWarning,
            stacklevel=4,
        )
    return made


def _arguments(args: tuple[Any, ...], given: dict[str, Any]) -> tuple[Any, float, bool]:
    """dim, correction and keepdim from var(x, unbiased), var(x, dim, unbiased, keepdim) and the keyword form."""
    names = ("unbiased",) if args and isinstance(args[0], bool) else ("dim", "unbiased", "keepdim")
    if len(args) > len(names):
        raise TypeError(f"expected at most {len(names)} positional arguments {names}, and was given {len(args)}")
    given = {**dict(zip(names, args)), **given}
    unbiased = given.pop("unbiased", None)
    correction = given.pop("correction", None)
    dim, keepdim = given.pop("dim", None), given.pop("keepdim", False)
    if given or (unbiased is not None and correction is not None):
        raise TypeError(
            f"unexpected arguments {sorted(given) or ['unbiased with correction']}; use dim, correction, keepdim"
        )
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    return dim, correction, keepdim


def _publish(name: str, row: Callable[..., Any], text: str, method: bool) -> None:
    @public(name, method=method)
    @numpy_names
    def call(input: Tensor, *args: Any, **kwargs: Any) -> Any:
        return _spread_of(name, row, input, args, kwargs)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = (
        f"{text}: `dim` (all without it), `correction` 1 (or `unbiased`), `keepdim`. Source: torch.{name}. "
        "Trap: nan with a warning where the degrees of freedom are not positive."
    )


_publish("var", var_row, "The variance", True)
_publish("std", std_row, "The standard deviation, with gradient 0 where it is 0", True)
_publish("var_mean", var_mean_row, "Variance and mean", False)
_publish("std_mean", std_mean_row, "Standard deviation and mean", False)
