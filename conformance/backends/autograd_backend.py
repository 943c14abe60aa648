"""HIPS autograd: NumPy functions and ``make_vjp``."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from .functional import Functional


def backend() -> Functional:
    import autograd.numpy as np
    from autograd.core import make_vjp

    def vjp(function: Callable[..., Any], args: tuple[Any, ...], cotangents: tuple[Any, ...]) -> tuple[Any, ...]:
        from autograd.builtins import tuple as boxed

        # Its complex cotangents are the conjugates of PyTorch's.
        pull, _ = make_vjp(lambda packed: boxed(function(*packed)), args)
        return tuple(np.conj(part) for part in pull(tuple(np.conj(g) for g in cotangents)))

    return Functional(
        "autograd", version("autograd"), operators(), vjp, ("float32", "float64", "complex128", "int64", "bool")
    )


def operators() -> dict[str, Callable[..., Any]]:
    """The catalogue's names in terms of autograd.numpy."""
    import autograd.numpy as np
    from autograd.scipy.special import logsumexp

    return {
        **_pointwise(np),
        **_reductions(np, logsumexp),
        "reshape": np.reshape,
        "view": np.reshape,
        "transpose": lambda x, i, j: np.swapaxes(x, i, j) if np.ndim(x) else x,
        "permute": lambda x, dims: np.transpose(x, dims),
        "expand": lambda x, shape: np.broadcast_to(x, shape),
        "clone": lambda x: 1 * x,
        "cat": lambda tensors, dim: np.concatenate(tensors, dim),
        "__getitem__": lambda x, index: x[index],
        "matmul": np.matmul,
        "mm": np.matmul,
        "where": np.where,
    }


def _pointwise(np: Any) -> dict[str, Callable[..., Any]]:
    same = ("sin", "cos", "exp", "log", "sqrt", "tanh", "floor", "maximum", "reciprocal")
    table: dict[str, Callable[..., Any]] = {name: getattr(np, name) for name in same}
    return {
        **table,
        "abs": np.abs,
        "atanh": np.arctanh,
        "neg": np.negative,
        "add": lambda x, y, alpha=1: x + alpha * y if alpha != 1 else x + y,
        "sub": lambda x, y, alpha=1: x - alpha * y if alpha != 1 else x - y,
        "mul": np.multiply,
        "div": np.true_divide,
        "pow": np.power,
        "gt": np.greater,
        "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
        "relu": lambda x: np.maximum(x, 0),
        "nn.functional.leaky_relu": lambda x, negative_slope: np.where(x > 0, x, x * negative_slope),
        "nn.functional.softplus": lambda x, beta, threshold: np.where(
            beta * x > threshold, x, np.log1p(np.exp(beta * x)) / beta
        ),
    }


def _reductions(np: Any, logsumexp: Callable[..., Any]) -> dict[str, Callable[..., Any]]:
    def over(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda x, dim=None, keepdim=False, **rest: function(
            x, axis=dim if np.ndim(x) else None, keepdims=keepdim, **rest
        )

    def softmax(x: Any, dim: int) -> Any:
        grown = np.exp(x - np.max(x, axis=dim, keepdims=True)) if np.ndim(x) else x * 0 + 1
        return grown / np.sum(grown, axis=dim, keepdims=True) if np.ndim(x) else grown

    return {
        "sum": np.sum,
        "sum.dim": over(np.sum),
        "mean": np.mean,
        "mean.dim": over(np.mean),
        "prod": np.prod,
        "prod.dim": over(np.prod),
        "amax": over(np.max),
        "var.dim": lambda x, dim, keepdim, correction: np.var(x, axis=dim, keepdims=keepdim, ddof=correction),
        "logsumexp": over(logsumexp),
        "cumsum": lambda x, dim: np.cumsum(x, axis=dim) if np.ndim(x) else x,
        "softmax": softmax,
    }
