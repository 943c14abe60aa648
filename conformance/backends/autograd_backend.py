"""HIPS autograd: its wrapped NumPy and SciPy, and ``make_vjp``."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from .functional import Functional
from .numpylike import Space, Table, table
from .numpylike.reductions import axes

DTYPES = ("float32", "float64", "complex128", "int64", "bool")


def backend() -> Functional:
    import autograd.numpy as np
    from autograd.builtins import tuple as boxed
    from autograd.core import make_jvp, make_vjp

    def vjp(function: Callable[..., Any], args: tuple[Any, ...], cotangents: tuple[Any, ...]) -> tuple[Any, ...]:
        # Its complex cotangents are the conjugates of PyTorch's.
        pull, _ = make_vjp(lambda packed: boxed(function(*packed)), args)
        return tuple(np.conj(part) for part in pull(tuple(np.conj(g) for g in cotangents)))

    def jvp(function: Callable[..., Any], args: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        return make_jvp(lambda packed: boxed(function(*packed)), args)(tangents)

    return Functional("autograd", version("autograd"), operators(), vjp, DTYPES, jvp=jvp)


def operators() -> Table:
    """The catalogue's names in terms of autograd.numpy and autograd.scipy."""
    import autograd.numpy as np
    from autograd.scipy import linalg, special

    space = Space(np)
    return table(space) | {
        "logsumexp": lambda x, dim, keepdim: special.logsumexp(x, axes(space, x, dim), keepdims=keepdim),
        "erf": special.erf,
        "erfc": special.erfc,
        "erfinv": special.erfinv,
        "lgamma": special.gammaln,
        "digamma": special.psi,
        "i0": special.i0,
        "special.i1": special.i1,
        "logit": lambda x, eps: special.logit(x if eps is None else np.clip(x, eps, 1 - eps)),
        "sigmoid": special.expit,
        "linalg.solve_triangular": lambda a, b, upper, left, unitriangular: _triangular(
            linalg.solve_triangular, a, b, upper, left, unitriangular
        ),
    }


def _triangular(solve: Callable[..., Any], a: Any, b: Any, upper: bool, left: bool, unitriangular: bool) -> Any:
    """SciPy takes one matrix, on the left; its keyword for a unit diagonal has no derivative there."""
    if not left or unitriangular or a.ndim != 2 or b.ndim != 2:
        raise NotImplementedError("solutions from the right, batches, unit diagonals")
    return solve(a, b, lower=not upper)
