"""Arguments that many index operators share: dimensions, tensors of places, masks."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ..drawing.domains import CONDITION, Domain
from ..drawing.shapes import draw_broadcastable
from ..programs.program import Leaf

if TYPE_CHECKING:
    from ..drawing.build import Builder, Value

Shape = tuple[int, ...]


@lru_cache(64)
def places_below(size: int, negative: bool = False) -> Domain:
    """Places of a dimension: 0 … size-1, or from -size where an index may count from the end."""
    low = -size if negative else 0
    return Domain(f"places{low}:{size}", tuple(map(float, range(low, size))), low, size - 0.25, jitter=False)


def draw_places(b: Builder, size: int, shape: Shape, negative: bool = False) -> Value:
    """An index tensor of a shape; places may repeat."""
    return b.leaf(shape, "int64", places_below(size, negative), requires_grad=False, layout="contiguous")


def literal(b: Builder, values: np.ndarray) -> Value:
    """An index tensor of given values."""
    step = Leaf(values.astype(np.int64).tobytes(), "int64", values.shape, "contiguous", False, b.modes)
    return b._add(step, values.shape, "int64", exact=True)


def draw_distinct(b: Builder, size: int, most: int = 4) -> list[int]:
    """Some places of a dimension, none twice: where a place is written twice, which value stays is undefined. In a huge
    program all of them, or three quarters."""
    if b.sizes == "huge":
        first = b.choose(size)
        return [(first - k) % size for k in range(size - b.choose(2) * (size // 4))]
    left = list(range(min(size, 16)))
    return [left.pop(b.choose(len(left))) for _ in range(b.integer(1, min(most, size)) if size else 0)]


def draw_distinct_along(b: Builder, shape: Shape, dim: int) -> Value:
    """An index tensor, no larger than `shape`, that names no place of a line along `dim` twice."""
    taken = draw_distinct(b, shape[dim])
    sizes = [n if not b.chance(4) else min(n, 1 + b.choose(2)) for n in shape]
    sizes[dim] = len(taken)
    turn = np.add.reduce(np.indices([n if k != dim else 1 for k, n in enumerate(sizes)]), axis=0)
    line = np.array(taken).reshape([-1 if k == dim else 1 for k in range(len(shape))])
    return literal(b, (line + turn) % max(shape[dim], 1))


def draw_axis(b: Builder, rank: int) -> int:
    """A dimension in 0 … rank-1."""
    return b.choose(max(rank, 1))


def draw_mask(b: Builder, shape: Shape, broadcast: bool = True) -> Value:
    """A mask that broadcasts with a shape, or of that shape."""
    kept = draw_broadcastable(b.source, shape) if broadcast and b.chance(3) else shape
    return b.operand(kept, dtype="bool", domain=CONDITION)


def filled(shape: Shape) -> Shape:
    """The shape with 1 for a dimension of size 0: an index needs a place."""
    return tuple(n or 1 for n in shape)


def same(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    """An output like the first operand."""
    return ((args[0].shape, args[0].dtype),)
