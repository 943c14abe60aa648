"""Distances between points. Source: torch.cdist, nn.functional.pdist, pairwise_distance, cosine_similarity."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .._dtypes import SCALAR_NAMES
from .._modes import no_grad
from .._op import PUBLIC, op, public
from .._support import derivative_missing, no_forward
from .._tensor import Tensor
from .linalg_matmul import broadcast_shape
from .linalg_matrix import check_implemented, check_scalar_type
from .norm import vector_norm, vector_norm_jvp


def _lengths(difference: np.ndarray, p: float) -> np.ndarray:
    """The p-norms over the last dimension."""
    size = np.abs(difference)
    if p == 0:
        return (size != 0).sum(-1).astype(size.dtype)
    if p == 1:
        return size.sum(-1)
    if p == 2:
        return np.sqrt((size * size).sum(-1))
    if np.isinf(p):
        return size.max(-1, initial=0)
    return np.power(np.power(size, p).sum(-1), 1 / p)


def _cdist(x1: np.ndarray, x2: np.ndarray, p: float) -> np.ndarray:
    return np.ascontiguousarray(_lengths(x1[..., :, None, :] - x2[..., None, :, :], p))


def _slopes(g: np.ndarray, difference: np.ndarray, length: np.ndarray, p: float) -> np.ndarray:
    """The cotangent of differences from that of their p-norms; zero where a norm is zero."""
    if p == 0:
        return np.zeros_like(difference)
    size, column, norm = np.abs(difference), g[..., None], length[..., None]
    if p == 1:
        return column * np.sign(difference)
    if np.isinf(p):
        return np.where(size == norm, column * np.sign(difference), 0)
    safe = np.where(norm == 0, 1, norm)
    if p == 2:
        return np.where(norm == 0, 0, column / safe) * difference
    flat = (norm == 0) | (size == 0) if p < 2 else norm == 0
    ratio = np.power(np.where(flat, 1, size) / safe, p - 1)
    return np.where(flat, 0, column * ratio) * np.where(difference < 0, -1, 1)


def _cdist_back(g: np.ndarray, x1: np.ndarray, x2: np.ndarray, cdist: np.ndarray, p: float) -> np.ndarray:
    """The cotangent of x1; that of x2 is the mirror's."""
    slopes = _slopes(g, x1[..., :, None, :] - x2[..., None, :, :], cdist, p)
    return np.add.reduce(slopes, -2).astype(g.dtype, copy=False)


_once = {name: derivative_missing(f"_{name}") for name in ("cdist_backward", "pdist_backward")}
op(
    "cdist_backward(grad, x1, x2, cdist, *, p)", _cdist_back, public=False, jvp=no_forward("_cdist_backward"),
    **dict.fromkeys(("grad", "x1", "x2", "cdist"), _once["cdist_backward"]),
)  # fmt: skip


def _cdist_pull(g: Any, F: Any, x1: Any, x2: Any, result: Any, p: float, needs: Any) -> Any:
    first = F.cdist_backward(g, x1, x2, result, p) if needs[0] else None
    return first, F.cdist_backward(F.mT(g), x2, x1, F.mT(result), p) if needs[1] else None


cdist_row = op("cdist_forward(x1, x2, *, p) -> result", _cdist, node="cdist", public=False, gradients=_cdist_pull)


def _euclidean(x1: np.ndarray, x2: np.ndarray) -> np.ndarray:
    """|x|² + |y|² - 2x·y by one matrix product, rounded up to zero."""
    square = (x1 * x1).sum(-1)[..., :, None] + (x2 * x2).sum(-1)[..., None, :] - 2 * (x1 @ np.swapaxes(x2, -1, -2))
    return np.ascontiguousarray(np.sqrt(np.maximum(square, 0)))


def _euclidean_pull(g: Any, F: Any, x1: Any, x2: Any, result: Any, needs: Any) -> Any:
    """With w = g over the distance (0 at 0): x1·Σw - w·x2, and its mirror."""
    w = F.where(result == 0, 0, g / F.where(result == 0, 1, result))
    first = x1 * F.column(F.sum_columns(w)) - F.matmul(w, x2) if needs[0] else None
    second = x2 * F.column(F.sum_columns(F.mT(w))) - F.matmul(F.mT(w), x1) if needs[1] else None
    return first, second


euclidean_row = op("euclidean_dist(x1, x2) -> result", _euclidean, public=False, gradients=_euclidean_pull)

MODES = ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist")


