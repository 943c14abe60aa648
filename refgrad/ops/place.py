"""Reading and adding up along one dimension at given positions: what sort, max, cummax and their kind are
differentiated with."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from .._op import op


def take_along(a: np.ndarray, index: np.ndarray, dim: int) -> np.ndarray:
    """The elements at the positions along a dimension."""
    return np.take_along_axis(a, index, dim) if a.ndim else a.copy()


def place_along(src: np.ndarray, index: np.ndarray, dim: int, size: int, distinct: bool) -> np.ndarray:
    """Zeros of `size` along a dimension, with src added at the positions; `distinct` where no position comes twice."""
    if not src.ndim:
        return src.copy()
    shape = (*src.shape[:dim], size, *src.shape[dim + 1 :])
    if distinct:
        made = np.zeros(shape, src.dtype)
        np.put_along_axis(made, index, src, dim)
        return made
    return _added(src, np.ravel_multi_index(_grid(index, dim), shape) if src.size else index, shape)


def _grid(index: np.ndarray, dim: int) -> tuple[np.ndarray, ...]:
    """The full index of every element: its own place, but the given position along `dim`."""
    own = np.ogrid[tuple(slice(n) for n in index.shape)]
    return tuple(np.broadcast_to(index if k == dim else own[k], index.shape) for k in range(index.ndim))


def _added(src: np.ndarray, places: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """src summed by flat place; bincount adds in float64 and is many times faster than np.add.at."""
    size = prod(shape)
    if src.dtype.kind == "c":
        real, imag = (_added(part, places, shape) for part in (src.real, src.imag))
        return (real + 1j * imag).astype(src.dtype)
    if src.dtype.kind in "iub":
        made = np.zeros(size, src.dtype)
        np.add.at(made, places.ravel(), src.ravel())
        return made.reshape(shape)
    return np.bincount(places.ravel(), src.ravel(), size).reshape(shape).astype(src.dtype)


take_along_row = op(
    "take_along(self, index, *, dim)", take_along, public=False, exact=True,
    self=lambda g, F, self_meta, index, dim: F.place_along(g, index, dim, _size(self_meta, dim), False),
    jvp=lambda F, x, t, attrs, out: F.take_along(t[0], x[1], *attrs),
)  # fmt: skip
place_along_row = op(
    "place_along(src, index, *, dim, size, distinct)", place_along, public=False,
    src=lambda g, F, index, dim: F.take_along(g, index, dim),
    jvp=lambda F, x, t, attrs, out: F.place_along(t[0], x[1], *attrs),
)  # fmt: skip


def _size(meta: Any, dim: int) -> int:
    return meta.shape[dim] if meta.shape else 1


def selection_vjp(F: Any, g: Any, indices: Any, shape: tuple[int, ...], dim: int, keepdim: bool) -> Any:
    """The vjp of what picks one element along a dimension: the cotangent goes to the picked one."""
    if g is None:
        return None
    if not shape:
        return g
    if not keepdim:
        one = (*shape[:dim], 1, *shape[dim + 1 :])
        g, indices = F.reshape(g, one), F.reshape(indices, one)
    return F.place_along(g, indices, dim, shape[dim], True)


def selection_jvp(F: Any, x: Any, t: Any, attrs: Any, out: Any) -> Any:
    """The jvp of what picks one element along a dimension (attributes end with dim, keepdim)."""
    dim, keepdim = attrs[-2:]
    shape = tuple(t[0].shape)
    if not shape:
        return [t[0], None]
    picked = tuple(out[1].shape)
    one = picked if keepdim else (*shape[:dim], 1, *shape[dim + 1 :])
    return [F.reshape(F.take_along(t[0], F.reshape(out[1], one), dim), picked), None]
