"""Definitions of writes into a copy: what is put, added or filled at chosen places; and of sorted values."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from . import NoReference, reference


def _along(x: Any, dim: int, index: Any) -> tuple[Any, list[int]]:
    """A copy with one dimension first, and places along it."""
    if not x.ndim:
        raise NoReference("places within a number")
    return np.moveaxis(x.copy(), dim, 0), [int(i) for i in np.reshape(np.asarray(index), -1)]


@reference("index_add")
def _index_add(x: Any, dim: int, index: Any, source: Any, alpha: Any = 1) -> Any:
    made, places = _along(x, dim, index)
    for place, part in zip(places, np.moveaxis(source, dim, 0)):
        made[place] = made[place] + part * alpha
    return np.moveaxis(made, 0, dim)


@reference("index_copy")
def _index_copy(x: Any, dim: int, index: Any, source: Any) -> Any:
    made, places = _along(x, dim, index)
    for place, part in zip(places, np.moveaxis(source, dim, 0)):
        made[place] = part
    return np.moveaxis(made, 0, dim)


@reference("index_fill", "index_fill.tensor")
def _index_fill(x: Any, dim: int, index: Any, value: Any) -> Any:
    made, places = _along(x, dim, index)
    for place in places:
        made[place] = value[()] if isinstance(value, np.ndarray) else mpmath.mpmathify(value)
    return np.moveaxis(made, 0, dim)


def _targets(x: Any, dim: int, index: Any) -> Any:
    """For each place of an index, the place in x that it names."""
    if not x.ndim:
        raise NoReference("places within a number")
    for place in np.ndindex(*index.shape):
        yield place, tuple(int(index[place]) if k == dim % x.ndim else i for k, i in enumerate(place))


@reference("scatter_add")
def _scatter_add(x: Any, dim: int, index: Any, src: Any) -> Any:
    made = x.copy()
    for place, target in _targets(x, dim, index):
        made[target] = made[target] + src[place]
    return made


@reference("take")
def _take(x: Any, index: Any) -> Any:
    return np.reshape(x, -1)[np.asarray(index).astype(int)]


@reference("take_along_dim")
def _take_along_dim(x: Any, index: Any, dim: int | None = None) -> Any:
    if dim is None:
        return np.reshape(x, -1)[np.reshape(np.asarray(index), -1).astype(int)]
    shape = np.broadcast_shapes(
        *(tuple(1 if k == dim % x.ndim else n for k, n in enumerate(v.shape)) for v in (x, index))
    )
    wide = [
        np.broadcast_to(v, [n if k == dim % x.ndim else m for k, (n, m) in enumerate(zip(v.shape, shape))])
        for v in (x, np.asarray(index))
    ]
    return np.take_along_axis(wide[0], wide[1].astype(int), dim)


@reference("sort", "sort.stable")
def _sort(x: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    if not x.ndim:
        return x, np.asarray(0, dtype=object)
    rows = np.moveaxis(x, dim, -1)
    places = np.empty(rows.shape, dtype=object)
    for place in np.ndindex(*rows.shape[:-1]):
        row = list(rows[place])
        places[place] = sorted(range(len(row)), key=lambda i: -row[i] if descending else row[i])
    values = np.take_along_axis(rows, places.astype(int), -1)
    return np.moveaxis(values, -1, dim), np.moveaxis(places, -1, dim)


@reference("msort")
def _msort(x: Any) -> Any:
    return _sort(x, 0)[0]


@reference("topk")
def _topk(x: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    values, places = _sort(x, dim, largest)
    return (values, places) if not x.ndim else tuple(np.take(part, range(k), dim) for part in (values, places))


@reference("diff")
def _diff(x: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Any:
    parts = [part for part in (prepend, x, append) if part is not None]
    if not n:
        # As NumPy has it: no difference, nothing put before or behind.
        return x
    return np.asarray(np.diff(np.concatenate(parts, dim), n, dim), dtype=object)


@reference("cummax")
def _cummax(x: Any, dim: int) -> Any:
    return _running(x, dim, 1)


@reference("cummin")
def _cummin(x: Any, dim: int) -> Any:
    return _running(x, dim, -1)


def _running(x: Any, dim: int, sign: int) -> Any:
    """The largest (sign 1) or smallest value so far, and its place: of equals the last."""
    if not x.ndim:
        return x, np.asarray(0, dtype=object)
    rows = np.moveaxis(x, dim, -1)
    places = np.zeros(rows.shape, dtype=object)
    for place in np.ndindex(*rows.shape[:-1]):
        best = 0
        for i, value in enumerate(rows[place]):
            best = i if sign * value >= sign * rows[place][best] else best
            places[(*place, i)] = best
    values = np.take_along_axis(rows, places.astype(int), -1)
    return np.moveaxis(values, -1, dim), np.moveaxis(places, -1, dim)
