"""Cumulative operators, softmax, differences and integrals along a dimension, covariance, scattered reductions."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..drawing.domains import DISTINCT, NONZERO, OFF_GRID, POSITIVE, Domain, special
from ..drawing.shapes import Shape
from ..programs.program import Leaf
from . import NUMERIC, operator
from .arguments import Drawn, along_dim, custom, draw_dim
from .places import literal

if TYPE_CHECKING:
    from ..drawing.build import Builder, Value

INPLACE = ("function", "method", "inplace")


def _like(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return ((args[0].shape, args[0].dtype),)


def _running_shapes(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return ((args[0].shape, args[0].dtype), (args[0].shape, "int64"))


def _running(b: Builder) -> Drawn:
    x = b.operand(domain=DISTINCT)
    return (x,), {"dim": draw_dim(b, len(x.shape))}


def resized(shape: Shape, dim: int, size: int) -> Shape:
    """A shape with another size in one dimension."""
    dim %= len(shape)
    return (*shape[:dim], max(size, 0), *shape[dim + 1 :])


def _diff(b: Builder) -> Drawn:
    x = b.operand(rank=(1, 4))
    dim = draw_dim(b, len(x.shape))
    attrs: dict[str, Any] = {"n": b.pick((1, 0, 2, 3)), "dim": dim}
    for name in ("prepend", "append"):
        if b.chance(3):
            attrs[name] = b.operand(resized(x.shape, dim, b.pick((1, 2))))
    return (x,), attrs


def _diff_shape(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    if not attrs["n"]:
        return _like(args, attrs)
    size = args[0].shape[attrs["dim"]]
    for name in ("prepend", "append"):
        if attrs.get(name) is not None:
            size += attrs[name].shape[attrs["dim"]]
    return ((resized(args[0].shape, attrs["dim"], size - attrs["n"]), args[0].dtype),)


def _integral(b: Builder) -> Drawn:
    y = b.operand(tuple(d or 1 for d in b.draw_shape(1, 4)))
    dim = draw_dim(b, len(y.shape))
    if b.choose(2):
        return (y, b.operand((y.shape[dim],), domain=DISTINCT)), {"dim": dim}
    return (y,), {"dx": b.pick((1, 0.5, 2)), "dim": dim}


def _integral_shape(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    dim = attrs["dim"] % len(args[0].shape)
    return ((args[0].shape[:dim] + args[0].shape[dim + 1 :], args[0].dtype),)


def _running_integral_shape(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    y, dim = args[0], attrs["dim"]
    return ((resized(y.shape, dim, y.shape[dim] - 1), y.dtype),)


def _gradient(b: Builder) -> Drawn:
    x = b.operand(tuple(max(d, 3) for d in b.draw_shape(1, 3)))
    dim = draw_dim(b, len(x.shape))
    return (x,), {"spacing": b.pick((1.0, 0.5, 2)), "dim": dim, "edge_order": b.pick((1, 2))}


def _covariance(b: Builder) -> Drawn:
    *rows, columns = (max(d, 2) for d in b.draw_shape(1, 2))
    if b.sizes == "huge" and rows:
        shape = (257, 258)
    else:
        shape = (*(min(n, 129) for n in rows), columns)
    x = b.operand(shape, domain=DISTINCT)
    attrs: dict[str, Any] = {"correction": b.pick((1, 0))}
    if b.chance(3):
        attrs["fweights"] = b.operand(
            x.shape[-1:], dtype="int64", domain=Domain("counts", (1.0, 2.0, 3.0), 1, 3, jitter=False)
        )
    if b.chance(3):
        attrs["aweights"] = b.operand(x.shape[-1:], domain=POSITIVE, grad=False)
    return (x,), attrs


def _square(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    x = args[0]
    return ((x.shape[:1] * 2 if len(x.shape) > 1 else (), x.dtype),)


def _drawn_places(b: Builder, shape: Shape, size: int) -> Any:
    """Places below a size, literal: where points are special, these are none of them."""
    drawn = b.source.indices(math.prod(shape), 256).astype(np.int64) % max(size, 1)
    return literal(b, drawn.reshape(shape))


def _target(b: Builder, shape: Shape, include_self: bool) -> Any:
    """Self: ties with the source are a matter of convention only where self counts."""
    return b.operand(shape, domain=OFF_GRID if include_self else NONZERO)


def _scattered(reductions: tuple[str, ...], smaller: bool = False) -> Any:
    def draw(b: Builder) -> Drawn:
        shape = tuple(d or 1 for d in b.draw_shape(1, 3))
        attrs = {"reduce": b.pick(reductions), "include_self": bool(1 - b.choose(2))}
        x, dim = _target(b, shape, attrs["include_self"]), draw_dim(b, len(shape))
        count = resized(shape, dim, b.many((2, 1, 3, 5), shape[dim]))
        index = tuple(max(n - b.choose(2), 1) for n in count) if smaller else count
        return (x, dim, _drawn_places(b, index, shape[dim]), b.operand(count, domain=NONZERO)), attrs

    return draw


def _index_reduced(b: Builder) -> Drawn:
    shape = tuple(d or 1 for d in b.draw_shape(1, 3))
    attrs = {"reduce": b.pick(("prod", "mean", "amax", "amin")), "include_self": bool(1 - b.choose(2))}
    x, dim = _target(b, shape, attrs["include_self"]), draw_dim(b, len(shape))
    count = b.many((2, 1, 3, 5), shape[dim])
    source = b.operand(resized(shape, dim, count), domain=NONZERO)
    return (x, dim, _drawn_places(b, (count,), shape[dim]), source), attrs


def _running_sums() -> Any:
    def draw(b: Builder) -> Drawn:
        x = b.operand()
        return (x,), {"dim": draw_dim(b, len(x.shape))}

    return custom(draw, _like, INPLACE)


operator("cumsum", _running_sums(), dtypes=NUMERIC, contraction=True)
NEAR_ONE = Domain("near-one", (1.0, 0.75, 1.25), 0.75, 1.25)
FACTORS = Domain("factors", (*NONZERO.values[:6], 0.0, *NONZERO.values[6:]), 0.25, 4)
"""A product is smooth where a factor is 0 too, though no quotient of it is."""


def running_factors(b: Builder, domain: Domain, rank: tuple[int, int] = (0, 4)) -> Value:
    """Where they are many, factors near 1, no two rows the same memory: powers of one number overflow."""
    x = b.operand(rank=rank, domain=NEAR_ONE if b.sizes == "huge" else domain)
    step = b.steps[x.index]
    if b.sizes == "huge" and isinstance(step, Leaf) and step.layout == "expanded":
        b.steps[x.index] = replace(step, layout="contiguous")
    return x


def _running_products(b: Builder) -> Drawn:
    x = running_factors(b, FACTORS)
    return (x,), {"dim": draw_dim(b, len(x.shape))}


operator("cumprod", custom(_running_products, _like, INPLACE), dtypes=NUMERIC, kinks=special(0.0), contraction=True)
operator("logcumsumexp", along_dim(), dtypes=NUMERIC, contraction=True)
for _name in ("cummax", "cummin"):
    operator(
        _name,
        custom(_running, _running_shapes),
        kinks=special(1.0),
        outputs=("values", "indices"),
        exact=True,
        jumps=True,
    )
operator("softmax", along_dim(), kinks=special(float("-inf")), contraction=True)
operator("log_softmax", along_dim(), kinks=special(float("-inf")), contraction=True)
for _name in ("softmax", "log_softmax", "softmin"):
    operator(f"nn.functional.{_name}", along_dim(), forms=("function",), contraction=True)
operator("diff", custom(_diff, _diff_shape), dtypes=NUMERIC, graph="free", contraction=True)
for _name in ("trapezoid", "trapz"):
    operator(_name, custom(_integral, _integral_shape, ("function",)), graph="free", contraction=True)
operator(
    "cumulative_trapezoid", custom(_integral, _running_integral_shape, ("function",)), graph="free", contraction=True
)
operator(
    "gradient",
    custom(_gradient, _like, ("function",)),
    outputs=("gradient",),
    graph="free",
    contraction=True,
)
operator("cov", custom(_covariance, _square), dtypes=NUMERIC, graph="free", contraction=True)
operator("corrcoef", custom(lambda b: ((_covariance(b)[0][0],), {}), _square), graph="free", contraction=True)
operator(
    "scatter_reduce",
    custom(_scattered(("sum", "prod", "mean", "amax", "amin")), _like, INPLACE),
    kinks=special(1.0),
    contraction=True,
    graph="spec",
)
# An index smaller than the source has no gradient: that is documented.
operator(
    "scatter_reduce.smaller",
    custom(_scattered(("sum", "prod", "mean", "amax", "amin"), True), _like, INPLACE),
    contraction=True,
    differentiable=False,
)
operator(
    "index_reduce", custom(_index_reduced, _like, INPLACE), kinks=special(0.0, 1.0), contraction=True, forward=False
)
