"""Sorting and what picks by rank. nan counts as the largest; the order of equal elements is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .._layout import copied
from .._op import op, public
from .._tensor import Tensor
from ..return_types import named
from .extremum import check_extent, ties_jvp
from .place import selection_jvp, selection_vjp
from .reduce import not_implemented, numpy_names, one_dim, packed


def order_of(a: np.ndarray, dim: int, descending: bool) -> np.ndarray:
    """The positions that sort along a dimension, stably; nan last, or first when descending."""
    if not descending:
        return np.argsort(a, dim, kind="stable")
    return np.array(a.shape[dim] - 1 - np.flip(np.argsort(np.flip(a, dim), dim, kind="stable"), dim))


def _sort(a: np.ndarray, dim: int, descending: bool) -> tuple[np.ndarray, np.ndarray]:
    if not a.ndim:
        return a.copy(), np.zeros((), np.int64)
    index = order_of(a, dim, descending)
    return copied(np.take_along_axis(a, index, dim), [a]), copied(index, [a])


def _placed(g_values: Any, F: Any, indices: Any, self_meta: Any, dim: int) -> Any:
    return F.place_along(g_values, indices, dim, self_meta.shape[dim] if self_meta.shape else 1, True)


def _taken(F: Any, x: Any, t: Any, attrs: Any, out: Any) -> Any:
    return [F.take_along(t[0], out[1], attrs[-2]), None]


sort_row = op(
    "sort(self, *, dim, descending) -> values, indices!",
    _sort,
    public=False,
    keeps_strides=True,
    exact=True,
    self=_placed,
    jvp=_taken,
)
sort_stable_row = op(
    "sort_stable(self, *, dim, descending) -> values, indices!", _sort,
    public=False, keeps_strides=True, exact=True, node="sort", overload=1, self=_placed, jvp=_taken,
)  # fmt: skip


def _check_order(input: Tensor, dim: int) -> int:
    axis = one_dim(input, dim, "sort")
    if input.is_complex():
        raise RuntimeError(" Sort does not support complex dtypes on CPU")
    return axis


@public("sort")
@numpy_names
def sort(input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool | None = None) -> Any:
    """The named tuple (values, indices) sorted along `dim`; always stable here. Source: torch.sort."""
    row = sort_row if stable is None else sort_stable_row
    return named("sort", "values", "indices")(*row(input, _check_order(input, dim), bool(descending)))


@public("argsort")
@numpy_names
def argsort(input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Tensor:
    """The indices that sort along `dim`. Source: torch.argsort."""
    return sort_row(input, _check_order(input, dim), bool(descending))[1]


@public("msort")
def msort(input: Tensor) -> Tensor:
    """The values sorted along the first dimension. Source: torch.msort."""
    return sort_row(input, _check_order(input, 0), False)[0]


def _topk(a: np.ndarray, k: int, dim: int, largest: bool) -> tuple[np.ndarray, np.ndarray]:
    if not a.ndim:
        return a.copy(), np.zeros((), np.int64)
    index = np.take(order_of(a, dim, largest), np.arange(k), dim)
    return packed(np.take_along_axis(a, index, dim)), packed(index)


topk_row = op(
    "topk(self, *, k, dim, largest) -> values, indices!", _topk, public=False, exact=True, self=_placed, jvp=_taken
)


@public("topk")
@numpy_names
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """The named tuple (values, indices) of the k largest (smallest) along `dim`; sorted in any case.
    Source: torch.topk. Raises RuntimeError for k beyond the size. Trap: which of equal elements are taken is open."""
    axis = one_dim(input, dim, "topk")
    if not 0 <= k <= (input._array.shape[axis] if input.ndim else 1):
        raise RuntimeError("selected index k out of range")
    if input.is_complex():
        raise RuntimeError(" topk does not support complex dtypes on CPU")
    if input.dtype is dtypes.bool_:
        raise RuntimeError("topk does not support bool dtypes on CPU")
    return named("topk", "values", "indices")(*topk_row(input, int(k), axis, largest))


def _picked(a: np.ndarray, index: np.ndarray, dim: int, keepdim: bool) -> tuple[np.ndarray, np.ndarray]:
    values = np.take_along_axis(a, index, dim)
    return (values, index) if keepdim else (values.squeeze(dim), index.squeeze(dim))


def _selecting(name: str, overload: int, attributes: str, choose: Callable[..., np.ndarray]) -> Any:
    """A row that picks one element along a dimension: `choose` gives its position, keepdim kept."""

    def kernel(a: np.ndarray, *attrs: Any) -> tuple[np.ndarray, np.ndarray]:
        if not a.ndim:
            return a.copy(), np.zeros((), np.int64)
        values, index = _picked(a, choose(a, *attrs[:-1]), attrs[-2], attrs[-1])
        return packed(values), packed(index)

    return op(
        f"{name}_dim(self, *, {attributes}dim, keepdim) -> values, indices!",
        kernel,
        public=False,
        node=name,
        overload=overload,
        exact=True,
        jvp=selection_jvp,
        self=lambda g_values, F, indices, self_meta, dim, keepdim: selection_vjp(
            F, g_values, indices, self_meta.shape, dim, keepdim
        ),
    )


def _rank(a: np.ndarray, rank: Any, dim: int) -> np.ndarray:
    """The position of the element of a rank (an int, or one for each slice)."""
    if isinstance(rank, int):
        rank = np.full([1 if k == dim else n for k, n in enumerate(a.shape)], rank)
    return np.take_along_axis(order_of(a, dim, False), rank, dim)


def _median_position(a: np.ndarray, dim: int) -> np.ndarray:
    middle = _rank(a, (a.shape[dim] - 1) // 2, dim)
    isnan = a != a
    return np.where(isnan.any(dim, keepdims=True), np.argmax(isnan, dim, keepdims=True), middle)


def _nanmedian_position(a: np.ndarray, dim: int) -> np.ndarray:
    count = np.add.reduce(a == a, dim, keepdims=True, dtype=np.int64)
    return _rank(a, np.maximum(count - 1, 0) // 2, dim)


def _mode_position(a: np.ndarray, dim: int) -> np.ndarray:
    """The last position of the (smallest) value that comes most often; nans come first and equal nothing."""
    n = a.shape[dim]
    order = np.argsort(np.where(a != a, -np.inf, a) if a.dtype.kind == "f" else a, dim, kind="stable")
    ranked = np.take_along_axis(a, order, dim)
    lead = (slice(None),) * dim
    starts = np.ones(a.shape, bool)
    starts[(*lead, slice(1, None))] = ranked[(*lead, slice(1, None))] != ranked[(*lead, slice(None, -1))]
    places = np.arange(n).reshape((n,) + (1,) * (a.ndim - dim - 1))
    length = places - np.maximum.accumulate(np.where(starts, places, 0), dim)
    return np.take_along_axis(order, np.argmax(length, dim, keepdims=True), dim)


kthvalue_row = _selecting("kthvalue", 0, "k, ", lambda a, k, dim: _rank(a, k - 1, dim))
median_dim_row = _selecting("median", 1, "", _median_position)
nanmedian_dim_row = _selecting("nanmedian", 1, "", _nanmedian_position)
mode_row = _selecting("mode", 0, "", _mode_position)


def _of_all(name: str, choose: Callable[..., np.ndarray]) -> Callable[..., Tensor]:
    """A median over everything, which shares the gradient among ties."""

    def kernel(a: np.ndarray) -> np.ndarray:
        flat = a.reshape(-1)
        if not flat.size:
            return np.full((), np.nan if a.dtype.kind not in "iu" else np.iinfo(a.dtype).min, a.dtype)
        return flat[choose(flat, 0)[0]]

    return op(
        f"{name}_all(self)", kernel, public=False, node=name, exact=True,
        jvp=ties_jvp, self=lambda g, F, self, out: F.shared_among_ties(g, self, out),
    )  # fmt: skip


MEDIANS = {
    "median": (_of_all("median", _median_position), median_dim_row),
    "nanmedian": (_of_all("nanmedian", _nanmedian_position), nanmedian_dim_row),
}


def _check_ranked(input: Tensor, kernel: str) -> None:
    if input.is_complex() or input.dtype is dtypes.bool_:
        not_implemented(kernel, input)


def _median_of(name: str, input: Tensor, dim: Any, keepdim: bool) -> Any:
    everything, along = MEDIANS[name]
    if dim is None:
        _check_ranked(input, "median_cpu")
        return everything(input)
    axis = one_dim(input, dim, name)
    check_extent(input, (axis,), "median")
    _check_ranked(input, "median_out")
    return named(name, "values", "indices")(*along(input, axis, keepdim))


@public("median")
@numpy_names
def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The (lower) median of everything, or the named tuple (values, indices) along `dim`; nan if there is one.
    Source: torch.median. Trap: of an even number it is the lower middle, not a mean."""
    return _median_of("median", input, dim, keepdim)


@public("nanmedian")
@numpy_names
def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The (lower) median of what is not nan, or the named tuple (values, indices) along `dim`.
    Source: torch.nanmedian."""
    return _median_of("nanmedian", input, dim, keepdim)


@public("kthvalue")
@numpy_names
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    """The named tuple (values, indices) of the k-th smallest along `dim`, k from 1. Source: torch.kthvalue."""
    axis = one_dim(input, dim, "kthvalue")
    check_extent(input, (axis,), "kthvalue")
    if not 1 <= k <= (input._array.shape[axis] if input.ndim else 1):
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {axis}")
    _check_ranked(input, "kthvalue_cpu")
    return named("kthvalue", "values", "indices")(*kthvalue_row(input, int(k), axis, keepdim))


@public("mode")
@numpy_names
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> Any:
    """The named tuple (values, indices) of the most frequent value along `dim`, the smallest of several.
    Source: torch.mode."""
    axis = one_dim(input, dim, "mode")
    check_extent(input, (axis,), "mode")
    if input.is_complex():
        not_implemented("mode_cpu", input)
    return named("mode", "values", "indices")(*mode_row(input, axis, keepdim))
