"""Elements combined at places along a dimension: scatter_reduce, and index_reduce for whole slices.

Both are one computation: every element of the source belongs to the bucket of one result, and so does the element of
self there, unless `include_self` is off. The gradient of a product is that of the others in the bucket, without
division: exclusive products run both ways over the elements sorted by bucket.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .._dtypes import SCALAR_NAMES
from .._errors import list_text, warn_once, wrap_dim
from .._forward import transpose
from .._inplace import leaf_first, write
from .._interpreters import LIVE, RAW, formula
from .._modes import state
from .._op import op, public
from .._overlap import check_overlap
from .._tensor import Tensor, plain, resolved
from .along import lifted
from .layout import no_complex_gradient
from .reduce import not_implemented
from .scatter import _check_scatter as check_scatter
from .scatter import _part, _places

BETA = (
    "index_reduce() is in beta and the API may change at any time. (Triggered internally at "
    "/__w/pytorch/pytorch/aten/src/ATen/native/TensorAdvancedIndexing.cpp:1523.)"
)
COMBINE = {"sum": np.add, "mean": np.add, "prod": np.multiply, "amax": np.maximum, "amin": np.minimum}
IDENTITY = {"sum": 0, "mean": 0, "prod": 1}


def _start(dtype: np.dtype, reduce: str) -> Any:
    """What a bucket holds before anything is combined into it."""
    if reduce in IDENTITY:
        return IDENTITY[reduce]
    if dtype.kind == "f":
        return -np.inf if reduce == "amax" else np.inf
    if dtype.kind == "b":
        return reduce == "amin"
    return np.iinfo(dtype).min if reduce == "amax" else np.iinfo(dtype).max


def combined(
    a: np.ndarray, index: np.ndarray, src: np.ndarray, dim: int, reduce: str, include_self: bool
) -> np.ndarray:
    """The reduction of each bucket; places that no element of the source names keep self's value."""
    made = np.array(a, order="C")
    where = lifted(index)
    if not where.size:
        return made
    places = _places(lifted(made).shape, where, dim).ravel()
    values, flat = _part(src, where.shape).ravel(), made.reshape(-1)
    if not include_self:
        flat[places] = _start(a.dtype, reduce)
    COMBINE[reduce].at(flat, places, values)
    if reduce == "mean":
        count = np.bincount(places, minlength=flat.size) + (1 if include_self else 0)
        count = np.maximum(count, 1)
        flat[...] = np.floor_divide(flat, count) if a.dtype.kind in "iu" else flat / count.astype(a.real.dtype)
    return made


def _count(index: Any, shape: tuple[int, ...], dim: int, include_self: bool, dtype: np.dtype) -> np.ndarray:
    """How many elements each bucket has; 1 where there is none."""
    where = lifted(index)
    size = prod(shape)
    count = (
        np.bincount(_places(shape or (1,), where, dim).ravel(), minlength=size) if where.size else np.zeros(size, int)
    )
    return np.maximum(count + (1 if include_self else 0), 1).reshape(shape).astype(dtype)


def _untouched(index: np.ndarray, shape: tuple[int, ...], dim: int) -> np.ndarray:
    """Where no element of the source goes."""
    return _count(index, shape, dim, True, np.dtype(np.int64)) == 1


for _space in (RAW, LIVE):
    _is_live = _space is LIVE
    _space.bucket_count = (lambda i, *rest: plain(_count(resolved(i), *rest))) if _is_live else _count
    _space.untouched = (lambda i, *rest: plain(_untouched(resolved(i), *rest))) if _is_live else _untouched


def _spread_index(F: Any, index: Any, src: Any, dim: int) -> Any:
    """index_reduce's vector as the full index of its source."""
    shape = tuple(1 if k != dim else -1 for k in range(src.ndim))
    return F.expand(F.reshape(index, shape), tuple(src.shape)) if src.ndim else F.reshape(index, ())


def _leading(F: Any, src: Any, index: Any) -> Any:
    """The part of the source that the index covers."""
    for k, n in enumerate(index.shape):
        if src.shape[k] != n:
            src = F.slice(src, k, 0, n, 1)
    return src


