"""Joining tensors: cat, stack and what is made of them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._dtypes import OF_ARRAY, promote_types
from .._errors import list_text, wrap_dim
from .._layout import canonical, channels_last
from .._modes import local
from .._op import LINEAR, op, public
from .._tensor import LAZY, Tensor, resolved
from .create import fresh
from .shape import Shape, view_strides


def _is_skipped(shape: Shape) -> bool:
    """cat passes over 1-d empty tensors, whatever the others' shape."""
    return shape == (0,)


def _cat(arrays: list[np.ndarray], dim: int) -> np.ndarray:
    arrays = in_one_dtype(arrays)
    full = [a for a in arrays if not _is_skipped(a.shape)]
    if not full:
        return canonical(arrays[0].copy())
    shape = list(full[0].shape)
    shape[dim] = sum(a.shape[dim] for a in full)
    return np.concatenate(full, dim, out=channels_last(canonical(np.empty(shape, full[0].dtype)), full))


def _stack(arrays: list[np.ndarray], dim: int) -> np.ndarray:
    arrays = in_one_dtype(arrays)
    shape = arrays[0].shape
    if dim == len(shape):
        return _cat([a[..., None] for a in arrays], dim)
    # Joined and then split, as in PyTorch: so images stored pixel by pixel stay so.
    joined = _cat(arrays, dim)
    split = (*shape[:dim], len(arrays), *shape[dim:])
    if not joined.size:
        return canonical(joined.reshape(split).copy())
    return np.lib.stride_tricks.as_strided(joined, split, view_strides(joined.shape, joined.strides, split))


def in_one_dtype(arrays: list[np.ndarray]) -> list[np.ndarray]:
    """The arrays in their common dtype, which is PyTorch's and not NumPy's."""
    kind = OF_ARRAY[arrays[0].dtype]
    for a in arrays[1:]:
        kind = promote_types(kind, OF_ARRAY[a.dtype])
    return [a.astype(kind.array, copy=False) for a in arrays]


def _cat_vjp(g: Any, F: Any, metas: list[Any], dim: int) -> list[Any]:
    found: list[Any] = []
    start = 0
    for m in metas:
        if _is_skipped(m.shape):
            found.append(F.zeros((0,), m.dtype))
            continue
        stop = start + m.shape[dim]
        found.append(F.slice(g, dim, start, stop, 1))
        start = stop
    return found


cat_row = op(
    "cat(tensors[], *, dim)", _cat, public=False, keeps_strides=True, exact=True, jvp=LINEAR,
    tensors=lambda g, F, tensors_meta, dim: _cat_vjp(g, F, tensors_meta, dim),
)  # fmt: skip
stack_row = op(
    "stack(tensors[], *, dim)", _stack, public=False, keeps_strides=True, exact=True, jvp=LINEAR,
    tensors=lambda g, F, dim: F.unbind(g, dim),
)  # fmt: skip


def members(tensors: Any, name: str) -> list[Tensor]:
    """The tensors of a list argument. Raises TypeError for anything else in it."""
    if isinstance(tensors, Tensor) or not isinstance(tensors, Sequence):
        raise TypeError(
            f"{name}(): argument 'tensors' (position 1) must be tuple of Tensors, not {type(tensors).__name__}"
        )
    for k, t in enumerate(tensors):
        if not isinstance(t, Tensor):
            raise TypeError(f"expected Tensor as element {k} in argument 0, but got {type(t).__name__}")
    return list(tensors)


