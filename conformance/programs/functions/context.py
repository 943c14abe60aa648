"""Rules about the context: what is saved, what backward is told, and class attributes."""

from __future__ import annotations

from typing import Any

from .plain import once, square, square_back, triple, twice_and_thrice
from .rule import Rule


def save_mixture(ctx: Any, x: Any, y: Any) -> Any:
    ctx.save_for_backward(y, None, x, x * 2)
    return x * y


def save_mixture_back(ctx: Any, g: Any) -> Any:
    y, gap, x, double = ctx.saved_tensors
    return g * (y if gap is None else double), g * (double - x)


def save_number(ctx: Any, x: Any) -> Any:
    ctx.save_for_backward(3)
    return x * 1


def save_text_second(ctx: Any, x: Any) -> Any:
    ctx.save_for_backward(x, "text")
    return x * 1


def attributes(ctx: Any, x: Any, factor: Any) -> Any:
    ctx.factor, ctx.shape, ctx.table = factor, tuple(x.shape), {"power": 2}
    ctx.save_for_backward(x)
    return x ** ctx.table["power"] * factor


def attributes_back(ctx: Any, g: Any) -> Any:
    (x,) = ctx.saved_tensors
    return (g * x * ctx.factor * ctx.table["power"]).reshape(ctx.shape), None


def save_twice(ctx: Any, x: Any, y: Any) -> Any:
    ctx.save_for_backward(x, y)
    ctx.save_for_backward(y)
    return x * y


def save_twice_back(ctx: Any, g: Any) -> Any:
    count = len(ctx.saved_tensors)
    return g * ctx.saved_tensors[0] * count, g * count


def save_result(ctx: Any, x: Any) -> Any:
    y = x.exp()
    ctx.save_for_backward(y)
    return y


def save_result_back(ctx: Any, g: Any) -> Any:
    (y,) = ctx.saved_tensors
    return g * y


def needs(ctx: Any, x: Any, factor: Any, y: Any) -> Any:
    return x * factor + y


def needs_back(ctx: Any, g: Any) -> Any:
    code = sum(2**i * (need is True) for i, need in enumerate(ctx.needs_input_grad))
    return g * code, None, g * code


def two_or_none(ctx: Any, x: Any) -> Any:
    ctx.set_materialize_grads(False)
    return x * 2, x * 3


def two_or_none_back(ctx: Any, g: Any, h: Any) -> Any:
    if g is None and h is None:
        return None
    return h * 3 + 100 if g is None else g * 2 + 10 if h is None else g * 2 + h * 3


def two_zeros_back(ctx: Any, g: Any, h: Any) -> Any:
    return g * 2 + h * 3 + (g.shape == h.shape) + 10 * (g.dtype == h.dtype)


def unasked(ctx: Any, x: Any) -> Any:
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(x)
    return x * 2


def unasked_back(ctx: Any, g: Any) -> Any:
    (x,) = ctx.saved_tensors
    return x * 5 if g is None else x * 7


def materialized_back(ctx: Any, g: Any) -> Any:
    return g * 2 + 1


def read_twice(ctx: Any, g: Any) -> Any:
    (x,) = ctx.saved_tensors
    return g * x + g * ctx.saved_tensors[0]


def boxed(ctx: Any, grads: Any) -> Any:
    (x,) = ctx.saved_tensors
    g = grads.pop()
    return g * 2 * x + len(grads)


RULES = {
    "save_mixture": Rule(save_mixture, save_mixture_back),
    "save_number": Rule(save_number, triple),
    "save_text_second": Rule(save_text_second, triple),
    "attributes": Rule(attributes, attributes_back),
    "save_twice": Rule(save_twice, save_twice_back),
    "save_result": Rule(save_result, save_result_back),
    "needs": Rule(needs, needs_back),
    "none_for_missing": Rule(two_or_none, two_or_none_back),
    "zeros_for_missing": Rule(twice_and_thrice, two_zeros_back),
    "unasked": Rule(unasked, unasked_back),
    "unasked_zeros": Rule(once, materialized_back),
    "clears_saved": Rule(square, read_twice, flags=("clear_saved_tensors_on_access",)),
    "clears_saved_once": Rule(square, square_back, flags=("clear_saved_tensors_on_access",)),
    "boxed": Rule(square, boxed, flags=("boxed_grads_call",)),
}
