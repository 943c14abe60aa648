"""Rules with a jvp, and with a vmap rule."""

from __future__ import annotations

from typing import Any

from .rule import Rule

torch: Any = None
"""Bound to the engine where a rule runs."""


def times(x: Any, y: Any, factor: Any) -> Any:
    return x * y * factor


def times_setup(ctx: Any, inputs: Any, output: Any) -> Any:
    x, y, ctx.factor = inputs
    ctx.save_for_backward(x, y)
    ctx.save_for_forward(x, y)


def times_back(ctx: Any, g: Any) -> Any:
    x, y = ctx.saved_tensors
    return g * y * ctx.factor, g * x * ctx.factor, None


def times_jvp(ctx: Any, tx: Any, ty: Any, factor: Any) -> Any:
    x, y = ctx.saved_tensors
    return (tx * y + ty * x) * (ctx.factor if factor is None else 0)


def none_setup(ctx: Any, inputs: Any, output: Any) -> Any:
    ctx.set_materialize_grads(False)
    x, y, ctx.factor = inputs
    ctx.save_for_backward(x, y)
    ctx.save_for_forward(x, y)


def none_jvp(ctx: Any, tx: Any, ty: Any, factor: Any) -> Any:
    x, y = ctx.saved_tensors
    if tx is None:
        return ty * x * 10
    return tx * y * 100 if ty is None else tx * y + ty * x


def two_times_plain(x: Any) -> Any:
    return x * 2


def no_setup(ctx: Any, inputs: Any, output: Any) -> Any:
    pass


def two_times_back(ctx: Any, g: Any) -> Any:
    return g * 2


def two_tangents(ctx: Any, t: Any) -> Any:
    return t * 2, t


def turned(x: Any) -> Any:
    return x.view(-1)


def turned_setup(ctx: Any, inputs: Any, output: Any) -> Any:
    ctx.shape = inputs[0].shape


def turned_back(ctx: Any, g: Any) -> Any:
    return g.view(ctx.shape)


def turned_jvp(ctx: Any, t: Any) -> Any:
    return t.view(-1)


def copied_jvp(ctx: Any, t: Any) -> Any:
    return t.reshape(-1) * 1


def doubled(x: Any) -> Any:
    return x.mul_(2)


def dirty_setup(ctx: Any, inputs: Any, output: Any) -> Any:
    ctx.mark_dirty(inputs[0])


def doubled_jvp(ctx: Any, t: Any) -> Any:
    return t.mul_(2)


def doubled_aside_jvp(ctx: Any, t: Any) -> Any:
    return t * 2


def times_vmap(info: Any, in_dims: Any, x: Any, y: Any, factor: Any) -> Any:
    first = x if in_dims[0] is None else x.movedim(in_dims[0], 0)
    second = y if in_dims[1] is None else y.movedim(in_dims[1], 0)
    right = info.randomness == "error" and in_dims[2] is None
    return first * second * (factor * info.batch_size if right else 0), 0


RULES = {
    "times": Rule(times, times_back, times_setup, jvp=times_jvp),
    "times_or_none": Rule(times, times_back, none_setup, jvp=none_jvp),
    "times_without_jvp": Rule(times, times_back, times_setup),
    "two_tangents": Rule(two_times_plain, two_times_back, no_setup, jvp=two_tangents),
    "turned": Rule(turned, turned_back, turned_setup, jvp=turned_jvp),
    "turned_copying": Rule(turned, turned_back, turned_setup, jvp=copied_jvp),
    "doubled": Rule(doubled, two_times_back, dirty_setup, jvp=doubled_jvp),
    "doubled_aside": Rule(doubled, two_times_back, dirty_setup, jvp=doubled_aside_jvp),
    "times_generated": Rule(times, times_back, times_setup, jvp=times_jvp, flags=("generate_vmap_rule",)),
    "times_vmapped": Rule(times, times_back, times_setup, vmap=times_vmap),
    "times_ambiguous": Rule(times, times_back, times_setup, vmap=times_vmap, flags=("generate_vmap_rule",)),
}
