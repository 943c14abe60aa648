"""Inverses and linear systems. Source: torch.linalg.inv, solve, solve_triangular and their neighbours."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from .._dtypes import SCALAR_NAMES
from .._interpreters import formula
from .._once import warn_once
from .._op import op, public
from .._tensor import Tensor
from ..return_types import named
from . import linalg_lapack as lapack
from .linalg_matmul import broadcast_shape
from .linalg_matrix import (
    check_floating,
    check_implemented,
    check_matrix,
    check_pair,
    check_square,
    check_system,
    check_tensor,
    raise_singular,
)

inv_ex_row = op(
    "linalg_inv_ex(A) -> inverse, info!", lapack.inverse, public=False, columns=(0,),
    A=lambda g_inverse, F, inverse: -F.matmul(F.mH(inverse), F.matmul(g_inverse, F.mH(inverse))),
    jvp=lambda F, x, t, attributes, out: [-F.matmul(out[0], F.matmul(t[0], out[0])), None],
)  # fmt: skip


@formula
def inverse(F: Any, a: Any) -> Any:
    """The inverses of square matrices."""
    return F.linalg_inv_ex(a)[0]


def _singular_inverse(place: str, k: int) -> str:
    return (
        f"linalg.inv: {place}The diagonal element {k} is zero, the inversion could not be completed because the input "
        "matrix is singular."
    )


@public("linalg.inv_ex", method=False)
def inv_ex(A: Tensor, *, check_errors: bool = False, out: Any = None) -> Any:
    """The inverses, and where each failed (0: did not). Source: torch.linalg.inv_ex."""
    check_tensor("linalg_inv_ex", "A", 1, A)
    check_square(A, "linalg.inv")
    check_floating(A, "linalg.inv", low=False)
    found = inv_ex_row(A)
    if check_errors:
        raise_singular(found[1]._array, _singular_inverse)
    return named("linalg_inv_ex", "inverse", "info")(*found)


@public("linalg.inv", method=False)
def inv(A: Tensor, *, out: Any = None) -> Tensor:
    """The inverses of square matrices. Raises LinAlgError for a singular one. Source: torch.linalg.inv."""
    check_tensor("linalg_inv", "A", 1, A)
    return inv_ex(A, check_errors=True)[0]


@public("inverse")
def inverse_(input: Tensor, *, out: Any = None) -> Tensor:
    """linalg.inv. Source: torch.inverse."""
    return inv_ex(input, check_errors=True)[0]


def _solve(a: np.ndarray, b: np.ndarray, left: bool, vector: bool) -> tuple[np.ndarray, np.ndarray]:
    side = b[..., None] if vector else b
    if left:
        found, info = lapack.solve(a, side)
    else:
        found, info = lapack.solve(np.swapaxes(a, -1, -2), np.swapaxes(side, -1, -2))
        found = np.ascontiguousarray(np.swapaxes(found, -1, -2))
    if vector:
        found = found[..., 0]
    return found, info


@formula
def solve_for(F: Any, a: Any, b: Any, left: bool, vector: bool) -> Any:
    """x of a·x = b, or of x·a = b."""
    return F.linalg_solve_ex(a, b, left, vector)[0]


@formula
def solve_matrix_pull(F: Any, g: Any, x: Any, left: bool, vector: bool) -> Any:
    """The cotangent of A, from that of B."""
    if vector:
        return -F.matmul(F.column(g), F.conj(F.row(x)))
    return -F.matmul(g, F.mH(x)) if left else -F.matmul(F.mH(x), g)


def _solve_pull(g_result: Any, F: Any, A: Any, result: Any, left: Any, vector: Any, needs: Any) -> Any:
    g = F.solve_for(F.mH(A), g_result, left, vector)
    return (F.solve_matrix_pull(g, result, left, vector) if needs[0] else None), (g if needs[1] else None)


def _solve_push(F: Any, x: Any, t: Any, attributes: Any, out: Any) -> Any:
    """d(A⁻¹B) = A⁻¹(dB - dA·X)."""
    left, vector = attributes
    tangent = F.zeros_like(x[0]) if t[0] is None else t[0]
    if vector:
        part = F.reshape(F.matmul(tangent, F.column(out[0])), out[0].shape)
    else:
        part = F.matmul(tangent, out[0]) if left else F.matmul(out[0], tangent)
    change = -part if t[1] is None else t[1] - part
    return [F.solve_for(x[0], change, left, vector), None]


solve_ex_row = op(
    "linalg_solve_ex(A, B, *, left, vector) -> result, info!",
    _solve,
    public=False,
    gradients=_solve_pull,
    jvp=_solve_push,
    columns=lambda left, vector: (0,) if left else (),
)


def is_vector_side(A: Tensor, B: Tensor) -> bool:
    """Whether B of A·X = B is a vector or a batch of them, as PyTorch decides."""
    return B.ndim == 1 or (A.ndim - 1 == B.ndim and A._array.shape[:-1] == B._array.shape)


@public("linalg.solve_ex", method=False)
def solve_ex(A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False, out: Any = None) -> Any:
    """The solutions of A·X = B (X·A = B for left=False), and where each failed. Source: torch.linalg.solve_ex."""
    check_square(A, "linalg.solve")
    check_floating(A, "linalg.solve", low=False)
    if A.dtype is not B.dtype:
        raise RuntimeError(
            f"linalg.solve: Expected A and B to have the same dtype, but found A of type {SCALAR_NAMES[A.dtype]} and B "
            f"of type {SCALAR_NAMES[B.dtype]} instead"
        )
    vector = is_vector_side(A, B)
    if vector:
        _check_vector_side(A, B, left)
    else:
        check_matrix(B, "linalg.solve", "B")
        check_system(A, B, left, "linalg.solve")
        broadcast_shape(B._array.shape[:-2], A._array.shape[:-2])
    found = solve_ex_row(A, B, left or vector, vector)
    if check_errors:
        raise_singular(
            found[1]._array,
            lambda place, k: f"torch.linalg.solve: {place}The solver failed because the input matrix is singular.",
        )
    return named("linalg_solve_ex", "result", "info")(*found)


def _check_vector_side(A: Tensor, B: Tensor, left: bool) -> None:
    a, n = A._array.shape, B._array.shape[-1]
    if a[-2] != (n if left else 1):
        equation = "AX = B" if left else "XA = B"
        raise RuntimeError(
            f"linalg.solve: Incompatible shapes of A and B for the equation {equation} ({a[-2]}x{a[-1]} and {n}x1)"
        )
    if not left:
        raise RuntimeError(
            "linalg.solve: Vector broadcasting of the left hand side is not supported for left=False. In this case "
            "linalg.solve is equivalent to B / A.squeeze(-1)"
        )


@public("linalg.solve", method=False)
def solve(A: Tensor, B: Tensor, *, left: bool = True, out: Any = None) -> Tensor:
    """The solutions of A·X = B. Raises LinAlgError for a singular A. Source: torch.linalg.solve.
    Trap: a B of shape (*, n) is a batch of vectors if it has A's batch shape, else a matrix."""
    return solve_ex(A, B, left=left, check_errors=True)[0]


