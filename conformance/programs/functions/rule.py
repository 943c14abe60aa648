"""A custom Function as plain functions: what a rule may define."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FunctionType
from typing import Any, cast

Method = Callable[..., Any]
METHODS = ("forward", "setup_context", "backward", "vjp", "jvp", "vmap")


@dataclass(frozen=True, slots=True)
class Rule:
    """The methods of a custom Function, by their names in torch. ``once``: backward is once_differentiable. ``flags``:
    class attributes that are True. Methods may use the name ``torch``: it is the engine's namespace."""

    forward: Method
    backward: Method | None = None
    setup_context: Method | None = None
    vjp: Method | None = None
    jvp: Method | None = None
    vmap: Method | None = None
    once: bool = False
    flags: tuple[str, ...] = ()

    def methods(self) -> Iterator[tuple[str, Method]]:
        """The methods that the rule has."""
        for name in METHODS:
            method = getattr(self, name)
            if method is not None:
                yield name, method


def bound(method: Method, ns: Any) -> Method:
    """The method with the engine's namespace as its global ``torch``."""
    plain = cast(FunctionType, method)
    return FunctionType(plain.__code__, {**plain.__globals__, "torch": ns}, plain.__name__, plain.__defaults__)
