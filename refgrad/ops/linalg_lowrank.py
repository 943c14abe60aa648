"""Singular values and vectors of matrices of low rank, from random projections.

A block of q random vectors, sent through A and back a few times, spans nearly the space of the q largest singular
values (Halko, Martinsson and Tropp 2009, algorithms 4.4 and 5.1); there a small decomposition is left to do.
"""

from __future__ import annotations

from typing import Any

from .._op import public
from .._tensor import Tensor
from .draws import randn
from .linalg_qr import qr
from .linalg_spectral import svd


def _basis(A: Any, q: int, rounds: int) -> Any:
    """Orthonormal columns (…, m, q) that span nearly the range of A's largest singular values."""
    found = qr(A @ randn(A.shape[-1], q, dtype=A.dtype))[0]
    for _ in range(rounds):
        found = qr(A.mH @ found)[0]
        found = qr(A @ found)[0]
    return found


def _decompose(A: Any, q: int, rounds: int) -> tuple[Any, Any, Any]:
    """U, S, V of a matrix at least as tall as wide."""
    basis = _basis(A, q, rounds)
    U, S, Vh = svd(basis.mH @ A, full_matrices=False)
    return basis @ U, S, Vh.mH


def _of_any_proportion(A: Any, q: int, rounds: int) -> tuple[Any, Any, Any]:
    if A.shape[-2] >= A.shape[-1]:
        return _decompose(A, q, rounds)
    V, S, U = _decompose(A.mH, q, rounds)
    return U, S, V


@public("svd_lowrank", method=False)
def svd_lowrank(A: Any, q: int | None = 6, niter: int | None = 2, M: Tensor | None = None) -> tuple[Any, Any, Any]:
    """U (…, m, q), S (…, q) and V (…, n, q) with A - M ≈ U·diag(S)·Vᴴ for the q largest singular values.
    Source: torch.svd_lowrank. Trap: random; seed the generator to repeat it."""
    rank, rounds = 6 if q is None else q, 2 if niter is None else niter
    return _of_any_proportion(A if M is None else A - M, rank, rounds)


@public("pca_lowrank", method=False)
def pca_lowrank(A: Any, q: int | None = None, center: bool = True, niter: int = 2) -> tuple[Any, Any, Any]:
    """Principal components: U, S and V of A, less the mean of its rows if `center`; q defaults to min(6, m, n).
    Source: torch.pca_lowrank. Raises ValueError for q or niter outside its range."""
    least = min(A.shape[-2:])
    rank = min(6, least) if q is None else q
    if not 0 <= rank <= least:
        raise ValueError(f"q(={q}) must be non-negative integer and not greater than min(m, n)={least}")
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    return _of_any_proportion(A - A.mean(dim=(-2,), keepdim=True) if center else A, rank, niter)
