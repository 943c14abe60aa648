"""Functions of matrices: exponential, powers, pseudo-inverse, least squares. Source: torch.linalg."""

from __future__ import annotations

from math import factorial
from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .._dtypes import SCALAR_NAMES
from .._forward import transpose
from .._interpreters import formula
from .._layout import canonical, with_strides
from .._op import PUBLIC, op, public
from .._storage import contiguous_strides
from .._tensor import Tensor, resolved
from ..return_types import named
from .copy import contiguous_row
from .linalg_lapack import in_order
from .linalg_matmul import broadcast_shape, matmul
from .linalg_matrix import LOW, check_floating, check_square, check_tensor
from .linalg_solve import inv

TAYLOR, STRIDE, RADIUS = 18, 6, 1.09


def _matrix_exp(a: np.ndarray) -> np.ndarray:
    """Taylor's polynomial of degree 18 for norms up to 1.09 (exact to 2⁻⁵³), scaling and squaring beyond.
    SciPy's rational approximation, which solves equations, was 40 times less accurate on symmetric matrices."""
    if not a.size:
        return np.empty(a.shape, a.dtype)
    norm = np.abs(a).sum(-2).max(-1)
    with np.errstate(all="ignore"):
        scale = np.where(np.isfinite(norm) & (norm > RADIUS), np.ceil(np.log2(norm / RADIUS)), 0).astype(np.int64)
    found = _taylor(a * np.exp2(-scale).astype(norm.dtype)[..., None, None])
    for k in range(int(scale.max())):
        found = np.where((k < scale)[..., None, None], found @ found, found)
    return found


def _taylor(a: np.ndarray) -> np.ndarray:
    """Σ Aᵏ/k! up to degree 18, in blocks of six powers (Paterson and Stockmeyer)."""
    powers = [np.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape), a]
    for _ in range(STRIDE - 1):
        powers.append(powers[-1] @ a)
    total = powers[0] * _inverse_factorial(TAYLOR, a)
    for start in range(TAYLOR - STRIDE, -1, -STRIDE):
        block = sum(powers[k] * _inverse_factorial(start + k, a) for k in range(1, STRIDE))
        total = total @ powers[STRIDE] + (block + powers[0] * _inverse_factorial(start, a))
    return total


def _inverse_factorial(k: int, a: np.ndarray) -> Any:
    return a.real.dtype.type(1 / factorial(k))


@formula
def frechet(F: Any, a: Any, e: Any) -> Any:
    """The derivative of exp at A in direction E: the upper right block of exp of [[A, E], [0, A]]."""
    n = a.shape[-1]
    if not n:
        return F.matmul(a, e)
    block = F.join([F.join([a, e], -1), F.join([F.zeros_like(a), a], -1)], -2)
    return F.linalg_matrix_exp(block)[..., :n, n:]


matrix_exp_row = op(
    "linalg_matrix_exp(self)", _matrix_exp, public=False, self=lambda g, F, self: F.frechet(F.mH(self), g),
    jvp=lambda F, x, t, attributes, out: F.frechet(x[0], t[0]),
)  # fmt: skip


@public("linalg.matrix_exp", method=False)
def linalg_matrix_exp(A: Tensor) -> Tensor:
    """The exponentials of square matrices. Source: torch.linalg.matrix_exp."""
    check_tensor("linalg_matrix_exp", "input", 1, A)
    check_square(A, "linalg.matrix_exp")
    check_floating(A, "linalg.matrix_exp")
    return matrix_exp_row(A)


@public("matrix_exp")
def matrix_exp(input: Tensor) -> Tensor:
    """linalg.matrix_exp. Source: torch.matrix_exp."""
    return linalg_matrix_exp(input)


