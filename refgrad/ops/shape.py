"""Views and copies that change shape."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .._dtypes import SCALAR_NAMES
from .._errors import list_text, tensor_type, wrap_dim
from .._interpreters import LIVE, NARROW, RAW
from .._op import LINEAR, op, public
from .._schema import Meta
from .._storage import as_strided_array, contiguous_strides, element_strides, strided
from .._storage import storage_offset as offset_of
from .._tensor import Tensor
from .copy import contiguous_row

Shape = tuple[int, ...]


def view_strides(shape: Shape, strides: Shape, to: Shape) -> Shape | None:
    """The strides with which a strided array is seen in another shape without a copy, or None if there are none.

    The old dimensions are cut into runs that are contiguous in memory; every new dimension must fit into one run.
    """
    if not prod(shape):
        return strides if shape == to else contiguous_strides(to)
    found: list[int] = []
    k = len(to) - 1
    run, base = 1, strides[-1] if strides else 1
    for d in reversed(range(len(shape))):
        run *= shape[d]
        if d and (shape[d - 1] == 1 or strides[d - 1] == run * base):
            continue
        used = 1
        while k >= 0 and (used < run or to[k] == 1):
            found.append(used * base)
            used *= to[k]
            k -= 1
        if used != run:
            return None
        if d:
            run, base = 1, strides[d - 1]
    while k >= 0:
        if to[k] != 1:
            return None
        found.append(found[-1] * to[k + 1] if found else 1)
        k -= 1
    return tuple(reversed(found))


def full_shape(shape: Shape, size: int) -> Shape:
    """A shape with its one -1 filled in. Raises RuntimeError if it can't hold `size` elements."""
    known = prod(n for n in shape if n != -1)
    if known == size and -1 not in shape and min(shape, default=0) >= 0:
        return shape
    if shape.count(-1) > 1:
        raise RuntimeError("only one dimension can be inferred")
    bad = next((k for k, n in enumerate(shape) if n < -1), None)
    if bad is not None:
        raise RuntimeError(f"invalid shape dimension {shape[bad]} at index {bad} of shape {list(shape)}")
    if -1 in shape and known == 0 and size == 0:
        raise RuntimeError(
            f"cannot reshape tensor of 0 elements into shape {list(shape)} because the unspecified dimension "
            "size -1 can "
            "be any value and is ambiguous"
        )
    if (-1 in shape and (known == 0 or size % known)) or (-1 not in shape and known != size):
        raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {size}")
    return tuple(size // known if n == -1 else n for n in shape)


def _view(a: np.ndarray, shape: Shape) -> np.ndarray:
    if a.flags.c_contiguous and a.size and (1 not in a.shape or element_strides(a) == contiguous_strides(a.shape)):
        return a.reshape(shape)
    strides = view_strides(a.shape, element_strides(a), shape)
    assert strides is not None
    return as_strided_array(a, shape, strides, offset_of(a))


view_row = op(
    "view(self, *, shape)", _view, view=True, public=False, jvp=LINEAR,
    self=lambda g, F, self_meta: F.reshape(g, self_meta.shape)
)  # fmt: skip
unsafe_view_row = op(
    "unsafe_view(self, *, shape)",
    lambda a, shape: a.reshape(shape),
    node="unsafe_view", public=False, exact=True, jvp=LINEAR,
    self=lambda g, F, self_meta: F.reshape(g, self_meta.shape),
)  # fmt: skip


def view(self: Tensor, *shape: Any, dtype: Any = None) -> Tensor:
    """The same memory in another shape, or (given a dtype) read as another dtype. Raises RuntimeError where strides
    forbid it. Source: torch.Tensor.view."""
    if dtype is not None or isinstance(shape[0], dtypes.dtype):
        return view_as_dtype(self, dtype or shape[0])
    array = self._array
    to = full_shape(shape_of_view(shape, "view"), array.size)
    if not array.flags.c_contiguous and view_strides(self._array.shape, element_strides(self._array), to) is None:
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
            "contiguous subspaces). Use .reshape(...) instead."
        )
    return view_row(self, to)


Tensor.view = view  # type: ignore[attr-defined]


