"""The workloads: each a function of an engine's module that returns a step to time.

`numpy_chain` is the floor: what the arithmetic costs when the derivative is written out by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Step = Callable[[], Any]
CHAIN = 20  # times sin, mul, exp: 60 operators
SCALE = 0.9


def chain(torch: Any, size: int) -> Step:
    """60 pointwise operators, forward and backward, on one leaf of `size` elements."""
    x = torch.full((size,), 0.5, requires_grad=True)
    seed = torch.ones(size)
    sin, exp = torch.sin, torch.exp

    def step() -> None:
        y = x
        for _ in range(CHAIN):
            y = exp(sin(y) * SCALE)
        y.backward(seed)
        x.grad = None

    return step


def numpy_chain(size: int) -> Step:
    """The same chain and its gradient by hand, with one pass a derivative."""
    x = np.full(size, 0.5, np.float32)
    seed = np.ones(size, np.float32)

    def step() -> np.ndarray:
        saved = []
        y = x
        for _ in range(CHAIN):
            before = y
            y = np.exp(np.sin(y) * SCALE)
            saved.append((before, y))
        g = seed
        for before, after in reversed(saved):
            g = ((g * after) * SCALE) * np.cos(before)
        return g

    return step


def hooked(torch: Any, depth: int = 60) -> Step:
    """A chain in which every tensor has a hook that replaces its gradient, and every third node a pre- and post-hook."""
    x = torch.full((100,), 0.5, requires_grad=True)
    seed = torch.ones(100)

    def step() -> None:
        y = x
        for k in range(depth):
            y = torch.sin(y)
            y.register_hook(lambda g: g * 0.5)
            if k % 3 == 0:
                y.grad_fn.register_prehook(lambda grads: None)
                y.grad_fn.register_hook(lambda results, grads: None)
        y.backward(seed)
        x.grad = None

    return step


def functions(torch: Any, depth: int = 60) -> Step:
    """A chain of custom Functions that save an input and an output."""

    class Product(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, t: Any, factor: float) -> Any:
            out = t * factor
            ctx.save_for_backward(t, out)
            return out

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            t, _ = ctx.saved_tensors
            return g * t, None

    x = torch.full((100,), 0.5, requires_grad=True)
    seed = torch.ones(100)

    def step() -> None:
        y = x
        for _ in range(depth):
            y = Product.apply(y, 0.9)
        y.backward(seed)
        x.grad = None

    return step


def packed(torch: Any, depth: int = 60) -> Step:
    """A chain whose saved tensors all pass through a pair of hooks."""
    x = torch.full((100,), 0.5, requires_grad=True)
    seed = torch.ones(100)

    def step() -> None:
        y = x
        with torch.autograd.graph.saved_tensors_hooks(lambda t: t.detach(), lambda kept: kept):
            for _ in range(depth // 2):
                y = torch.exp(torch.sin(y) * y)
        y.backward(seed)
        x.grad = None

    return step
