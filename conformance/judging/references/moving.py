"""Definitions of what moves elements, on arrays of any kind: views, joins, repetitions and picks by position."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from . import REFERENCES, NoReference, elementwise, reference

ZERO = mpmath.mpf(0)
for _name, _same in {
    "T": lambda x: np.transpose(x),
    "mT": lambda x: np.swapaxes(x, -1, -2),
    "mH": lambda x: REFERENCES["conj"](np.swapaxes(x, -1, -2)),
    "t": lambda x: np.transpose(x),
    "positive": lambda x: x,
    "resolve_conj": lambda x: x,
    "resolve_neg": lambda x: x,
    "unsqueeze": lambda x, dim: np.expand_dims(x, dim),
    "squeeze": lambda x: np.squeeze(x),
    "ravel": lambda x: np.reshape(x, -1),
    "expand_as": lambda x, y: np.broadcast_to(x, y.shape),
    "view_as": lambda x, y: np.reshape(x, y.shape),
    "reshape_as": lambda x, y: np.reshape(x, y.shape),
    "swapaxes": lambda x, first, second: REFERENCES["transpose"](x, first, second),
    "movedim": lambda x, source, destination: np.moveaxis(x, source, destination),
    "flip": lambda x, dims: np.flip(x, dims),
    "fliplr": np.fliplr,
    "flipud": np.flipud,
    "rot90": lambda x, k=1, dims=(0, 1): np.rot90(x, k, dims),
    "hstack": np.hstack,
    "vstack": np.vstack,
    "dstack": np.dstack,
    "column_stack": np.column_stack,
    "stack": lambda tensors, dim=0: np.stack(tensors, dim),
    "broadcast_tensors": lambda *tensors: tuple(np.broadcast_arrays(*tensors)),
    "unbind": lambda x, dim=0: tuple(np.moveaxis(x, dim, 0)),
    "select": lambda x, dim, index: np.take(x, index, dim),
    "narrow": lambda x, dim, start, length: np.take(x, range(start, start + length), dim),
    "index_select": lambda x, dim, index: np.take(x, index.astype(int), dim) if x.ndim else x,
    "trace": lambda x: np.asarray(np.sum(np.diagonal(x), initial=ZERO), dtype=object),
}.items():
    REFERENCES[_name] = _same


@reference("squeeze.dim", "squeeze.dims")
def _squeeze(x: Any, dim: Any) -> Any:
    dims = [d % x.ndim for d in ((dim,) if isinstance(dim, int) else dim)] if x.ndim else []
    return np.squeeze(x, tuple(d for d in dims if x.shape[d] == 1))


@reference("flatten")
def _flatten(x: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    if not x.ndim:
        return np.reshape(x, 1)
    first, last = start_dim % x.ndim, end_dim % x.ndim
    return np.reshape(x, (*x.shape[:first], int(np.prod(x.shape[first : last + 1])), *x.shape[last + 1 :]))


@reference("roll")
def _roll(x: Any, shifts: Any, dims: Any = None) -> Any:
    return np.roll(x, shifts, dims)


@reference("repeat")
def _repeat(x: Any, times: Any) -> Any:
    return np.tile(x, times)


@reference("tile")
def _tile(x: Any, dims: Any) -> Any:
    return np.tile(x, dims)


@reference("repeat_interleave")
def _repeat_interleave(x: Any, repeats: Any, dim: int | None = None) -> Any:
    return np.repeat(x, np.asarray(repeats, dtype=int), dim)


@reference("diagonal", "linalg.diagonal")
def _diagonal(x: Any, offset: int = 0, dim1: int | None = None, dim2: int | None = None) -> Any:
    first, second = (0, 1) if x.ndim == 2 else (-2, -1)
    return np.diagonal(x, offset, first if dim1 is None else dim1, second if dim2 is None else dim2)


@reference("diag")
def _diag(x: Any, diagonal: int = 0) -> Any:
    return np.diagonal(x, diagonal) if x.ndim == 2 else _matrix(x, diagonal)


@reference("diagflat")
def _diagflat(x: Any, offset: int = 0) -> Any:
    return _matrix(np.reshape(x, -1), offset)


def _matrix(x: Any, offset: int) -> Any:
    size = x.size + abs(offset)
    made = np.full((size, size), ZERO, dtype=object)
    for k, value in enumerate(x):
        made[k + max(-offset, 0), k + max(offset, 0)] = value
    return made


@reference("tril")
def _tril(x: Any, diagonal: int = 0) -> Any:
    return np.where(np.tri(x.shape[-2], x.shape[-1], diagonal, dtype=bool), x, ZERO)


@reference("triu")
def _triu(x: Any, diagonal: int = 0) -> Any:
    return np.where(np.tri(x.shape[-2], x.shape[-1], diagonal - 1, dtype=bool), ZERO, x)


@reference("masked_fill", "masked_fill.tensor")
def _masked_fill(x: Any, mask: Any, value: Any) -> Any:
    return np.where(np.asarray(mask, dtype=bool), value, x)


@reference("gather")
def _gather(x: Any, dim: int, index: Any) -> Any:
    if not x.ndim or not index.ndim:
        raise NoReference("a number is gathered")
    made = np.empty(index.shape, dtype=object)
    for place in np.ndindex(*index.shape):
        made[place] = x[tuple(int(index[place]) if k == dim % x.ndim else i for k, i in enumerate(place))]
    return made


@reference("sgn")
def _sgn(x: Any) -> Any:
    return elementwise(lambda v: v / abs(v) if v else v)(x)
