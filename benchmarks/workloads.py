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


def perceptron(torch: Any, batch: int = 64, width: int = 128) -> Step:
    """A training step of a two-layer perceptron: loss, backward, update by hand under no_grad."""
    x = torch.linspace(-1, 1, batch * 32).reshape(batch, 32)
    target = torch.linspace(0, 1, batch).reshape(batch, 1)
    sizes = ((32, width), (width,), (width, 1), (1,))
    parameters = [(torch.ones(*s) * (0.01 * (k + 1))).requires_grad_() for k, s in enumerate(sizes)]

    def step() -> None:
        w1, b1, w2, b2 = parameters
        hidden = torch.tanh(x @ w1 + b1)
        loss = ((hidden @ w2 + b2 - target) ** 2).mean()
        loss.backward()
        with torch.no_grad():
            for p in parameters:
                p -= 1e-3 * p.grad
                p.grad = None

    return step


def wide(torch: Any, branches: int = 200) -> Step:
    """One leaf used by many branches whose sum is differentiated: fan-out and accumulation."""
    x = torch.full((100,), 0.5, requires_grad=True)

    def step() -> None:
        total = torch.sin(x)
        for k in range(branches):
            total = total + x * float(k)
        total.sum().backward()
        x.grad = None

    return step


def deep(torch: Any, depth: int = 10_000) -> Step:
    """A chain of many nodes on one element: what a node costs."""
    x = torch.full((1,), 0.5, requires_grad=True)
    sin = torch.sin

    def step() -> None:
        y = x
        for _ in range(depth):
            y = sin(y)
        y.backward()
        x.grad = None

    return step


def double_backward(torch: Any, size: int = 100) -> Step:
    """The gradient of a gradient through 10 operators."""
    x = torch.full((size,), 0.5, requires_grad=True)

    def step() -> None:
        y = x
        for _ in range(5):
            y = torch.sin(y) * y
        (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        torch.autograd.grad((g * g).sum(), x)

    return step


def small_operators(torch: Any) -> Step:
    """Two hundred operators on small matrices without gradients: the cost of a call."""
    a = torch.ones(4, 4)

    def step() -> None:
        y = a
        for _ in range(100):
            y = (y + a) * 0.5

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