@formula
def bucket_vjp(
    F: Any, g: Any, x: Any, index: Any, src: Any, out: Any, dim: int, reduce: str, include_self: bool
) -> Any:
    """The cotangents of self and of the covered part of the source; equal extremes share. PyTorch counts self among
    them even when it is left out."""
    shape = tuple(x.shape)
    src = _leading(F, src, index)
    if reduce in ("sum", "mean"):
        if reduce == "mean":
            g = F.div(g, F.bucket_count(index, shape, dim, include_self, F.array_dtype(g)))
        mine, theirs = g, F.gather(g, index, dim)
    elif reduce == "prod":
        mine, theirs = F.product_vjp(g, x, index, src, dim, include_self)
    else:
        mask, hit = x == out, src == F.gather(out, index, dim)
        zeros = F.zeros(shape, F.array_dtype(g))
        ties = F.where(mask, 1.0, zeros) if include_self else zeros
        count = F.scatter_add(ties, index, F.where(hit, 1.0, F.gather(zeros, index, dim)), dim)
        share = F.div(g, F.where(count == 0, 1, count))
        mine, theirs = F.where(mask, share, 0), F.where(hit, F.gather(share, index, dim), 0)
    return [
        mine if include_self else F.where(F.untouched(index, shape, dim), mine if reduce == "prod" else g, 0),
        theirs,
    ]


@formula
def product_vjp(F: Any, g: Any, x: Any, index: Any, src: Any, dim: int, include_self: bool) -> Any:
    """g times the product of all others in the bucket, for every element of self and of the source."""
    flat_x, flat_src = F.reshape(x, (-1,)), F.reshape(src, (-1,))
    places, order, starts = F.bucket_order(index, tuple(x.shape), dim, include_self)
    members = F.cat([flat_x, flat_src], 0) if include_self else flat_src
    ranked = F.take_along(members, order, 0)
    before = F.segment_products(ranked, starts, False)
    after = F.segment_products(ranked, starts, True)
    arriving = F.take_along(F.take_along(F.reshape(g, (-1,)), places, 0), order, 0)
    found = F.place_along(arriving * F.conj(before * after), order, 0, members.shape[0], True)
    if not include_self:
        # Untouched places have g whatever the rest; a recorded gradient depends on self there, as PyTorch's does.
        mine = F.product_vjp(g, x, index, src, dim, True)[0] if F.is_live else g
        return [mine, F.reshape(found, tuple(src.shape))]
    n = flat_x.shape[0]
    mine, theirs = F.slice(found, 0, 0, n, 1), F.slice(found, 0, n, found.shape[0], 1)
    return [F.reshape(mine, tuple(x.shape)), F.reshape(theirs, tuple(src.shape))]


@formula
def segment_products(F: Any, ranked: Any, starts: Any, reverse: bool) -> Any:
    """For each element the product of those before it (after it, reversed) in its segment."""
    edges = F.shift(starts, 0, -1, True) if reverse else starts
    factors = F.where(edges, 0, F.shift(ranked, 0, -1 if reverse else 1, 1))
    return F.linear_scan(F.where(edges, 1, F.zeros_like(ranked)), factors, 0, reverse)


def _bucket_order(index: np.ndarray, shape: tuple[int, ...], dim: int, include_self: bool) -> tuple[np.ndarray, ...]:
    """Every member's place in the flat result, the order that sorts them by place, and where a new place starts."""
    places = _places(shape or (1,), lifted(index), dim).ravel()
    if include_self:
        places = np.concatenate([np.arange(prod(shape)), places])
    order = np.argsort(places, kind="stable")
    ranked = places[order]
    starts = np.ones(ranked.shape, bool)
    starts[1:] = ranked[1:] != ranked[:-1]
    return places, order, starts


RAW.bucket_order = _bucket_order
LIVE.bucket_order = lambda i, *rest: tuple(plain(a) for a in _bucket_order(resolved(i), *rest))
RAW.array_dtype = lambda a: a.dtype
LIVE.array_dtype = lambda t: t._array.dtype


def _padded(F: Any, g: Any, shape: tuple[int, ...]) -> Any:
    """The cotangent of a part as that of the whole, zeros elsewhere."""
    for k, n in enumerate(shape):
        missing = n - g.shape[k]
        if missing:
            rest = tuple(missing if j == k else m for j, m in enumerate(g.shape))
            g = F.cat([g, F.zeros(rest, F.array_dtype(g))], k)
    return g


def _scatter_gradients(
    g: Any, F: Any, self: Any, index: Any, src: Any, out: Any, dim: int, reduce: str, include_self: bool
) -> Any:
    mine, theirs = F.bucket_vjp(g, self, index, src, out, dim, reduce, include_self)
    return [mine, _padded(F, theirs, tuple(src.shape))]


