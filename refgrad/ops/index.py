"""Indexing by tensors: what x[i, j] computes and x[i, j] = v writes; repeated places add up in the gradient."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .._dtypes import SCALAR_NAMES
from .._errors import list_text
from .._inplace import leaf_first, write
from .._layout import ordered, preserved, with_strides
from .._op import LINEAR, op, public, publish
from .._overlap import check_expanded
from .._storage import contiguous_strides, is_expanded
from .._tensor import Tensor
from .shape import Shape

Key = tuple[Any, ...]


def placed(indices: Sequence[np.ndarray], dims: Shape) -> list[tuple[int, np.ndarray]]:
    """(dimension, integer array) of each index; a mask stands for as many of them as it has dimensions."""
    found: list[tuple[int, np.ndarray]] = []
    for index, d in zip(indices, dims):
        if index.dtype == bool or index.dtype == np.uint8:
            found += [(d + k, places) for k, places in enumerate(np.nonzero(index))]
        else:
            found.append((d, index))
    return found


def key_of(indices: Sequence[np.ndarray], dims: Shape, ndim: int) -> Key:
    """The NumPy key. NumPy and PyTorch agree on where the indexed dimensions go when the rest are full slices."""
    key: list[Any] = [slice(None)] * ndim
    for d, index in placed(indices, dims):
        key[d] = index
    return tuple(key)


def check_bounds(index: np.ndarray, dim: int, size: int) -> None:
    """Raises IndexError for the first index outside -size … size-1."""
    bad = (index < -size) | (index >= size)
    if bad.any():
        raise IndexError(f"index {int(index[bad].flat[0])} is out of bounds for dimension {dim} with size {size}")


def _index(a: np.ndarray, indices: Sequence[np.ndarray], dims: Shape) -> np.ndarray:
    result = a[key_of(indices, dims, a.ndim)]
    return with_strides(result, index_strides(result.shape, a, placed(indices, dims)))


def index_strides(shape: Shape, a: np.ndarray, found: Sequence[tuple[int, np.ndarray]]) -> Shape:
    """PyTorch orders the result's memory by the tensor's strides, 0 where it is indexed, and by each index's, which has
    size-1 dimensions around it with strides of their own."""
    front = [d for d, _ in found]
    lone = np.broadcast_shapes(*[i.shape for _, i in found])
    lead = leading(front)
    if 0 in lone and set(shape[:lead] + shape[lead + len(lone) :]) <= {1}:
        return contiguous_strides(shape)
    rest = [s for k, s in enumerate(a.strides) if k not in front]
    operands = [(*rest[:lead], *(0,) * len(lone), *rest[lead:])]
    for _, index in found:
        own = (0,) * (len(lone) - index.ndim) + tuple(
            0 if n == 1 and m != 1 else s
            for n, m, s in zip(index.shape, lone[len(lone) - index.ndim :], contiguous_strides(index.shape))
        )
        before = [index.size if n == 1 else 0 for n in shape[:lead]]
        after = [1 if n == 1 else 0 for n in shape[lead + len(lone) :]]
        operands.append((*before, *own, *after))
    return ordered(shape, operands)


def leading(front: Sequence[int]) -> int:
    """How many whole dimensions come before the indexed ones in the result: none unless those are neighbours."""
    return front[0] if list(front) == list(range(front[0], front[0] + len(front))) else 0


def add_rows(target: np.ndarray, rows: np.ndarray, values: np.ndarray) -> None:
    """target[rows] += values, repeated rows added up. Sorting and `reduceat` beat `np.add.at` where rows are long."""
    if np.bincount(rows, minlength=1).max() <= 1:
        target[rows] += values
    elif target.ndim == 1 or target.dtype == bool or prod(target.shape[1:]) < 4:
        np.add.at(target, rows, values)
    else:
        order = np.argsort(rows, kind="stable")
        ordered = rows[order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        target[ordered[starts]] += np.add.reduceat(values[order], starts, axis=0)


def add_at(whole: np.ndarray, indices: Sequence[np.ndarray], dims: Shape, values: np.ndarray) -> None:
    """whole[indices] += values in place, repeated places added up."""
    found = placed(indices, dims)
    arrays = np.broadcast_arrays(*[i for _, i in found])
    front = [d for d, _ in found]
    rest = [k for k in range(whole.ndim) if k not in front]
    sizes, others = [whole.shape[d] for d in front], [whole.shape[k] for k in rest]
    flat = np.zeros(arrays[0].shape, np.int64)
    for index, n in zip(arrays, sizes):
        flat = flat * n + np.where(index < 0, index + n, index)
    if not flat.size or not whole.size:
        return
    turned = whole.transpose(front + rest)
    merged = np.ascontiguousarray(turned).reshape(prod(sizes), *others)
    lead = leading(front)
    spread = np.broadcast_to(values, (*others[:lead], *flat.shape, *others[lead:]))
    spread = np.moveaxis(spread, range(lead, lead + flat.ndim), range(flat.ndim))
    add_rows(merged, flat.ravel(), spread.reshape(flat.size, *merged.shape[1:]))
    turned[...] = merged.reshape(turned.shape)


def _accumulated(g: np.ndarray, indices: Sequence[np.ndarray], shape: Shape, dims: Shape) -> np.ndarray:
    whole = np.zeros(shape, g.dtype)
    add_at(whole, indices, dims, g)
    return whole


index_row = op(
    "index(self, indices[]!, *, dims)", _index, public=False, exact=True, keeps_strides=True, jvp=LINEAR,
    self=lambda g, F, self_meta, indices, dims: F.index_accumulate(g, indices, self_meta.shape, dims),
)  # fmt: skip
op(
    "index_accumulate(grad, indices[]!, *, shape, dims)", _accumulated, public=False, node="index_put", jvp=LINEAR,
    grad=lambda g, F, indices, dims: F.index(g, indices, dims),
)  # fmt: skip


def _index_put(
    a: np.ndarray, indices: Sequence[np.ndarray], values: np.ndarray, dims: Shape, accumulate: bool
) -> np.ndarray:
    made = np.copy(a, order="K")
    if accumulate:
        add_at(made, indices, dims, values)
    else:
        made[key_of(indices, dims, a.ndim)] = values
    return made


def _kept_gradient(g: Any, F: Any, indices: Any, dims: Shape, accumulate: bool) -> Any:
    """Places that were overwritten pass nothing on."""
    return g if accumulate else F.index_put(g, indices, F.zeros((), F.dtype_of(g).array), dims, False)


index_put_row = op(
    "index_put(self, indices[]!, values, *, dims, accumulate)", _index_put, public=False, layout=preserved, jvp=LINEAR,
    self=lambda g, F, indices, dims, accumulate: _kept_gradient(g, F, indices, dims, accumulate),
    values=lambda g, F, indices, dims: F.index(g, indices, dims),
)  # fmt: skip


def is_mask(index: Tensor) -> bool:
    """Whether a tensor indexes as a mask; uint8 does so for old times' sake."""
    return index.dtype is dtypes.bool_ or index.dtype is dtypes.uint8


