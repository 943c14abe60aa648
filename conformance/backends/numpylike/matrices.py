"""Products and linear algebra."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def _scaled_sum(np: Any, x: Any, product: Any, beta: float, alpha: float) -> Any:
    """β x + α a b. With β = 0 PyTorch doesn't look at x."""
    product = alpha * product
    return beta * x + product if beta else product + np.zeros_like(x)


def _linear(np: Any, x: Any, weight: Any, bias: Any = None) -> Any:
    product = np.matmul(x, np.transpose(weight))
    return product if bias is None else product + bias


def _solve(np: Any, a: Any, b: Any, left: bool = True) -> Any:
    if not left:
        return np.swapaxes(np.linalg.solve(np.swapaxes(a, -1, -2), np.swapaxes(b, -1, -2)), -1, -2)
    return np.linalg.solve(a, b)


def _cholesky(np: Any, x: Any, upper: bool = False) -> Any:
    """NumPy reads the lower triangle; with ``upper`` PyTorch reads the other one."""
    if not upper:
        return np.linalg.cholesky(x)
    return np.conj(np.swapaxes(np.linalg.cholesky(np.conj(np.swapaxes(x, -1, -2))), -1, -2))


def _qr(np: Any, x: Any, mode: str = "reduced") -> Any:
    if mode == "r":
        raise NotImplementedError("R alone, with an empty Q")
    return tuple(np.linalg.qr(x, mode))


def _tensordot(np: Any, a: Any, b: Any, dims: Any = 2) -> Any:
    return np.tensordot(a, b, dims if isinstance(dims, int) else tuple(map(tuple, dims)))


def _complex(np: Any, x: Any) -> Any:
    """NumPy's eigenvalues are complex only where one is."""
    kind = np.kind(x)
    return np.cast(x, {"float32": "complex64", "float64": "complex128"}.get(kind, kind))


def _cond(np: Any, x: Any, p: Any = None) -> Any:
    if 0 in np.shape(x):
        raise NotImplementedError("the condition number of an empty matrix")
    return np.linalg.cond(x, p)


def _multi_dot(np: Any, tensors: Sequence[Any]) -> Any:
    return np.linalg.multi_dot(tensors)


TABLE = {
    "matmul": lambda np, a, b: np.matmul(a, b),
    "__rmatmul__": lambda np, b, a: np.matmul(a, b),
    "mm": lambda np, a, b: np.matmul(a, b),
    "mv": lambda np, a, b: np.matmul(a, b),
    "bmm": lambda np, a, b: np.matmul(a, b),
    "dot": lambda np, a, b: np.dot(a, b),
    "vdot": lambda np, a, b: np.vdot(a, b),
    "outer": lambda np, a, b: np.outer(a, b),
    "inner": lambda np, a, b: np.inner(a, b),
    "kron": lambda np, a, b: np.kron(a, b),
    "einsum": lambda np, equation, *operands: np.einsum(equation, *operands),
    "tensordot": _tensordot,
    "cross": lambda np, a, b, dim: np.cross(a, b, axis=dim),
    "linalg.cross": lambda np, a, b, dim=-1: np.cross(a, b, axis=dim),
    "linalg.vecdot": lambda np, a, b, dim=-1: np.vecdot(a, b, axis=dim),
    "linalg.multi_dot": _multi_dot,
    "nn.functional.linear": _linear,
    "addmm": lambda np, x, a, b, beta=1, alpha=1: _scaled_sum(np, x, np.matmul(a, b), beta, alpha),
    "addmv": lambda np, x, a, b, beta=1, alpha=1: _scaled_sum(np, x, np.matmul(a, b), beta, alpha),
    "addr": lambda np, x, a, b, beta=1, alpha=1: _scaled_sum(np, x, np.outer(a, b), beta, alpha),
    "baddbmm": lambda np, x, a, b, beta=1, alpha=1: _scaled_sum(np, x, np.matmul(a, b), beta, alpha),
    "addbmm": lambda np, x, a, b, beta=1, alpha=1: _scaled_sum(np, x, np.sum(np.matmul(a, b), axis=0), beta, alpha),
    "linalg.inv": lambda np, x: np.linalg.inv(x),
    "inverse": lambda np, x: np.linalg.inv(x),
    "linalg.det": lambda np, x: np.linalg.det(x),
    "det": lambda np, x: np.linalg.det(x),
    "linalg.slogdet": lambda np, x: tuple(np.linalg.slogdet(x)),
    "logdet": lambda np, x: np.linalg.slogdet(x)[1],
    "linalg.solve": _solve,
    "linalg.cholesky": _cholesky,
    "cholesky": _cholesky,
    "linalg.svdvals": lambda np, x: np.linalg.svd(x, compute_uv=False),
    "linalg.svd": lambda np, x, full_matrices=True: tuple(np.linalg.svd(x, full_matrices)),
    "linalg.eigvalsh": lambda np, x, UPLO="L": np.linalg.eigvalsh(x, UPLO),
    "linalg.eigh": lambda np, x, UPLO="L": tuple(np.linalg.eigh(x, UPLO)),
    "linalg.eigvals": lambda np, x: _complex(np, np.linalg.eigvals(x)),
    "linalg.eig": lambda np, x: tuple(_complex(np, part) for part in np.linalg.eig(x)),
    "linalg.qr": _qr,
    "linalg.pinv": lambda np, x: np.linalg.pinv(x),
    "linalg.matrix_power": lambda np, x, n: np.linalg.matrix_power(x, n),
    "linalg.matrix_norm": lambda np, x, ord="fro", keepdim=False: np.linalg.matrix_norm(x, ord=ord, keepdims=keepdim),
    "linalg.cond": _cond,
    "linalg.tensorinv": lambda np, x, ind=2: np.linalg.tensorinv(x, ind),
    "linalg.tensorsolve": lambda np, a, b, dims=None: np.linalg.tensorsolve(a, b, dims),
}