@public(method=False)
def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors joined along an existing dimension. Source: torch.cat. Trap: an empty 1-d tensor joins with anything."""
    found = members(tensors, "cat")
    if not found:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    for k, t in enumerate(found):
        if not t.ndim:
            raise RuntimeError(f"zero-dimensional tensor (at position {k}) cannot be concatenated")
    first = next((t for t in found if not _is_skipped(t._array.shape)), found[0])
    d = wrap_dim(dim, first.ndim)
    for k, t in enumerate(found):
        _check_joins(first._array.shape, t._array.shape, d, k)
    return cat_row(found, d)


def _check_joins(first: Shape, other: Shape, dim: int, k: int) -> None:
    if _is_skipped(other):
        return
    if len(first) != len(other):
        raise RuntimeError(f"Tensors must have same number of dimensions: got {len(first)} and {len(other)}")
    for d, (n, m) in enumerate(zip(first, other)):
        if n != m and d != dim:
            raise RuntimeError(
                f"Sizes of tensors must match except in dimension {dim}. Expected size {n} but got size {m} for tensor "
                f"number {k} in the list."
            )


@public(method=False)
def concat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """As cat. Source: torch.concat."""
    return cat(tensors, dim)


@public(method=False)
def concatenate(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """As cat. Source: torch.concatenate."""
    return cat(tensors, dim)


@public(method=False)
def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors of one shape joined along a new dimension. Source: torch.stack."""
    found = members(tensors, "stack")
    _check_not_empty(found, "stack")
    d = wrap_dim(dim, found[0].ndim + 1)
    shape = found[0]._array.shape
    for k, t in enumerate(found):
        if t._array.shape != shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list_text(shape)} at entry 0 and "
                f"{list_text(t._array.shape)} at entry {k}"
            )
    return stack_row(found, d)


def _check_not_empty(found: list[Tensor], name: str) -> None:
    if not found:
        raise RuntimeError(f"{name} expects a non-empty TensorList")


def _at_least(t: Tensor, ndim: int) -> Tensor:
    """The tensor with dimensions added where atleast_2d and atleast_3d add them."""
    if t.ndim >= ndim:
        # Under inference mode PyTorch does a lazy conjugation before it enters a composite.
        return _plain(t) if t._flags & LAZY and local.me.inference else t
    if not t.ndim:
        return t.reshape((1,) * ndim)
    if t.ndim == 1:
        t = t.unsqueeze(0)
    return t.unsqueeze(-1) if ndim == 3 else t


def _plain(t: Tensor) -> Tensor:
    """The values, lazy bits done."""
    return fresh(resolved(t))


def _each(tensors: tuple[Any, ...], ndim: int, name: str) -> Any:
    if len(tensors) == 1 and isinstance(tensors[0], Tensor):
        return _at_least(tensors[0], ndim)
    given = tensors[0] if len(tensors) == 1 else tensors
    return tuple(_at_least(t, ndim) for t in members(given, name))


@public(method=False)
def atleast_1d(*tensors: Any) -> Any:
    """Each tensor with at least one dimension. Source: torch.atleast_1d."""
    return _each(tensors, 1, "atleast_1d")


@public(method=False)
def atleast_2d(*tensors: Any) -> Any:
    """Each tensor with at least two dimensions, added in front. Source: torch.atleast_2d."""
    return _each(tensors, 2, "atleast_2d")


@public(method=False)
def atleast_3d(*tensors: Any) -> Any:
    """Each tensor with at least three dimensions; (n,) becomes (1, n, 1), (n, m) (n, m, 1).
    Source: torch.atleast_3d."""
    return _each(tensors, 3, "atleast_3d")


def _stacked(tensors: Any, ndim: int, name: str) -> list[Tensor]:
    found = members(tensors, name)
    _check_not_empty(found, name)
    return [_at_least(t, ndim) for t in found]


@public(method=False)
def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors side by side: along dimension 1, or 0 for 1-d tensors. Source: torch.hstack."""
    found = _stacked(tensors, 1, "hstack")
    return cat(found, 0 if found[0].ndim == 1 else 1)


@public(method=False)
def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors one above the other. Source: torch.vstack."""
    return cat(_stacked(tensors, 2, "vstack"), 0)


@public(method=False)
def row_stack(tensors: Sequence[Tensor]) -> Tensor:
    """As vstack. Source: torch.row_stack."""
    return vstack(tensors)


@public(method=False)
def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors joined in depth. Source: torch.dstack."""
    return cat(_stacked(tensors, 3, "dstack"), 2)


@public(method=False)
def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors as columns; 0-d and 1-d ones become columns first. Source: torch.column_stack."""
    found = members(tensors, "column_stack")
    _check_not_empty(found, "column_stack")
    return hstack([t if t.ndim > 1 else t.reshape((t.numel(), 1)) for t in found])


