"""Products of vectors along a dimension, norms of matrices. Source: torch.linalg.cross, vecdot, matrix_norm, cond."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .._dtypes import SCALAR_NAMES, promote_types
from .._errors import wrap_dim
from .._layout import row_major
from .._once import warn_once
from .._op import MULTILINEAR, PUBLIC, op, public
from .._tensor import Tensor
from .linalg_matmul import broadcast_shape
from .linalg_matrix import check_floating, check_matrix, check_scalar_type, check_tensor
from .linalg_products import vdot
from .linalg_solve import inv_ex
from .linalg_spectral import svdvals


def _cross(a: np.ndarray, b: np.ndarray, dim: int) -> np.ndarray:
    a, b = np.broadcast_arrays(a, b)
    x, y = np.moveaxis(a, dim, 0), np.moveaxis(b, dim, 0)
    parts = [x[(k + 1) % 3] * y[(k + 2) % 3] - x[(k + 2) % 3] * y[(k + 1) % 3] for k in range(3)]
    return np.stack(parts, dim)


cross_row = op(
    "linalg_cross(self, other, *, dim)", _cross, public=False, layout=row_major, jvp=MULTILINEAR,
    self=lambda g, F, other, dim: F.linalg_cross(F.conj(other), g, dim),
    other=lambda g, F, self, dim: F.linalg_cross(g, F.conj(self), dim),
)  # fmt: skip


@public("linalg.cross", method=False)
def linalg_cross(input: Tensor, other: Tensor, *, dim: int = -1, out: Any = None) -> Tensor:
    """The cross products of 3-vectors along a dimension; the rest broadcasts. Source: torch.linalg.cross."""
    if input.ndim != other.ndim:
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    axis = wrap_dim(dim, input.ndim)
    a, b = input._array.shape, other._array.shape
    if a[axis] != 3 or b[axis] != 3:
        raise RuntimeError(f"linalg.cross: inputs dimension {dim} must have length 3. Got {a[axis]} and {b[axis]}")
    broadcast_shape(a, b)
    check_scalar_type(input, other)
    return cross_row(input, other, axis - input.ndim if dim < 0 else axis)


@public("cross")
def cross(input: Tensor, other: Tensor, dim: int | None = None, *, out: Any = None) -> Tensor:
    """linalg.cross along `dim`, or the first dimension of size 3. Source: torch.cross."""
    if dim is None:
        warn_once(
            "Using torch.cross without specifying the dim arg is deprecated.\nPlease either pass the dim explicitly or "
            "simply use torch.linalg.cross.\nThe default value of dim will change to agree with that of linalg.cross "
            "in a future release.",
            "Cross.cpp:63",
        )
        dim = next((k for k, n in enumerate(input._array.shape) if n == 3), None)
        if dim is None:
            raise RuntimeError("no dimension of size 3 in input")
    return linalg_cross(input, other, dim=dim)


@public("linalg.vecdot", method=False)
def vecdot(x: Tensor, y: Tensor, *, dim: int = -1, out: Any = None) -> Tensor:
    """Σ conj(x)·y along a dimension; the rest broadcasts. Source: torch.linalg.vecdot."""
    check_floating(x, "linalg.vecdot")
    if x.dtype is not y.dtype:
        raise RuntimeError(
            f"linalg.vecdot: Expected x and y to have the same dtype, but found x of type {SCALAR_NAMES[x.dtype]} and "
            f"y of type {SCALAR_NAMES[y.dtype]} instead"
        )
    if x.ndim == 1 and y.ndim == 1:
        return vdot(x, y)
    return (x.conj() * y).sum(dim)


def _matrix_dims(A: Tensor, dim: Any) -> tuple[int, int]:
    dims = (dim,) if isinstance(dim, int) else tuple(dim)
    if len(dims) != 2:
        raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {' '.join(map(str, dims))}")
    first, second = wrap_dim(dims[0], A.ndim), wrap_dim(dims[1], A.ndim)
    if first == second:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got ({dims[0]}, {dims[1]})")
    return first, second


def _check_norm_dtype(A: Tensor, kind: Any) -> None:
    if kind is None:
        return
    where, mine = "linalg.matrix_norm", SCALAR_NAMES[A.dtype]
    if kind.category < dtypes.FLOAT:
        raise RuntimeError(f"{where}: dtype should be floating point or complex. Got {SCALAR_NAMES[kind]}")
    if A.is_complex() != kind.is_complex:
        which = ("complex", "complex") if A.is_complex() else ("real", "real")
        raise RuntimeError(f"{where}: dtype should be {which[0]} for {which[1]} inputs, but got {SCALAR_NAMES[kind]}")
    if promote_types(A.dtype, kind) is not kind:
        raise RuntimeError(
            f"{where}: the dtype of the input ({mine}) should be convertible without narrowing to the specified dtype "
            f"({SCALAR_NAMES[kind]})"
        )


_MAXIMA = {1: (1,), 2: (0, 1), float("inf"): (0,)}
"""The dimensions over which a norm is a maximum. Of nothing it is a constant 0, as in PyTorch."""


@public("linalg.matrix_norm", method=False)
def matrix_norm(
    A: Tensor, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None, out: Any = None
) -> Tensor:
    """Norms of matrices: 'fro', 'nuc', ±1 (columns), ±inf (rows), ±2 (singular values).
    Source: torch.linalg.matrix_norm."""
    check_tensor("linalg_matrix_norm", "input", 1, A)
    check_matrix(A, "linalg.matrix_norm")
    check_floating(A, "linalg.matrix_norm")
    if ord not in ("fro", "nuc", 1, -1, 2, -2, float("inf"), -float("inf")):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    first, second = _matrix_dims(A, dim)
    _check_norm_dtype(A, dtype)
    vector_norm = PUBLIC["linalg.vector_norm"]
    if ord == "fro":
        return vector_norm(A, 2, (first, second), keepdim, dtype=dtype)
    A = A if dtype is None else A.to(dtype)
    if ord in _MAXIMA and 0 in [A.shape[(first, second)[k]] for k in _MAXIMA[ord]]:
        return vector_norm(A.detach(), 2, (first, second), keepdim)
    if ord == "nuc" or abs(ord) == 2:
        return _spectral_norm(A, ord, first, second, keepdim)
    inner, outer = (first, second) if abs(ord) == 1 else (second, first)
    sums = vector_norm(A, 1.0, (inner,), keepdim)
    if not keepdim and inner < outer:
        outer -= 1
    return sums.amax(outer, keepdim) if ord > 0 else sums.amin(outer, keepdim)


def _spectral_norm(A: Tensor, ord: Any, first: int, second: int, keepdim: bool) -> Tensor:
    rest = [d for d in range(A.ndim) if d not in (first, second)]
    values = svdvals(A.permute(*rest, first, second))
    found = values.sum(-1) if ord == "nuc" else values.amax(-1) if ord > 0 else values.amin(-1)
    if not keepdim:
        return found
    order = [*rest, first, second]
    return found.unsqueeze(-1).unsqueeze(-1).permute(*[order.index(d) for d in range(A.ndim)])


@public("linalg.norm", method=False)
def norm(
    A: Tensor, ord: Any = None, dim: Any = None, keepdim: bool = False, *, out: Any = None, dtype: Any = None
) -> Tensor:
    """A vector norm of 1-D input or one dimension, a matrix norm of 2-D input or two; the 2-norm of all without ord.
    Source: torch.linalg.norm."""
    dims = (dim,) if isinstance(dim, int) else None if dim is None else tuple(dim)
    if dims is not None and len(dims) not in (1, 2):
        raise RuntimeError(f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(dims)}")
    if ord is not None and dims is None and A.ndim not in (1, 2):
        raise RuntimeError(
            f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {A.ndim}D."
        )
    one = (dims is not None and len(dims) == 1) or (dims is None and A.ndim == 1)
    if ord is None or (one and not isinstance(ord, str)):
        return PUBLIC["linalg.vector_norm"](A, 2.0 if ord is None else ord, dims, keepdim, dtype=dtype)
    return matrix_norm(A, ord, dims or (-2, -1), keepdim, dtype=dtype)


@public("linalg.cond", method=False)
def cond(A: Tensor, p: Any = None, *, out: Any = None) -> Tensor:
    """The condition numbers in a matrix norm, the ratio of extreme singular values by default; infinite for singular
    matrices in the other norms. Source: torch.linalg.cond."""
    check_tensor("linalg_cond", "input", 1, A)
    if A.ndim < 2:
        raise RuntimeError("linalg.cond: The input tensor must have at least 2 dimensions.")
    if p is not None and p not in ("fro", "nuc", 1, -1, 2, -2, float("inf"), -float("inf")):
        raise RuntimeError(f"linalg.cond got an invalid norm type: {p}")
    if not A.numel():
        return PUBLIC["empty"](*A._array.shape[:-2], dtype=A.dtype.to_real()).zero_()
    if p is None or p in (2, -2):
        return _singular_ratio(A, -1 if p == -2 else 1)
    _check_cond_square(A, p)
    if p == "nuc":
        values = svdvals(A)
        return values.sum(-1) * values.reciprocal().sum(-1)
    inverse, info = inv_ex(A)
    inverse = inverse.masked_fill((info != 0).unsqueeze(-1).unsqueeze(-1), float("inf"))
    return (matrix_norm(A, p) * matrix_norm(inverse, p)).nan_to_num(float("inf"), float("inf"), -float("inf"))


def _check_cond_square(A: Tensor, p: Any) -> None:
    m, n = A._array.shape[-2:]
    if m != n:
        name = {float("inf"): "inf", -float("inf"): "-inf"}.get(p, p)
        raise RuntimeError(
            f"linalg.cond(ord={name}): A must be batches of square matrices, but they are {m} by {n} matrices"
        )


def _singular_ratio(A: Tensor, sign: int) -> Tensor:
    values = svdvals(A)
    count = values._array.shape[-1]
    largest, smallest = values.narrow(-1, 0, 1), values.narrow(-1, count - 1, 1)
    return (largest / smallest if sign > 0 else smallest / largest).squeeze(-1)
