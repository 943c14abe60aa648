"""Views of a part: select, slice, narrow, diagonal, unfold, and the parts that split and unbind make."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from .._errors import list_text, wrap_dim
from .._op import LINEAR, op, public
from .._storage import restrided, strided
from .._tensor import Tensor
from .shape import Shape


def part_key(dim: int, index: Any) -> tuple[Any, ...]:
    """The NumPy key for `index` in one dimension and all of the others."""
    return (*(slice(None),) * dim, index, ...)


def _select_backward(g: np.ndarray, shape: Shape, dim: int, index: int) -> np.ndarray:
    whole = np.zeros(shape, g.dtype)
    whole[part_key(dim, index)] = g
    return whole


select_row = op(
    "select(self, *, dim, index)", lambda a, dim, index: a[part_key(dim, index)], view=True, public=False, jvp=LINEAR,
    self=lambda g, F, self_meta, dim, index: F.select_backward(g, self_meta.shape, dim, index),
)  # fmt: skip
op(
    "select_backward(grad_output, *, shape, dim, index)", _select_backward, public=False, exact=True, jvp=LINEAR,
    grad_output=lambda g, F, dim, index: F.select(g, dim, index),
)  # fmt: skip


def wrap_index(input: Tensor, dim: int, index: int) -> int:
    """An index in 0 … size-1. Raises IndexError."""
    n = input._array.shape[dim]
    if not -n <= index < n:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list_text(input._array.shape)} at "
            f"dimension {dim}"
        )
    return index % n


@public()
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """A view of one place along a dimension, which goes. Source: torch.select."""
    if not input.ndim:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    d = wrap_dim(dim, input.ndim)
    return select_row(input, d, wrap_index(input, d, int(index)))


def _slice_backward(g: np.ndarray, shape: Shape, dim: int, start: int, stop: int, step: int) -> np.ndarray:
    whole = np.zeros(shape, g.dtype)
    whole[part_key(dim, slice(start, stop, step))] = g
    return whole


def _sliced(a: np.ndarray, dim: int, start: int, stop: int, step: int) -> np.ndarray:
    """The slice; NumPy forgets start and step of an empty one."""
    if start < stop:
        return a[part_key(dim, slice(start, stop, step))]
    shape, strides = list(a.shape), list(a.strides)
    here = a[part_key(dim, slice(start, start + 1))] if start < shape[dim] else a
    shape[dim], strides[dim] = 0, strides[dim] * step
    return strided(here, shape, strides)


slice_row = op(
    "slice(self, *, dim, start, stop, step)",
    _sliced,
    view=True, public=False, jvp=LINEAR,
    self=lambda g, F, self_meta, dim, start, stop, step: F.slice_backward(g, self_meta.shape, dim, start, stop, step),
)  # fmt: skip
op(
    "slice_backward(grad_output, *, shape, dim, start, stop, step)", _slice_backward, public=False, exact=True,
    jvp=LINEAR,
    grad_output=lambda g, F, dim, start, stop, step: F.slice(g, dim, start, stop, step),
)  # fmt: skip


def bounds(n: int, start: int | None, stop: int | None) -> tuple[int, int]:
    """The start and stop of a slice, within 0 … n and not crossing."""
    low = 0 if start is None else start + n if start < 0 else start
    high = n if stop is None else stop + n if stop < 0 else stop
    low = min(max(low, 0), n)
    return low, min(max(high, low), n)


def sliced(input: Tensor, dim: int, start: int | None, stop: int | None, step: int = 1) -> Tensor:
    """The view start:stop:step of a dimension."""
    return slice_row(input, dim, *bounds(input._array.shape[dim], start, stop), step)


@public()
def narrow(input: Tensor, dim: int, start: Any, length: int) -> Tensor:
    """A view of `length` places of a dimension from `start`. Source: torch.narrow."""
    if not input.ndim:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    d = wrap_dim(dim, input.ndim)
    n = input._array.shape[d]
    begin = int(start)
    if not -n <= begin <= n:
        raise IndexError(f"start out of range (expected to be in range of [{-n}, {n}], but got {begin})")
    begin = begin + n if begin < 0 else begin
    if begin + length > n:
        raise RuntimeError(f"start ({begin}) + length ({length}) exceeds dimension size ({n}).")
    return slice_row(input, d, begin, begin + length, 1)


def diagonal_of(a: np.ndarray, offset: int, dim1: int, dim2: int) -> np.ndarray:
    """The view of the diagonals of two dimensions, last."""
    rows, columns = a.shape[dim1], a.shape[dim2]
    count = max(min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns), 0)
    rest = [k for k in range(a.ndim) if k not in (dim1, dim2)]
    corner = a
    if count:
        corner = a[part_key(dim2, slice(offset, None))] if offset >= 0 else a[part_key(dim1, slice(-offset, None))]
    return restrided(
        corner,
        (*[a.shape[k] for k in rest], count),
        (*[a.strides[k] for k in rest], a.strides[dim1] + a.strides[dim2]),
    )


def _diagonal_backward(g: np.ndarray, shape: Shape, offset: int, dim1: int, dim2: int) -> np.ndarray:
    whole = np.zeros(shape, g.dtype)
    diagonal_of(whole, offset, dim1, dim2)[...] = g
    return whole


diagonal_row = op(
    "diagonal(self, *, offset, dim1, dim2)", diagonal_of, view=True, public=False, jvp=LINEAR,
    self=lambda g, F, self_meta, offset, dim1, dim2: F.diagonal_backward(g, self_meta.shape, offset, dim1, dim2),
)  # fmt: skip
op(
    "diagonal_backward(grad_output, *, shape, offset, dim1, dim2)", _diagonal_backward, public=False, exact=True,
    jvp=LINEAR, grad_output=lambda g, F, offset, dim1, dim2: F.diagonal(g, offset, dim1, dim2),
)  # fmt: skip


@public()
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A view of the diagonals of two dimensions, as the last dimension. Source: torch.diagonal."""
    a, b = wrap_dim(dim1, input.ndim), wrap_dim(dim2, input.ndim)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return diagonal_row(input, offset, a, b)


