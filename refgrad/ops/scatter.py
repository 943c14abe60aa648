"""Elements picked and written by a tensor of places: gather, scatter, scatter_add, take, put, take_along_dim."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .._dtypes import SCALAR_NAMES
from .._errors import list_text, wrap_dim
from .._inplace import leaf_first, write
from .._layout import preserved
from .._op import LINEAR, op, public, publish
from .._sparse import sparse_cotangent
from .._tensor import Tensor, alias
from .along import lifted
from .checks import check_number
from .index import add_rows
from .pointwise import unimplemented, without_derivative
from .shape import Shape

REDUCE = (
    "The reduce argument of torch.scatter with Tensor src is deprecated and will be removed in a future PyTorch "
    "release. "
    "Use torch.scatter_reduce instead for more reduction options. (Triggered internally at "
    "/__w/pytorch/pytorch/aten/src/ATen/native/TensorAdvancedIndexing.cpp:225.)"
)


def _places(shape: Shape, index: np.ndarray, dim: int) -> np.ndarray:
    """The flat places in an array of `shape` of the elements that `index` names along one dimension."""
    flat = np.zeros(index.shape, np.int64)
    step = 1
    for d in reversed(range(len(shape))):
        here = index if d == dim else np.arange(index.shape[d]).reshape((-1,) + (1,) * (index.ndim - d - 1))
        flat += here * step
        step *= shape[d]
    return flat


def _part(source: np.ndarray, shape: Shape) -> np.ndarray:
    """The leading part of the source that the index's shape covers."""
    return lifted(source)[tuple(slice(0, n) for n in shape)]


def _gathered(a: np.ndarray, index: np.ndarray, dim: int) -> np.ndarray:
    whole, where = lifted(a), lifted(index)
    return whole.reshape(-1)[_places(whole.shape, where, dim)].reshape(index.shape)


def _scattered(a: np.ndarray, index: np.ndarray, src: Any, dim: int) -> np.ndarray:
    made = np.array(a, order="C")
    where = lifted(index)
    values = _part(src, where.shape) if isinstance(src, np.ndarray) and src.ndim else np.asarray(src).astype(a.dtype)
    made.reshape(-1)[_places(lifted(made).shape, where, dim)] = values
    return made


def _scatter_added(a: np.ndarray, index: np.ndarray, src: np.ndarray, dim: int) -> np.ndarray:
    made = np.array(a, order="C")
    where = lifted(index)
    add_rows(made.reshape(-1), _places(lifted(made).shape, where, dim).ravel(), _part(src, where.shape).ravel())
    return made


gather_row = op(
    "gather(self, index!, *, dim)", _gathered, public=False, exact=True, jvp=LINEAR,
    self=lambda g, F, self, index, dim: F.scatter_add(
        F.zeros(tuple(self.shape), F.dtype_of(g).array), index, g, dim
    ),
)  # fmt: skip


def _sparse_slope(g: Any, F: Any, self: Any, index: Any, dim: int) -> Any:
    """The cotangent of gather, with its places where it isn't itself recorded."""
    dense = F.scatter_add(F.zeros(tuple(self.shape), F.dtype_of(g).array), index, g, dim)
    if not isinstance(dense, np.ndarray):
        return dense
    places = np.indices(lifted(index).shape).reshape(max(index.ndim, 1), -1)
    places[dim] = index.reshape(-1)
    return sparse_cotangent(dense, places[: index.ndim], np.array(g).reshape(-1))