def _index_gradients(
    g: Any, F: Any, self: Any, index: Any, source: Any, out: Any, dim: int, reduce: str, include_self: bool
) -> Any:
    full = _spread_index(F, index, source, dim)
    mine, theirs = F.bucket_vjp(g, self, full, source, out, dim, reduce, include_self)
    if reduce != "prod":
        return [mine, theirs]
    # PyTorch's rule for products calls index_reduce twice, and each call warns; so do the calls' own rules.
    if _is_asked():
        _warn_beta(2)
    return [F.warned(mine, 2), F.warned(theirs, 4)] if F.is_live else [mine, theirs]


def _is_asked() -> bool:
    """Whether the backward that is running wants a gradient of its node's: PyTorch computes none otherwise."""
    task = state.executing[-1] if state.executing else None
    return task is None or task.running is None or task.leads_on(task.running.edges)


def _warn_beta(times: int) -> None:
    for _ in range(times):
        warn_once(BETA, 2)


def _warned_vjp(g: Any, times: int) -> Any:
    _warn_beta(times)
    return g


warned_row = op("warned(self, *, times)", lambda a, times: a.copy(), public=False, self=_warned_vjp)


def _index_combined(
    a: np.ndarray, index: np.ndarray, source: np.ndarray, dim: int, reduce: str, include_self: bool
) -> np.ndarray:
    return combined(a, _spread_index(RAW, index, source, dim), source, dim, reduce, include_self)


def _scatter_push(F: Any, x: Any, t: Any, attrs: Any, out: Any) -> Any:
    """Sums and means are linear: the tangents' own, which hangs on no operand. Extremes pick among tangents by places,
    which hang on no operand either. Products by transposition."""
    dim, reduce, include_self = attrs
    if reduce == "prod":
        return transpose(scatter_reduce_row.row, list(x), list(t), tuple(attrs))[0]  # type: ignore[attr-defined]
    mine, theirs = (F.zeros_like(x[k]) if t[k] is None else t[k] for k in (0, 2))
    if reduce in ("amax", "amin"):
        return _extreme_push(F, x, mine, theirs, attrs, out[0])
    return F.scatter_reduce(mine, x[1], theirs, dim, reduce, include_self)


def _extreme_push(F: Any, x: Any, mine: Any, theirs: Any, attrs: Any, out: Any) -> Any:
    """The mean tangent of the members of a bucket that are equal to its extreme."""
    dim, _, include_self = attrs
    index, shape = x[1], tuple(out.shape)
    hit = _leading(F, x[2], index) == F.gather(out, index, dim)
    zeros = F.zeros_like(out)
    ties, own = zeros, zeros
    if include_self:
        ties, own = F.where(x[0] == out, 1.0, zeros), F.where(x[0] == out, mine, 0)
    count = F.scatter_add(ties, index, F.where(hit, 1.0, F.gather(zeros, index, dim)), dim)
    total = F.scatter_add(own, index, F.where(hit, _leading(F, theirs, index), 0), dim)
    mean = F.div(total, F.where(count == 0, 1, count))
    return mean if include_self else F.where(F.untouched(index, shape, dim), mine, mean)


scatter_reduce_row = op(
    "scatter_reduce(self, index!, src, *, dim, reduce, include_self)", combined,
    public=False, gradients=_scatter_gradients, jvp=_scatter_push,
)  # fmt: skip
index_reduce_row = op(
    "index_reduce(self, index!, source, *, dim, reduce, include_self)", _index_combined,
    public=False, gradients=_index_gradients,
)  # fmt: skip


def _scatter_arguments(
    input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, include_self: bool
) -> tuple[tuple[Tensor, ...], tuple[Any, ...]]:
    axis = wrap_dim(dim, input.ndim)
    if reduce not in COMBINE:
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    if index.numel() and max(index.ndim, 1) != max(input.ndim, 1):
        raise RuntimeError("Index tensor must have the same number of dimensions as self tensor")
    check_scatter(input, axis, index, src, "scatter")
    if input.is_complex() and reduce in ("amax", "amin"):
        not_implemented(f"scatter_gather_tensor_cpu_reduce_{reduce}", input)
    no_complex_gradient("scatter_reduce", input)
    return (input, index, src), (axis, reduce, include_self)


