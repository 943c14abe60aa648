"""Reductions over dimensions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..drawing.domains import DISTINCT, NONZERO, Domain, special
from ..drawing.shapes import Shape, draw_broadcastable
from ..programs.leafdata import is_complex
from . import NUMERIC, Strategy, operator
from .arguments import Drawn, broadcast_shapes, custom, draw_dim, draw_dims, reduction, to_bool, untied

if TYPE_CHECKING:
    from ..drawing.build import Builder

INF = float("inf")
ORDERS = (2, 1, 3, 0.5, 1.5, 0, INF, -INF, -1)
MOST_FACTORS = 32
TRUTHS = ("float32", "int64", "bool", "complex64")


def to_index(dtype: str) -> str:
    """The dtype of positions."""
    return "int64"


def same(dtype: str) -> str:
    return dtype


def to_real(dtype: str) -> str:
    """The dtype of magnitudes."""
    return {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)


def spread(dims: str = "many", **outputs: Any) -> Strategy:
    """A variance-like reduction: correction and keepdim. No dimensions named mean all of them."""
    plain = reduction(dims, DISTINCT, empty=False, correction=(1, 0, 2), **outputs)

    def draw(b: Builder) -> Drawn:
        args, attrs = plain.draw(b)
        return args, {**attrs, "dim": ()} if dims == "many" and b.chance(8) else attrs

    return Strategy(draw, plain.infer, plain.forms)


def deviation(dims: str = "many", **outputs: Any) -> Strategy:
    """A standard deviation. It has no derivative at 0, so all that is smooth about it is drawn of several elements."""
    plain = spread(dims, **outputs)

    def draw(b: Builder) -> Drawn:
        if b.sizes == "edge" or b.override:
            return plain.draw(b)
        x = untied(b, tuple(max(d, 2) for d in b.draw_shape(1, 4)))
        where = {} if dims == "all" else {"dim": draw_dims(b, len(x.shape)), "keepdim": bool(b.choose(2))}
        return (x,), {**where, "correction": b.pick((1, 0, 2))}

    return Strategy(draw, plain.infer, plain.forms)


def norm_of(keyword: str, everything: bool, domain: Domain = NONZERO) -> Strategy:
    """A vector norm of a drawn order, over all dimensions or some."""

    def draw(b: Builder) -> Drawn:
        x = b.operand(tuple(d or 1 for d in b.draw_shape(0, 4)), domain=domain)
        attrs: dict[str, Any] = {keyword: b.pick(ORDERS)}
        if not everything:
            attrs |= {"dim": draw_dims(b, len(x.shape)), "keepdim": bool(b.choose(2))}
        return (x,), attrs

    shape = reduction("many").infer

    def infer(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        found = shape(args, attrs)
        return ((found[0][0], to_real(args[0].dtype)),)

    return Strategy(draw, infer, ("function",) if keyword == "ord" else ("function", "method"))


def product(dims: str) -> Strategy:
    """A product, of few enough complex numbers to stay finite: infinity times a complex number is anyone's guess."""
    plain = reduction(dims, NONZERO)

    def draw(b: Builder) -> Drawn:
        if not is_complex(b.dtype):
            return plain.draw(b)
        x = b.operand(cut(b.draw_shape(0, 4), MOST_FACTORS), domain=NONZERO)
        return (x,), {} if dims == "all" else {"dim": draw_dim(b, len(x.shape)), "keepdim": bool(b.choose(2))}

    return Strategy(draw, plain.infer, plain.forms)


