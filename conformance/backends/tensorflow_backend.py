"""TensorFlow: its NumPy namespace, ``tf.math``, ``tf.nn``, ``tf.linalg``, and ``GradientTape``."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from .functional import Functional
from .numpylike import Space, table
from .numpylike.reductions import axes
from .tables import Table, each, lacking, named, refusing, unclaimed, widening

MATH = """erf erfc erfinv lgamma digamma sigmoid rsqrt expm1 log1p i0=bessel_i0 special.i0e=bessel_i0e special.i1=bessel_i1
special.i1e=bessel_i1e special.ndtri=ndtri reciprocal xlogy special.xlog1py=xlog1py"""
NN = """relu nn.functional.relu=relu nn.functional.relu6=relu6 nn.functional.selu=selu nn.functional.silu=silu
nn.functional.softsign=softsign"""
WITHOUT = """linalg.svd linalg.svdvals linalg.eigh linalg.qr linalg.eig linalg.cond linalg.slogdet __getitem__.advanced
__getitem__.mask angle clamp.tensors complex polar view_as_complex float_power flip take squeeze.dim squeeze.dims diff std
std.dim std_mean std_mean.dim var var.dim var_mean var_mean.dim nextafter argmax argmin max.dim min.dim round.decimals cross
linalg.cross nn.functional.pad.replicate nn.functional.pad.circular"""
LINALG = "logdet"


def backend() -> Functional:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    def vjp(function: Callable[..., Any], args: tuple[Any, ...], cotangents: tuple[Any, ...]) -> tuple[Any, ...]:
        with tf.GradientTape() as tape:
            for x in args:
                tape.watch(x)
            outputs = list(function(*args))
        if any(g.dtype != y.dtype for g, y in zip(cotangents, outputs)):
            lacking("a cotangent of another dtype")
        with unclaimed(LookupError):
            found = tape.gradient(outputs, list(args), list(cotangents), tf.UnconnectedGradients.ZERO)
        return tuple(map(tf.convert_to_tensor, found))

    def jvp(function: Callable[..., Any], args: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        with unclaimed(LookupError), tf.autodiff.ForwardAccumulator(list(args), list(tangents)) as accumulator:
            outputs = function(*args)
        return outputs, tuple(tf.zeros_like(y) if (t := accumulator.jvp(y)) is None else t for y in outputs)

    return Functional(
        "tensorflow",
        _version(),
        operators(),
        vjp,
        ("float32", "float64", "complex64", "complex128", "int64", "bool"),
        array=lambda array: tf.constant(np.array(array, order="C")),
        numpy=lambda x: tf.convert_to_tensor(x).numpy(),
        jvp=jvp,
    )


def _version() -> str:
    try:
        return version("tensorflow-cpu")
    except PackageNotFoundError:
        return version("tensorflow")


def operators() -> Table:
    """The catalogue's names in terms of tensorflow."""
    import tensorflow as tf
    import tensorflow.experimental.numpy as tnp

    space = Space(tnp, kind=lambda x: x.dtype.name, cast=tf.cast, linalg=tf.linalg, shape=lambda x: tuple(x.shape))
    own = named(tf.math, MATH) | named(tf.nn, NN) | named(tf.linalg, LINALG)
    entries = table(space, tuple(WITHOUT.split())) | own | _others(tf, space)
    return each(lambda entry: refusing(entry, tf.errors.OpError), entries)


def _others(tf: Any, space: Space) -> Table:
    def over(entry: Any) -> Any:
        return lambda x, dim, keepdim: entry(x, axes(space, x, dim), keepdims=keepdim)

    def scan(entry: Any) -> Any:
        return lambda x, dim: entry(x, dim) if x.ndim else tf.identity(x)

    def spread(entry: Any) -> Any:
        return lambda x, dim, keepdim, correction: (
            lacking() if correction or x.dtype.is_complex else entry(x, axes(space, x, dim), keepdims=keepdim)
        )

    # With positions that are wide from the start top_k has no gradient.
    largest_last = widening(lambda x: tf.cast(x, tf.int64) if x.dtype == tf.int32 else x)(tf.math.top_k)
    return {
        "logsumexp": over(tf.reduce_logsumexp),
        "cumsum": scan(tf.cumsum),
        "cumprod": scan(tf.math.cumprod),
        "logcumsumexp": scan(tf.math.cumulative_logsumexp),
        "softmax": lambda x, dim: tf.nn.softmax(x, dim) if x.ndim else tf.ones_like(x),
        "log_softmax": lambda x, dim: tf.nn.log_softmax(x, dim) if x.ndim else tf.zeros_like(x),
        "round": tf.round,
        "angle": tf.math.angle,
        "complex": tf.complex,
        "var.dim": spread(tf.math.reduce_variance),
        "std.dim": spread(tf.math.reduce_std),
        "argmax": lambda x, dim, keepdim: tf.argmax(x, dim) if x.ndim and not keepdim else lacking(),
        "argmin": lambda x, dim, keepdim: tf.argmin(x, dim) if x.ndim and not keepdim else lacking(),
        "flip": lambda x, dims: tf.reverse(x, list(dims)),
        "linalg.pinv": lambda x: tf.linalg.pinv(x) if x.dtype.is_floating else lacking(),
        "nn.functional.elu": lambda x, alpha: tf.nn.elu(x) if alpha == 1 else lacking(),
        "nn.functional.gelu": lambda x, approximate: tf.nn.gelu(x, approximate == "tanh"),
        "nn.functional.leaky_relu": lambda x, negative_slope: tf.nn.leaky_relu(x, negative_slope),
        "nn.functional.softplus": lambda x, beta, threshold: tf.nn.softplus(x) if beta == 1 != threshold else lacking(),
        "nn.functional.logsigmoid": tf.math.log_sigmoid,
        "polygamma": lambda n, x: tf.math.polygamma(tf.cast(n, x.dtype), x),
        "gather": lambda x, dim, index: (
            tf.experimental.numpy.take_along_axis(x, index, dim)
            if x.ndim > 0 and x.shape[:dim] + x.shape[dim:][1:] == index.shape[:dim] + index.shape[dim:][1:]
            else lacking()
        ),
        "masked_select": lambda x, mask: tf.boolean_mask(x, mask) if x.shape == mask.shape else lacking(),
        "linalg.solve": lambda a, b, left=True: tf.linalg.solve(a, b) if left and b.ndim == a.ndim else lacking(),
        "linalg.eigvalsh": lambda x, UPLO: tf.math.real(tf.linalg.eigvalsh(x)) if UPLO == "L" else lacking(),
        "linalg.svdvals": lambda x: tf.linalg.svd(x, compute_uv=False),
        "linalg.qr": lambda x, mode: tf.linalg.qr(x, mode == "complete") if mode != "r" else lacking(),
        "topk": lambda x, k, dim, largest, sorted: (
            largest_last(x, k) if largest and dim in (-1, x.ndim - 1) else lacking()
        ),
    }