@public("linalg.diagonal", method=False)
def linalgdiagonal_of(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The diagonals of matrices. Source: torch.linalg.diagonal."""
    return diagonal(A, offset, dim1, dim2)


def _unfold(a: np.ndarray, dim: int, size: int, step: int) -> np.ndarray:
    if not a.ndim:
        return restrided(a, (size,), (a.itemsize,))
    count = (a.shape[dim] - size) // step + 1
    return restrided(
        a, (*a.shape[:dim], count, *a.shape[dim + 1 :], size),
        (*a.strides[:dim], a.strides[dim] * step, *a.strides[dim + 1 :], a.strides[dim]),
    )  # fmt: skip


def _unfold_backward(g: np.ndarray, shape: Shape, dim: int, size: int, step: int) -> np.ndarray:
    """The windows added up: one vectorised addition for each place in the window."""
    whole = np.zeros(shape, g.dtype)
    if not shape:
        return whole + g.sum()
    count = g.shape[dim]
    for k in range(size):
        whole[part_key(dim, slice(k, k + (count - 1) * step + 1, step))] += g[..., k]
    return whole


unfold_row = op(
    "unfold(self, *, dim, size, step)", _unfold, view=True, public=False, jvp=LINEAR,
    self=lambda g, F, self_meta, dim, size, step: F.unfold_backward(g, self_meta.shape, dim, size, step),
)  # fmt: skip
op(
    "unfold_backward(grad_in, *, shape, dim, size, step)", _unfold_backward, public=False, jvp=LINEAR,
    grad_in=lambda g, F, dim, size, step: F.unfold(g, dim, size, step),
)  # fmt: skip


def unfold(self: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """A view of all windows of a dimension, in a new last dimension. Source: torch.Tensor.unfold.
    Trap: windows share memory; the gradient adds up where they overlap."""
    d = wrap_dim(dimension, self.ndim)
    longest = self._array.shape[d] if self.ndim else 1
    if size < 0:
        raise RuntimeError(f"size is {size} but must be >= 0")
    if size > longest:
        raise RuntimeError(f"maximum size for tensor at dimension {d} is {longest} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    return unfold_row(self, d, size, step)


Tensor.unfold = unfold  # type: ignore[attr-defined]


def _cuts(sizes: Sequence[int]) -> list[tuple[int, int]]:
    ends = np.cumsum([0, *sizes]).tolist()
    return list(pairwise(ends))


def _pieces(a: np.ndarray, sizes: Shape, dim: int) -> list[np.ndarray]:
    return [a[part_key(dim, slice(low, high))] for low, high in _cuts(sizes)]


def joined(g: list[Any], F: Any, sizes: Shape, dim: int, meta: Any) -> Any:
    """The vjp of a split: the parts' cotangents joined, zeros for a part that has none."""
    shape = meta.shape
    parts = [
        F.zeros((*shape[:dim], n, *shape[dim + 1 :]), meta.dtype) if part is None else part for part, n in zip(g, sizes)
    ]
    return F.cat(parts, dim)


split_row = op(
    "split(self, *, sizes, dim) -> outputs[]", _pieces, view=True, public=False, jvp=LINEAR,
    self=lambda g, F, self_meta, sizes, dim: joined(g, F, sizes, dim, self_meta),
)  # fmt: skip
split_with_sizes_row = op(
    "split_with_sizes(self, *, sizes, dim) -> outputs[]", _pieces, view=True, public=False, jvp=LINEAR,
    self=lambda g, F, self_meta, sizes, dim: joined(g, F, sizes, dim, self_meta),
)  # fmt: skip
unsafe_split_row = op(
    "unsafe_split(self, *, sizes, dim) -> outputs[]", _pieces, public=False, exact=True, jvp=LINEAR,
    self=lambda g, F, self_meta, sizes, dim: joined(g, F, sizes, dim, self_meta),
)  # fmt: skip
unsafe_split_with_sizes_row = op(
    "unsafe_split_with_sizes(self, *, sizes, dim) -> outputs[]", _pieces, public=False, exact=True, jvp=LINEAR,
    self=lambda g, F, self_meta, sizes, dim: joined(g, F, sizes, dim, self_meta),
)  # fmt: skip


def _unbind(a: np.ndarray, dim: int) -> list[np.ndarray]:
    return [a[part_key(dim, k)] for k in range(a.shape[dim])]


def _stacked(g: list[Any], F: Any, meta: Any, dim: int) -> Any:
    shape = (*meta.shape[:dim], *meta.shape[dim + 1 :])
    return F.stack([F.zeros(shape, meta.dtype) if part is None else part for part in g], dim)


unbind_row = op(
    "unbind(self, *, dim) -> outputs[]", _unbind, view=True, public=False, jvp=LINEAR,
    self=lambda g, F, self_meta, dim: _stacked(g, F, self_meta, dim),
)  # fmt: skip


@public()
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The views of every place along a dimension. Source: torch.unbind."""
    if not input.ndim:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    d = wrap_dim(dim, input.ndim)
    return unbind_row(input, d) if input._array.shape[d] else ()


def _iterate(self: Tensor) -> Any:
    if not self.ndim:
        raise TypeError("iteration over a 0-d tensor")
    return iter(unbind(self, 0))


Tensor.__iter__ = _iterate  # type: ignore[attr-defined]