def by_dim(indices: Sequence[Tensor | None]) -> dict[int, Tensor]:
    """The index tensors of a list by the dimension where each starts; None leaves a dimension whole."""
    found: dict[int, Tensor] = {}
    dim = 0
    for index in indices:
        if index is not None:
            found[dim] = index
        dim += index.ndim if index is not None and is_mask(index) else 1
    return found


def check_indices(shape: Shape, indices: dict[int, Tensor]) -> None:
    """Raises IndexError for index tensors of a wrong dtype, shape or value."""
    for d, index in indices.items():
        if is_mask(index):
            _check_mask(index, d, shape)
        elif index.dtype not in (dtypes.int64, dtypes.int32):
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
        elif d >= len(shape):
            raise IndexError(f"too many indices for tensor of dimension {len(shape)} (got {d + 1})")
    found = placed([i._array for i in indices.values()], tuple(indices))
    _check_shapes([i for _, i in found])
    for nr, (d, index) in enumerate(found):
        # PyTorch has brought the indexed dimensions to the front by then, and counts from there.
        check_bounds(index, nr, shape[d])


def _check_mask(mask: Tensor, where: int, shape: Shape) -> None:
    for j, n in enumerate(mask._array.shape):
        if where + j >= len(shape):
            raise IndexError(f"too many indices for tensor of dimension {len(shape)}")
        if shape[where + j] != n:
            raise IndexError(
                f"The shape of the mask {list_text(mask._array.shape)} at index {j} does not match the shape of the "
                f"indexed tensor {list_text(shape)} at index {where + j}"
            )