gather_sparse_row = op(
    "gather_sparse(self, index!, *, dim)", _gathered, public=False, exact=True, jvp=LINEAR, self=_sparse_slope
)
gather_sparse_row.row.node.name = gather_row.row.node.name  # type: ignore[method-assign]
gather_sparse_row.row.node.__name__ = gather_row.row.node.__name__
scatter_row = op(
    "scatter(self, index!, src, *, dim)", _scattered, public=False, exact=True, jvp=LINEAR,
    self=lambda g, F, index, dim: F.scatter_value(g, index, 0, dim),
    src=lambda g, F, index, dim: F.gather(g, index, dim),
)  # fmt: skip
scatter_value_row = op(
    "scatter_value(self, index!, *, value, dim)", _scattered, node="scatter", overload=1, public=False, exact=True,
    jvp=lambda F, x, t, attrs, out: F.scatter_value(t[0], x[1], 0, attrs[1]),
    self=lambda g, F, index, dim: F.scatter_value(g, index, 0, dim),
)  # fmt: skip
scatter_add_row = op(
    "scatter_add(self, index!, src, *, dim)", _scatter_added, public=False, jvp=LINEAR,
    self=lambda g: g, src=lambda g, F, index, dim: F.gather(g, index, dim),
)  # fmt: skip


def _scatter_combined(a: np.ndarray, index: np.ndarray, src: Any, dim: int, reduce: str) -> np.ndarray:
    made = np.array(a, order="C")
    where = lifted(index)
    values = np.broadcast_to(_part(np.asarray(src), where.shape) if np.ndim(src) else np.asarray(src), where.shape)
    combine = np.add if reduce == "add" else np.multiply
    combine.at(made.reshape(-1), _places(lifted(made).shape, where, dim).ravel(), values.astype(a.dtype).ravel())
    return made


scatter_combined_row = without_derivative(op(
    "scatter_combined(self, index!, src, *, dim, reduce)", _scatter_combined, public=False, node="not_implemented",
    self=unimplemented("scatter"), src=unimplemented("scatter"),
))  # fmt: skip
scatter_combined_value_row = without_derivative(op(
    "scatter_combined_value(self, index!, *, src, dim, reduce)", _scatter_combined, public=False,
    node="not_implemented", self=unimplemented("scatter"),
))  # fmt: skip


def _check_index(input: Tensor, index: Tensor, dim: int, name: str) -> None:
    if index.dtype not in (dtypes.int64, dtypes.int32):
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")
    if index.numel() and max(index.ndim, 1) != max(input.ndim, 1):
        raise RuntimeError("Index tensor must have the same number of dimensions as input tensor")


def _check_places(input: Tensor, index: Tensor, dim: int) -> None:
    n = input._array.shape[dim] if input.ndim else 1
    bad = (index._array < 0) | (index._array >= n)
    if bad.any():
        order = _walk(input._array, index._array, dim)
        place = int(index._array.transpose(order)[bad.transpose(order)].flat[0])
        raise RuntimeError(f"index {place} is out of bounds for dimension {dim} with size {n}")


def _walk(a: np.ndarray, index: np.ndarray, dim: int) -> list[int]:
    """The dimensions from slow to fast as PyTorch walks over an index: those that lie together in memory innermost,
    around them `dim`, unless that is the last."""
    rest = [d for d in range(index.ndim) if d != dim]
    if dim == index.ndim - 1:
        return [*rest, dim]
    long = sorted((d for d in rest if index.shape[d] > 1), key=lambda d: (-a.strides[d], -index.strides[d]))
    inner = [long.pop()] if long else []
    while long and all(x.strides[long[-1]] == x.strides[inner[0]] * index.shape[inner[0]] for x in (a, index)):
        inner.insert(0, long.pop())
    return [*(d for d in rest if index.shape[d] <= 1), *long, dim, *inner]


@public()
def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    """The elements at places given along one dimension, in the index's shape. Source: torch.gather.
    Trap: with `sparse_grad` the gradient of `input` is sparse, and what is computed of that dense."""
    d = wrap_dim(dim, input.ndim)
    _check_index(input, index, d, "gather")
    shape = index._array.shape
    for k, (n, m) in enumerate(zip(shape, input._array.shape)):
        if k != d and n > m and index.numel():
            raise RuntimeError(
                f"Size does not match at dimension {k} expected index {list_text(shape)} to be no larger than self "
                f"{list_text(input._array.shape)} apart from dimension {d}"
            )
    _check_places(input, index, d)
    return gather_sparse_row(input, index, d) if sparse_grad else gather_row(input, index, d)