def view_as_dtype(t: Tensor, kind: dtypes.dtype) -> Tensor:
    """The bits read as another dtype: shares memory and version counter, without history."""
    if kind is t.dtype:
        return t
    array, mine, theirs = t._array, t.dtype.itemsize, kind.itemsize
    text = f"view {SCALAR_NAMES[t.dtype]} as {SCALAR_NAMES[kind]} (different element sizes)"
    if mine != theirs:
        strides = element_strides(array)
        if not array.ndim:
            raise RuntimeError(f"self.dim() cannot be 0 to {text}")
        if strides[-1] != 1:
            raise RuntimeError(f"self.stride(-1) must be 1 to {text}, but got {strides[-1]}")
        _check_ratio(t, theirs // mine, text)
    made = t.detach()
    made._array = array.view(kind.array)
    return made


def _check_ratio(t: Tensor, ratio: int, text: str) -> None:
    """Raises RuntimeError if elements can't be taken `ratio` at a time."""
    if ratio <= 1:
        return
    strides = element_strides(t._array)
    found = {"self.size(-1)": t._array.shape[-1], "self.storage_offset()": offset_of(t._array)}
    found |= {f"self.stride({k})": s for k, s in enumerate(strides[:-1])}
    for name, n in found.items():
        if n % ratio:
            raise RuntimeError(f"{name} must be divisible by {ratio} to {text}, but got {n}")


def shape_of_view(shape: tuple[Any, ...], name: str) -> Shape:
    """A shape from `f(2, -1)` or `f((2, -1))`. Raises TypeError for other things than integers."""
    given = shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, Sequence)) else shape
    is_plain = True
    for n in given:
        if type(n) is not int:
            is_plain = False
            if isinstance(n, float):
                raise TypeError(f"{name}(): argument 'shape' (position 1) must be tuple of ints, not float")
    return tuple(given) if is_plain else tuple([int(n) for n in given])


reshape_alias_row = op(
    "reshape_alias(self, *, shape)", _view, view=True, public=False, jvp=LINEAR,
    self=lambda g, F, self_meta: F.reshape(g, self_meta.shape),
)  # fmt: skip


@public(method=True)
def reshape(input: Tensor, *shape: Any) -> Tensor:
    """A view in another shape where possible, else a copy. Source: torch.reshape."""
    to = full_shape(shape_of_view(shape, "reshape"), input.numel())
    if input._array.flags.c_contiguous:
        return view_row(input, to)
    if view_strides(input._array.shape, element_strides(input._array), to) is not None:
        return reshape_alias_row(input, to)
    return unsafe_view_row(contiguous_row(input), to)


def _expand(a: np.ndarray, shape: Shape) -> np.ndarray:
    """A stretched dimension has stride 0, one that is added the stride of a fresh one."""
    if not a.ndim:
        return strided(a, shape, (0,) * len(shape))
    strides: list[int] = []
    for k in reversed(range(len(shape))):
        have = k - (len(shape) - a.ndim)
        if have >= 0:
            size, step = a.shape[have], a.strides[have]
        else:
            size, step = 1, shape[k + 1] * strides[-1] if strides else a.itemsize
        strides.append(step if size == shape[k] else 0)
    return strided(a, shape, tuple(reversed(strides)))


expand_row = op("expand(self, *, shape)", _expand, view=True, public=False, jvp=LINEAR, self=lambda g: g)


@public(method=True)
def expand(self: Tensor, *sizes: Any) -> Tensor:
    """Size-1 dimensions repeated without a copy; -1 keeps a size. Source: torch.Tensor.expand."""
    to = shape_of_view(sizes, "expand")
    have = self._array.shape
    lead = len(to) - len(have)
    if lead < 0:
        raise RuntimeError(
            f"expand({tensor_type(self.dtype)}{{{list(have)}}}, size={list(to)}): the number of sizes provided "
            f"({len(to)}) must "
            f"be greater or equal to the number of dimensions in the tensor ({len(have)})"
        )
    for k, n in enumerate(to[:lead]):
        if n == -1:
            raise RuntimeError(
                f"The expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension {k}"
            )
    full = tuple(have[k - lead] if n == -1 and k >= lead else n for k, n in enumerate(to))
    for k, n in reversed(list(enumerate(full))):
        if k >= lead and have[k - lead] not in (1, n):
            raise RuntimeError(
                f"The expanded size of the tensor ({n}) must match the existing size ({have[k - lead]}) at "
                "non-singleton "
                f"dimension {k}.  Target sizes: {list(to)}.  Tensor sizes: {list(have)}"
            )
    return expand_row(self, full)


transpose_row = op(
    "transpose(self, *, dim0, dim1)",
    lambda a, dim0, dim1: np.swapaxes(a, dim0, dim1) if a.ndim else a.view(), view=True, public=False, jvp=LINEAR,
    self=lambda g, F, dim0, dim1: F.transpose(g, dim0, dim1),
)  # fmt: skip


