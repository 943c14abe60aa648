"""Determinants. Source: torch.linalg.det, slogdet, torch.logdet.

The derivative of det is the matrix of cofactors, which exists for every matrix. For invertible ones it is det·A⁻ᵀ; for
singular ones it is read off the singular value decomposition, as are its own derivatives. (PyTorch returns zeros for
singular matrices of rank n - 1, and NaN in second order.)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._interpreters import formula
from .._op import op, public
from .._tensor import Tensor, plain
from ..return_types import named
from . import linalg_lapack as lapack
from .compare import where_row
from .linalg_matrix import check_floating, check_implemented, check_square, check_tensor


def _bases(a: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """det(U)·det(Vh), conj(U), S and conj(Vh) of a singular value decomposition."""
    u, s, vh = np.linalg.svd(a)
    return (np.linalg.det(u) * np.linalg.det(vh))[..., None, None], np.conj(u), s, np.conj(vh)


def _others(values: np.ndarray) -> np.ndarray:
    """For each value the product of the others, without division."""
    n = values.shape[-1]
    ones = np.ones((*values.shape[:-1], 1), values.dtype)
    before = np.cumprod(np.concatenate([ones, values[..., : n - 1]], -1), -1)
    after = np.cumprod(np.concatenate([ones, values[..., :0:-1]], -1), -1)[..., ::-1]
    return before * after


def _pairs(values: np.ndarray) -> np.ndarray:
    """For each pair of different values the product of the others; zeros on the diagonal."""
    n = values.shape[-1]
    found = np.zeros((*values.shape, n), values.dtype)
    for i in range(n):
        rest = np.delete(values, i, -1)
        found[..., i, np.arange(n) != i] = _others(rest)
    return found


def _singular(a: np.ndarray) -> np.ndarray:
    """Which matrices have a zero pivot: of these, LAPACK has no inverse."""
    return lapack.lu(a)[2] != 0


def cofactors(a: np.ndarray) -> np.ndarray:
    """∂det/∂A: the signed minors of each entry."""
    if not a.size:
        return np.zeros(a.shape, a.dtype)
    try:
        return np.linalg.det(a)[..., None, None] * np.swapaxes(np.linalg.inv(a), -1, -2)
    except np.linalg.LinAlgError:
        found, bad = np.empty(a.shape, a.dtype), _singular(a)
        if not bad.all():
            found[~bad] = cofactors(a[~bad])
        sign, u, s, vh = _bases(a[bad])
        found[bad] = sign * ((u * _others(s)[..., None, :]) @ vh)
        return found


def cofactor_change(a: np.ndarray, t: np.ndarray) -> np.ndarray:
    """The derivative of the cofactors of A in direction T; symmetric, as det's second derivative is."""
    if not a.size:
        return np.zeros(np.broadcast_shapes(a.shape, t.shape), a.dtype)
    try:
        inverse = np.linalg.inv(a)
    except np.linalg.LinAlgError:
        a, t = np.broadcast_arrays(a, t)
        found, bad = np.empty(a.shape, np.result_type(a, t)), _singular(a)
        if not bad.all():
            found[~bad] = cofactor_change(a[~bad], t[~bad])
        found[bad] = _singular_change(a[bad], t[bad])
        return found
    part = inverse @ t
    trace = np.trace(part, axis1=-2, axis2=-1)[..., None, None]
    return np.linalg.det(a)[..., None, None] * np.swapaxes(trace * inverse - part @ inverse, -1, -2)


def _singular_change(a: np.ndarray, t: np.ndarray) -> np.ndarray:
    """In the bases of the singular vectors: Σ over other entries on the diagonal, minus the mirrored entry off it."""
    sign, u, s, vh = _bases(a)
    turned = np.swapaxes(u, -1, -2) @ t @ np.swapaxes(vh, -1, -2)
    pairs = _pairs(s)
    inner = -pairs * np.swapaxes(turned, -1, -2)
    diagonal = np.arange(s.shape[-1])
    inner[..., diagonal, diagonal] = (pairs @ turned[..., diagonal, diagonal][..., None])[..., 0]
    return sign * (u @ inner @ vh)


cofactor_row = op(
    "cofactor_matrix(A) -> result", cofactors, public=False,
    A=lambda g, F, A: F.conj(F.cofactor_change(A, F.conj(g))),
    jvp=lambda F, x, t, attributes, out: F.cofactor_change(x[0], t[0]),
)  # fmt: skip


@formula
def third_pull(F: Any, g: Any, a: Any, t: Any) -> Any:
    """The cotangent of A from that of the cofactors' change in direction T, for invertible A.

    With X = A⁻¹, p = XT and q = XH, det's second derivative is det·(tr p·tr q - tr pq); this is its derivative.
    """
    x, h = F.inverse(a), F.conj(g)
    p, q = F.matmul(x, t), F.matmul(x, h)
    pq, trace_p, trace_q = F.matmul(p, q), _trace(F, p), _trace(F, q)
    eye = F.constant(np.eye(a.shape[-1], dtype=F.array_dtype(a)))
    inner = (trace_p * trace_q - _trace(F, pq)) * eye - trace_p * q - trace_q * p + pq + F.matmul(q, p)
    return F.conj(F.column(F.column(F.linalg_det(a))) * F.mT(F.matmul(inner, x)))


