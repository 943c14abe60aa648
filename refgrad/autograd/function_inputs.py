"""The arguments of a custom Function's call: bound to forward's signature, and turned into edges of its node."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from .._graph import gradient_edge
from .._modes import local
from .._tensor import Tensor
from .context import BackwardCFunction


def bind_defaults(forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """All arguments of a forward without ctx, by position, its defaults filled in."""
    bound = inspect.signature(forward).bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.args


def bind(forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """Keyword arguments of a forward with ctx put in their positions; none may be left out before them."""
    if not kwargs:
        return args
    names = list(inspect.signature(forward).parameters)[1:]
    bound, left = list(args), dict(kwargs)
    for k, name in enumerate(names[len(args) :]):
        if not left:
            break
        if name not in left:
            raise TypeError(f"forward() missing required argument: '{name}' (position {len(args) + k})")
        bound.append(left.pop(name))
    if left:
        raise TypeError(f"forward() got an unexpected keyword argument '{next(iter(left))}'")
    return tuple(bound)


def open_node(node_class: type[BackwardCFunction], args: tuple[Any, ...]) -> tuple[BackwardCFunction, bool]:
    """A node for a call, and whether the call is to be recorded."""
    me = local.me
    node = node_class()
    tensors = [a for a in args if isinstance(a, Tensor)]
    node.is_tensor = tuple([isinstance(a, Tensor) for a in args])
    node.needs_input_grad = tuple([isinstance(a, Tensor) and a.requires_grad for a in args])
    is_recorded = me.grad and any(node.needs_input_grad)
    if is_recorded:
        node.edges = tuple([gradient_edge(t) for t in tensors])
    node.sequence = me.sequence
    me.sequence += 1
    return node, is_recorded