def _blocks(shapes: list[Shape]) -> list[tuple[slice, slice]]:
    """The place of each block on the diagonal; 0-d and 1-d blocks are one row."""
    found, row, column = [], 0, 0
    for s in shapes:
        rows, columns = (1, 1) if not s else (1, s[0]) if len(s) == 1 else s
        found.append((slice(row, row + rows), slice(column, column + columns)))
        row, column = row + rows, column + columns
    return found


def _block_diag(arrays: list[np.ndarray]) -> np.ndarray:
    arrays = in_one_dtype(arrays)
    places = _blocks([a.shape for a in arrays])
    whole = np.zeros((places[-1][0].stop, places[-1][1].stop), arrays[0].dtype)
    for place, a in zip(places, arrays):
        whole[place] = a
    return whole


def _block_vjp(g: Any, F: Any, metas: list[Any]) -> list[Any]:
    found = []
    for (r, c), m in zip(_blocks([m.shape for m in metas]), metas):
        if m.shape == (0,):
            found.append(F.zeros(m.shape, m.dtype))
            continue
        part = F.slice(F.slice(g, 0, r.start, r.stop, 1), 1, c.start, c.stop, 1)
        found.append(part if len(m.shape) == 2 else F.reshape(part, m.shape))
    return found


block_diag_row = op(
    "block_diag(tensors[])", _block_diag, public=False, exact=True, jvp=LINEAR,
    tensors=lambda g, F, tensors_meta: _block_vjp(g, F, tensors_meta),
)  # fmt: skip


@public(method=False)
def block_diag(*tensors: Tensor) -> Tensor:
    """A matrix with the tensors as blocks on its diagonal. Source: torch.block_diag."""
    if not tensors:
        return fresh(np.zeros((1, 0), np.float32))
    for k, t in enumerate(tensors):
        if t.ndim > 2:
            raise RuntimeError(
                f"torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {k} has {t.ndim} dimensions"
            )
    return block_diag_row(list(tensors))


def grids(vectors: list[Tensor], axes: Sequence[int]) -> list[Tensor]:
    """Each vector as an expanded view of the grid's shape, varying along its own axis."""
    shape = [0] * len(vectors)
    for v, axis in zip(vectors, axes):
        shape[axis] = v.numel()
    lone = [tuple(v.numel() if j == axis else 1 for j in range(len(shape))) for v, axis in zip(vectors, axes)]
    return [v.view(s).expand(shape) for v, s in zip(vectors, lone)]


@public(method=False)
def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """Expanded views of vectors over their grid; "xy" swaps the first two dimensions. Source: torch.meshgrid."""
    found = list(tensors[0]) if len(tensors) == 1 and not isinstance(tensors[0], Tensor) else list(tensors)
    if not found:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    for t in found:
        if t.ndim > 1:
            raise RuntimeError(f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: {t}")
        if t.dtype is not found[0].dtype:
            raise RuntimeError("meshgrid expects all tensors to have the same dtype")
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    axes = list(range(len(found)))
    if indexing == "xy" and len(found) > 1:
        axes[:2] = 1, 0
    return tuple(grids(found, axes))


def _check_vector(t: Tensor) -> None:
    if t.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list_text(t._array.shape)}")


@public(method=False)
def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All tuples of the vectors' elements, as rows. Source: torch.cartesian_prod."""
    for t in tensors:
        _check_vector(t)
    if len(tensors) == 1:
        return tensors[0]
    return stack([g.flatten() for g in grids(list(tensors), range(len(tensors)))], 1)


@public(method=False)
def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All combinations of r elements of a vector, as rows. Source: torch.combinations."""
    _check_vector(input)
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if not r:
        return fresh(np.empty(0, input._array.dtype))
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    chosen = np.array(list(choose(range(input.numel()), r)), np.int64).reshape(-1, r)
    count = input.numel()
    picked = np.zeros((count,) * r, bool)
    picked[tuple(chosen.T)] = True
    mask = fresh(picked)
    return stack([g.masked_select(mask) for g in grids([input] * r, range(r))], 1)
