"""Function transforms of a region on an engine that has a vjp, and perhaps a jvp and others of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .functional import Functional

Function = Callable[..., Any]
Options = dict[str, Any]


def transform(engine: Functional, kind: str, function: Function, args: tuple[Any, ...], options: Options) -> Any:
    """What a Transform step gives, in the form that ``torch.func`` gives it in."""
    own = engine.transforms.get(kind)
    if own is not None:
        return own(function, **options)(*args)
    if kind not in _KINDS:
        raise NotImplementedError(f"a {kind} of a function")
    return _KINDS[kind](engine, function, args, options)


def _packed(function: Function) -> Function:
    """The function with a tuple of results, however many."""

    def packed(*args: Any) -> tuple[Any, ...]:
        found = function(*args)
        return found if isinstance(found, tuple) else (found,)

    return packed


def _vjp(engine: Functional, function: Function, args: tuple[Any, ...], options: Options) -> Any:
    return (function(*args), *engine.vjp(_packed(function), args, options["cotangents"]))


def _jvp(engine: Functional, function: Function, args: tuple[Any, ...], options: Options) -> Any:
    if engine.jvp is None:
        raise NotImplementedError("forward mode")
    outputs, tangents = engine.jvp(_packed(function), args, options["tangents"])
    return (tuple(outputs), tuple(tangents)) if len(outputs) > 1 else (outputs[0], tangents[0])


def _grad(engine: Functional, function: Function, args: tuple[Any, ...], options: Options) -> Any:
    """The gradient of a function of one element: by one argument, or a tuple of them."""
    wanted = options.get("argnums", 0)
    places = wanted if isinstance(wanted, tuple) else (wanted,)

    def chosen(*values: Any) -> tuple[Any, ...]:
        inside = list(args)
        for place, value in zip(places, values):
            inside[place] = value
        return (function(*inside),)

    found = engine.vjp(chosen, tuple(args[place] for place in places), (function(*args) * 0 + 1,))
    return tuple(found) if isinstance(wanted, tuple) else found[0]


_KINDS: dict[str, Callable[..., Any]] = {
    "vjp": _vjp,
    "jvp": _jvp,
    "grad": _grad,
}
