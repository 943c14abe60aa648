"""Hooks on every value that is saved for backward in this thread.
Source: torch.autograd.graph.saved_tensors_hooks, notes/autograd "Hooks for saved tensors"."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .._modes import state
from .._tensor import Tensor


class saved_tensors_hooks:
    """Inside, pack_hook(tensor) is called for each value that is saved and unpack_hook(packed) each time it is read;
    of nested pairs only the innermost acts. Source: torch.autograd.graph.saved_tensors_hooks.
    Trap: pack_hook sees the tensor with its history: a packed tensor that is the node's own output is a cycle."""

    def __init__(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]) -> None:
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self) -> None:
        if state.saved_hooks_disabled is not None:
            raise RuntimeError(state.saved_hooks_disabled)
        state.saved_hooks = (*state.saved_hooks, (self.pack_hook, self.unpack_hook))
        state.settle()

    def __exit__(self, *args: object) -> None:
        state.saved_hooks = state.saved_hooks[:-1]
        state.settle()


class save_on_cpu(saved_tensors_hooks):
    """Keeps saved values on the CPU, which is where they are: a copy is packed.
    Source: torch.autograd.graph.save_on_cpu."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(lambda t: t.detach().clone() if pin_memory else t.detach(), lambda packed: packed)


@contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """Inside, entering saved_tensors_hooks raises RuntimeError(error_message).
    Source: torch.autograd.graph.disable_saved_tensors_hooks."""
    before = state.saved_hooks_disabled
    if before is None and state.saved_hooks:
        raise RuntimeError(error_message)
    state.saved_hooks_disabled = error_message
    try:
        yield
    finally:
        state.saved_hooks_disabled = before
