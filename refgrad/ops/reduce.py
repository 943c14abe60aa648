"""Sums and means over dimensions, and what all reductions share: their dimensions, cotangent's shape and checks."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from .. import _dtypes as dtypes
from .._dtypes import SCALAR_NAMES, dtype
from .._errors import wrap_dim
from .._graph import gradient_edge
from .._interpreters import LIVE
from .._op import LINEAR, op, public
from .._sums import block_sum
from .._tensor import Tensor

Axes = tuple[int, ...]
NUMPY_NAMES = {"axis": "dim", "keepdims": "keepdim"}


def numpy_names(function: Callable[..., Any]) -> Callable[..., Any]:
    """Lets a function be called with NumPy's names for its keywords, as PyTorch does."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if "axis" in kwargs or "keepdims" in kwargs:
            kwargs = {NUMPY_NAMES.get(name, name): value for name, value in kwargs.items()}
        return function(*args, **kwargs)

    return call


def axes_of(t: Tensor, dim: Any) -> Axes:
    """The dimensions to reduce, in 0 … ndim-1; None or () means all. Raises IndexError or RuntimeError."""
    if dim is None or dim == ():
        return tuple(range(t.ndim))
    given = (dim,) if isinstance(dim, int) else tuple(dim)
    if not given:
        return tuple(range(t.ndim))
    axes = tuple(wrap_dim(d, t.ndim) for d in given)
    for k, a in enumerate(axes):
        if a in axes[:k]:
            raise RuntimeError(f"dim {a} appears multiple times in the list of dims")
    return () if t.ndim == 0 else axes


def one_dim(t: Tensor, dim: Any, name: str) -> int:
    """The one dimension of an operator, in 0 … ndim-1. Raises TypeError for what is no int, IndexError out of range."""
    if not isinstance(dim, int):
        raise TypeError(f"{name}(): argument 'dim' (position 2) must be int, not {type(dim).__name__}")
    return wrap_dim(dim, t.ndim)


def kept(F: Any, g: Any, shape: tuple[int, ...], axes: Axes, keepdim: bool) -> Any:
    """A reduced tensor with size-1 dimensions back in their places."""
    if keepdim or not axes or not shape:
        return g
    return F.reshape(g, tuple(1 if k in axes else n for k, n in enumerate(shape)))


def spread(F: Any, g: Any, shape: tuple[int, ...], axes: Axes, keepdim: bool) -> Any:
    """The vjp of a sum: the cotangent repeated over the reduced dimensions, as an expanded view."""
    return F.expand(kept(F, g, shape, axes, keepdim), shape)


def count_of(shape: tuple[int, ...], axes: Axes) -> int:
    """How many elements are reduced into one."""
    return math.prod(shape[k] for k in axes)


def not_implemented(kernel: str, t: Tensor) -> NoReturn:
    """PyTorch's error for a dtype that a CPU kernel lacks."""
    raise NotImplementedError(f"\"{kernel}\" not implemented for '{SCALAR_NAMES[t.dtype]}'")


def packed(result: Any) -> np.ndarray:
    """A kernel's result in row-major order, which PyTorch's reductions return whatever the input's layout; NumPy keeps
    the input's order."""
    return np.asarray(result, order="C")


def summed(a: np.ndarray, axes: Axes, keepdim: bool) -> np.ndarray:
    """The sum over dimensions."""
    return packed(block_sum(a, axes, keepdim))


sum_row = op(
    "sum(self, *, dim, keepdim)", summed, public=False, jvp=LINEAR,
    # Rules call it for some dimensions too.
    self=lambda g, F, self_meta, dim, keepdim: spread(
        F, g, self_meta.shape, dim if len(dim) < len(self_meta.shape) else (), keepdim
    ),
)  # fmt: skip
sum_dim_row = op(
    "sum_dim(self, *, dim, keepdim)", summed, public=False, node="sum", overload=1, jvp=LINEAR,
    self=lambda g, F, self_meta, dim, keepdim: spread(F, g, self_meta.shape, dim, keepdim),
)  # fmt: skip


def _live_sum(t: Tensor, dim: Axes, keepdim: bool) -> Tensor:
    """F.sum on tensors: a sum over some dimensions has a node, and a gradient, of its own."""
    row = sum_row if len(dim) == t.ndim and not keepdim else sum_dim_row
    return row(t, dim, keepdim)


LIVE.sum = _live_sum


def accumulated(input: Tensor, dtype: dtype | None) -> Tensor:
    """The operand of a sum or product in the dtype asked for; integers without one accumulate in int64."""
    if dtype is None and input.dtype.category < dtypes.FLOAT:
        dtype = dtypes.int64
    return input if dtype is None or dtype is input.dtype else cast_within(input, dtype)


def cast_within(input: Tensor, dtype: dtype) -> Tensor:
    """The operand of an operation that casts within itself: the cast is no node of the graph, and the engine casts
    the gradient back where it arrives."""
    made = input.to(dtype)
    if type(made) is Tensor and made._edge is not None:
        made._edge = gradient_edge(input)
    return made


