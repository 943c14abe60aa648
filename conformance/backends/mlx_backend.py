"""MLX on the CPU: ``mx.vjp``. ``in_double`` claims float64 as well, whose transcendental functions round as float32's."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np

from .functional import Functional
from .numpylike import Space, table
from .tables import Table, each, lacking, named, refusing, unclaimed, widening

DTYPES = ("float32", "complex64", "int64", "bool")
WITHOUT = """__getitem__.mask masked_select cdouble double half linalg.qr linalg.svd linalg.svdvals nn.functional.selu
nn.functional.pad.circular"""
FFT = "fft.fft2 fft.ifft2 fft.rfft2 fft.irfft2 fft.fftn fft.ifftn fft.rfftn fft.irfftn"
LACKING = ("Not implemented", "not implemented", "Cannot calculate VJP")
OWN = "sigmoid rsqrt erf erfinv"
NN = """nn.functional.relu=relu nn.functional.relu6=relu6 nn.functional.silu=silu nn.functional.mish=mish
nn.functional.hardswish=hardswish nn.functional.softsign=softsign nn.functional.logsigmoid=log_sigmoid
nn.functional.elu=elu nn.functional.celu=celu nn.functional.leaky_relu=leaky_relu
nn.functional.hardtanh=hard_tanh nn.functional.hardshrink=hard_shrink nn.functional.softshrink=softshrink"""


def backend(dtypes: tuple[str, ...] = DTYPES) -> Functional:
    import mlx.core as mx

    mx.set_default_device(mx.cpu)
    mx.disable_compile()  # mlx.nn compiles its activations for each new shape: seconds.

    def vjp(function: Callable[..., Any], args: tuple[Any, ...], cotangents: tuple[Any, ...]) -> tuple[Any, ...]:
        with unclaimed(ValueError, RuntimeError, saying=LACKING):
            return tuple(mx.vjp(lambda *values: list(function(*values)), list(args), list(cotangents))[1])

    def jvp(function: Callable[..., Any], args: tuple[Any, ...], tangents: tuple[Any, ...]) -> Any:
        with unclaimed(ValueError, RuntimeError, saying=LACKING):
            return mx.jvp(lambda *values: list(function(*values)), list(args), list(tangents))

    return Functional(
        "mlx",
        version("mlx"),
        operators(),
        vjp,
        dtypes,
        array=lambda array: mx.array(np.array(array, order="C"), dtype=_dtype(mx, array.dtype.name)),
        numpy=np.array,
        jvp=jvp,
        transforms={"vmap": lambda function, in_dims=0, out_dims=0: mx.vmap(function, in_dims, out_dims)},
    )


def in_double() -> Functional:
    return backend((*DTYPES, "float64"))


def _dtype(mx: Any, name: str) -> Any:
    return mx.bool_ if name == "bool" else getattr(mx, name)


def operators() -> Table:
    """The catalogue's names in terms of mlx.core and mlx.nn."""
    import mlx.core as mx
    import mlx.nn as nn

    space = Space(
        mx,
        ndim=lambda x: getattr(x, "ndim", 0),
        shape=lambda x: x.shape,
        cast=lambda x, to: x.astype(_dtype(mx, to)),
        true_divide=mx.divide,
        ravel=lambda x: mx.reshape(x, (-1,)),
    )
    own = {
        "logsumexp": lambda x, dim, keepdim: mx.logsumexp(x, dim if x.ndim else None, keepdim),
        "diff": lambda x, n=1, dim=-1, **around: (
            lacking("prepend and append") if around else mx.diff(x, n, dim) if n else 1 * x
        ),
        "softmax": lambda x, dim: mx.softmax(x, dim) if x.ndim else x * 0 + 1,
    }
    own |= {name: _transform(mx, name) for name in FFT.split()}
    own |= {name: _along(mx, name) for name in ("fft.fft", "fft.ifft", "fft.rfft", "fft.irfft")}
    found = table(space, tuple(WITHOUT.split())) | named(mx, OWN) | named(nn, NN) | own
    short = (mx.int32, mx.uint32)  # positions and counts
    return each(widening(lambda x: x.astype(mx.int64) if x.dtype in short else x), each(refusing, found))


def _along(mx: Any, name: str) -> Any:
    entry = getattr(mx.fft, name.removeprefix("fft."))
    return lambda x, n, dim, norm: entry(x, n, dim, norm=norm or "backward")


def _transform(mx: Any, name: str) -> Any:
    entry = getattr(mx.fft, name.removeprefix("fft."))

    def transform(x: Any, s: Any, dim: Any, norm: Any) -> Any:
        axes = list(dim) if dim is not None else None if s is None else list(range(-len(s), 0))
        return entry(x, None if s is None else list(s), axes, norm=norm or "backward")

    return transform
