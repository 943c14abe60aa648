"""Joining tensors, and splitting one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..drawing.shapes import broadcast
from ..programs.promotion import result_dtype
from . import NUMERIC, operator
from .arguments import Drawn, custom, draw_dim
from .places import filled
from .sizes import (
    at_least,
    block_diagonal,
    column_stacked,
    combined,
    dstacked,
    every_pair,
    hstacked,
    of_parts,
    of_shape,
    vstacked,
)

if TYPE_CHECKING:
    from ..drawing.build import Builder

Shape = tuple[int, ...]
FUNCTION = ("function",)
HUGE_CHOICE = 363
"""Of so many there are 65,703 pairs."""


def _alike(b: Builder, shape: Shape) -> tuple[Any, ...]:
    return tuple(b.operand(shape) for _ in range(b.integer(1, 3)))


def _stack(b: Builder) -> Drawn:
    parts = _alike(b, b.draw_shape(0, 3))
    rank = len(parts[0].shape) + 1
    return (parts,), {"dim": b.choose(2 * rank) - rank}


def _stacked(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    parts = args[0]
    shape = parts[0].shape
    at = attrs["dim"] % (len(shape) + 1)
    return (((*shape[:at], len(parts), *shape[at:]), result_dtype(*parts)),)


def _side_by_side(b: Builder) -> Drawn:
    return (_alike(b, b.draw_shape(0, 4)),), {}


def _columns(b: Builder) -> Drawn:
    return (_alike(b, b.draw_shape(0, 2)),), {}


operator("stack", custom(_stack, _stacked, FUNCTION), dtypes=NUMERIC, exact=True)
operator("hstack", custom(_side_by_side, of_parts(hstacked), FUNCTION), dtypes=NUMERIC, exact=True)
operator("vstack", custom(_side_by_side, of_parts(vstacked), FUNCTION), dtypes=NUMERIC, exact=True)
operator("dstack", custom(_side_by_side, of_parts(dstacked), FUNCTION), dtypes=NUMERIC, exact=True)
operator("column_stack", custom(_columns, of_parts(column_stacked), FUNCTION), dtypes=NUMERIC, exact=True)


def _blocks(b: Builder) -> Drawn:
    """Of huge ones the first alone: between two the zeros would fill the memory."""
    ranks = [(0, 2), *((0, 0 if b.sizes == "huge" else 2),) * (b.integer(1, 3) - 1)]
    return tuple(b.operand(rank=rank) for rank in ranks), {}


def _vectors(b: Builder) -> Drawn:
    huge = (65537, 2, 1)
    return tuple(b.operand((b.extent((2, 1, 3, 0), huge[k]),)) for k in range(b.integer(2, 3))), {}


def _combinations(b: Builder) -> Drawn:
    x, r = b.operand((b.extent((1, 2, 3, 4, 5), HUGE_CHOICE),)), b.many((2, 1, 3), 2)
    return (x,), {"r": r, "with_replacement": bool(b.choose(2))}


operator("block_diag", custom(_blocks, of_parts(block_diagonal), FUNCTION), dtypes=NUMERIC, exact=True)
operator("cartesian_prod", custom(_vectors, of_parts(every_pair), FUNCTION), dtypes=NUMERIC, exact=True)
operator("combinations", custom(_combinations, of_shape(combined), FUNCTION), dtypes=NUMERIC, exact=True)


def _meshgrid(b: Builder) -> Drawn:
    # Each output depends on its own operand alone: one that needs no gradient would end the backward with an error.
    rows, columns = b.leaf((b.extent((2, 3, 1), 65537),)), b.leaf((b.extent((3, 2), 3),))
    return (rows, columns), {"indexing": b.pick(("ij", "xy"))}


def _gridded(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    shape = (args[0].shape[0], args[1].shape[0])
    shape = shape if attrs["indexing"] == "ij" else shape[::-1]
    return tuple((shape, a.dtype) for a in args)


def _together(b: Builder) -> Drawn:
    first = b.leaf(b.draw_shape(0, 3))
    second = b.leaf(tuple(1 if b.choose(2) else n for n in first.shape))
    return (first, second), {}


def _broadcasted(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    shape = broadcast(*(a.shape for a in args))
    return tuple((shape, a.dtype) for a in args)


PAIR = ("first", "second")
operator("meshgrid", custom(_meshgrid, _gridded, FUNCTION), dtypes=NUMERIC, exact=True, outputs=PAIR)
operator("broadcast_tensors", custom(_together, _broadcasted, FUNCTION), dtypes=NUMERIC, exact=True, outputs=PAIR)


def _small(b: Builder) -> Drawn:
    return (b.operand(rank=(0, 4)),), {}


for _rank in (1, 2, 3):
    operator(
        f"atleast_{_rank}d", custom(_small, of_shape(at_least(_rank)), FUNCTION), dtypes=NUMERIC, exact=True, view=True,
        graph="free",
    )  # fmt: skip


# Splits. The catalogue's outputs have fixed names: two parts.


def _parts(args: tuple[Any, ...], dim: int, sizes: tuple[int, ...]) -> Any:
    x = args[0]
    at = dim % len(x.shape)
    return tuple(((*x.shape[:at], n, *x.shape[at + 1 :]), x.dtype) for n in sizes)


def _halves(b: Builder) -> tuple[Any, int, int, int]:
    """A tensor whose dimension has two parts, of these sizes."""
    shape = filled(b.draw_shape(1, 4))
    dim = draw_dim(b, len(shape))
    at = dim % len(shape)
    second = b.many((1, 2, 3), (shape[at] + 1) // 2)
    first = second + b.choose(2)
    return b.operand((*shape[:at], first + second, *shape[at + 1 :])), dim, first, second


def _split(b: Builder) -> Drawn:
    x, dim, first, _ = _halves(b)
    return (x, first), {"dim": dim}


def _split_sizes(b: Builder) -> Drawn:
    x, dim, first, second = _halves(b)
    return (x, (second, first)), {"dim": dim}


def _chunk(b: Builder) -> Drawn:
    x, dim, _, _ = _halves(b)
    return (x, 2), {"dim": dim}


def _unbind(b: Builder) -> Drawn:
    shape = b.draw_shape(0, 3)
    at = b.choose(len(shape) + 1)
    return (b.operand((*shape[:at], 2, *shape[at:])),), {"dim": at - b.choose(2) * (len(shape) + 1)}


def _by_size(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    n = args[0].shape[attrs["dim"]]
    return _parts(args, attrs["dim"], (args[1], n - args[1]))


def _by_sizes(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return _parts(args, attrs["dim"], args[1])


def _in_two(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    n = args[0].shape[attrs["dim"]]
    return _parts(args, attrs["dim"], (n - n // 2, n // 2))


def _unbound(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    shape, at = args[0].shape, attrs["dim"] % len(args[0].shape)
    return (((*shape[:at], *shape[at + 1 :]), args[0].dtype),) * 2


for _name, _draw, _infer in (
    ("split", _split, _by_size),
    ("split.sizes", _split_sizes, _by_sizes),
    ("split_with_sizes", _split_sizes, _by_sizes),
    ("unsafe_split", _split, _by_size),
    ("chunk", _chunk, _in_two),
    ("unsafe_chunk", _chunk, _in_two),
    ("tensor_split", _chunk, _in_two),
    ("unbind", _unbind, _unbound),
):
    operator(_name, custom(_draw, _infer), dtypes=NUMERIC, exact=True, outputs=PAIR)


def _even(at: Any, low: int) -> Any:
    def draw(b: Builder) -> Drawn:
        shape = list(filled(b.draw_shape(low, 4)))
        shape[at(shape)] = 2 * b.many((1, 2), (shape[at(shape)] + 1) // 2)
        return (b.operand(tuple(shape)), 2), {}

    return draw


def _halved(at: Any) -> Any:
    def infer(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        dim = at(args[0].shape)
        return _parts(args, dim, (args[0].shape[dim] // 2,) * 2)

    return infer


for _name, _at, _low in (
    ("hsplit", lambda shape: 0 if len(shape) == 1 else 1, 1),
    ("vsplit", lambda shape: 0, 2),
    ("dsplit", lambda shape: 2, 3),
):
    operator(_name, custom(_even(_at, _low), _halved(_at)), dtypes=NUMERIC, exact=True, outputs=PAIR)
