"""Factorizations of batches of arrays with LAPACK's `info`, which NumPy does not give.

NumPy's batched calls are used where they succeed; a matrix for which they raise sends the batch through LAPACK one by
one, so that each element has its own `info`, as in PyTorch.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from scipy.linalg import get_blas_funcs, get_lapack_funcs

Array = np.ndarray


def batches(*arrays: Array) -> tuple[tuple[int, ...], list[Array]]:
    """The common batch shape of matrices, and each flattened to (batch, rows, columns)."""
    shape = np.broadcast_shapes(*(a.shape[:-2] for a in arrays))
    count = prod(shape)
    return shape, [np.broadcast_to(a, (*shape, *a.shape[-2:])).reshape(count, *a.shape[-2:]) for a in arrays]


def lu(a: Array) -> tuple[Array, Array, Array]:
    """L and U in one matrix, pivots (from 1, int32) and info (the first zero of U's diagonal, from 1), of a batch."""
    shape, (flat,) = batches(a)
    m, n = a.shape[-2:]
    packed, pivots = np.empty(flat.shape, a.dtype), np.empty((len(flat), min(m, n)), np.int32)
    info = np.zeros(len(flat), np.int32)
    if flat.size:
        (getrf,) = get_lapack_funcs(("getrf",), (flat,))
        for k, matrix in enumerate(flat):
            packed[k], swaps, info[k] = getrf(matrix)
            pivots[k] = swaps + 1
    return packed.reshape(a.shape), pivots.reshape(*shape, min(m, n)), info.reshape(shape)


def permutation(pivots: Array, m: int) -> Array:
    """The rows' order (..., m) that a sequence of row swaps makes."""
    order = np.broadcast_to(np.arange(m), (*pivots.shape[:-1], m)).copy()
    if not order.size or not pivots.size:
        return order
    flat, swaps = order.reshape(-1, m), pivots.reshape(-1, pivots.shape[-1]) - 1
    rows = np.arange(len(flat))
    for k in range(pivots.shape[-1]):
        other = swaps[:, k]
        flat[rows, k], flat[rows, other] = flat[rows, other], flat[rows, k].copy()
    return flat.reshape(order.shape)


def permutation_matrix(pivots: Array, m: int, dtype: Any) -> Array:
    """P of A = P·L·U."""
    return np.swapaxes(np.eye(m, dtype=dtype)[permutation(pivots, m)], -1, -2)


def triangular(a: Array, b: Array, upper: bool, left: bool, unit: bool, adjoint: bool = False) -> Array:
    """Solves a·x = b (or x·a = b) reading one triangle of a; with `adjoint` aᴴ stands for a."""
    shape, (matrices, sides) = batches(a, b)
    found = np.empty(sides.shape, b.dtype)
    if found.size:
        (trsm,) = get_blas_funcs(("trsm",), (matrices, sides))
        for k, (matrix, side) in enumerate(zip(matrices, sides)):
            found[k] = trsm(1, matrix, side, side=not left, lower=not upper, trans_a=2 if adjoint else 0, diag=unit)
    return found.reshape(*shape, *b.shape[-2:])


def solve_factored(packed: Array, pivots: Array, b: Array, adjoint: bool) -> Array:
    """Solves P·L·U·x = b, or its adjoint."""
    order = permutation(pivots, packed.shape[-1])
    if adjoint:
        x = triangular(packed, triangular(packed, b, True, True, False, True), False, True, True, True)
        return np.take_along_axis(x, np.broadcast_to(np.argsort(order, -1)[..., None], x.shape), -2)
    shape = np.broadcast_shapes(packed.shape[:-2], b.shape[:-2])
    b = np.broadcast_to(b, (*shape, *b.shape[-2:]))
    x = np.take_along_axis(b, np.broadcast_to(order[..., None], b.shape), -2)
    return triangular(packed, triangular(packed, x, False, True, True), True, True, False)


def inverse(a: Array) -> tuple[Array, Array]:
    """The inverses and info; where U has a zero on its diagonal the result is not finite."""
    try:
        return np.linalg.inv(a), np.zeros(a.shape[:-2], np.int32)
    except np.linalg.LinAlgError:
        packed, pivots, info = lu(a)
        eye = np.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape)
        return solve_factored(packed, pivots, eye, False), info


def solve(a: Array, b: Array) -> tuple[Array, Array]:
    """The solutions of a·x = b, matrices, and info."""
    shape = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    try:
        return np.linalg.solve(a, b), np.zeros(a.shape[:-2], np.int32)
    except np.linalg.LinAlgError:
        packed, pivots, info = lu(a)
        b = np.broadcast_to(b, (*shape, *b.shape[-2:]))
        return solve_factored(packed, pivots, b, False), info


def cholesky(a: Array, upper: bool) -> tuple[Array, Array]:
    """The Cholesky factors and info (the order of the first minor that is not positive, 0 if none)."""
    try:
        return np.linalg.cholesky(a, upper=upper), np.zeros(a.shape[:-2], np.int32)
    except np.linalg.LinAlgError:
        shape, (flat,) = batches(a)
        found, info = np.empty(flat.shape, a.dtype), np.zeros(len(flat), np.int32)
        (potrf,) = get_lapack_funcs(("potrf",), (flat,))
        for k, matrix in enumerate(flat):
            found[k], info[k] = potrf(matrix, lower=not upper, clean=1)
        return found.reshape(a.shape), info.reshape(shape)
