"""Whole slices picked and written along one dimension by a vector of places: index_select, index_add, index_copy,
index_fill."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .._dtypes import SCALAR_NAMES
from .._errors import list_text, wrap_dim
from .._inplace import write
from .._layout import preserved
from .._op import LINEAR, op, public, publish
from .._tensor import Tensor
from .index import add_rows, check_bounds
from .shape import Shape
from .slices import part_key


def lifted(a: np.ndarray) -> np.ndarray:
    """A 0-d array as one of a single element, sharing memory."""
    return a.reshape(1) if not a.ndim else a


def _selected(a: np.ndarray, index: np.ndarray, dim: int) -> np.ndarray:
    found = np.ascontiguousarray(lifted(a)[part_key(dim, index.reshape(-1))])
    return found.reshape(()) if not a.ndim else found


def _added(a: np.ndarray, index: np.ndarray, source: np.ndarray, dim: int, alpha: Any) -> np.ndarray:
    made = np.array(a, order="C")
    rows = np.moveaxis(lifted(made), dim, 0)
    values = np.moveaxis(lifted(source), dim if source.ndim else 0, 0)
    add_rows(rows, index.reshape(-1), values if alpha == 1 else values * np.asarray(alpha).astype(values.dtype))
    return made


def _copied(a: np.ndarray, index: np.ndarray, source: np.ndarray, dim: int) -> np.ndarray:
    made = np.array(a, order="C")
    lifted(made)[part_key(dim, index.reshape(-1))] = lifted(source)
    return made


def _filled(a: np.ndarray, index: np.ndarray, value: Any, dim: int) -> np.ndarray:
    made = np.copy(a, order="K")
    lifted(made)[part_key(dim, index.reshape(-1))] = np.asarray(value).astype(a.dtype)
    return made


def _conj(number: Any) -> Any:
    return number.conjugate() if isinstance(number, complex) else number


def _hit(index: np.ndarray, shape: Shape, dim: int) -> np.ndarray:
    """Which elements lie in the slices that the index names: a value written twice there counts once."""
    made = np.zeros(shape, bool)
    lifted(made)[part_key(dim, index.reshape(-1))] = True
    return made


def _zeros_added(g: Any, F: Any, index: Any, shape: Shape, dim: int) -> Any:
    return F.index_add(F.zeros(shape, F.dtype_of(g).array), index, g, dim, 1)


index_select_row = op(
    "index_select(self, index!, *, dim)", _selected, public=False, exact=True, jvp=LINEAR,
    self=lambda g, F, self_meta, index, dim: _zeros_added(g, F, index, self_meta.shape, dim),
)  # fmt: skip
index_add_row = op(
    "index_add(self, index!, source, *, dim, alpha)", _added, public=False, jvp=LINEAR,
    self=lambda g: g,
    source=lambda g, F, index, source, dim, alpha: F.reshape(
        F.index_select(g, index, dim) * _conj(alpha), tuple(source.shape)
    ),
)  # fmt: skip
index_copy_row = op(
    "index_copy(self, index!, source, *, dim)", _copied, public=False, exact=True, jvp=LINEAR,
    self=lambda g, F, index, dim: F.index_fill(g, index, 0, dim),
    source=lambda g, F, index, source, dim: F.reshape(F.index_select(g, index, dim), tuple(source.shape)),
)  # fmt: skip
op("index_mask(index, *, shape, dim) -> out!", _hit, public=False, exact=True)
index_fill_row = op(
    "index_fill(self, index!, *, value, dim)", _filled, public=False, layout=preserved, exact=True,
    jvp=lambda F, x, t, attrs, out: F.index_fill(t[0], x[1], 0, attrs[1]),
    self=lambda g, F, index, dim: F.index_fill(g, index, 0, dim),
)  # fmt: skip
index_fill_tensor_row = op(
    "index_fill_tensor(self, index!, value, *, dim)", _filled, node="index_fill", overload=1, public=False,
    layout=preserved, exact=True,
    jvp=LINEAR, self=lambda g, F, index, dim: F.index_fill(g, index, 0, dim),
    value=lambda g, F, self_meta, index, dim: F.where(F.index_mask(index, self_meta.shape, dim), g, 0),
)  # fmt: skip


def _dim(input: Tensor, dim: int, index: Tensor, name: str) -> int:
    """The dimension in 0 … ndim-1, after the checks of the index that all four share."""
    d = wrap_dim(dim, input.ndim)
    if index.ndim > 1:
        raise IndexError(f"{name}(): Index is supposed to be a vector")
    return d


def _size(t: Tensor, dim: int) -> int:
    return t._array.shape[dim] if t.ndim else 1


@public()
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The slices of a dimension at the given places. Source: torch.index_select."""
    d = _dim(input, dim, index, "index_select")
    if index.dtype not in (dtypes.int64, dtypes.int32):
        raise RuntimeError("index_select(): Expected dtype int32 or int64 for index")
    places = index._array
    if not input.ndim and places.size != 1:
        raise RuntimeError(f"index_select(): Index to scalar can have only 1 value, got {places.size} value(s)")
    bad = (places < 0) | (places >= _size(input, d))
    if bad.any():
        if d == 1:
            raise RuntimeError(
                f"INDICES element is out of DATA bounds, id={places[bad].flat[0]} axis_dim={_size(input, d)}"
            )
        raise IndexError("index out of range in self")
    return index_select_row(input, index, d)