@formula
def triangle_of(F: Any, a: Any, upper: bool, unitriangular: bool) -> Any:
    """The triangle that a triangular operator reads, without the diagonal if that is taken for ones."""
    return F.upper_part(a, int(unitriangular)) if upper else F.lower_part(a, -int(unitriangular))


def _triangular_pull(
    g: Any, F: Any, self: Any, result: Any, upper: Any, left: Any, unitriangular: Any, needs: Any
) -> Any:
    g = F.linalg_solve_triangular(F.mH(self), g, not upper, left, unitriangular)
    mine = None
    if needs[0]:
        mine = F.triangle_of(F.solve_matrix_pull(g, result, left, False), upper, unitriangular)
    return mine, (g if needs[1] else None)


def _triangular_push(F: Any, x: Any, t: Any, attributes: Any, out: Any) -> Any:
    upper, left, unitriangular = attributes
    change = t[1]
    if t[0] is not None:
        tangent = F.triangle_of(t[0], upper, unitriangular)
        part = F.matmul(tangent, out[0]) if left else F.matmul(out[0], tangent)
        change = -part if change is None else change - part
    # PyTorch subtracts dA·X also where dA is 0.
    return F.attached_to(F.linalg_solve_triangular(x[0], change, upper, left, unitriangular), out[0])


solve_triangular_row = op(
    "linalg_solve_triangular(self, B, *, upper, left, unitriangular) -> result", lapack.triangular,
    promote="numbers", layout=None, columns=(0,), public=False, gradients=_triangular_pull, jvp=_triangular_push,
)  # fmt: skip


@public("linalg.solve_triangular", method=False)
def solve_triangular(
    A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False, out: Any = None
) -> Tensor:
    """The solutions of A·X = B with triangular A; the other triangle is not read.
    Source: torch.linalg.solve_triangular. Trap: a zero on the diagonal gives infinities, not an error."""
    check_square(A, "linalg.solve_triangular")
    check_matrix(B, "linalg.solve_triangular", "B")
    check_system(A, B, left, "linalg.solve_triangular")
    check_implemented(A, "triangular_solve_cpu")
    broadcast_shape(B._array.shape[:-2], A._array.shape[:-2])
    return solve_triangular_row(A, B, upper, left, unitriangular)


def _legacy_triangular(
    b: np.ndarray, a: np.ndarray, upper: bool, transpose: bool, unitriangular: bool
) -> tuple[np.ndarray, np.ndarray]:
    x = lapack.triangular(np.swapaxes(a, -1, -2) if transpose else a, b, upper ^ transpose, True, unitriangular)
    return x, np.broadcast_to(a, (*x.shape[:-2], *a.shape[-2:]))


