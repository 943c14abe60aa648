"""Definitions of products of vectors and matrices, and what is added to them."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from . import REFERENCES, reference


def _conj(x: Any) -> Any:
    return REFERENCES["conj"](x)


def _object(x: Any) -> Any:
    return np.asarray(x, dtype=object)


@reference("vdot")
def _vdot(x: Any, y: Any) -> Any:
    return _object(np.sum(_conj(x) * y))


@reference("linalg.vecdot")
def _vecdot(x: Any, y: Any, dim: int = -1) -> Any:
    return _object(np.sum(_conj(x) * y, axis=dim))


@reference("inner")
def _inner(x: Any, y: Any) -> Any:
    return _object(np.tensordot(x, y, (-1, -1))) if x.ndim and y.ndim else _object(x * y)


for _name, _reflected in {
    "__radd__": lambda x, y: y + x,
    "__rsub__": lambda x, y: y - x,
    "__rmul__": lambda x, y: y * x,
    "__rdiv__": lambda x, y: y / x,
    "__rmatmul__": lambda x, y: np.matmul(y, x),
    "true_divide": lambda x, y: x / y,
}.items():
    REFERENCES[_name] = _reflected


@reference("kron")
def _kron(x: Any, y: Any) -> Any:
    n = max(x.ndim, y.ndim)
    a, b = (np.reshape(v, (1,) * (n - v.ndim) + v.shape) for v in (x, y))
    spread = np.reshape(a, [m for size in a.shape for m in (size, 1)])
    other = np.reshape(b, [m for size in b.shape for m in (1, size)])
    return np.reshape(_object(spread * other), [p * q for p, q in zip(a.shape, b.shape)])


def _plus(c: Any, product: Any, beta: Any, alpha: Any) -> Any:
    return _object((c * beta if beta else 0) + product * alpha)


@reference("addmm", "addmv", "baddbmm")
def _addmm(c: Any, a: Any, b: Any, beta: Any = 1, alpha: Any = 1) -> Any:
    return _plus(c, np.matmul(a, b), beta, alpha)


@reference("addbmm")
def _addbmm(c: Any, a: Any, b: Any, beta: Any = 1, alpha: Any = 1) -> Any:
    return _plus(c, np.sum(np.matmul(a, b), 0), beta, alpha)


@reference("addr")
def _addr(c: Any, a: Any, b: Any, beta: Any = 1, alpha: Any = 1) -> Any:
    return _plus(c, a[:, None] * b, beta, alpha)


@reference("linalg.cross", "cross")
def _cross(x: Any, y: Any, dim: int = -1) -> Any:
    a, b = (np.moveaxis(v, dim, -1) for v in np.broadcast_arrays(x, y))
    parts = [a[..., (k + 1) % 3] * b[..., (k + 2) % 3] - a[..., (k + 2) % 3] * b[..., (k + 1) % 3] for k in range(3)]
    return np.moveaxis(_object(np.stack(parts, -1)), -1, dim)


@reference("linalg.matrix_power")
def _matrix_power(a: Any, n: int) -> Any:
    base = REFERENCES["linalg.inv"](a) if n < 0 else a
    made = np.broadcast_to(np.eye(a.shape[-1], dtype=object) * mpmath.mpf(1), a.shape)
    for _ in range(abs(n)):
        made = np.matmul(made, base)
    return made


@reference("nn.functional.bilinear")
def _bilinear(x: Any, y: Any, weight: Any, bias: Any = None) -> Any:
    made = np.stack([np.sum(np.matmul(x, w) * y, -1) for w in weight], -1)
    return _object(made if bias is None else made + bias)


@reference("nn.functional.cosine_similarity")
def _cosine_similarity(x: Any, y: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """Each vector's length is at least eps."""
    a, b = np.broadcast_arrays(x, y)
    least = mpmath.mpf(eps)
    sizes = [np.maximum(REFERENCES["linalg.vector_norm"](_object(v), 2, dim), least) for v in (a, b)]
    return _object(np.sum(a * b, axis=dim) / (sizes[0] * sizes[1]))
