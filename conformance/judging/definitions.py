"""More definitions in high precision: of matrices, bounds, scans and scatters."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np

from .references import REFERENCES, elementwise, reference


@reference("clamp", "clamp.tensors")
def _clamp(x: Any, min: Any = None, max: Any = None) -> Any:
    # The upper bound has the last word.
    x = x if min is None else np.maximum(x, min)
    return np.asarray(x if max is None else np.minimum(x, max), dtype=object)


@reference("copysign")
def _copysign(x: Any, sign: Any) -> Any:
    return np.asarray(abs(x) * elementwise(lambda s: -1 if s < 0 else 1)(sign), dtype=object)


@reference("logcumsumexp")
def _logcumsumexp(x: Any, dim: int = 0) -> Any:
    x = np.asarray(x, dtype=object)
    if not x.ndim:
        return x
    return REFERENCES["log"](np.cumsum(REFERENCES["exp"](x), axis=dim))


@reference("logdet")
def _logdet(a: Any) -> Any:
    return REFERENCES["log"](REFERENCES["det"](a))


@reference("linalg.slogdet")
def _slogdet(a: Any) -> tuple[Any, Any]:
    size = np.asarray(abs(REFERENCES["det"](a)), dtype=object)
    return np.asarray(REFERENCES["det"](a) / size, dtype=object), REFERENCES["log"](size)


def _mh(a: Any) -> Any:
    return np.asarray(np.frompyfunc(mpmath.conj, 1, 1)(np.swapaxes(a, -1, -2)), dtype=object)


@reference("linalg.cholesky", "cholesky")
def _cholesky(a: Any, upper: bool = False) -> Any:
    """Column by column; of a Hermitian matrix one triangle says all."""
    if upper:
        return _mh(_cholesky(_mh(a)))
    low = np.zeros(a.shape, dtype=object) * mpmath.mpf(0)
    for j in range(a.shape[-1]):
        pivot = a[..., j, j] - sum((abs(low[..., j, k]) ** 2 for k in range(j)), mpmath.mpf(0))
        low[..., j, j] = REFERENCES["sqrt"](REFERENCES["real"](pivot))
        for i in range(j + 1, a.shape[-1]):
            inner = sum((low[..., i, k] * _conj(low[..., j, k]) for k in range(j)), mpmath.mpf(0))
            low[..., i, j] = (a[..., i, j] - inner) / low[..., j, j]
    return low


def _conj(x: Any) -> Any:
    return np.asarray(np.frompyfunc(mpmath.conj, 1, 1)(x), dtype=object)


@reference("cholesky_inverse")
def _cholesky_inverse(factor: Any, upper: bool = False) -> Any:
    """Of the whole factor, as the documented formula reads: the derivative beside the triangle is the formula's."""
    low = _mh(factor) if upper else factor
    return _inverse(np.matmul(low, _mh(low)))


@reference("cholesky_solve")
def _cholesky_solve(b: Any, factor: Any, upper: bool = False) -> Any:
    return np.matmul(_cholesky_inverse(factor, upper), b)


@reference("linalg.inv", "inverse")
def _inverse(a: Any) -> Any:
    return _solved(a, np.eye(a.shape[-1], dtype=object) * mpmath.mpf(1))


def _solved(a: Any, b: Any) -> Any:
    """A⁻¹B of many matrices at once, by elimination of columns, each with its largest pivot."""
    n, batch = a.shape[-1], np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    parts = (np.broadcast_to(x, (*batch, *x.shape[-2:])) for x in (a, b))
    wide = np.concatenate(list(parts), -1).reshape(math.prod(batch), n, n + b.shape[-1])
    each = np.arange(len(wide))
    for k in range(n):
        pivot = k + np.argmax(np.abs(wide[:, k:, k]), 1)
        chosen, first = wide[each, pivot], wide[:, k].copy()
        wide[each, pivot], wide[:, k] = first, chosen / chosen[:, k, None]
        factors = wide[:, :, k].copy()
        factors[:, k] = mpmath.mpf(0)
        wide = wide - factors[..., None] * wide[:, None, k]
    return wide[..., n:].reshape(*batch, n, b.shape[-1])


@reference("linalg.solve")
def _solve(a: Any, b: Any, left: bool = True) -> Any:
    if b.ndim == 1 or b.shape == a.shape[:-1]:
        return _solved(a, b[..., None])[..., 0]
    return _solved(a, b) if left else np.swapaxes(_solved(np.swapaxes(a, -1, -2), np.swapaxes(b, -1, -2)), -1, -2)


def _uninformed(a: Any) -> Any:
    """What the forms that report failures say of matrices that have none."""
    return np.full(a.shape[:-2], mpmath.mpf(0), dtype=object)


