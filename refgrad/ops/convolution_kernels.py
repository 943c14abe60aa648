"""Convolution in any number of dimensions as three bilinear maps, each other's derivatives.

With windows of x as a matrix: forward(x, w) = w·windows(x); adjoint(y, w) puts wᵀ·y back where the windows lie;
kernel(x, y) = y·windows(x)ᵀ. A transposed convolution is the adjoint. Windows are strided views, copied once for the
matrix product; putting back loops over the places in the kernel, not over elements.
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np

from .._op import op

Numbers = tuple[int, ...]


class Geometry(NamedTuple):
    """Strides, padding and dilation by spatial dimension, and the number of groups."""

    stride: Numbers
    padding: Numbers
    dilation: Numbers
    groups: int


def output_size(size: Numbers, kernel: Numbers, geometry: Geometry) -> Numbers:
    """How many windows fit, by spatial dimension."""
    rest = zip(size, kernel, *geometry[:3])
    return tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in rest)


def _padded(x: np.ndarray, padding: Numbers) -> np.ndarray:
    if not any(padding):
        return x
    made = np.zeros(x.shape[:2] + tuple(n + 2 * p for n, p in zip(x.shape[2:], padding)), x.dtype)
    made[_inner(x.shape[2:], padding)] = x
    return made


def _inner(size: Numbers, padding: Numbers) -> tuple[Any, ...]:
    return (Ellipsis, *(slice(p, p + n) for n, p in zip(size, padding)))


def _columns(x: np.ndarray, kernel: Numbers, out: Numbers, geometry: Geometry) -> np.ndarray:
    """(N, groups, C/groups·kernel, windows)."""
    padded = _padded(x, geometry.padding)
    n, c = x.shape[:2]
    inner = padded.strides[2:]
    steps = tuple(s * d for s, d in zip(inner, geometry.dilation)) + tuple(
        s * t for s, t in zip(inner, geometry.stride)
    )
    view = np.lib.stride_tricks.as_strided(padded, (n, c, *kernel, *out), padded.strides[:2] + steps, writeable=False)
    return view.reshape(n, geometry.groups, -1 if view.size else 0, prod(out))


def _grouped(w: np.ndarray, groups: int) -> np.ndarray:
    """(groups, out/groups, in/groups·kernel)."""
    return w.reshape(groups, w.shape[0] // groups, prod(w.shape[1:]))


def forward(x: np.ndarray, w: np.ndarray, geometry: Geometry) -> np.ndarray:
    """(N, C, …) and (O, C/groups, kernel) to (N, O, …)."""
    out = output_size(x.shape[2:], w.shape[2:], geometry)
    shape = (x.shape[0], w.shape[0], *out)
    if not (x.size and w.size):
        return np.zeros(shape, x.dtype)
    return np.matmul(_grouped(w, geometry.groups), _columns(x, w.shape[2:], out, geometry)).reshape(shape)


def adjoint(y: np.ndarray, w: np.ndarray, geometry: Geometry, size: Numbers) -> np.ndarray:
    """(N, O, …) and (O, C/groups, kernel) to (N, C, *size)."""
    groups, kernel, out = geometry.groups, w.shape[2:], y.shape[2:]
    n, c = y.shape[0], w.shape[1] * groups
    made = np.zeros((n, c, *(s + 2 * p for s, p in zip(size, geometry.padding))), y.dtype)
    if y.size and w.size:
        rows = y.reshape(n, groups, y.shape[1] // groups, prod(out))
        columns = np.matmul(_grouped(w, groups).swapaxes(1, 2), rows).reshape(n, c, *kernel, *out)
        for place in np.ndindex(*kernel):
            at = zip(place, geometry.dilation, geometry.stride, out)
            spots = tuple(slice(k * d, k * d + s * (m - 1) + 1, s) for k, d, s, m in at)
            made[(..., *spots)] += columns[(slice(None), slice(None), *place)]
    return np.ascontiguousarray(made[_inner(size, geometry.padding)])


def kernel(x: np.ndarray, y: np.ndarray, geometry: Geometry, shape: Numbers) -> np.ndarray:
    """(N, C, …) and (N, O, …) to the kernel's shape (O, C/groups, …)."""
    groups, out = geometry.groups, y.shape[2:]
    if not (x.size and y.size):
        return np.zeros(shape, x.dtype)
    columns = _columns(x, shape[2:], out, geometry)
    rows = y.reshape(y.shape[0], groups, shape[0] // groups, -1)
    return np.add.reduce(np.matmul(rows, columns.swapaxes(2, 3)), 0).reshape(shape)


op(
    "conv_forward(x, w, *, geometry)", forward, public=False, jvp="multilinear",
    x=lambda g, F, x_meta, w, geometry: F.conv_adjoint(g, F.conj(w), geometry, x_meta.shape[2:]),
    w=lambda g, F, x, w_meta, geometry: F.conv_kernel(F.conj(x), g, geometry, w_meta.shape),
)  # fmt: skip
op(
    "conv_adjoint(y, w, *, geometry, size)", adjoint, public=False, jvp="multilinear",
    y=lambda g, F, w, geometry: F.conv_forward(g, F.conj(w), geometry),
    w=lambda g, F, y, w_meta, geometry: F.conv_kernel(g, F.conj(y), geometry, w_meta.shape),
)  # fmt: skip
op(
    "conv_kernel(x, y, *, geometry, shape)", kernel, public=False, jvp="multilinear",
    x=lambda g, F, x_meta, y, geometry: F.conv_adjoint(F.conj(y), g, geometry, x_meta.shape[2:]),
    y=lambda g, F, x, geometry: F.conv_forward(F.conj(x), g, geometry),
)  # fmt: skip
