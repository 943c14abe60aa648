"""The QR factorization and Householder reflectors. Source: torch.linalg.qr, householder_product, torch.ormqr."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .._dtypes import SCALAR_NAMES
from .._interpreters import RAW, formula
from .._op import op, public
from .._tensor import Tensor
from ..return_types import named
from .linalg_matrix import check_floating, check_implemented, check_matrix


def _qr(a: np.ndarray, mode: str) -> tuple[np.ndarray, np.ndarray]:
    if mode == "r":
        return np.empty(0, a.dtype), np.linalg.qr(a, "r")
    return np.linalg.qr(a, mode)


def _check_differentiable(mode: str, m: int, n: int) -> None:
    if mode == "r":
        raise RuntimeError(
            "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use linalg.qr(A, "
            "mode='reduced') if you are going to differentiate through linalg.qr."
        )
    if mode == "complete" and m > n:
        raise RuntimeError("The QR decomposition is not differentiable when mode='complete' and nrows > ncols.")


@formula
def _square_qr_pull(F: Any, gQ: Any, gR: Any, Q: Any, R: Any) -> Any:
    """(G_Q + Q·sym(G_R·Rᴴ - QᴴG_Q))R⁻ᴴ for square R, where sym mirrors the upper triangle."""
    inner = None if gR is None else F.matmul(gR, F.mH(R))
    if gQ is not None:
        part = F.matmul(F.mH(Q), gQ)
        inner = -part if inner is None else inner - part
    above = F.upper_part(inner, 1)
    diagonal = F.diagonal_matrix(F.diagonal_of(inner))
    found = F.matmul(Q, above + F.mH(above) + (diagonal + F.mH(diagonal)) * 0.5)
    if gQ is not None:
        found = found + gQ
    return F.linalg_solve_triangular(F.mH(R), found, False, False, False)


def _qr_pull(g_Q: Any, g_R: Any, F: Any, Q: Any, R: Any, mode: str) -> Any:
    """The cotangent of A; the columns beyond a square are QᴴA₂, which gives Q a share."""
    m, n = (R if mode == "r" else Q).shape[-2], R.shape[-1]
    _check_differentiable(mode, m, n)
    if m >= n:
        return F._square_qr_pull(g_Q, g_R, Q, R)
    if g_R is None:
        first = F._square_qr_pull(g_Q, None, Q, R[..., :m])
        return F.join([first, F.zeros((*R.shape[:-1], n - m), F.array_dtype(R))], -1)
    rest = g_R[..., m:]
    share = F.matmul(Q, F.matmul(R[..., m:], F.mH(rest)))
    first = F._square_qr_pull(share if g_Q is None else g_Q + share, g_R[..., :m], Q, R[..., :m])
    return F.join([first, F.matmul(Q, rest)], -1)


qr_row = op("linalg_qr(A, *, mode) -> Q, R", _qr, public=False, columns=(0, 1), A=_qr_pull)


@public("linalg.qr", method=False)
def qr(A: Tensor, mode: str = "reduced", *, out: Any = None) -> Any:
    """Q with orthonormal columns and upper triangular R; mode 'complete' gives a square Q, 'r' an empty one.
    Source: torch.linalg.qr. Trap: not differentiable in mode 'r', nor in 'complete' for tall matrices."""
    check_matrix(A, "linalg.qr")
    check_floating(A, "linalg.qr")
    if mode not in ("reduced", "r", "complete"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or 'complete'"
        )
    check_implemented(A, "geqrf_cpu")
    return named("linalg_qr", "Q", "R")(*qr_row(A, mode))


def _reflect(F: Any, v: Any, tau: Any, c: Any) -> Any:
    """(1 - τ·v·vᴴ)c; v is (…, m, 1), τ is (…, 1, 1)."""
    return c - tau * F.matmul(v, F.matmul(F.mH(v), c))


@formula
def reflectors(F: Any, a: Any, tau: Any) -> Any:
    """The vectors below the diagonal, with their implied ones, and the factors, each as a list."""
    k = tau.shape[-1]
    v = F.unit_lower(a)
    scalars = F.column(F.column(tau))
    return [v[..., i : i + 1] for i in range(k)], [scalars[..., i, :, :] for i in range(k)]


@formula
def apply_reflectors(F: Any, a: Any, tau: Any, c: Any, adjoint: bool) -> Any:
    """Q·c, or Qᴴ·c, of Q = H₁·…·H_k."""
    vectors, factors = F.reflectors(a, tau)
    for i in _sequence(len(vectors), adjoint):
        c = _reflect(F, vectors[i], F.conj(factors[i]) if adjoint else factors[i], c)
    return c


def _sequence(k: int, adjoint: bool) -> Iterable[int]:
    """The order in which reflectors act."""
    return range(k) if adjoint else reversed(range(k))


@formula
def reflectors_pull(F: Any, g: Any, a: Any, tau: Any, c: Any, adjoint: bool) -> Any:
    """The cotangents of the matrix of vectors, of the factors and of c, from that of Q·c (Qᴴ·c)."""
    vectors, factors = F.reflectors(a, tau)
    factors = [F.conj(t) for t in factors] if adjoint else factors
    order, states = list(_sequence(len(vectors), adjoint)), []
    for i in order:
        states.append(c)
        c = _reflect(F, vectors[i], factors[i], c)
    of_vectors, of_factors = [None] * len(vectors), [None] * len(vectors)
    for i, before in zip(reversed(order), reversed(states)):
        v, t = vectors[i], factors[i]
        forward = F.matmul(g, F.matmul(F.mH(before), v))
        backward = F.matmul(before, F.matmul(F.mH(g), v))
        of_vectors[i] = -(F.conj(t) * forward + t * backward)
        of_factors[i] = -F.matmul(F.mH(v), forward)
        g = _reflect(F, v, F.conj(t), g)
    return _assembled(F, of_vectors, a), _scalars(F, of_factors, tau, adjoint), g


def _assembled(F: Any, found: list[Any], a: Any) -> Any:
    missing = a.shape[-1] - len(found)
    if not found:
        return F.zeros(a.shape, F.array_dtype(a))
    if missing:
        found = [*found, F.zeros((*a.shape[:-1], missing), F.array_dtype(a))]
    return F.lower_part(F.join(found, -1) if len(found) > 1 else found[0], -1)


def _scalars(F: Any, found: list[Any], tau: Any, adjoint: bool) -> Any:
    if not found:
        return F.zeros(tau.shape, F.array_dtype(tau))
    joined = F.reshape(F.join(found, -1), tau.shape)
    return F.conj(joined) if adjoint else joined


def _householder(a: np.ndarray, tau: np.ndarray) -> np.ndarray:
    eye = np.broadcast_to(np.eye(*a.shape[-2:], dtype=a.dtype), a.shape)
    return RAW.apply_reflectors(a, tau, eye, False)


def _householder_pull(g: Any, F: Any, input: Any, tau: Any, result: Any, needs: Any) -> Any:
    """`result` is only saved, as in PyTorch."""
    if 0 in (*input.shape, *tau.shape):
        return None, None
    eye = F.constant(np.eye(*input.shape[-2:], dtype=F.array_dtype(input)))
    of_input, of_tau, _ = F.reflectors_pull(g, input, tau, eye, False)
    return F.attached_to(of_input, input, tau), F.attached_to(of_tau, input, tau)


householder_row = op(
    "linalg_householder_product(input, tau) -> result", _householder, public=False, gradients=_householder_pull,
    columns=(0,),
)  # fmt: skip


def _check_reflectors(input: Tensor, tau: Tensor, where: str) -> None:
    check_batch = tau._array.shape[:-1]
    if check_batch != input._array.shape[:-2]:
        raise RuntimeError(
            f"{where}: Expected batch dimensions of tau to be equal to input.shape[:-2], but got {list(check_batch)}"
        )
    if tau.dtype is not input.dtype:
        raise RuntimeError(
            f"{where}: tau dtype {SCALAR_NAMES[tau.dtype]} does not match input dtype {SCALAR_NAMES[input.dtype]}"
        )


@public("linalg.householder_product", method=False)
def householder_product(A: Tensor, tau: Tensor, *, out: Any = None) -> Tensor:
    """The first columns of the product of reflectors 1 - τ·v·vᴴ, v below A's diagonal.
    Source: torch.linalg.householder_product."""
    where = "torch.linalg.householder_product"
    if A.ndim < 2:
        raise RuntimeError(f"{where}: input must have at least 2 dimensions.")
    m, n = A._array.shape[-2:]
    if m < n:
        raise RuntimeError(f"{where}: input.shape[-2] must be greater than or equal to input.shape[-1]")
    if n < tau._array.shape[-1]:
        raise RuntimeError(f"{where}: input.shape[-1] must be greater than or equal to tau.shape[-1]")
    _check_reflectors(A, tau, where)
    check_implemented(A, "orgqr_cpu")
    return householder_row(A, tau)


@public("orgqr")
def orgqr(input: Tensor, tau: Tensor) -> Tensor:
    """linalg.householder_product. Source: torch.orgqr."""
    return householder_product(input, tau)


def _ormqr(a: np.ndarray, tau: np.ndarray, c: np.ndarray, left: bool, transpose: bool) -> np.ndarray:
    if left:
        return RAW.apply_reflectors(a, tau, c, transpose)
    return RAW.mH(RAW.apply_reflectors(a, tau, RAW.mH(c), not transpose))


def _ormqr_pull(
    g: Any, F: Any, self: Any, input2: Any, input3: Any, result: Any, left: bool, transpose: bool
) -> Any:  # fmt: skip
    """`result` is only saved, as in PyTorch."""
    if left:
        found = F.reflectors_pull(g, self, input2, input3, transpose)
    else:
        *factors, other = F.reflectors_pull(F.mH(g), self, input2, F.mH(input3), not transpose)
        found = (*factors, F.mH(other))
    return (None, None, found[2]) if 0 in (*self.shape, *input2.shape) else found


ormqr_row = op(
    "ormqr(self, input2, input3, *, left, transpose) -> result",
    _ormqr,
    public=False,
    gradients=_ormqr_pull,
    columns=(0,),
)


@public("ormqr")
def ormqr(
    input: Tensor, tau: Tensor, other: Tensor, left: bool = True, transpose: bool = False, *, out: Any = None
) -> Tensor:
    """Q·other (other·Q for left=False, Qᴴ for transpose) with the square Q of reflectors. Source: torch.ormqr."""
    if input.ndim < 2 or other.ndim < 2:
        raise RuntimeError(f"torch.ormqr: {'input' if input.ndim < 2 else 'other'} must have at least 2 dimensions.")
    side = -2 if left else -1
    rows, k = input._array.shape[-2:]
    size = other._array.shape[side]
    if size == rows and tau._array.shape[-1] != min(size, k):
        raise RuntimeError(f"torch.ormqr: tau.shape[-1] must be equal to min(other.shape[{side}], input.shape[-1])")
    if size != rows:
        raise RuntimeError(f"torch.ormqr: other.shape[{side}] must be equal to input.shape[-2]")
    _check_reflectors(input, tau, "torch.ormqr")
    check_implemented(input, "ormqr_cpu")
    return ormqr_row(input, tau, other, left, transpose)