@public("scatter_reduce")
def scatter_reduce(
    input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """self with src's elements combined in (sum, prod, mean, amax, amin) at places along `dim`.
    Source: torch.scatter_reduce. Trap: at ties amax and amin share the gradient."""
    tensors, attributes = _scatter_arguments(input, dim, index, src, reduce, include_self)
    return scatter_reduce_row(*tensors, *attributes)


@public("scatter_reduce_", method=True)
@leaf_first
def scatter_reduce_(
    self: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """scatter_reduce written into self. Source: torch.Tensor.scatter_reduce_."""
    return write(scatter_reduce_row.row, *_scatter_arguments(self, dim, index, src, reduce, include_self))  # type: ignore[attr-defined]


def _check_source(input: Tensor, axis: int, index: Tensor, source: Tensor) -> None:
    """What index_reduce asks of its vector of places and of its source."""
    if index.ndim > 1:
        raise IndexError(
            f"index_reduce_(): Index is supposed to be a vector, but got dim: {index.ndim} with type: "
            f"{SCALAR_NAMES[index.dtype]} and size: {list_text(index._array.shape)}"
        )
    if index.dtype not in (dtypes.int64, dtypes.int32):
        raise RuntimeError(
            f"index_reduce_(): Expected dtype int32/int64 for index but got: {SCALAR_NAMES[index.dtype]}"
        )
    if source.dtype is not input.dtype:
        raise RuntimeError(
            f"index_reduce_(): self ({SCALAR_NAMES[input.dtype]}) and source ({SCALAR_NAMES[source.dtype]}) must have "
            "the same scalar type"
        )
    mine, theirs = list(input._array.shape), list(source._array.shape)
    if mine[:axis] + mine[axis + 1 :] != theirs[:axis] + theirs[axis + 1 :]:
        raise RuntimeError(
            "source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = "
            f"{list_text(tuple(mine))} source.shape = {list_text(tuple(theirs))}"
        )
    if index.numel() != (theirs[axis] if theirs else 1):
        raise RuntimeError(
            f"index_reduce_(): Number of indices ({index.numel()}) should be equal to source.size(dim): "
            f"({theirs[axis] if theirs else 1}), for dim: {axis}"
        )


def _check_places(input: Tensor, axis: int, index: Tensor, include_self: bool) -> None:
    n = input._array.shape[axis] if input.ndim else 1
    places = index._array
    # Where self counts for nothing its places are filled first, and a fill counts negative places from the end.
    unfilled = places[(places < -n) | (places >= n)]
    if unfilled.size and not include_self:
        raise IndexError(f"index {unfilled[0]} is out of bounds for dimension {axis} with size {n}")
    if ((places < 0) | (places >= n)).any():
        raise IndexError("index out of range in self")


def _check_reduce(reduce: str) -> None:
    if reduce not in COMBINE or reduce == "sum":
        raise RuntimeError(f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}.")


def _index_arguments(
    input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, include_self: bool
) -> tuple[tuple[Tensor, ...], tuple[Any, ...]]:
    axis = wrap_dim(dim, input.ndim)
    _check_reduce(reduce)
    _check_source(input, axis, index, source)
    try:
        _check_places(input, axis, index, include_self)
        if input.is_complex() and not include_self:
            not_implemented("index_reduce_func_exclude_input_init", input)
        if input.is_complex() and reduce in ("amax", "amin"):
            not_implemented("maximum_cpu" if reduce == "amax" else "minimum_cpu", input)
        no_complex_gradient("index_reduce", input)
    except (IndexError, RuntimeError):
        warn_once(BETA, 5)
        raise
    return (input, index, source), (axis, reduce, include_self)


@public("index_reduce")
def index_reduce(
    input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """self with the slices of source combined in (prod, mean, amax, amin) at places along `dim`.
    Source: torch.index_reduce."""
    tensors, attributes = _index_arguments(input, dim, index, source, reduce, include_self)
    made = index_reduce_row(*tensors, *attributes)
    warn_once(BETA, 4)  # once the operands are packed, as PyTorch does: a hook may raise
    return made


@public("index_reduce_", method=True)
@leaf_first
def index_reduce_(
    self: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """index_reduce written into self. Source: torch.Tensor.index_reduce_."""
    _check_reduce(reduce)
    _check_source(self, wrap_dim(dim, self.ndim), index, source)  # before memory is looked at, places after
    check_overlap(index_reduce_row.row, self, (self, source))  # type: ignore[attr-defined]
    write(index_reduce_row.row, *_index_arguments(self, dim, index, source, reduce, include_self))  # type: ignore[attr-defined]
    warn_once(BETA, 4)
    return self
