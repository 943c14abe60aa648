"""Shapes, joins, splits, copies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .space import alike


def cut(np: Any, x: Any, dim: int, start: int | None, stop: int | None) -> Any:
    """``x[start:stop]`` along a dimension."""
    place: list[Any] = [slice(None)] * np.ndim(x)
    place[dim] = slice(start, stop)
    return x[tuple(place)]


def at(np: Any, x: Any, dim: int, index: int) -> Any:
    """``x[index]`` along a dimension."""
    place: list[Any] = [slice(None)] * np.ndim(x)
    place[dim] = index
    return x[tuple(place)]


def _expand(np: Any, x: Any, shape: tuple[int, ...]) -> Any:
    lead = len(shape) - np.ndim(x)
    sizes = np.shape(x)
    return np.broadcast_to(x, tuple(sizes[i - lead] if n == -1 else n for i, n in enumerate(shape)))


def _flatten(np: Any, x: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    shape = np.shape(x)
    if not shape:
        return np.reshape(x, (1,))
    start, end = start_dim % len(shape), end_dim % len(shape)
    return np.reshape(x, (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]))


def _unflatten(np: Any, x: Any, dim: int, sizes: tuple[int, ...]) -> Any:
    shape = np.shape(x)
    dim %= len(shape)
    return np.reshape(x, (*shape[:dim], *sizes, *shape[dim + 1 :]))


def _squeeze(np: Any, x: Any, dims: Sequence[int]) -> Any:
    shape = np.shape(x)
    gone = tuple(sorted({d % len(shape) for d in dims if shape[d] == 1})) if shape else ()
    return np.squeeze(x, axis=gone)


def _swap(np: Any, x: Any, i: int, j: int) -> Any:
    return np.swapaxes(x, i, j) if np.ndim(x) else x


def _transposed(np: Any, x: Any) -> Any:
    return np.transpose(x) if np.ndim(x) > 1 else x


def _split(np: Any, x: Any, size: int, dim: int = 0) -> Any:
    return tuple(np.split(x, list(range(size, np.shape(x)[dim], size)), axis=dim))


def _split_sizes(np: Any, x: Any, sizes: Sequence[int], dim: int = 0) -> Any:
    return tuple(np.split(x, [sum(sizes[: i + 1]) for i in range(len(sizes) - 1)], axis=dim))


def _chunk(np: Any, x: Any, count: int, dim: int = 0) -> Any:
    return _split(np, x, math.ceil(np.shape(x)[dim] / count), dim)


def _array_split(np: Any, x: Any, count: int, dim: int = 0) -> Any:
    return tuple(np.array_split(x, count, axis=dim))


def _roll(np: Any, x: Any, shifts: Any, dims: Any = None) -> Any:
    return np.roll(x, shifts, axis=None if dims == () else dims)


def _padding(np: Any, x: Any, pad: Sequence[int], mode: str, **options: Any) -> Any:
    """PyTorch names the last dimension's sides first. NumPy can't cut by a negative width."""
    if min(pad, default=0) < 0:
        raise NotImplementedError("padding of negative width")
    named = [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)][::-1]
    return np.pad(x, [(0, 0)] * (np.ndim(x) - len(named)) + named, mode, **options)


TABLE = {
    "reshape": lambda np, x, shape: np.reshape(x, shape),
    "view": lambda np, x, shape: np.reshape(x, shape),
    "reshape_as": lambda np, x, y: np.reshape(x, np.shape(y)),
    "view_as": lambda np, x, y: np.reshape(x, np.shape(y)),
    "ravel": lambda np, x: np.ravel(x),
    "flatten": _flatten,
    "unflatten": _unflatten,
    "squeeze": lambda np, x: np.squeeze(x),
    "squeeze.dim": lambda np, x, dim: _squeeze(np, x, (dim,)),
    "squeeze.dims": lambda np, x, dims: _squeeze(np, x, dims),
    "unsqueeze": lambda np, x, dim: np.expand_dims(x, dim),
    "transpose": _swap,
    "swapaxes": _swap,
    "permute": lambda np, x, dims: np.transpose(x, dims),
    "movedim": lambda np, x, source, target: np.moveaxis(x, source, target),
    "t": _transposed,
    "T": _transposed,
    "H": lambda np, x: np.conj(np.transpose(x)),
    "mT": lambda np, x: np.swapaxes(x, -1, -2),
    "mH": lambda np, x: np.conj(np.swapaxes(x, -1, -2)),
    "expand": _expand,
    "broadcast_to": lambda np, x, shape: np.broadcast_to(x, shape),
    "expand_as": lambda np, x, y: np.broadcast_to(x, np.shape(y)),
    "broadcast_tensors": lambda np, *tensors: tuple(np.broadcast_arrays(*tensors)),
    "atleast_1d": lambda np, x: np.atleast_1d(x),
    "atleast_2d": lambda np, x: np.atleast_2d(x),
    "atleast_3d": lambda np, x: np.atleast_3d(x),
    "meshgrid": lambda np, x, y, indexing="ij": tuple(np.meshgrid(x, y, indexing=indexing)),
    "cat": lambda np, tensors, dim=0: np.concatenate(alike(np, *tensors), dim),
    "stack": lambda np, tensors, dim=0: np.stack(alike(np, *tensors), dim),
    "hstack": lambda np, tensors: np.hstack(tensors),
    "vstack": lambda np, tensors: np.vstack(tensors),
    "dstack": lambda np, tensors: np.dstack(tensors),
    "column_stack": lambda np, tensors: np.column_stack(tensors),
    "split": _split,
    "unsafe_split": _split,
    "split.sizes": _split_sizes,
    "split_with_sizes": _split_sizes,
    "chunk": _chunk,
    "unsafe_chunk": _chunk,
    "tensor_split": _array_split,
    "hsplit": lambda np, x, count: tuple(np.hsplit(x, count)),
    "vsplit": lambda np, x, count: tuple(np.vsplit(x, count)),
    "dsplit": lambda np, x, count: tuple(np.dsplit(x, count)),
    "unbind": lambda np, x, dim=0: tuple(at(np, x, dim, i) for i in range(np.shape(x)[dim])),
    "select": at,
    "narrow": lambda np, x, dim, start, length: cut(np, x, dim, start, start + length),
    "flip": lambda np, x, dims: np.flip(x, dims) if np.ndim(x) else 1 * x,
    "fliplr": lambda np, x: np.fliplr(x),
    "flipud": lambda np, x: np.flipud(x),
    "roll": _roll,
    "rot90": lambda np, x, k=1, dims=(0, 1): np.rot90(x, k, dims),
    "repeat": lambda np, x, sizes: np.tile(x, sizes),
    "tile": lambda np, x, sizes: np.tile(x, sizes),
    "repeat_interleave": lambda np, x, repeats, dim=None: np.repeat(x, repeats, axis=dim),
    "diagonal": lambda np, x, offset=0, dim1=0, dim2=1: np.diagonal(x, offset, dim1, dim2),
    "linalg.diagonal": lambda np, x, offset=0: np.diagonal(x, offset, -2, -1),
    "diag": lambda np, x, diagonal=0: np.diag(x, diagonal),
    "diagflat": lambda np, x, offset=0: np.diagflat(x, offset),
    "trace": lambda np, x: np.trace(x),
    "tril": lambda np, x, diagonal=0: np.tril(x, diagonal),
    "triu": lambda np, x, diagonal=0: np.triu(x, diagonal),
    "constant_pad_nd": lambda np, x, pad: _padding(np, x, pad, "constant"),
    "nn.functional.pad": lambda np, x, pad, mode="constant", value=0: _padding(
        np, x, pad, mode, constant_values=value or 0
    ),
    "nn.functional.pad.reflect": lambda np, x, pad, mode: _padding(np, x, pad, "reflect"),
    "nn.functional.pad.replicate": lambda np, x, pad, mode: _padding(np, x, pad, "edge"),
    "nn.functional.pad.circular": lambda np, x, pad, mode: _padding(np, x, pad, "wrap"),
}
