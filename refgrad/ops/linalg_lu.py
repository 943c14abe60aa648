"""The LU factorization with partial pivoting, A = P·L·U. Source: torch.linalg.lu, lu_factor, lu_solve, lu_unpack."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from .. import _dtypes as dtypes
from .._dtypes import SCALAR_NAMES
from .._interpreters import LIVE, NARROW, RAW, formula
from .._layout import row_major
from .._op import op, public
from .._tensor import Tensor
from ..return_types import named
from . import linalg_lapack as lapack
from .linalg_matmul import broadcast_shape
from .linalg_matrix import check_floating, check_implemented, check_matrix, check_square, check_system

for _space in (RAW, NARROW):
    _space.permutation = lambda pivots, m, dtype: lapack.permutation_matrix(pivots, m, dtype)
    _space.array_dtype = lambda a: a.dtype
LIVE.permutation = lambda pivots, m, dtype: LIVE.constant(lapack.permutation_matrix(pivots._array, m, dtype))
LIVE.array_dtype = lambda t: t._array.dtype


def _lu(a: np.ndarray, pivot: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if not a.size:
        m, n = a.shape[-2:]
        k = min(m, n)
        p = np.broadcast_to(np.eye(m, dtype=a.dtype), (*a.shape[:-2], m, m)).copy()
        return p, np.zeros((*a.shape[:-1], k), a.dtype), np.zeros((*a.shape[:-2], k, n), a.dtype)
    p, low, up = scipy.linalg.lu(a, check_finite=False)
    return p.astype(a.dtype), np.ascontiguousarray(low), np.ascontiguousarray(up)


def _left(F: Any, a: Any, size: int) -> Any:
    return a if a.shape[-1] == size else a[..., :size]


def _top(F: Any, a: Any, size: int) -> Any:
    return a if a.shape[-2] == size else a[..., :size, :]


@formula
def lu_pull(F: Any, g_low: Any, g_up: Any, P: Any, low: Any, up: Any) -> Any:
    """The cotangent of A = P·L·U from those of L and U (either may be None).

    With X = L⁻¹PᵀdA·U⁻¹ for the leading square part: dL = L·(X below the diagonal), dU = (X on and above)·U; the rest
    of a tall L is A₂U⁻¹, and of a wide U is L⁻¹PᵀA₂. Written so that G_U, or G_L, stands for itself: it isn't
    multiplied by a factor and divided by it again.
    """
    k = low.shape[-1]
    if up.shape[-1] >= low.shape[-2]:
        found = _wide_pull(F, g_low, g_up, low, up, k)
        return F.matmul(P, F.linalg_solve_triangular(F.mH(low), found, True, True, True))
    return F.matmul(P, F.linalg_solve_triangular(F.mH(up), _tall_pull(F, g_low, g_up, low, up, k), False, False, False))


def _wide_pull(F: Any, g_low: Any, g_up: Any, low: Any, up: Any, k: int) -> Any:
    """G_U + [(LᴴG_L - G_U·Uᴴ below the diagonal)·U₁⁻ᴴ, 0]."""
    inner = None if g_low is None else F.matmul(F.mH(low), F.lower_part(g_low, -1))
    g_up = None if g_up is None else F.upper_part(g_up, 0)
    if g_up is not None:
        part = F.matmul(g_up, F.mH(up))
        inner = -part if inner is None else inner - part
    found = F.linalg_solve_triangular(F.mH(_left(F, up, k)), F.lower_part(inner, -1), False, False, False)
    if up.shape[-1] > k:
        found = F.join([found, F.zeros((*up.shape[:-1], up.shape[-1] - k), F.array_dtype(up))], -1)
    return found if g_up is None else found + g_up


def _tall_pull(F: Any, g_low: Any, g_up: Any, low: Any, up: Any, k: int) -> Any:
    """G_L + [L₁⁻ᴴ·(G_U·Uᴴ - LᴴG_L on and above the diagonal), 0]."""
    inner = None if g_up is None else F.matmul(F.upper_part(g_up, 0), F.mH(up))
    g_low = None if g_low is None else F.lower_part(g_low, -1)
    if g_low is not None:
        part = F.matmul(F.mH(low), g_low)
        inner = -part if inner is None else inner - part
    found = F.linalg_solve_triangular(F.mH(_top(F, low, k)), F.upper_part(inner, 0), True, True, True)
    found = F.join([found, F.zeros((*low.shape[:-2], low.shape[-2] - k, k), F.array_dtype(low))], -2)
    return found if g_low is None else found + g_low


def _join(arrays: list[Any], dim: int) -> np.ndarray:
    return np.concatenate(arrays, dim)


def _parts(F: Any, g: Any, parts: list[Any], dim: int) -> list[Any]:
    """The cotangent of a concatenation, cut up."""
    found, at = [], 0
    for part in parts:
        stop = at + part.shape[dim]
        found.append(g[..., at:stop] if dim == -1 else g[..., at:stop, :])
        at = stop
    return found


op(
    "join(tensors[], *, dim)", _join, public=False, exact=True, jvp="linear",
    tensors=lambda g, F, tensors_meta, dim: _parts(F, g, tensors_meta, dim),
)  # fmt: skip

lu_row = op(
    "linalg_lu(A, *, pivot) -> P!, L, U", _lu, public=False, layout=row_major,
    A=lambda g_L, g_U, F, P, L, U: F.lu_pull(g_L, g_U, P, L, U),
)  # fmt: skip


def _lu_factor(a: np.ndarray, pivot: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return lapack.lu(a)


@formula
def unit_lower(F: Any, packed: Any) -> Any:
    """L of a packed factorization."""
    m, n = packed.shape[-2:]
    eye = np.eye(m, min(m, n), dtype=F.array_dtype(packed))
    return F.lower_part(_left(F, packed, min(m, n)), -1) + F.constant(eye)


@formula
def packed_upper(F: Any, packed: Any) -> Any:
    """U of a packed factorization."""
    return F.upper_part(_top(F, packed, min(packed.shape[-2:])), 0)


@formula
def packed_pull(F: Any, g: Any, packed: Any, pivots: Any) -> Any:
    """The cotangent of A from that of its packed factorization."""
    k = min(packed.shape[-2:])
    g_low, g_up = F.lower_part(_left(F, g, k), -1), F.upper_part(_top(F, g, k), 0)
    P = F.permutation(pivots, packed.shape[-2], F.array_dtype(packed))
    return F.lu_pull(g_low, g_up, P, F.unit_lower(packed), F.packed_upper(packed))


lu_factor_ex_row = op(
    "linalg_lu_factor_ex(A, *, pivot) -> LU, pivots!, info!", _lu_factor, public=False, columns=(0,),
    A=lambda g_LU, F, LU, pivots: F.packed_pull(g_LU, LU, pivots),
)  # fmt: skip


def _check_lu(A: Tensor, where: str, pivot: bool) -> None:
    if A.ndim < 2:
        raise RuntimeError(
            f"{where}: Expected tensor with 2 or more dimensions. Got size: {list(A._array.shape)} instead"
        )
    if not pivot:
        raise RuntimeError("linalg.lu_factor: LU without pivoting is not implemented on the CPU")
    check_implemented(A, "lu_cpu")


@public("linalg.lu", method=False)
def lu(A: Tensor, *, pivot: bool = True, out: Any = None) -> Any:
    """P, L and U with A = P·L·U. Source: torch.linalg.lu."""
    _check_lu(A, "linalg.lu", pivot)
    return named("linalg_lu", "P", "L", "U")(*lu_row(A, pivot))


@public("linalg.lu_factor_ex", method=False)
def lu_factor_ex(A: Tensor, *, pivot: bool = True, check_errors: bool = False, out: Any = None) -> Any:
    """L and U in one matrix, pivots from 1, and where U's diagonal has a zero. Source: torch.linalg.lu_factor_ex."""
    _check_lu(A, "torch.lu_factor", pivot)
    found = lu_factor_ex_row(A, pivot)
    if check_errors:
        _check_info(found[2]._array)
    return named("linalg_lu_factor_ex", "LU", "pivots", "info")(*found)


