"""Special functions, and what else is defined element by element."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from . import REFERENCES, elementwise, reference


def _sinc(x: Any) -> Any:
    return mpmath.mpf(1) if x == 0 else mpmath.sin(mpmath.pi * x) / (mpmath.pi * x)


def _log_gammas(x: Any, p: int) -> Any:
    """The logarithm of the multivariate gamma function."""
    parts = [mpmath.log(abs(mpmath.gamma(x - mpmath.mpf(k) / 2))) for k in range(p)]
    return sum(parts) + mpmath.mpf(p * (p - 1)) / 4 * mpmath.log(mpmath.pi)


def _log_of_sum(x: Any, y: Any) -> Any:
    """log(e^x + e^y); minus infinity stands for no term at all."""
    finite = [v for v in (x, y) if v != -mpmath.inf]
    return mpmath.log(sum((mpmath.exp(v) for v in finite), mpmath.mpf(0))) if finite else -mpmath.inf


def _log2_of_sum(x: Any, y: Any) -> Any:
    return mpmath.log(mpmath.mpf(2) ** x + mpmath.mpf(2) ** y, 2)


_UNARY = {
    "sinc": _sinc,
    "special.sinc": _sinc,
    "special.ndtr": mpmath.ncdf,
    "special.log_ndtr": lambda x: mpmath.log(mpmath.ncdf(x)) if x < 0 else mpmath.log1p(-mpmath.ncdf(-x)),
    "nn.functional.tanhshrink": lambda x: x - mpmath.tanh(x),
    "i0": lambda x: mpmath.besseli(0, x),
    "special.i0e": lambda x: mpmath.exp(-abs(x)) * mpmath.besseli(0, x),
    "special.i1": lambda x: mpmath.besseli(1, x),
    "special.i1e": lambda x: mpmath.exp(-abs(x)) * mpmath.besseli(1, x),
    "special.erfcx": lambda x: mpmath.exp(x * x) * mpmath.erfc(x),
}
for _name, _function in _UNARY.items():
    REFERENCES[_name] = elementwise(_function)
_BINARY = {
    "logaddexp": _log_of_sum,
    "logaddexp2": _log2_of_sum,
    "igamma": lambda a, x: mpmath.gammainc(a, 0, x, regularized=True),
    "igammac": lambda a, x: mpmath.gammainc(a, x, regularized=True),
}
for _name, _pair in _BINARY.items():
    REFERENCES[_name] = elementwise(_pair, 2)
for _name, _same in {
    "float_power": "pow",
    "ldexp.whole": "ldexp",
    "special.gammaln": "lgamma",
    "special.digamma": "digamma",
    "special.psi": "digamma",
}.items():
    REFERENCES[_name] = REFERENCES[_same]


@reference("__rpow__")
def _reflected_power(x: Any, base: Any) -> Any:
    return REFERENCES["pow"](base, x)


@reference("mvlgamma", "special.multigammaln")
def _mvlgamma(x: Any, p: int) -> Any:
    return elementwise(lambda v: _log_gammas(v, p))(x)


@reference("masked.logaddexp")
def _masked_logaddexp(x: Any, y: Any, dtype: Any = None, input_mask: Any = None, other_mask: Any = None) -> Any:
    def masked(values: Any, mask: Any) -> Any:
        return values if mask is None else np.where(np.asarray(mask, dtype=bool), values, -mpmath.inf)

    return elementwise(_log_of_sum, 2)(masked(x, input_mask), masked(y, other_mask))


@reference("masked.norm")
def _masked_norm(
    x: Any, order: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None, mask: Any = None
) -> Any:
    kept = x if mask is None else np.where(np.broadcast_to(np.asarray(mask, dtype=bool), x.shape), x, mpmath.mpf(0))
    dims = tuple(range(kept.ndim)) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    axes = tuple(d % kept.ndim for d in dims) if kept.ndim else ()
    total = np.sum(REFERENCES["abs"](kept) ** mpmath.mpf(order), axis=axes, keepdims=keepdim)
    return elementwise(lambda v: v ** (1 / mpmath.mpf(order)) if v else v)(total)


_COMBINE = {
    "sum": sum,
    "mean": lambda values: sum(values) / mpmath.mpf(len(values)),
    "prod": mpmath.fprod,
    "amax": max,
    "amin": min,
}


@reference("scatter_reduce", "scatter_reduce.smaller")
def _scatter_reduce(x: Any, dim: int, index: Any, src: Any, reduce: str, include_self: bool = True) -> Any:
    buckets = {place: [x[place]] if include_self else [] for place in np.ndindex(*x.shape)}
    axis = dim % max(x.ndim, 1)
    for place in np.ndindex(*index.shape):
        target = tuple(int(index[place]) if k == axis else i for k, i in enumerate(place))
        buckets[target].append(src[place])
    made = np.empty(x.shape, dtype=object)
    for place, values in buckets.items():
        made[place] = _COMBINE[reduce](values) if values else x[place]
    return made


@reference("index_reduce")
def _index_reduce(x: Any, dim: int, index: Any, source: Any, reduce: str, include_self: bool = True) -> Any:
    column = [-1 if k == dim % max(x.ndim, 1) else 1 for k in range(max(x.ndim, 1))]
    places = np.broadcast_to(np.asarray(index).reshape(column), source.shape)
    return _scatter_reduce(x, dim, places, source, reduce, include_self)
