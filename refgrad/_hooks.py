"""When hooks run, around a node's turn in a backward: on the cotangents of its outputs, the store of retained
gradients, before the node, after it; on a leaf, before and after accumulation.

Source: notes/autograd, "Backward hooks execution"; observed order: tensor hooks, retain_grad, pre-hooks, node,
post-hooks. Hooks see Tensors, and may return a replacement.
"""

from __future__ import annotations

from typing import Any

from ._graph import AccumulateGrad, Node
from ._tensor import Tensor, plain, resolved


def shown(g: Any) -> Tensor | None:
    """A cotangent as a hook sees it."""
    return g if g is None or isinstance(g, Tensor) else plain(g)


def taken(g: Tensor | None, live: bool) -> Any:
    """A hook's cotangent as the engine keeps it."""
    return g if g is None or live else resolved(g)


def run_pre_hooks(node: Node, slots: list[Any], live: bool, runs: bool) -> list[Any]:
    """The hooks on the cotangents (always), and the node's own pre-hooks (if it runs)."""
    if type(node) is AccumulateGrad:
        rare = node.variable._extra
        if rare is not None and rare.hooks:
            slots = [_tensor_hooks(rare.hooks, slots[0], live)]
    hooks = node.hooks
    if hooks is None:
        return slots
    for nr, registered in hooks.tensor.items():
        slots[nr] = _tensor_hooks(registered, slots[nr], live)
    for nr, reference in hooks.retains.items():
        _retain(reference(), slots[nr], live)
    if runs:
        for hook in list(hooks.pre.values()):
            found = hook(tuple(shown(g) for g in slots))
            if found is not None:
                slots = [taken(g, live) for g in (found if isinstance(found, tuple) else (found,))]
    return slots


def _tensor_hooks(registered: Any, g: Any, live: bool) -> Any:
    for hook in list(registered.values()):
        if g is None:
            return None
        found = hook(shown(g))
        if found is not None:
            g = taken(found, live)
    return g


def _retain(t: Tensor | None, g: Any, live: bool) -> None:
    """Stores or adds the gradient of a non-leaf that asked for it."""
    if t is None or g is None:
        return
    if t._grad is None:
        t._grad = shown(g).clone() if live else plain(g.copy())  # type: ignore[union-attr]
    else:
        t._grad = t._grad + shown(g)


def run_post_hooks(node: Node, slots: list[Any], results: tuple[Any, ...], live: bool) -> tuple[Any, ...]:
    """The node's post-hooks; each may replace the input cotangents."""
    assert node.hooks is not None
    outputs = tuple(shown(g) for g in slots)
    for hook in list(node.hooks.post.values()):
        found = hook(tuple(shown(g) for g in results), outputs)
        if found is not None:
            results = tuple(taken(g, live) for g in (found if isinstance(found, tuple) else (found,)))
    return results