@reference("linalg.solve_ex")
def _solve_ex(a: Any, b: Any, left: bool = True, check_errors: bool = False) -> Any:
    return _solve(a, b, left), _uninformed(a)


@reference("linalg.inv_ex")
def _inv_ex(a: Any, check_errors: bool = False) -> Any:
    return _inverse(a), _uninformed(a)


@reference("linalg.cholesky_ex")
def _cholesky_ex(a: Any, upper: bool = False, check_errors: bool = False) -> Any:
    return _cholesky(a, upper), _uninformed(a)


def _read(a: Any, upper: bool, unitriangular: bool) -> Any:
    """A triangle of a matrix, with ones on its diagonal where that isn't read."""
    rows, columns = np.indices(a.shape[-2:])
    inside = columns - rows if upper else rows - columns
    ones = np.eye(a.shape[-1], dtype=object) * mpmath.mpf(1)
    return np.where(inside >= (1 if unitriangular else 0), a, ones if unitriangular else mpmath.mpf(0))


@reference("triangular_solve", "triangular_solve.transposed")
def _triangular_solve(b: Any, a: Any, upper: bool = True, transpose: bool = False, unitriangular: bool = False) -> Any:
    found = _read(a, upper, unitriangular)
    return np.matmul(_inverse(np.swapaxes(found, -1, -2) if transpose else found), b), a


@reference("linalg.solve_triangular")
def _solve_triangular(a: Any, b: Any, upper: bool, left: bool = True, unitriangular: bool = False) -> Any:
    return _solve(_read(a, upper, unitriangular), b, left)


@reference("linalg.tensorinv")
def _tensorinv(a: Any, ind: int = 2) -> Any:
    size = int(np.prod(a.shape[:ind]))
    return _inverse(a.reshape(size, size)).reshape(a.shape[ind:] + a.shape[:ind])


@reference("linalg.tensorsolve")
def _tensorsolve(a: Any, b: Any, dims: Any = None) -> Any:
    a = a if dims is None else np.moveaxis(a, dims, range(-len(dims), 0))
    return np.matmul(_inverse(a.reshape(b.size, b.size)), b.reshape(-1)).reshape(a.shape[b.ndim :])


@reference("linalg.vander")
def _vander(x: Any, N: int | None = None) -> Any:
    powers = [x * 0 + 1]
    for _ in range(1, x.shape[-1] if N is None else N):
        powers.append(powers[-1] * x)
    return np.stack(powers, -1)


@reference("linalg.pinv", "pinverse")
def _pinv(a: Any, rcond: float = 0.0) -> Any:
    """Of a matrix of full rank, where alone it is smooth; of any other the inverse raises."""
    if a.shape[-2] >= a.shape[-1]:
        return np.matmul(_inverse(np.matmul(_mh(a), a)), _mh(a))
    return np.matmul(_mh(a), _inverse(np.matmul(a, _mh(a))))


@reference("linalg.matrix_exp", "matrix_exp")
def _matrix_exp(a: Any) -> Any:
    """By its series, of the matrix halved until it is small, and squared as often."""
    norm = max((abs(v) for v in a.reshape(-1)), default=0) * a.shape[-1]
    halvings = max(int(mpmath.ceil(mpmath.log(norm, 2))) + 8, 0) if norm else 0
    small = a * mpmath.ldexp(1, -halvings)
    term = np.broadcast_to(np.eye(a.shape[-1], dtype=object) * mpmath.mpf(1), a.shape)
    total = term
    for k in range(1, 24):
        term = np.matmul(term, small) / mpmath.mpf(k)
        total = total + term
    for _ in range(halvings):
        total = np.matmul(total, total)
    return total


@reference("linalg.householder_product")
def _householder_product(a: Any, tau: Any) -> Any:
    """The first columns of (I - τ₁v₁v₁ᴴ)(I - τ₂v₂v₂ᴴ)…: vₖ is 0 above the diagonal, 1 on it, and column k below."""
    rows, columns = a.shape[-2:]
    made = np.broadcast_to(np.eye(rows, dtype=object) * mpmath.mpf(1), (*a.shape[:-2], rows, rows))
    for k in range(tau.shape[-1]):
        v = np.where(np.arange(rows) > k, a[..., k], np.where(np.arange(rows) == k, mpmath.mpf(1), mpmath.mpf(0)))
        made = made - tau[..., k, None, None] * np.matmul(made, v[..., None]) * _conj(v)[..., None, :]
    return made[..., :columns]


@reference("linalg.svdvals")
def _svdvals(a: Any) -> Any:
    made = np.empty((*a.shape[:-2], min(a.shape[-2:])), dtype=object)
    for place in np.ndindex(*a.shape[:-2]):
        made[place] = list(mpmath.svd_c(mpmath.matrix(a[place].tolist()), compute_uv=False)) if a[place].size else []
    return made