@public(method=True)
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """A view with two dimensions swapped. Source: torch.transpose."""
    a, b = wrap_dim(dim0, input.ndim), wrap_dim(dim1, input.ndim)
    return transpose_row(input, a, b)


def _strided_push(F: Any, x: Any, t: Any, attributes: Any, out: Any) -> Any:
    """The tangent read as if it lay in memory as its primal does: strides and offset are the primal's."""
    mine, theirs = x[0]._array, t[0]._array
    if mine.strides == theirs.strides and offset_of(mine) == offset_of(theirs):
        return F.as_strided(t[0], *attributes)
    return F.strided_gather(t[0], *attributes, Meta(mine.shape, mine.dtype, mine.strides, offset_of(mine)))


as_strided_row = op(
    "as_strided(self, *, shape, strides, offset)",
    as_strided_array,
    view=True, public=False, jvp=_strided_push,
    self=lambda g, F, self_meta, shape, strides, offset: F.strided_sum(g, shape, strides, offset, self_meta),
)  # fmt: skip


def _places(shape: Shape, strides: Shape, offset: int) -> np.ndarray:
    """For every element of a geometry its place in the storage."""
    places = np.full(shape, offset, np.int64)
    for k, (n, s) in enumerate(zip(shape, strides)):
        places += (np.arange(n) * s).reshape((-1,) + (1,) * (len(shape) - k - 1))
    return places


def storage_places(shape: Shape, strides: Shape, offset: int, meta: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The places of the input's elements and of the view's, and how many of the input's share each place."""
    mine = _places(meta.shape, tuple(s // meta.dtype.itemsize for s in meta.strides), meta.offset)
    theirs = _places(shape, strides, offset)
    size = 1 + max(mine.max(initial=-1), theirs.max(initial=-1))
    return mine, theirs, np.maximum(np.bincount(mine.ravel(), minlength=size), 1)


def strided_sum(g: np.ndarray, shape: Shape, strides: Shape, offset: int, meta: Any) -> np.ndarray:
    """The vjp of as_strided: g added up in the storage, then read through the input's own geometry; where several
    elements of the input share a place, each gets its share."""
    mine, theirs, counts = storage_places(shape, strides, offset, meta)
    total = np.zeros(counts.size, g.dtype)
    np.add.at(total, theirs, g)
    return (total[mine] / counts[mine]).astype(g.dtype)


def strided_gather(h: np.ndarray, shape: Shape, strides: Shape, offset: int, meta: Any) -> np.ndarray:
    """The transpose of strided_sum."""
    mine, theirs, counts = storage_places(shape, strides, offset, meta)
    total = np.zeros(counts.size, h.dtype)
    np.add.at(total, mine, (h / counts[mine]).astype(h.dtype))
    return total[theirs]


strided_sum_row = op(
    "strided_sum(source, *, shape, strides, offset, meta)", strided_sum, public=False, jvp=LINEAR,
    source=lambda g, F, shape, strides, offset, meta: F.strided_gather(g, shape, strides, offset, meta),
)  # fmt: skip
strided_gather_row = op(
    "strided_gather(source, *, shape, strides, offset, meta)", strided_gather, public=False, jvp=LINEAR,
    source=lambda g, F, shape, strides, offset, meta: F.strided_sum(g, shape, strides, offset, meta),
)  # fmt: skip


@public(method=True)
def as_strided(input: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """A view of the storage with any size, stride and offset. Source: torch.as_strided.
    Trap: elements may overlap; writes to such a view are undefined."""
    return as_strided_row(input, *as_strided_checks(input, size, stride, storage_offset))


def as_strided_checks(input: Tensor, size: Any, stride: Any, offset: int | None) -> tuple[Shape, Shape, int]:
    """The geometry that as_strided is asked for. Raises RuntimeError for one that can't be."""
    shape, strides = tuple(int(n) for n in size), tuple(int(s) for s in stride)
    if len(shape) != len(strides):
        raise RuntimeError("mismatch in length of strides and shape")
    if any(s < 0 for s in strides):
        raise RuntimeError(
            f"as_strided: Negative strides are not supported at the moment, got strides: {list_text(strides)}"
        )
    if any(n < 0 for n in shape):
        raise RuntimeError(
            f"Storage size calculation overflowed with sizes={list_text(shape)} and strides={list_text(strides)}"
        )
    return shape, strides, offset_of(input._array) if offset is None else offset


for _space in (RAW, NARROW):
    _space.reshape = lambda a, shape: a.reshape(shape)
    _space.expand = lambda a, shape: a[...] if a.shape == shape else np.broadcast_to(a, shape)
LIVE.reshape = lambda t, shape: reshape(t, shape)
