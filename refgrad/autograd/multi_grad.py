"""A hook on the gradients of several tensors. Source: torch.autograd.graph.register_multi_grad_hook."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial

from .._graph import Node, RemovableHandle, gradient_edge
from .._modes import state
from .._tensor import Tensor


class SeveralHandles(RemovableHandle):
    """Removes the hooks on all the tensors."""

    def __init__(self, handles: Sequence[RemovableHandle]) -> None:
        self.handles = tuple(handles)

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()


def edge_of(t: Tensor) -> tuple[Node, int]:
    """Where the tensor's cotangent goes. PyTorch asks a view of a leaf, which has no node in inference mode.
    Raises AssertionError where it goes nowhere."""
    if (state.inference or t._cell is None) and t.requires_grad and t.is_leaf:
        raise AttributeError("'NoneType' object has no attribute 'next_functions'")
    edge = gradient_edge(t)
    assert edge is not None, "Expected gradient function to be set"
    return edge


class GatheredGradients:
    """Collects, in each backward apart, the gradients of the tensors until the last that it computes is there."""

    def __init__(self, tensors: Sequence[Tensor], fn: Callable[[list[Tensor | None]], None]) -> None:
        self.nodes = [edge_of(t)[0] for t in tensors]
        self.fn = fn
        self.lock = threading.Lock()
        self.found: dict[int, list[Tensor | None]] = {}
        self.left: dict[int, int] = {}

    def hook(self, position: int) -> Callable[[Tensor], None]:
        """The hook of the tensor at a position."""

        def gather(g: Tensor) -> None:
            task = state.executing[-1]
            with self.lock:
                if task.number not in self.left:
                    for node in self.nodes:
                        task.check_countable(node)
                    self.left[task.number] = sum(map(task.counts, self.nodes))
                    self.found[task.number] = [None] * len(self.nodes)
                self.found[task.number][position] = g
                self.left[task.number] -= 1
                is_last = not self.left[task.number]
            if is_last:
                del self.left[task.number]
                self.fn(self.found.pop(task.number))

        return gather


class FirstGradient:
    """Calls fn with the first gradient that a backward computes among the tensors'."""

    def __init__(self, fn: Callable[[Tensor], None]) -> None:
        self.fn, self.lock = fn, threading.Lock()
        self.seen: set[int] = set()

    def hook(self, g: Tensor) -> None:
        task = state.executing[-1]
        with self.lock:
            is_first = task.number not in self.seen
            self.seen.add(task.number)
        if is_first:
            # A backward may run others within, each with a first gradient of its own.
            self.fn(g)
            task.callbacks.append(partial(self.seen.discard, task.number))


def register_multi_grad_hook(
    tensors: Sequence[Tensor], fn: Callable[..., None], *, mode: str = "all"
) -> RemovableHandle:
    """Calls fn once in each backward: with the list of all gradients when the last one is there (None for a tensor
    that the backward does not reach), or, in mode "any", with the first. Raises ValueError for another mode."""
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    if mode == "all":
        gathered = GatheredGradients(tensors, fn)
        return SeveralHandles([t.register_hook(gathered.hook(k)) for k, t in enumerate(tensors)])
    first = FirstGradient(fn)
    return SeveralHandles([t.register_hook(first.hook) for t in tensors if t.requires_grad])
