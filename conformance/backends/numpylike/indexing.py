"""Indexing with integers, slices, index arrays and masks; reading only."""

from __future__ import annotations

from typing import Any


def _index_select(np: Any, x: Any, dim: int, index: Any) -> Any:
    return np.take(x, index, axis=dim) if np.ndim(x) else x


def _gather(np: Any, x: Any, dim: int, index: Any) -> Any:
    """PyTorch's index may be shorter than x in the other dimensions."""
    if not np.ndim(x):
        return x
    sizes = np.shape(index)
    dim %= np.ndim(x)
    kept = x[tuple(slice(None) if i == dim else slice(n) for i, n in enumerate(sizes))]
    return np.take_along_axis(kept, index, axis=dim)


def _take_along(np: Any, x: Any, index: Any, dim: int) -> Any:
    dim %= np.ndim(x)
    sizes, places = list(np.shape(x)), list(np.shape(index))
    both = [max(n, m) if 0 not in (n, m) else 0 for n, m in zip(sizes, places)]
    own = tuple(n if i == dim else both[i] for i, n in enumerate(sizes))
    wanted = tuple(n if i == dim else both[i] for i, n in enumerate(places))
    return np.take_along_axis(np.broadcast_to(x, own), np.broadcast_to(index, wanted), axis=dim)


def _masked_select(np: Any, x: Any, mask: Any) -> Any:
    x, mask = np.broadcast_arrays(x, mask)
    return x[mask] if np.ndim(x) else np.reshape(x, (1,))[np.reshape(mask, (1,))]


TABLE = {
    "__getitem__": lambda np, x, index: x[index],
    "__getitem__.advanced": lambda np, x, index: x[index],
    "__getitem__.mask": lambda np, x, index: x[index],
    "index_select": _index_select,
    "gather": _gather,
    "take": lambda np, x, index: np.take(np.ravel(x), index),
    "take_along_dim": _take_along,
    "masked_select": _masked_select,
    "masked_fill": lambda np, x, mask, value: np.where(mask, np.full_like(x, value), x),
    "masked_fill.tensor": lambda np, x, mask, value: np.where(mask, value, x),
}
