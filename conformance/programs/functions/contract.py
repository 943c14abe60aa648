"""Rules about what forward and backward return: how many, of what type, shape and dtype."""

from __future__ import annotations

from typing import Any

from .plain import identity, once, product, scaled, scaled_last, triple, two_times
from .rule import Rule

torch: Any = None
"""Bound to the engine where a rule runs."""


def nothing(ctx: Any, g: Any) -> Any:
    return None


def two_gradients(ctx: Any, g: Any) -> Any:
    return g, g


def late_gradient(ctx: Any, g: Any) -> Any:
    return g, None, g


def trailing_nones(ctx: Any, g: Any) -> Any:
    return g * 2, None, None


def seven_elements(ctx: Any, g: Any) -> Any:
    return g.reshape(-1)[:1].expand(7)


def one_element(ctx: Any, g: Any) -> Any:
    return g.reshape(-1)[:1]


def one_gradient(ctx: Any, g: Any) -> Any:
    return g * 2


def first_only(ctx: Any, g: Any) -> Any:
    return g * 2, None


def factor_too(ctx: Any, g: Any) -> Any:
    return g * ctx.factor, g, None, None


def name_too(ctx: Any, g: Any) -> Any:
    return g, None, g * ctx.factor


def stacked(ctx: Any, g: Any) -> Any:
    return (g * 2).expand(3, *g.shape)


def total(ctx: Any, x: Any, y: Any) -> Any:
    return x + y


def total_back(ctx: Any, g: Any) -> Any:
    return g, g * 2


def wider(ctx: Any, g: Any) -> Any:
    return g.to(torch.float64) * 2


def narrower(ctx: Any, g: Any) -> Any:
    return g.to(torch.float16) * 2


def number(ctx: Any, g: Any) -> Any:
    return 1


def fraction(ctx: Any, g: Any) -> Any:
    return 2.5


def text(ctx: Any, g: Any) -> Any:
    return "gradient"


def listed(ctx: Any, x: Any) -> Any:
    return [x * 2, x * 3]


def with_plain(ctx: Any, x: Any) -> Any:
    return x * 2, 7, "text"


def with_plain_back(ctx: Any, g: Any, number: Any, text: Any) -> Any:
    return g * (2 if number is None and text is None else 5)


def with_long(ctx: Any, x: Any) -> Any:
    return x * 2, x.sign().to(torch.int64)


def with_bool(ctx: Any, x: Any) -> Any:
    return x > 0, x * 2


def integer_back(ctx: Any, g: Any, h: Any) -> Any:
    return g * (2 + 8 * h.is_floating_point() + 16 * (h.dtype is torch.int64)) + h.sum()


def bool_back(ctx: Any, h: Any, g: Any) -> Any:
    return g * (2 + 8 * h.is_floating_point() + 16 * (h.dtype is torch.bool)) + h.sum()


def same_twice(ctx: Any, x: Any) -> Any:
    y = x * 2
    return y, y


def same_twice_back(ctx: Any, g: Any, h: Any) -> Any:
    return g * 10 + h


def written(ctx: Any, g: Any) -> Any:
    return g.mul_(2)


def plain_twice(x: Any) -> Any:
    return x * 2


def one_tuple(x: Any) -> Any:
    return (x * 2,)


def count_outputs(ctx: Any, inputs: Any, output: Any) -> Any:
    ctx.factor = 2 + 10 * len(inputs) + 100 * (len(output) if isinstance(output, tuple) else 0)


def counted(ctx: Any, g: Any) -> Any:
    return g * ctx.factor


RULES = {
    "no_gradient": Rule(once, nothing),
    "too_many": Rule(once, two_gradients),
    "late_gradient": Rule(once, late_gradient),
    "trailing_nones": Rule(once, trailing_nones),
    "wrong_shape": Rule(once, seven_elements),
    "one_element": Rule(once, one_element),
    "too_few": Rule(product, one_gradient),
    "too_few_options": Rule(scaled, first_only),
    "first_only": Rule(product, first_only),
    "factor_gradient": Rule(scaled, factor_too),
    "name_gradient": Rule(scaled_last, name_too),
    "stacked_gradient": Rule(once, stacked),
    "broadcast_total": Rule(total, total_back),
    "wider_gradient": Rule(once, wider),
    "narrower_gradient": Rule(once, narrower),
    "number_gradient": Rule(once, number),
    "fraction_gradient": Rule(once, fraction),
    "text_gradient": Rule(once, text),
    "no_backward": Rule(once),
    "vjp_alias": Rule(once, vjp=triple),
    "both_backward_and_vjp": Rule(once, backward=two_times, vjp=triple),
    "list_outputs": Rule(listed, total_back),
    "plain_outputs": Rule(with_plain, with_plain_back),
    "integer_output": Rule(with_long, integer_back),
    "bool_output": Rule(with_bool, bool_back),
    "same_twice": Rule(same_twice, same_twice_back),
    "written_gradient": Rule(once, written),
    "identity_no_gradient": Rule(identity, nothing),
    "set_up": Rule(plain_twice, counted, setup_context=count_outputs),
    "set_up_one_tuple": Rule(one_tuple, counted, setup_context=count_outputs),
}
