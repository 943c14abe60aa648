"""Views of parts and rearrangements: what selects, splits, folds and repeats dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import NUMERIC, operator
from .arguments import Drawn, custom, draw_dim, draw_dims
from .places import filled, same
from .sizes import (
    diag,
    diag_embedded,
    diag_flat,
    diagonal,
    interleaved,
    of_shape,
    put_in,
    raveled,
    tiled,
    turned,
    unflattened,
    unfolded,
    with_size,
    without,
)

if TYPE_CHECKING:
    from ..drawing.build import Builder

Shape = tuple[int, ...]
METHOD = ("method",)


def _one_dim(low: int = 1, high: int = 4) -> Any:
    def draw(b: Builder) -> Drawn:
        x = b.operand(rank=(low, high))
        return (x, draw_dim(b, len(x.shape))), {}

    return draw


def _whole(low: int = 0, high: int = 4) -> Any:
    def draw(b: Builder) -> Drawn:
        return (b.operand(rank=(low, high)),), {}

    return draw


def _ones(b: Builder) -> Any:
    """An operand with some dimensions of size 1."""
    shape = b.draw_shape(0, 3)
    for _ in range(b.choose(3)):
        shape = put_in(shape, b.choose(len(shape) + 1), 1)
    return b.operand(shape)


def _squeeze(b: Builder) -> Drawn:
    return (_ones(b),), {}


def _squeeze_dim(b: Builder) -> Drawn:
    x = _ones(b)
    return (x, draw_dim(b, len(x.shape))), {}


def _squeeze_dims(b: Builder) -> Drawn:
    x = _ones(b)
    return (x, draw_dims(b, len(x.shape))), {}


def _squeezed(x: Any, dims: Any = None) -> Shape:
    rank = len(x.shape)
    chosen = range(rank) if dims is None else [dims] if isinstance(dims, int) else dims
    gone = {d % rank for d in chosen} if rank else set[int]()
    return tuple(n for k, n in enumerate(x.shape) if n != 1 or k not in gone)


def _unsqueeze(b: Builder) -> Drawn:
    x = b.operand(rank=(0, 3))
    return (x, b.choose(2 * len(x.shape) + 2) - len(x.shape) - 1), {}


operator("squeeze", custom(_squeeze, of_shape(_squeezed)), dtypes=NUMERIC, exact=True, view=True)
operator("squeeze.dim", custom(_squeeze_dim, of_shape(_squeezed)), dtypes=NUMERIC, exact=True, view=True)
operator("squeeze.dims", custom(_squeeze_dims, of_shape(_squeezed)), dtypes=NUMERIC, exact=True, view=True)
operator(
    "unsqueeze", custom(_unsqueeze, of_shape(lambda x, d: put_in(x.shape, d % (len(x.shape) + 1), 1))),
    dtypes=NUMERIC, exact=True, view=True,
)  # fmt: skip
operator("t", custom(_whole(0, 2), of_shape(lambda x: x.shape[::-1])), dtypes=NUMERIC, exact=True, view=True)


def _two_dims(b: Builder) -> Drawn:
    x = b.operand(rank=(1, 4))
    return (x, draw_dim(b, len(x.shape)), draw_dim(b, len(x.shape))), {}


def _swapped(x: Any, i: int, j: int) -> Shape:
    shape = list(x.shape)
    shape[i], shape[j] = shape[j], shape[i]
    return tuple(shape)


def _moved(x: Any, source: int, to: int) -> Shape:
    rank = len(x.shape)
    return put_in(without(x.shape, source % rank), to % rank, x.shape[source])


operator("swapaxes", custom(_two_dims, of_shape(_swapped)), dtypes=NUMERIC, exact=True, view=True)
operator("movedim", custom(_two_dims, of_shape(_moved)), dtypes=NUMERIC, exact=True, view=True)


def _flatten(b: Builder) -> Drawn:
    x = b.operand()
    rank = max(len(x.shape), 1)
    start = b.choose(rank)
    return (x,), {"start_dim": start, "end_dim": start + b.choose(rank - start) - rank * b.choose(2)}


def _flattened(x: Any, start_dim: int, end_dim: int) -> Shape:
    if not x.shape:
        return (1,)
    end, size = end_dim % len(x.shape), 1
    for n in x.shape[start_dim : end + 1]:
        size *= n
    return (*x.shape[:start_dim], size, *x.shape[end + 1 :])


def _unflatten(b: Builder) -> Drawn:
    inner = b.pick(((2, 3), (1, 2), (3,), (2, 1, 2)))
    around = filled(b.draw_shape(0, 2))
    at, size = b.choose(len(around) + 1), 1
    for n in inner:
        size *= n
    known = b.choose(len(inner) + 1)
    sizes = inner if known == len(inner) else with_size(inner, known, -1)
    return (b.operand(put_in(around, at, size)), at, sizes), {}


operator("flatten", custom(_flatten, of_shape(_flattened)), dtypes=NUMERIC, exact=True)
operator("unflatten", custom(_unflatten, of_shape(unflattened)), dtypes=NUMERIC, exact=True, view=True)
operator("ravel", custom(_whole(), of_shape(raveled)), dtypes=NUMERIC, exact=True)


def _select(b: Builder) -> Drawn:
    x = b.operand(filled(b.draw_shape(1, 4)))
    dim = draw_dim(b, len(x.shape))
    return (x, dim, b.choose(2 * x.shape[dim]) - x.shape[dim]), {}


def _narrow(b: Builder) -> Drawn:
    x = b.operand(rank=(1, 4))
    dim = draw_dim(b, len(x.shape))
    start = b.choose(x.shape[dim] + 1)
    return (x, dim, start, b.choose(x.shape[dim] - start + 1)), {}


operator(
    "select", custom(_select, of_shape(lambda x, d, i: without(x.shape, d % len(x.shape)))), dtypes=NUMERIC,
    exact=True, view=True,
)  # fmt: skip
operator(
    "narrow", custom(_narrow, of_shape(lambda x, d, s, n: with_size(x.shape, d % len(x.shape), n))), dtypes=NUMERIC,
    exact=True, view=True,
)  # fmt: skip


def _unfold(b: Builder) -> Drawn:
    x = b.operand(filled(b.draw_shape(1, 3)))
    dim = draw_dim(b, len(x.shape))
    return (x, dim, b.integer(1, min(x.shape[dim], 4)), b.integer(1, 3)), {}


def _diagonal(b: Builder) -> Drawn:
    x = b.operand(rank=(2, 4))
    rank = len(x.shape)
    first = b.choose(rank)
    second = (first + 1 + b.choose(rank - 1)) % rank
    return (x,), {"offset": b.pick((0, 1, -1, 2, -3)), "dim1": first - rank * b.choose(2), "dim2": second}


def _short(b: Builder, low: int, high: int, huge: tuple[Shape, ...]) -> Any:
    """An operand of no long dimension, for a matrix is made of each; or of a shape that may be huge."""
    shape = tuple(min(n, 17) for n in b.draw_shape(low, high))
    return b.operand(b.pick(huge) if b.sizes == "huge" else shape)


def _diag_embed(b: Builder) -> Drawn:
    x = _short(b, 1, 3, ((22000, 3), (257,), (33000, 2), (4, 5500, 3)))
    rank = len(x.shape) + 1
    first = b.choose(rank)
    second = (first + 1 + b.choose(rank - 1)) % rank
    return (x,), {"offset": b.pick((0, 1, -2)), "dim1": first - rank * b.choose(2), "dim2": second}


def _diag(low: int, high: int, huge: tuple[Shape, ...], name: str = "diagonal") -> Any:
    def draw(b: Builder) -> Drawn:
        return (_short(b, low, high, huge),), {name: b.pick((0, 1, -2))}

    return draw


operator("unfold", custom(_unfold, of_shape(unfolded), METHOD), dtypes=NUMERIC)
operator("diagonal", custom(_diagonal, of_shape(diagonal)), dtypes=NUMERIC, exact=True, view=True)
operator(
    "linalg.diagonal",
    custom(_diag(2, 4, ((35000, 2, 3), (2, 17500, 3, 2), (257, 258)), "offset"), of_shape(diagonal), ("function",)),
    dtypes=NUMERIC,
    exact=True,
    view=True,
)
operator("diag_embed", custom(_diag_embed, of_shape(diag_embedded)), dtypes=NUMERIC, exact=True)
operator("diag", custom(_diag(1, 2, ((257,), (257, 300))), of_shape(diag)), dtypes=NUMERIC, exact=True)
operator(
    "diagflat",
    custom(_diag(0, 3, ((257,), (16, 17), (4, 8, 9)), "offset"), of_shape(diag_flat)),
    dtypes=NUMERIC,
    exact=True,
)
operator("trace", custom(_whole(2, 2), of_shape(lambda x: ())), dtypes=NUMERIC)


def _flip(b: Builder) -> Drawn:
    x = b.operand(rank=(1, 4))
    return (x, draw_dims(b, len(x.shape))), {}


def _roll(b: Builder) -> Drawn:
    x = b.operand(rank=(1, 4))
    if b.chance(4):
        return (x, b.pick((1, -2, 5))), {}
    dims = draw_dims(b, len(x.shape))
    return (x, tuple(b.pick((1, -1, 2, 7)) for _ in dims), dims), {}


def _rot90(b: Builder) -> Drawn:
    x = b.operand(rank=(2, 4))
    rank = len(x.shape)
    first = b.choose(rank)
    return (x,), {"k": b.pick((1, 2, 3, -1, 0)), "dims": (first, (first + 1 + b.choose(rank - 1)) % rank)}


operator("flip", custom(_flip, same), dtypes=NUMERIC, exact=True)
operator("fliplr", custom(_whole(2), same), dtypes=NUMERIC, exact=True)
operator("flipud", custom(_whole(1), same), dtypes=NUMERIC, exact=True)
operator("roll", custom(_roll, same), dtypes=NUMERIC, exact=True)
operator("rot90", custom(_rot90, of_shape(turned)), dtypes=NUMERIC, exact=True)


def _times(b: Builder, count: int) -> Shape:
    """How often each dimension is repeated; of a huge operand one alone."""
    if b.sizes == "huge":
        many = b.choose(count) if count else 0
        return tuple(b.pick((2, 3)) if k == many else 1 for k in range(count))
    return tuple(0 if b.chance(12) else b.pick((2, 1, 3)) for _ in range(count))


def _repeat(b: Builder) -> Drawn:
    x = b.operand(rank=(0, 3))
    return (x, _times(b, len(x.shape) + b.choose(2)) or (2,)), {}


def _tile(b: Builder) -> Drawn:
    return (b.operand(rank=(0, 3)), _times(b, b.choose(4))), {}


def _repeat_interleave(b: Builder) -> Drawn:
    x = b.operand(rank=(1, 3))
    return (x, b.pick((2, 1, 3, 0))), {"dim": draw_dim(b, len(x.shape)) if b.choose(3) else None}


def _broadcast_to(b: Builder) -> Drawn:
    x = b.operand(rank=(0, 3))
    wide = tuple(b.pick((2, 3)) if d == 1 else d for d in x.shape)
    return (x, (*((b.pick((2, 1)),) * b.choose(2)), *wide)), {}


def _sum_to_size(b: Builder) -> Drawn:
    x = b.operand(rank=(0, 4))
    lead = b.choose(len(x.shape) + 1)
    return (x, tuple(1 if b.choose(2) else n for n in x.shape[lead:])), {}


operator("repeat", custom(_repeat, of_shape(tiled), METHOD), dtypes=NUMERIC)
operator("tile", custom(_tile, of_shape(tiled)), dtypes=NUMERIC)
operator("repeat_interleave", custom(_repeat_interleave, of_shape(interleaved)), dtypes=NUMERIC)
operator("broadcast_to", custom(_broadcast_to, of_shape(lambda x, size: size)), dtypes=NUMERIC, exact=True, view=True)
operator("sum_to_size", custom(_sum_to_size, of_shape(lambda x, size: tuple(size)), METHOD), dtypes=NUMERIC)


def _as_strided(b: Builder) -> Drawn:
    """A geometry inside a contiguous tensor's memory; elements may overlap."""
    x = b.leaf(filled(b.draw_shape(1, 3)), layout="contiguous")
    count = 1
    for n in x.shape:
        count *= n
    offset = b.choose(min(count, 3))
    size, stride, room = [], [], count - 1 - offset
    for _ in range(b.integer(1, 2)):
        step = b.choose(3)
        most = 4 if not step else room // step + 1
        size.append(most if b.sizes == "huge" else b.integer(1, min(most, 4)))
        stride.append(step)
        room -= step * (size[-1] - 1)
    return (x, tuple(size), tuple(stride), offset), {}


