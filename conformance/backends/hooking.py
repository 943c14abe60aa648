"""Hooks by name: on a tensor, a leaf, a node, several gradients at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..programs import program as p
from ..programs.trace import HookCall, Outcome

if TYPE_CHECKING:
    from .run import Run

STEP_SIZE = 0.25


def register(run: Run, step: p.Hook) -> Any:
    """Registers the hook of a Hook step; returns its handle."""
    value = run.resolve(step.value)
    if step.kind == "tensor":
        # PyTorch 2.13 crashes in register_hook on a view whose base was written since, unless its history is
        # brought up to date first; register_hook does that itself otherwise, so nothing else changes.
        _ = value.grad_fn
        return value.register_hook(_on_grad(run, step, value))
    if step.kind == "post_accumulate":
        return value.register_post_accumulate_grad_hook(_on_leaf(run, step, value))
    # A leaf's node is the one that accumulates into it.
    is_sink = value.is_leaf and value.requires_grad
    node = run.ns.autograd.graph.get_gradient_edge(value).node if is_sink else value.grad_fn
    hook = _on_node(run, step, value)
    return node.register_prehook(hook) if step.kind == "node_pre" else node.register_hook(hook)


def register_multi(run: Run, step: p.MultiHook) -> Any:
    """Registers the hook of a MultiHook step; returns its handle."""

    def on_grads(given: Any) -> None:
        grads = given if isinstance(given, (tuple, list)) else (given,)
        run.trace.hooks.append(HookCall(step.tag, tuple(run.engine.see(g) for g in grads)))

    values = run.resolve(step.values)
    for value in values:
        # As in ``register``: a hook on a view that isn't up to date crashes PyTorch.
        _ = value.grad_fn
    return run.ns.autograd.graph.register_multi_grad_hook(values, on_grads, mode=step.mode)


def _on_grad(run: Run, step: p.Hook, value: Any) -> Callable[[Any], Any]:
    see, act = _logged(run, step, value if step.action == "look" else None), ACTIONS[step.action]

    def on_grad(grad: Any) -> Any:
        run.trace.hooks.append(HookCall(step.tag, see(grad)))
        return act(grad, step.tag)

    return on_grad


def _on_leaf(run: Run, step: p.Hook, value: Any) -> Callable[[Any], Any]:
    # A hook that holds its leaf would keep it alive.
    leaf, see = value if step.action == "look" else None, _logged(run, step, None)

    def on_param(param: Any) -> Any:
        seen = (param is leaf,) if leaf is not None else ()
        run.trace.hooks.append(HookCall(step.tag, (*see(param.grad), *seen)))
        if step.action == "scale_grad":
            param.grad = param.grad * 2
        elif step.action == "step":
            with run.ns.no_grad():
                param.sub_(param.grad, alpha=STEP_SIZE)
            param.grad = None
        elif step.action in ("raise", "number", "bare"):
            return ACTIONS[step.action](param, step.tag)
        return None

    return on_param


def _on_node(run: Run, step: p.Hook, value: Any) -> Callable[..., Any]:
    # A hook that holds a result of its node would keep the graph alive.
    see, act = _logged(run, step, value if step.action == "look" else None), ACTIONS[step.action]

    def on_node(*grads: Any) -> Any:
        run.trace.hooks.append(HookCall(step.tag, tuple(part for given in grads for part in see(given))))
        if act is _record:
            return None
        results = tuple(None if g is None else act(g, step.tag) for g in grads[0])
        if step.action == "bare":
            return next(g for g in results if g is not None)
        return results[:-1] if step.action == "short" else results

    return on_node


def _logged(run: Run, step: p.Hook, value: Any) -> Callable[[Any], tuple[Outcome, ...]]:
    """What a hook logs of a gradient besides its tag."""
    more: dict[str, Callable[[], tuple[Outcome, ...]]] = {
        "mode": lambda: (run.ns.is_grad_enabled(),),
        "thread": lambda: (threading.get_ident() == run.thread,),
        "look": lambda: () if value is None else (run.engine.see(value.grad),),
    }
    extra = more.get(step.action, tuple)
    return lambda grad: (run.engine.see(grad), *extra())


def _record(grad: Any, tag: str) -> None:
    return None


def _raise(grad: Any, tag: str) -> None:
    raise RuntimeError(f"raised in hook {tag}")


def _retyped(grad: Any, tag: str) -> Any:
    return grad.float() if str(grad.dtype).endswith("float64") else grad.double()


ACTIONS: dict[str, Callable[[Any, str], Any]] = {
    "record": _record,
    "none": _record,
    "mode": _record,
    "thread": _record,
    "look": _record,
    "step": _record,
    "double": lambda g, tag: g * 2,
    "negate": lambda g, tag: -g,
    "zero": lambda g, tag: g * 0,
    "clone": lambda g, tag: g.clone(),
    "scale_grad": lambda g, tag: g * 2,
    "square": lambda g, tag: g * g,
    "resize": lambda g, tag: g.unsqueeze(0),
    "retype": _retyped,
    "number": lambda g, tag: 1,
    "bare": lambda g, tag: g,
    "short": lambda g, tag: g,
    "raise": _raise,
}