def _check_scatter(input: Tensor, dim: int, index: Tensor, src: Any, name: str) -> int:
    d = wrap_dim(dim, input.ndim)
    if isinstance(src, Tensor) and src.dtype is not input.dtype:
        raise RuntimeError(f"{name}(): Expected self.dtype to be equal to src.dtype")
    _check_index(input, index, d, name)
    if not index.numel():
        return d
    shape, mine = index._array.shape or (1,), input._array.shape or (1,)
    theirs = (src._array.shape or (1,)) if isinstance(src, Tensor) else shape
    if len(theirs) != len(shape):
        raise RuntimeError("Index tensor must have the same number of dimensions as src tensor")
    small = all(n <= m for n, m in zip(shape, theirs))
    if not small or any(k != d and n > m for k, (n, m) in enumerate(zip(shape, mine))):
        more = f" and to be no larger size than src {list_text(theirs)}" if isinstance(src, Tensor) else ""
        raise RuntimeError(
            f"Expected index {list_text(index._array.shape)} to be no larger than self {list_text(input._array.shape)} "
            f"apart from dimension {d}{more}"
        )
    _check_places(input, index, d)
    return d


def _scatter_call(input: Tensor, dim: int, index: Tensor, src: Any, value: Any, reduce: str | None) -> Any:
    """The row and arguments of a scatter. Raises RuntimeError."""
    given = value if src is None else src
    d = _check_scatter(input, dim, index, given, "scatter")
    if not isinstance(given, Tensor):
        check_number(given, input.dtype)
    if reduce is not None:
        if reduce not in ("add", "multiply"):
            raise RuntimeError("reduce argument must be either add or multiply.")
        if isinstance(given, Tensor):
            warnings.warn(REDUCE, UserWarning, stacklevel=3)
            return scatter_combined_row, (input, index, given), (d, reduce)
        return scatter_combined_value_row, (input, index), (given, d, reduce)
    if isinstance(given, Tensor):
        return scatter_row, (input, index, given), (d,)
    return scatter_value_row, (input, index), (given, d)


@public()
def scatter(
    input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: str | None = None
) -> Tensor:
    """A copy with the source's elements (or a number) written at places given along one dimension.
    Source: torch.scatter. Trap: where places repeat, which element stays is undefined, and each gets the gradient."""
    row, tensors, attributes = _scatter_call(input, dim, index, src, value, reduce)
    return row(*tensors, *attributes)


@leaf_first
def scatter_(
    self: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: str | None = None
) -> Tensor:
    """Writes the source's elements (or a number) at places given along one dimension. Source: torch.Tensor.scatter_."""
    row, tensors, attributes = _scatter_call(self, dim, index, src, value, reduce)
    return write(row.row, tensors, attributes)


@public()
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """A copy with the source's elements added at places given along one dimension. Source: torch.scatter_add."""
    return scatter_add_row(input, index, src, _check_scatter(input, dim, index, src, "scatter"))


