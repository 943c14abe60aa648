"""Singular values, eigenvalues and their vectors. Source: torch.linalg.svd, eigh, eig and what returns part of them.

Derivatives of vectors exist where the values are distinct; for complex input only for functions that do not depend on
the vectors' phases, which is checked.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .._interpreters import LIVE, NARROW, RAW, formula
from .._modes import local
from .._op import op, public
from .._tensor import Tensor, resolved
from ..return_types import named
from .linalg_lapack import in_order
from .linalg_matrix import LinAlgError, check_floating, check_implemented, check_matrix, check_square

PHASES = {
    "svd": ("singular vectors", "this phase term, making it"),
    "eig": ("eigenvectors", "this quantity, so it is"),
}

for _space in (RAW, NARROW):
    _space.array_of = lambda a: a
LIVE.array_of = resolved


def _svd(a: np.ndarray, full_matrices: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    try:
        return np.linalg.svd(in_order(a), full_matrices)
    except np.linalg.LinAlgError:
        raise_not_finite(a)
        raise


def raise_not_finite(a: np.ndarray) -> None:
    """Raises LinAlgError for the first matrix with an entry that is not finite."""
    bad = np.flatnonzero(~np.isfinite(a).all((-2, -1)))
    if bad.size:
        place = f"(Batch element {bad[0]}): " if a.ndim > 2 else ""
        raise LinAlgError(
            f"linalg.svd: {place}The algorithm failed to converge because the input matrix contained non-finite values."
        )


@formula
def check_phase(F: Any, diagonal: Any, name: str, what: str) -> None:
    """Raises RuntimeError if a function of vectors depends on their phases: the imaginary part says how much."""
    found = np.imag(F.array_of(diagonal))
    if not np.allclose(found, 0, rtol=1e-2, atol=1e-2):
        vectors, this = PHASES[what]
        raise RuntimeError(
            f"{name}: The {vectors} in the complex case are specified up to multiplication by e^{{i phi}}. The "
            f"specified loss function depends on {this} ill-defined."
        )


@formula
def off_diagonal(F: Any, a: Any) -> Any:
    """Square matrices with zeros on their diagonals."""
    return F.where_mask(~np.eye(a.shape[-1], dtype=bool), a)


@formula
def differences(F: Any, values: Any) -> Any:
    """λⱼ - λᵢ at (i, j), with ones on the diagonal so that it can be divided by."""
    eye = np.eye(values.shape[-1], dtype=F.array_dtype(values))
    return F.row(values) - F.column(values) + F.constant(eye)


@formula
def svd_pull(F: Any, gU: Any, gS: Any, gVh: Any, U: Any, S: Any, Vh: Any) -> Any:
    """The cotangent of A from those of U, S and Vh, any of which may be None.

    With dP = UᴴdA·V: dS is its real diagonal, the vectors turn by dP's rest over differences of squares, and leave the
    space that they span by (1 - UUᴴ)dA·V/S.
    """
    k = S.shape[-1]
    U, gU = _first_columns(U, k), _first_columns(gU, k)
    Vh, gVh = _first_rows(Vh, k), _first_rows(gVh, k)
    if gU is None and gVh is None:
        return F.matmul(U * F.row(gS), Vh)
    inner = _turned(F, gU, gVh, U, S, Vh)
    if gS is not None:
        inner = inner + F.diagonal_matrix(gS)
    found = F.matmul(U, inner)
    if gU is not None and U.shape[-2] > k:
        found = found + (gU - F.matmul(U, F.matmul(F.mH(U), gU))) / F.row(S)
    found = F.matmul(found, Vh)
    if gVh is not None and Vh.shape[-1] > k:
        found = found + F.matmul(U / F.row(S), gVh - F.matmul(F.matmul(gVh, F.mH(Vh)), Vh))
    return found


def _turned(F: Any, gU: Any, gVh: Any, U: Any, S: Any, Vh: Any) -> Any:
    """The part of the cotangent, between U and Vh, that turns the vectors."""
    left = None if gU is None else F.skew_part(F.matmul(F.mH(U), gU))
    right = None if gVh is None else F.skew_part(F.matmul(Vh, F.mH(gVh)))
    squares = _square_differences(F, S)
    inner = None if left is None else F.off_diagonal(left) / squares * F.row(S)
    if right is not None:
        part = F.column(S) * (F.off_diagonal(right) / squares)
        inner = part if inner is None else inner + part
    if F.is_complex(U):
        diagonals = [F.diagonal_of(x) for x in (left, right) if x is not None]
        F.check_phase(diagonals[0] if len(diagonals) == 1 else diagonals[0] + diagonals[1], "svd_backward", "svd")
        if left is not None:
            inner = inner + F.diagonal_matrix(diagonals[0] / (S * 2))
    return inner


def _square_differences(F: Any, S: Any) -> Any:
    """Sⱼ² - Sᵢ² at (i, j) as a product, exact where the values are close; ones on the diagonal."""
    eye = F.constant(np.eye(S.shape[-1], dtype=F.array_dtype(S)))
    return (F.row(S) - F.column(S)) * (F.row(S) + F.column(S)) + eye


def _first_columns(a: Any, k: int) -> Any:
    return a if a is None or a.shape[-1] == k else a[..., :k]


def _first_rows(a: Any, k: int) -> Any:
    return a if a is None or a.shape[-2] == k else a[..., :k, :]


svd_row = op(
    "linalg_svd(A, *, full_matrices) -> U, S, Vh", _svd, public=False, columns=(0, 2),
    A=lambda g_U, g_S, g_Vh, F, U, S, Vh: F.svd_pull(g_U, g_S, g_Vh, U, S, Vh),
)  # fmt: skip


def _svd_values(a: np.ndarray) -> np.ndarray:
    try:
        return np.linalg.svd(in_order(a), compute_uv=False)
    except np.linalg.LinAlgError:
        raise_not_finite(a)
        raise


svdvals_row = op("svd_values(A) -> S!", _svd_values, public=False)


def _check_svd(A: Tensor, driver: Any) -> None:
    check_matrix(A, "linalg.svd")
    check_floating(A, "linalg.svd")
    check_implemented(A, "linalg_svd_cpu")
    if driver is not None:
        raise RuntimeError(
            "torch.linalg.svd: keyword argument `driver=` is only supported on CUDA inputs with cuSOLVER backend."
        )


def is_recorded(t: Tensor) -> bool:
    """Whether a derivative of the result may be asked for, so that what it needs must be computed."""
    return (local.me.grad and t.requires_grad) or bool(t._flags & ~7) or not local.me.plain


@public("linalg.svd", method=False)
def svd(A: Tensor, full_matrices: bool = True, *, driver: Any = None, out: Any = None) -> Any:
    """U, S and Vh with A = U·diag(S)·Vh; U (m, m) and Vh (n, n), or their first min(m, n) vectors.
    Source: torch.linalg.svd. Trap: gradients through U and Vh blow up where singular values are close."""
    _check_svd(A, driver)
    return named("linalg_svd", "U", "S", "Vh")(*svd_row(A, full_matrices))


@public("linalg.svdvals", method=False)
def svdvals(A: Tensor, *, driver: Any = None, out: Any = None) -> Tensor:
    """The singular values, descending. Source: torch.linalg.svdvals."""
    _check_svd(A, driver)
    return svd_row(A, False)[1] if is_recorded(A) else svdvals_row(A)


def _eigh(a: np.ndarray, UPLO: str) -> tuple[np.ndarray, np.ndarray]:
    return np.linalg.eigh(in_order(a), UPLO)


def _eigh_values(a: np.ndarray, UPLO: str) -> np.ndarray:
    return np.linalg.eigvalsh(in_order(a), UPLO)


def _eigh_pull(g_eigenvalues: Any, g_eigenvectors: Any, F: Any, eigenvalues: Any, eigenvectors: Any) -> Any:
    """V(diag(g) + ½(VᴴG - GᴴV) over λⱼ - λᵢ)Vᴴ, which is Hermitian, as A is taken to be."""
    V, g = eigenvectors, g_eigenvectors
    if g is None:
        return F.matmul(V * F.row(g_eigenvalues), F.mH(V))
    inner = F.matmul(F.mH(V), g)
    if F.is_complex(V):
        F.check_phase(F.diagonal_of(inner), "linalg_eigh_backward", "eig")
    inner = F.off_diagonal(F.skew_part(inner) * 0.5) / F.differences(eigenvalues)
    if g_eigenvalues is not None:
        inner = inner + F.diagonal_matrix(g_eigenvalues)
    return F.matmul(V, F.matmul(inner, F.mH(V)))


eigh_row = op("linalg_eigh(A, *, UPLO) -> eigenvalues, eigenvectors", _eigh, public=False, columns=(1,), A=_eigh_pull)
eigvalsh_row = op("eigh_values(A, *, UPLO) -> eigenvalues!", _eigh_values, public=False)


def _check_eigh(A: Tensor, UPLO: str) -> str:
    check_square(A, "linalg.eigh")
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    check_implemented(A, "linalg_eigh_cpu")
    return UPLO.upper()


@public("linalg.eigh", method=False)
def eigh(A: Tensor, UPLO: str = "L", *, out: Any = None) -> Any:
    """Eigenvalues (real, ascending) and eigenvectors of Hermitian matrices; one triangle is read.
    Source: torch.linalg.eigh."""
    return named("linalg_eigh", "eigenvalues", "eigenvectors")(*eigh_row(A, _check_eigh(A, UPLO)))


@public("linalg.eigvalsh", method=False)
def eigvalsh(A: Tensor, UPLO: str = "L", *, out: Any = None) -> Tensor:
    """The eigenvalues of Hermitian matrices, ascending. Source: torch.linalg.eigvalsh."""
    UPLO = _check_eigh(A, UPLO)
    return eigh_row(A, UPLO)[0] if is_recorded(A) else eigvalsh_row(A, UPLO)


def _eig(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    values, vectors = np.linalg.eig(in_order(a))
    kind = np.result_type(a.dtype, np.complex64)
    return values.astype(kind), vectors.astype(kind)


def _eig_pull(g_eigenvalues: Any, g_eigenvectors: Any, F: Any, eigenvalues: Any, eigenvectors: Any) -> Any:
    """V⁻ᴴ(diag(g) + (VᴴG - VᴴV·Re diag(VᴴG)) over conj(λⱼ - λᵢ))Vᴴ: the vectors keep their norm."""
    V, g = eigenvectors, g_eigenvectors
    inner = None
    if g is not None:
        adjoint = F.matmul(F.mH(V), g)
        diagonal = F.diagonal_of(adjoint)
        F.check_phase(diagonal, "linalg_eig_backward", "eig")
        real = (diagonal + F.conj(diagonal)) * 0.5
        inner = adjoint - F.matmul(F.mH(V), V) * F.row(real)
        inner = F.off_diagonal(inner) / F.conj(F.differences(eigenvalues))
    if g_eigenvalues is not None:
        values = F.diagonal_matrix(g_eigenvalues)
        inner = values if inner is None else inner + values
    return F.solve_for(F.mH(V), F.matmul(inner, F.mH(V)), True, False)


eig_row = op("linalg_eig(self) -> eigenvalues, eigenvectors", _eig, public=False, columns=(1,), self=_eig_pull)


def _check_eig(A: Tensor, name: str) -> None:
    check_square(A, name)
    if A.dtype.category < dtypes.FLOAT:
        raise RuntimeError(f"Unknown Complex ScalarType for {dtypes.SCALAR_NAMES[A.dtype]}")
    check_implemented(A, "linalg_eig_out_cpu")
    if not np.isfinite(A._array).all():
        raise RuntimeError("torch.linalg.eig: input tensor should not contain infs or NaNs.")


@public("linalg.eig", method=False)
def eig(A: Tensor, *, out: Any = None) -> Any:
    """Complex eigenvalues and eigenvectors of norm 1. Source: torch.linalg.eig. Trap: the order is LAPACK's."""
    _check_eig(A, "linalg.eig")
    return named("linalg_eig", "eigenvalues", "eigenvectors")(*eig_row(A))


@public("linalg.eigvals", method=False)
def eigvals(A: Tensor, *, out: Any = None) -> Tensor:
    """The complex eigenvalues. Source: torch.linalg.eigvals."""
    _check_eig(A, "linalg.eig" if is_recorded(A) else "linalg.eigvals")
    return eig_row(A)[0]