def _trace(F: Any, a: Any) -> Any:
    return F.column(F.column(F.sum_columns(F.diagonal_of(a))))


op(
    "cofactor_change(A, T) -> result", cofactor_change, public=False,
    A=lambda g, F, A, T: F.third_pull(g, A, T), T=lambda g, F, A: F.conj(F.cofactor_change(A, F.conj(g))),
)  # fmt: skip


def _det_pull(g: Any, F: Any, A: Any, result: Any) -> Any:
    """g times the conjugated cofactors, which are constant for matrices of order 1."""
    if 0 in A.shape:
        return F.zeros(A.shape, F.array_dtype(A))
    g = F.column(F.column(g))
    return g if A.shape[-1] == 1 else g * F.conj(F.cofactor_matrix(A))


det_row = op(
    "linalg_det(A) -> result", lambda a: np.linalg.det(lapack.in_order(a)), public=False,
    A=_det_pull,
    jvp=lambda F, x, t, attributes, out: F.sum_columns(F.sum_columns(F.cofactor_matrix(x[0]) * t[0])),
)  # fmt: skip


def _slogdet(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    sign, logarithm = np.linalg.slogdet(lapack.in_order(a))
    return np.asarray(sign), np.asarray(logarithm)


def _slogdet_pull(g_sign: Any, g_logabsdet: Any, F: Any, A: Any, sign: Any) -> Any:
    """(g + i·Im(g_sign·conj(sign)))·A⁻ᴴ; the sign of a real matrix is locally constant."""
    factor = g_logabsdet
    if F.is_complex(A) and g_sign is not None:
        turned = g_sign * F.conj(sign)
        part = (turned - F.conj(turned)) * 0.5
        factor = part if factor is None else factor + part
    return None if factor is None else F.column(F.column(factor)) * F.mH(F.inverse(A))


def _slogdet_push(F: Any, x: Any, t: Any, attributes: Any, out: Any) -> Any:
    if not out[1].numel():
        sign, logarithm = (F.zeros_like(part.detach()) for part in out[:2])
        return [F.attached_to(sign, out[0]) if F.is_complex(x[0]) else sign, logarithm]
    change = _trace(F, F.solve_for(x[0], t[0], True, False))
    change = F.reshape(change, out[1].shape)
    if not F.is_complex(x[0]):
        return [F.zeros_like(out[0]), change]
    return [out[0] * ((change - F.conj(change)) * 0.5), F.cast((change + F.conj(change)) * 0.5, out[1]._array.dtype)]


slogdet_row = op(
    "linalg_slogdet(A) -> sign, logabsdet", _slogdet, public=False, A=_slogdet_pull, jvp=_slogdet_push
)  # fmt: skip


@public("linalg.det", method=False)
def det(A: Tensor, *, out: Any = None) -> Tensor:
    """The determinants of square matrices. Source: torch.linalg.det.
    Trap: at singular matrices the gradient is the matrix of cofactors, where PyTorch's is wrong."""
    _check(A, "linalg.det", "lu_cpu", True)
    return det_row(A)


@public("det")
def det_(input: Tensor) -> Tensor:
    """linalg.det. Source: torch.det."""
    return det(input)


def _check(A: Tensor, where: str, kernel: str, low: bool) -> None:
    check_tensor(where.replace(".", "_"), "A", 1, A)
    check_square(A, where)
    check_floating(A, where, low=low)
    check_implemented(A, kernel)


@public("linalg.slogdet", method=False)
def slogdet(A: Tensor, *, out: Any = None) -> Any:
    """The sign (or phase) of the determinants, and the logarithm of their size. Source: torch.linalg.slogdet."""
    _check(A, "linalg.slogdet", "lu_cpu", False)
    return named("linalg_slogdet", "sign", "logabsdet")(*slogdet_row(A))


@public("slogdet")
def slogdet_(input: Tensor) -> Any:
    """linalg.slogdet, with the same names. Source: torch.slogdet."""
    _check(input, "linalg.slogdet", "lu_cpu", False)
    return named("slogdet", "sign", "logabsdet")(*slogdet_row(input))


@public("logdet")
def logdet(input: Tensor) -> Tensor:
    """The logarithm of the determinants; NaN for a negative one, complex for complex input. Source: torch.logdet."""
    check_square(input, "logdet")
    check_floating(input, "logdet", low=False)
    sign, logarithm = slogdet_row(input)
    if input.is_complex():
        return sign.log() + logarithm
    nan = plain(np.asarray(np.nan, logarithm._array.dtype))
    return where_row(sign == -1, nan, logarithm)