operator("as_strided", custom(_as_strided, of_shape(lambda x, size, *_: size)), dtypes=NUMERIC)


def _select_scatter(b: Builder) -> Drawn:
    x, dim, index = _select(b)[0]
    return (x, b.operand(without(x.shape, dim % len(x.shape))), dim, index), {}


def _slice_scatter(b: Builder) -> Drawn:
    x = b.operand(rank=(1, 3))
    dim = draw_dim(b, len(x.shape))
    n = x.shape[dim]
    start, end, step = b.choose(n + 1), n - b.choose(2), b.integer(1, 2)
    count = len(range(start, max(end, start), step))
    src = b.operand(with_size(x.shape, dim % len(x.shape), count))
    return (x, src), {"dim": dim, "start": start, "end": end, "step": step}


def _diagonal_scatter(b: Builder) -> Drawn:
    rows, columns = b.extent((2, 3, 1), 3), b.extent((3, 2, 4), 4)
    rest = (32800,) if b.sizes == "huge" else ()
    offset = b.pick((0, 1, -1))
    count = min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns)
    return (b.operand((rows, columns, *rest)), b.operand((*rest, max(count, 0)))), {"offset": offset}


REAL_ONLY = tuple(d for d in NUMERIC if not d.startswith("complex"))
operator("select_scatter", custom(_select_scatter, same), dtypes=REAL_ONLY, exact=True)
operator("slice_scatter", custom(_slice_scatter, same), dtypes=REAL_ONLY, exact=True)
operator("diagonal_scatter", custom(_diagonal_scatter, same), dtypes=NUMERIC, exact=True)


def _as_strided_scatter(b: Builder) -> Drawn:
    """A part of a contiguous tensor's memory, without overlap, and what is written there."""
    x = b.leaf(filled(b.draw_shape(1, 3)), layout="contiguous")
    count = 1
    for n in x.shape:
        count *= n
    offset, step = b.choose(min(count, 3)), b.integer(1, 2)
    most = (count - 1 - offset) // step + 1
    size = (most if b.sizes == "huge" else b.integer(1, min(most, 4)),)
    return (x, b.operand(size), size, (step,), offset), {}


operator("as_strided_scatter", custom(_as_strided_scatter, same), dtypes=NUMERIC, exact=True)
