"""tinygrad: lazy tensors, ``Tensor.gradient``. Its device is the one that DEV names; PYTHON needs no compiler."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np

from .functional import Functional
from .numpylike import Space
from .tables import OPERATORS, Entry, Table, each, listing, named, only, promoting, refusing, renaming, widening

SAME = """sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh exp exp2 log log2 log10 sqrt rsqrt reciprocal square
abs neg sigmoid floor ceil trunc round sign erf relu isnan isinf isfinite logical_not clone zeros_like ones_like
nn.functional.relu=relu nn.functional.relu6=relu6 nn.functional.silu=silu nn.functional.mish=mish
nn.functional.hardswish=hardswish nn.functional.logsigmoid=logsigmoid nn.functional.softsign=softsign
nn.functional.hardsigmoid=hardsigmoid nn.functional.elu=elu nn.functional.celu=celu nn.functional.gelu=gelu
nn.functional.hardtanh=hardtanh sum mean prod max min var std var_mean std_mean squeeze squeeze.dim=squeeze unsqueeze
reshape view=reshape permute expand broadcast_to=expand transpose swapaxes=transpose flatten unflatten ravel=flatten flip
repeat tril triu unfold diagonal matmul mm=matmul mv=matmul bmm=matmul dot=matmul detach masked_fill masked_select
clamp __getitem__ split split.sizes=split split_with_sizes=split unsafe_split=split repeat_interleave roll einsum gather
nn.functional.pad=pad constant_pad_nd=pad nn.functional.pad.reflect=pad nn.functional.pad.replicate=pad
nn.functional.pad.circular=pad nn.functional.scaled_dot_product_attention=scaled_dot_product_attention"""
BINARY = "div.rounded=div maximum minimum copysign fmod remainder=mod logaddexp lerp lerp.tensor=lerp"
AXIS = """sum.dim=sum mean.dim=mean prod.dim=prod amax=max amin=min any all logsumexp logcumsumexp cumsum cumprod softmax
log_softmax nn.functional.softmax=softmax nn.functional.log_softmax=log_softmax var.dim=var std.dim=std
var_mean.dim=var_mean std_mean.dim=std_mean argmax argmin cummax cummin"""


def backend() -> Functional:
    # Else it compiles in processes of its own, which it starts anew after every 16 kernels: twice the time of all else.
    os.environ.setdefault("PARALLEL", "0")
    from tinygrad import Tensor

    def vjp(function: Callable[..., Any], args: tuple[Any, ...], cotangents: tuple[Any, ...]) -> tuple[Any, ...]:
        pulled = [y.gradient(*args, gradient=g) for y, g in zip(function(*args), cotangents)]
        return tuple(sum(parts[1:], parts[0]) for parts in zip(*pulled))

    return Functional(
        "tinygrad",
        version("tinygrad"),
        operators(),
        vjp,
        ("float32", "float64", "int64", "bool"),
        array=_leaf,
        numpy=lambda x: x.numpy(),
        compiles="per_shape",
        together=lambda arrays: Tensor.realize(*arrays) if arrays else None,
    )


def _leaf(array: np.ndarray) -> Any:
    """A tensor with memory of its own. tinygrad makes a constant of an array without dimensions, and of two equal ones
    the same: a derivative in one is then that in both."""
    from tinygrad import Tensor

    return Tensor(np.array(array, order="C").reshape(array.shape or 1)).reshape(array.shape)


def operators() -> Table:
    """The catalogue's names in terms of tinygrad.Tensor."""
    from tinygrad import Tensor, dtypes

    kinds = {dtypes.double: "float64", dtypes.float: "float32", dtypes.long: "int64", dtypes.bool: "bool"}
    space = Space(None, kind=lambda x: kinds[x.dtype], cast=lambda x, to: x.cast(to), shape=lambda x: x.shape)
    table = named(Tensor, SAME) | each(promoting(space), named(Tensor, BINARY))
    table |= each(_over, named(Tensor, AXIS))
    table |= each(promoting(space), OPERATORS) | each(listing(space), _joins()) | _others(Tensor, space)
    return each(widening(lambda x: x.cast(dtypes.long) if dtypes.is_int(x.dtype) else x), each(refusing, table))


def _over(entry: Entry) -> Entry:
    """No dimensions mean all of them; one alone is a number."""

    def over(x: Any, dim: Any, **options: Any) -> Any:
        if isinstance(dim, tuple) and len(dim) < 2:
            dim = dim[0] if dim else None
        return entry(x, axis=dim, **options)

    return over


def _single(entry: Entry) -> Entry:
    """For entries that take one dimension, not several."""

    def single(x: Any, dim: tuple[int, ...], keepdim: bool) -> Any:
        if len(dim) > 1:
            raise NotImplementedError("several dimensions")
        return entry(x, dim[0], keepdim)

    return single


def _joins() -> Table:
    return {
        "cat": lambda tensors, dim: tensors[0].cat(*tensors[1:], dim=dim),
        "stack": lambda tensors, dim: tensors[0].stack(*tensors[1:], dim=dim),
    }


def _others(tensor: Any, space: Space) -> Table:
    where = promoting(space)
    return {
        "where": lambda c, x, y: where(lambda x, y: c.where(x, y))(x, y),
        "clamp": lambda x, min, max: x.clamp(min, max),
        "clamp_min": lambda x, min: x.clamp(min, None),
        "clamp_max": lambda x, max: x.clamp(None, max),
        "t": lambda x: x.transpose(0, 1) if x.ndim > 1 else x,
        "T": lambda x: x.permute(tuple(range(x.ndim))[::-1]),
        "mT": lambda x: x.transpose(-1, -2),
        "expand_as": lambda x, y: x.expand(y.shape),
        "view_as": lambda x, y: x.reshape(y.shape),
        "reshape_as": lambda x, y: x.reshape(y.shape),
        "chunk": tensor.chunk,
        "meshgrid": lambda *tensors, indexing: tensors[0].meshgrid(*tensors[1:], indexing=indexing),
        "outer": lambda x, y: x.unsqueeze(1) * y.unsqueeze(0),
        "nn.functional.linear": lambda x, weight, bias=None: x.linear(weight.transpose(), bias),
        "nn.functional.leaky_relu": renaming(negative_slope="neg_slope")(tensor.leaky_relu),
        "nn.functional.softplus": only(tensor.softplus, threshold=20.0),
        "nn.functional.softmin": lambda x, dim: (-x).softmax(dim),
        "nn.functional.tanhshrink": lambda x: x - x.tanh(),
        "logsumexp": _single(tensor.logsumexp),
        "sort": tensor.sort,
        "argsort": tensor.argsort,
        "topk": renaming(sorted="sorted_")(tensor.topk),
        "nn.functional.normalize": tensor.normalize,
        "nn.functional.scaled_dot_product_attention": only(tensor.scaled_dot_product_attention, scale=None),
        "nn.functional.one_hot": lambda x, num_classes: x.one_hot(num_classes),
    }
