"""Rules that keep the contract: products, several outputs, options, and what forward can see."""

from __future__ import annotations

from typing import Any

from .rule import Rule


def square(ctx: Any, x: Any) -> Any:
    ctx.save_for_backward(x)
    return x * x


def square_back(ctx: Any, g: Any) -> Any:
    (x,) = ctx.saved_tensors
    return g * 2 * x


def product(ctx: Any, x: Any, y: Any) -> Any:
    ctx.save_for_backward(x, y)
    return x * y


def product_back(ctx: Any, g: Any) -> Any:
    x, y = ctx.saved_tensors
    return g * y, g * x


def once(ctx: Any, x: Any) -> Any:
    return x * 1


def triple(ctx: Any, g: Any) -> Any:
    return g * 3


def twice_and_thrice(ctx: Any, x: Any) -> Any:
    return x * 2, x * 3


def twice_and_thrice_back(ctx: Any, g: Any, h: Any) -> Any:
    return g * 2 + h * 3


def three_of_two(ctx: Any, x: Any, y: Any) -> Any:
    ctx.save_for_backward(x, y)
    return x * y, x + y, x - 2 * y


def three_of_two_back(ctx: Any, g: Any, h: Any, k: Any) -> Any:
    x, y = ctx.saved_tensors
    return g * y + h + k, g * x + h - 2 * k


def untracked(ctx: Any, x: Any) -> Any:
    return x * (5 if (x * 2).requires_grad else 2)


def seen_flags(ctx: Any, x: Any) -> Any:
    return x * (2 + 4 * x.requires_grad + 8 * x.is_leaf + 16 * (x.grad_fn is None))


def nested(ctx: Any, x: Any, rest: Any) -> Any:
    total = x
    for part in rest:
        total = total * part
    return total


def nested_back(ctx: Any, g: Any) -> Any:
    return g * 2, None


def scaled(ctx: Any, x: Any, factor: Any = 2, name: Any = None, extra: Any = ()) -> Any:
    ctx.factor = factor + len(extra)
    return x * ctx.factor


def scaled_back(ctx: Any, g: Any) -> Any:
    return g * ctx.factor, None, None, None


def scaled_last(ctx: Any, name: Any, factor: Any, x: Any) -> Any:
    ctx.factor = factor
    return x * factor


def scaled_last_back(ctx: Any, g: Any) -> Any:
    return None, None, g * ctx.factor


def identity(ctx: Any, x: Any) -> Any:
    return x


def seen_whole(ctx: Any, x: Any) -> Any:
    return x.view_as(x)


def inner_graph(ctx: Any, x: Any) -> Any:
    with torch.enable_grad():
        return (x * x).sin() * 2


def two_times(ctx: Any, g: Any) -> Any:
    return g * 2


torch: Any = None
"""Bound to the engine where a rule runs."""

RULES = {
    "square": Rule(square, square_back),
    "product": Rule(product, product_back),
    "triple_gradient": Rule(once, triple),
    "two_outputs": Rule(twice_and_thrice, twice_and_thrice_back),
    "three_outputs": Rule(three_of_two, three_of_two_back),
    "untracked": Rule(untracked, two_times),
    "seen_flags": Rule(seen_flags, two_times),
    "nested": Rule(nested, nested_back),
    "scaled": Rule(scaled, scaled_back),
    "scaled_last": Rule(scaled_last, scaled_last_back),
    "identity": Rule(identity, two_times),
    "view_of_input": Rule(seen_whole, two_times),
    "inner_graph": Rule(inner_graph, triple),
}
