"""Definitions of what lays elements out anew: windows that overlap, diagonals embedded, borders, sums over letters."""

from __future__ import annotations

from itertools import product
from typing import Any

import mpmath
import numpy as np

from . import REFERENCES, NoReference, reference

ZERO = mpmath.mpf(0)
BORDERS = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def _each(function: Any) -> Any:
    """Of several tensors, several results."""
    return lambda *tensors: function(tensors[0]) if len(tensors) == 1 else tuple(map(function, tensors))


for _rank, _least in enumerate((np.atleast_1d, np.atleast_2d, np.atleast_3d), 1):
    REFERENCES[f"atleast_{_rank}d"] = _each(_least)


@reference("unflatten")
def _unflatten(x: Any, dim: int, sizes: Any) -> Any:
    dim %= x.ndim
    known = int(np.prod([n for n in sizes if n != -1]))
    return np.reshape(
        x, (*x.shape[:dim], *(x.shape[dim] // known if n == -1 else n for n in sizes), *x.shape[dim + 1 :])
    )


@reference("as_strided")
def _as_strided(x: Any, size: Any, stride: Any, offset: int = 0) -> Any:
    """Of a contiguous tensor."""
    places = offset + sum(i * s for i, s in zip(np.indices(size), stride))
    return np.reshape(x, -1)[places]


@reference("unfold")
def _unfold(x: Any, dim: int, size: int, step: int) -> Any:
    if not x.ndim:
        return np.reshape(x, 1)[:size]
    windows = np.lib.stride_tricks.sliding_window_view(x, size, dim)
    return windows[(slice(None),) * (dim % x.ndim) + (slice(None, None, step),)]


@reference("diag_embed")
def _diag_embed(x: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """Written as rows and columns; a diagonal above the main one lies further along the second."""
    size = x.shape[-1] + abs(offset)
    made = np.full((*x.shape[:-1], size, size), ZERO, dtype=object)
    k = np.arange(x.shape[-1])
    made[..., k + max(-offset, 0), k + max(offset, 0)] = x
    return np.moveaxis(made, (-2, -1), (dim1, dim2))


@reference("block_diag")
def _block_diag(*blocks: Any) -> Any:
    """A number is a block of one element, a vector one of one row."""
    blocks = tuple(map(np.atleast_2d, blocks))
    made = np.full(np.sum([block.shape for block in blocks], 0), ZERO, dtype=object)
    ends = np.cumsum([block.shape for block in blocks], 0)
    for block, (row, column) in zip(blocks, ends):
        made[row - block.shape[0] : row, column - block.shape[1] : column] = block
    return made


@reference("nn.functional.pad", "constant_pad_nd")
def _pad(x: Any, pad: Any, mode: str = "constant", value: float = 0.0) -> Any:
    """Pairs from the last dimension on; a negative width cuts."""
    pairs = [(0, 0)] * (x.ndim - len(pad) // 2) + list(zip(pad[::2], pad[1::2]))[::-1]
    whole = tuple(slice(max(-low, 0), n - max(-high, 0)) for (low, high), n in zip(pairs, x.shape))
    grown = [(max(low, 0), max(high, 0)) for low, high in pairs]
    return np.pad(x[whole], grown, constant_values=mpmath.mpf(value))


@reference("nn.functional.pad.reflect", "nn.functional.pad.replicate", "nn.functional.pad.circular")
def _border(x: Any, pad: Any, mode: str) -> Any:
    pairs = [(0, 0)] * (x.ndim - len(pad) // 2) + list(zip(pad[::2], pad[1::2]))[::-1]
    return np.pad(x, pairs, mode=BORDERS[mode])  # type: ignore[call-overload]


@reference("tensordot")
def _tensordot(x: Any, y: Any, dims: Any) -> Any:
    return np.asarray(np.tensordot(x, y, dims), dtype=object)


@reference("einsum")
def _einsum(equation: str, *operands: Any) -> Any:
    """The sum, over the letters that the result doesn't name, of products."""
    if "..." in equation or not all(np.size(x) for x in operands):
        raise NoReference("an ellipsis, or nothing to add")
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    sizes = {c: n for term, x in zip(terms, operands) for c, n in zip(term, x.shape)}
    kept = right if arrow else "".join(sorted(c for c in sizes if left.count(c) == 1))
    made = np.full([sizes[c] for c in kept], ZERO, dtype=object)
    for place in product(*map(range, sizes.values())):
        at = dict(zip(sizes, place))
        part = mpmath.mpf(1)
        for term, x in zip(terms, operands):
            part = part * x[tuple(at[c] for c in term)]
        made[tuple(at[c] for c in kept)] += part
    return made
