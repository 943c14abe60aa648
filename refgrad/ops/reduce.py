"""Reductions over dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .._dtypes import dtype
from .._errors import wrap_dim
from .._op import LINEAR, op, public
from .._tensor import Tensor

Axes = tuple[int, ...]


def axes_of(t: Tensor, dim: Any) -> Axes:
    """The dimensions to reduce, in 0 … ndim-1; None or () means all. Raises IndexError or RuntimeError."""
    if dim is None or dim == ():
        return tuple(range(t.ndim))
    given = (dim,) if isinstance(dim, int) else tuple(dim)
    axes = tuple(wrap_dim(d, t.ndim) for d in given)
    for k, a in enumerate(axes):
        if a in axes[:k]:
            raise RuntimeError(f"dim {a} appears multiple times in the list of dims")
    return () if t.ndim == 0 else axes


def kept(F: Any, g: Any, shape: tuple[int, ...], axes: Axes, keepdim: bool) -> Any:
    """A reduced tensor with size-1 dimensions back in their places."""
    if keepdim or not axes:
        return g
    return F.reshape(g, tuple(1 if k in axes else n for k, n in enumerate(shape)))


def spread(F: Any, g: Any, shape: tuple[int, ...], axes: Axes, keepdim: bool) -> Any:
    """The vjp of a sum: the cotangent repeated over the reduced dimensions, as an expanded view."""
    return F.expand(kept(F, g, shape, axes, keepdim), shape)


sum_row = op(
    "sum(self, *, axes, keepdim)",
    lambda a, axes, keepdim: np.add.reduce(a, axes, keepdims=keepdim),
    public=False, jvp=LINEAR,
    self=lambda g, F, self_meta, axes, keepdim: spread(F, g, self_meta.shape, axes, keepdim),
)  # fmt: skip
sum_dim_row = op(
    "sum_dim(self, *, axes, keepdim)",
    lambda a, axes, keepdim: np.add.reduce(a, axes, keepdims=keepdim),
    public=False, node="sum", overload=1, jvp=LINEAR,
    self=lambda g, F, self_meta, axes, keepdim: spread(F, g, self_meta.shape, axes, keepdim),
)  # fmt: skip


@public("sum")
def sum_(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Tensor:
    """The sum over `dim` (all without it); integers sum in int64. Source: torch.sum."""
    if dtype is None and input.dtype.category < dtypes.FLOAT:
        dtype = dtypes.int64
    if dtype is not None and dtype is not input.dtype:
        input = input.to(dtype)
    row = sum_row if dim is None else sum_dim_row
    return row(input, axes_of(input, dim), keepdim)
