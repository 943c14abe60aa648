"""The same work for every engine: pure functions of arrays in a vocabulary that all engines have.

A task is a function of the vocabulary and the arrays that gives a number; what is timed is its value and its gradients.
`by_hand` is the floor of a task, where one is written: its gradient in plain NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Function = Callable[..., Any]
CHAIN, SCALE = 20, 0.9


@dataclass(frozen=True, slots=True)
class Task:
    """``arrays(size)`` makes the arguments, float32; ``orders`` is 2 where the gradient is differentiated again."""

    name: str
    function: Function
    arrays: Callable[[int], list[np.ndarray]]
    sizes: Sequence[int]
    order: int = 1
    by_hand: Callable[..., Any] | None = None


def _spread(*shape: int) -> np.ndarray:
    return np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)


def chain(v: Any, x: Any) -> Any:
    """60 pointwise operators."""
    y = x
    for _ in range(CHAIN):
        y = v.exp(v.sin(y) * SCALE)
    return v.sum(y)


def chain_by_hand(x: np.ndarray) -> tuple[Any, list[np.ndarray]]:
    saved, y = [], x
    for _ in range(CHAIN):
        before, y = y, np.exp(np.sin(y) * np.float32(SCALE))
        saved.append((before, y))
    g = np.ones_like(y)
    for before, after in reversed(saved):
        g = g * after * np.float32(SCALE) * np.cos(before)
    return y.sum(), [g]


def perceptron(v: Any, x: Any, w1: Any, b1: Any, w2: Any) -> Any:
    """The loss of a two-layer perceptron."""
    return v.sum((v.tanh(x @ w1 + b1) @ w2) ** 2)


def perceptron_by_hand(x: np.ndarray, w1: np.ndarray, b1: np.ndarray, w2: np.ndarray) -> tuple[Any, list[np.ndarray]]:
    hidden = np.tanh(x @ w1 + b1)
    out = hidden @ w2
    g = 2 * out
    inner = (g @ w2.T) * (1 - hidden * hidden)
    return (out * out).sum(), [inner @ w1.T, x.T @ inner, inner.sum(0), hidden.T @ g]


def attention(v: Any, q: Any, k: Any, value: Any) -> Any:
    """Scaled dot-product attention; the rows' sums by a product with ones, which every engine has."""
    grown = v.exp(q @ v.transpose(k) * (1.0 / q.shape[-1] ** 0.5))
    return v.sum((grown / (grown @ v.array(np.ones((k.shape[0], 1), np.float32)))) @ value)


def wide(v: Any, x: Any) -> Any:
    """One array used 200 times."""
    total = v.sin(x)
    for k in range(200):
        total = total + x * (0.01 * k)
    return v.sum(total)


def deep(v: Any, x: Any) -> Any:
    """500 operators one after the other, on one element: what a node costs."""
    y = x
    for _ in range(500):
        y = v.sin(y)
    return v.sum(y)


def small(v: Any, a: Any) -> Any:
    """A hundred products of small matrices."""
    y = a
    for _ in range(100):
        y = y @ a * 0.5
    return v.sum(y)


def polynomial(v: Any, x: Any) -> Any:
    """What the second derivative is taken of."""
    y = x
    for _ in range(5):
        y = v.sin(y) * y
    return v.sum(y)


TASKS = (
    Task("chain", chain, lambda n: [_spread(n)], (1, 100, 10_000, 1_000_000), by_hand=chain_by_hand),
    Task(
        "perceptron step",
        perceptron,
        lambda n: [_spread(n, 32), _spread(32, 128), _spread(128), _spread(128, 1)],
        (16, 64, 256),
        by_hand=perceptron_by_hand,
    ),
    Task("attention", attention, lambda n: [_spread(n, 64), _spread(n, 64), _spread(n, 64)], (32, 128, 512)),
    Task("wide graph", wide, lambda n: [_spread(n)], (100,)),
    Task("deep graph", deep, lambda n: [_spread(n)], (1,)),
    Task("small matrices", small, lambda n: [_spread(n, n)], (4,)),
    Task("double backward", polynomial, lambda n: [_spread(n)], (100,), order=2),
)