def _check_add(input: Tensor, dim: int, index: Tensor, source: Tensor) -> int:
    d = _dim(input, dim, index, "index_add_")
    if index.dtype not in (dtypes.int64, dtypes.int32):
        raise RuntimeError("index_add_(): Expected dtype int32/int64 for index")
    if source.dtype is not input.dtype:
        raise RuntimeError(
            f"index_add_(): self ({SCALAR_NAMES[input.dtype]}) and source ({SCALAR_NAMES[source.dtype]}) must have the "
            "same scalar type"
        )
    if source.ndim and d >= source.ndim:
        raise RuntimeError(
            f"index_add_(): Indexing dim {d} is out of bounds of the source tensor with dim {source.ndim}"
        )
    if index.numel() != _size(source, d):
        raise RuntimeError(
            f"index_add_(): Number of indices ({index.numel()}) should be equal to source.size(dim): "
            f"({_size(source, d)}), for dim: {d}"
        )
    mine, theirs = (_without(t._array.shape, d) for t in (input, source))
    if mine != theirs:
        raise RuntimeError(
            "source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = "
            f"{list_text(input._array.shape)} source.shape = {list_text(source._array.shape)}"
        )
    _check_places(index, d, _size(input, d), RuntimeError)
    return d


def _without(shape: Shape, dim: int) -> Shape:
    return (*shape[:dim], *shape[dim + 1 :])


def _check_places(index: Tensor, dim: int, size: int, error: type[Exception], name: str = "") -> None:
    bad = (index._array < 0) | (index._array >= size)
    if bad.any():
        place = int(index._array[bad].flat[0])
        raise error(f"{name}index {place} is out of bounds for dimension {dim} with size {size}")


@public()
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Tensor:
    """A copy with alpha times the source's slices added at the given places. Source: torch.index_add."""
    return index_add_row(input, index, source, _check_add(input, dim, index, source), alpha)


def index_add_(self: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Tensor:
    """Adds alpha times the source's slices at the given places. Source: torch.Tensor.index_add_."""
    return write(index_add_row.row, (self, index, source), (_check_add(self, dim, index, source), alpha))


def _check_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> int:
    d = wrap_dim(dim, input.ndim)
    if index.ndim > 1:
        raise IndexError(f"index_copy_(): Index should have dimension 1 or 0 (got {index.ndim})")
    if not source.ndim and index.numel() != 1:
        raise IndexError(f"index_copy_(): When source is scalar, index should have one element (got {index.numel()})")
    if source.ndim and input.ndim and source.ndim != input.ndim:
        raise IndexError(
            "index_copy_(): When source and destination are not scalars, their dimensionality must match. Source "
            f"dimensionality ({source.ndim}), destination dimensionality ({input.ndim})"
        )
    if index.dtype is not dtypes.int64:
        raise IndexError("index_copy_(): Expected a long tensor for index, but got " + SCALAR_NAMES[index.dtype])
    if source.dtype is not input.dtype:
        raise RuntimeError(
            "index_copy_(): self and source expected to have the same dtype, but got (self) "
            f"{SCALAR_NAMES[input.dtype]} "
            f"and (source) {SCALAR_NAMES[source.dtype]}"
        )
    mine, theirs = (_without(t._array.shape, d) for t in (input, source))
    if mine != theirs:
        raise RuntimeError(
            "index_copy_(): Source/destination tensor must have same slice shapes. Destination slice shape: "
            f"{list_text(mine)} at dimension {d} and source slice shape: {list_text(theirs)} at dimension 0."
        )
    if index.numel() != _size(source, d):
        raise IndexError(
            f"index_copy_(): Number of indices ({index.numel()}) should be equal to source.size(dim) "
            f"({_size(source, d)})"
        )
    _check_places(index, d, _size(input, d), IndexError, "index_copy_(): ")
    return d


@public()
def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """A copy with the source's slices written at the given places. Source: torch.index_copy."""
    return index_copy_row(input, index, source, _check_copy(input, dim, index, source))


def index_copy_(self: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """Writes the source's slices at the given places. Source: torch.Tensor.index_copy_."""
    return write(index_copy_row.row, (self, index, source), (_check_copy(self, dim, index, source),))


def _fill_call(input: Tensor, dim: int, index: Tensor, value: Any) -> Any:
    """The row and arguments of an index_fill. Raises RuntimeError or IndexError."""
    d = wrap_dim(dim, input.ndim)
    if index.dtype is not dtypes.int64:
        raise IndexError("index_fill_(): Expected dtype int64 for index.")
    if index.ndim > 1:
        raise IndexError("Index has to be a vector/scalar")
    if isinstance(value, Tensor) and value.ndim:
        raise RuntimeError(
            f"index_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s)."
        )
    check_bounds(index._array, d, _size(input, d))
    if isinstance(value, Tensor):
        return index_fill_tensor_row, (input, index, value), (d,)
    if isinstance(value, complex) and not input.is_complex():
        raise RuntimeError("index_fill_(): Converting complex Scalar to non-complex type is not supported")
    return index_fill_row, (input, index), (value, d)


@public()
def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """A copy with `value` in the slices at the given places. Source: torch.index_fill."""
    row, tensors, attributes = _fill_call(input, dim, index, value)
    return row(*tensors, *attributes)


def index_fill_(self: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """Writes `value` into the slices at the given places. Source: torch.Tensor.index_fill_."""
    row, tensors, attributes = _fill_call(self, dim, index, value)
    return write(row.row, tensors, attributes)


for _function in (index_add_, index_copy_, index_fill_):
    publish(_function.__name__, _function, method=True, in_module=False)
