"""Matrices from diagonals, the trace, and copies with a part overwritten: diag, diag_embed, *_scatter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._errors import list_text, wrap_dim
from .._interpreters import LIVE, NARROW, RAW
from .._layout import with_gaps
from .._op import LINEAR, op, public
from .._storage import as_strided_array, flat_storage, storage_offset
from .._support import missing
from .._tensor import Tensor
from .layout import no_complex_gradient
from .shape import Shape, as_strided_checks, storage_places
from .slices import bounds, diagonal_of, part_key, wrap_index


def _embedded(a: np.ndarray, offset: int, dim1: int, dim2: int) -> np.ndarray:
    n = a.shape[-1] + abs(offset)
    rest = iter(a.shape[:-1])
    made = np.zeros(tuple(n if k in (dim1, dim2) else next(rest) for k in range(a.ndim + 1)), a.dtype)
    diagonal_of(made, offset, dim1, dim2)[...] = a
    return made


diag_embed_row = op(
    "diag_embed(self, *, offset, dim1, dim2)", _embedded, public=False, exact=True, jvp=LINEAR,
    self=lambda g, F, offset, dim1, dim2: F.diagonal(g, offset, dim1, dim2),
)  # fmt: skip
diagonal_copy_row = op(
    "diagonal_copy(self, *, offset)", lambda a, offset: diagonal_of(a, offset, 0, 1).copy(), public=False, exact=True,
    jvp=LINEAR, self=lambda g, F, self_meta, offset: F.diagonal_backward(g, self_meta.shape, offset, 0, 1),
)  # fmt: skip
# PyTorch derives the name of a copying twin from that of the view.
diagonal_copy_row.row.name = diagonal_copy_row.row.node.__name__ = "DiagonalBackward0_copy"


@public()
def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Matrices with the last dimension on a diagonal, zeros elsewhere. Source: torch.diag_embed."""
    a, b = wrap_dim(dim1, input.ndim + 1), wrap_dim(dim2, input.ndim + 1)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return diag_embed_row(input, offset, a, b)


@public()
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """A vector's matrix, or a copy of a matrix's diagonal. Source: torch.diag."""
    if input.ndim not in (1, 2):
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    return diag_embed(input, diagonal) if input.ndim == 1 else diagonal_copy_row(input, diagonal)


@public()
def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """A matrix with the flattened tensor on a diagonal. Source: torch.diagflat."""
    return diag(input.contiguous().view(-1), offset)


trace_row = op(
    "trace(self)", lambda a: np.add.reduce(diagonal_of(a, 0, 0, 1)), public=False, jvp=LINEAR,
    lacks=missing("trace", "b"),
    self=lambda g, F, self_meta: F.diagonal_backward(
        F.expand(g, (min(self_meta.shape),)), self_meta.shape, 0, 0, 1
    ),
)  # fmt: skip


@public()
def trace(input: Tensor) -> Tensor:
    """The sum of a matrix's diagonal. Source: torch.trace."""
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    return trace_row(input)


def _written(a: np.ndarray, key: Any, src: np.ndarray) -> np.ndarray:
    made = with_gaps(a)
    made[key] = src
    return made


def _diagonal_written(a: np.ndarray, src: np.ndarray, offset: int, dim1: int, dim2: int) -> np.ndarray:
    made = with_gaps(a)
    diagonal_of(made, offset, dim1, dim2)[...] = src
    return made


select_scatter_row = op(
    "select_scatter(self, src, *, dim, index)",
    lambda a, src, dim, index: _written(a, part_key(dim, index), src), public=False, keeps_strides=True, exact=True,
    jvp=LINEAR,
    self=lambda g, F, src_meta, dim, index: F.select_scatter(g, F.zeros(src_meta.shape, src_meta.dtype), dim, index),
    src=lambda g, F, dim, index: F.select(g, dim, index),
)  # fmt: skip
slice_scatter_row = op(
    "slice_scatter(self, src, *, dim, start, stop, step)",
    lambda a, src, dim, start, stop, step: _written(a, part_key(dim, slice(start, stop, step)), src),
    public=False, keeps_strides=True, exact=True, jvp=LINEAR,
    self=lambda g, F, src_meta, dim, start, stop, step: F.slice_scatter(
        g, F.zeros(src_meta.shape, src_meta.dtype), dim, start, stop, step
    ),
    src=lambda g, F, dim, start, stop, step: F.slice(g, dim, start, stop, step),
)  # fmt: skip
diagonal_scatter_row = op(
    "diagonal_scatter(self, src, *, offset, dim1, dim2)", _diagonal_written, public=False, keeps_strides=True,
    exact=True, jvp=LINEAR,
    self=lambda g, F, src_meta, offset, dim1, dim2: F.diagonal_scatter(
        g, F.zeros(src_meta.shape, src_meta.dtype), offset, dim1, dim2
    ),
    src=lambda g, F, offset, dim1, dim2: F.diagonal(g, offset, dim1, dim2),
)  # fmt: skip