@public(method=False)
def cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str | None = MODES[0]) -> Tensor:
    """The p-norm distances of every row of x1 to every row of x2. Source: torch.cdist.
    Trap: above 25 rows, Euclidean distances come from a matrix product and lose digits near zero."""
    if compute_mode not in (*MODES, None):
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")
    for name, x in (("X1", x1), ("X2", x2)):
        if not x.is_floating_point():
            raise RuntimeError(f"cdist only supports floating-point dtypes, {name} got: {SCALAR_NAMES[x.dtype]}")
    for name, x in (("X1", x1), ("X2", x2)):
        if x.ndim < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, {name} got: {x.ndim}D")
    a, b = x1._array.shape, x2._array.shape
    if a[-1] != b[-1]:
        raise RuntimeError(f"X1 and X2 must have the same number of columns. X1: {a[-1]} X2: {b[-1]}")
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    batch = broadcast_shape(a[:-2], b[:-2])
    by_product = compute_mode == MODES[1] or (compute_mode in (MODES[0], None) and (a[-2] > 25 or b[-2] > 25))
    check_scalar_type(x1, x2)
    check_implemented(x1, "cdist")
    if p == 2 and by_product and x1._array.size and x2._array.size:
        return euclidean_row(x1, x2).view(*batch, a[-2], b[-2])
    return cdist_row(x1, x2, float(p))


def _pdist(x: np.ndarray, p: float) -> np.ndarray:
    i, j = np.triu_indices(x.shape[0], 1)
    return _lengths(x[i] - x[j], p)


def _pdist_back(g: np.ndarray, x: np.ndarray, pdist: np.ndarray, p: float) -> np.ndarray:
    i, j = np.triu_indices(x.shape[0], 1)
    slopes, made = _slopes(g, x[i] - x[j], pdist, p), np.zeros_like(x)
    np.add.at(made, i, slopes)
    np.subtract.at(made, j, slopes)
    return made


op(
    "pdist_backward(grad, self, pdist, *, p)", _pdist_back, public=False, jvp=no_forward("_pdist_backward"),
    **dict.fromkeys(("grad", "self", "pdist"), _once["pdist_backward"]),
)  # fmt: skip


def _pdist_pull(g: Any, F: Any, self: Any, result: Any, p: float) -> Any:
    return F.pdist_backward(g, self, result, p)


pdist_row = op("pdist_forward(self, *, p) -> result", _pdist, node="pdist", public=False, self=_pdist_pull)


@public("nn.functional.pdist", method=False)
def pdist(input: Tensor, p: float = 2) -> Tensor:
    """The p-norm distances of every pair of rows, (n·(n-1)/2). Source: torch.nn.functional.pdist."""
    if input.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.ndim}D")
    if not input.is_floating_point():
        raise RuntimeError("pdist only supports floating-point dtypes")
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    check_implemented(input, "pdist")
    return pdist_row(input.contiguous(), float(p))


@public("pdist", method=False)
def pdist_(input: Tensor, p: float = 2) -> Tensor:
    """nn.functional.pdist. Source: torch.pdist."""
    return pdist(input, p)


norm_row = op(
    "norm_dims(self, *, ord, dim, keepdim)", vector_norm, node="norm", overload=1, public=False,
    self=lambda g, F, self, out, ord, dim, keepdim: F.vector_norm_vjp(g, self, out, ord, dim, keepdim),
    jvp=lambda F, x, t, attributes, out: vector_norm_jvp(F, x[0], t[0], out[0], *attributes),
)  # fmt: skip


def _pairwise(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    difference = x1 - x2 + eps
    if p == 0:
        return PUBLIC["norm"](difference, p, (difference.ndim - 1,), keepdim)
    return norm_row(difference, float(p), (difference.ndim - 1,), keepdim)


@public("nn.functional.pairwise_distance", method=False)
def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The p-norm of x1 - x2 + eps over the last dimension. Source: torch.nn.functional.pairwise_distance."""
    return _pairwise(x1, x2, p, eps, keepdim)


@public("pairwise_distance", method=False)
def pairwise_distance_(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """nn.functional.pairwise_distance. Source: torch.pairwise_distance."""
    return _pairwise(x1, x2, p, eps, keepdim)


def _similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    kind = dtypes.result_dtype([x1.dtype, x2.dtype], (), ())
    if kind.category != dtypes.FLOAT:
        raise RuntimeError(f"expected common dtype to be floating point, yet common dtype is {SCALAR_NAMES[kind]}")
    shape = broadcast_shape(x1._array.shape, x2._array.shape)
    sides = [x if x._array.shape == shape else x.expand(*shape) for x in (x1.to(kind), x2.to(kind))]
    return (_unit(sides[0], dim, eps) * _unit(sides[1], dim, eps)).sum(dim)


def _unit(x: Tensor, dim: int, eps: float) -> Tensor:
    """x over its length, at least eps; the bound is not seen by the derivative."""
    length = PUBLIC["linalg.vector_norm"](x, 2, dim, True).clone()
    with no_grad():
        length.clamp_min_(eps)
    return x / length


@public("nn.functional.cosine_similarity", method=False)
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between vectors along a dimension. Source: torch.nn.functional.cosine_similarity."""
    return _similarity(x1, x2, dim, eps)


@public("cosine_similarity", method=False)
def cosine_similarity_(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """nn.functional.cosine_similarity. Source: torch.cosine_similarity."""
    return _similarity(x1, x2, dim, eps)
