"""Rules for higher orders: backward once differentiable, intermediates saved, Functions within backward."""

from __future__ import annotations

from typing import Any

from .plain import once, product, product_back, square, square_back, triple
from .rule import Rule

torch: Any = None
"""Bound to the engine where a rule runs."""


def exp_squared(ctx: Any, x: Any) -> Any:
    inner = x.exp()
    ctx.save_for_backward(inner)
    return inner * inner


def exp_squared_back(ctx: Any, g: Any) -> Any:
    (inner,) = ctx.saved_tensors
    return g * 2 * inner * inner


def with_intermediate(ctx: Any, x: Any) -> Any:
    inner = x.exp()
    ctx.save_for_backward(inner)
    return inner * inner, inner


def with_intermediate_back(ctx: Any, g: Any, h: Any) -> Any:
    (inner,) = ctx.saved_tensors
    return (g * 2 * inner + h) * inner


def cube(ctx: Any, x: Any) -> Any:
    ctx.save_for_backward(x)
    return x * x * x


def cube_back(ctx: Any, g: Any) -> Any:
    (x,) = ctx.saved_tensors
    return g * 3 * x * x


def cube_through_square(ctx: Any, g: Any) -> Any:
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * 2 * x

    (x,) = ctx.saved_tensors
    return g * 3 * Square.apply(x)


RULES = {
    "once_square": Rule(square, square_back, once=True),
    "once_product": Rule(product, product_back, once=True),
    "once_triple": Rule(once, triple, once=True),
    "saved_intermediate": Rule(exp_squared, exp_squared_back),
    "intermediate_output": Rule(with_intermediate, with_intermediate_back),
    "cube": Rule(cube, cube_back),
    "cube_through_square": Rule(cube, cube_through_square),
}