def _check_shapes(arrays: list[np.ndarray]) -> None:
    try:
        np.broadcast_shapes(*[a.shape for a in arrays])
    except ValueError:
        shapes = ", ".join(list_text(a.shape) for a in arrays)
        raise IndexError(
            f"shape mismatch: indexing tensors could not be broadcast together with shapes {shapes}"
        ) from None


def indexed(self: Tensor, indices: dict[int, Tensor]) -> Tensor:
    """The elements at the places that integer tensors and masks give for some dimensions."""
    check_indices(self._array.shape, indices)
    return index_row(self, list(indices.values()), tuple(indices))


def check_put(self: Tensor, indices: dict[int, Tensor], values: Tensor) -> None:
    """Raises RuntimeError or IndexError for what can't be written at these places."""
    if values.dtype is not self.dtype:
        raise RuntimeError(
            f"Index put requires the source and destination dtypes match, got {SCALAR_NAMES[self.dtype]} for the "
            f"destination and {SCALAR_NAMES[values.dtype]} for the source."
        )
    check_indices(self._array.shape, indices)
    target = result_shape(self._array.shape, indices)
    shape = values._array.shape
    if len(shape) > len(target) or any(n not in (1, m) for n, m in zip(reversed(shape), reversed(target))):
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list_text(shape)} cannot be broadcast to indexing result of shape "
            f"{list_text(target)}"
        )


def result_shape(shape: Shape, indices: dict[int, Tensor]) -> Shape:
    """The shape that indexing gives."""
    found = placed([i._array for i in indices.values()], tuple(indices))
    lone = np.broadcast_shapes(*[i.shape for _, i in found])
    front = [d for d, _ in found]
    lead = leading(front) if front else 0
    rest = [n for k, n in enumerate(shape) if k not in front]
    return (*rest[:lead], *lone, *rest[lead:])


def _present(indices: Any) -> Any:
    """The index list, in which index_put takes nothing but tensors."""
    for k, index in enumerate(indices):
        if not isinstance(index, Tensor):
            raise TypeError(f"expected Tensor as element {k} in argument 0, but got {type(index).__name__}")
    return indices


@public()
def index_put(input: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """A copy with values written (or added) at indexed places. Source: torch.index_put.
    Trap: with repeated places and no accumulate, which value stays is undefined."""
    found = by_dim(_present(indices))
    check_put(input, found, values)
    return index_put_row(input, list(found.values()), values, tuple(found), accumulate)


@leaf_first
def index_put_(self: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """Writes (or adds) values at indexed places. Source: torch.Tensor.index_put_."""
    return write_at(self, by_dim(_present(indices)), values, accumulate)


def _fills(indices: dict[int, Tensor], values: Tensor) -> bool:
    """Whether there is one mask and one value: then PyTorch fills, which warns as well."""
    return values.numel() == 1 and [*map(is_mask, indices.values())] == [True]


def write_at(self: Tensor, indices: dict[int, Tensor], values: Tensor, accumulate: bool = False) -> Tensor:
    """Writes (or adds) values at the places that index tensors give for some dimensions."""
    check_put(self, indices, values)
    written = write(index_put_row.row, (self, list(indices.values()), values), (tuple(indices), accumulate))
    if is_expanded(self._array) and not accumulate and _fills(indices, values):
        check_expanded("masked_fill")
    return written


publish("index_put_", index_put_, method=True)