def cut(shape: Shape, most: int) -> Shape:
    """The shape with its largest sizes halved until it has no more elements than that."""
    while math.prod(shape) > most:
        largest = shape.index(max(shape))
        shape = (*shape[:largest], shape[largest] // 2, *shape[largest + 1 :])
    return shape


def _distance(b: Builder) -> Drawn:
    x = b.operand()
    other = b.operand(draw_broadcastable(b.source, x.shape))
    # With p = 0 backward is refused, of thousands the largest is a tie: huge programs are too few for that.
    return (x, other), {"p": b.pick((2, 1, 3) if b.sizes == "huge" else (2, 1, 3, 0, INF))}


def _distance_shape(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    broadcast_shapes(args)
    return (((), to_real(args[0].dtype)),)


def _renorm(b: Builder) -> Drawn:
    x = b.operand(rank=(2, 4), domain=NONZERO)
    dim = b.choose(len(x.shape)) - len(x.shape) * b.choose(2)
    return (x,), {"p": b.pick((2, 1, 3)), "dim": dim, "maxnorm": b.pick((1.0, 0.5, 5.0))}


operator("sum", reduction("all"), dtypes=NUMERIC, contraction=True)
operator("sum.dim", reduction("many"), dtypes=NUMERIC, contraction=True)
operator("mean", reduction("all"), dtypes=NUMERIC, contraction=True)
operator("mean.dim", reduction("many"), dtypes=NUMERIC, contraction=True)
operator("nansum", reduction("all"), kinks=special(float("nan")), contraction=True)
operator("nansum.dim", reduction("many"), kinks=special(float("nan")), contraction=True)
operator("nanmean.dim", reduction("many", empty=False), kinks=special(float("nan")), contraction=True, graph="free")
operator("nanmean", reduction("all", empty=False), kinks=special(float("nan")), contraction=True, graph="free")
operator("prod", product("all"), dtypes=NUMERIC, kinks=special(0.0), contraction=True)
operator("prod.dim", product("one"), dtypes=NUMERIC, kinks=special(0.0), contraction=True)
operator("logsumexp", reduction("many", empty=False), kinks=special(float("-inf")), contraction=True)
_variance = reduction("all", DISTINCT, empty=False, correction=(0, 1, 2))
_real = Strategy(_variance.draw, lambda args, attrs: (((), to_real(args[0].dtype)),), _variance.forms)
operator("var", _real, dtypes=NUMERIC, contraction=True)
operator("var.dim", spread(result=to_real), dtypes=NUMERIC, contraction=True)
operator("std.dim", deviation(result=to_real), kinks=special(1.0), contraction=True)
operator(
    "var_mean.dim",
    spread(outputs=(same, same), forms=("function",)),
    outputs=("var", "mean"),
    contraction=True,
)
operator(
    "std_mean.dim",
    deviation(outputs=(same, same), forms=("function",)),
    outputs=("std", "mean"),
    contraction=True,
)
_pair = Strategy(_variance.draw, lambda args, attrs: (((), to_real(args[0].dtype)), ((), args[0].dtype)), ("function",))
operator("std", _real, dtypes=NUMERIC, kinks=special(1.0), contraction=True)
for _name in ("var", "std"):
    operator(f"{_name}_mean", _pair, dtypes=NUMERIC, outputs=(_name, "mean"), contraction=True)
for _name in ("max", "min"):
    operator(_name, reduction("all", DISTINCT, empty=False), kinks=special(1.0), exact=True, jumps=True)
    operator(
        f"{_name}.dim",
        reduction("one", DISTINCT, empty=False, outputs=(same, to_index)),
        kinks=special(1.0),
        outputs=("values", "indices"),
        exact=True,
        jumps=True,
    )
    operator(f"a{_name}", reduction("many", DISTINCT, empty=False), kinks=special(1.0), exact=True, jumps=True)
    operator(
        f"arg{_name}",
        reduction("one", DISTINCT, empty=False, result=to_index),
        kinks=special(1.0),
        exact=True,
        jumps=True,
        differentiable=False,
    )
operator(
    "aminmax",
    reduction("one", DISTINCT, empty=False, outputs=(same, same)),
    kinks=special(1.0),
    outputs=("min", "max"),
    exact=True,
    jumps=True,
)
operator("any", reduction("many", special(0.0), result=to_bool), dtypes=TRUTHS, exact=True, differentiable=False)
operator("all", reduction("many", special(0.0), result=to_bool), dtypes=TRUTHS, exact=True, differentiable=False)
operator("norm", norm_of("p", True), dtypes=NUMERIC, kinks=special(0.0), contraction=True)
operator("norm.dim", norm_of("p", False), dtypes=NUMERIC, kinks=special(0.0), contraction=True)
operator("linalg.vector_norm", norm_of("ord", False), dtypes=NUMERIC, kinks=special(0.0), contraction=True)
operator("dist", custom(_distance, _distance_shape), dtypes=NUMERIC, kinks=special(1.0), contraction=True)
operator(
    "renorm",
    custom(_renorm, lambda args, attrs: ((args[0].shape, args[0].dtype),), ("function", "method", "inplace")),
    dtypes=NUMERIC,
)