@public("linalg.matrix_power", method=False)
def linalg_matrix_power(A: Tensor, n: int, *, out: Any = None) -> Tensor:
    """The n-th powers of square matrices, by repeated squaring; of the inverse for a negative n.
    Source: torch.linalg.matrix_power."""
    check_square(A, "linalg.matrix_power")
    if isinstance(n, bool) or not isinstance(n, int):
        raise TypeError(f"linalg_matrix_power(): argument 'n' (position 2) must be int, not {type(n).__name__}")
    if n == 0:
        return contiguous_row(A).copy_(PUBLIC["eye"](A._array.shape[-2], dtype=A.dtype))
    if n == 1:
        return contiguous_row(A)
    return _power(inv(A) if n < 0 else A, abs(n))


def _power(a: Tensor, n: int) -> Tensor:
    if n == 1:
        return a
    if n <= 3:
        square = matmul(a, a)
        return square if n == 2 else matmul(square, a)
    found, square = None, a
    while n:
        if n & 1:
            found = square if found is None else matmul(found, square)
        n >>= 1
        if n:
            square = matmul(square, square)
    assert found is not None
    return found


@public("matrix_power")
def matrix_power(input: Tensor, n: int, *, out: Any = None) -> Tensor:
    """linalg.matrix_power. Source: torch.matrix_power."""
    return linalg_matrix_power(input, n)


def _limits(a: np.ndarray, atol: Any, rtol: Any) -> tuple[Any, Any]:
    """Absolute and relative tolerance, by default eps·max(m, n) relative to the largest singular value."""
    absolute = 0.0 if atol is None else atol
    if rtol is None:
        relative = np.finfo(a.dtype).eps * max(a.shape[-2:])
        rtol = relative if atol is None else np.where(np.asarray(atol) > 0, 0.0, relative)
    return absolute, rtol


def _pinv(a: np.ndarray, atol: Any, rtol: Any, hermitian: bool) -> np.ndarray:
    if not a.size:
        return np.zeros((*a.shape[:-2], a.shape[-1], a.shape[-2]), a.dtype)
    atol, rtol = _limits(a, atol, rtol)
    if hermitian:
        s, u = np.linalg.eigh(in_order(a))
        vh = np.swapaxes(u, -1, -2).conj()
    else:
        u, s, vh = np.linalg.svd(in_order(a), full_matrices=False)
    size = np.abs(s)
    limit = np.maximum(np.asarray(atol)[..., None], np.asarray(rtol)[..., None] * size.max(-1, keepdims=True))
    kept = size > limit
    inverse = np.where(kept, 1 / np.where(kept, s, 1), 0).astype(s.dtype)
    return (np.swapaxes(vh, -1, -2).conj() * inverse[..., None, :]) @ np.swapaxes(u, -1, -2).conj()


@formula
def pinv_pull(F: Any, g: Any, a: Any, p: Any) -> Any:
    """-PᴴGPᴴ + (1 - AP)GᴴPPᴴ + PᴴPGᴴ(1 - PA)."""
    adjoint, gH = F.mH(p), F.mH(g)
    found = -F.matmul(adjoint, F.matmul(g, adjoint))
    first = F.matmul(gH, F.matmul(p, adjoint))
    second = F.matmul(F.matmul(adjoint, p), gH)
    return found + first - F.matmul(a, F.matmul(p, first)) + second - F.matmul(F.matmul(second, p), a)


@formula
def pinv_push(F: Any, t: Any, a: Any, p: Any) -> Any:
    """-P·dA·P + PPᴴdAᴴ(1 - AP) + (1 - PA)dAᴴPᴴP."""
    adjoint, tH = F.mH(p), F.mH(t)
    first = F.matmul(F.matmul(p, adjoint), tH)
    second = F.matmul(tH, F.matmul(adjoint, p))
    found = -F.matmul(p, F.matmul(t, p))
    return found + first - F.matmul(F.matmul(first, a), p) + second - F.matmul(p, F.matmul(a, second))


