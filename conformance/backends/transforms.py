"""Function transforms and custom Functions on a torch-like module."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..programs import program as p
from ..programs.functions import RULES, bound, class_name

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


def _jvp_of_vjp(ns: Any, function: Any, args: Any, options: dict[str, Any]) -> Any:
    """Forward over reverse: how the gradients change along the tangents."""
    return ns.func.jvp(lambda *xs: _vjp(ns, function, xs, options)[1:], args, options["tangents"])[1]


def _vjp_of_jvp(ns: Any, function: Any, args: Any, options: dict[str, Any]) -> Any:
    """Reverse over forward: the gradients of the derivative along the tangents."""
    return _vjp(ns, lambda *xs: _jvp(ns, function, xs, options)[1], args, options)[1:]


def _checkpoint(ns: Any, function: Any, args: Any, options: dict[str, Any]) -> Any:
    from importlib import import_module

    module = import_module(f"{ns.__name__}.utils.checkpoint")
    return module.checkpoint(function, *args, **options)


def _function(ns: Any, function: Any, args: Any, options: dict[str, Any]) -> Any:
    keywords = {name: value for name, value in options.items() if name != "rule"}
    return custom_function(ns, options["rule"]).apply(*args, **keywords)


_KINDS: dict[str, Callable[[Any, Any, Any, dict[str, Any]], Any]] = {
    "grad": _derivative("grad"),
    "vmap": _derivative("vmap"),
    "jacrev": _derivative("jacrev"),
    "jacfwd": _derivative("jacfwd"),
    "hessian": _derivative("hessian"),
    "vjp": _vjp,
    "jvp": _jvp,
    "jvp_of_vjp": _jvp_of_vjp,
    "vjp_of_jvp": _vjp_of_jvp,
    "checkpoint": _checkpoint,
    "function": _function,
}


def custom_function(ns: Any, rule: str) -> Any:
    """An autograd.Function of the engine with the methods of a named rule."""
    stated = RULES[rule]
    members: dict[str, Any] = {name: bound(method, ns) for name, method in stated.methods()}
    if stated.once:
        members["backward"] = ns.autograd.function.once_differentiable(members["backward"])
    members = {name: staticmethod(method) for name, method in members.items()}
    return type(class_name(rule), (ns.autograd.Function,), {**members, **dict.fromkeys(stated.flags, True)})
