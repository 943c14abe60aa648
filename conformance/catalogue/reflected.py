"""What Python calls when the right operand is the tensor, and other names for arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..drawing.domains import NONZERO, OFF_GRID, POSITIVE, REAL, Domain, special
from ..drawing.shapes import broadcast, draw_broadcastable
from ..programs.promotion import result_dtype
from . import NUMERIC, operator
from .arguments import Drawn, binary, custom, divided, draw_scalar, matrix_product, promoted

if TYPE_CHECKING:
    from ..drawing.build import Builder

METHOD = ("method",)
INPLACE = ("function", "method", "inplace")


def _reflected(domain: Domain, other: Domain = REAL, infer: Any = promoted, tensors: int = 1) -> Any:
    """The right operand, and the left one: a number, or in `tensors` of three draws a tensor."""

    def draw(b: Builder) -> Drawn:
        x = b.operand(domain=domain)
        if b.choose(3) >= tensors:
            return (x, draw_scalar(b, other)), {}
        return (x, b.operand(draw_broadcastable(b.source, x.shape), domain=other)), {}

    return custom(draw, infer, METHOD)


operator("__radd__", _reflected(REAL), dtypes=NUMERIC, exact=True)
operator("__rmul__", _reflected(REAL), dtypes=NUMERIC, exact=True)
operator("__rsub__", _reflected(REAL), dtypes=NUMERIC, exact=True)
operator("__rdiv__", _reflected(NONZERO, REAL, divided), dtypes=NUMERIC, kinks=special(0.0), graph="free")
operator("__rpow__", _reflected(REAL, POSITIVE), kinks=special(0.0, 1.0))
# PyTorch has no derivative of a number's remainder.
operator("__rmod__", _reflected(NONZERO, OFF_GRID, tensors=2), jumps=True)
operator("__rfloordiv__", _reflected(NONZERO, OFF_GRID), jumps=True, differentiable=False)


def _matrices(b: Builder) -> Drawn:
    args, attrs = matrix_product((1, 4), (1, 4)).draw(b)
    return args[::-1], attrs


def _product_shape(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    c, a = args[0].shape, args[1].shape
    batch = broadcast(a[:-2], c[:-2])
    return (((*batch, *a[-2:-1], *(c[-1:] if len(c) > 1 else ())), result_dtype(*args)),)


operator("__rmatmul__", custom(_matrices, _product_shape, METHOD), dtypes=NUMERIC, contraction=True, graph="free")
operator("rsub", binary(alpha=(1, 2, -3), forms=("function",)), dtypes=NUMERIC, exact=True)
operator(
    "true_divide", binary(REAL, NONZERO, infer=divided, forms=INPLACE), dtypes=NUMERIC, kinks=special(0.0),
)  # fmt: skip