pinv_row = op(
    "linalg_pinv(self, *, atol, rtol, hermitian) -> result", _pinv, public=False,
    self=lambda g, F, self, result: F.pinv_pull(g, self, result),
    jvp=lambda F, x, t, attributes, out: F.pinv_push(t[0], x[0], out[0]),
)  # fmt: skip


def _tolerance(value: Any) -> Any:
    return resolved(value) if isinstance(value, Tensor) else value


@public("linalg.pinv", method=False)
def pinv(
    A: Tensor, rcond: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None, out: Any = None
) -> Tensor:
    """The Moore–Penrose inverses; singular values below max(atol, rtol·largest) count as zero.
    Source: torch.linalg.pinv. Trap: differentiable only where the rank is locally constant."""
    if A.ndim < 2 or A.dtype.category < dtypes.FLOAT or A.dtype in LOW:
        raise RuntimeError(
            f"linalg.pinv({SCALAR_NAMES[A.dtype]}{{{list(A._array.shape)}}}): expected a tensor with 2 or more "
            "dimensions of float, double, cfloat or cdouble types"
        )
    if hermitian:
        check_square(A, "linalg.eigh")
    return pinv_row(A, _tolerance(atol), _tolerance(rtol if rcond is None else rcond), hermitian)


@public("pinverse")
def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """linalg.pinv with a relative tolerance of 1e-15. Source: torch.pinverse."""
    return pinv(input, rcond)


DRIVERS = ("gels", "gelsy", "gelsd", "gelss")


def _in_larger(x: np.ndarray, rows: int) -> np.ndarray:
    """Solutions as LAPACK leaves them: the upper rows of column-major matrices of so many rows."""
    made = np.zeros((*x.shape[:-2], x.shape[-1], rows), x.dtype)
    found = np.swapaxes(made, -1, -2)[..., : x.shape[-2], :]
    found[...] = x
    if found.size:
        return found
    *batch, last, middle = contiguous_strides(made.shape)
    return with_strides(found, (*batch, middle, last))


def _lstsq(a: np.ndarray, b: np.ndarray, rcond: float, driver: str, vector: bool) -> tuple[np.ndarray, ...]:
    """Solutions by singular values, of least norm where the rank is not full; the rest as the driver reports it."""
    side = b[..., None] if vector else b
    m, n = a.shape[-2:]
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    cut = 0.0 if driver == "gels" else rcond
    kept = s > cut * s.max(-1, keepdims=True, initial=0)
    inverse = np.where(kept, 1 / np.where(kept, s, 1), 0)[..., None]
    x = np.swapaxes(vh, -1, -2).conj() @ (inverse * (np.swapaxes(u, -1, -2).conj() @ side))
    rank = kept.sum(-1)
    residuals = np.empty(0, s.dtype)
    if m > n and driver != "gelsy" and (driver == "gels" or (rank == n).all()):
        rest = np.abs(side - a @ x)
        residuals = (rest * rest).sum(-2)
        residuals = residuals[..., 0] if vector else residuals
    return (
        np.ascontiguousarray(x[..., 0]) if vector else _in_larger(x, max(m, n)),
        canonical(residuals),
        canonical(np.empty(0, np.int64) if driver == "gels" else np.asarray(rank, np.int64)),
        canonical(s) if driver in ("gelsd", "gelss") else canonical(np.empty(0, s.dtype)),
    )


