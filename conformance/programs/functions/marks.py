"""Rules that mark tensors: written in place, not differentiable, returned as they came."""

from __future__ import annotations

from typing import Any

from .plain import two_times
from .rule import Rule


def double_in_place(ctx: Any, x: Any) -> Any:
    ctx.mark_dirty(x)
    return x.mul_(2)


def square_in_place(ctx: Any, x: Any) -> Any:
    ctx.save_for_backward(x.clone())
    ctx.mark_dirty(x)
    return x.mul_(x.clone())


def square_in_place_back(ctx: Any, g: Any) -> Any:
    (x,) = ctx.saved_tensors
    return g * 2 * x


def dirty_unreturned(ctx: Any, x: Any) -> Any:
    ctx.mark_dirty(x)
    return x.mul_(2) + 1


def second_marked(ctx: Any, x: Any) -> Any:
    constant = x * 3
    ctx.mark_non_differentiable(constant)
    return x * 2, constant


def second_marked_back(ctx: Any, g: Any, h: Any) -> Any:
    return g * 2 + h + (h.shape == g.shape)


def both_marked(ctx: Any, x: Any) -> Any:
    y, z = x * 2, x * 3
    ctx.mark_non_differentiable(y, z)
    return y, z


RULES = {
    "double_in_place": Rule(double_in_place, two_times),
    "square_in_place": Rule(square_in_place, square_in_place_back),
    "dirty_unreturned": Rule(dirty_unreturned, two_times),
    "second_marked": Rule(second_marked, second_marked_back),
    "both_marked": Rule(both_marked, second_marked_back),
}