def _warn_of_age() -> None:
    warn_once(
        "torch.triangular_solve is deprecated in favor of torch.linalg.solve_triangularand will be removed in a future "
        "PyTorch release.\ntorch.linalg.solve_triangular has its arguments reversed and does not return a copy of one "
        "of the inputs.\nX = torch.triangular_solve(B, A).solution\nshould be replaced with\nX = "
        "torch.linalg.solve_triangular(A, B).",
        "BatchLinearAlgebra.cpp:2273",
    )


def _legacy_pull(
    g_solution: Any, g_clone: Any, F: Any, self: Any, A: Any, solution: Any, upper: Any, transpose: Any,
    unitriangular: Any,
) -> Any:  # fmt: skip
    """`self` is only saved, as in PyTorch."""
    g, mine = F.zeros_like(solution), None
    if g_solution is not None:
        _warn_of_age()  # PyTorch's own backward calls the function
        g = F.triangular_solve(g_solution, F.conj(A), upper, not transpose, unitriangular)[0]
        pull = F.solve_matrix_pull(g, solution, True, False)
        mine = F.triangle_of(F.mT(pull) if transpose else pull, upper, unitriangular)
    if g_clone is not None:
        mine = g_clone if mine is None else mine + g_clone
    return g, mine


def _legacy_push(F: Any, x: Any, t: Any, attributes: Any, out: Any) -> Any:
    upper, transpose, unitriangular = attributes
    _warn_of_age()  # PyTorch's own forward mode calls the function
    # PyTorch subtracts dA·X also where dA is 0, and its second derivative goes through that.
    tangent = F.zeros_like(x[1]) if t[1] is None else F.triangle_of(t[1], upper, unitriangular)
    part = F.matmul(F.mT(tangent) if transpose else tangent, out[0])
    change = -part if t[0] is None else t[0] - part
    clone = None if t[1] is None else F.expand(t[1], out[1].shape)
    return [F.attached_to(F.triangular_solve(change, x[1], upper, transpose, unitriangular)[0], out[0]), clone]


triangular_solve_row = op(
    "triangular_solve(self, A, *, upper, transpose, unitriangular) -> solution, clone", _legacy_triangular,
    public=False, gradients=_legacy_pull, columns=(0, 1), jvp=_legacy_push,
)  # fmt: skip


@public("triangular_solve")
def triangular_solve(
    input: Tensor, A: Tensor, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> Any:
    """The solution of A·X = input, and a copy of A. Source: torch.triangular_solve, deprecated for
    linalg.solve_triangular."""
    for name, t in (("b", input), ("A", A)):
        if t.ndim < 2:
            raise RuntimeError(
                f"torch.triangular_solve: Expected {name} to have at least 2 dimensions, but it has {t.ndim} "
                "dimensions instead"
            )
    check_pair(input, A, "triangular_solve")
    if not (A.is_floating_point() or A.is_complex()):
        _warn_of_age()
    check_implemented(A, "triangular_solve_cpu")
    solved = triangular_solve_row(input, A, upper, transpose, unitriangular)
    _warn_of_age()  # once the operands are packed, as PyTorch does: a hook may raise
    return named("triangular_solve", "solution", "cloned_coefficient")(*solved)


@public("linalg.tensorinv", method=False)
def tensorinv(A: Tensor, ind: int = 2, *, out: Any = None) -> Tensor:
    """The inverse of the linear map from the last dimensions to the first `ind`. Source: torch.linalg.tensorinv."""
    if ind <= 0:
        raise RuntimeError(f"Expected a strictly positive integer for 'ind', but got {ind}")
    shape = A._array.shape
    rows, entries = prod(shape[:ind]), prod(shape[ind:])
    if rows != entries:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), but got "
            f"{entries} != {rows}"
        )
    found, info = inv_ex(A.reshape(rows, entries))
    if info._array:
        raise RuntimeError("Failed to invert the input tensor, because it is singular.")
    return found.reshape(*shape[ind:], *shape[:ind])


@public("linalg.tensorsolve", method=False)
def tensorsolve(A: Tensor, B: Tensor, dims: Any = None, *, out: Any = None) -> Tensor:
    """X with tensordot(A, X, X.ndim) = B; `dims` of A are moved last first. Source: torch.linalg.tensorsolve."""
    if dims is not None:
        A = A.movedim(tuple(dims), tuple(range(A.ndim - len(dims), A.ndim)))
    shape = A._array.shape
    size, rows = prod(shape[B.ndim :]), prod(shape[: B.ndim])
    if size != rows:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim]), "
            f"but got {size} != {rows}"
        )
    return solve(A.reshape(size, size), B.reshape(-1)).reshape(shape[B.ndim :])
