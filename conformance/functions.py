"""Custom Functions by name: the forward and backward of each rule, on any engine of torch's kind.

Plain functions, without lambdas: a script prints their source.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


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


def nothing(ctx: Any, g: Any) -> Any:
    return None


def twice_and_thrice(ctx: Any, x: Any) -> Any:
    return x * 2, x * 3


def twice_and_thrice_back(ctx: Any, g: Any, h: Any) -> Any:
    return g * 2 + h * 3


def two_gradients(ctx: Any, g: Any) -> Any:
    return g, g


def seven_elements(ctx: Any, g: Any) -> Any:
    return g.reshape(-1)[:1].expand(7)


def as_is(ctx: Any, x: Any) -> Any:
    return x


def seen_whole(ctx: Any, x: Any) -> Any:
    return x.view_as(x)


RULES: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "square": (square, square_back),
    "product": (product, product_back),
    "triple_gradient": (once, triple),
    "no_gradient": (once, nothing),
    "two_outputs": (twice_and_thrice, twice_and_thrice_back),
    "too_many": (once, two_gradients),
    "wrong_shape": (once, seven_elements),
    "input_as_is": (as_is, triple),
    "view_of_input": (seen_whole, triple),
}


def class_name(rule: str) -> str:
    return rule.title().replace("_", "")


def source(rule: str) -> list[str]:
    """Lines that define the rule's class, for a script."""
    texts = [inspect.getsource(part).replace(": Any", "").replace(" -> Any", "") for part in RULES[rule]]
    forward, backward = (part.__name__ for part in RULES[rule])
    name = class_name(rule)
    members = f"{{'forward': staticmethod({forward}), 'backward': staticmethod({backward})}}"
    defined = [line for text in texts for line in text.splitlines()]
    return [*defined, f"{name} = type('{name}', (torch.autograd.Function,), {members})"]
