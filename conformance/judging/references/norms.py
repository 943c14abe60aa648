"""Definitions in high precision of norms, distances and masked exponentials."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from . import REFERENCES, NoReference, elementwise, reference

_log = elementwise(lambda v: mpmath.log(v) if v != 0 else -mpmath.inf)


@reference("linalg.vector_norm")
def _vector_norm(x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False) -> Any:
    sizes = REFERENCES["abs"](x)
    dims = range(x.ndim) if dim is None or dim == () else (dim,) if isinstance(dim, int) else dim
    axes = tuple(d % x.ndim for d in dims) if x.ndim else ()
    if ord in (float("inf"), float("-inf")):
        return np.asarray((np.max if ord > 0 else np.min)(sizes, axis=axes, keepdims=keepdim), dtype=object)
    if ord == 0:
        return np.sum(elementwise(lambda v: mpmath.mpf(v != 0))(sizes), axis=axes, keepdims=keepdim)
    powers = elementwise(lambda v: v**ord if v else v)(sizes) if ord != 1 else sizes
    total = np.sum(powers, axis=axes, keepdims=keepdim, initial=mpmath.mpf(0))
    return elementwise(lambda v: v ** (1 / mpmath.mpf(ord)) if v else v)(total)


@reference("norm", "norm.dim")
def _norm(x: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False) -> Any:
    return _vector_norm(x, 2 if p == "fro" else p, dim, keepdim)


@reference("dist")
def _dist(x: Any, y: Any, p: Any = 2) -> Any:
    return _vector_norm(np.asarray(x - y, dtype=object), p)


@reference("cdist")
def _cdist(x: Any, y: Any, p: Any = 2.0, compute_mode: Any = None) -> Any:
    return _vector_norm(np.asarray(x[..., :, None, :] - y[..., None, :, :], dtype=object), p, -1)


@reference("nn.functional.pdist")
def _pdist(x: Any, p: Any = 2.0) -> Any:
    first, second = np.triu_indices(x.shape[0], 1)
    return _vector_norm(np.asarray(x[first] - x[second], dtype=object), p, -1)


@reference("linalg.matrix_norm")
def _matrix_norm(x: Any, ord: Any = "fro", keepdim: bool = False) -> Any:
    if ord in ("nuc", 2, -2):
        found = _of_singular_values(REFERENCES["linalg.svdvals"](x), ord)
    elif ord == "fro":
        found = _vector_norm(x, 2, (-2, -1))
    else:
        sums = _vector_norm(x, 1, -2 if abs(ord) == 1 else -1)
        found = np.asarray((np.max if ord > 0 else np.min)(sums, axis=-1), dtype=object)
    return np.reshape(found, (*x.shape[:-2], 1, 1)) if keepdim else found


def _of_singular_values(values: Any, ord: Any) -> Any:
    if ord == "nuc":
        return np.asarray(np.sum(values, axis=-1), dtype=object)
    return np.asarray(values[..., 0 if ord == 2 else -1], dtype=object)


@reference("linalg.cond")
def _cond(x: Any, p: Any = None) -> Any:
    values = REFERENCES["linalg.svdvals"](x)
    if not x.size:
        raise NoReference("no singular values")
    if p == "nuc":
        return np.asarray(np.sum(values, -1) * np.sum(1 / values, -1), dtype=object)
    ratio = values[..., 0] / values[..., -1]
    return np.asarray(1 / ratio if p == -2 else ratio, dtype=object)


@reference("masked.normalize")
def _masked_normalize(x: Any, ord: Any, dim: Any, eps: float = 1e-12, dtype: Any = None, mask: Any = None) -> Any:
    kept = np.where(_kept(x, mask), x, mpmath.mpf(0))
    return kept / elementwise(lambda v: max(v, mpmath.mpf(eps)))(_vector_norm(kept, ord, dim, True))


@reference("renorm", "renorm.zero")
def _renorm(x: Any, p: Any, dim: int, maxnorm: float) -> Any:
    others = tuple(d for d in range(x.ndim) if d != dim % x.ndim)
    norms = _vector_norm(x, p, others, True)
    return x * elementwise(lambda v: maxnorm / (v + mpmath.mpf(1e-7)) if v > maxnorm else mpmath.mpf(1))(norms)


@reference("nn.functional.softmin")
def _softmin(x: Any, dim: int = 0) -> Any:
    return REFERENCES["softmax"](-x, dim)


@reference("masked.log_softmax")
def _masked_log_softmax(x: Any, dim: int = 0, dtype: Any = None, mask: Any = None) -> Any:
    kept = _kept(x, mask)
    total = np.sum(np.where(kept, REFERENCES["exp"](x), mpmath.mpf(0)), axis=dim if x.ndim else (), keepdims=True)
    # Of a row without elements the logarithms are NaN.
    return np.where(kept, x - _log(total), np.where(total == 0, mpmath.nan, -mpmath.inf))


@reference("masked.softmax")
def _masked_softmax(x: Any, dim: int = 0, dtype: Any = None, mask: Any = None) -> Any:
    grown = np.where(_kept(x, mask), REFERENCES["exp"](x), mpmath.mpf(0))
    total = np.sum(grown, axis=dim if x.ndim else (), keepdims=True)
    return elementwise(lambda a, b: a / b if b else mpmath.nan, 2)(grown, total)


@reference("masked.softmin")
def _masked_softmin(x: Any, dim: int = 0, dtype: Any = None, mask: Any = None) -> Any:
    return _masked_softmax(-x, dim, dtype, mask)


def _normalized(
    x: Any, mean: Any, var: Any, weight: Any, bias: Any, own: bool, eps: float, axes: tuple[int, ...]
) -> Any:
    """By channel, with the statistics over some axes of its own, or with running ones."""

    def by_channel(values: Any) -> Any:
        return np.reshape(values, (-1,) + (1,) * (x.ndim - 2))

    if own:
        var, mean = REFERENCES["var_mean"](x, correction=0, dim=axes, keepdim=True)
    else:
        mean, var = by_channel(mean), by_channel(var)
    made = (x - mean) / REFERENCES["sqrt"](var + mpmath.mpf(eps))
    made = made if weight is None else made * by_channel(weight)
    return made if bias is None else made + by_channel(bias)


@reference("nn.functional.instance_norm")
def _instance_norm(
    x: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    return _normalized(x, running_mean, running_var, weight, bias, use_input_stats, eps, tuple(range(2, x.ndim)))


@reference("nn.functional.batch_norm")
def _batch_norm(
    x: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    return _normalized(x, running_mean, running_var, weight, bias, training, eps, (0, *range(2, x.ndim)))


def _kept(x: Any, mask: Any) -> Any:
    return np.broadcast_to(True if mask is None else np.asarray(mask, dtype=bool), x.shape)