@public("sum")
@numpy_names
def sum_(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Tensor:
    """The sum over `dim` (all without it); integers sum in int64. Source: torch.sum."""
    input = accumulated(input, dtype)
    row = sum_row if dim is None and not keepdim else sum_dim_row
    return row(input, axes_of(input, dim), keepdim)


def _mean(a: np.ndarray, dim: Axes, keepdim: bool) -> np.ndarray:
    return np.true_divide(summed(a, dim, keepdim), count_of(a.shape, dim))


def _mean_vjp(g: Any, F: Any, self_meta: Any, dim: Axes, keepdim: bool) -> Any:
    return spread(F, F.div(g, count_of(self_meta.shape, dim) or 1), self_meta.shape, dim, keepdim)


mean_row = op("mean(self, *, dim, keepdim)", _mean, public=False, jvp=LINEAR, self=_mean_vjp)
mean_dim_row = op(
    "mean_dim(self, *, dim, keepdim)", _mean, public=False, node="mean", overload=1, jvp=LINEAR, self=_mean_vjp
)


@public("mean")
@numpy_names
def mean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Tensor:
    """The mean over `dim` (all without it). Source: torch.mean. Raises RuntimeError for integers without a floating
    `dtype`. Trap: the mean of nothing is nan."""
    wanted, which = (input.dtype, "Input") if dtype is None else (dtype, "Optional")
    if wanted.category < dtypes.FLOAT:
        raise RuntimeError(
            f"mean(): could not infer output dtype. {which} dtype must be either a floating point or complex dtype. "
            f"Got: {SCALAR_NAMES[wanted]}"
        )
    input = accumulated(input, dtype)
    row = mean_row if dim is None and not keepdim else mean_dim_row
    return row(input, axes_of(input, dim), keepdim)


def _nansum(a: np.ndarray, dim: Axes, keepdim: bool) -> np.ndarray:
    return summed(np.where(np.isnan(a), a.dtype.type(0), a), dim, keepdim)


nansum_row = op(
    "nansum(self, *, dim, keepdim)", _nansum, public=False,
    self=lambda g, F, self, dim, keepdim: spread(F, g, self.shape, dim, keepdim) * (self == self),
    jvp=lambda F, x, t, attrs, out: F.sum(t[0] * (x[0] == x[0]), *attrs),
)  # fmt: skip


@public("nansum")
@numpy_names
def nansum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Tensor:
    """The sum of what is not nan. Source: torch.nansum. Raises RuntimeError for complex input."""
    if input.is_complex():
        raise RuntimeError("nansum on CPU does not support complex inputs")
    if input.dtype.category < dtypes.FLOAT:
        return sum_(input, dim, keepdim, dtype=dtype)
    input = accumulated(input, dtype)
    return nansum_row(input, axes_of(input, dim), keepdim)


@public("nanmean")
@numpy_names
def nanmean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Tensor:
    """The mean of what is not nan. Source: torch.nanmean. Raises RuntimeError for integers."""
    if input.dtype.category < dtypes.FLOAT:
        raise RuntimeError(
            "nanmean(): expected input to have floating point or complex dtype but got " + SCALAR_NAMES[input.dtype]
        )
    total = nansum(input, dim, keepdim, dtype=dtype)
    return total / sum_(input.detach() == input.detach(), dim, keepdim)


count_nonzero_row = op(
    "count_nonzero(self, *, dim) -> out!",
    lambda a, dim: packed(np.add.reduce(a != 0, dim, dtype=np.int64)),
    public=False, exact=True,
)  # fmt: skip
any_row = op(
    "any(self, *, dim, keepdim) -> out!",
    lambda a, dim, keepdim: packed(np.logical_or.reduce(a != 0, dim, keepdims=keepdim)),
    public=False,
    exact=True,
)
all_row = op(
    "all(self, *, dim, keepdim) -> out!",
    lambda a, dim, keepdim: packed(np.logical_and.reduce(a != 0, dim, keepdims=keepdim)),
    public=False,
    exact=True,
)


@public("count_nonzero")
@numpy_names
def count_nonzero(input: Tensor, dim: Any = None) -> Tensor:
    """How many elements are not zero, in int64. Source: torch.count_nonzero."""
    return count_nonzero_row(input, axes_of(input, dim))


@public("any")
@numpy_names
def any_(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether some element is not zero; bool (uint8 for uint8). Source: torch.any. `dim=()` reduces nothing."""
    return _truth(any_row, input, dim, keepdim)


@public("all")
@numpy_names
def all_(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether no element is zero; bool (uint8 for uint8). Source: torch.all. `dim=()` reduces nothing."""
    return _truth(all_row, input, dim, keepdim)


def _truth(row: Callable[..., Tensor], input: Tensor, dim: Any, keepdim: bool) -> Tensor:
    found = row(input, () if dim == () else axes_of(input, dim), keepdim)
    return found.to(dtypes.uint8) if input.dtype is dtypes.uint8 else found
