"""The older names of matrix functions, with PyTorch's deprecation warnings. Source: torch.svd, qr, cholesky, lu …"""

from __future__ import annotations

from typing import Any

from .. import _dtypes as dtypes
from .._layout import canonical
from .._once import warn_once
from .._op import PUBLIC, public
from .._tensor import Tensor
from ..return_types import named
from .linalg_cholesky import check_factored, cholesky_row
from .linalg_lu import lu_factor_ex, lu_solve
from .linalg_matrix import check_implemented
from .linalg_qr import qr
from .linalg_spectral import svd, svdvals

PLACE = "BatchLinearAlgebra.cpp"


@public("svd")
def legacy_svd(input: Tensor, some: bool = True, compute_uv: bool = True, *, out: Any = None) -> Any:
    """U, S and V (not its adjoint). Source: torch.svd. Trap: without compute_uv, U and V are zeros."""
    tuple_of = named("svd", "U", "S", "V")
    if compute_uv:
        u, s, vh = svd(input, full_matrices=not some)
        v = vh.transpose(-2, -1)
        return tuple_of(u, s, v.conj() if input.is_complex() else v)
    m, n = input._array.shape[-2:]
    batch, zeros = input._array.shape[:-2], PUBLIC["zeros"]
    u, v = zeros(*batch, m, m, dtype=input.dtype), zeros(*batch, n, n, dtype=input.dtype)
    return tuple_of(u.zero_(), svdvals(input), v.zero_().transpose(-2, -1))


@public("qr")
def legacy_qr(input: Tensor, some: bool = True, *, out: Any = None) -> Any:
    """linalg.qr, reduced or complete. Source: torch.qr."""
    warn_once(
        "torch.qr is deprecated in favor of torch.linalg.qr and will be removed in a future PyTorch release.\nThe "
        "boolean parameter 'some' has been replaced with a string parameter 'mode'.\nQ, R = torch.qr(A, some)\nshould "
        "be replaced with\nQ, R = torch.linalg.qr(A, 'reduced' if some else 'complete')",
        f"{PLACE}:2505",
    )
    return named("qr", "Q", "R")(*qr(input, "reduced" if some else "complete"))


@public("cholesky")
def legacy_cholesky(input: Tensor, upper: bool = False, *, out: Any = None) -> Tensor:
    """linalg.cholesky. Source: torch.cholesky."""
    warn_once(
        "torch.cholesky is deprecated in favor of torch.linalg.cholesky and will be removed in a future PyTorch "
        "release.\nL = torch.cholesky(A)\nshould be replaced with\nL = torch.linalg.cholesky(A)\nand\nU = "
        "torch.cholesky(A, upper=True)\nshould be replaced with\nU = torch.linalg.cholesky(A).mH\nThis transform will "
        "produce equivalent results for all valid (symmetric positive definite) inputs.",
        f"{PLACE}:1765",
    )
    if input.dtype.category >= dtypes.FLOAT and input.dtype not in (dtypes.float16, dtypes.bfloat16):
        check_factored(input, upper)
    check_implemented(input, "cholesky_cpu")
    made = cholesky_row(input, upper)
    if not made._array.size:
        made._array = canonical(made._array.copy())
    return made


@public("lu")
def legacy_lu(A: Tensor, pivot: bool = True, get_infos: bool = False, out: Any = None) -> Any:
    """The packed factorization and pivots, and where it failed for get_infos. Source: torch.lu."""
    warn_once(
        "torch.lu is deprecated in favor of torch.linalg.lu_factor / torch.linalg.lu_factor_ex and will be removed in "
        "a future PyTorch release.\nLU, pivots = torch.lu(A, compute_pivots)\nshould be replaced with\nLU, pivots = "
        "torch.linalg.lu_factor(A, compute_pivots)\nand\nLU, pivots, info = torch.lu(A, compute_pivots, get_infos=True)"
        "\nshould be replaced with\nLU, pivots, info = torch.linalg.lu_factor_ex(A, compute_pivots)",
        f"{PLACE}:2073",
    )
    packed, pivots, info = lu_factor_ex(A, pivot=pivot, check_errors=not get_infos)
    return (packed, pivots, info) if get_infos else (packed, pivots)


@public("lu_solve")
def legacy_lu_solve(b: Tensor, LU_data: Tensor, LU_pivots: Tensor, *, out: Any = None) -> Tensor:
    """linalg.lu_solve with the right-hand side first. Source: torch.lu_solve."""
    warn_once(
        "torch.lu_solve is deprecated in favor of torch.linalg.lu_solveand will be removed in a future PyTorch release."
        "\nNote that torch.linalg.lu_solve has its arguments reversed.\nX = torch.lu_solve(B, LU, pivots)\nshould be "
        "replaced with\nX = torch.linalg.lu_solve(LU, pivots, B)",
        f"{PLACE}:2230",
    )
    return lu_solve(LU_data, LU_pivots, b)