@leaf_first
def scatter_add_(self: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """Adds the source's elements at places given along one dimension. Source: torch.Tensor.scatter_add_."""
    return write(scatter_add_row.row, (self, index, src), (_check_scatter(self, dim, index, src, "scatter"),))


def _taken(a: np.ndarray, index: np.ndarray) -> np.ndarray:
    return a.reshape(-1)[index]


def in_order_of(made: np.ndarray, like: np.ndarray) -> np.ndarray:
    """The array in the memory order of another."""
    if like.flags.c_contiguous:
        return made
    turned = np.empty_like(like, order="K")
    turned[...] = made
    return turned


def _put(a: np.ndarray, index: np.ndarray, source: np.ndarray, accumulate: bool) -> np.ndarray:
    made = np.array(a, order="C")
    flat, where, values = made.reshape(-1), index.ravel(), source.ravel()
    if accumulate:
        add_rows(flat, np.where(where < 0, where + flat.size, where), values)
    else:
        flat[where] = values
    return in_order_of(made, a)


take_row = op(
    "take(self, index!)", _taken, public=False, exact=True, jvp=LINEAR,
    self=lambda g, F, self, index: F.put(F.zeros(tuple(self.shape), F.dtype_of(g).array), index, g, True),
)  # fmt: skip
put_row = op(
    "put(self, index!, source, *, accumulate)", _put, public=False, layout=preserved, jvp=LINEAR,
    self=lambda g, F, index, accumulate: (
        g if accumulate else F.put(g, index, F.zeros(index.shape, F.dtype_of(g).array), False)
    ),
    source=lambda g, F, index, source: F.reshape(F.take(g, index), tuple(source.shape)),
)  # fmt: skip


def _check_flat(input: Tensor, index: Tensor, name: str) -> None:
    if index.dtype is not dtypes.int64:
        raise RuntimeError(f"{name}(): Expected a long tensor for index, but got {SCALAR_NAMES[index.dtype]}")
    n = input.numel()
    if not n and index.numel():
        raise IndexError(f"{name}(): tried to take from an empty tensor")
    bad = (index._array < -n) | (index._array >= n)
    if bad.any():
        place = int(index._array[bad].flat[0])
        raise IndexError(f"out of range: tried to access index {place} on a tensor of {n} elements.")


@public()
def take(input: Tensor, index: Tensor) -> Tensor:
    """The elements at places of the flattened tensor, in the index's shape. Source: torch.take."""
    _check_flat(input, index, "take")
    return take_row(input, index)


def _check_put(input: Tensor, index: Tensor, source: Tensor) -> None:
    if index.dtype is not dtypes.int64:
        raise RuntimeError(f"put_(): Expected a long tensor for index, but got {SCALAR_NAMES[index.dtype]}")
    if source.dtype is not input.dtype:
        raise RuntimeError(
            "put_(): self and source expected to have the same dtype, but got self.dtype = "
            f"{SCALAR_NAMES[input.dtype]} and source.dtype = {SCALAR_NAMES[source.dtype]}"
        )
    if source.numel() != index.numel():
        raise IndexError(
            "put_(): Expected source and index to have the same number of elements, but got source.numel() = "
            f"{source.numel()}, index.numel() = {index.numel()}"
        )
    _check_flat(input, index, "put_")


@public()
def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """A copy with elements written (or added) at places of the flattened tensor. Source: torch.Tensor.put."""
    _check_put(input, index, source)
    return put_row(input, index, source, accumulate)


@leaf_first
def put_(self: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """Writes (or adds) elements at places of the flattened tensor. Source: torch.Tensor.put_."""
    _check_put(self, index, source)
    return write(put_row.row, (self, index, source), (accumulate,))


@public()
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """The elements at places given along one dimension, input and indices broadcast; without `dim` of the flattened
    tensor. Source: torch.take_along_dim."""
    if indices.dtype is not dtypes.int64:
        raise RuntimeError(
            "torch.take_along_dim(): dtype of indices should be Long but got " + SCALAR_NAMES[indices.dtype]
        )
    if dim is None:
        return input.view(-1).gather(0, indices.view(-1))
    if input.ndim != indices.ndim:
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, but got "
            f"{input.ndim} dimensions for input, and {indices.ndim} dimensions for indices"
        )
    d = wrap_dim(dim, input.ndim)
    mine, theirs = input._array.shape, indices._array.shape
    lone = [(*s[:d], 1, *s[d + 1 :]) for s in (mine, theirs)]
    common = np.broadcast_shapes(*lone)
    wide, places = ((*common[:d], s[d], *common[d + 1 :]) for s in (mine, theirs))
    # What is saved is the wide index alone: the tensor that was given may go.
    return input.expand(wide).gather(d, alias(indices.expand(places)))


for _function in (scatter_, scatter_add_, put_):
    publish(_function.__name__, _function, method=True, in_module=False)
