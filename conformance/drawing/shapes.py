"""Shapes: menus by rank, from simple to odd, and shapes that broadcast with a given one."""

from __future__ import annotations

import math
from functools import cache
from itertools import product

from .source import Source, Stream

Shape = tuple[int, ...]
STRATA = (1, 2, 3, 5, 8, 17, 33)
LARGE: tuple[Shape, ...] = (
    (129,),
    (1025,),
    (3, 129),
    (129, 5),
    (32769,),
    (65536,),
    (2, 1025),
    (1025, 33),
    (5, 33, 17),
)
HUGE: dict[int, tuple[Shape, ...]] = {
    1: ((65536,), (65537,)),
    2: ((256, 257), (3, 22000), (33000, 2)),
    3: ((4, 129, 130), (2, 3, 11000), (12000, 2, 3)),
    4: ((2, 3, 105, 106), (6000, 2, 2, 3)),
}
"""By rank, of 65,536 elements and more: what blocks, threads and 16-bit counters must get right."""
_MENU = 96
_LIMIT = 136
_EMPTY_PER_MENU = 6


@cache
def menu(rank: int) -> tuple[Shape, ...]:
    """About a hundred shapes of a rank, smallest first, the empty ones last."""
    if rank == 0:
        return ((),)
    dims = STRATA if rank < 4 else STRATA[:4]
    whole = [shape for shape in product(dims, repeat=rank) if math.prod(shape) <= _LIMIT]
    source = Stream(rank)
    # Small shapes first in any case; then a fixed sample of the rest.
    chosen = whole if len(whole) <= _MENU else [whole[source.choose(len(whole))] for _ in range(_MENU)]
    empty = [_with_zero(shape, source.choose(rank)) for shape in chosen[:: max(1, len(chosen) // _EMPTY_PER_MENU)]]
    ordered = sorted(dict.fromkeys(chosen), key=lambda s: (math.prod(s), s))
    if len(ordered) < 24:
        ordered = [shape for shape in ordered for _ in range(96 // len(ordered))]
    return (*ordered, *empty[:_EMPTY_PER_MENU])


def _with_zero(shape: Shape, dim: int) -> Shape:
    return (*shape[:dim], 0, *shape[dim + 1 :])


_RANKS: dict[tuple[int, int], tuple[int, ...]] = {}


def _ranks(low: int, high: int) -> tuple[int, ...]:
    """Ranks to draw from: 2 and 3 oftenest, 0 and 4 seldom."""
    weights = {0: 1, 1: 3, 2: 5, 3: 3, 4: 1}
    found = _RANKS.get((low, high))
    if found is None:
        found = tuple(r for r in range(low, high + 1) for _ in range(weights.get(r, 1)))
        _RANKS[low, high] = found
    return found


def draw_shape(source: Source, low: int = 0, high: int = 4) -> Shape:
    """A shape of rank low … high. One in 64 is large where the rank allows it."""
    if source.choose(64) == 63:
        large = [shape for shape in LARGE if low <= len(shape) <= high]
        if large:
            return large[source.choose(len(large))]
    ranks = _ranks(low, high)
    options = menu(ranks[source.choose(len(ranks))])
    return options[source.choose(len(options))]


def draw_huge(source: Source, low: int = 0, high: int = 4) -> Shape:
    """A shape of 65,536 elements or more, where the rank allows it."""
    ranks = [rank for rank in HUGE if low <= rank <= high]
    if not ranks:
        return ()
    options = HUGE[ranks[source.choose(len(ranks))]]
    return options[source.choose(len(options))]


def grow(shape: Shape, dim: int, times: int) -> Shape:
    """The shape with no zero and so large a dimension ``dim`` that there are ``times`` 65,536 elements or just more."""
    sizes = [n or 1 for n in shape]
    sizes[dim] = 1
    sizes[dim] = -(-65537 * times // math.prod(sizes))
    return tuple(sizes)


def draw_edge(source: Source, low: int = 0, high: int = 4) -> Shape:
    """A shape of no or one element, or with a dimension of size 1."""
    rank = low + source.choose(high - low + 1)
    return tuple((1, 0, 2)[source.choose(3)] for _ in range(rank))


def draw_nonempty(source: Source, low: int = 0, high: int = 4) -> Shape:
    """A shape without a zero."""
    return tuple(d or 1 for d in draw_shape(source, low, high))


def draw_broadcastable(source: Source, shape: Shape) -> Shape:
    """A shape that broadcasts to ``shape``: leading dimensions left out, others set to 1. Most often the same one."""
    kind = source.choose(8)
    if kind < 4 or not shape:
        return shape
    cut = source.choose(len(shape) + 1) if kind != 5 else 0
    kept = shape[cut:]
    if kind == 4:
        return kept
    ones = source.choose(1 << len(kept))
    return tuple(1 if ones >> i & 1 else d for i, d in enumerate(kept))


def broadcast(*shapes: Shape) -> Shape:
    """The broadcast shape. Raises ValueError where there is none."""
    rank = max(map(len, shapes), default=0)
    out = [1] * rank
    for shape in shapes:
        for i, size in enumerate(shape, rank - len(shape)):
            if size != 1:
                if out[i] not in (1, size):
                    raise ValueError(f"shapes {shapes} do not broadcast")
                out[i] = size
    return tuple(out)


def reduced(shape: Shape, dims: int | tuple[int, ...] | None, keepdim: bool) -> Shape:
    """The shape after reducing over ``dims`` (None or an empty tuple: all)."""
    rank = len(shape)
    wanted = (dims,) if isinstance(dims, int) else dims
    gone = {d % rank if rank else 0 for d in wanted} if wanted else set(range(rank))
    if keepdim:
        return tuple(1 if i in gone else d for i, d in enumerate(shape))
    return tuple(d for i, d in enumerate(shape) if i not in gone)