def _check_info(info: np.ndarray) -> None:
    bad = np.flatnonzero(info)
    if bad.size:
        place = f"(Batch element {bad[0]}): " if info.ndim else ""
        k = int(info.ravel()[bad[0]])
        raise RuntimeError(
            f"torch.linalg.lu_factor: {place}U[{k},{k}] is zero and using it on lu_solve would result in a division by "
            "zero. If you still want to perform the factorization, consider calling linalg.lu(A, pivot) or "
            "linalg.lu_factor_ex(A, pivot)"
        )


@public("linalg.lu_factor", method=False)
def lu_factor(A: Tensor, *, pivot: bool = True, out: Any = None) -> Any:
    """L and U in one matrix, and pivots from 1. Raises RuntimeError where U is singular.
    Source: torch.linalg.lu_factor."""
    packed, pivots, _ = lu_factor_ex(A, pivot=pivot, check_errors=True)
    return named("linalg_lu_factor", "LU", "pivots")(packed, pivots)


def _unpack(
    packed: np.ndarray, pivots: np.ndarray, unpack_data: bool, unpack_pivots: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    nothing = np.empty(0, packed.dtype)
    p = lapack.permutation_matrix(pivots, packed.shape[-2], packed.dtype) if unpack_pivots else nothing
    p = np.array(p, order="C")
    if not unpack_data:
        return p, nothing, nothing.copy()
    return p, np.ascontiguousarray(RAW.unit_lower(packed)), np.ascontiguousarray(RAW.packed_upper(packed))


def _unpack_pull(g_L: Any, g_U: Any, F: Any, LU_data_meta: Any, unpack_data: bool) -> Any:
    if not unpack_data:
        raise RuntimeError("triu: input tensor must have at least 2 dimensions")
    m, n = LU_data_meta.shape[-2:]
    k, found = min(m, n), None
    if g_L is not None:
        found = F.lower_part(g_L, -1)
        if n > k:
            found = F.join([found, F.zeros((*LU_data_meta.shape[:-1], n - k), LU_data_meta.dtype)], -1)
    if g_U is not None:
        part = F.upper_part(g_U, 0)
        if m > k:
            part = F.join([part, F.zeros((*LU_data_meta.shape[:-2], m - k, n), LU_data_meta.dtype)], -2)
        found = part if found is None else found + part
    return found


def _unpack_push(F: Any, x: Any, t: Any, attributes: Any, out: Any) -> Any:
    """What lies below the diagonal, without L's ones, and what lies above."""
    if not attributes[0]:
        return [None, None, None]
    k = min(t[0].shape[-2:])
    return [None, F.lower_part(t[0][..., :k], -1), F.upper_part(t[0][..., :k, :], 0)]


lu_unpack_row = op(
    "lu_unpack(LU_data, LU_pivots!, *, unpack_data, unpack_pivots) -> P!, L, U", _unpack, public=False,
    jvp=_unpack_push,
    LU_data=_unpack_pull,
)  # fmt: skip


@public("lu_unpack", method=False)
def lu_unpack(LU_data: Tensor, LU_pivots: Tensor, unpack_data: bool = True, unpack_pivots: bool = True) -> Any:
    """P, L and U from what lu_factor returned; an empty tensor for a part not asked for. Source: torch.lu_unpack."""
    if LU_pivots.dtype is not dtypes.int32:
        raise RuntimeError(
            "torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype.\nNote: this "
            "function is intended to be used with the output produced by torch.linalg.lu_factor"
        )
    found = LU_pivots._array
    if unpack_pivots and found.size and (found.min() < 1 or found.max() > LU_data._array.shape[-2]):
        raise RuntimeError(
            "pivots passed to lu_unpack must be between 1 and LU.size(-2) inclusive.Did you properly pass the result "
            "of lu_factor?"
        )
    return named("lu_unpack", "P", "L", "U")(*lu_unpack_row(LU_data, LU_pivots, unpack_data, unpack_pivots))


def _lu_solve(packed: np.ndarray, pivots: np.ndarray, b: np.ndarray, left: bool, adjoint: bool) -> np.ndarray:
    if left:
        return lapack.solve_factored(packed, pivots, b, adjoint)
    side = np.conj(np.swapaxes(b, -1, -2))
    return np.array(np.conj(np.swapaxes(lapack.solve_factored(packed, pivots, side, not adjoint), -1, -2)), order="C")


def _lu_solve_pull(
    g: Any, F: Any, LU: Any, pivots: Any, result: Any, left: bool, adjoint: bool, needs: Any
) -> tuple[Any, Any]:
    """g of B by the adjoint system; of A by -g·Xᴴ (and its likes), then A = P·L·U with fixed P."""
    g = F.linalg_lu_solve(LU, pivots, g, left, not adjoint)
    if not needs[0]:
        return None, g
    pull = F.solve_matrix_pull(g, result, left, False)
    pull = F.mT(F.permutation(pivots, LU.shape[-1], F.array_dtype(LU))) @ (F.mH(pull) if adjoint else pull)
    low, up = F.unit_lower(LU), F.packed_upper(LU)
    g_low = F.lower_part(F.matmul(pull, F.mH(up)), -1)
    return g_low + F.upper_part(F.matmul(F.mH(low), pull), 0), (g if needs[2] else None)


lu_solve_row = op(
    "linalg_lu_solve(LU, pivots!, B, *, left, adjoint) -> result", _lu_solve, public=False, gradients=_lu_solve_pull,
    columns=lambda left, adjoint: (0,) if left else (),
)  # fmt: skip


@public("linalg.lu_solve", method=False)
def lu_solve(
    LU: Tensor, pivots: Tensor, B: Tensor, *, left: bool = True, adjoint: bool = False, out: Any = None
) -> Tensor:
    """The solutions of A·X = B from lu_factor's results; X·A = B for left=False, Aᴴ for adjoint.
    Source: torch.linalg.lu_solve."""
    check_floating(LU, "torch.linalg.lu_solve")
    if LU.dtype is not B.dtype:
        raise RuntimeError(
            f"linalg.lu_solve: Expected LU and B to have the same dtype, but found LU of type {SCALAR_NAMES[LU.dtype]} "
            f"and B of type {SCALAR_NAMES[B.dtype]} instead"
        )
    if pivots.dtype is not dtypes.int32:
        raise RuntimeError("linalg.lu_solve: pivots should be a Tensor of scalar type torch.int32")
    check_square(LU, "torch.linalg.lu_solve", "LU")
    check_matrix(B, "linalg.lu_solve", "B")
    check_system(LU, B, left, "linalg.lu_solve")
    if LU._array.shape[-1] != pivots._array.shape[-1]:
        raise RuntimeError("linalg.lu_solve: Number of pivots per batch should be same as the dimension of the matrix")
    broadcast_shape(LU._array.shape[:-2], B._array.shape[:-2])
    return lu_solve_row(LU, pivots, B, left, adjoint)
