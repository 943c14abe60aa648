"""Sorting, ranks, quantiles and what counts values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..drawing.domains import DISTINCT, FRACTION, REAL, Domain, special
from ..drawing.shapes import Shape, reduced
from . import operator
from .arguments import Drawn, along_dim, custom, draw_dim, reduction, untied
from .reduce import to_index

if TYPE_CHECKING:
    from ..drawing.build import Builder

INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")
LEVELS = (0.5, 0.0, 0.25, 1.0, 0.3)


def _filled(b: Builder, low: int = 0) -> Shape:
    return tuple(d or 1 for d in b.draw_shape(low, 4))


def _sorted(b: Builder) -> Drawn:
    x = b.operand(rank=(0, 4), domain=DISTINCT)
    return (x,), {"dim": draw_dim(b, len(x.shape)), "descending": bool(b.choose(2))}


def _stably(b: Builder) -> Drawn:
    x = b.operand(rank=(0, 4))
    return (x,), {"stable": True, "dim": draw_dim(b, len(x.shape)), "descending": bool(b.choose(2))}


def _both(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return ((args[0].shape, args[0].dtype), (args[0].shape, "int64"))


def _size(shape: Shape, dim: int) -> int:
    return shape[dim] if shape else 1


def _topk(b: Builder) -> Drawn:
    x = untied(b, _filled(b))
    dim = draw_dim(b, len(x.shape))
    return (x, b.integer(1, _size(x.shape, dim))), {"dim": dim, "largest": bool(b.choose(2)), "sorted": True}


def _top_shape(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    x, k = args
    shape = list(x.shape)
    if shape:
        shape[attrs["dim"]] = k
    return ((tuple(shape), x.dtype), (tuple(shape), "int64"))


def _kth(b: Builder) -> Drawn:
    x = untied(b, _filled(b))
    dim = draw_dim(b, len(x.shape))
    return (x, b.integer(1, _size(x.shape, dim))), {"dim": dim, "keepdim": bool(b.choose(2))}


def _along(b: Builder) -> Drawn:
    x = untied(b, _filled(b))
    return (x,), {"dim": draw_dim(b, len(x.shape)), "keepdim": bool(b.choose(2))}


def _most_common(b: Builder) -> Drawn:
    """Of at most 16 elements: beyond, PyTorch's place among equal ones is what an unstable sort makes of them."""
    shape, is_huge = tuple(min(d, 16) for d in _filled(b)), b.sizes == "huge"
    x = untied(b, (4, 65537) if is_huge else shape)
    dim = b.pick((0, -2)) if is_huge else draw_dim(b, len(x.shape))
    return (x,), {"dim": dim, "keepdim": bool(b.choose(2))}


def _kth_shape(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    shape = reduced(args[0].shape, attrs["dim"], attrs["keepdim"])
    return ((shape, args[0].dtype), (shape, "int64"))


def _quantile(b: Builder) -> Drawn:
    x = untied(b, _filled(b))
    q = b.operand((b.pick((1, 2, 3)),), domain=FRACTION, grad=False) if b.choose(2) else b.pick(LEVELS)
    dim = None if b.chance(4) else draw_dim(b, len(x.shape))
    return (x, q), {"dim": dim, "keepdim": bool(b.choose(2)), "interpolation": b.pick(INTERPOLATIONS)}


def _quantile_shape(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    x, q = args
    lead = q.shape if hasattr(q, "shape") else ()
    return (((*lead, *reduced(x.shape, attrs["dim"], attrs["keepdim"])), x.dtype),)


def _search(b: Builder) -> Drawn:
    bounds = b.operand((b.pick((3, 1, 5, 8)),), domain=Domain("ascending", (1.0,), 1, 1, jitter=False))
    return (b.operand(domain=REAL), bounds), {"right": bool(b.choose(2)), "out_int32": bool(b.choose(2))}


def _found(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return ((args[0].shape, "int32" if attrs["out_int32"] else "int64"),)


VALUES = ("values", "indices")
# Only the stable sort promises an order of ties.
operator("sort", custom(_sorted, _both), outputs=VALUES, exact=True, jumps=True)
operator(
    "sort.stable", custom(_stably, _both), kinks=special(1.0, float("nan")), outputs=VALUES, exact=True, jumps=True
)
operator("argsort", along_dim(DISTINCT, to_index), exact=True, jumps=True, differentiable=False)
operator(
    "msort",
    custom(lambda b: ((b.operand(domain=DISTINCT),), {}), lambda args, attrs: ((args[0].shape, args[0].dtype),)),
    exact=True,
    jumps=True,
)
operator("topk", custom(_topk, _top_shape), outputs=VALUES, exact=True, jumps=True)
operator("kthvalue", custom(_kth, _kth_shape), outputs=VALUES, exact=True, jumps=True)
operator("mode", custom(_most_common, _kth_shape), kinks=special(1.0), outputs=VALUES, exact=True, jumps=True)
for _name in ("median", "nanmedian"):
    operator(_name, reduction("all", DISTINCT, empty=False), kinks=special(1.0), exact=True, jumps=True)
    operator(
        f"{_name}.dim", custom(_along, _kth_shape), kinks=special(1.0, float("nan")), outputs=VALUES, exact=True,
        jumps=True,
    )  # fmt: skip
for _name in ("quantile", "nanquantile"):
    operator(_name, custom(_quantile, _quantile_shape), graph="free", jumps=True)
operator("bucketize", custom(_search, _found, ("function",)), exact=True, jumps=True, differentiable=False)
