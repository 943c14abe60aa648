"""JAX: jax.numpy, jax.nn and jax.scipy, ``jax.vjp``, ``jax.jvp``, ``jax.vmap``; each program under ``jax.jit``."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from .functional import Functional
from .numpylike import Space, Table, table
from .numpylike.reductions import axes
from .numpylike.space import alike
from .tables import lacking, named

SPECIAL = """erf erfc erfinv lgamma=gammaln digamma i0 special.i0e=i0e special.i1=i1 special.i1e=i1e special.entr=entr
special.ndtr=ndtr special.ndtri=ndtri special.log_ndtr=log_ndtr polygamma special.polygamma=polygamma"""
NN = """sigmoid relu nn.functional.relu=relu nn.functional.relu6=relu6 nn.functional.selu=selu nn.functional.elu=elu
nn.functional.celu=celu nn.functional.silu=silu nn.functional.mish=mish nn.functional.leaky_relu=leaky_relu
nn.functional.logsigmoid=log_sigmoid nn.functional.softsign=soft_sign nn.functional.hardswish=hard_swish
nn.functional.hardsigmoid=hard_sigmoid"""
DTYPES = ("float16", "bfloat16", "float32", "float64", "complex64", "complex128", "int64", "int32", "bool")


FLAGS = "--xla_cpu_parallel_codegen_split_count=1 --xla_cpu_use_fusion_emitters=false"
"""How XLA compiles, not what: in one piece, and by the emitter that takes a fourth of the time."""


def backend() -> Functional:
    os.environ["XLA_FLAGS"] = f"{FLAGS} {os.environ.get('XLA_FLAGS', '')}"
    import jax
    import numpy

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_platforms", "cpu")
    # Compiling is nearly all the time that these small programs take.
    jax.config.update("jax_disable_most_optimizations", True)
    conj = jax.numpy.conj

    def vjp(function: Callable[..., Any], args: tuple[Any, ...], cotangents: tuple[Any, ...]) -> tuple[Any, ...]:
        _, pull = jax.vjp(function, *args)
        return tuple(conj(part) for part in pull(tuple(map(conj, cotangents))))

    def vmap(function: Callable[..., Any], in_dims: Any, out_dims: Any) -> Callable[..., Any]:
        return jax.vmap(function, in_dims, out_dims)

    return Functional(
        "jax",
        jax.__version__,
        operators(),
        vjp,
        DTYPES,
        jax.numpy.asarray,
        numpy.asarray,
        jvp=jax.jvp,
        transforms={"vmap": vmap, "jacrev": jax.jacrev, "jacfwd": jax.jacfwd, "hessian": jax.hessian},
        compiled=jax.jit,
        untraceable=(jax.errors.ConcretizationTypeError, jax.errors.NonConcreteBooleanIndexError),
        compiles="per_shape",
    )


def operators() -> Table:
    """The catalogue's names in terms of jax.numpy, jax.nn, jax.lax and jax.scipy."""
    import jax
    import jax.numpy as np
    from jax import nn
    from jax.scipy import linalg, special

    space = Space(np)

    def cholesky(x: Any, upper: bool = False) -> Any:
        # Unless told not to, it takes the mean of both triangles.
        lower = np.linalg.cholesky(x.mT.conj() if upper else x, symmetrize_input=False)
        return lower.mT.conj() if upper else lower

    return (
        table(space, without=("float_power",))  # which stays in single precision
        | named(special, SPECIAL)
        | named(nn, NN)
        | named(linalg, "matrix_exp=expm linalg.matrix_exp=expm block_diag")
        | {
            "detach": jax.lax.stop_gradient,
            "xlogy": lambda x, y: special.xlogy(*alike(space, x, y)),
            "special.xlog1py": lambda x, y: special.xlog1py(*alike(space, x, y)),
            "angle": lambda x: np.angle(x).astype(np.real(x).dtype),
            "gradient": lambda x, spacing, dim, edge_order: (
                (np.gradient(x, spacing, axis=dim),) if edge_order == 1 else lacking("edges of second order")
            ),
            "cholesky": cholesky,
            "linalg.cholesky": cholesky,
            "logit": lambda x, eps=None: special.logit(x if eps is None else np.clip(x, eps, 1 - eps)),
            "logsumexp": lambda x, dim, keepdim=False: special.logsumexp(x, axes(space, x, dim), keepdims=keepdim),
            "nn.functional.gelu": lambda x, approximate="none": nn.gelu(x, approximate == "tanh"),
            "nn.functional.glu": lambda x, dim=-1: nn.glu(x, dim),
            "softmax": lambda x, dim: nn.softmax(x, axes(space, x, dim)),
            "nn.functional.softmax": lambda x, dim: nn.softmax(x, axes(space, x, dim)),
            "log_softmax": lambda x, dim: nn.log_softmax(x, axes(space, x, dim)),
            "nn.functional.log_softmax": lambda x, dim: nn.log_softmax(x, axes(space, x, dim)),
            "linalg.solve_triangular": lambda a, b, upper, left=True, unitriangular=False: _triangular(
                jax.lax.linalg.triangular_solve, a, b, upper, left, unitriangular
            ),
        }
    )


def _triangular(solve: Callable[..., Any], a: Any, b: Any, upper: bool, left: bool, unitriangular: bool) -> Any:
    if a.ndim != b.ndim or a.shape[:-2] != b.shape[:-2]:
        raise NotImplementedError("batches that broadcast")
    return solve(a, b, left_side=left, lower=not upper, unit_diagonal=unitriangular)
