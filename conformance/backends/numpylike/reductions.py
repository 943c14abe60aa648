"""Reductions, cumulative functions, sorting. A 0-d tensor has one dimension, as in PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Dims = int | tuple[int, ...] | None


def axes(np: Any, x: Any, dim: Dims) -> Any:
    """NumPy's ``axis`` of PyTorch's ``dim``: none named means all."""
    return None if dim == () or not np.ndim(x) else dim


def _over(function: Callable[..., Any]) -> Callable[..., Any]:
    def reduce(np: Any, x: Any, dim: Dims = None, keepdim: bool = False) -> Any:
        return function(np, x, axis=axes(np, x, dim), keepdims=keepdim)

    return reduce


def _spread(function: Callable[..., Any]) -> Callable[..., Any]:
    def reduce(np: Any, x: Any, correction: int = 1, dim: Dims = None, keepdim: bool = False) -> Any:
        return function(np, x, axis=axes(np, x, dim), keepdims=keepdim, ddof=correction)

    return reduce


def _with_mean(spread: Callable[..., Any]) -> Callable[..., Any]:
    def reduce(np: Any, x: Any, correction: int = 1, dim: Dims = None, keepdim: bool = False) -> Any:
        mean = np.mean(x, axis=axes(np, x, dim), keepdims=keepdim)
        return spread(np, x, correction, dim, keepdim), mean

    return reduce


_var = _spread(lambda np, x, **options: np.var(x, **options))
_std = _spread(lambda np, x, **options: np.std(x, **options))
_max = _over(lambda np, x, **options: np.max(x, **options))
_min = _over(lambda np, x, **options: np.min(x, **options))
_argmax = _over(lambda np, x, **options: np.argmax(x, **options))
_argmin = _over(lambda np, x, **options: np.argmin(x, **options))


def _norm(np: Any, x: Any, order: float, dim: Dims = None, keepdim: bool = False) -> Any:
    return np.linalg.vector_norm(x, axis=axes(np, x, dim), ord=order, keepdims=keepdim)


def _along(function: Callable[..., Any]) -> Callable[..., Any]:
    def run(np: Any, x: Any, dim: int = -1) -> Any:
        return function(np, x, dim) if np.ndim(x) else function(np, np.reshape(x, (1,)), 0)[0]

    return run


def _softmax(np: Any, x: Any, dim: int) -> Any:
    if not np.ndim(x) or 0 in np.shape(x):
        return x * 0 + 1
    grown = np.exp(x - np.max(x, axis=dim, keepdims=True))
    return grown / np.sum(grown, axis=dim, keepdims=True)


def _log_softmax(np: Any, x: Any, dim: int) -> Any:
    if not np.ndim(x) or 0 in np.shape(x):
        return x * 0
    lowered = x - np.max(x, axis=dim, keepdims=True)
    return lowered - np.log(np.sum(np.exp(lowered), axis=dim, keepdims=True))


def _diff(np: Any, x: Any, n: int = 1, dim: int = -1, **around: Any) -> Any:
    return np.diff(x, n=n, axis=dim, **around) if n else 1 * x


def _trapezoid(np: Any, y: Any, x: Any = None, dx: float = 1, dim: int = -1) -> Any:
    return np.trapezoid(y, x, dx, axis=dim)


def _sort(np: Any, x: Any, dim: int = -1, descending: bool = False) -> Any:
    if descending or not np.ndim(x):
        raise NotImplementedError("sorting a number, or in descending order")
    return np.sort(x, axis=dim), np.argsort(x, axis=dim)


def _msort(np: Any, x: Any) -> Any:
    return np.sort(x, axis=0) if np.ndim(x) else 1 * x


def _quantile(
    np: Any, x: Any, q: Any, dim: int | None = None, keepdim: bool = False, interpolation: str = "linear"
) -> Any:
    kept = keepdim and np.ndim(x) > 0  # a number has no dimension to keep
    return np.quantile(x, q, axis=axes(np, x, dim), keepdims=kept, method=interpolation)


TABLE = {
    "sum": _over(lambda np, x, **options: np.sum(x, **options)),
    "sum.dim": _over(lambda np, x, **options: np.sum(x, **options)),
    "mean": _over(lambda np, x, **options: np.mean(x, **options)),
    "mean.dim": _over(lambda np, x, **options: np.mean(x, **options)),
    "prod": _over(lambda np, x, **options: np.prod(x, **options)),
    "prod.dim": _over(lambda np, x, **options: np.prod(x, **options)),
    "nansum": _over(lambda np, x, **options: np.nansum(x, **options)),
    "nansum.dim": _over(lambda np, x, **options: np.nansum(x, **options)),
    "nanmean": _over(lambda np, x, **options: np.nanmean(x, **options)),
    "nanmean.dim": _over(lambda np, x, **options: np.nanmean(x, **options)),
    "any": _over(lambda np, x, **options: np.any(x, **options)),
    "all": _over(lambda np, x, **options: np.all(x, **options)),
    "max": _max,
    "min": _min,
    "amax": _max,
    "amin": _min,
    "argmax": _argmax,
    "argmin": _argmin,
    "max.dim": lambda np, x, dim=None, keepdim=False: (_max(np, x, dim, keepdim), _argmax(np, x, dim, keepdim)),
    "min.dim": lambda np, x, dim=None, keepdim=False: (_min(np, x, dim, keepdim), _argmin(np, x, dim, keepdim)),
    "aminmax": lambda np, x, dim=None, keepdim=False: (_min(np, x, dim, keepdim), _max(np, x, dim, keepdim)),
    "var": _var,
    "std": _std,
    "var.dim": _var,
    "std.dim": _std,
    "var_mean": _with_mean(_var),
    "std_mean": _with_mean(_std),
    "var_mean.dim": _with_mean(_var),
    "std_mean.dim": _with_mean(_std),
    "norm": lambda np, x, p=2: _norm(np, x, p),
    "norm.dim": lambda np, x, p=2, dim=None, keepdim=False: _norm(np, x, p, dim, keepdim),
    "linalg.vector_norm": lambda np, x, ord=2, dim=None, keepdim=False: _norm(np, x, ord, dim, keepdim),
    "dist": lambda np, x, y, p=2: _norm(np, x - y, p),
    "cumsum": _along(lambda np, x, dim: np.cumsum(x, axis=dim)),
    "cumprod": _along(lambda np, x, dim: np.cumprod(x, axis=dim)),
    "softmax": _softmax,
    "nn.functional.softmax": _softmax,
    "log_softmax": _log_softmax,
    "nn.functional.log_softmax": _log_softmax,
    "nn.functional.softmin": lambda np, x, dim: _softmax(np, -x, dim),
    "diff": _diff,
    "trapezoid": _trapezoid,
    "trapz": _trapezoid,
    "gradient": lambda np, x, spacing, dim, edge_order: (np.gradient(x, spacing, axis=dim, edge_order=edge_order),),
    "sort": _sort,
    "argsort": _along(lambda np, x, dim: np.argsort(x, axis=dim)),
    "msort": _msort,
    "quantile": _quantile,
}
