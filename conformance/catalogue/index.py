"""Indexing, gathering and scattering."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..drawing.shapes import broadcast
from ..programs.program import Slice
from . import NUMERIC, operator
from .arguments import INPLACE, Drawn, custom, draw_dim
from .places import (
    draw_axis,
    draw_distinct,
    draw_distinct_along,
    draw_mask,
    draw_places,
    filled,
    indexed,
    literal,
    same,
)
from .sizes import indexed_by, of_shape, taken_along

if TYPE_CHECKING:
    from ..drawing.build import Builder, Value

Shape = tuple[int, ...]


def _entry(b: Builder, size: int) -> tuple[Any, int | None]:
    """A basic index for one dimension, and the size that stays (None: the dimension goes)."""
    kind = b.choose(5)
    if kind == 0 or not size:
        return Slice(None, None), size
    if kind in (1, 2):
        return b.choose(size) - size * b.choose(2), None
    start, stop, step = b.choose(size), size - b.choose(2), b.integer(1, 2)
    return Slice(start, stop, step), len(range(start, stop, step))


def _select(b: Builder) -> Drawn:
    x = b.operand(rank=(1, 3))
    count = b.integer(1, len(x.shape))
    if b.chance(6):
        entries = [..., *(_entry(b, d)[0] for d in x.shape[len(x.shape) - count :])]
    else:
        entries = [_entry(b, d)[0] for d in x.shape[:count]]
        if b.chance(6):
            entries.insert(b.choose(count + 1), None)
    return (x, tuple(entries)), {}


operator(
    "__getitem__",
    custom(_select, of_shape(indexed_by), ("operator",)),
    dtypes=NUMERIC,
    exact=True,
    view=True,
    symbol="[]",
)


def _advanced(b: Builder) -> Drawn:
    """Index tensors for some dimensions, full slices and integers for others."""
    x = b.operand(filled(b.draw_shape(1, 4)))
    count = b.integer(1, len(x.shape))
    shared = b.many(((2,), (3,), (1,), (2, 2), (), (0,)), x.shape[:1])
    entries: list[Any] = []
    for d in x.shape[:count]:
        kind = b.choose(6) if entries else 0
        if kind in (0, 1):
            entries.append(draw_places(b, d, shared if not b.chance(4) else (1,), negative=True))
        elif kind == 2:
            entries.append(b.choose(d))
        elif kind == 3:
            entries.append(None)
        else:
            entries.append(Slice(None, None) if kind == 4 else Slice(b.choose(d), d, 1))
    return (x, tuple(entries)), {}


def _masked_entry(b: Builder) -> Drawn:
    x = b.operand(rank=(1, 3))
    depth = b.integer(1, len(x.shape))
    mask = draw_mask(b, x.shape[:depth], broadcast=False)
    rest = (Slice(None, None, 2),) if depth < len(x.shape) and b.chance(3) else ()
    return (x, (mask, *rest)), {}


operator(
    "__getitem__.advanced",
    custom(_advanced, of_shape(indexed_by), ("operator",)),
    dtypes=NUMERIC,
    exact=True,
    symbol="[]",
)
operator("__getitem__.mask", custom(_masked_entry, forms=("operator",)), dtypes=NUMERIC, exact=True, symbol="[]")


def _along(b: Builder) -> Drawn:
    x = b.operand(indexed(b, 0))
    dim = draw_dim(b, len(x.shape))
    size = x.shape[dim] if x.shape else 1
    count = (b.many((2, 1, 4, 0), size) if size else 0,) if x.shape else (1,)
    return (x, dim, draw_places(b, size, count)), {}


def _selected_along(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    x, dim, index = args
    if not x.shape:
        return (((), x.dtype),)
    axis = dim % len(x.shape)
    return (((*x.shape[:axis], *(index.shape or (1,)), *x.shape[axis + 1 :]), x.dtype),)


operator("index_select", custom(_along, _selected_along), dtypes=NUMERIC, exact=True)


def _rows(b: Builder, rank: int = 1) -> tuple[Any, int, Any, Any]:
    """A tensor, a dimension, distinct places of it, and a source of as many slices."""
    x = b.operand(indexed(b, rank))
    dim = draw_axis(b, len(x.shape))
    taken = draw_distinct(b, x.shape[dim])
    source = b.operand((*x.shape[:dim], len(taken), *x.shape[dim + 1 :]))
    return x, dim - b.choose(2) * len(x.shape), literal(b, np.array(taken)), source


def _index_copy(b: Builder) -> Drawn:
    return _rows(b), {}


def _index_add(b: Builder) -> Drawn:
    x, dim, index, source = _rows(b)
    if b.chance(2):
        index = draw_places(b, x.shape[dim], index.shape)
    return (x, dim, index, source), {"alpha": b.pick((1, 2, 0.5))}


def _index_fill(b: Builder) -> Drawn:
    x, dim, index, _ = _rows(b)
    return (x, dim, _filled_places(b, x, dim, index), b.pick((2.0, 0.0, -1.0))), {}


def _filled_places(b: Builder, x: Value, dim: int, index: Value) -> Value:
    """Places that may repeat: one value fills them all."""
    return draw_places(b, x.shape[dim], index.shape) if b.chance(2) else index


def _index_fill_tensor(b: Builder) -> Drawn:
    x, dim, index, _ = _rows(b)
    return (x, dim, _filled_places(b, x, dim, index), b.operand(())), {}


operator("index_copy", custom(_index_copy, same, INPLACE), dtypes=NUMERIC, exact=True)
operator("index_add", custom(_index_add, same, INPLACE), dtypes=NUMERIC)
operator("index_fill", custom(_index_fill, same, INPLACE), dtypes=NUMERIC, exact=True)
operator("index_fill.tensor", custom(_index_fill_tensor, same, INPLACE), dtypes=NUMERIC, exact=True)


def _index_put(b: Builder) -> Drawn:
    x = b.operand(filled(b.draw_shape(1, 4)))
    accumulate = bool(b.choose(2))
    if b.chance(4):
        mask = draw_mask(b, x.shape, broadcast=False)
        return (x, (mask,), b.operand(())), {"accumulate": accumulate}
    taken = draw_distinct(b, x.shape[0])
    several, *_ = b.grown((3, *x.shape[1:]))
    first = draw_places(b, x.shape[0], (several,), negative=True) if accumulate else literal(b, np.array(taken))
    indices, shape = [first], (*first.shape, *x.shape[1:])
    if len(x.shape) > 1 and b.chance(2):
        indices.append(draw_places(b, x.shape[1], first.shape))
        shape = (*first.shape, *x.shape[2:])
    values = b.operand(b.pick((shape, shape[1:], ())))
    return (x, tuple(indices), values), {"accumulate": accumulate}


operator("index_put", custom(_index_put, same, INPLACE), dtypes=NUMERIC)


def draw_gather(b: Builder) -> Drawn:
    x = b.operand(indexed(b, 0))
    dim = draw_dim(b, len(x.shape))
    axis = dim % len(x.shape) if x.shape else 0
    shape = tuple(
        b.many((n, 1, 2, 5), n) if k == axis and n else (n if not b.chance(4) else min(n, 1))
        for k, n in enumerate(x.shape)
    )
    return (x, dim, draw_places(b, x.shape[axis] if x.shape else 1, shape)), {}


def like_index(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return ((args[2].shape, args[0].dtype),)


def draw_scatter(b: Builder) -> Drawn:
    x = b.operand(indexed(b, 1))
    dim = draw_axis(b, len(x.shape))
    index = draw_distinct_along(b, x.shape, dim)
    return (x, dim - b.choose(2) * len(x.shape), index, b.operand(index.shape)), {}


def _scatter_value(b: Builder) -> Drawn:
    x, dim, index, _ = draw_scatter(b)[0]
    return (x, dim, index, b.pick((2.0, 0.0, -0.5))), {}


def _scatter_add(b: Builder) -> Drawn:
    x, dim, index = draw_gather(b)[0]
    return (x, dim, index, b.operand(index.shape)), {}


operator("gather", custom(draw_gather, like_index), dtypes=NUMERIC, exact=True)
operator("scatter", custom(draw_scatter, same, INPLACE), dtypes=NUMERIC, exact=True)
operator("scatter.value", custom(_scatter_value, same, INPLACE), dtypes=NUMERIC, exact=True)
operator("scatter_add", custom(_scatter_add, same, INPLACE), dtypes=NUMERIC)


def _take(b: Builder) -> Drawn:
    x = b.operand(filled(b.draw_shape(0, 3)))
    shape = b.many(((2,), (1,), (2, 3), (), (0,)), (257, 256))
    return (x, draw_places(b, max(_count(x.shape), 1), shape, negative=True)), {}


def _put(b: Builder) -> Drawn:
    x = b.operand(filled(b.draw_shape(0, 3)))
    accumulate = bool(b.choose(2))
    size = _count(x.shape)
    if accumulate:
        index = draw_places(b, size, b.grown((3,)), negative=True)
    else:
        index = literal(b, np.array(draw_distinct(b, size)))
    return (x, index, b.operand(index.shape)), {"accumulate": accumulate}


def _count(shape: Shape) -> int:
    total = 1
    for n in shape:
        total *= n
    return total


def _taken(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return ((args[1].shape, args[0].dtype),)


def _take_along(b: Builder) -> Drawn:
    x = b.operand(filled(b.draw_shape(1, 3)))
    dim = draw_axis(b, len(x.shape))
    shape = tuple(b.many((n, 1, 3), n) if k == dim else b.pick((n, 1)) for k, n in enumerate(x.shape))
    return (x, draw_places(b, x.shape[dim], shape)), {"dim": dim - b.choose(2) * len(x.shape)}


operator("take", custom(_take, _taken), dtypes=NUMERIC, exact=True)
operator("put", custom(_put, same, ("method", "inplace")), dtypes=NUMERIC)
operator("take_along_dim", custom(_take_along, of_shape(taken_along)), dtypes=NUMERIC, exact=True)


def _mask_and(value: Any) -> Any:
    def draw(b: Builder) -> Drawn:
        x = b.operand()
        return (x, draw_mask(b, x.shape), value(b)), {}

    return draw


def _masked(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return ((broadcast(args[0].shape, args[1].shape), args[0].dtype),)


def _masked_scatter(b: Builder) -> Drawn:
    x = b.operand()
    return (x, draw_mask(b, x.shape), b.operand((_count(x.shape) + b.choose(2),))), {}


def _masked_select(b: Builder) -> Drawn:
    x = b.operand()
    return (x, draw_mask(b, x.shape)), {}


def _triangle(b: Builder) -> Drawn:
    return (b.operand(rank=(2, 4)),), {"diagonal": b.pick((0, 1, -1, 3))}


operator(
    "masked_fill", custom(_mask_and(lambda b: b.pick((2.0, 0.0, -1.0))), _masked, INPLACE), dtypes=NUMERIC, exact=True
)
operator("masked_fill.tensor", custom(_mask_and(lambda b: b.operand(())), _masked, INPLACE), dtypes=NUMERIC, exact=True)
operator("masked_scatter", custom(_masked_scatter, _masked, ("method", "inplace")), dtypes=NUMERIC, exact=True)
operator("masked_select", custom(_masked_select), dtypes=NUMERIC, exact=True)
operator("tril", custom(_triangle, same, INPLACE), dtypes=NUMERIC, exact=True)
operator("triu", custom(_triangle, same, INPLACE), dtypes=NUMERIC, exact=True)