def _lstsq_pull(
    g_solution: Any, g_residuals: Any, F: Any, self: Any, b: Any, solution: Any, vector: bool, needs: Any
) -> Any:
    """X = A⁺B, so that B's cotangent is A⁺ᴴG and A's is the pseudo-inverse's for GBᴴ; residuals are ‖B - AX‖²."""
    side, x = (F.column(b), F.column(solution)) if vector else (b, solution)
    of_a, of_b = None, None
    if g_solution is not None:
        g = F.column(g_solution) if vector else g_solution
        p = F.linalg_pinv(self, None, None, False)
        of_a = F.pinv_pull(F.matmul(g, F.mH(side)), self, p) if needs[0] else None
        of_b = F.matmul(F.mH(p), g)
    if g_residuals is not None and 0 not in g_residuals.shape:
        weight = (F.column(g_residuals) if vector else g_residuals) * 2
        rest = (side - F.matmul(self, x)) * F.row(weight)
        part = -F.matmul(rest, F.mH(x))
        of_a, of_b = (part, rest) if of_b is None else (part if of_a is None else of_a + part, of_b + rest)
    return of_a, (F.reshape(of_b, b.shape) if vector and of_b.shape[:-1] == b.shape else of_b)


def _lstsq_push(F: Any, x: Any, t: Any, attributes: Any, out: Any) -> Any:
    """The transposed rule; residuals that there are none of move with nothing, but count as functions of both."""
    found = transpose(lstsq_row.row, x, t, attributes)
    if 0 in out[1].shape:
        found[1] = F.attached_to(F.zeros_like(out[1]), *x)
    return found


lstsq_row = op(
    "linalg_lstsq(self, b, *, rcond, driver, vector) -> solution, residuals, rank!, singular_values!", _lstsq,
    public=False, gradients=_lstsq_pull, keeps_strides=True, jvp=_lstsq_push,
)  # fmt: skip


@public("linalg.lstsq", method=False)
def lstsq(A: Tensor, B: Tensor, rcond: float | None = None, *, driver: str | None = None) -> Any:
    """Least-squares solutions of A·X = B, with residuals, rank and singular values where the driver gives them.
    Source: torch.linalg.lstsq. Trap: residuals are empty unless m > n with full rank, and always for gelsy."""
    where = "torch.linalg.lstsq"
    if A.ndim < 2 or B.ndim < 1:
        raise RuntimeError(
            f"{where}: input must have at least 2 dimensions."
            if A.ndim < 2
            else f"{where}: other must have at least 1 dimension."
        )
    if A.dtype is not B.dtype:
        raise RuntimeError(
            f"{where}: Expected input and other to have the same dtype, but got input's dtype {SCALAR_NAMES[A.dtype]} "
            f"and other's dtype {SCALAR_NAMES[B.dtype]}"
        )
    if driver is not None and driver not in DRIVERS:
        raise RuntimeError(f"{where}: parameter `driver` should be one of (gels, gelsy, gelsd, gelss)")
    if A.dtype.category < dtypes.FLOAT or A.dtype in LOW:
        raise RuntimeError("This function doesn't handle types other than float and double")
    vector = B.ndim == 1 or (A.ndim - 1 == B.ndim and A._array.shape[:-1] == B._array.shape)
    if A._array.shape[-2] != B._array.shape[-1 if vector else -2]:
        raise RuntimeError(f"{where}: input.size(-2) should match other.size({-1 if vector else -2})")
    broadcast_shape(A._array.shape[:-2], B._array.shape[: -1 if vector else -2])
    limit = np.finfo(A._array.dtype).eps * max(A._array.shape[-2:]) if rcond is None else float(rcond)
    found = lstsq_row(A, B, limit, driver or "gelsy", vector)
    return named("linalg_lstsq", "solution", "residuals", "rank", "singular_values")(*found)


@public("linalg.vander", method=False)
def vander(x: Tensor, N: int | None = None) -> Tensor:
    """Rows of the powers 0 … N-1 of each entry. Source: torch.linalg.vander."""
    if x.ndim < 1 or (N is not None and N <= 1):
        raise RuntimeError("N must be greater than 1.")
    count = x._array.shape[-1] if N is None else N
    powers = x.unsqueeze(-1).expand(*x._array.shape, count - 1).cumprod(-1)
    return PUBLIC["cat"]([PUBLIC["ones"](*x._array.shape, 1, dtype=powers.dtype), powers], -1)