def _check_part(src: Tensor, shape: Shape) -> None:
    if src._array.shape != shape:
        raise RuntimeError(
            "expected src to have a size equal to the slice of self. src size = "
            f"{list_text(src._array.shape)}, slice size = {list_text(shape)}"
        )


@public()
def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """A copy with one place of a dimension overwritten. Source: torch.select_scatter."""
    no_complex_gradient("select_scatter", input)
    d = wrap_dim(dim, input.ndim)
    place = wrap_index(input, d, index)
    shape = input._array.shape
    _check_part(src, (*shape[:d], *shape[d + 1 :]))
    return select_scatter_row(input, src, d, place)


@public()
def slice_scatter(
    input: Tensor, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    """A copy with a slice of a dimension overwritten. Source: torch.slice_scatter."""
    no_complex_gradient("slice_scatter", input)
    d = wrap_dim(dim, input.ndim)
    shape = input._array.shape
    low, high = bounds(shape[d], start, end)
    _check_part(src, (*shape[:d], len(range(low, high, step)), *shape[d + 1 :]))
    return slice_scatter_row(input, src, d, low, high, step)


@public()
def diagonal_scatter(input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A copy with a diagonal overwritten. Source: torch.diagonal_scatter."""
    a, b = wrap_dim(dim1, input.ndim), wrap_dim(dim2, input.ndim)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    _check_part(src, diagonal_of(input._array, offset, a, b).shape)
    return diagonal_scatter_row(input, src, offset, a, b)


def _strided_written(a: np.ndarray, src: np.ndarray, shape: Shape, strides: Shape, offset: int) -> np.ndarray:
    storage = flat_storage(a).copy()
    steps = tuple(s * a.itemsize for s in strides)
    np.lib.stride_tricks.as_strided(storage[offset:], shape, steps)[...] = src
    return np.lib.stride_tricks.as_strided(storage[storage_offset(a) :], a.shape, a.strides)


def _cleared(g: np.ndarray, shape: Shape, strides: Shape, offset: int, meta: Any) -> np.ndarray:
    """The cotangent with zeros at the places of a geometry in the storage of `meta`."""
    mine, theirs, counts = storage_places(shape, strides, offset, meta)
    hit = np.zeros(counts.size, bool)
    hit[theirs] = True
    return np.where(hit[mine], 0, g).astype(g.dtype)


op(
    "strided_cleared(source, *, shape, strides, offset, meta)", _cleared, public=False, exact=True, jvp=LINEAR,
    source=lambda g, F, shape, strides, offset, meta: F.strided_cleared(g, shape, strides, offset, meta),
)  # fmt: skip
as_strided_scatter_row = op(
    "as_strided_scatter(self, src, *, shape, strides, offset)", _strided_written, public=False, keeps_strides=True,
    exact=True, jvp=LINEAR,
    self=lambda g, F, self_meta, shape, strides, offset: F.strided_cleared(g, shape, strides, offset, self_meta),
    src=lambda g, F, self_meta, shape, strides, offset: F.strided_part(g, shape, strides, offset, self_meta),
)  # fmt: skip


def _strided_part(g: Any, shape: Shape, strides: Shape, offset: int, meta: Any) -> Any:
    """The part of the cotangent at a geometry: in its own memory, where its elements lie as those of `meta` do."""
    if isinstance(g, np.ndarray) and g.strides == meta.strides and not (meta.offset or storage_offset(g)):
        return as_strided_array(g, shape, strides, offset)
    return RAW.strided_gather(g, shape, strides, offset, meta)


RAW.strided_part, NARROW.strided_part, LIVE.strided_part = _strided_part, _strided_part, LIVE.strided_gather


@public()
def as_strided_scatter(
    input: Tensor, src: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None
) -> Tensor:
    """A copy with a strided part of the storage overwritten. Source: torch.as_strided_scatter."""
    shape, strides, offset = as_strided_checks(input, size, stride, storage_offset)
    _check_part(src, shape)
    return as_strided_scatter_row(input, src, shape, strides, offset)
