"""What matrix operators share: formulas for rules, the memory layout of their results, and their checks."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .._dtypes import C_NAMES, SCALAR_NAMES
from .._interpreters import LIVE, NARROW, RAW, formula
from .._tensor import Tensor, plain

Shape = tuple[int, ...]
LOW = (dtypes.float16, dtypes.bfloat16)


class LinAlgError(RuntimeError):
    """A matrix for which the factorization or solution does not exist. Source: torch.linalg.LinAlgError."""


LinAlgError.__name__ = LinAlgError.__qualname__ = "_LinAlgError"


for _space in (RAW, NARROW):
    _space.constant = lambda a: a
LIVE.constant = plain


@formula
def mT(F: Any, a: Any) -> Any:
    """The matrices transposed."""
    return F.transpose(a, -2, -1)


@formula
def mH(F: Any, a: Any) -> Any:
    """The matrices conjugated and transposed."""
    return F.conj(F.transpose(a, -2, -1))


@formula
def where_mask(F: Any, mask: np.ndarray, a: Any) -> Any:
    """The entries under a constant mask, zeros elsewhere (also where the entry is not finite)."""
    return F.where(F.constant(mask), a, 0)


@formula
def lower_part(F: Any, a: Any, k: int) -> Any:
    """The entries on and below the k-th diagonal."""
    return F.where_mask(np.tri(a.shape[-2], a.shape[-1], k, dtype=bool), a)


@formula
def upper_part(F: Any, a: Any, k: int) -> Any:
    """The entries on and above the k-th diagonal."""
    return F.where_mask(~np.tri(a.shape[-2], a.shape[-1], k - 1, dtype=bool), a)


@formula
def diagonal_of(F: Any, a: Any) -> Any:
    """The main diagonals of square matrices, as vectors."""
    return F.sum(F.where_mask(np.eye(a.shape[-1], dtype=bool), a), (a.ndim - 1,), False)


@formula
def diagonal_matrix(F: Any, v: Any) -> Any:
    """Square matrices with the vectors on their diagonals."""
    return F.where_mask(np.eye(v.shape[-1], dtype=bool), F.column(v))


@formula
def column(F: Any, v: Any) -> Any:
    """A dimension of size 1 added at the end."""
    return F.reshape(v, (*v.shape, 1))


@formula
def row(F: Any, v: Any) -> Any:
    """A dimension of size 1 added before the last."""
    return F.reshape(v, (*v.shape[:-1], 1, v.shape[-1]))


@formula
def sum_columns(F: Any, a: Any) -> Any:
    """The sum over the rows' entries (the last dimension)."""
    return F.sum(a, (a.ndim - 1,), False)


@formula
def skew_part(F: Any, a: Any) -> Any:
    """a - aᴴ."""
    return a - F.mH(a)


@formula
def hermitian_part(F: Any, a: Any) -> Any:
    """(a + aᴴ)/2."""
    return (a + F.mH(a)) * 0.5


def check_tensor(function: str, argument: str, position: int, value: Any) -> None:
    """Raises TypeError for an argument that is not a Tensor."""
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{function}(): argument '{argument}' (position {position}) must be Tensor, not {type(value).__name__}"
        )


def check_matrix(a: Tensor, where: str, name: str = "A") -> None:
    """Raises RuntimeError for a tensor of less than two dimensions."""
    if a.ndim < 2:
        raise RuntimeError(f"{where}: The input tensor {name} must have at least 2 dimensions.")


def check_square(a: Tensor, where: str, name: str = "A") -> None:
    """Raises RuntimeError unless the tensor is a batch of square matrices."""
    check_matrix(a, where, name)
    m, n = a._array.shape[-2:]
    if m != n:
        raise RuntimeError(f"{where}: {name} must be batches of square matrices, but they are {m} by {n} matrices")


def check_floating(a: Tensor, where: str, low: bool = True) -> None:
    """Raises RuntimeError for an integer tensor, and for 16-bit floats unless `low`."""
    if a.dtype.category < dtypes.FLOAT:
        raise RuntimeError(
            f"{where}: Expected a floating point or complex tensor as input. Got {SCALAR_NAMES[a.dtype]}"
        )
    if not low and a.dtype in LOW:
        raise RuntimeError(f"{where}: Low precision dtypes not supported. Got {SCALAR_NAMES[a.dtype]}")


def check_implemented(a: Tensor, kernel: str, low: bool = False) -> None:
    """Raises NotImplementedError for a dtype that PyTorch's kernel does not have."""
    if a.dtype.category < dtypes.FLOAT or (not low and a.dtype in LOW):
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{SCALAR_NAMES[a.dtype]}'")


def check_not_bool(a: Tensor, kernel: str) -> None:
    """Raises NotImplementedError for booleans, of which PyTorch has no products."""
    if a.dtype is dtypes.bool_:
        raise NotImplementedError(f"\"{kernel}\" not implemented for 'Bool'")


def check_scalar_type(a: Tensor, b: Tensor) -> None:
    """Raises RuntimeError for two dtypes where a kernel expects one."""
    if a.dtype is not b.dtype:
        raise RuntimeError(f"expected scalar type {SCALAR_NAMES[a.dtype]} but found {SCALAR_NAMES[b.dtype]}")


def check_system(A: Tensor, B: Tensor, left: bool, where: str) -> None:
    """Raises RuntimeError unless the matrices' sizes agree."""
    a, b = A._array.shape, B._array.shape
    if a[-2] != b[-2 if left else -1]:
        equation = "AX = B" if left else "XA = B"
        raise RuntimeError(
            f"{where}: Incompatible shapes of A and B for the equation {equation} ({a[-2]}x{a[-1]} and {b[-2]}x{b[-1]})"
        )


def check_pair(b: Tensor, A: Tensor, name: str) -> None:
    """The checks of the older solvers, which take b before A."""
    m, n = A._array.shape[-2:]
    if A.dtype is not b.dtype:
        raise RuntimeError(
            f"Expected b and A to have the same dtype, but found b of type {SCALAR_NAMES[b.dtype]} and A of type "
            f"{SCALAR_NAMES[A.dtype]} instead."
        )
    if m != n:
        raise RuntimeError(f"A must be batches of square matrices, but they are {m} by {n} matrices")
    p, q = b._array.shape[-2:]
    if p != n:
        raise RuntimeError(
            f"Incompatible matrix sizes for {name}: each A matrix is {n} by {n} but each b matrix is {p} by {q}"
        )


def c_name(a: Tensor) -> str:
    return C_NAMES[a.dtype]


def raise_singular(info: np.ndarray, text: Any) -> None:
    """Raises LinAlgError for the first matrix of a batch whose info (LAPACK's, 1-based) is not zero."""
    bad = np.flatnonzero(info)
    if bad.size:
        place = f"(Batch element {bad[0]}): " if info.ndim else ""
        raise LinAlgError(text(place, int(info.ravel()[bad[0]])))
