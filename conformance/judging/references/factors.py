"""Definitions of singular values with their vectors, in any phases, and of what reflections make of a matrix."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from . import DIGITS, REFERENCES, NoReference, reference


def _adjoint(x: Any) -> Any:
    return REFERENCES["conj"](np.swapaxes(x, -1, -2))


def _of_each(a: Any, full: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """U, S and Vᴴ of each matrix of a batch."""
    if not a.size:
        raise NoReference("no numbers to decompose")
    found = [_of_one(a[place], full) for place in np.ndindex(*a.shape[:-2])]
    u, s, vh = (np.stack(parts) for parts in zip(*found))
    return tuple(x.reshape(a.shape[:-2] + x.shape[1:]) for x in (u, s, vh))  # type: ignore[return-value]


def _of_one(a: np.ndarray, full: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    is_complex = any(isinstance(v, mpmath.mpc) for v in a.reshape(-1))
    u, s, vh = (mpmath.svd_c if is_complex else mpmath.svd_r)(mpmath.matrix(a.tolist()), full_matrices=full)
    return _array(u), _array(s).reshape(-1), _array(vh)


def _array(x: Any) -> np.ndarray:
    made = np.empty((x.rows, x.cols), dtype=object)
    for place in np.ndindex(made.shape):
        made[place] = x[place]
    return made


@reference("linalg.svd")
def _svd(a: Any, full_matrices: bool = True) -> Any:
    return _of_each(a, full_matrices)


@reference("svd")
def _legacy_svd(a: Any, some: bool = True, compute_uv: bool = True) -> Any:
    if not compute_uv:
        raise NoReference("vectors that aren't computed")
    u, s, vh = _of_each(a, not some)
    return u, s, _adjoint(vh)


@reference("svd_lowrank")
def _svd_lowrank(a: Any, q: int = 6, niter: int = 2) -> Any:
    """Of a matrix of that rank, which the sketch leaves as it is, whatever is drawn."""
    u, s, vh = _of_each(a, False)
    if any(abs(v) > mpmath.mpf(10) ** (-DIGITS // 2) for v in s[..., q:].reshape(-1)):
        raise NoReference("a sketch")
    return u[..., :q], s[..., :q], _adjoint(vh[..., :q, :])


@reference("pca_lowrank")
def _pca_lowrank(a: Any, q: int | None = None, center: bool = True, niter: int = 2) -> Any:
    centred = a - REFERENCES["mean.dim"](a, dim=-2, keepdim=True) if center else a
    return _svd_lowrank(centred, min(6, *a.shape[-2:]) if q is None else q)


def _eigen(a: Any) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues in any order, with eigenvectors of length 1 in any phases."""
    values, vectors = np.empty(a.shape[:-1], dtype=object), np.empty(a.shape, dtype=object)
    for place in np.ndindex(*a.shape[:-2]):
        found, right = mpmath.eig(mpmath.matrix(a[place].tolist()))
        values[place] = [mpmath.mpc(v) for v in found]
        columns = _array(right)
        vectors[place] = columns / REFERENCES["linalg.vector_norm"](columns, 2, 0, True)
    return values, vectors


@reference("linalg.eig")
def _eig(a: Any) -> Any:
    return _eigen(a)


@reference("linalg.eigvals")
def _eigvals(a: Any) -> Any:
    return _eigen(a)[0]


@reference("ormqr")
def _ormqr(a: Any, tau: Any, other: Any, left: bool = True, transpose: bool = False) -> Any:
    rows, batch = a.shape[-2], a.shape[:-2]
    square = np.concatenate([a, np.zeros((*batch, rows, rows - a.shape[-1]), dtype=object)], -1)
    whole = REFERENCES["linalg.householder_product"](square, tau)
    whole = _adjoint(whole) if transpose else whole
    return np.matmul(whole, other) if left else np.matmul(other, whole)
