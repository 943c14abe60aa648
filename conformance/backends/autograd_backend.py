"""HIPS autograd: its wrapped NumPy and SciPy, and ``make_vjp``."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from .functional import Functional
from .numpylike import Space, Table, table
from .numpylike.reductions import axes
from .tables import named

SPECIAL = "erf erfc erfinv lgamma=gammaln digamma=psi i0 special.i1=i1 sigmoid=expit"
DTYPES = ("float32", "float64", "complex128", "int64", "bool")


def backend() -> Functional:
    import autograd.numpy as np
    from autograd import hessian, jacobian
    from autograd.builtins import tuple as boxed
    from autograd.core import make_jvp, make_vjp

    def vjp(function: Callable[..., Any], args: tuple[Any, ...], cotangents: tuple[Any, ...]) -> tuple[Any, ...]:
        # Its complex cotangents are the conjugates of PyTorch's.
        pull, _ = make_vjp(lambda packed: boxed(function(*packed)), args)
        return tuple(np.conj(part) for part in pull(tuple(np.conj(g) for g in cotangents)))

    def jvp(function: Callable[..., Any], args: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        return make_jvp(lambda packed: boxed(function(*packed)), args)(tangents)

    transforms = {
        "jacrev": lambda function, argnums: jacobian(function, argnums),
        "hessian": lambda function, argnums: hessian(function, argnums),
    }
    return Functional("autograd", version("autograd"), operators(), vjp, DTYPES, jvp=jvp, transforms=transforms)


def operators() -> Table:
    """The catalogue's names in terms of autograd.numpy and autograd.scipy."""
    import autograd.numpy as np
    from autograd.scipy import linalg, special

    space = Space(np)
    # These it refuses by an assertion, or has in the forward direction alone.
    without = (
        "clamp.tensors",
        "linalg.multi_dot",
        *(f"nn.functional.pad.{mode}" for mode in ("reflect", "replicate", "circular")),
    )
    return (
        table(space, without)
        | named(special, SPECIAL)
        | {
            "expand": lambda x, shape: _broadcast(np, x, shape),
            "expand_as": lambda x, y: _broadcast(np, x, np.shape(y)),
            "broadcast_to": lambda x, shape: _broadcast(np, x, shape),
            "diff": lambda x, n=1, dim=-1, **around: _diff(np, x, n, dim, around),
            "logsumexp": lambda x, dim, keepdim=False: special.logsumexp(
                _several(np, x), axes(space, x, dim), keepdims=keepdim
            ),
            "logit": lambda x, eps=None: special.logit(x if eps is None else np.clip(x, eps, 1 - eps)),
            "linalg.solve_triangular": lambda a, b, upper, left=True, unitriangular=False: _triangular(
                linalg.solve_triangular, a, b, upper, left, unitriangular
            ),
        }
    )


def _broadcast(np: Any, x: Any, shape: tuple[int, ...]) -> Any:
    if len(shape) > np.ndim(x):
        raise NotImplementedError("new dimensions, which its broadcast_to refuses to differentiate")
    return np.broadcast_to(x, tuple(old if new == -1 else new for old, new in zip(np.shape(x), shape)))


def _several(np: Any, x: Any) -> Any:
    if not np.ndim(x):
        raise NotImplementedError("no dimensions, of which SciPy makes one")
    return x


def _diff(np: Any, x: Any, n: int, dim: int, around: dict[str, Any]) -> Any:
    if around:
        raise NotImplementedError("prepend and append, which its derivative of diff has no keywords for")
    return np.diff(x, n, dim) if n else 1 * x


def _triangular(solve: Callable[..., Any], a: Any, b: Any, upper: bool, left: bool, unitriangular: bool) -> Any:
    """SciPy takes one matrix, on the left; its keyword for a unit diagonal has no derivative there."""
    if not left or unitriangular or a.ndim != 2 or b.ndim != 2:
        raise NotImplementedError("solutions from the right, batches, unit diagonals")
    return solve(a, b, lower=not upper)
