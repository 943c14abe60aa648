"""The Cholesky factorization A = L·Lᴴ. Source: torch.linalg.cholesky, torch.cholesky_solve, torch.cholesky_inverse."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._interpreters import formula
from .._op import op, public
from .._support import no_forward
from .._tensor import Tensor
from ..return_types import named
from . import linalg_lapack as lapack
from .linalg_matmul import broadcast_shape
from .linalg_matrix import (
    check_floating,
    check_implemented,
    check_pair,
    check_square,
    check_tensor,
    raise_singular,
)


@formula
def cholesky_pull(F: Any, g: Any, factor: Any, upper: bool) -> Any:
    """½ L⁻ᴴ (T + Tᴴ + D) L⁻¹, where T is what of LᴴG lies below the diagonal, and D its diagonal."""
    low, g = (F.mH(factor), F.mH(g)) if upper else (factor, g)
    inner = F.matmul(F.mH(low), g)
    below = F.lower_part(inner, -1)
    both = (below + F.mH(below) + F.diagonal_matrix(F.diagonal_of(inner))) * 0.5
    half = F.linalg_solve_triangular(F.mH(low), both, True, True, False)
    return F.linalg_solve_triangular(low, half, False, False, False)


def _cholesky_push(F: Any, x: Any, t: Any, attributes: Any, out: Any) -> Any:
    """dL = L·(what of L⁻¹ dA L⁻ᴴ lies below the diagonal, and half its diagonal)."""
    upper = attributes[0]
    low = F.mH(out[0]) if upper else out[0]
    inner = F.linalg_solve_triangular(low, t[0], False, True, False)
    inner = F.linalg_solve_triangular(F.mH(low), inner, True, False, False)
    phi = F.lower_part(inner, -1) + F.diagonal_matrix(F.diagonal_of(inner)) * 0.5
    found = F.matmul(low, phi)
    return F.mH(found) if upper else found, None


cholesky_ex_row = op(
    "linalg_cholesky_ex(self, *, upper) -> L, info!", lapack.cholesky, public=False, columns=(0,), jvp=_cholesky_push,
    self=lambda g_L, F, L, upper: F.cholesky_pull(g_L, L, upper),
)  # fmt: skip
cholesky_row = op(
    "cholesky(self, *, upper) -> result", lambda a, upper: lapack.cholesky(a, upper)[0], public=False,
    jvp=no_forward("cholesky"), columns=(0,),
    self=lambda g, F, result, upper: F.cholesky_pull(g, result, upper),
)  # fmt: skip


def _not_positive(name: str) -> Any:
    return lambda place, k: (
        f"{name}: {place}The factorization could not be completed because the input is not positive-definite (the "
        f"leading minor of order {k} is not positive-definite)."
    )


@public("linalg.cholesky_ex", method=False)
def cholesky_ex(input: Tensor, *, upper: bool = False, check_errors: bool = False, out: Any = None) -> Any:
    """The Cholesky factors, and the order of the first minor that is not positive (0: none).
    Source: torch.linalg.cholesky_ex. Trap: reads one triangle only; the gradient is Hermitian."""
    check_tensor("linalg_cholesky_ex", "input", 1, input)
    check_square(input, "linalg.cholesky")
    check_floating(input, "linalg.cholesky")
    check_implemented(input, "cholesky_cpu")
    found = cholesky_ex_row(input, upper)
    if check_errors:
        raise_singular(found[1]._array, _not_positive("linalg.cholesky"))
    return named("linalg_cholesky_ex", "L", "info")(*found)


@public("linalg.cholesky", method=False)
def linalg_cholesky(input: Tensor, *, upper: bool = False, out: Any = None) -> Tensor:
    """The Cholesky factors. Raises LinAlgError for a matrix that is not positive-definite.
    Source: torch.linalg.cholesky."""
    check_tensor("linalg_cholesky", "input", 1, input)
    return cholesky_ex(input, upper=upper, check_errors=True)[0]


def check_factored(input: Tensor, upper: bool) -> None:
    """Raises as torch.cholesky does."""
    check_square(input, "cholesky")
    raise_singular(lapack.cholesky(input._array, upper)[1], _not_positive("cholesky"))


def _factor_pull(F: Any, g_matrix: Any, factor: Any, upper: bool) -> Any:
    """The cotangent of L from that of A = L·Lᴴ: (G + Gᴴ)·L."""
    both = g_matrix + F.mH(g_matrix)
    return F.matmul(factor, both) if upper else F.matmul(both, factor)


def _cholesky_inverse(factor: np.ndarray, upper: bool) -> np.ndarray:
    eye = np.broadcast_to(np.eye(factor.shape[-1], dtype=factor.dtype), factor.shape)
    return _cholesky_solve_arrays(eye, factor, upper)


def _cholesky_solve_arrays(b: np.ndarray, factor: np.ndarray, upper: bool) -> np.ndarray:
    half = lapack.triangular(factor, b, upper, True, False, upper)
    return lapack.triangular(factor, half, upper, True, False, not upper)


def _inverse_pull(g: Any, F: Any, self: Any, result: Any, upper: bool) -> Any:
    inner = -F.matmul(result, F.matmul(g, result))
    return _factor_pull(F, inner, self, upper)


def _inverse_push(F: Any, x: Any, t: Any, attributes: Any, out: Any) -> Any:
    """d(A⁻¹) = -A⁻¹ dA A⁻¹ with dA = dL·Lᴴ + L·dLᴴ."""
    half = F.matmul(F.mH(t[0]), x[0]) if attributes[0] else F.matmul(t[0], F.mH(x[0]))
    return -F.matmul(out[0], F.matmul(half + F.mH(half), out[0]))


cholesky_inverse_row = op(
    "cholesky_inverse(self, *, upper) -> result", _cholesky_inverse, public=False, self=_inverse_pull, jvp=_inverse_push,
    columns=(0,),
)  # fmt: skip


@public("cholesky_inverse")
def cholesky_inverse(input: Tensor, upper: bool = False, *, out: Any = None) -> Tensor:
    """The inverse of L·Lᴴ from L. Source: torch.cholesky_inverse."""
    check_square(input, "cholesky_inverse")
    check_implemented(input, "cholesky_inverse_out_cpu")
    return cholesky_inverse_row(input, upper)


def _solve_pull(g: Any, F: Any, self: Any, input2: Any, result: Any, upper: bool, needs: Any) -> Any:
    side = F.cholesky_solve_by(g, input2, upper)
    mine = None
    if needs[1]:
        mine = _factor_pull(F, -F.matmul(side, F.mH(result)), input2, upper)
    return (side if needs[0] else None), mine


def _solve_push(F: Any, x: Any, t: Any, attributes: Any, out: Any) -> Any:
    """d(A⁻¹B) = A⁻¹(dB - dA·X) with dA = dL·Lᴴ + L·dLᴴ."""
    upper = attributes[0]
    tangent = F.zeros_like(x[1]) if t[1] is None else t[1]
    half = F.matmul(F.mH(tangent), x[1]) if upper else F.matmul(tangent, F.mH(x[1]))
    part = F.matmul(half + F.mH(half), out[0])
    return F.cholesky_solve_by(-part if t[0] is None else t[0] - part, x[1], upper)


cholesky_solve_row = op(
    "cholesky_solve_by(self, input2, *, upper) -> result",
    _cholesky_solve_arrays, columns=(0,),
    node="cholesky_solve", jvp=_solve_push, public=False, gradients=_solve_pull,
)  # fmt: skip


@public("cholesky_solve")
def cholesky_solve(input: Tensor, L: Tensor, upper: bool = False, *, out: Any = None) -> Tensor:
    """The solutions of (L·Lᴴ)·X = input. Source: torch.cholesky_solve."""
    for name, t in (("b", input), ("u", L)):
        if t.ndim < 2:
            raise RuntimeError(f"{name} should have at least 2 dimensions, but has {t.ndim} dimensions instead")
    check_pair(input, L, "cholesky_solve")
    check_implemented(L, "cholesky_solve_cpu")
    broadcast_shape(input._array.shape[:-2], L._array.shape[:-2])
    return cholesky_solve_row(input, L, upper)
