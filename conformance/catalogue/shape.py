"""Views, copies and joins: operators that move elements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..programs.promotion import result_dtype
from . import NUMERIC, operator
from .arguments import Drawn, custom, draw_dim, keep_dtype, unary

if TYPE_CHECKING:
    from ..drawing.build import Builder


def regroup(b: Builder, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Another shape of as many elements: neighbours merged, a 1 put in, the whole flattened."""
    kind = b.choose(4)
    if kind == 0 or not shape:
        return (*shape, 1) if kind else (_count(shape),)
    if kind == 1 and len(shape) > 1:
        at = b.choose(len(shape) - 1)
        return (*shape[:at], shape[at] * shape[at + 1], *shape[at + 2 :])
    if kind == 2:
        return tuple(reversed(shape))
    at = b.choose(len(shape) + 1)
    return (*shape[:at], 1, *shape[at:])


def _count(shape: tuple[int, ...]) -> int:
    total = 1
    for d in shape:
        total *= d
    return total


def _reshape(b: Builder) -> Drawn:
    x = b.operand()
    return (x, regroup(b, x.shape)), {}


def _to_argument(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return ((args[1], args[0].dtype),)


def _transpose(b: Builder) -> Drawn:
    x = b.operand()
    return (x, draw_dim(b, len(x.shape)), draw_dim(b, len(x.shape))), {}


def _transposed(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    x, i, j = args
    shape = list(x.shape)
    if shape:
        shape[i], shape[j] = shape[j], shape[i]
    return ((tuple(shape), x.dtype),)


def _permute(b: Builder) -> Drawn:
    x = b.operand()
    left, order = list(range(len(x.shape))), []
    while left:
        order.append(left.pop(b.choose(len(left))))
    return (x, tuple(order)), {}


def _permuted(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return ((tuple(args[0].shape[d] for d in args[1]), args[0].dtype),)


def _expand(b: Builder) -> Drawn:
    x = b.operand(rank=(0, 3))
    wide = tuple(b.pick((2, 3)) if d == 1 else d for d in x.shape)
    return (x, (*((b.pick((2, 1)),) * b.choose(2)), *wide)), {}


def _join(b: Builder) -> Drawn:
    first = b.operand(rank=(1, 3))
    dim = b.choose(len(first.shape))
    parts = [first]
    for _ in range(b.integer(1, 2)):
        size = b.pick((first.shape[dim], 1, 2, 0))
        parts.append(b.operand((*first.shape[:dim], size, *first.shape[dim + 1 :])))
    return (tuple(parts),), {"dim": dim - b.choose(2) * len(first.shape)}


def _joined(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    parts, dim = args[0], attrs["dim"]
    shape = list(parts[0].shape)
    shape[dim] = sum(part.shape[dim] for part in parts)
    return ((tuple(shape), result_dtype(*parts)),)


operator("reshape", custom(_reshape, _to_argument), dtypes=NUMERIC, exact=True, graph="free")
operator("view", custom(_reshape, _to_argument, ("method",)), dtypes=NUMERIC, exact=True, view=True)
operator("transpose", custom(_transpose, _transposed), dtypes=NUMERIC, exact=True, view=True)
operator("permute", custom(_permute, _permuted), dtypes=NUMERIC, exact=True, view=True)
operator("expand", custom(_expand, _to_argument, ("method",)), dtypes=NUMERIC, exact=True, view=True)
operator("clone", unary(result=keep_dtype, forms=("function", "method")), dtypes=NUMERIC, exact=True)
operator("detach", unary(result=keep_dtype, forms=("method",)), exact=True, view=True, differentiable=False)
operator("cat", custom(_join, _joined, ("function",)), dtypes=NUMERIC, exact=True)
