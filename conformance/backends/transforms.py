"""Function transforms and custom Functions on a torch-like module."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import program as p

if TYPE_CHECKING:
    from .run import Run


def transform(run: Run, step: p.Transform) -> Any:
    """Runs a Transform step."""
    options = {name: run.resolve(value) for name, value in step.options}
    args = run.resolve(step.args)
    captures = run.resolve(step.captures)
    function = None if step.region is None else run.function(step.region, captures)
    return _KINDS[step.kind](run.ns, function, args, options)


def _derivative(name: str) -> Callable[[Any, Any, Any, dict[str, Any]], Any]:
    def apply(ns: Any, function: Any, args: Any, options: dict[str, Any]) -> Any:
        return getattr(ns.func, name)(function, **options)(*args)

    return apply


def _vjp(ns: Any, function: Any, args: Any, options: dict[str, Any]) -> Any:
    cotangents = options["cotangents"]
    output, pull = ns.func.vjp(function, *args)
    return (output, *pull(cotangents[0] if len(cotangents) == 1 else cotangents))


def _jvp(ns: Any, function: Any, args: Any, options: dict[str, Any]) -> Any:
    return ns.func.jvp(function, args, options["tangents"])


def _checkpoint(ns: Any, function: Any, args: Any, options: dict[str, Any]) -> Any:
    from importlib import import_module

    module = import_module(f"{ns.__name__}.utils.checkpoint")
    return module.checkpoint(function, *args, **options)


def _function(ns: Any, function: Any, args: Any, options: dict[str, Any]) -> Any:
    return custom_function(ns, options["rule"]).apply(*args)


_KINDS: dict[str, Callable[[Any, Any, Any, dict[str, Any]], Any]] = {
    "grad": _derivative("grad"),
    "vmap": _derivative("vmap"),
    "jacrev": _derivative("jacrev"),
    "jacfwd": _derivative("jacfwd"),
    "hessian": _derivative("hessian"),
    "vjp": _vjp,
    "jvp": _jvp,
    "checkpoint": _checkpoint,
    "function": _function,
}


def _square(ctx: Any, x: Any) -> Any:
    ctx.save_for_backward(x)
    return x * x


def _square_back(ctx: Any, g: Any) -> Any:
    (x,) = ctx.saved_tensors
    return g * 2 * x


def _scaled_identity(ctx: Any, x: Any) -> Any:
    return x * 1


def _product(ctx: Any, x: Any, y: Any) -> Any:
    ctx.save_for_backward(x, y)
    return x * y


def _product_back(ctx: Any, g: Any) -> Any:
    x, y = ctx.saved_tensors
    return g * y, g * x


def _two_outputs(ctx: Any, x: Any) -> Any:
    return x * 2, x * 3


FUNCTION_RULES: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "square": (_square, _square_back),
    "product": (_product, _product_back),
    "triple_gradient": (_scaled_identity, lambda ctx, g: g * 3),
    "no_gradient": (_scaled_identity, lambda ctx, g: None),
    "two_outputs": (_two_outputs, lambda ctx, g, h: g * 2 + h * 3),
    "too_many": (_scaled_identity, lambda ctx, g: (g, g)),
    "wrong_shape": (_scaled_identity, lambda ctx, g: g.reshape(-1)[:1].expand(7)),
}


def custom_function(ns: Any, rule: str) -> Any:
    """An autograd.Function of the engine with the forward and backward of a named rule."""
    forward, backward = FUNCTION_RULES[rule]
    members = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type(rule.title().replace("_", ""), (ns.autograd.Function,), members)
