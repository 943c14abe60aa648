"""x[…] and x[…] = v: views for integers, slices, None and Ellipsis; copies where tensors, masks or lists index."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .._op import public
from .._tensor import LEVEL, Tensor
from .create import fresh, tensor
from .dims import unsqueeze_row
from .identity import alias_row
from .index import indexed, is_mask, write_at
from .slices import bounds, select_row, slice_row

ZERO_DIM = (
    "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a 0-dim "
    "tensor to a number"
)
SEQUENCE = (
    "Using a non-tuple sequence for multidimensional indexing is deprecated and will be changed in pytorch 2.9; use "
    "x[tuple(seq)] instead of x[seq]. In pytorch 2.9 this will be interpreted as tensor index, x[torch.tensor(seq)], "
    "which will result either in an error or a different result (Triggered internally at "
    "/__w/pytorch/pytorch/torch/csrc/autograd/python_variable_indexing.cpp:349.)"
)
MOST_ITEMS = 32


def _is_integer(item: Any) -> bool:
    return isinstance(item, (int, np.integer)) and not isinstance(item, (bool, np.bool_))


def _select(t: Tensor, dim: int, index: int, real: int) -> Tensor:
    if not t.ndim and not real:
        raise IndexError(ZERO_DIM)
    n = t._array.shape[dim]
    if not -n <= index < n:
        raise IndexError(f"index {index} is out of bounds for dimension {real} with size {n}")
    return select_row(t, dim, index % n)


def _slice(t: Tensor, dim: int, part: slice, always: bool) -> Tensor:
    """The slice of a dimension; itself if that is all of it, unless a view is asked for."""
    if not t.ndim:
        raise IndexError("slice() cannot be applied to a 0-dim tensor.")
    step = 1 if part.step is None else operator.index(part.step)
    if step == 0:
        raise ValueError("slice step cannot be zero")
    if step < 0:
        raise ValueError("step must be greater than zero")
    n = t._array.shape[dim]
    low, high = bounds(n, *[None if b is None else operator.index(b) for b in (part.start, part.stop)])
    if not always and (low, high, step) == (0, n, 1):
        return t
    return slice_row(t, dim, low, high, step)


def _items(index: Any) -> tuple[Any, ...]:
    """The items of an index; a list of few items among which are lists, slices or tensors is a tuple too."""
    if isinstance(index, tuple):
        return index
    short = isinstance(index, list) and len(index) < MOST_ITEMS
    if short and any(isinstance(i, (Tensor, Sequence, slice)) or i is None or i is Ellipsis for i in index):
        warnings.warn(SEQUENCE, UserWarning, stacklevel=4)
        return tuple(index)
    return (index,)


def _width(item: Any) -> int:
    """How many dimensions an item takes."""
    if item is None or item is Ellipsis or isinstance(item, bool):
        return 0
    if isinstance(item, Tensor) and is_mask(item):
        return item.ndim
    return 1


def _as_index(item: Any) -> Tensor:
    """A list, range or array as an index tensor. Raises IndexError for what can't index."""
    if isinstance(item, str):
        raise TypeError("new(): invalid data type 'str'")
    if isinstance(item, (Sequence, np.ndarray)):
        found = tensor(item)
        return found if found.dtype.category <= dtypes.INTEGER else found.to(dtypes.int64)
    raise IndexError(
        "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got "
        f"{type(item).__name__})"
    )


class _Walk:
    """Applies the items of an index one by one: views at once, index tensors kept for the end."""

    def __init__(self, t: Tensor, items: tuple[Any, ...]) -> None:
        self.view, self.dim, self.real = t, 0, 0
        self.indices: dict[int, Tensor] = {}
        width = sum(_width(i) for i in items)
        if width > t.ndim:
            if not t.ndim:
                raise IndexError(ZERO_DIM if len(items) == 1 else f"too many indices for tensor of dimension {t.ndim}")
            raise IndexError(f"too many indices for tensor of dimension {t.ndim}")
        self.skip = t.ndim - width
        for item in items:
            self.take(item)

    def take(self, item: Any) -> None:
        if _is_integer(item):
            self.view = _select(self.view, self.dim, int(item), self.real)
            self.real += 1
        elif isinstance(item, slice):
            self.view = _slice(self.view, self.dim, item, False)
            self.advance(1)
        elif item is Ellipsis:
            self.advance(self.skip)
        elif item is None:
            self.view = unsqueeze_row(self.view, self.dim)
            self.dim += 1
        elif isinstance(item, (bool, np.bool_)):
            self.keep_flag(bool(item))
        else:
            self.take_tensor(item if isinstance(item, Tensor) else _as_index(item))

    def take_tensor(self, index: Tensor) -> None:
        if index.ndim or index._flags & LEVEL or index.dtype.category > dtypes.INTEGER:
            self.indices[self.dim] = index
            self.advance(index.ndim if is_mask(index) else 1)
        elif is_mask(index):
            self.keep_flag(bool(index))
        else:
            self.take(int(index.item()))

    def keep_flag(self, value: bool) -> None:
        """True and False index a new dimension of size 1: all of it, or nothing."""
        self.view = unsqueeze_row(self.view, self.dim)
        self.indices[self.dim] = fresh(np.zeros(1 if value else 0, np.int64))
        self.dim += 1

    def advance(self, by: int) -> None:
        self.dim += by
        self.real += by


@public("__getitem__")
def getitem(self: Tensor, index: Any) -> Tensor:
    """x[index]. Source: torch.Tensor "Indexing". Trap: integers and slices give views, tensors and lists copies."""
    if _is_integer(index):
        return _select(self, 0, int(index), 0)
    if isinstance(index, slice):
        return _slice(self, 0, index, True)
    if index is None:
        return unsqueeze_row(self, 0)
    if index is Ellipsis:
        return alias_row(self)
    walk = _Walk(self, _items(index))
    if walk.indices:
        return indexed(walk.view, walk.indices)
    return alias_row(self) if walk.view is self else walk.view


def _without_leading_ones(value: Tensor) -> Tensor:
    """The value without its leading size-1 dimensions, as an assignment ignores them."""
    shape = value._array.shape
    first = next((k for k, n in enumerate(shape) if n != 1), len(shape))
    return value.view(shape[first:]) if first else value


def _assign(target: Tensor, value: Tensor) -> None:
    if value._array.shape == target._array.shape:
        target.copy_(value)
    elif not value.ndim:
        target.fill_(value)
    else:
        target.copy_(_without_leading_ones(value).expand(target._array.shape))


@public("__setitem__")
def setitem(self: Tensor, index: Any, value: Any) -> None:
    """x[index] = value: a copy into a view, or an index_put_. Source: torch.Tensor "Indexing"."""
    if not isinstance(value, Tensor):
        value = _as_value(value, self)
    if index is False:
        return
    walk = _Walk(self, (None,) if index is True else _items(index))
    if walk.indices:
        write_at(walk.view, walk.indices, _without_leading_ones(value))
    else:
        _assign(walk.view, value)


def _as_value(value: Any, self: Tensor) -> Tensor:
    if isinstance(value, (bool, int, float, complex, np.generic)):
        return tensor(value, dtype=self.dtype)
    raise TypeError(f"can't assign a {type(value).__name__} to a torch.{self.dtype.short}")
