"""Full backward hooks of a module: its inputs and outputs pass through identity nodes, where gradients are seen."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from .._graph import Node, gradient_edge
from .._modes import state
from .._tensor import Tensor, new
from .._views import CUSTOM_FUNCTION, as_view

NO_INPUT_GRADS = (
    "Full backward hook is firing when gradients are computed with respect to module outputs since no inputs require "
    "gradients. See https://docs.pytorch.org/docs/main/generated/torch.nn.Module.html"
    "#torch.nn.Module.register_full_backward_hook "
    "for more details."
)


class BackwardHookFunctionBackward(Node):
    """Hands its cotangents on as they are."""

    __slots__ = ()

    def apply(self, cotangents: list[Any], live: bool) -> tuple[Any, ...]:
        return tuple(cotangents)


def pass_through(tensors: Sequence[Tensor]) -> tuple[list[Tensor], Node]:
    """The tensors as outputs of one identity node."""
    node = new(BackwardHookFunctionBackward)
    node.sequence = state.sequence
    state.sequence += 1
    node.hooks = node._metadata = None
    node.saved = ()
    node.edges = tuple(gradient_edge(t) for t in tensors)
    node.shape, node.dtype = tensors[0]._array.shape, tensors[0]._array.dtype
    node.metas = tuple((t._array.shape, t._array.dtype) for t in tensors)
    made = []
    for nr, t in enumerate(tensors):
        out = as_view(t, t._array, (Tensor.view_as, (t,), 0))
        if out._view is not None:
            out._view.creation = CUSTOM_FUNCTION
        out._edge, out._needs = (node, nr), True
        made.append(out)
    return made, node


class BackwardHook:
    """The full backward hooks of one call of a module."""

    def __init__(self, module: Any, hooks: list[Callable[..., Any]], pre_hooks: list[Callable[..., Any]]) -> None:
        self.module, self.hooks, self.pre_hooks = module, hooks, pre_hooks
        self.grad_outputs: Any = None
        self.input_places: list[int] | None = None
        self.input_count = self.output_count = 0
        self.output_places: list[int] = []

    def on_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The positional arguments, those that need a gradient through an identity node that runs the hooks."""
        self.input_count = len(args)
        args, places, node = _through(args)
        if node is not None:
            self.input_places = places
            node.register_hook(self._run)
        return args

    def on_outputs(self, result: Any) -> Any:
        """The outputs, through an identity node that notes their gradients."""
        given = result if isinstance(result, tuple) else (result,)
        self.output_count = len(given)
        made, self.output_places, node = _through(given)
        if node is not None:
            node.register_prehook(self._note)
        return made if isinstance(result, tuple) else made[0]

    def _note(self, grads: Sequence[Any]) -> Any:
        self.grad_outputs = _spread(grads, self.output_places, self.output_count)
        for hook in self.pre_hooks:
            found = hook(self.module, self.grad_outputs)
            if found is None:
                continue
            found = found if isinstance(found, tuple) else (found,)
            if len(found) != len(self.grad_outputs):
                raise RuntimeError(
                    f"Backward pre hook returned an invalid number of grad_output, got {len(found)}, but expected "
                    f"{len(self.grad_outputs)}"
                )
            self.grad_outputs = found
        kept = tuple(self.grad_outputs[k] for k in self.output_places)
        if self.input_places is None:
            self._fire_without_inputs()
        return kept if self.pre_hooks else None

    def _fire_without_inputs(self) -> None:
        if self.hooks:
            warnings.warn(NO_INPUT_GRADS, UserWarning, stacklevel=2)
        nothing = (None,) * self.input_count
        for hook in self.hooks:
            found = hook(self.module, nothing, self.grad_outputs)
            if found is not None and any(g is not None for g in (found if isinstance(found, tuple) else (found,))):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always return None or None "
                    "for all "
                    "gradients."
                )

    def _run(self, grad_inputs: Sequence[Any], _: Sequence[Any]) -> Any:
        assert self.input_places is not None
        grads = _spread(grad_inputs, self.input_places, self.input_count)
        for hook in self.hooks:
            found = hook(self.module, grads, self.grad_outputs)
            if found is None:
                continue
            found = found if isinstance(found, tuple) else (found,)
            if len(found) != len(grads):
                raise RuntimeError(
                    f"Backward hook returned an invalid number of grad_input, got {len(found)}, but expected "
                    f"{len(grads)}"
                )
            grads = found
        return tuple(grads[k] for k in self.input_places)


def _through(given: tuple[Any, ...]) -> tuple[tuple[Any, ...], list[int], Node | None]:
    """The arguments, their differentiable tensors passed through one identity node; their places; the node."""
    places = [k for k, t in enumerate(given) if isinstance(t, Tensor)]
    if not state.grad or not any(given[k].requires_grad for k in places):
        return given, places, None
    made, node = pass_through([given[k] for k in places])
    changed = list(given)
    for k, t in zip(places, made):
        changed[k] = t if given[k]._array.dtype.kind not in "iub" else given[k]
    return tuple(changed), places, node


def _spread(grads: Sequence[Any], places: list[int], count: int) -> tuple[Any, ...]:
    spread: list[Any] = [None] * count
    for k, g in zip(places, grads):
        spread[k] = g
    return tuple(spread)
