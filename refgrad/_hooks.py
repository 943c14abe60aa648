"""When hooks run, around a node's turn in a backward: on the cotangents of its outputs, the store of retained
gradients, before the node, after it; on a leaf, before and after accumulation.

Source: notes/autograd, "Backward hooks execution"; observed order: tensor hooks, retain_grad, pre-hooks, node,
post-hooks. Hooks see Tensors, and may return a replacement of the same shape and dtype.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ._dtypes import OF_ARRAY
from ._errors import tensor_type
from ._graph import AccumulateGrad, Node
from ._interpreters import LIVE
from ._modes import state
from ._tensor import Tensor, plain, resolved


def shown(g: Any) -> Tensor | None:
    """A cotangent as a hook sees it: a seed is the user's own tensor."""
    if g is None or isinstance(g, Tensor):
        return g
    executing = state.executing
    return executing[-1].owners.tensor(g) if executing else plain(g)


def taken(g: Tensor | None, live: bool) -> Any:
    """A hook's cotangent as the engine keeps it."""
    return g if g is None or live else resolved(g)


def run_tensor_hooks(node: Node, slots: list[Any], live: bool) -> list[Any]:
    """The hooks on the cotangents, then the store of retained gradients: also where the node itself does not run."""
    if type(node) is AccumulateGrad:
        rare = node.variable._extra
        if rare is not None and rare.hooks:
            slots[0] = _tensor_hooks(rare.hooks, slots[0], live)
    hooks = node.hooks
    if hooks is None:
        return slots
    for nr, registered in hooks.tensor.items():
        slots[nr] = _tensor_hooks(registered, slots[nr], live)
    for nr, reference in hooks.retains.items():
        _retain(reference(), slots[nr], live)
    return slots


def run_pre_hooks(node: Node, slots: list[Any], live: bool) -> list[Any]:
    """The node's own pre-hooks; each may replace the cotangents."""
    assert node.hooks is not None
    for hook in list(node.hooks.pre.values()):
        grads = tuple([shown(g) for g in slots])
        found = hook(grads)
        if found is not None:
            slots = [taken(g, live) for g in checked_tuple(hook, grads, found)]
    return slots


def _tensor_hooks(registered: Any, g: Any, live: bool) -> Any:
    for hook in list(registered.values()):
        before = shown(g)
        found = hook(before)
        if found is not None:
            check_replacement(hook, before, found)
            g = taken(found, live)
    return g


def _retain(t: Tensor | None, g: Any, live: bool) -> None:
    """Stores or adds the gradient of a non-leaf that asked for it."""
    if t is None or g is None:
        return
    if t._grad is None:
        t._grad = LIVE.contiguous_copy(g) if live else plain(g.copy(order="C"))
    else:
        t._grad = LIVE.add(t._grad, shown(g))


def run_post_hooks(node: Node, slots: list[Any], results: tuple[Any, ...], live: bool) -> tuple[Any, ...]:
    """The node's post-hooks; each may replace the input cotangents."""
    assert node.hooks is not None
    outputs = tuple([shown(g) for g in slots])
    for hook in list(node.hooks.post.values()):
        grads = tuple([shown(g) for g in results])
        found = hook(grads, outputs)
        if found is not None:
            results = tuple([taken(g, live) for g in checked_tuple(hook, grads, found)])
    return results


def checked_tuple(hook: Callable[..., Any], before: tuple[Any, ...], found: Any) -> tuple[Any, ...]:
    """What a node's hook returned, checked entry by entry."""
    if not isinstance(found, tuple):
        raise TypeError(f"expected tuple, but hook returned '{type(found).__name__}'")
    if len(found) != len(before):
        raise RuntimeError(
            f"hook '{name_of(hook)}' has returned an incorrect number of values (got {len(found)}, but expected "
            f"{len(before)})"
        )
    for old, new in zip(before, found):
        check_replacement(hook, old, new)
    return found


def check_replacement(hook: Callable[..., Any], before: Tensor | None, found: Any) -> None:
    """Raises for a replacement that is no tensor or has another dtype or shape."""
    if found is None:
        return
    if before is None:
        raise RuntimeError("can't replace a None gradient with a non-None value")
    if not isinstance(found, Tensor):
        raise TypeError(f"expected Variable, but hook returned '{type(found).__name__}'")
    if found._array.dtype != before._array.dtype:
        old, new = tensor_type(OF_ARRAY[before._array.dtype]), tensor_type(OF_ARRAY[found._array.dtype])
        raise RuntimeError(f"hook '{name_of(hook)}' has changed the type of value (was {old} got {new})")
    if found._array.shape != before._array.shape:
        raise RuntimeError(f"hook '{name_of(hook)}' has changed the size of value")


def name_of(hook: Callable[..., Any]) -> str:
    """The hook's name in a message."""
    return getattr(hook, "__name__", "<unknown>")
